"""The worker that looks into one untrusted PDF: whether it runs, starts or carries something.

Every object is looked at, also those that the file keeps compressed (object streams), by qpdf's
parser, under limits of the process. What is found is one word on standard output: a `PdfFinding`.
Arguments: memory bytes, CPU seconds, objects at most. What no branch expects ends it without a
word, and the parent calls the file unreadable.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Final

import pikepdf

from registry.confined import limit_itself
from registry.documents.pdf_finding import PdfFinding

_RUNS: Final = frozenset({"/JavaScript", "/JS", "/XFA"})
"""Keys that hold a script: ISO 32000-2 §12.6.4.17, name tree and forms."""

_ACTIONS: Final = {
    "/JavaScript": PdfFinding.RUNS,
    "/Rendition": PdfFinding.RUNS,
    "/Launch": PdfFinding.STARTS,
    "/ImportData": PdfFinding.STARTS,
    "/SubmitForm": PdfFinding.STARTS,
    "/GoToE": PdfFinding.CARRIES,
}
"""Kinds of actions (§12.6.4) that run, start another program, send, or open a file inside."""

_CARRIES: Final = frozenset({"/EmbeddedFiles", "/EF", "/RichMediaContent", "/RichMediaSettings"})
_SUBTYPES: Final = frozenset({"/FileAttachment", "/RichMedia", "/Screen", "/Movie", "/3D"})
"""Annotations (§12.5.6) that carry a file or play one."""


def main(arguments: Sequence[str]) -> int:
    """Look at standard input under the limits given; 0 also for a file that is refused."""
    memory_bytes, cpu_seconds, most = map(int, arguments)
    limit_itself(memory_bytes, cpu_seconds)
    try:
        found = look(most)
    except pikepdf.PasswordError:
        found = PdfFinding.LOCKED
    except (pikepdf.PdfError, ValueError):
        found = PdfFinding.UNREADABLE
    except (MemoryError, RecursionError):
        found = PdfFinding.TOO_MUCH
    sys.stdout.write(found.value)
    sys.stdout.flush()
    return 0


def look(most: int) -> PdfFinding:
    """Look at all objects of the file at standard input, at most ``most``, parts included."""
    seen = 0
    with pikepdf.open(sys.stdin.buffer, access_mode=pikepdf.AccessMode.stream) as pdf:
        for whole in pdf.objects:
            for part in _parts(whole):
                seen += 1
                if seen > most:
                    return PdfFinding.TOO_MUCH
                found = _look_at(part)
                if found is not PdfFinding.NOTHING:
                    return found
    return PdfFinding.NOTHING


def _parts(whole: pikepdf.Object) -> Iterator[pikepdf.Object]:
    # What an object only points to is an object of the file, and comes by itself.
    waiting = [whole]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (pikepdf.Dictionary, pikepdf.Stream)):
            yield part
            inner = [part.get(key) for key in part.keys()]  # noqa: SIM118 - no plain mapping
        elif isinstance(part, pikepdf.Array):
            inner = list(part)
        else:
            continue
        waiting += [one for one in inner if isinstance(one, pikepdf.Object) and not one.is_indirect]


def _look_at(part: pikepdf.Object) -> PdfFinding:
    keys = set(part.keys())
    if keys & _RUNS:
        return PdfFinding.RUNS
    if keys & _CARRIES:
        return PdfFinding.CARRIES
    if "/S" in keys and _name(part, "/S") in _ACTIONS:
        return _ACTIONS[_name(part, "/S")]
    if "/Subtype" in keys and _name(part, "/Subtype") in _SUBTYPES:
        return PdfFinding.CARRIES
    if "/Type" in keys and _name(part, "/Type") == "/EmbeddedFile":
        return PdfFinding.CARRIES
    return PdfFinding.NOTHING


def _name(part: pikepdf.Object, key: str) -> str:
    # The name may be written as an object of its own, which `get` follows.
    value = part.get(key)
    return str(value) if isinstance(value, pikepdf.Name) else ""
