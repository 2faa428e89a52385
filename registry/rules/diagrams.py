"""Pictures of the state machines for `docs/procedure.md`, drawn from the tables (Mermaid text).

What the page shows is what the program does: a test compares the page with this module.
`python -m registry.rules.diagrams docs/procedure.md` writes the part anew between its marks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from registry.rules.standing import MACHINES
from registry.rules.workflow import ACTORS, GUARDS, Machine

BEGIN: Final = "<!-- machines: written by registry.rules.diagrams -->"
END: Final = "<!-- end of machines -->"


def with_diagrams(page: str) -> str:
    """Give a page with the part between its marks written anew.

    Raises ValueError if the page does not have each mark once.
    """
    before, after = page.split(BEGIN)
    _, behind = after.split(END)
    return f"{before}{BEGIN}\n\n{all_diagrams()}\n{END}{behind}"


def all_diagrams() -> str:
    """Write one section a machine: its diagram, and its rows as a table."""
    return "\n".join(line for machine in MACHINES for line in _section(machine))


def _section(machine: Machine) -> Iterator[str]:
    yield f"### {machine.title}（{machine.name}）"
    yield ""
    yield "```mermaid"
    yield "stateDiagram-v2"
    for state in machine.states:
        yield f'    state "{machine.words[state]}" as {_id(state)}'
    yield f"    [*] --> {_id(machine.start)}"
    for step in machine.steps:
        yield f"    {_id(step.state)} --> {_id(step.to)}: {machine.words[step.event]}"
    for state in sorted(machine.final):
        yield f"    {_id(state)} --> [*]"
    yield "```"
    yield ""
    yield "| 现状 | 办理人 | 事项 | 结果 | 条件 | 依据 |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for step in machine.steps:
        words = machine.words
        guards = "；".join(GUARDS[guard] for guard in step.guards) or "—"
        yield (
            f"| {words[step.state]} | {ACTORS[step.actor]} | {words[step.event]} "
            f"| {words[step.to]} | {guards} | {step.paragraph} |"
        )
    yield ""


def _id(state: str) -> str:
    return state.replace("-", "_")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(with_diagrams(Path(name).read_text("utf-8")), "utf-8")
