"""Signed notes (C2SP signed-note): text, an empty line, and signature lines.

A line is `— <name> <base64(key id 4 ‖ signature)>`. Signatures of keys nobody told us about
are ignored; a known key's bad signature condemns the whole note, for then somebody has
changed either the text or the line. A known key's signature of a kind that this machine cannot
verify is neither: it counts for nothing, and whoever asks is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keys.model import Algorithm, can_verify, verify_signature
from keys.vkey import SignatureType, VerifierKey, is_key_name
from signing.errors import MalformedNote, UntrustedNote
from signing.tlog.cosignature import cosigned_message, split_timestamp
from signing.tlog.lines import read_base64, write_base64

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keys.signer import Signer

MAX_NOTE: Final = 1 << 20
"""Longest note read, in bytes."""

MAX_SIGNATURES: Final = 100
"""Most signature lines read; the specification asks for at least 16."""

KEY_ID_BYTES: Final = 4

SIGNATURE_BYTES: Final = {Algorithm.ED25519: 64, Algorithm.ML_DSA_44: 2420}
"""Length of a bare signature (RFC 8032, FIPS 204)."""

_DASH: Final = "— "
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line: the key's name, its 4-byte id, and the signature as the type has it."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note: `text` ends in a newline; `signatures` in the order of their lines, one or more."""

    text: str
    signatures: tuple[NoteSignature, ...]


def format_note(note: Note) -> bytes:
    """Write the note. Raises MalformedNote if what is written would not be read back the same."""
    lines = "".join(
        f"{_DASH}{line.name} {write_base64(line.key_id + line.signature)}\n"
        for line in note.signatures
    )
    data = f"{note.text}\n{lines}".encode("utf-8", "surrogatepass")
    if parse_note(data) != note:
        raise MalformedNote("the text or a key name cannot stand in a note")
    return data


def parse_note(data: bytes) -> Note:
    """Read a note of at most MAX_NOTE bytes. Raises MalformedNote. Verifies nothing."""
    if len(data) > MAX_NOTE:
        raise MalformedNote(f"the note is longer than {MAX_NOTE} bytes")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedNote("the note is not UTF-8") from None
    if _CONTROL.search(whole):
        raise MalformedNote("the note holds control characters")
    body, gap, lines = whole.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise MalformedNote("the note has no signature lines after an empty line")
    signatures = lines[:-1].split("\n")
    if len(signatures) > MAX_SIGNATURES:
        raise MalformedNote(f"the note has more than {MAX_SIGNATURES} signatures")
    return Note(text=f"{body}\n", signatures=tuple(map(_parse_line, signatures)))


def _parse_line(line: str) -> NoteSignature:
    name, gap, text = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not gap or not is_key_name(name):
        raise MalformedNote("a signature line is not: dash, key name, base64")
    data = read_base64(text, MalformedNote)
    if len(data) <= KEY_ID_BYTES:
        raise MalformedNote("a signature line holds no signature")
    return NoteSignature(name=name, key_id=data[:KEY_ID_BYTES], signature=data[KEY_ID_BYTES:])


def sign_note(text: str, name: str, signer: Signer) -> NoteSignature:
    """Sign the text as `name` with an Ed25519 key (type 0x01). Raises MalformedVerifierKey."""
    key = VerifierKey(name=name, type=SignatureType.ED25519, public_key=signer.info.public_key)
    return NoteSignature(name=name, key_id=key.key_id, signature=signer.sign(text.encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the known keys' lines came to. None was false, or there would be no answer.

    `good` were verified. `unchecked` have a line of an algorithm this machine cannot verify.
    """

    good: frozenset[VerifierKey]
    unchecked: frozenset[VerifierKey]


def check_note(note: Note, keys: Iterable[VerifierKey]) -> Checked:
    """Verify the lines of the given keys, as far as this machine can; there may be none.

    Raises UntrustedNote when a known key's signature is bad; MalformedCheckpoint when a
    cosignature stands under a text that is no checkpoint.
    """
    known = {(key.name, key.key_id): key for key in keys}
    good: set[VerifierKey] = set()
    unchecked: set[VerifierKey] = set()
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        answer = _is_good(note.text, key, line.signature)
        if answer is False:
            raise UntrustedNote("a signature of a known key is false: the note was changed")
        (unchecked if answer is None else good).add(key)
    return Checked(good=frozenset(good), unchecked=frozenset(unchecked))


def verify_note(note: Note, keys: Iterable[VerifierKey]) -> frozenset[VerifierKey]:
    """Return the keys, out of those given, whose signatures on the note are good.

    Raises UntrustedNote when a known key's signature is bad or none was found good;
    MalformedCheckpoint when a cosignature stands under a text that is no checkpoint.
    """
    good = check_note(note, keys).good
    if not good:
        raise UntrustedNote("no key of the trust policy has signed this note")
    return good


def _is_good(text: str, key: VerifierKey, signature: bytes) -> bool | None:
    """Whether the signature is good; None if this machine cannot tell."""
    algorithm = key.type.algorithm
    if key.type is SignatureType.ED25519:
        message, bare = text.encode(), signature
    else:
        timestamp, bare = split_timestamp(signature)
        if timestamp is None:
            return False
        message = cosigned_message(text, key.type, key.name, timestamp)
    if can_verify(algorithm):
        return verify_signature(algorithm, key.public_key, message, bare)
    # Length and form need no cryptography: a line that could never be good is false anywhere.
    return None if len(bare) == SIGNATURE_BYTES[algorithm] else False
