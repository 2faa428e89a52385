"""Corrections and revocations: new leaves linked to the old, states that anybody can prove."""

from __future__ import annotations

import traceback
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from registry.errors import AlreadyHeld, NotFound, Refused
from registry.ledger.evidence import collect
from registry.office.certificates import editions, open_certificate
from registry.office.reasons import (
    CORRECTING,
    REINSTATING,
    REISSUING,
    REVOKING,
    SUSPENDING,
    Reason,
)
from registry.office.revising import CORRECTABLE
from registry.store.audit import AuditLine
from registry.store.base import read_unit
from registry.store.certificates import Certificate, CertificateState
from registry.store.outbox import UploadRow
from signing.record import check_form, edition_digest
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.entry import Issue, State, StatusChange, parse_entry
from signing.tlog.status import verify_staple


def opened(office: Any, number: str) -> list[Any]:
    with read_unit(office.engine) as session:
        return [open_certificate(row, office.context) for row in editions(session, number)]


def proven_states(office: Any) -> list[State]:
    """Return the states of all certificates as their staples prove them, in status order."""
    states = []
    with read_unit(office.engine) as session:
        for row in office.rows(Certificate):
            certificate = open_certificate(row, office.context)
            evidence = collect(session, office.log, row, certificate.envelope, certificate.opening)
            checkpoint = open_checkpoint(evidence.proof.checkpoint_note, office.policy).checkpoint
            assert evidence.staple.index == row.status_index
            states.append(verify_staple(evidence.staple, checkpoint)[0])
    return states


def issue(office: Any, count: int = 3) -> list[str]:
    first = len(office.rows(Certificate))
    office.issue(office.people(count, offset=100 * first, level="4"))
    return [row.number for row in office.rows(Certificate)[first:]]


def test_a_chain_of_corrections_keeps_the_number_and_links_each_to_the_last(office: Any) -> None:
    number, other, _third = issue(office)
    office.run()
    first = office.correct(number, {"name": "欧阳龑"}, Reason.NAME_CHANGED)
    second = office.correct(number, {"direction": "数控", "admission": ""})
    assert (first.edition, first.status_index) == (2, 3)
    assert (second.number, second.edition, second.status_index) == (number, 3, 4)
    one, two, three = opened(office, number)
    for edition in (one, two, three):
        check_form(edition.record)
    assert two.record == replace_record(
        one.record, name="欧阳龑", edition=2, previous=edition_digest(one.envelope.payload)
    )
    assert three.record == replace_record(
        two.record,
        direction="数控",
        admission="",
        edition=3,
        previous=edition_digest(two.envelope.payload),
    )
    assert [edition.row.state for edition in (one, two, three)] == [
        CertificateState.SUPERSEDED,
        CertificateState.SUPERSEDED,
        CertificateState.VALID,
    ]
    assert [one.row.superseded_by, two.row.superseded_by, three.row.superseded_by] == [3, 4, None]
    assert len({edition.opening for edition in (one, two, three)}) == 3
    assert len({edition.row.token for edition in (one, two, three)}) == 3
    office.run()
    office.audit()
    old, new, valid = State.SUPERSEDED, State.VALID, State.VALID
    assert proven_states(office) == [old, valid, valid, old, new]
    leaves = [parse_entry(leaf) for leaf in office.entries()]
    changes = [leaf for leaf in leaves if isinstance(leaf, StatusChange)]
    assert [(c.index, c.link, c.reason, c.state) for c in changes] == [
        (0, "3", "name-changed", 3),
        (3, "4", "data-error", 3),
    ]
    # The new edition stands before the change that points to it.
    assert leaves.index(changes[0]) == 1 + next(
        at for at, leaf in enumerate(leaves) if isinstance(leaf, Issue) and leaf.status == 3
    )
    assert other in {row.number for row in office.rows(Certificate)}


def replace_record(record: Any, **values: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(record, **values)


def test_a_revocation_is_proven_and_ends_the_number(office: Any) -> None:
    number, kept, corrected = issue(office)
    office.run()
    assert proven_states(office) == [State.VALID] * 3
    office.correct(corrected, {"name": "欧阳龑"})
    done = office.revoke(corrected, Reason.HOLDER_REQUEST)
    assert (done.edition, done.status_index) == (2, 3)
    office.revoke(number, Reason.FRAUD)
    office.run()
    office.audit()
    assert proven_states(office) == [
        State.REVOKED,
        State.VALID,
        State.SUPERSEDED,
        State.REVOKED,
    ]
    for ended in (number, corrected):
        before = office.contents()
        with pytest.raises(Refused, match="is revoked: only a valid or suspended one"):
            office.revoke(ended)
        with pytest.raises(Refused, match="is revoked"):
            office.correct(ended, {"name": "某人"})
        assert office.contents() == before
    assert [edition.row.state for edition in opened(office, kept)] == [CertificateState.VALID]
    # The next batch goes on after the revoked numbers; none is used again.
    assert not set(issue(office)) & {number, kept, corrected}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "one or more of"),
        ({"level": "3"}, "nothing else"),
        ({"name": "某人", "number": "Y000044999001264000009"}, "nothing else"),
        ({"issued": "2026-11-19"}, "nothing else"),
        ({"occupation_code": "6-18-02-04"}, "nothing else"),
        ({"edition": "7"}, "nothing else"),
    ],
)
def test_what_a_correction_may_not_change_is_refused(
    office: Any, changes: dict[str, str], words: str
) -> None:
    number = issue(office)[0]
    before = office.contents()
    with pytest.raises(Refused, match=words):
        office.correct(number, changes)
    assert office.contents() == before


@pytest.mark.parametrize("field", CORRECTABLE)
def test_a_correction_that_changes_nothing_is_refused(office: Any, field: str) -> None:
    number = issue(office)[0]
    (now,) = opened(office, number)
    with pytest.raises(Refused, match="changes nothing"):
        office.correct(number, {field: str(getattr(now.record, field))})


@pytest.mark.parametrize("reason", list(Reason))
def test_each_reason_fits_one_kind_of_revision(office: Any, reason: Reason) -> None:
    number = issue(office)[0]
    assert reason.chinese
    kinds = (REVOKING, CORRECTING, SUSPENDING, REINSTATING, REISSUING)
    assert sum(reason in kind for kind in kinds) == 1
    before = office.contents()
    if reason not in REVOKING:
        with pytest.raises(Refused, match="no reason to revoke"):
            office.revoke(number, reason)
    if reason not in CORRECTING:
        with pytest.raises(Refused, match="no reason to correct"):
            office.correct(number, {"name": "某人"}, reason)
    assert office.contents() == before
    if reason in REVOKING:
        office.revoke(number, reason)
    elif reason in CORRECTING:
        office.correct(number, {"name": "某人"}, reason)
    else:
        return
    line = office.rows(AuditLine)[-1]
    assert (line.subject, reason.value in line.detail) == (number, True)
    assert "某人" not in line.detail


def test_an_unknown_number_is_not_found(office: Any) -> None:
    unknown = f"{office.prefix}264000077"
    with pytest.raises(NotFound):
        office.revoke(unknown)
    with pytest.raises(NotFound):
        office.correct(unknown, {"name": "某人"})


def test_correcting_into_a_person_who_holds_it_is_refused(office: Any) -> None:
    people = office.people(2, level="4", occupation_code="6-31-01-03")
    office.issue(people)
    before = office.contents()
    number, other = (row.number for row in office.rows(Certificate))
    with pytest.raises(AlreadyHeld, match="revoke one of the two") as refused:
        office.correct(number, {"id_number": people[1].id_number})
    error = refused.value
    assert (error.__cause__, error.__suppress_context__) == (None, True)
    printed = "".join(traceback.format_exception(error))
    for person in people:
        assert person.id_number not in printed
        assert person.name not in printed
    assert office.contents() == before
    # Once the other is gone there is nobody to collide with.
    office.revoke(other, Reason.ISSUED_IN_ERROR)
    assert office.correct(number, {"id_number": people[1].id_number}).edition == 2


def test_after_a_revocation_the_person_can_be_issued_again(office: Any) -> None:
    (person,) = office.people(1)
    office.issue([person])
    again = replace(person, issued=date(2026, 11, 21))
    with pytest.raises(AlreadyHeld):
        office.issue([again])
    office.revoke(office.rows(Certificate)[0].number, Reason.ISSUED_IN_ERROR)
    office.issue([again])
    numbers = [row.number for row in office.rows(Certificate)]
    assert len(set(numbers)) == 2
    office.run()
    office.audit()


def test_a_corrected_person_holds_it_and_the_one_before_does_not(office: Any) -> None:
    wrong, right = office.people(2, level="4", occupation_code="6-31-01-03")
    office.issue([wrong])
    number = office.rows(Certificate)[0].number
    office.correct(number, {"id_number": right.id_number, "name": right.name})
    with pytest.raises(AlreadyHeld):
        office.issue([replace(right, issued=date(2026, 11, 21))])
    assert office.issue([replace(wrong, issued=date(2026, 11, 21))]).count == 1


def test_each_revision_owes_the_centre_one_row(office: Any) -> None:
    first, second, _third = issue(office)
    office.correct(first, {"name": "欧阳龑"})
    office.revoke(second)
    owed = sorted((row.status_index, row.kind) for row in office.rows(UploadRow))
    assert owed == [(0, "新增"), (1, "撤销"), (1, "新增"), (2, "新增"), (3, "更正")]
