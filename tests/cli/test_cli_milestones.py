"""Milestones from the shell: recorded, listed, proven, and checked by somebody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from registry.cli.base import CLOCK
from registry.cli.batches import CHINA

TODAY = f"{CLOCK.now().astimezone(CHINA):%Y-%m-%d}"


def add(desk: Any, *options: str, kind: str = "plan", subject: str = "JH-2026-0001") -> Any:
    return desk("milestone", "add", kind, subject, "--date", TODAY, "--json", *options)


@pytest.fixture
def document(tmp_path: Path) -> Path:
    file = tmp_path / "计划备案表.pdf"
    file.write_bytes(b"plan")
    return file


def test_from_the_step_to_the_supervisor(desk: Any, document: Path) -> None:
    named = ("--file", str(document), "--note", "计划备案表")
    ran = add(desk, *named)
    assert (ran.status, ran.facts["milestone"], ran.facts["recorded"]) == (0, 1, "now")
    again = add(desk, *named)
    assert (again.status, again.facts["milestone"]) == (0, 1)
    assert again.facts["recorded"].startswith("before")
    out = desk.folder / "plan.tlog-proof"
    refused = desk("milestone", "prove", "1", "-o", str(out))
    assert (refused.status, "certreg anchor" in refused.line) == (1, True)
    assert not out.exists()
    assert desk("anchor").status == 0
    told = desk("milestone", "prove", "1", "-o", str(out))
    assert told.status == 0
    assert "--document DOC" in told.out
    ran = desk.verify(out, "--document", str(document), "--json")
    # Nobody but the office dates this log: everything holds, and the time cannot be said.
    assert ran.status == 2
    report = json.loads(ran.out)
    assert [step["answer"] for step in report["steps"]] == [
        *(["valid"] * 4),
        "cannot-say",
        "valid",
    ]
    assert report["milestone"]["note"] == "计划备案表"
    assert "5." in ran.line
    document.write_bytes(b"another plan")
    ran = desk.verify(out, "--document", str(document))
    assert (ran.status, "6." in ran.line) == (1, True)
    assert ran.out.startswith("无效")


def test_the_list_says_what_is_in_the_log(desk: Any) -> None:
    assert "no milestone" in desk("milestone", "list").out
    assert add(desk).status == 0
    assert desk("anchor").status == 0
    assert add(desk, subject="JH-2026-0002", kind="results").status == 0
    found = json.loads(desk("milestone", "list", "--json").out)
    assert [(item["milestone"], item["step"], item["date"]) for item in found] == [
        (1, "plan 计划备案", TODAY),
        (2, "results 结果备案", TODAY),
    ]
    assert found[0]["in the log"].startswith("leaf ")
    assert "not in the log yet" in found[1]["in the log"]
    assert "JH-2026-0002" in desk("milestone", "list", "JH-2026-0002").out
    assert "JH-2026-0001" not in desk("milestone", "list", "JH-2026-0002").out
    assert "no milestone is recorded of X" in desk("milestone", "list", "X").out


def test_a_proof_damaged_on_the_way_is_not_believed(desk: Any) -> None:
    assert add(desk).status == 0
    assert desk("anchor").status == 0
    out = desk.folder / "plan.tlog-proof"
    assert desk("milestone", "prove", "1", "-o", str(out)).status == 0
    text = out.read_text()
    for damaged in (
        text.replace("index ", "index 1", 1),
        text.replace("extra ", "extra A", 1),
        text[: len(text) // 2],
    ):
        out.write_text(damaged)
        assert desk.verify(out).status in {1, 2}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "party", "X", "--date", TODAY), "party"),
        (("add", "plan", "X", "--date", "2026-13-01"), "--date"),
        (("add", "plan", "X", "--date", "2099-01-01"), "not come yet"),
        (("add", "plan", "计划一", "--date", TODAY), "field subject"),
        (("add", "plan", "X", "--date", TODAY, "--file", "missing.pdf"), "missing.pdf"),
        (("prove", "7", "-o", "x.tlog-proof"), "no milestone 7"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(desk: Any, arguments: Any, words: str) -> None:
    ran = desk("milestone", *arguments)
    assert (ran.status, words in ran.line) == (1, True)
    assert desk("milestone", "list", "--json").facts == []
