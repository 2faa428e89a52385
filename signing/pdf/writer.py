"""The one way bytes are added to a PDF: an incremental update with nothing of the machine's."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

if TYPE_CHECKING:
    from pyhanko.pdf_utils.reader import PdfFileReader


class SealWriter(IncrementalPdfFileWriter):
    """Adds the seal or a timestamp and nothing else; the same PDF gets the same bytes added."""

    def _update_meta(self) -> None:
        """Leave the metadata as drawn: the library would write the machine's own clock there."""

    @classmethod
    def _handle_id(cls, prev: PdfFileReader) -> Any:
        """Name the update after the bytes before it (ISO 32000-2 §14.4), not by a random number."""
        kind: Any = generic
        before = prev.stream
        before.seek(0)
        library: Any = super()
        ids = library._handle_id(prev)  # noqa: SLF001 -- its own first half, kept as it is
        ids[1] = kind.ByteStringObject(hashlib.sha256(before.read()).digest()[:16])
        return ids
