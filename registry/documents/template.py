"""The template of a company's certificates: a typst file that a designer may change.

In the home's `templates/` folder, `PREFIX.typ` is that company's, `default.typ` everybody else's;
without either the shipped `face.typ` serves. A template says where things stand. It is put behind
`prelude.typ`, which brings the facts, attaches the evidence and draws what must not vary, and it
can do no more than draw: no other file of the machine, no package from a network, no code made at
run time. What a template leaves out or hides the print gate finds.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import typst

from keys.model import is_prefix
from registry.documents.errors import DrawingFailed, TemplateRefused, TextTooLong
from registry.documents.guilloche import PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from typst import Compiler

    from registry.documents.fonts import FontSet

SHIPPED_FILE: Final = Path(__file__).with_name("face.typ")
PRELUDE_FILE: Final = Path(__file__).with_name("prelude.typ")
MAX_TEMPLATE_BYTES: Final = 256 * 1024
DEFAULT_NAME: Final = "default.typ"

_BANNED: Final = re.compile(r"(?<![\w-])(import|include|eval|plugin|std)(?![\w-])")
"""Words of typst that load code or reach `eval`: a package's name alone would carry facts of a
person over the network, as the address it is asked for. A page's own picture is fine."""

_POINTS_PER_MM: Final = 72 / 25.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template's text, and the folder its pictures lie in (None: it has none)."""

    source: bytes
    folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A square on the page: left, top and side in millimetres from the page's top left."""

    x: float
    y: float
    size: float

    @property
    def points(self) -> tuple[int, int, int, int]:
        """Left, bottom, right, top in PDF points, from the page's bottom left."""
        bottom = PAGE[1] - self.y - self.size
        corners = (self.x, bottom, self.x + self.size, bottom + self.size)
        left, low, right, high = (round(value * _POINTS_PER_MM) for value in corners)
        return left, low, right, high


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a template puts the QR code (with its quiet zone) and the seal."""

    qr: Place
    seal: Place


@cache
def shipped_template() -> Template:
    """Return the template that comes with the program."""
    return Template(source=SHIPPED_FILE.read_bytes())


def load_template(folder: Path, prefix: str) -> Template:
    """Return the template for the company `prefix`, from the home's folder or the shipped one.

    Raises TemplateRefused for a file that is too long, no UTF-8, or uses a word it may not.
    """
    if not is_prefix(prefix):
        raise TemplateRefused("a template is named after a company's 13 characters")
    for name in (f"{prefix}.typ", DEFAULT_NAME):
        file = folder / name
        if file.is_file():
            return _checked(file)
    return shipped_template()


def _checked(file: Path) -> Template:
    try:
        source = file.read_bytes()
        text = source.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise TemplateRefused(f"{file.name} cannot be read as UTF-8 text") from None
    if len(source) > MAX_TEMPLATE_BYTES:
        raise TemplateRefused(f"{file.name} is longer than {MAX_TEMPLATE_BYTES} bytes")
    found = _BANNED.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise TemplateRefused(
            f"{file.name}, line {line}: the word `{found[0]}` may not stand in a template, which "
            "can load no code; the functions of prelude.typ are there already"
        )
    return Template(source=source, folder=file.parent)


def compile_pdf(
    template: Template, fonts: FontSet, inputs: Mapping[str, str], moment: datetime
) -> bytes:
    """Draw one page as PDF/A-3u; raises TextTooLong, DrawingFailed."""
    try:
        with _LOCK:
            pdf = _compiler(fonts, template.folder).compile(
                input=_whole(template),
                format="pdf",
                sys_inputs=dict(inputs),
                pdf_standards=["a-3u"],
                timestamp=moment,
            )
    except typst.TypstError as error:
        raise _explained(error) from None
    if not isinstance(pdf, bytes):
        raise DrawingFailed("the certificate has more than one page")
    return pdf


def find_places(template: Template, fonts: FontSet, inputs: Mapping[str, str]) -> Places:
    """Ask a template where it puts QR code and seal; raises DrawingFailed if it has not each once.

    `inputs` are those of any face: the places may not depend on whose certificate it is.
    """
    try:
        with _LOCK:
            drawing = _new_compiler(fonts, template.folder, _whole(template), dict(inputs))
            told = json.loads(drawing.query("<certreg-place>", field="value"))
    except (typst.TypstError, RuntimeError) as error:
        raise _explained(error) from None
    found = {place.pop("name"): Place(**place) for place in told}
    if len(told) != len(found) or found.keys() != {"qr", "seal"}:
        raise DrawingFailed("a template must draw qr-code and company-seal, each once")
    places = Places(qr=found["qr"], seal=found["seal"])
    for place in (places.qr, places.seal):
        ends = (place.x, place.y, PAGE[0] - place.x - place.size, PAGE[1] - place.y - place.size)
        if min(ends) < 0:
            raise DrawingFailed("the template puts the QR code or the seal beyond the page's edge")
    return places


_LOCK: Final = Lock()
"""A compiler serves one caller at a time."""


def _whole(template: Template) -> bytes:
    return _prelude() + b"\n" + template.source


@cache
def _prelude() -> bytes:
    return PRELUDE_FILE.read_bytes()


@cache
def _compiler(fonts: FontSet, folder: Path | None) -> Compiler:
    return _new_compiler(fonts, folder, b"", {})


def _new_compiler(
    fonts: FontSet, folder: Path | None, source: bytes, inputs: dict[str, str]
) -> Compiler:
    # Files are read below the root only, and packages looked for where there are none.
    root = folder or PRELUDE_FILE.parent
    nowhere = str(root / ".packages")
    return typst.Compiler(
        input=source,
        root=str(root),
        font_paths=_found(fonts),
        ignore_system_fonts=True,
        sys_inputs=inputs,
        package_path=nowhere,
        package_cache_path=nowhere,
    )


@cache
def _found(fonts: FontSet) -> typst.Fonts:
    directories: list[Any] = [str(directory) for directory in fonts.directories]
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=directories
    )


def _explained(error: Exception) -> DrawingFailed | TextTooLong:
    # The compiler's message can quote the text it failed on, which may be a person's name.
    if "certreg: a text does not fit" in str(error):
        return TextTooLong(
            "a name, occupation or company name is too long for its field on the certificate"
        )
    return DrawingFailed("the certificate could not be drawn: check photo and template")
