from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageChops

from registry.documents.colours import device_colours
from registry.documents.face import FaceData, draw_face, face_inputs
from registry.documents.fonts import FontSet
from registry.documents.pdfa_lint import lint_pdfa3u
from registry.documents.template import compile_pdf, shipped_template


@pytest.fixture(scope="module")
def compiled(
    make_face: Callable[..., FaceData],
    make_photo: Callable[..., bytes],
    fonts: FontSet,
    now: Any,
) -> bytes:
    """A page as the drawing library leaves it, with a photo: every kind of colour there is."""
    face = make_face(photo=make_photo())
    return compile_pdf(shipped_template(), fonts, face_inputs(face, fonts), now)


def picture(pdf: bytes) -> Image.Image:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return document[0].render(scale=72 / 72).to_pil().convert("RGB")
    finally:
        document.close()


def spaces(pdf: bytes) -> list[str]:
    """Name every colour space by which something on the page is painted."""
    found = []
    with pikepdf.open(BytesIO(pdf)) as opened:
        found += list(opened.pages[0].Resources.ColorSpace.values())
        found += [
            item.ColorSpace
            for item in opened.objects
            if isinstance(item, pikepdf.Stream) and "/ColorSpace" in item
        ]
        return sorted({str(one if isinstance(one, pikepdf.Name) else one[0]) for one in found})


def test_every_colour_of_the_page_is_of_the_output_intent(compiled: bytes) -> None:
    assert spaces(compiled) == ["/ICCBased"]
    assert spaces(device_colours(compiled)) == ["/DeviceGray", "/DeviceRGB"]


def test_the_page_looks_the_same_and_is_as_long(compiled: bytes) -> None:
    named = device_colours(compiled)
    assert len(named) == len(compiled)
    assert named != compiled
    difference = ImageChops.difference(picture(compiled), picture(named))
    assert max(high for _, high in difference.getextrema()) <= 1


def test_the_file_is_no_less_pdfa(compiled: bytes) -> None:
    assert lint_pdfa3u(device_colours(compiled) + b"\n") == ()


def test_a_drawn_face_is_so(make_face: Callable[..., FaceData], fonts: FontSet) -> None:
    drawn = draw_face(make_face(), fonts)
    assert device_colours(drawn) == drawn
    assert "/ICCBased" not in spaces(drawn)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/DestOutputProfile ", b"/DestOutputPr0file "),  # no output intent
        (b"/S/GTS_PDFA1", b"/S/GTS_PDFX__"),
        (b"/N 3/Range", b"/N 4/Range"),  # one of another number of inks
    ],
)
def test_without_an_rgb_intent_nothing_is_changed(compiled: bytes, old: bytes, new: bytes) -> None:
    odd = compiled.replace(old, new)
    assert odd != compiled
    assert device_colours(odd) == odd


def test_colours_by_another_profile_are_left_alone(compiled: bytes) -> None:
    place = compiled.index(b"/DestOutputProfile ") + len(b"/DestOutputProfile ")
    own = compiled[place : compiled.index(b" ", place)]
    other = b"9" * len(own)
    colour = b"\n[/ICCBased %b 0 R]\n"
    assert colour % own in compiled
    odd = compiled.replace(colour % own, colour % other)
    assert colour % other in device_colours(odd)


def test_what_only_looks_like_a_colour_is_left_alone() -> None:
    page = (
        b"%PDF-1.7\n4 0 obj\n<</DestOutputProfile 6 0 R/S/GTS_PDFA1>>\nendobj\n"
        b"16 0 obj\n<</Length 3/N 1/x>>\nendobj\n6 0 obj\n<</Length 3/N 3/x>>\nendobj\n"
        b"7 0 obj\n([/ICCBased 6 0 R]\n)\nendobj\n8 0 obj\n<</A [/ICCBased 6 0 R]>>\nendobj\n"
    )
    assert device_colours(page) == page
    colour = b"9 0 obj\n[/ICCBased %b 0 R]\nendobj\n"
    assert device_colours(page + colour % b"6") == page + b"9 0 obj\n/DeviceRGB       \nendobj\n"
    assert device_colours(page + colour % b"16") == page + b"9 0 obj\n/DeviceGray       \nendobj\n"
    assert device_colours(page + colour % b"5") == page + colour % b"5"
