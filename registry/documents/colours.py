"""The page's colours as colours of the file's own output intent (ISO 19005-3 §6.2.4.3).

The drawing library names the sRGB profile once as the output intent and again for the colours on
the page. A PDF/A file may say DeviceRGB and DeviceGray instead, which mean that same output intent
by the standard, and every program that shows the page is spared working the profile out anew: a
third of the time PDFium needs to load a certificate. The shades are the same.
"""

from __future__ import annotations

import re
from typing import Final

_INTENT: Final = re.compile(rb"/DestOutputProfile (\d+) 0 R/S/GTS_PDFA1")
_BY_PROFILE: Final = re.compile(rb" 0 obj\n(\[/ICCBased (\d+) 0 R\])\nendobj\n")
_COMPONENTS: Final = {b"3": b"/DeviceRGB", b"1": b"/DeviceGray"}


def device_colours(pdf: bytes) -> bytes:
    """Name the colours of a drawn page after its output intent; as long as before, byte for byte.

    Of colours by profile it changes the RGB ones that use the output intent's own profile, and
    the grey ones beside them. A file without an RGB output intent is given back as it is.
    """
    found = _INTENT.search(pdf)
    if found is None or _components(pdf, found[1]) != b"3":
        return pdf
    own = found[1]

    def renamed(match: re.Match[bytes]) -> bytes:
        count = _components(pdf, match[2])
        if count == b"1" or (count == b"3" and match[2] == own):
            # The same length: the table of places at the file's end stays true.
            return match[0].replace(match[1], _COMPONENTS[count].ljust(len(match[1])))
        return match[0]

    return _BY_PROFILE.sub(renamed, pdf)


def _components(pdf: bytes, profile: bytes) -> bytes:
    """Tell how many components the colours of a profile have: "3", "1", or nothing known."""
    stated = re.search(rb"\n%b 0 obj\n<</Length \d+/N ([0-9])/" % profile, pdf)
    return b"" if stated is None else stated[1]
