"""Long lists at the command line, and that a file's length never becomes a list of findings."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from registry.cli.demo_people import JOBS, LEVELS
from registry.cli.demo_sheets import write_csv


def test_fifty_thousand_people_are_checked(desk: Any) -> None:
    file = desk.file("csv")
    write_csv(file, desk.rows(50_000))
    ran = desk.check(file)
    assert (ran.status, ran.facts["people"], ran.facts["errors"]) == (0, 50_000, 0)


def _expected(count: int) -> Counter[str]:
    return Counter(LEVELS[index // len(JOBS) % len(LEVELS)] for index in range(count))


def _whole_path(desk: Any, count: int) -> None:
    ran = desk.issue(desk.sheet(desk.rows(count)))
    assert ran.facts["certificates"] == count
    ends = {numbers[15]: int(numbers[-6:]) for numbers in ran.facts["numbers"]}
    assert ends == _expected(count)
    anchored = desk("anchor", "--json").facts
    # Beside the people: two keys of issuers, the batch's end and a status.
    assert anchored["size"] == count + 7
    assert anchored["entries published"] == count
    assert "merkletools" in anchored["batch roots"]
    fsck = desk("log", "fsck", "--json").facts
    assert (fsck["size"], fsck["faults"]) == (count + 7, "none")
    proof = desk.folder / "last.tlog-proof"
    number = ran.facts["numbers"][-1].split()[-1]
    assert desk("prove", number, "-o", str(proof)).status == 0
    assert desk.verify(proof).status == 0


def test_five_thousand_people_come_all_the_way(desk: Any) -> None:
    _whole_path(desk, 5_000)


@pytest.mark.soak
def test_fifty_thousand_people_come_all_the_way(desk: Any) -> None:
    _whole_path(desk, 50_000)
