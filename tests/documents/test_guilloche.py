from __future__ import annotations

import re
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
