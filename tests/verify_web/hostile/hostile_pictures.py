"""Makes pictures that unfold, hang their decoders, or carry codes with hostile texts."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import zxingcpp
from PIL import Image

GIB = 1 << 30
PNG = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def png(
    width: int, height: int, *chunks: bytes, bits: int = 8, colour: int = 0, laced: int = 0
) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, laced)
    return PNG + chunk(b"IHDR", head) + b"".join(chunks) + chunk(b"IEND", b"")


def written(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def code(text: str) -> Image.Image:
    symbol = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    return Image.fromarray(symbol.to_image(scale=3)).convert("L")


def pictures(zeros: bytes) -> Iterator[tuple[str, bytes]]:
    """`zeros` is a zlib stream of 1 GiB."""
    data = chunk(b"IDAT", zeros)
    yield "png-of-4-gigapixels", png(65_000, 65_000, data, bits=1)
    yield "png-of-30-gigabytes", png(2_000_000, 2_000, data, bits=16, colour=6)
    yield "png-of-25-megapixels-rgba", png(5_000, 5_000, data, colour=6)
    yield "png-interlaced", png(4_900, 4_900, data, colour=2, laced=1)
    yield "png-of-no-size", png(0, 0, data)
    yield "png-of-negative-size", png(0xFFFFFFFF, 0xFFFFFFFF, data)
    yield "png-with-a-gigabyte-of-text", png(9, 9, chunk(b"zTXt", b"a\0\0" + zeros), data)
    yield "png-with-a-gigabyte-of-profile", png(9, 9, chunk(b"iCCP", b"a\0\0" + zeros), data)
    yield "png-with-a-million-texts", png(9, 9, chunk(b"tEXt", b"a\0b") * 500_000, data)
    frames = chunk(b"acTL", struct.pack(">II", 0x7FFFFFFF, 0))
    yield "png-of-endless-frames", png(4_000, 4_000, frames, data)
    yield "png-chunk-longer-than-the-file", PNG + b"\x7f\xff\xff\xffIHDR"
    yield "png-head-alone", PNG
    noise = Image.effect_noise((1_200, 900), 90)
    whole = written(noise, "PNG")
    yield "png-cut", whole[: len(whole) // 2]
    photo = written(noise.convert("RGB"), "JPEG")
    yield "jpeg-cut", photo[: len(photo) // 2]
    yield "jpeg-of-4-gigapixels", _resized(photo, 65_000, 65_000)
    yield "jpeg-of-39-megapixels", _resized(photo, 6_500, 6_000)
    yield "jpeg-of-no-size", _resized(photo, 0, 0)
    yield "jpeg-of-two-thousand-scans", _scans(2_000)
    yield (
        "jpeg-with-a-long-exif",
        photo[:2] + b"\xff\xe1\xff\xffExif\0\0" + bytes(65_527) + photo[2:],
    )
    yield "jpeg-head-alone", b"\xff\xd8\xff"
    yield "jpeg-of-markers", b"\xff\xd8" + b"\xff\xe0\x00\x02" * 1_000_000
    yield "jpeg-that-is-a-pdf-too", photo[:2] + b"\xff\xfe\x00\x0b%PDF-1.7\n" + photo[2:]
    yield "png-that-is-a-zip-too", whole + b"PK\x05\x06" + bytes(18)
    yield "white", written(Image.new("1", (6_000, 5_000), 1), "PNG")
    yield "finder-patterns-everywhere", written(_finders(), "PNG")


def _resized(photo: bytes, width: int, height: int) -> bytes:
    """The same JPEG with another size in its frame header."""
    at = photo.index(b"\xff\xc0")
    return photo[: at + 5] + struct.pack(">HH", height, width) + photo[at + 9 :]


def _scans(count: int) -> bytes:
    """A progressive JPEG with one scan repeated: each one decodes the whole picture again."""
    photo = written(Image.effect_noise((3_000, 3_000), 20), "JPEG", progressive=True, quality=10)
    start = photo.rindex(b"\xff\xda")
    return (
        photo[:start]
        + photo[start:-2] * min(count, 12_000_000 // len(photo[start:-2]))
        + photo[-2:]
    )


def _finders() -> Image.Image:
    """Thousands of corners of codes: a reader that pairs all of them never ends."""
    sheet = Image.new("L", (2_800, 2_800), 255)
    corner = code("x").crop((6, 6, 36, 36))
    for top in range(0, 2_800, 35):
        for left in range(0, 2_800, 35):
            sheet.paste(corner, (left, top))
    return sheet


def codes(base_url: str, digits: str) -> Iterator[tuple[str, bytes]]:
    """Codes with hostile texts; `digits` is a genuine certificate's payload."""
    host = base_url.split("://")[1]
    token = "q" * 16
    texts = {
        "script": "javascript:alert(1)",
        "file": "file:///etc/passwd",
        "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "foreign-host": f"http://zs.example.cn/v/{token}#{digits}",
        "user-before-host": f"http://{host}@zs.example.cn/v/{token}#{digits}",
        "host-in-the-path": f"http://zs.example.cn/{host}/v/{token}#{digits}",
        "host-that-begins-alike": f"{base_url}.example.cn/v/{token}#{digits}",
        "other-scheme": f"https://{host}/v/{token}#{digits}",
        "upper-case": f"{base_url}/V/{token.upper()}#{digits}",
        "up-the-path": f"{base_url}/v/../../{token}#{digits}",
        "line-breaks": f"{base_url}/v/{token}\r\nSet-Cookie: a=b#{digits}",
        "nul": f"{base_url}/v/{token}\0#{digits}",
        "query": f"{base_url}/v/{token}?next=http://zs.example.cn#{digits}",
        "no-digits": f"{base_url}/v/{token}#",
        "digits-that-overflow": f"{base_url}/v/{token}#{'9' * 2_000}",
        "digits-of-another-alphabet": f"{base_url}/v/{token}#" + "٣" * 300,
        "changed-digits": f"{base_url}/v/{token}#{digits[:-17]}{'0' * 17}",
        "unregistered-token": f"{base_url}/v/{token}#{digits}",
        "reversed-by-a-sign": f"\u202e{base_url}/v/{token}#{digits}",
        "four-kilobytes": "4" * 7_000,
    }
    for name, text in texts.items():
        yield f"code-{name}", written(code(text), "PNG")
    sheet = Image.new("L", (2_400, 2_400), 255)
    for place in range(256):
        sheet.paste(code(f"{base_url}/v/{place:016}"), (place % 16 * 150, place // 16 * 150))
    yield "code-two-hundred-at-once", written(sheet, "PNG")
