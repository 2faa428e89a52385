"""The gate finds a fault wherever it sits in the bytes that would be released."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from io import BytesIO
from typing import Any

import pikepdf
import pypdfium2
import pytest

from registry.documents import gate as gate_module
from registry.documents.certificate import COPY_REASON
from registry.documents.errors import GateRefused
from registry.documents.face import FaceData, day_words, draw_face, places_of
from registry.documents.fonts import FontSet
from registry.documents.gate import FIXED_WORDS, Promise, pass_gate
from registry.documents.template import shipped_template
from signing.pdf import PROOF_NAME, RECORD_NAME, seal_pdf

Box = tuple[float, float, float, float]
Edit = Callable[[pikepdf.Pdf], None]

FACTS = (
    *FIXED_WORDS,
    "name",
    "id_type",
    "id_number",
    "occupation",
    "direction",
    "level",
    "number",
    "issuer",
    "issued",
    "address",
)


@pytest.fixture(scope="module")
def face(make_face: Callable[..., FaceData]) -> FaceData:
    return make_face()


@pytest.fixture(scope="module")
def drawn(face: FaceData, fonts: FontSet) -> bytes:
    return draw_face(face, fonts)


@pytest.fixture(scope="module")
def promise(face: FaceData, fonts: FontSet) -> Promise:
    return Promise(
        qr_text=face.qr_text,
        qr_place=places_of(shipped_template(), fonts).qr,
        words=tuple(fact_of(face, name) for name in FACTS if name not in FIXED_WORDS),
        attachments={RECORD_NAME: face.record_json, PROOF_NAME: face.tlog_proof},
    )


@pytest.fixture(scope="module")
def seal(company: Any, now: datetime, fonts: FontSet) -> Callable[[bytes], bytes]:
    box = places_of(shipped_template(), fonts).seal.points
    own = {"root": company.root, "now": now, "reason": COPY_REASON, "box": box}
    return lambda pdf: seal_pdf(pdf, company.seal_signer, **own)


@pytest.fixture(scope="module")
def gate(company: Any, now: datetime) -> Callable[[bytes, Promise], None]:
    return partial(pass_gate, root=company.root, now=now)


@pytest.fixture(scope="module")
def judge(
    seal: Callable[[bytes], bytes], gate: Callable[[bytes, Promise], None], promise: Promise
) -> Callable[[bytes], None]:
    """Seal a page as if it were the certificate's, and send it through the gate."""
    return lambda pdf: gate(seal(pdf), promise)


def fact_of(face: FaceData, name: str) -> str:
    if name in FIXED_WORDS:
        return name
    return day_words(face.issued) if name == "issued" else str(getattr(face, name))


def edited(pdf: bytes, edit: Edit) -> bytes:
    target = BytesIO()
    with pikepdf.open(BytesIO(pdf)) as opened:
        edit(opened)
        opened.save(target, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return target.getvalue() + b"\n"


def painted(pdf: bytes, marks: str) -> bytes:
    def wrapped(opened: pikepdf.Pdf) -> None:
        opened.pages[0].contents_add(opened.make_stream(b"q"), prepend=True)
        opened.pages[0].contents_add(opened.make_stream(f"Q q {marks} Q".encode()))

    return edited(pdf, wrapped)


def places_of_words(pdf: bytes, words: str) -> list[Box]:
    """Where the signs of a text stand, each time that the page has it.

    A text is looked for up to its first sign beyond the first plane, which PDFium cannot search.
    """
    words = words[: next((at for at, sign in enumerate(words) if ord(sign) > 0xFFFF), None)]
    document = pypdfium2.PdfDocument(pdf)
    try:
        page = document[0].get_textpage()
        search, found = page.search(words), []
        while (hit := search.get_next()) is not None:
            found += [page.get_charbox(hit[0] + at, loose=True) for at in range(hit[1])]
        return found
    finally:
        document.close()


def white(boxes: list[Box]) -> str:
    return " ".join(
        f"1 1 1 rg {left:f} {low:f} {right - left:f} {high - low:f} re f"
        for left, low, right, high in boxes
    )


def test_a_page_saved_anew_and_sealed_passes(
    drawn: bytes,
    judge: Callable[[bytes], None],
) -> None:
    # so that what is refused below is refused for what was done to it
    judge(painted(drawn, white([(20, 20, 22, 22)])))


@pytest.mark.parametrize("fact", FACTS)
def test_any_one_covered_fact_is_found(
    drawn: bytes,
    face: FaceData,
    judge: Callable[[bytes], None],
    fact: str,
) -> None:
    boxes = places_of_words(drawn, fact_of(face, fact))
    assert boxes
    with pytest.raises(GateRefused, match="hidden"):
        judge(painted(drawn, white(boxes)))


def test_a_fact_under_a_note_pasted_on_the_page_is_found(
    drawn: bytes,
    face: FaceData,
    judge: Callable[[bytes], None],
) -> None:
    lefts, lows, rights, tops = zip(*places_of_words(drawn, face.level), strict=True)
    place = (min(lefts), min(lows), max(rights), max(tops))
    wide, high = place[2] - place[0], place[3] - place[1]

    def paste(opened: pikepdf.Pdf) -> None:
        look = opened.make_stream(
            white([(0, 0, wide, high)]).encode(),
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Form,
            BBox=[0, 0, wide, high],
        )
        note = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name("/Stamp"),
            Rect=list(place),
            F=4,
            AP=pikepdf.Dictionary(N=look),
        )
        opened.pages[0].Annots = opened.make_indirect([opened.make_indirect(note)])

    with pytest.raises(GateRefused, match="hidden"):
        judge(edited(drawn, paste))


def test_a_sign_told_to_stand_far_off_the_page_is_not_seen(drawn: bytes) -> None:
    # a damaged font does that; a picture as far as there would take all memory
    document = pypdfium2.PdfDocument(drawn)
    try:
        near = document[0].get_textpage().get_charbox(0)
        assert gate_module._seen(document[0], [near])
        for far in ((9e8, 9, 9.1e8, 19), (9, -9e8, 19, -8e8), (-30, 9, -20, 19)):
            assert not gate_module._seen(document[0], [near, far])
    finally:
        document.close()


def test_another_persons_facts_are_found(
    face: FaceData,
    fonts: FontSet,
    judge: Callable[[bytes], None],
) -> None:
    others = {"name": "李四", "id_number": "440300199001010012", "level": "二级/技师"}
    for name, other in others.items():
        pdf = draw_face(replace(face, **{name: other}), fonts)
        with pytest.raises(GateRefused, match="does not read back"):
            judge(pdf)


def test_the_code_of_another_certificate_is_found(
    face: FaceData,
    fonts: FontSet,
    judge: Callable[[bytes], None],
) -> None:
    last = "1" if face.qr_text[-1] != "1" else "2"
    pdf = draw_face(replace(face, qr_text=face.qr_text[:-1] + last), fonts)
    with pytest.raises(GateRefused, match="QR code"):
        judge(pdf)


def _drop(opened: pikepdf.Pdf) -> None:
    del opened.attachments[PROOF_NAME]


def _swap(opened: pikepdf.Pdf) -> None:
    opened.attachments[RECORD_NAME] = pikepdf.AttachedFileSpec(opened, b"{}", filename=RECORD_NAME)


def _add(opened: pikepdf.Pdf) -> None:
    opened.attachments["x.txt"] = pikepdf.AttachedFileSpec(opened, b"x", filename="x.txt")


@pytest.mark.parametrize("edit", [_drop, _swap, _add])
def test_attachments_that_were_not_promised_are_found(
    drawn: bytes,
    judge: Callable[[bytes], None],
    edit: Edit,
) -> None:
    with pytest.raises(GateRefused, match="attachments"):
        judge(edited(drawn, edit))


def test_a_byte_changed_after_sealing_is_found(
    drawn: bytes,
    promise: Promise,
    seal: Callable[[bytes], bytes],
    gate: Callable[[bytes, Promise], None],
) -> None:
    sealed = seal(drawn)
    gate(sealed, promise)
    for at in range(11, len(sealed), len(sealed) // 24):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(GateRefused):
            gate(changed, promise)
