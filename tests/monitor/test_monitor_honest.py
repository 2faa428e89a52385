"""An honest log over real HTTP: nothing is found, whatever is interrupted in between."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from registry.ledger.monitor import reading
from registry.ledger.monitor.errors import MonitorStateBad
from registry.ledger.monitor.state import Issued, MonitorState

PREFIX, OTHER = "Y000044999001", "Y000044999002"


def test_nothing_is_found_and_nothing_is_read_twice(site: Any, eye: Any, make: Any) -> None:
    book = make.honest(600)
    site.files = book.files()
    report = eye.look()
    assert (report.findings, report.obstacle) == ((), "")
    assert (report.old_size, report.size) == (0, len(book.leaves))
    assert report.newest == book.leaves[-1].time
    site.asked.clear()
    again = eye.look()
    assert (again.old_size, again.size, again.findings) == (report.size, report.size, ())
    assert site.asked == ["checkpoint"]
    book.issue(40).status()
    site.files |= book.files()
    site.asked.clear()
    more = eye.look()
    assert (more.old_size, more.size, more.findings) == (report.size, len(book.leaves), ())
    assert "tile/entries/000" not in site.asked


@pytest.mark.parametrize("seed", range(4))
def test_growing_by_any_steps_is_the_same_as_at_once(
    site: Any, eye: Any, make: Any, seed: int
) -> None:
    book = make.honest(700)
    chance = random.Random(seed)
    sizes = sorted(chance.sample(range(1, len(book.leaves)), 6))
    for size in [*sizes, len(book.leaves)]:
        site.files = book.files(size)
        report = eye.look()
        # In the middle of a batch nothing but the age of the status may be said.
        assert {kept.finding.kind.value for kept in report.findings} <= {"status-late"}
        assert report.size == size
    assert report.findings == ()


@pytest.mark.parametrize("wider", [False, True])
def test_partial_tiles_may_be_gone_once_the_full_ones_are_there(
    site: Any, eye: Any, make: Any, wider: bool
) -> None:
    book = make.honest(200)
    site.files = book.files()
    eye.look()
    book.issue(400).status()
    site.files = book.files() | ({} if not wider else site.files | book.files())
    assert eye.found() == []


def test_a_folder_is_read_as_a_server_is(eye: Any, make: Any, tmp_path: Path) -> None:
    book = make.honest()
    source = make.write(book.files(), tmp_path / "log")
    report = eye.look(source=source)
    assert (report.findings, report.obstacle, report.size) == ((), "", len(book.leaves))


class Killed(BaseException):
    """The process ends here."""


class Killer:
    """A source that ends the process at its nth answer."""

    def __init__(self, source: Any, nth: int) -> None:
        self._source, self._left = source, nth

    def read(self, path: str, limit: int) -> bytes:
        self._left -= 1
        if not self._left:
            raise Killed
        answer: bytes = self._source.read(path, limit)
        return answer

    def close(self) -> None:
        self._source.close()


def test_parts_are_put_down_while_a_long_log_is_read(
    site: Any, eye: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PART", 512)
    site.files = make.honest(1500).files()
    with pytest.raises(Killed):
        eye.look(source=Killer(eye.source(), 15))
    with MonitorState.open(eye.folder) as state:
        progress = state.progress()
        assert progress is not None
        assert progress.size == 1024


def test_what_a_watched_company_issues_is_told_once(site: Any, eye: Any, make: Any) -> None:
    book = make.honest(10)
    site.files = book.files()
    eye.look(prefixes=frozenset({OTHER}))
    with MonitorState.open(eye.folder) as state:
        issued = list(state.issued())
        assert [one.number for one in issued] == [f"{OTHER}264{n:06}" for n in range(1, 21)]
        assert issued[0] == Issued(
            leaf=14, number=f"{OTHER}264000001", edition=1, batch=f"{OTHER}-2026-0002"
        )
        # Killed before it was told: it is told the next time.
    with MonitorState.open(eye.folder) as state:
        assert list(state.issued()) == issued
        state.told(issued[-1].leaf)
        assert list(state.issued()) == []
    book.issue(2, OTHER).status()
    site.files |= book.files()
    eye.look(prefixes=frozenset({OTHER}))
    with MonitorState.open(eye.folder) as state:
        assert [one.number[-6:] for one in state.issued()] == ["000021", "000022"]


def test_one_state_serves_one_monitor_and_one_log(site: Any, eye: Any, make: Any) -> None:
    site.files = make.honest(5).files()
    with MonitorState.open(eye.folder), pytest.raises(MonitorStateBad, match="another monitor"):
        eye.look()
    eye.look()
    (eye.folder / "monitor.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(MonitorStateBad, match="put the folder aside"):
        eye.look()
