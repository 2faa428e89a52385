from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image

from registry.documents.errors import PhotoRefused
from registry.documents.photo import MAX_PHOTO_BYTES, SIZE, one_inch

MakePhoto = Callable[..., bytes]


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data), formats=("JPEG",))


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(295, 413), (240, 336), (1000, 1400)])
def test_a_photo_becomes_one_small_jpeg(
    make_photo: MakePhoto, form: str, size: tuple[int, int]
) -> None:
    made = one_inch(make_photo(form, size))
    picture = opened(made)
    assert picture.size == SIZE
    assert picture.mode == "RGB"
    assert len(made) < 30_000
    assert one_inch(make_photo(form, size)) == made


def test_nothing_of_the_cameras_notes_goes_along(make_photo: MakePhoto) -> None:
    notes = Image.Exif()
    notes[0x010E] = "张示例 22.5431,114.0579"
    notes[0x0112] = 3  # taken upside down
    upside_down = Image.open(BytesIO(make_photo("PNG"))).rotate(180)
    target = BytesIO()
    upside_down.save(target, "JPEG", exif=notes.tobytes(), comment=b"114.0579")
    made = one_inch(target.getvalue())
    assert b"114.0579" not in made
    assert not opened(made).getexif()
    assert opened(made).getpixel((10, 400)) < (80, 80, 120)  # the shoulders are below again


def test_a_transparent_ground_is_white(make_photo: MakePhoto) -> None:
    made = one_inch(make_photo("PNG", ground="#00000000", mode="RGBA"))
    assert min(opened(made).getpixel((5, 5))) > 245  # type: ignore[type-var, arg-type]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ground": "#3f7fd0"}, "底色"),
        ({"ground": "#d0d0d0"}, "底色"),
        ({"size": (200, 280)}, "像素"),
        ({"size": (413, 413)}, "比例"),
        ({"size": (413, 295)}, "像素"),
        ({"size": (8100, 200)}, "过大"),
    ],
)
def test_what_is_no_one_inch_photo_on_white_is_refused(
    make_photo: MakePhoto, change: dict[str, object], words: str
) -> None:
    with pytest.raises(PhotoRefused, match=words):
        one_inch(make_photo(**change))


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"\xff\xd8\xff\xe0" + bytes(60), bytes(MAX_PHOTO_BYTES + 1)]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(PhotoRefused):
        one_inch(data)


def test_a_cut_photo_is_refused(make_photo: MakePhoto) -> None:
    with pytest.raises(PhotoRefused, match="无法读取"):
        one_inch(make_photo()[:-2000])
