"""What can stop a certificate from being drawn or released; no message names a person."""

from __future__ import annotations

from typing import ClassVar

from registry.errors import RegistryError


class DocumentError(RegistryError):
    """Base of everything `registry.documents` raises."""

    code: ClassVar[str] = "document"


class FontsMissing(DocumentError):
    """No font that can draw the certificate's fixed texts was found."""

    code = "fonts-missing"


class GlyphMissing(DocumentError):
    """A character of a field is in none of the fonts."""

    code = "glyph-missing"


class TextTooLong(DocumentError):
    """A field's text does not fit its place, even in small type on several lines."""

    code = "text-too-long"


class DrawingFailed(DocumentError):
    """The template or the photo is broken."""

    code = "drawing-failed"


class GateRefused(DocumentError):
    """The finished PDF did not pass the print gate; it was not released."""

    code = "gate-refused"
