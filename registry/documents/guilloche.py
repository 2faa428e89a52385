"""The certificate's engraved ornament (扭索纹) as vector curves: frame, corner rosettes, ground.

Every line is a smooth parametric curve drawn by cubic Béziers through exact tangents (Hermite
form), so a few segments a wave are enough and nothing shows a corner at any magnification. A band
is one bead shifted along, a rosette one lobe turned around its centre: the page repeats the same
few numbers under other transforms, which compresses to almost nothing (the PDF stays small).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from math import cos, sin, tau
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Curve = Callable[[float], complex]

PAGE: Final = (297.0, 210.0)
"""A4 landscape, millimetres."""

_STEP: Final = 1e-4

_COPY: Final = re.compile(r'<path transform="(?P<place>[^"]*)" d="(?P<curve>[^"]*)"/>')


@dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """A pen: colour as #rrggbb (opaque, so that crossings stay even), line width in millimetres."""

    colour: str
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A straight woven band (花边) from the point (x, y), `turn` degrees from horizontal.

    `beads` beads of `length` millimetres each; in a bead `strands` sine waves of `waves` whole
    periods, evenly spread in phase, run inside an envelope that swells from `waist` to `depth`
    and back (half-heights, millimetres).
    """

    x: float
    y: float
    turn: int
    beads: int
    length: float
    strands: int = 6
    waves: int = 1
    depth: float = 3.5
    waist: float = 1.35


@dataclass(frozen=True, slots=True, kw_only=True)
class Rosette:
    """A ring of turned lobes (团花): `strands` copies of r = middle + swing·cos(lobes·t).

    Centre and radii in millimetres; `stretch` widens the ring sideways. A lobe is drawn by
    `segments` Béziers, and `together` copies of it, side by side, are one path: whoever shows the
    page takes as long over each path as over its curves, and one far larger than what is looked
    at is drawn for nothing. `together` divides the number of copies, `lobes` times `strands`.
    """

    x: float
    y: float
    middle: float
    swing: float
    lobes: int
    strands: int
    stretch: float = 1.0
    segments: int = 4
    together: int = 1


FRAME_INK: Final = Ink(colour="#c4705c", width=0.12)
ROSE_INK: Final = Ink(colour="#b8503f", width=0.12)
GOLD_INK: Final = Ink(colour="#b9975a", width=0.11)
GROUND_INKS: Final = (
    Ink(colour="#ebe2cb", width=0.12),
    Ink(colour="#e1e8d8", width=0.12),
    Ink(colour="#f1dcd5", width=0.12),
)


def band_parts(band: Band) -> Iterator[str]:
    """Write the band as SVG elements: one bead's strands, shifted along."""

    def strand(phase: float) -> Curve:
        def at(t: float) -> complex:
            swell = (1 - cos(tau * t)) / 2
            reach = band.waist + (band.depth - band.waist) * swell
            return complex(band.length * t, reach * sin(tau * band.waves * t + phase))

        return at

    bead = "".join(
        bezier_path(strand(tau * number / band.strands), band.waves * 4)
        for number in range(band.strands)
    )
    place = f"translate({_number(band.x)} {_number(band.y)}) rotate({band.turn})"
    yield f'<g transform="{place}">'
    for number in range(band.beads):
        yield f'<path transform="translate({_number(band.length * number)} 0)" d="{bead}"/>'
    yield "</g>"


def rosette_parts(rosette: Rosette) -> Iterator[str]:
    """Write the rosette as SVG elements: a lobe or a few, turned around the centre.

    A strand that starts later in phase is the first strand turned a little, so that one lobe
    serves them all.
    """
    copies = rosette.lobes * rosette.strands

    def lobe(number: int) -> Curve:
        def at(t: float) -> complex:
            angle = tau * (t / rosette.lobes + number / copies)
            radius = rosette.middle + rosette.swing * cos(tau * t)
            return radius * complex(cos(angle), sin(angle))

        return at

    path = "".join(
        bezier_path(lobe(number), rosette.segments) for number in range(rosette.together)
    )
    place = f"translate({_number(rosette.x)} {_number(rosette.y)}) scale({rosette.stretch:g} 1)"
    yield f'<g transform="{place}">'
    for number in range(0, copies, rosette.together):
        yield f'<path transform="rotate({360 * number / copies:.4g})" d="{path}"/>'
    yield "</g>"


def bezier_path(curve: Curve, segments: int) -> str:
    """Write `curve` as SVG path data for t in [0, 1], in hundredths of a millimetre."""
    pieces = [f"M{_point(curve(0.0))}"]
    third = 1 / (3 * segments)
    for number in range(segments):
        head, tail = number / segments, (number + 1) / segments
        first = curve(head) + _slope(curve, head) * third
        second = curve(tail) - _slope(curve, tail) * third
        pieces.append(f"C{_point(first)} {_point(second)} {_point(curve(tail))}")
    return "".join(pieces)


@cache
def page_svg() -> str:
    """Draw the ornament of the whole page, an SVG of 297 x 210 mm, always the same."""
    width, height = PAGE
    groups = "".join(
        f'<g stroke="{ink.colour}" stroke-width="{_number(ink.width)}">{"".join(parts)}</g>'
        for parts, ink in _layers()
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {_number(width)} {_number(height)}" fill="none">{_each_once(groups)}</svg>'
    )


def _each_once(groups: str) -> str:
    """Write each curve down once and refer to it: the drawing library is handed this every time."""
    names: dict[str, str] = {}

    def reference(match: re.Match[str]) -> str:
        name = names.setdefault(match["curve"], f"c{len(names)}")
        return f'<use href="#{name}" transform="{match["place"]}"/>'

    used = _COPY.sub(reference, groups)
    curves = "".join(f'<path id="{name}" d="{curve}"/>' for curve, name in names.items())
    return f"<defs>{curves}</defs>{used}"


def _layers() -> Iterator[tuple[Iterator[str], Ink]]:
    rings = ((60.0, 16.0, 36, 5, 1.22), (37.0, 12.5, 30, 5, 1.16), (20.5, 8.5, 24, 4, 1.08))
    for (middle, swing, lobes, strands, stretch), ink in zip(rings, GROUND_INKS, strict=True):
        ring = Rosette(
            x=148.5,
            y=108,
            middle=middle,
            swing=swing,
            lobes=lobes,
            strands=strands,
            stretch=stretch,
            segments=2,
            together=3,
        )
        yield rosette_parts(ring), ink
    for y in (10.6, 199.4):
        yield band_parts(Band(x=17.1, y=y, turn=0, beads=38, length=262.8 / 38)), FRAME_INK
    for x in (10.6, 286.4):
        yield band_parts(Band(x=x, y=17.1, turn=90, beads=25, length=175.8 / 25)), FRAME_INK
    for x in (10.6, 286.4):
        for y in (10.6, 199.4):
            outer = Rosette(
                x=x, y=y, middle=3.4, swing=1.65, lobes=8, strands=4, segments=2, together=2
            )
            inner = Rosette(
                x=x, y=y, middle=1.5, swing=0.8, lobes=6, strands=3, segments=2, together=2
            )
            yield rosette_parts(outer), ROSE_INK
            yield rosette_parts(inner), GOLD_INK


def _slope(curve: Curve, t: float) -> complex:
    return (curve(t + _STEP) - curve(t - _STEP)) / (2 * _STEP)


def _number(millimetres: float) -> str:
    return f"{millimetres * 100:.6g}"


def _point(z: complex) -> str:
    return f"{round(z.real * 100)} {round(z.imag * 100)}"
