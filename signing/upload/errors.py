"""What is refused of an upload's bytes: one class per kind of file, each with its stable code."""

from __future__ import annotations

from signing.errors import SigningError


class MalformedUploadRow(SigningError):
    """Not a row of an upload (上报行) in canonical form; the message says which line."""

    code = "malformed-upload-row"


class MalformedManifest(SigningError):
    """Not a signed manifest (清单) of an upload, or its parts disagree."""

    code = "malformed-manifest"


class MalformedPackage(SigningError):
    """Not an upload package (上报包): another container, other files, or beyond its limits."""

    code = "malformed-package"


class MalformedReceipt(SigningError):
    """Not a signed receipt (回执) of a centre, or its parts disagree."""

    code = "malformed-receipt"
