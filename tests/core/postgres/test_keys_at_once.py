"""On PostgreSQL a key's end and what it signs at the same moment are put in order."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from keys.model import KeyState
from registry.office import issuing
from registry.office.issuer_keys import KeyNotActive, end_key
from registry.office.key_places import placed_keys
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Certificate
from signing.tlog.entry import Issue, parse_entry

WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


def wait_for_a_waiter(office: Any) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with read_unit(office.engine) as session:
            if session.scalar(WAITING):
                return
        time.sleep(0.01)
    pytest.fail("nobody waits for the key")


def revoke(office: Any) -> None:
    key_id = office.record_keys[office.prefix].info.key_id
    with write_unit(office.engine) as session:
        end_key(session, key_id, KeyState.REVOKED, context=office.context)


def ended_leaf(office: Any) -> int:
    with read_unit(office.engine) as session:
        (key,) = placed_keys(session, office.origin, office.prefix)
    assert key.ended is not None
    return int(key.ended)


def test_an_end_waits_for_the_batch_that_saw_the_key_active(office: Any, monkeypatch: Any) -> None:
    insert = issuing._insert
    ends: list[Future[None]] = []

    def slow(*arguments: Any, **named: Any) -> None:
        ends.append(pool.submit(revoke, office))
        wait_for_a_waiter(office)
        insert(*arguments, **named)

    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(issuing, "_insert", slow)
        office.issue(office.people(3, level="4"))
        ends[0].result(30)
    bound = ended_leaf(office)
    office.run()
    office.audit()
    leaves = [
        at for at, data in enumerate(office.entries()) if isinstance(parse_entry(data), Issue)
    ]
    assert len(leaves) == 3
    assert max(leaves) < bound <= ended_leaf(office)


def test_a_batch_that_waited_for_the_end_is_refused(office: Any) -> None:
    key_id = office.record_keys[office.prefix].info.key_id
    with ThreadPoolExecutor(1) as pool:
        with write_unit(office.engine) as session:
            end_key(session, key_id, KeyState.REVOKED, context=office.context)
            session.flush()
            batch = pool.submit(office.issue, office.people(3, level="4"))
            wait_for_a_waiter(office)
        with pytest.raises(KeyNotActive, match="is revoked"):
            batch.result(30)
    assert office.rows(Certificate) == []
