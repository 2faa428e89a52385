"""The procedure's page shows the machines as the program has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.rules.diagrams import BEGIN, END, all_diagrams, with_diagrams
from registry.rules.standing import MACHINES
from registry.rules.workflow import GUARDS


def test_the_page_is_what_the_tables_say(root: Path) -> None:
    page = (root / "docs" / "procedure.md").read_text("utf-8")
    assert with_diagrams(page) == page, "run python -m registry.rules.diagrams docs/procedure.md"


def test_a_page_that_fell_behind_is_written_anew_and_kept_around() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    fresh = with_diagrams(page)
    assert fresh == f"before\n{BEGIN}\n\n{all_diagrams()}\n{END}\nafter\n"
    assert with_diagrams(fresh) == fresh


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{BEGIN}{BEGIN}{END}"])
def test_a_page_without_its_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="unpack"):
        with_diagrams(page)


def test_every_row_of_every_machine_is_drawn_and_listed() -> None:
    text = all_diagrams()
    for machine in MACHINES:
        assert f"### {machine.title}（{machine.name}）" in text
        for step in machine.steps:
            words = machine.words
            ends = (step.state.replace("-", "_"), step.to.replace("-", "_"))
            assert f"    {ends[0]} --> {ends[1]}: {words[step.event]}\n" in text
            conditions = "；".join(GUARDS[guard] for guard in step.guards) or "—"
            line = f"| {words[step.event]} | {words[step.to]} | {conditions} | {step.paragraph} |"
            assert line in text
