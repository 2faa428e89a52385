from __future__ import annotations

import time
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from signing.errors import MalformedQr, UnreadablePicture
from signing.qr_image import MAX_VERSION, QUIET_MODULES, QrMatrix, read_qr, write_qr

ADDRESS = "https://verify.example.gov.cn/v/abcdefghij234567#"


def picture(symbol: QrMatrix, *, scale: int = 4, mode: str = "L") -> Image.Image:
    dark = symbol.modules.translate(bytes([255, 0]) + bytes(254))
    inner = Image.frombytes("L", (symbol.size, symbol.size), dark)
    side = symbol.size + 2 * QUIET_MODULES
    page = Image.new("L", (side, side), 255)
    page.paste(inner, (QUIET_MODULES, QUIET_MODULES))
    return page.resize((side * scale, side * scale), Image.Resampling.NEAREST).convert(mode)


def file(image: Image.Image, form: str = "PNG") -> bytes:
    target = BytesIO()
    image.save(target, form)
    return target.getvalue()


@pytest.mark.parametrize(("digits", "version"), [(200, 11), (480, 11), (560, 12), (866, 15)])
def test_digits_ride_in_numeric_mode(digits: int, version: int) -> None:
    assert write_qr(ADDRESS + "7" * digits).version == version


def test_a_short_text_still_takes_version_11() -> None:
    assert write_qr("x").version == 11


def test_a_text_beyond_the_finest_version_is_refused_without_its_words() -> None:
    with pytest.raises(MalformedQr) as caught:
        write_qr(ADDRESS + "4" * 3000)
    assert "4444" not in str(caught.value)
    with pytest.raises(MalformedQr):
        write_qr(ADDRESS + "4" * 9000)


@given(st.text("0123456789", min_size=1, max_size=1400))
def test_what_is_written_is_read_back(digits: str) -> None:
    symbol = write_qr(ADDRESS + digits)
    assert 11 <= symbol.version <= MAX_VERSION
    assert read_qr(file(picture(symbol))) == (ADDRESS + digits,)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "WEBP"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_common_picture_files_are_read(form: str, mode: str) -> None:
    shown = picture(write_qr(ADDRESS + "1"), mode=mode)
    assert read_qr(file(shown, form)) == (ADDRESS + "1",)


def test_a_turned_and_soiled_symbol_is_read() -> None:
    shown = picture(write_qr(ADDRESS + "12345678" * 60), scale=6).rotate(
        7, expand=True, fillcolor=255
    )
    shown.paste(128, (180, 180, 205, 205))
    assert read_qr(file(shown)) == (ADDRESS + "12345678" * 60,)


def test_two_symbols_give_two_texts() -> None:
    left, right = picture(write_qr("left")), picture(write_qr("right"))
    both = Image.new("L", (left.width + right.width, left.height), 255)
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    assert sorted(read_qr(file(both))) == ["left", "right"]


def test_a_picture_without_a_symbol_is_refused() -> None:
    with pytest.raises(UnreadablePicture, match="no QR code"):
        read_qr(file(Image.new("L", (300, 300), 255)))


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(99)])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadablePicture):
        read_qr(data)


def test_a_small_file_of_too_many_pixels_is_refused_before_it_unfolds() -> None:
    bomb = file(Image.new("1", (8000, 5100)))
    assert len(bomb) < 20_000
    begin = time.perf_counter()
    with pytest.raises(UnreadablePicture, match="megapixels"):
        read_qr(bomb)
    assert time.perf_counter() - begin < 0.5


def test_a_file_over_32_mebibytes_is_refused() -> None:
    with pytest.raises(UnreadablePicture, match="32 MiB"):
        read_qr(bytes(32 * 1024 * 1024 + 1))


@given(st.binary(max_size=400), st.integers(0, 300))
def test_a_damaged_picture_never_raises_anything_else(noise: bytes, at: int) -> None:
    whole = file(picture(write_qr("x"), scale=1))
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    with suppress(UnreadablePicture):
        read_qr(damaged)
