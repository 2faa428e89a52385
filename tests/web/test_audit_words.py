"""What was done is told in words; a code that has none stands for itself."""

from __future__ import annotations

from typing import Any

import pytest

from registry.office.cases import MACHINE_OF, CaseKind
from registry.rules.standing import ASSESSOR
from registry.web.audit_words import action_word


@pytest.mark.parametrize("kind", list(MACHINE_OF))
def test_every_step_of_every_case_has_words(kind: CaseKind) -> None:
    machine = MACHINE_OF[kind]
    for event in machine.events:
        word = action_word(f"{kind.value}-{event}")
        assert word.endswith(f"：{machine.words[event]}"), event
    assert action_word(f"{kind.value}-open").endswith("：新建")


def test_every_step_of_an_assessor_has_words() -> None:
    for event in ASSESSOR.events:
        assert ASSESSOR.words[event] in action_word(f"assessor-{event}")


@pytest.mark.parametrize("action", ["", "plans.upload", "filing-", "none-such", "filing-none"])
def test_what_has_no_words_stands_as_its_code(action: str) -> None:
    assert action_word(action) == ""


def test_the_auditor_reads_words_and_codes(browse: Any, planning: Any) -> None:
    planning.draft()
    page = browse("auditor").get("/audit")
    assert "实施计划：填写<br>" in page
    assert ">plan-fill-in</span>" in page
