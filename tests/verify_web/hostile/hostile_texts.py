"""Makes bundles, proof files and archives that are no certificate, whatever they claim."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator


def texts(bundle: bytes, proof: bytes) -> Iterator[tuple[str, bytes]]:
    """`bundle` and `proof` are genuine files of a valid certificate, to be spoilt."""
    yield "json-a-million-deep", b'{"a":' * 1_000_000
    yield "json-of-arrays", b'{"a":' + b"[" * 60_000 + b"]" * 60_000 + b"}"
    yield "json-of-sixteen-megabytes", b'{"record":"' + b"A" * (15 << 20) + b'"}'
    yield "json-of-keys", json.dumps({f"k{place}": 1 for place in range(4_000)}).encode()
    yield "json-not-a-number", b'{"v":NaN}'
    yield "json-too-large-a-number", b'{"v":' + b"9" * 60_000 + b"}"
    yield "json-half-a-pair", b'{"v":"\\ud800"}'
    yield "json-twice-the-same", bundle.replace(b'{"', b'{"v":1,"', 1)
    yield "json-with-a-mark", b"\xef\xbb\xbf" + bundle
    yield "json-with-a-tail", bundle + b"\n<script>alert(1)</script>"
    yield "json-cut", bundle[: len(bundle) // 2]
    yield "json-in-utf-16", b"{" + bundle.decode().encode("utf-16")
    found = json.loads(bundle)
    for part in ("record", "proof", "entry", "opening", "status"):
        yield f"bundle-without-sense-in-{part}", _with(found, part, "A" * 40)
        yield f"bundle-with-a-list-in-{part}", _with(found, part, [[]] * 1_000)
        yield f"bundle-with-nothing-in-{part}", _with(found, part, None)
    lines = proof.split(b"\n")
    yield "proof-head-alone", b"c2sp.org/tlog-proof@v1"
    yield "proof-of-another-version", proof.replace(b"@v1", b"@v9", 1)
    yield "proof-of-endless-hashes", b"\n".join([*lines[:3], *[lines[3]] * 100_000])
    index = next(line for line in lines if line.startswith(b"index "))
    for value in (b"-1", b"18446744073709551616", b"9" * 5_000, b"0x1", b"1e3", "١".encode()):
        yield f"proof-index-{value[:9].hex()}", proof.replace(index, b"index " + value, 1)
    yield "proof-with-two-indices", proof.replace(index, index + b"\n" + index, 1)
    yield "proof-with-a-thousand-signatures", proof + lines[-2] + (b"\n" + lines[-2]) * 1_000
    yield "proof-cut", proof[: len(proof) // 2]
    yield "proof-with-carriage-returns", proof.replace(b"\n", b"\r\n")


def _with(bundle: dict[str, object], part: str, value: object) -> bytes:
    return json.dumps({**bundle, part: value}, separators=(",", ":"), sort_keys=True).encode()


def others(zeros: bytes) -> Iterator[tuple[str, bytes]]:
    """Files of kinds that are not taken at all; `zeros` is a zlib stream of 1 GiB."""
    yield "zip-bomb", _zip_of(zeros)
    yield "gzip-bomb", gzip.compress(gzip.compress(bytes(1 << 24)))
    yield "zip-in-zip", _nested(6)
    yield (
        "xml-entities",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    )
    yield "svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
    yield "html", b"<!doctype html><script>alert(1)</script>"
    yield "program", b"\x7fELF" + bytes(4_000)
    yield "webp", b"RIFF\x24\0\0\0WEBPVP8L" + bytes(100)
    yield "tiff", b"II*\0" + b"\xff" * 1_000
    yield "heic", b"\0\0\0\x18ftypheic" + bytes(1_000)
    yield "one-byte", b"\0"
    yield "a-brace", b"{"
    yield "fifteen-megabytes-of-nothing", bytes(15 << 20)


def _zip_of(zeros: bytes) -> bytes:
    """An archive whose one member unfolds to 1 GiB."""
    raw = zeros[2:-4]
    name = b"a"
    sizes = len(raw).to_bytes(4, "little") + (1 << 30).to_bytes(4, "little")
    fixed = (
        b"\x14\0\0\0\x08\0"
        + bytes(4)
        + bytes(4)
        + sizes
        + len(name).to_bytes(2, "little")
        + bytes(2)
    )
    local = b"PK\x03\x04" + fixed + name + raw
    central = b"PK\x01\x02\x14\0" + fixed + bytes(14) + name
    end = b"PK\x05\x06" + bytes(4) + b"\1\0\1\0"
    end += len(central).to_bytes(4, "little") + len(local).to_bytes(4, "little") + bytes(2)
    return local + central + end


def _nested(levels: int) -> bytes:
    inner = b"x" * 1_000
    for _ in range(levels):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for place in range(8):
                archive.writestr(str(place), inner)
        inner = out.getvalue()
    return inner
