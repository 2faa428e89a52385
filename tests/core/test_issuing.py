"""Issuing: contiguous numbers in the list's order, signed records, leaves that commit to them."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import date
from multiprocessing import get_context
from typing import Any

import pytest
from sqlalchemy import update

from keys.dsse import pae
from keys.model import verify_signature
from registry.errors import NotFound, Refused, SerialsExhausted
from registry.ledger.events import read_entry
from registry.office import issuing
from registry.office.certificates import current_edition, editions, open_certificate
from registry.office.issuing import LAST_SERIAL, free_serials
from registry.office.reporting import batch_report
from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Batch, Certificate
from registry.store.certificates import Counter as CounterRow
from registry.store.log import EventGroup
from registry.store.outbox import UploadKind
from signing.envelope import RECORD_TYPE
from signing.record import check_form, commitment
from signing.tlog.entry import Issue, parse_entry


def test_numbers_are_contiguous_in_the_lists_own_order(office: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(issuing, "CHUNK", 7)
    people = office.people(60)
    people += office.people(30, offset=100, issued=date(2025, 12, 30))
    batch = office.issue(people)
    rows = office.rows(Certificate)
    serial: Counter[tuple[int, str]] = Counter()
    for person, row in zip(people, rows, strict=True):
        group = (person.issued.year, person.level)
        serial[group] += 1
        year = person.issued.year % 100
        assert row.number == f"{office.prefix}{year}{person.level}{serial[group]:06}"
    firsts = [first for first, _last in batch.ranges]
    lasts = [last for _first, last in batch.ranges]
    assert firsts == sorted({row.number[:16] + "000001" for row in rows})
    assert lasts == [
        f"{first[:16]}{serial[2000 + int(first[13:15]), first[15]]:06}" for first in firsts
    ]
    assert [row.status_index for row in rows] == list(range(90))
    assert (batch.count, batch.recognised) == (90, False)


def test_the_next_batch_goes_on_where_the_last_one_ended(office: Any) -> None:
    first = office.issue(office.people(50))
    second = office.issue(office.people(50, offset=50))
    assert [int(head[-6:]) for head, _last in second.ranges] == [
        int(last[-6:]) + 1 for _head, last in first.ranges
    ]
    assert (first.batch_id, second.batch_id) == (
        f"{office.prefix}-2026-0001",
        f"{office.prefix}-2026-0002",
    )


def test_every_record_is_signed_by_its_issuer_and_committed_to_by_its_leaf(office: Any) -> None:
    people = office.people(30)
    office.issue(people)
    key = office.record_keys[office.prefix].info
    openings = set()
    for person, row in zip(people, office.rows(Certificate), strict=True):
        opened = open_certificate(row, office.context)
        record, envelope = opened.record, opened.envelope
        check_form(record)
        for name in ("name", "id_type", "id_number", "admission", "occupation", "direction"):
            assert getattr(record, name) == getattr(person, name)
        assert (record.number, record.edition, record.previous) == (row.number, 1, "")
        assert record.issued == person.issued.isoformat() == row.issued.isoformat()
        message = pae(RECORD_TYPE, envelope.payload)
        assert verify_signature(key.algorithm, key.public_key, message, envelope.signature)
        assert envelope.key_id == key.key_id
        with read_unit(office.engine) as session:
            leaf = read_entry(session, row.group_id, row.status_index)
        assert parse_entry(leaf) == Issue(
            batch=row.batch_id,
            commit=commitment(opened.opening, envelope.payload).hex(),
            edition=1,
            number=row.number,
            prefix=office.prefix,
            status=row.status_index,
        )
        openings.add(opened.opening)
    assert len(openings) == len({row.token for row in office.rows(Certificate)}) == 30


def test_a_batch_owes_its_report_and_leaves_one_audit_line(office: Any) -> None:
    batch = office.issue(office.people(12))
    with read_unit(office.engine) as session:
        reports = list(batch_report(session, batch.batch_id, office.context))
    assert [report.record.number for report in reports] == [
        row.number for row in office.rows(Certificate)
    ]
    assert {report.kind for report in reports} == {UploadKind.NEW}
    lines = [line for line in office.rows(AuditLine) if line.action == "issue"]
    assert [(line.subject, line.actor) for line in lines] == [(batch.batch_id, "test")]
    with read_unit(office.engine) as session, pytest.raises(NotFound, match="no batch X"):
        next(batch_report(session, "X", office.context))


def test_what_is_not_there_is_said(office: Any) -> None:
    with read_unit(office.engine) as session:
        with pytest.raises(NotFound, match="digit by digit"):
            current_edition(session, "Y000044999001265000001")
        assert editions(session, "Y000044999001265000001") == ()
    office.record_keys["Y000044999009"] = office.record_keys[office.prefix]
    with pytest.raises(NotFound, match="Y000044999009"):
        office.issue(office.people(1), prefix="Y000044999009")


def test_an_empty_list_is_refused(office: Any) -> None:
    before = office.contents()
    with pytest.raises(Refused, match="no person"):
        office.issue([])
    assert office.contents() == before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda people, more: people[:-1], id="one-too-few"),
        pytest.param(lambda people, more: people + more, id="one-too-many"),
        pytest.param(lambda people, more: [], id="none"),
        pytest.param(lambda people, more: [*people[:-1], *more], id="another-level"),
    ],
)
@pytest.mark.parametrize("chunk", [4, 4000])
def test_a_list_that_is_not_what_was_counted_is_refused(
    office: Any, monkeypatch: Any, change: Any, chunk: int
) -> None:
    monkeypatch.setattr(issuing, "CHUNK", chunk)
    before = office.contents()
    people = office.people(20, level="5")
    more = office.people(1, offset=20, level="4")
    with pytest.raises(Refused, match="changed while it was being issued") as refused:
        office.issue_order(office.order(people, candidates=change(people, more)))
    assert refused.value.__cause__ is None
    assert office.contents() == before
    assert office.issue(people).ranges[0][0].endswith("000001")


def set_counter(office: Any, value: int) -> None:
    with write_unit(office.engine) as session:
        scope = f"number:{office.prefix}:2026:5"
        session.add(CounterRow(scope=scope, next_value=1))
        session.flush()
        session.execute(
            update(CounterRow).where(CounterRow.scope == scope).values(next_value=value)
        )


def free(office: Any) -> int:
    with read_unit(office.engine) as session:
        return free_serials(session, office.prefix, 2026, "5")


def test_the_last_serial_is_used_and_none_after_it(office: Any) -> None:
    assert free(office) == LAST_SERIAL == 999_999
    set_counter(office, 999_998)
    assert free(office) == 2
    before = office.contents()
    with pytest.raises(SerialsExhausted, match="has 2 serials left of the 3 wanted") as refused:
        office.issue([*office.people(5, offset=9, level="4"), *office.people(3, level="5")])
    assert refused.value.code == "serials-exhausted"
    assert office.contents() == before
    batch = office.issue(office.people(2, level="5"))
    assert batch.ranges == ((f"{office.prefix}265999998", f"{office.prefix}265999999"),)
    assert free(office) == 0
    with pytest.raises(SerialsExhausted, match="has 0 serials left"):
        office.issue(office.people(1, offset=7, level="5"))
    # Other levels and other companies have ranges of their own.
    assert office.issue(office.people(1, offset=7, level="4")).count == 1
    office.prefix = "Y000044999002"
    assert office.issue(office.people(1, offset=7, level="5")).ranges[0][0].endswith("000001")


def issue_some(office: Any, prefix: str, offset: int, batches: int) -> None:
    office.prefix = prefix
    for batch in range(batches):
        office.issue(office.people(40, offset=offset + batch * 40))


def check_shared(office: Any) -> None:
    """Eight batches of forty by four writers: all whole, no number twice or left out."""
    groups = [group for group in office.rows(EventGroup) if group.kind == "issue"]
    assert [group.certificates for group in groups] == [40] * 8
    taken = sorted((group.first_status, group.first_status + 40) for group in groups)
    assert [first for first, _end in taken] == [0, *(end for _first, end in taken[:-1])]
    rows = office.rows(Certificate)
    for batch in office.rows(Batch):
        own = [row for row in rows if row.batch_id == batch.batch_id]
        assert len(own) == 40
        by_level = Counter(row.level for row in own)
        for level in by_level:
            serials = [int(row.number[16:]) for row in own if row.level == level]
            assert serials == list(range(serials[0], serials[0] + len(serials)))
    office.run()
    office.audit()


def test_four_processes_issue_at_once_in_disjoint_ranges(office: Any) -> None:
    office.close()
    fork = get_context("fork")
    workers = [
        fork.Process(target=issue_some, args=(office, prefix, place * 1000, 2))
        for place, prefix in enumerate(["Y000044999001", "Y000044999002"] * 2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    check_shared(office)


def test_four_threads_issue_at_once_in_disjoint_ranges(office: Any, open_office: Any) -> None:
    offices = [open_office(office.home) for _ in range(4)]
    threads = [
        threading.Thread(target=issue_some, args=(own, office.prefix, place * 1000, 2))
        for place, own in enumerate(offices)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in offices:
        own.close()
    check_shared(office)
