"""Which fonts draw the face, and which characters they can draw.

Preferred first: the operator's own directory, Debian's Noto Serif CJK SC, then Noto Sans SC, which
the package `justmytype-intl-cjk` brings to every machine. Later families stand in for characters
the first lacks, so a rare name is drawn if any of them has it; what none has is found at import.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import typst
from fontTools.ttLib import TTFont

from registry.documents.errors import FontsMissing

DEBIAN_DIRECTORY: Final = Path("/usr/share/fonts/opentype/noto")
DEBIAN_FAMILY: Final = "Noto Serif CJK SC"
PACKAGE: Final = "justmytype_intl_cjk"
PACKAGE_FAMILY: Final = "Noto Sans SC"

_PROBE: Final = frozenset(map(ord, "职业技能等级证书深圳评价机构盖章年月日ABCxyz0123456789-·（）"))
"""A family without these is no text font for the face."""

_PRIVATE: Final = (range(0xE000, 0xF900), range(0xF0000, 0x110000))
_UNSEEN: Final = (range(0x20), range(0x7F, 0xA0), range(0x200B, 0x2010), range(0x2028, 0x202F))
_SELECTORS: Final = (range(0xFE00, 0xFE10), range(0xFEFF, 0xFF00), range(0xE0000, 0xF0000))


@dataclass(frozen=True, slots=True, kw_only=True)
class FontSet:
    """Families in order of preference, and the directories that hold them."""

    families: tuple[str, ...]
    directories: tuple[Path, ...]


@cache
def font_set(operator: Path | None = None) -> FontSet:
    """Find the fonts of this machine; `operator` is a directory of the operator's own fonts.

    Raises FontsMissing when `operator` is given and holds no Chinese text font, or when there is
    none anywhere.
    """
    families: list[str] = []
    directories: list[Path] = []
    for directory, only in _places(operator):
        found = _text_families(directory) if directory.is_dir() else ()
        if directory == operator and not found:
            raise FontsMissing(f"no Chinese text font in {directory}: put a Song font there")
        chosen = [name for name in found if only in ("", name) and name not in families]
        if chosen:
            families += chosen
            directories.append(directory)
    if not families:
        raise FontsMissing("no Chinese font found: install justmytype-intl-cjk")
    return FontSet(families=tuple(families), directories=tuple(directories))


@cache
def drawable_codepoints(fonts: FontSet) -> frozenset[int]:
    """Code points the face can show: in some family's every weight, visible, not private use."""
    found: set[int] = set()
    for directory in fonts.directories:
        for name, coverage in _coverage(directory).items():
            if name in fonts.families:
                found |= coverage
    for banned in (*_PRIVATE, *_UNSEEN, *_SELECTORS):
        found.difference_update(banned)
    return frozenset(found)


def _places(operator: Path | None) -> list[tuple[Path, str]]:
    places = [] if operator is None else [(operator, "")]
    places.append((DEBIAN_DIRECTORY, DEBIAN_FAMILY))
    spec = find_spec(PACKAGE)
    if spec is not None and spec.origin is not None:
        places.append((Path(spec.origin).parent / "fonts" / "ofl" / "notosanssc", PACKAGE_FAMILY))
    return places


def _text_families(directory: Path) -> tuple[str, ...]:
    return tuple(name for name, coverage in _coverage(directory).items() if coverage >= _PROBE)


@cache
def _coverage(directory: Path) -> dict[str, frozenset[int]]:
    """Code points of each family in a directory: those that all its faces have."""
    scanned = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(directory)]
    )
    faces: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for face in scanned.fonts():
        if face.path is not None:
            faces[face.family].append((face.path, face.index))
    return {
        name: frozenset.intersection(*(_codepoints(path, index) for path, index in sorted(where)))
        for name, where in sorted(faces.items())
        if directory != DEBIAN_DIRECTORY or name == DEBIAN_FAMILY
    }


def _codepoints(path: str, index: int) -> frozenset[int]:
    with TTFont(path, fontNumber=index, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())
