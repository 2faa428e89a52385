"""The holder's photo (一寸白底照片): checked, and made into what the page carries.

One inch is 25 x 35 mm. What is embedded is a fresh JPEG of 295 x 413 pixels (300 dpi), so the file
stays small and nothing of the original file goes along: cameras write place and time into it.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps, ImageStat

from registry.documents.errors import PhotoRefused

MAX_PHOTO_BYTES: Final = 4 * 1024 * 1024
SIZE: Final = (295, 413)
"""Pixels of one inch at 300 dpi."""

_LEAST: Final = (240, 336)
"""Under 240 dpi a face prints blurred."""

_LARGEST_SIDE: Final = 8000
_RATIO: Final = SIZE[0] / SIZE[1]
_RATIO_SLACK: Final = 0.02
_WHITE: Final = 225
"""Of 255, what the ground must reach in each colour: paper white under uneven light."""

_CORNER: Final = 0.12
"""Share of width looked at in both upper corners, where no hair reaches."""

_QUALITY: Final = 85


@lru_cache(maxsize=16)
def one_inch(data: bytes) -> bytes:
    """Turn a JPEG or PNG (≤ 4 MiB) into the page's JPEG; the same bytes give the same bytes.

    Raises PhotoRefused, which says what to change: not a picture, too small, not 5:7, ground not
    white.
    """
    if len(data) > MAX_PHOTO_BYTES:
        raise PhotoRefused("照片文件超过 4 MB：请提供一寸照片的原始文件")
    picture = _opened(data)
    if picture is None:
        raise PhotoRefused("照片过大：请提供一寸照片的原始文件")
    width, height = picture.size
    if width < _LEAST[0] or height < _LEAST[1]:
        raise PhotoRefused(f"照片像素过低：至少 {_LEAST[0]} x {_LEAST[1]}，建议 295 x 413")
    if abs(width / height - _RATIO) > _RATIO_SLACK:
        raise PhotoRefused("照片不是一寸比例（宽 25 毫米，高 35 毫米）：请裁切后再试")
    # Painted onto a new picture: a resized one keeps the old one's comment.
    page = Image.new("RGB", SIZE, "white")
    page.paste(picture.resize(SIZE, Image.Resampling.LANCZOS))
    _check_ground(page)
    target = BytesIO()
    page.save(target, "JPEG", quality=_QUALITY, dpi=(300, 300), subsampling="4:2:0")
    return target.getvalue()


def _opened(data: bytes) -> Image.Image | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Nothing is unfolded before the size in the file's head was looked at.
            with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as picture:
                return None if max(picture.size) > _LARGEST_SIDE else _upright(picture)
    except Exception:  # noqa: BLE001 -- a damaged picture makes the decoder raise anything
        raise PhotoRefused("照片无法读取：请提供 JPEG 或 PNG 格式的照片") from None


def _upright(picture: Image.Image) -> Image.Image:
    """Turn a picture as its camera was held, in colour, on white where it is transparent."""
    upright = ImageOps.exif_transpose(picture)
    if "A" in upright.getbands() or "transparency" in upright.info:
        ground = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(ground, upright.convert("RGBA"))
    return upright.convert("RGB")


def _check_ground(picture: Image.Image) -> None:
    width, height = picture.size
    side = round(width * _CORNER)
    for left in (0, width - side):
        corner = picture.crop((left, 0, left + side, round(height * _CORNER)))
        if min(ImageStat.Stat(corner).median) < _WHITE:
            raise PhotoRefused("照片底色不是白色：请提供白底一寸照片")
