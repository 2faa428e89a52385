"""What a PDF carries inside: its attachments (PDF/A-3 embedded files), read within limits.

The bytes come from anyone. Size, number and unfolded size are bounded here; a parser's crash or
hang is for the worker around it to contain. Nothing read here is trusted before its own check.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

import pikepdf
from pikepdf.settings import set_qpdf_limits

from signing.annotation import ANNOTATION_NAME
from signing.errors import MalformedPdf

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PDF_BYTES: Final = 16 * 1024 * 1024
"""Largest PDF looked at; ours take about 0.1 MiB."""

MAX_ATTACHMENTS: Final = 8
MAX_ATTACHMENT_BYTES: Final = 256 * 1024

RECORD_NAME: Final = "record.json"
"""Attachment with the signed record (DSSE envelope)."""

PROOF_NAME: Final = "certificate.tlog-proof"
"""Attachment with the log's proof (c2sp.org/tlog-proof)."""

_MAX_TREE_DEPTH: Final = 4
_MAX_UNFOLDED: Final = 32 * 1024 * 1024

# qpdf's complaints about a stranger's file belong in no log of ours.
logging.getLogger("pikepdf").setLevel(logging.CRITICAL)

# Process-wide in qpdf, so set once, before any thread opens a file. The filters' limits stop a
# stream of a few kilobytes that unfolds to gigabytes.
set_qpdf_limits(
    doc_max_warnings=64,
    parser_max_nesting=64,
    parser_max_errors=8,
    parser_max_container_size=100_000,
    parser_max_container_size_damaged=1_000,
    max_stream_filters=3,
    flate_max_memory=_MAX_UNFOLDED,
    png_max_memory=_MAX_UNFOLDED,
    tiff_max_memory=_MAX_UNFOLDED,
    run_length_max_memory=_MAX_UNFOLDED,
    dct_max_memory=_MAX_UNFOLDED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfEvidence:
    """The files attached to a PDF, by name; unchecked bytes, at most 8 of at most 256 KiB."""

    attachments: Mapping[str, bytes]

    @property
    def record_json(self) -> bytes | None:
        """The signed record's DSSE envelope, if attached."""
        return self.attachments.get(RECORD_NAME)

    @property
    def tlog_proof(self) -> bytes | None:
        """The log's proof, if attached."""
        return self.attachments.get(PROOF_NAME)

    @property
    def annotation(self) -> bytes | None:
        """What an annotated copy was made for, if this is one."""
        return self.attachments.get(ANNOTATION_NAME)


def check_size(data: bytes) -> None:
    """Raise MalformedPdf for what is no PDF at first sight, or over 16 MiB."""
    if len(data) > MAX_PDF_BYTES:
        raise MalformedPdf("the PDF is larger than 16 MiB: it is no certificate of this registry")
    if not data.startswith(b"%PDF-"):
        raise MalformedPdf("the file is not a PDF")


def read_pdf(data: bytes) -> PdfEvidence:
    """Read the attachments of a PDF of at most 16 MiB.

    Raises MalformedPdf when the file is too large, encrypted or damaged, or has too many or too
    large attachments, or two of one name. Says nothing of the seal: see `check_seal`.
    """
    check_size(data)
    try:
        with pikepdf.open(BytesIO(data)) as pdf:
            encrypted = pdf.is_encrypted
            files = () if encrypted else tuple(_files(pdf))
    except MalformedPdf:
        raise
    except Exception:  # noqa: BLE001 -- a hostile file makes a parser raise anything
        raise MalformedPdf("the PDF is damaged: ask the holder for the original file") from None
    if encrypted:
        raise MalformedPdf("the PDF is encrypted: ask the holder for the original file")
    return PdfEvidence(attachments=dict(files))


def _files(pdf: pikepdf.Pdf) -> Iterator[tuple[str, bytes]]:
    tree = pdf.Root.get("/Names", pikepdf.Dictionary()).get("/EmbeddedFiles")
    names = [] if tree is None else list(_names(tree, 0))
    if len(names) > MAX_ATTACHMENTS:
        raise MalformedPdf(f"the PDF has more than {MAX_ATTACHMENTS} attachments")
    if len(set(names)) != len(names):
        # Two programs could read two different records out of one file.
        raise MalformedPdf("the PDF has two attachments of one name")
    for name in names:
        content = pdf.attachments[name].get_file().read_bytes()
        if len(content) > MAX_ATTACHMENT_BYTES:
            raise MalformedPdf("an attachment of the PDF is larger than 256 KiB")
        yield name, content


def _names(node: pikepdf.Object, depth: int) -> Iterator[str]:
    """Walk a name tree (ISO 32000-2 §7.9.6) as it stands; the library hides doubles."""
    if depth > _MAX_TREE_DEPTH:
        raise MalformedPdf("the PDF's list of attachments is damaged")
    pairs = node.get("/Names", pikepdf.Array())
    for index in range(0, len(pairs), 2):
        yield str(pairs[index])
    for kid in node.get("/Kids", pikepdf.Array()):
        yield from _names(kid, depth + 1)
