"""Reading a sealed PDF as pyHanko does, but for the seal's hex digits, which are read in one step.

The library takes them one by one in Python, and that is as long as it takes for all the rest of
the file. Here they give way to a short mark while the library reads the object around them.
"""

from __future__ import annotations

import hashlib
import re
from io import BytesIO
from typing import Any, Final

from pyhanko.pdf_utils import generic, xref
from pyhanko.pdf_utils.reader import PdfFileReader

_DIGITS: Final = re.compile(rb"<((?:[0-9A-F]{2}){256,})>")
"""A long hex string as this registry writes it; what is written otherwise, the library reads."""

_END: Final = b"endobj"


class SealReader(PdfFileReader):
    """Gives the objects that a strict `PdfFileReader` gives, and fails where it fails."""

    def __init__(self, data: bytes) -> None:
        """Open a PDF; raises what pyHanko raises for a damaged one."""
        self._data = data
        super().__init__(BytesIO(data), strict=True)

    def _read_object(self, ref: Any, marker: Any, *how: Any, **more: Any) -> Any:
        # Flags that are set ask for something out of the ordinary: let the library do it.
        if isinstance(marker, int) and not any((*how, *more.values())):
            try:
                found = self._read_around_digits(ref, marker)
            except Exception:  # noqa: BLE001 -- cut at the wrong word, say: the library decides
                found = None
            if found is not None:
                return found
        return super()._read_object(ref, marker, *how, **more)

    def _read_around_digits(self, ref: Any, start: int) -> Any:
        """Read a plain dictionary whose /Contents is one long hex string; None for all else.

        The mark is the SHA-256 of the file it stands for, so no file can bring it along: where it
        comes out as the value of /Contents, the digits stood there and nowhere else.
        """
        pdf: Any = generic
        header: Any = xref.read_object_header
        end = self._data.find(_END, start)
        digits = _DIGITS.search(self._data, start, end)
        # A stream's length is told in bytes, and the mark is shorter than what it stands for.
        if digits is None or self._data.find(b"stream", start, end) >= 0 or self.encrypted:
            return None
        mark = hashlib.sha256(self._data).digest()
        first, last = digits.span(1)
        stream = BytesIO(
            b"".join((self._data[start:first], mark.hex().encode(), self._data[last:end], _END))
        )
        if header(stream, strict=True) != (ref.idnum, ref.generation):
            return None
        found = pdf.read_object(stream, pdf.Reference(ref.idnum, ref.generation, self))
        pdf.read_non_whitespace(stream, seek_back=True)
        if stream.read() != _END or not isinstance(found, generic.DictionaryObject):
            return None
        # Two kinds of string, by what their bytes happen to be; neither is looked up elsewhere.
        if getattr(dict.get(found, "/Contents"), "original_bytes", None) != mark:
            return None
        found[pdf.pdf_name("/Contents")] = pdf.pdf_string(bytes.fromhex(digits[1].decode()))
        return found
