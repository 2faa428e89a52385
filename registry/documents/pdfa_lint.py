"""Our own lint of what PDF/A-3u (ISO 19005-3) asks of a certificate.

Not a validator of the whole standard: it looks at what a change of the drawing library, of the
template or of the sealing could break. Each finding is a stable code and the place it was found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

import pikepdf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PDFAID: Final = "{http://www.aiim.org/pdfa/ns/id/}"
_RELATIONSHIPS: Final = {"/Source", "/Data", "/Alternative", "/Supplement", "/Unspecified"}
_BANNED_ACTIONS: Final = {
    "/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData", "/Hide", "/SetOCGState",
    "/Rendition", "/Trans", "/GoTo3DView", "/JavaScript",
}  # fmt: skip
_BANNED_ANNOTATIONS: Final = {"/3D", "/Sound", "/Screen", "/Movie"}
_PRINT: Final = 4
_HIDING: Final = 1 | 2 | 32 | 256
"""Annotation flags: Print must be set; Invisible, Hidden, NoView and ToggleNoView must not."""

_HEADER: Final = re.compile(rb"%PDF-1\.[0-7]\r?\n%[\x80-\xff]{4}")
_OBJECT_AFTER_EOF: Final = re.compile(rb"%%EOF(?![\r\n]|\Z)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LintFinding:
    """One fault: a stable code, and the object or place it was found at."""

    code: str
    where: str


def lint_pdfa3u(data: bytes) -> tuple[LintFinding, ...]:
    """Look for breaches of PDF/A-3u; an empty answer means none of those looked for."""
    findings = list(_lint_bytes(data))
    try:
        with pikepdf.open(BytesIO(data)) as pdf:
            for check in _CHECKS:
                findings.extend(check(pdf))
    except (pikepdf.PdfError, pikepdf.PasswordError):
        findings.append(_found("unreadable", "file"))
    return tuple(findings)


def _found(code: str, where: object) -> LintFinding:
    return LintFinding(code=code, where=str(where))


def _lint_bytes(data: bytes) -> Iterator[LintFinding]:
    if not _HEADER.match(data):
        yield _found("header", "first lines")  # 6.1.2: version, then a comment of 4 high bytes
    if not data.rstrip(b"\r\n").endswith(b"%%EOF"):
        yield _found("end-of-file", "last line")  # 6.1.3: nothing after the last %%EOF
    for match in _OBJECT_AFTER_EOF.finditer(data):
        yield _found("joint", f"byte {match.start()}")  # an update glued to the %%EOF before it


def _lint_trailer(pdf: pikepdf.Pdf) -> Iterator[LintFinding]:
    if "/ID" not in pdf.trailer:
        yield _found("trailer-id", "trailer")  # 6.1.3
    if pdf.is_encrypted or "/Encrypt" in pdf.trailer:
        yield _found("encrypted", "trailer")  # 6.1.3


def _lint_metadata(pdf: pikepdf.Pdf) -> Iterator[LintFinding]:
    if "/Metadata" not in pdf.Root:
        yield _found("xmp-missing", "catalog")  # 6.6.2
        return
    if "/Filter" in pdf.Root.Metadata:
        yield _found("xmp-filtered", "catalog")  # 6.6.2.1
    try:
        tree = ET.fromstring(pdf.Root.Metadata.read_bytes())  # noqa: S314 -- our own XMP, and expat refuses entity floods
    except ET.ParseError:
        yield _found("xmp-damaged", "catalog")
        return
    if (_xmp(tree, "part"), _xmp(tree, "conformance")) != ("3", "U"):
        yield _found("xmp-pdfaid", "catalog")  # 6.6.4


def _xmp(tree: ET.Element, name: str) -> str:
    """Give a PDF/A identification property, written as an element or as an attribute."""
    for element in tree.iter():
        if element.tag == _PDFAID + name:
            return (element.text or "").strip()
        if _PDFAID + name in element.attrib:
            return element.attrib[_PDFAID + name]
    return ""


def _lint_catalog(pdf: pikepdf.Pdf) -> Iterator[LintFinding]:
    intents = pdf.Root.get("/OutputIntents", pikepdf.Array())
    profiles = [i for i in intents if i.get("/S") == "/GTS_PDFA1" and "/DestOutputProfile" in i]
    if len(profiles) != 1:
        yield _found("output-intent", "catalog")  # 6.2.3
    if "/AA" in pdf.Root or "/JavaScript" in pdf.Root.get("/Names", pikepdf.Dictionary()):
        yield _found("script", "catalog")  # 6.5
    if (
        "/NeedAppearances" in pdf.Root.get("/AcroForm", pikepdf.Dictionary())
        and pdf.Root.AcroForm.NeedAppearances
    ):
        yield _found("need-appearances", "form")  # 6.4.1
    if "/XFA" in pdf.Root.get("/AcroForm", pikepdf.Dictionary()):
        yield _found("xfa", "form")  # 6.4.2


def _lint_attachments(pdf: pikepdf.Pdf) -> Iterator[LintFinding]:
    associated = {entry.objgen for entry in pdf.Root.get("/AF", pikepdf.Array())}
    tree = pdf.Root.get("/Names", pikepdf.Dictionary()).get("/EmbeddedFiles")
    for name, spec in [] if tree is None else pikepdf.NameTree(tree).items():
        if spec.get("/AFRelationship") not in _RELATIONSHIPS:
            yield _found("af-relationship", name)  # 6.8
        if spec.objgen not in associated:
            yield _found("af-array", name)  # 6.8
        if "/F" not in spec or "/UF" not in spec:
            yield _found("file-name", name)  # 6.8
        if "/Subtype" not in spec.get("/EF", pikepdf.Dictionary()).get("/F", pikepdf.Dictionary()):
            yield _found("mime-type", name)  # 6.8


def _lint_objects(pdf: pikepdf.Pdf) -> Iterator[LintFinding]:
    for item in pdf.objects:
        if isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
            yield from _lint_object(item)


def _lint_object(item: Any) -> Iterator[LintFinding]:
    where = f"object {item.objgen[0]}"
    kind, subtype = item.get("/Type"), item.get("/Subtype")
    if isinstance(item, pikepdf.Stream):
        if "/LZWDecode" in str(item.get("/Filter", "")):
            yield _found("lzw", where)  # 6.1.7.2
        if "/F" in item:
            yield _found("external-stream", where)  # 6.1.7.1
        if kind == "/XObject" and subtype in {"/PS", "/Form"} and "/PS" in item:
            yield _found("postscript", where)  # 6.2.9
    if item.get("/S") in _BANNED_ACTIONS or "/JS" in item:
        yield _found("script", where)  # 6.5.1
    if kind == "/Font":
        yield from _lint_font(item, str(subtype), where)
    if kind == "/Annot":
        yield from _lint_annotation(item, where)


def _lint_font(font: Any, subtype: str, where: str) -> Iterator[LintFinding]:
    if subtype == "/Type0":
        if "/ToUnicode" not in font:
            yield _found("to-unicode", where)  # 6.2.11.7: what the "u" stands for
        return
    descriptor = font.get("/FontDescriptor", {})
    if not any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3")):
        yield _found("font-not-embedded", where)  # 6.2.11.4
    if subtype == "/CIDFontType2" and "/CIDToGIDMap" not in font:
        yield _found("cid-to-gid", where)  # 6.2.11.3.2


def _lint_annotation(annotation: Any, where: str) -> Iterator[LintFinding]:
    if annotation.get("/Subtype") in _BANNED_ANNOTATIONS:
        yield _found("annotation-type", where)  # 6.3.1
    flags = int(annotation.get("/F", 0))
    if not flags & _PRINT or flags & _HIDING:
        yield _found("annotation-flags", where)  # 6.3.2
    left, bottom, right, top = (float(value) for value in annotation.Rect)
    if (left != right or bottom != top) and "/N" not in annotation.get("/AP", {}):
        yield _found("annotation-appearance", where)  # 6.3.3
    if "/A" in annotation and annotation.get("/Subtype") == "/Widget":
        yield _found("script", where)  # 6.4.1
    if "/AA" in annotation:
        yield _found("script", where)  # 6.5.2


_CHECKS: Final[tuple[Callable[[pikepdf.Pdf], Iterator[LintFinding]], ...]] = (
    _lint_trailer,
    _lint_metadata,
    _lint_catalog,
    _lint_attachments,
    _lint_objects,
)
