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


class TemplateRefused(DocumentError):
    """A template's file cannot be used as it stands."""

    code = "template-refused"


class PhotoRefused(DocumentError):
    """The photo is no one-inch picture on white that can be printed."""

    code = "photo-refused"


class DrawingFailed(DocumentError):
    """The template is broken, or what is to be drawn does not belong together."""

    code = "drawing-failed"


class GateRefused(DocumentError):
    """The finished PDF did not pass the print gate; it was not released."""

    code = "gate-refused"
