"""Later changes: each is found once, told once under one id, and nothing of a person is kept."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from contextlib import closing
from typing import Any

import msgspec
import pytest

from signing.record import canonical, edition_digest
from signing.tlog.entry import State
from verify_web.bulk import watches, watching
from verify_web.bulk.accounts import (
    end_organisation,
)
from verify_web.bulk.addresses import CallFault
from verify_web.bulk.audit import check_chain
from verify_web.bulk.jobs import Asked, Purpose, accept, forget_job
from verify_web.bulk.quota import Kind
from verify_web.bulk.store import purge
from verify_web.bulk.telling import tell_due
from verify_web.bulk.watches import (
    WATCH_QUOTAS,
    WATCH_TERM,
    NoSuchWatch,
    WatchQuota,
    WatchQuotaUsed,
    secret_of,
    watches_of,
)
from verify_web.bulk.watching import compare
from verify_web.errors import ServiceTrouble
from verify_web.work import tell_once

ADDRESS = "https://hr.example.com/hooks"


def new_edition(bulk: Any, name: str) -> None:
    """Put a newer edition of a certificate into the log, under the name `newer`."""
    old = bulk.world.records[name]
    bulk.world.records["newer"] = msgspec.structs.replace(
        old, edition=old.edition + 1, previous=edition_digest(canonical(old))
    )
    bulk.world.issue("newer", bulk.world.records["newer"], len(bulk.world.records) - 1)
    bulk.world.change_state(name, State.SUPERSEDED)


def test_a_revocation_is_told_by_row_and_signed(bulk: Any, receiver: Any, postman: Any) -> None:
    employer, _ = bulk.organisation()
    rows = bulk.row("suspended"), bulk.row("valid", name="示例不符"), bulk.row("valid")
    job = bulk.subscribe(employer, *rows)
    secret = secret_of(bulk.desk, employer.employer, job)
    assert tell_once(bulk.bench, postman) == 0
    bulk.publish(valid=State.REVOKED, second=State.REVOKED, suspended=State.VALID)
    assert tell_once(bulk.bench, postman) == 1
    ((address, headers, body),) = receiver.posted
    assert address == ADDRESS
    told = json.loads(body)
    assert told == {
        "event": headers["Certreg-Event"],
        "job": job,
        "rows": [{"row": 1, "state": "valid"}, {"row": 3, "state": "revoked"}],
        "log": told["log"],
        "as_of": "2026-11-23T11:02:00Z",
        "time": "2026-11-23T11:02:00Z",
    }
    assert told["log"]["size"] == len(bulk.world.leaves)
    message = headers["Certreg-Timestamp"].encode() + b"." + body
    right = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    assert headers["Certreg-Signature"] == f"v1={right}"
    assert tell_once(bulk.bench, postman) == 0
    bulk.publish()
    assert tell_once(bulk.bench, postman) == 0
    assert check_chain(bulk.desk).broken_at is None


def test_nothing_of_a_person_is_told_or_kept(bulk: Any, receiver: Any, postman: Any) -> None:
    employer, _ = bulk.organisation()
    job = bulk.subscribe(employer, bulk.row("valid"), bulk.row("second"))
    forget_job(bulk.desk, employer.employer, job)
    bulk.publish(valid=State.REVOKED)
    receiver.fault = CallFault.ANSWER
    tell_once(bulk.bench, postman)
    record = bulk.world.records["valid"]
    with closing(sqlite3.connect(bulk.bench.site.config.state)) as state:
        state.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = bulk.bench.site.config.state.read_bytes()
    for text in (record.number, record.name, record.id_number, record.id_number[-6:], "hr.example"):
        assert text.encode() not in receiver.posted[0][2]
        assert text.encode() not in kept


def test_a_correction_is_told_and_the_new_edition_followed(
    bulk: Any, receiver: Any, postman: Any
) -> None:
    employer, _ = bulk.organisation()
    bulk.subscribe(employer, bulk.row("valid"))
    new_edition(bulk, "valid")
    bulk.publish()
    assert tell_once(bulk.bench, postman) == 1
    bulk.publish(newer=State.SUSPENDED)
    assert tell_once(bulk.bench, postman) == 1
    bulk.publish(newer=State.VALID)
    assert tell_once(bulk.bench, postman) == 1
    bulk.publish(newer=State.REVOKED)
    assert tell_once(bulk.bench, postman) == 1
    states = [body["rows"][0]["state"] for body in receiver.bodies]
    assert states == ["corrected", "suspended", "corrected", "revoked"]
    assert len({body["event"] for body in receiver.bodies}) == 4


def test_a_correction_of_an_imported_certificate_is_followed_too(
    bulk: Any, receiver: Any, postman: Any
) -> None:
    """Its later editions stand in the log as imports (补录), in no issue entry."""
    employer, _ = bulk.organisation()
    bulk.subscribe(employer, bulk.row("valid"))
    new_edition(bulk, "valid")
    at, leaf = bulk.world.entries["newer"].index, bulk.world.entries["newer"].entry
    imported = leaf.replace(b'"t":"issue"', b'"t":"import"')
    bulk.world.leaves[at] = imported
    bulk.world.entries["newer"] = msgspec.structs.replace(
        bulk.world.entries["newer"], entry=imported
    )
    bulk.publish()
    assert tell_once(bulk.bench, postman) == 1
    bulk.publish(newer=State.REVOKED)
    assert tell_once(bulk.bench, postman) == 1
    assert [body["rows"][0]["state"] for body in receiver.bodies] == ["corrected", "revoked"]


def test_an_old_status_list_put_back_makes_no_news(bulk: Any, receiver: Any, postman: Any) -> None:
    employer, _ = bulk.organisation()
    bulk.subscribe(employer, bulk.row("valid"))
    before = {file.name: file.read_bytes() for file in (bulk.world.public / "status").iterdir()}
    bulk.publish(valid=State.REVOKED)
    tell_once(bulk.bench, postman)
    for name, data in before.items():
        (bulk.world.public / "status" / name).write_bytes(data)
    bulk.bench.site.public.forget()
    assert tell_once(bulk.bench, postman) == 0
    assert [body["rows"][0]["state"] for body in receiver.bodies] == ["revoked"]


def test_a_doctored_log_is_not_believed(bulk: Any, receiver: Any, postman: Any) -> None:
    employer, _ = bulk.organisation()
    bulk.subscribe(employer, bulk.row("valid"))
    bulk.publish(valid=State.REVOKED)
    snapshot = bulk.bench.site.public.snapshot()
    for file in (bulk.world.public / "log" / "tile" / "entries").rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes().replace(b"P-299", b"P-298"))
            file.write_bytes(file.read_bytes().replace(b'"reason":"test"', b'"reason":"tess"'))
    with pytest.raises(ServiceTrouble):
        compare(bulk.desk, snapshot)
    assert tell_due(bulk.desk, postman) == 0
    assert receiver.posted == []


def left(bulk: Any) -> tuple[int, int]:
    with bulk.desk.state.transaction() as connection:
        return tuple(
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for table in ("watches", "events")
        )


def test_of_two_that_compare_at_once_one_makes_the_notice(
    bulk: Any, receiver: Any, postman: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    employer, _ = bulk.organisation()
    bulk.subscribe(employer, bulk.row("valid"))
    bulk.publish(valid=State.REVOKED)
    snapshot, real = bulk.bench.site.public.snapshot(), watching.unpack_watched

    def overtaken(*facts: Any) -> Any:
        monkeypatch.setattr(watching, "unpack_watched", real)
        assert compare(bulk.desk, snapshot) == 1
        return real(*facts)

    monkeypatch.setattr(watching, "unpack_watched", overtaken)
    assert compare(bulk.desk, snapshot) == 0
    assert tell_due(bulk.desk, postman) == 1
    assert len(receiver.posted) == 1


def test_after_its_term_or_its_end_nothing_is_left(bulk: Any, receiver: Any, postman: Any) -> None:
    employer, _ = bulk.organisation()
    receiver.fault = CallFault.TIME
    job = bulk.subscribe(employer, bulk.row("valid"))
    bulk.publish(valid=State.REVOKED)
    tell_once(bulk.bench, postman)
    assert left(bulk) == (1, 1)
    other, _ = bulk.organisation("示例另一单位")
    with pytest.raises(NoSuchWatch):
        watches.end(bulk.desk, other.employer, job)
    watches.end(bulk.desk, employer.employer, job)
    assert left(bulk) == (0, 0)
    bulk.subscribe(employer, bulk.row("second"))
    bulk.publish(second=State.REVOKED)
    tell_once(bulk.bench, postman)
    assert left(bulk) == (1, 1)
    bulk.clock.moment += WATCH_TERM
    purge(bulk.desk)
    assert left(bulk) == (0, 0)
    assert watches_of(bulk.desk, employer.employer) == []


def test_an_account_that_ends_is_told_nothing_more(bulk: Any, receiver: Any, postman: Any) -> None:
    employer, _ = bulk.organisation()
    bulk.subscribe(employer, bulk.row("valid"))
    bulk.publish(valid=State.REVOKED)
    end_organisation(bulk.desk, employer.employer)
    assert tell_once(bulk.bench, postman) == 0
    assert receiver.posted == []
    assert left(bulk) == (0, 0)


def test_a_job_deleted_before_it_was_done_watches_nothing(bulk: Any) -> None:
    employer, _ = bulk.organisation()
    asked = Asked(
        rows=[bulk.row("valid")],
        purpose=Purpose.STAFF,
        asker="示例单位",
        request=bytes(16),
        webhook=ADDRESS,
    )
    job = accept(bulk.desk, employer, asked)
    purge(bulk.desk)
    assert left(bulk) == (1, 0)
    forget_job(bulk.desk, employer.employer, job)
    assert left(bulk) == (0, 0)


def test_subscriptions_have_a_quota(bulk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert WATCH_QUOTAS[Kind.MAIL] == WatchQuota(jobs=20, rows=20_000)
    assert WATCH_QUOTAS[Kind.KEY] == WatchQuota(jobs=200, rows=200_000)
    employer, _ = bulk.organisation()
    monkeypatch.setitem(WATCH_QUOTAS, Kind.KEY, WatchQuota(jobs=2, rows=100))
    first = bulk.subscribe(employer, bulk.row("valid"))
    bulk.subscribe(employer, bulk.row("valid"))
    lines = check_chain(bulk.desk).lines
    with pytest.raises(WatchQuotaUsed):
        bulk.subscribe(employer, bulk.row("valid"))
    assert check_chain(bulk.desk).lines == lines
    bulk.subscribe(employer, bulk.row("valid"), to=None)
    watches.end(bulk.desk, employer.employer, first)
    monkeypatch.setitem(WATCH_QUOTAS, Kind.KEY, WatchQuota(jobs=9, rows=2))
    bulk.subscribe(employer, bulk.row("valid"))
    with pytest.raises(WatchQuotaUsed):
        bulk.subscribe(employer, bulk.row("valid"))
