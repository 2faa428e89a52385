"""`certreg monitor` as cron runs it: exit status, words, JSON, and nothing lost between runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from keys.clock import Clock
from registry.cli import monitor as command
from registry.cli.base import run
from registry.cli.main import certreg
from registry.ledger.monitor.source import HttpSource

PREFIX, OTHER = "Y000044999001", "Y000044999002"
Run = Callable[..., tuple[int, str, str]]


class Standing:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 2, 3, 4, tzinfo=UTC)


@pytest.fixture
def certreg_monitor(capsys: Any, make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give the function that runs the command over a state of this test's own."""
    clock: Clock = Standing()
    monkeypatch.setattr(command, "CLOCK", clock)
    monkeypatch.setattr(command, "HttpSource", partial(HttpSource, pauses=(0.0,)))
    policy = make.policy_file(tmp_path)

    def go(log: str, *more: str) -> tuple[int, str, str]:
        state = str(tmp_path / "state")
        with pytest.raises(SystemExit) as end:
            run(certreg, ["monitor", log, "--policy", str(policy), "--state", state, *more])
        out, err = capsys.readouterr()
        assert len(err.splitlines()) == bool(end.value.code)
        return int(end.value.code or 0), out, err

    return go


def test_an_honest_log_is_status_0(site: Any, make: Any, certreg_monitor: Run) -> None:
    site.files = make.honest(10).files()
    said = (
        "log            127.0.0.1:8000/log\n"
        "entries        42, 42 of them new\n"
        "newest status  2026-11-22T21:03:07Z\n"
        "findings       none\n"
    )
    assert certreg_monitor(site.url) == (0, said, "")
    # With or without a slash at the end, and in capital letters of the scheme.
    assert certreg_monitor(f"{site.url}/")[0] == 0


def test_findings_are_status_1_and_stay(site: Any, make: Any, certreg_monitor: Run) -> None:
    site.files = make.honest(10).files(20)
    assert certreg_monitor(site.url)[0] == 0
    site.files |= make.honest(10).change(0, 0).status().files()
    status, out, err = certreg_monitor(site.url)
    line = (
        "FOUND          status-change: entry 42: certificate 0 goes from superseded to valid, "
        "which is not allowed (since 2026-11-23T02:03:04Z)\n"
    )
    assert (status, err) == (1, "certreg: 1 finding(s) against this log\n")
    assert line in out
    site.files.clear()
    status, out, err = certreg_monitor(site.url)
    assert status == 1
    assert line in out
    assert "there is no checkpoint at this address" in err


def test_what_could_not_be_done_is_status_2(
    site: Any, make: Any, certreg_monitor: Run, tmp_path: Path
) -> None:
    cases = {
        "http://127.0.0.1:1/log": "ConnectionRefusedError",
        site.url: "there is no checkpoint",
        str(tmp_path / "nowhere"): "there is no folder",
        "gopher://127.0.0.1/": "no address of a log",
    }
    for log, words in cases.items():
        status, _, err = certreg_monitor(log)
        assert (status, words in err) == (2, True), log
    (tmp_path / "log.policy").write_bytes(b"quorum\n")
    status, _, err = certreg_monitor(site.url)
    assert (status, "the policy" in err) == (2, True)
    (tmp_path / "log.policy").unlink()
    assert certreg_monitor(site.url)[0] == 2
    make.policy_file(tmp_path, witnessed=True)
    site.files = make.honest(10).files()
    status, out, err = certreg_monitor(site.url)
    assert (status, "too few witnesses" in err, "none" in out) == (2, True, False)


def test_a_late_status_is_found_while_it_is_late(
    site: Any, make: Any, certreg_monitor: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = make.honest(10)
    site.files = book.files()
    assert certreg_monitor(site.url, "--max-age", "1")[0] == 0
    later = datetime(2026, 11, 26, 2, 3, 4, tzinfo=UTC)
    monkeypatch.setattr(Standing, "now", lambda _: later)
    status, out, _ = certreg_monitor(site.url)
    assert status == 1
    assert "status-late: the newest status entry: is of 2026-11-22T21:03:07Z, 3 days old" in out
    site.files |= book.status(time="2026-11-25T21:03:07Z").files()
    assert certreg_monitor(site.url)[0] == 0
    site.files |= book.status(time="2027-11-25T21:03:07Z").files()
    status, out, _ = certreg_monitor(site.url)
    assert (status, "which is yet to come" in out) == (1, True)


def test_the_facts_come_as_json_and_the_watched_once(
    site: Any, make: Any, certreg_monitor: Run
) -> None:
    site.files = make.honest(3).change(0, 0).status().files()
    status, out, _ = certreg_monitor(site.url, "--json", "--watch", PREFIX.lower())
    facts = json.loads(out)
    assert status == 1
    (finding,) = facts.pop("findings")
    assert finding.pop("what")
    assert finding == {
        "kind": "status-change",
        "where": "entry 35",
        "since": "2026-11-23T02:03:04Z",
    }
    assert [(one["number"], one["edition"], one["leaf"]) for one in facts.pop("issued")] == [
        (f"{PREFIX}264000001", 1, 2),
        (f"{PREFIX}264000002", 1, 3),
        (f"{PREFIX}264000003", 1, 4),
        (f"{PREFIX}264000001", 2, 28),
    ]
    assert facts == {
        "log": "127.0.0.1:8000/log",
        "size": 37,
        "old_size": 0,
        "newest_status": "2026-11-22T21:03:08Z",
        "obstacle": "",
    }
    status, out, _ = certreg_monitor(site.url, "--json", "--watch", PREFIX)
    assert json.loads(out)["issued"] == []


def test_a_folder_is_read_without_a_server(make: Any, certreg_monitor: Run, tmp_path: Path) -> None:
    make.write(make.honest(10).files(), tmp_path / "log")
    status, out, _ = certreg_monitor(str(tmp_path / "log"), "--watch", OTHER)
    assert status == 0
    assert f"issued         {OTHER}264000001 edition 1 batch {OTHER}-2026-0002 leaf 14\n" in out


@pytest.mark.parametrize(
    "prefix", ["", "Y00004499900", f"{PREFIX}2", "Y00004499900l", "Y０00044999001", "4400044999001"]
)
def test_a_watched_prefix_that_can_never_match_is_refused_before_anything_is_read(
    site: Any, make: Any, certreg_monitor: Run, tmp_path: Path, prefix: str
) -> None:
    site.files = make.honest(3).files()
    status, out, err = certreg_monitor(site.url, "--watch", PREFIX, "--watch", prefix)
    # Not status 1: nothing was found.
    assert (status, out) == (2, "")
    assert "a letter and 12 digits" in err
    assert site.asked == []
    assert not (tmp_path / "state").exists()
