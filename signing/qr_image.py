"""The QR symbol as a picture: write its modules, read it back from a photo or a scan.

ISO/IEC 18004, EC level M. The address is byte-mode text followed by a long run of decimal digits;
the encoder switches to numeric mode at the `#`, which is why a signed payload fits a symbol that
can still be printed at 30 mm with modules a cheap phone resolves (design.md §4, formats.md "QR").
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import zxingcpp
from PIL import Image

from signing.errors import MalformedQr, UnreadablePicture

if TYPE_CHECKING:
    from collections.abc import Sequence

QUIET_MODULES: Final = 4
"""Width of the white border a symbol needs on each side, in modules (ISO/IEC 18004 §9.1)."""

MIN_VERSION: Final = 11
MAX_VERSION: Final = 20
"""Versions drawn: 11 (61 modules) to 20 (97). Up to 14 (73) a symbol of 30 mm keeps modules of
0.4 mm; long names need more, and the drawn symbol then grows rather than its modules shrink."""

MAX_PIXELS: Final = 40_000_000
"""Largest picture looked at. More is refused before it is decoded."""

MAX_UNFOLDED_BYTES: Final = 100_000_000
"""What a picture other than JPEG may unfold to, in colour and then in grey: 25 megapixels of RGB,
or a grey page scanned at 600 dpi."""

_ENOUGH_PIXELS: Final = 12_000_000
"""A larger photo is decoded at half its size: the code of a page that fills it stays sharp."""

MAX_PICTURE_BYTES: Final = 32 * 1024 * 1024
"""Largest picture file read."""

_DATA_MASK: Final = 4
"""The payload's digits are as good as random, so no mask can be bad; trying all eight would cost
five times as much. The print gate decodes every symbol before it leaves the house."""

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP")
_QR_ONLY: Final = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


@dataclass(frozen=True, slots=True, kw_only=True)
class QrMatrix:
    """A QR symbol's modules without its quiet zone.

    `size` is the number of modules along a side (61 to 97); `modules` holds size x size bytes,
    row by row from the top left, 1 = dark.
    """

    size: int
    modules: bytes

    @property
    def version(self) -> int:
        """The symbol's version (符号版本), 1 to 40."""
        return (self.size - 17) // 4

    def row(self, index: int) -> bytes:
        """One row of modules, from the top."""
        return self.modules[index * self.size : (index + 1) * self.size]


def write_qr(text: str) -> QrMatrix:
    """Lay out `text` as a QR symbol of version 11 to 20, EC level M.

    Always the smallest version that holds the text. Raises MalformedQr when the text needs more
    than version 20: such a symbol has no room on the page.
    """
    smallest = {"ec_level": "M", "data_mask": _DATA_MASK}
    symbol = _encode(text, smallest)
    if symbol.size < _modules(MIN_VERSION):
        symbol = _encode(text, {**smallest, "version": MIN_VERSION})
    if symbol.size > _modules(MAX_VERSION):
        raise MalformedQr(
            "the certificate's texts are too long for a readable QR code (二维码): "
            "shorten the occupation, direction or company name"
        )
    return symbol


def read_qr(picture: bytes) -> tuple[str, ...]:
    """Texts of all QR symbols in a picture file (JPEG, PNG, WebP or BMP).

    Raises UnreadablePicture when the file is no picture, is over 32 MiB or 40 megapixels (25 in
    colour, if it is no JPEG), or holds no readable symbol. Takes at most 150 MB of memory.
    """
    if len(picture) > MAX_PICTURE_BYTES:
        raise UnreadablePicture("the picture is larger than 32 MiB: send a smaller photo")
    return read_qr_pixels(_decode(picture))


def read_qr_pixels(image: Image.Image) -> tuple[str, ...]:
    """Texts of all QR symbols in a decoded picture; UnreadablePicture when there is none."""
    found: Sequence[zxingcpp.Barcode] = zxingcpp.read_barcodes(
        image, formats=_QR_ONLY, try_invert=False
    )
    texts = tuple(code.text for code in found if code.valid)
    if not texts:
        raise UnreadablePicture(
            "no QR code could be read: take the photo straight on, sharp, with the white border"
        )
    return texts


def _decode(picture: bytes) -> Image.Image:
    try:
        image = Image.open(BytesIO(picture), formats=_FORMATS)
        # The header alone gives the size: a small file that unfolds to gigabytes stops here.
        pixels = image.width * image.height
        is_jpeg = image.format == "JPEG"
        unfolded = 0 if is_jpeg else pixels * (len(image.getbands()) + 1)
        fits = pixels <= MAX_PIXELS and unfolded <= MAX_UNFOLDED_BYTES
        if fits and is_jpeg:
            parts = 2 if pixels > _ENOUGH_PIXELS else 1
            # Of a JPEG brightness alone can be decoded, and on a smaller scale.
            image.draft("L", (image.width // parts, image.height // parts))
        if fits:
            return image.convert("L")
    except Exception:  # noqa: BLE001 -- a hostile picture makes a decoder raise anything
        raise UnreadablePicture("the file is not a readable JPEG or PNG picture") from None
    raise UnreadablePicture("the picture has too many megapixels: send a smaller one")


def _modules(version: int) -> int:
    return 17 + 4 * version


def _encode(text: str, options: dict[str, Any]) -> QrMatrix:
    try:
        symbol = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, **options)
    except ValueError:
        # The library's message repeats nothing of the text today; nothing says it never will.
        raise MalformedQr("the text does not fit a QR code (二维码)") from None
    picture: Any = symbol.to_image(scale=1, add_quiet_zones=False)
    view = memoryview(picture)
    return QrMatrix(size=picture.shape[0], modules=view.tobytes().translate(_DARK))


_DARK: Final = bytes(1 if level == 0 else 0 for level in range(256))
"""The writer's picture has 0 for a dark module and 255 for a light one."""
