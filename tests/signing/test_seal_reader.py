"""The seal's reader gives what pyHanko's own gives, for good files, damaged and sly ones alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import Reference
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.pdf.reader import SealReader

DIGITS = b"30820BAD" * 200
SEAL = b"<</Type/Sig/Contents <%b>/ByteRange [0 9 9 9]>>"


def pdf_of(*objects: bytes) -> bytes:
    """Write a PDF of a catalog, an empty page tree and these objects, numbered from 3."""
    whole = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>", *objects]
    data, places = b"%PDF-1.7\n", []
    for number, content in enumerate(whole, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(whole) + 1, table)
    data += b"trailer\n<</Size %d/Root 1 0 R>>\n" % (len(whole) + 1)
    return data + b"startxref\n%d\n%%%%EOF\n" % start


def plain(value: Any) -> Any:
    """Make a read object comparable: its kinds, its values and its very bytes."""
    kind = type(value).__name__
    if isinstance(value, generic.DecryptedObjectProxy):
        return kind, plain(value.raw_object)
    if isinstance(value, generic.StreamObject):
        return kind, {key: plain(dict.get(value, key)) for key in value}, value.encoded_data
    if isinstance(value, generic.DictionaryObject):
        return kind, {key: plain(dict.get(value, key)) for key in value}
    if isinstance(value, generic.ArrayObject):
        return kind, [plain(one) for one in list.__iter__(value)]
    return kind, getattr(value, "original_bytes", None), repr(value)


def told(make: Callable[[], PdfFileReader], numbers: range) -> list[Any]:
    """Read objects one after the other; what fails is told by the kind of its failure."""
    answers: list[Any] = []
    try:
        reader = make()
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is to be the same for both
        return [type(error)]
    for number in numbers:
        try:
            found = reader.get_object(Reference(number, 0, reader))
            answers.append((plain(found), found.get_container_ref()))
        except Exception as error:  # noqa: BLE001 -- likewise
            answers.append(type(error))
    return answers


def both(data: bytes, numbers: range = range(1, 6)) -> tuple[list[Any], list[Any]]:
    return (
        told(lambda: PdfFileReader(BytesIO(data), strict=True), numbers),
        told(lambda: SealReader(data), numbers),
    )


def test_the_digits_are_read_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pdf_of(SEAL % DIGITS)
    (read, own) = both(data)
    assert own == read

    reader = SealReader(data)
    count = 0
    reading = generic.read_hex_string_from_stream

    def counted(stream: BytesIO) -> object:
        nonlocal count
        before = stream.tell()
        found = reading(stream)
        count += stream.tell() - before
        return found

    monkeypatch.setattr(generic, "read_hex_string_from_stream", counted)
    seal = reader.get_object(Reference(3, 0, reader))
    assert seal["/Contents"].original_bytes == bytes.fromhex(DIGITS.decode())
    assert 0 < count < 100


SLY = {
    "in a text, with an empty seal": b"<</Reason (<%b>)/Contents <>>>" % DIGITS,
    "in a text, before the seal": b"<</Reason (<%b>)/Contents <%b>>>" % (DIGITS, DIGITS),
    "in a text, after the seal": b"<</Contents <%b>/Reason (<%b>)>>" % (DIGITS, DIGITS),
    "two seals": b"<</Contents <%b>/Contents <%b>>>" % (DIGITS, DIGITS),
    "in a comment": b"<</A 1 %% <%b>\n/Contents <41>>>" % DIGITS,
    "under another name": b"<</Content <%b>/Contents <41>>>" % DIGITS,
    "one level down": b"<</A <</Contents <%b>>>>>" % DIGITS,
    "one level down, and above": b"<</A <</Contents <%b>>>/Contents <41>>>" % DIGITS,
    "an odd number": b"<</Contents <%b1>>>" % DIGITS,
    "small letters": b"<</Contents <%b>>>" % DIGITS.lower(),
    "in lines": b"<</Contents <%b\n%b>>>" % (DIGITS, DIGITS),
    "no digits": b"<</Contents <%bG0>>>" % DIGITS,
    "a stream": b"<</Length 3300/Contents <%b>>>\nstream\n%b\nendstream" % (DIGITS, b"x" * 3300),
    "in a stream": b"<</Length 1602>>\nstream\n<%b>\nendstream" % DIGITS,
    "its end in a text": b"<</A (endobj)/Contents <%b>>>" % DIGITS,
    "its end in a text, later": b"<</Contents <%b>/Reason(endobj)>>" % DIGITS,
    "a seal elsewhere": b"<</A <%b>/Contents 4 0 R>>" % DIGITS,
    "words at the end": b"<</Contents <%b>>> null" % DIGITS,
    "no dictionary": b"[/Contents <%b>]" % DIGITS,
    "only digits": b"<%b>" % DIGITS,
    "a mark of order": SEAL % (b"FEFF" + DIGITS),
    "latin letters": SEAL % (b"41" * 800),
    "many bytes": SEAL % (b"8000FF" * 800),
}


@pytest.mark.parametrize("name", SLY)
def test_what_looks_like_a_seal_is_read_as_the_library_reads_it(name: str) -> None:
    read, own = both(pdf_of(SLY[name], b"<41>"))
    assert own == read


def test_an_object_under_another_number_is_refused_alike() -> None:
    data = pdf_of(SEAL % DIGITS).replace(b"3 0 obj", b"7 0 obj")
    read, own = both(data)
    assert own == read
    assert isinstance(read[2], type)


def test_an_encrypted_file_is_read_alike() -> None:
    target = BytesIO()
    with pikepdf.new() as pdf:
        contents = pikepdf.String(bytes.fromhex(DIGITS.decode()))
        pdf.add_blank_page().Seal = pdf.make_indirect(pikepdf.Dictionary(Contents=contents))
        pdf.save(
            target,
            encryption=pikepdf.Encryption(owner="o", user="u"),
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
        )
    digits = re.compile(rb"<([0-9a-f]{512,})>")
    assert digits.search(target.getvalue())
    # in the letters that the short way is for
    data = digits.sub(lambda found: found[0].upper(), target.getvalue())
    read, own = both(data, range(1, 9))
    assert own == read


@given(
    at=st.integers(0, 2_000),
    noise=st.one_of(
        st.binary(min_size=1, max_size=8),
        st.sampled_from([b"<", b">", b"(", b")", b"\\", b"%", b"stream", b"endobj", b"/Contents"]),
    ),
)
def test_a_damaged_file_is_read_alike(at: int, noise: bytes) -> None:
    good = pdf_of(b"<</A (b)/Contents <%b>/B 4 0 R>>" % DIGITS, b"<41>")
    at %= len(good)
    read, own = both(good[:at] + noise + good[at + len(noise) :])
    assert own == read
