"""An office's own log, round by round, under the eye of the monitor: nothing is found."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from registry.ledger.monitor.source import FolderSource
from registry.ledger.monitor.state import Issued, MonitorState
from registry.ledger.monitor.watching import MonitorReport, Watch, monitor


def look(office: Any, folder: Path, watched: list[Issued]) -> MonitorReport:
    watch = Watch(
        now=office.clock.now(), max_age=timedelta(days=3), prefixes=frozenset({office.prefix})
    )
    source = FolderSource(office.site.public / "log")
    with MonitorState.open(folder) as state:
        report = monitor(source, office.policy, state, watch)
        watched += state.issued()
        state.told(2**53)
    return report


def test_what_the_office_does_is_found_right_as_it_is_done(office: Any, tmp_path: Path) -> None:
    folder, watched = tmp_path / "state", list[Issued]()
    batch = office.issue(office.people(300))
    office.anchor()
    assert look(office, folder, watched).findings == ()
    numbers = [number for number, _ in batch.ranges]
    for step in (
        lambda: office.correct(numbers[0], {"name": "欧阳龑"}),
        lambda: office.revoke(numbers[1]),
        lambda: office.correct(numbers[0], {"name": "欧阳龙"}),
        lambda: office.issue(office.people(400, offset=300)),
        lambda: office.revoke(numbers[0]),
    ):
        step()
        office.clock.moment += timedelta(hours=30)
        office.anchor()
        report = look(office, folder, watched)
        assert (report.findings, report.obstacle) == ((), "")
        assert report.size == office.head().size
    assert [one.edition for one in watched].count(1) == 700
    assert [(one.number, one.edition) for one in watched if one.edition > 1] == [
        (numbers[0], 2),
        (numbers[0], 3),
    ]
    # From the beginning at once it is the same.
    assert look(office, tmp_path / "other", []).findings == ()
