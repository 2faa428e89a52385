"""The reporting of a certificate (上报进度) as lines of the command line: days and whose turn."""

from __future__ import annotations

from typing import Final

from registry.office.chain import STEP_WORDS, ChainStep, ChainView
from registry.rules.terms import Turn
from registry.upload.problems import row_step

_WIDEST: Final = max(map(len, STEP_WORDS.values()))
_TURNS: Final = {
    Turn.OFFICE: "办公室 (office)",
    Turn.CENTRE: "省中心 (provincial centre)",
    Turn.COMPANY: "企业 (company)",
    Turn.HOLDER: "持证人 (holder)",
}


def chain_lines(view: ChainView) -> list[str]:
    """Give one line for each step of an edition's chain, and one for what stands in its way."""
    lines = [_line(step) for step in view.steps]
    if view.ended:
        day = f" {view.ended_on}" if view.ended_on else ""
        lines.append(f"不再上报{day} (the office reports it no more)")
    elif view.reason:
        lines.append(f"{row_step(view.reason)} ({view.reason})")
    return lines


def _line(step: ChainStep) -> str:
    # Full-width spaces, which are as wide as the words that they stand below.
    word = f"{step.word:\u3000<{_WIDEST}} {step.step.value:<8}"
    if step.turn is None:
        took = "" if step.waited is None else f"  用时 {step.waited} 个工作日 (working days)"
        return f"{word}  {step.day or '—'}{took}"
    parts = ["等待中 (waiting)"]
    if step.waited is not None:
        parts.append(f"已等 {step.waited} 个工作日 (working days)")
    parts.append(f"轮到{_TURNS[step.turn]}")
    if step.due_on is not None:
        parts.append(f"截止 {step.due_on} (due, that day included)")
    return f"{word}  {'，'.join(parts)}"
