"""Packages that no honest city makes: each is refused before anything of it is believed."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.report import Answer
from signing.upload.check import PackageStep
from signing.upload.errors import MalformedPackage
from signing.upload.package import LIMITS, MAX_PACKAGE_BYTES, NAMES, open_package


def refused(city: Any, data: bytes) -> str:
    """Check that a package ends at its container, without a word about rows; return the detail."""
    check, rows = city.check(data)
    (finding,) = [one for one in check.findings if one.answer is Answer.INVALID]
    assert (finding.step, finding.reason) == (PackageStep.CONTAINER, "container-malformed")
    assert (rows, check.answer) == ([], Answer.INVALID)
    return str(finding.detail)


def test_the_same_files_give_the_same_bytes(city: Any) -> None:
    one, two = city.package(), city.package()
    assert one == two
    with zipfile.ZipFile(io.BytesIO(one)) as archive:
        assert archive.namelist() == list(NAMES)
        assert archive.testzip() is None
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    city.files["table.csv"] += b"!"
    assert city.package() != one


def test_what_is_no_zip_is_refused(city: Any) -> None:
    good = city.package()
    for data in (b"", b"PK", b"<html>busy</html>" * 9, good[:-1], good[1:], good + b" "):
        refused(city, data)


def test_a_package_cut_off_anywhere_is_refused(city: Any) -> None:
    good = city.package()
    for end in range(0, len(good), 97):
        refused(city, good[:end])


def tells_nothing_new(city: Any, data: bytes) -> bool:
    """Whether a changed package is refused, or says to the letter what the honest one says.

    The last byte of packed data has bits that no unpacker looks at.
    """
    check, rows = city.check(data)
    return check.answer is Answer.INVALID or (check, rows) == city.check()


def test_any_changed_byte_is_found(city: Any) -> None:
    good = city.package()
    directory = good.index(b"PK\x01\x02")
    for at in (*range(0, directory, 31), *range(directory, len(good))):
        spoiled = bytearray(good)
        spoiled[at] ^= 0x21
        if at < directory:
            assert tells_nothing_new(city, bytes(spoiled)), at
        else:
            refused(city, bytes(spoiled))


@given(data=st.data())
def test_bytes_put_in_or_taken_out_are_found(city: Any, data: Any) -> None:
    good = city.package()
    at = data.draw(st.integers(0, len(good) - 1))
    width = data.draw(st.integers(0, 40))
    put = data.draw(st.binary(max_size=40))
    changed = good[:at] + put + good[at + width :]
    if changed != good:
        assert tells_nothing_new(city, changed)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("external_attr", (stat.S_IFLNK | 0o777) << 16),
        ("external_attr", (stat.S_IFDIR | 0o777) << 16),
        ("date_time", (2026, 11, 24, 0, 0, 0)),
        ("extra", b"\x99\x99\x02\x00ab"),
        ("comment", b"x"),
        ("compress_type", zipfile.ZIP_BZIP2),
        ("compress_type", zipfile.ZIP_LZMA),
        ("filename", "../rows.jsonl"),
        ("filename", "/etc/passwd"),
        ("filename", "manifest.json"),
    ],
)
def test_links_folders_and_strange_entries_are_refused(
    city: Any, rezip: Any, field: str, value: object
) -> None:
    def change(info: zipfile.ZipInfo) -> None:
        if info.filename == "rows.jsonl":
            setattr(info, field, value)

    with pytest.warns() if value == "manifest.json" else Nothing():
        data = rezip(city.package(), change)
    refused(city, data)


class Nothing:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


def test_a_sixth_file_and_a_missing_one_are_refused(city: Any, tmp_path: Any) -> None:
    for names in ((*NAMES, "x.txt"), NAMES[:4]):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name in names:
                archive.writestr(name, b"x")
        assert "5 files" in refused(city, out.getvalue())


def test_data_between_the_files_is_refused(city: Any) -> None:
    """A zip hidden in the gap would be another package to another reader."""
    good = city.package()
    start = struct.unpack_from("<L", good, len(good) - 6)[0]
    moved = bytearray(good[:start] + b"hidden" + good[start:])
    struct.pack_into("<L", moved, len(moved) - 6, start + 6)
    assert "between" in refused(city, bytes(moved))


def bomb(size: int) -> bytes:
    """Pack `size` zero bytes as rows.jsonl, in the form of a package."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in NAMES:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, (stat.S_IFREG | 0o600) << 16
            big = name == "rows.jsonl"
            info.compress_type = zipfile.ZIP_DEFLATED if big else zipfile.ZIP_STORED
            with archive.open(info, "w") as target:
                for _ in range(size >> 20 if big else 0):
                    target.write(bytes(1 << 20))
    return out.getvalue()


def test_a_bomb_is_refused_unopened(city: Any) -> None:
    limit = LIMITS["rows.jsonl"]
    data = bomb(limit + (1 << 20))
    assert len(data) < limit // 100
    tracemalloc.start()
    refused(city, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_bomb_that_lies_about_its_length_gives_no_more_than_it_said(city: Any) -> None:
    """The directory says 100 bytes; a megabyte is packed."""
    city.lines = [b"\0" * (1 << 20)]
    good = bytearray(city.packed({"manifest.json": b"{}", **city.all_files()}))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = good.index(b"rows.jsonl", 0 if mark == b"PK\x03\x04" else good.index(b"PK\x01\x02"))
        head = good.rindex(mark, 0, at)
        struct.pack_into("<L", good, head + offset, 100)
    with open_package(bytes(good)) as package:
        assert package.size("rows.jsonl") == 100
        with pytest.raises(MalformedPackage, match="damaged"), package.open("rows.jsonl") as file:
            assert len(file.read()) <= 100


def test_a_long_directory_is_refused_before_it_is_read(city: Any) -> None:
    good = bytearray(city.package())
    struct.pack_into("<HH", good, len(good) - 14, 5, 5)
    struct.pack_into("<L", good, len(good) - 10, 1 << 20)
    assert "directory" in refused(city, bytes(good))


def test_a_package_over_the_limit_is_refused(city: Any, tmp_path: Any) -> None:
    file = tmp_path / "big.zip"
    with file.open("wb") as out:
        out.truncate(MAX_PACKAGE_BYTES + 1)
    check, _ = city.check(file)
    assert check.findings[0].detail.endswith(f"longer than {MAX_PACKAGE_BYTES} bytes")


def test_other_files_are_not_packed(city: Any) -> None:
    with pytest.raises(MalformedPackage, match="nothing else"):
        city.packed({"x": b"x"})
