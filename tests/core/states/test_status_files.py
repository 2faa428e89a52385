"""The published status files: each page proven, changed only when it must be, never ahead."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry import publish_status
from registry.ledger.storage import StorageFailed
from registry.store.certificates import Certificate
from registry.store.log import EventGroup
from signing.mirror import Factor
from signing.report import Reason, StepCode, Verdict
from signing.statusfile import parse_status_file
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.entry import State, parse_time
from signing.tlog.status import verify_staple

HOUR = timedelta(hours=1)


def folder(office: Any) -> Path:
    return Path(office.site.public / "status")


def files(office: Any) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder(office).glob("*.tlog-proof")}


def states(office: Any) -> list[State]:
    """Return what the public status files prove of each certificate, each under the policy."""
    found = []
    for row in office.rows(Certificate):
        data = (folder(office) / f"{row.status_index // 4096}.tlog-proof").read_bytes()
        file = parse_status_file(data)
        checkpoint = open_checkpoint(file.proof.checkpoint_note, office.policy).checkpoint
        found.append(verify_staple(file.staple(row.status_index), checkpoint)[0])
    return found


def test_a_file_proves_each_certificate_of_its_page(office: Any, clerk: Any) -> None:
    numbers = clerk.issue(4)
    office.run()
    assert states(office) == [State.VALID] * 4
    clerk.suspend(numbers[1])
    clerk.revoke(numbers[2])
    clerk.reissue(numbers[3])
    office.run()
    assert states(office) == [
        State.VALID,
        State.SUSPENDED,
        State.REVOKED,
        State.SUPERSEDED,
        State.VALID,
    ]
    note = clerk.status_file().proof.checkpoint_note
    assert note == office.log.storage.read("checkpoint")
    assert list(files(office)) == ["0.tlog-proof"]


def test_pages_that_say_what_they_said_are_proven_anew_once_an_hour(
    office: Any, clerk: Any, monkeypatch: Any
) -> None:
    office.issue(office.people(4100, level="4"))
    office.run()
    before = files(office)
    assert sorted(before) == ["0.tlog-proof", "1.tlog-proof"]
    rows = office.rows(Certificate)
    written: list[str] = []
    real = publish_status.LocalStorage.write_all

    def watched(storage: Any, items: Any) -> int:
        items = list(items)
        written.extend(path for path, _data in items if path.endswith(".tlog-proof"))
        return real(storage, items)

    monkeypatch.setattr(publish_status.LocalStorage, "write_all", watched)
    office.publish()
    assert written == []
    office.clock.moment += HOUR - timedelta(seconds=1)
    clerk.revoke(rows[7].number)
    office.run()
    assert written == ["0.tlog-proof"]
    assert states(office)[7] == State.REVOKED
    office.clock.moment += timedelta(seconds=1)
    clerk.revoke(rows[8].number)
    office.run()
    # The hour of page 1 is over; page 0 has changed.
    assert written[1:] == ["0.tlog-proof", "1.tlog-proof"]
    # A certificate more on a page of blanks changes no byte of the page, and must be covered.
    office.clock.moment += timedelta(seconds=1)
    clerk.issue(offset=9000)
    office.run()
    assert written[3:] == ["1.tlog-proof"]
    assert states(office)[-1] == State.VALID


@pytest.mark.parametrize("harm", ["lost", "bit", "empty", "other"])
def test_a_lost_or_damaged_file_is_made_again(office: Any, clerk: Any, harm: str) -> None:
    clerk.issue(3)
    office.run()
    file = folder(office) / "0.tlog-proof"
    whole = file.read_bytes()
    office.clock.moment += timedelta(minutes=1)
    clerk.issue(offset=50)
    office.run()
    newer = file.read_bytes()
    match harm:
        case "lost":
            file.unlink()
        case "bit":
            file.write_bytes(newer[:300] + bytes([newer[300] ^ 1]) + newer[301:])
        case "empty":
            file.write_bytes(b"")
        case _:
            # An older one, true in itself, that does not cover the newest certificate.
            file.write_bytes(whole)
    office.publish()
    assert file.read_bytes() == newer


def test_a_proof_that_does_not_hold_never_goes_out(office: Any, clerk: Any) -> None:
    clerk.issue(3)
    office.run()
    before = files(office)
    clerk.issue(offset=50)
    office.anchor()
    tile = office.site.public / "log" / "tile" / "0" / "000.p" / str(office.head().size)
    data = tile.read_bytes()
    tile.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(StorageFailed, match="certreg log fsck"):
        office.publish()
    assert files(office) == before


def test_a_crash_between_files_is_made_good(office: Any, clerk: Any, monkeypatch: Any) -> None:
    numbers = clerk.issue(3)
    office.run()
    clerk.revoke(numbers[0])
    office.anchor()

    class Crash(BaseException):
        pass

    def crash(*_args: Any) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(publish_status, "format_status_file", crash)
        with pytest.raises(Crash):
            office.publish()
    assert states(office)[0] == State.VALID  # the older file: true as of its own time
    office.publish()
    assert states(office)[0] == State.REVOKED
    office.audit()


def latest(office: Any) -> int:
    return int(json.loads((folder(office) / "latest.json").read_bytes())["entry_index"])


def test_without_a_quorum_nothing_goes_out(office: Any, clerk: Any, witnessed: Any) -> None:
    clerk.issue(3)
    office.anchor()
    assert office.publish() == 0
    assert list(folder(office).glob("[!.]*")) == []
    assert not office.site.mirror.exists()
    witnessed.sign()
    assert office.publish() == 3
    assert states(office) == [State.VALID] * 3
    office.audit()


def test_while_a_witness_is_away_what_is_public_stays(
    office: Any, clerk: Any, witnessed: Any
) -> None:
    numbers = clerk.issue(3)
    office.anchor()
    witnessed.sign()
    office.publish()
    before, entry = files(office), latest(office)
    tokens = [row.token for row in office.rows(Certificate)]
    office.clock.moment += HOUR
    clerk.revoke(numbers[0])
    clerk.reissue(numbers[1])
    office.anchor()
    assert office.publish() == 0
    assert (files(office), latest(office)) == (before, entry)
    assert any(not group.published for group in office.rows(EventGroup))
    # Nothing that is proven now is newer than it says: all of it is an hour old.
    for number in (numbers[0], numbers[2]):
        paper = clerk.paper(number)
        assert clerk.check(paper).step(StepCode.STATUS).reason is Reason.STATUS_MISSING
        report = clerk.check(paper, clerk.status_file())
        assert report.verdict is Verdict.VALID
        assert report.as_of == office.clock.moment - HOUR
    (old,) = office.look_up({Factor.TOKEN: tokens[1]})
    assert old.superseded_by == ""
    witnessed.sign()
    assert office.publish() == 1
    assert states(office) == [State.REVOKED, State.SUPERSEDED, State.VALID, State.VALID]
    assert clerk.check(paper).verdict is Verdict.CANNOT_SAY
    assert clerk.check(clerk.paper(numbers[2])).verdict is Verdict.VALID
    assert latest(office) > entry
    assert parse_time(clerk.status_file().status().time) == office.clock.moment
    office.audit()


def test_a_witness_behind_by_some_rounds_proves_what_it_has_seen(
    office: Any, clerk: Any, witnessed: Any
) -> None:
    numbers = clerk.issue(3)
    office.anchor()
    witnessed.sign()
    office.publish()
    old = clerk.status_file()
    clerk.revoke(numbers[0])
    office.anchor()
    office.publish()
    office.anchor()
    assert clerk.status_file() == old
    assert open_checkpoint(old.proof.checkpoint_note, office.policy).signed_by == {"w"}


def test_an_old_database_puts_no_older_states_out(office: Any, clerk: Any, witnessed: Any) -> None:
    (number,) = clerk.issue()
    office.anchor()
    witnessed.sign()
    office.publish()
    office.close()
    database = office.home / "registry.db"
    old = database.read_bytes()
    clerk.revoke(number)
    office.anchor()
    witnessed.sign()
    office.publish()
    assert states(office) == [State.REVOKED]
    office.close()
    for side in office.home.glob("registry.db-*"):
        side.unlink()
    database.write_bytes(old)
    office.publish()
    assert states(office) == [State.REVOKED]


def test_the_list_and_the_files_speak_of_one_entry(office: Any, clerk: Any) -> None:
    clerk.issue(3)
    office.run()
    pointer = json.loads((folder(office) / "latest.json").read_bytes())
    file = clerk.status_file()
    assert base64.b64decode(pointer["entry"]) == file.entry
    assert pointer["entry_index"] == file.proof.index
    report = clerk.check(clerk.paper(office.rows(Certificate)[0].number), file)
    assert report.verdict is Verdict.VALID
    assert report.step(StepCode.STATUS).reason is Reason.STATUS_IN_FORCE
