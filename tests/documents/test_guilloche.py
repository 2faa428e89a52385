from __future__ import annotations

import re
from dataclasses import replace
from math import cos, pi, sin

from hypothesis import given
from hypothesis import strategies as st

from registry.documents.guilloche import PAGE, Rosette, bezier_path, page_svg, rosette_parts


def cubic(points: list[complex], t: float) -> complex:
    a, b, c, d = points
    s = 1 - t
    return a * s**3 + 3 * b * s**2 * t + 3 * c * s * t**2 + d * t**3


@given(
    reach=st.floats(1, 40), waves=st.integers(1, 5), phase=st.floats(0, 6.28), t=st.floats(0, 0.999)
)
def test_four_segments_a_wave_follow_the_curve(
    reach: float, waves: int, phase: float, t: float
) -> None:
    def curve(at: float) -> complex:
        return complex(50 * at, reach * sin(2 * pi * waves * at + phase))

    segments = 4 * waves
    numbers = [float(n) / 100 for n in re.findall(r"-?\d+", bezier_path(curve, segments))]
    points = [complex(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
    assert len(points) == 1 + 3 * segments
    number, rest = divmod(t * segments, 1)
    piece = points[3 * int(number) : 3 * int(number) + 4]
    # compared along the line, where t and x agree to within the rounding
    assert abs(cubic(piece, rest) - curve(t)) < 0.03 * reach + 0.02


def test_a_rosette_closes() -> None:
    parts = list(rosette_parts(Rosette(x=0, y=0, middle=10, swing=3, lobes=8, strands=4)))
    turns = [float(m) for m in re.findall(r"rotate\(([\d.]+)\)", "".join(parts))]
    assert turns[0] == 0
    assert len(turns) == 32
    path = re.search(r'd="M(-?\d+) (-?\d+)C.* (-?\d+) (-?\d+)"', parts[1])
    assert path is not None
    x0, y0, x1, y1 = (int(value) for value in path.groups())
    # a lobe ends where the same lobe, turned by one lobe, begins
    assert abs(complex(x0, y0) * complex(cos(pi / 4), sin(pi / 4)) - complex(x1, y1)) < 2


def test_the_ornament_is_one_small_picture_of_the_page() -> None:
    svg = page_svg()
    width, height = PAGE
    assert f'viewBox="0 0 {width * 100:g} {height * 100:g}"' in svg
    assert svg.count("<g") == svg.count("</g>")
    assert len(svg) < 250_000
    assert page_svg() is svg


def starts(rosette: Rosette) -> list[complex]:
    """Where each lobe of a rosette begins, turned as it is drawn."""
    found = []
    for part in rosette_parts(rosette):
        turned = re.search(r'rotate\(([\d.]+)\)" d="([^"]*)"', part)
        if turned is not None:
            turn = float(turned[1]) * pi / 180
            firsts = re.findall(r"M(-?\d+) (-?\d+)", turned[2])
            found += [complex(int(x), int(y)) * complex(cos(turn), sin(turn)) for x, y in firsts]
    return found


def test_lobes_drawn_together_are_the_same_lobes() -> None:
    alone = Rosette(x=0, y=0, middle=60, swing=16, lobes=36, strands=5)
    one, three = starts(alone), starts(replace(alone, together=3))
    assert len(one) == len(three) == 180
    assert all(abs(a - b) < 2 for a, b in zip(one, three, strict=True))


def test_every_curve_of_the_page_is_written_once_and_every_copy_drawn() -> None:
    svg = page_svg()
    curves = dict(re.findall(r'<path id="(\w+)" d="([^"]*)"/>', svg))
    assert len(set(curves.values())) == len(curves) == svg.count(" d=")
    used = re.findall(r'<use href="#(\w+)" transform', svg)
    assert set(used) == set(curves)
    # three rings, two long and two short bands of six strands, and four corners of two rosettes
    drawn = sum(curves[name].count("M") for name in used)
    assert drawn == 180 + 150 + 96 + 2 * (38 + 25) * 6 + 4 * (32 + 18)
