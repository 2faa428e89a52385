from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import Any

import pikepdf
import pytest

from registry.documents.face import FaceData, draw_face, places_of
from registry.documents.fonts import FontSet
from registry.documents.pdfa_lint import lint_pdfa3u
from registry.documents.template import shipped_template
from signing.pdf import seal_pdf


@pytest.fixture(scope="module")
def drawn(make_face: Callable[..., FaceData], fonts: FontSet) -> bytes:
    return draw_face(make_face(), fonts)


def codes(pdf: bytes) -> set[str]:
    return {finding.code for finding in lint_pdfa3u(pdf)}


def sealed(pdf: bytes, company: Any, now: datetime, **place: Any) -> bytes:
    return seal_pdf(pdf, company.seal_signer, root=company.root, now=now, reason="签发", **place)


def test_a_drawn_and_sealed_certificate_has_no_fault(
    drawn: bytes, company: Any, now: datetime, fonts: FontSet
) -> None:
    assert lint_pdfa3u(drawn) == ()
    assert lint_pdfa3u(sealed(drawn, company, now)) == ()
    box = places_of(shipped_template(), fonts).seal.points
    assert lint_pdfa3u(sealed(drawn, company, now, box=box)) == ()


def test_without_the_line_end_the_seal_breaks_pdfa(
    drawn: bytes, company: Any, now: datetime
) -> None:
    assert codes(sealed(drawn.rstrip(b"\n"), company, now)) == {"joint"}


def _first(pdf: pikepdf.Pdf, kind: str, subtype: str) -> Any:
    return next(
        item
        for item in pdf.objects
        if isinstance(item, pikepdf.Dictionary)
        and item.get("/Type") == kind
        and item.get("/Subtype") == subtype
    )


def _annotation(pdf: pikepdf.Pdf, **change: Any) -> None:
    note = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot,
        Subtype=pikepdf.Name("/Text"),
        Rect=[0, 0, 9, 9],
        F=4,
        AP=pikepdf.Dictionary(N=pdf.make_stream(b"")),
    )
    for key, value in change.items():
        note[f"/{key}"] = value
    pdf.pages[0].Annots = pdf.make_indirect(pikepdf.Array([pdf.make_indirect(note)]))


def _drop(holder: Any, key: str) -> None:
    del holder[key]


def _xmp(pdf: pikepdf.Pdf, old: bytes, new: bytes) -> None:
    written = pdf.Root.Metadata.read_bytes()
    assert old in written
    pdf.Root.Metadata.write(written.replace(old, new))


def _set(holder: Any, key: str, value: object) -> None:
    holder[key] = value


_SCRIPT = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
_NEEDY = pikepdf.Dictionary(NeedAppearances=True)

FLAWS: list[tuple[str, Callable[[pikepdf.Pdf], object]]] = [
    ("xmp-missing", lambda pdf: _drop(pdf.Root, "/Metadata")),
    ("xmp-pdfaid", lambda pdf: _xmp(pdf, b"<pdfaid:part>3<", b"<pdfaid:part>2<")),
    ("xmp-pdfaid", lambda pdf: _xmp(pdf, b"conformance>U<", b"conformance>B<")),
    ("xmp-damaged", lambda pdf: _xmp(pdf, b"</rdf:RDF>", b"")),
    ("output-intent", lambda pdf: _drop(pdf.Root, "/OutputIntents")),
    ("output-intent", lambda pdf: _drop(pdf.Root.OutputIntents[0], "/DestOutputProfile")),
    ("script", lambda pdf: _set(pdf.Root, "/AA", pikepdf.Dictionary())),
    ("script", lambda pdf: _set(pdf.Root, "/OpenAction", pdf.make_indirect(_SCRIPT))),
    ("xfa", lambda pdf: _set(pdf.Root, "/AcroForm", pikepdf.Dictionary(XFA="x"))),
    ("need-appearances", lambda pdf: _set(pdf.Root, "/AcroForm", _NEEDY)),
    ("to-unicode", lambda pdf: _drop(_first(pdf, "/Font", "/Type0"), "/ToUnicode")),
    ("af-array", lambda pdf: _drop(pdf.Root, "/AF")),
    ("af-relationship", lambda pdf: _drop(pdf.Root.AF[0], "/AFRelationship")),
    ("file-name", lambda pdf: _drop(pdf.Root.AF[0], "/UF")),
    ("mime-type", lambda pdf: _drop(pdf.Root.AF[0].EF.F, "/Subtype")),
    ("annotation-flags", lambda pdf: _annotation(pdf, F=2)),
    ("annotation-appearance", lambda pdf: _annotation(pdf, AP=pikepdf.Dictionary())),
    ("annotation-type", lambda pdf: _annotation(pdf, Subtype=pikepdf.Name("/Movie"))),
    ("script", lambda pdf: _annotation(pdf, AA=pikepdf.Dictionary())),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "flaw"), FLAWS, ids=[f"{n}-{code}" for n, (code, _) in enumerate(FLAWS)]
)
def test_each_flaw_is_found(drawn: bytes, code: str, flaw: Callable[[pikepdf.Pdf], object]) -> None:
    target = BytesIO()
    with pikepdf.open(BytesIO(drawn)) as pdf:
        flaw(pdf)
        pdf.save(target, fix_metadata_version=False)
    assert code in codes(target.getvalue())


def test_a_font_left_out_is_found(drawn: bytes) -> None:
    target = BytesIO()
    with pikepdf.open(BytesIO(drawn)) as pdf:
        for item in pdf.objects:
            if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/FontDescriptor":
                for key in ("/FontFile2", "/FontFile3"):
                    if key in item:
                        del item[key]
        pdf.save(target)
    assert "font-not-embedded" in codes(target.getvalue())


def test_an_encrypted_file_is_found(drawn: bytes) -> None:
    target = BytesIO()
    with pikepdf.open(BytesIO(drawn)) as pdf:
        pdf.save(target, encryption=pikepdf.Encryption(owner="o", user=""))
    assert "encrypted" in codes(target.getvalue())


def test_damage_at_both_ends_is_found(drawn: bytes) -> None:
    assert "header" in codes(drawn.replace(b"%PDF-1.7\n%", b"%PDF-1.7\n ", 1))
    assert "header" in codes(b" " + drawn)
    assert "end-of-file" in codes(drawn + b"x")
    assert "unreadable" in codes(b"%PDF-1.7\n")
