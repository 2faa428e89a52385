"""The expert's view of a result (专家视图): the leaf, its way to the root, and the checkpoint.

The way is drawn: the leaf below, the root above, and on each level the sibling that is hashed
with it, on its own side (RFC 6962 §2.1.1). Coordinates only; colours are the style sheet's.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from signing.errors import SigningError
from signing.tlog.note import parse_note
from signing.tlog.treehead import parse_checkpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signing.bundle import Evidence

STEP: Final = 22
"""Height of a level in the drawing."""

WIDTH: Final = 120
_MIDDLE: Final = WIDTH // 2
_ASIDE: Final = 40
"""How far a sibling stands from the middle."""

_DOT: Final = 4
_BOX: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The path as SVG data: `lines`, `dots` (computed nodes) and `boxes` (siblings given)."""

    height: int | str
    lines: str
    dots: str
    boxes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expert:
    """What an expert is shown; hashes in hex, from the leaf's sibling up."""

    entry: str
    index: int | str
    size: int | str
    root: str
    path: tuple[str, ...]
    note: str
    drawing: Drawing


def expert_view(evidence: Evidence) -> Expert | None:
    """Lay the evidence out; None where it has no entry or no readable checkpoint."""
    proof = evidence.proof
    if proof is None or evidence.entry is None:
        return None
    try:
        note = parse_note(proof.checkpoint_note)
        head = parse_checkpoint(note.text)
    except SigningError:
        return None
    return Expert(
        entry=_pretty(evidence.entry),
        index=proof.index,
        size=head.size,
        root=head.root.hex(),
        path=tuple(each.hex() for each in proof.path),
        note=_without_base64(note.text, [line.name for line in note.signatures]),
        drawing=draw(proof.index, head.size, len(proof.path)),
    )


def draw(index: int, size: int, levels: int) -> Drawing:
    """Draw a path of so many levels for leaf `index` of `size`."""
    inner = (index ^ (size - 1)).bit_length()
    # Above `inner` only left siblings remain; below it the bits of the index say.
    left = index | -1 << inner
    steps = _steps(levels)
    sides = [step[left >> level & 1] for level, step in enumerate(steps)]
    return Drawing(
        height=(levels + 1) * STEP,
        lines="".join([line for line, _ in sides]),
        dots=_dots(levels),
        boxes="".join([box for _, box in sides]),
    )


@cache
def _steps(levels: int) -> tuple[tuple[tuple[str, str], tuple[str, str]], ...]:
    """Line and box of each level's sibling, on the right and on the left; `levels` is 63 at most.

    Above the leaf one level of 22 pixels each: the same in all paths of one length.
    """
    heights = [(levels - level) * STEP + STEP // 2 for level in range(levels)]
    return tuple((_side(y, _MIDDLE + _ASIDE), _side(y, _MIDDLE - _ASIDE)) for y in heights)


def _side(y: int, x: int) -> tuple[str, str]:
    line = f"M{_MIDDLE} {y}V{y - STEP}L{x} {y}"
    return line, f"M{x - _BOX} {y - _BOX}h{2 * _BOX}v{2 * _BOX}h-{2 * _BOX}z"


@cache
def _dots(levels: int) -> str:
    heights = range(levels * STEP + STEP // 2, 0, -STEP)
    return "".join(
        f"M{_MIDDLE - _DOT} {y}a{_DOT} {_DOT} 0 1 0 {2 * _DOT} 0a{_DOT} {_DOT} 0 1 0-{2 * _DOT} 0"
        for y in heights
    )


def _pretty(entry: bytes) -> str:
    try:
        return json.dumps(json.loads(entry), ensure_ascii=False, indent=1)
    except ValueError:
        return base64.b64encode(entry).decode()


def _without_base64(text: str, names: Sequence[str]) -> str:
    # The signatures themselves are in the download; here it matters who made them.
    return text + "".join(f"\n— {name} …" for name in names)
