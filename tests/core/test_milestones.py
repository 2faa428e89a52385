"""Milestones in the registry: one transaction, recognised when repeated, provable from the log."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from keys.policy import PolicyWitness
from keys.vkey import SignatureType, VerifierKey
from registry.errors import NotFound, Refused
from registry.ledger.evidence import NotAnchored
from registry.ledger.proving import event_leaf, prove_leaf
from registry.office.milestones import (
    SEALED,
    add_milestone,
    get_milestone,
    list_milestones,
    open_milestone,
    record_milestone,
)
from registry.rules.people import check_character
from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.fields import FieldDamaged
from registry.store.log import EventGroup
from registry.store.milestones import MilestoneRow
from signing.milestone import (
    MilestoneFacts,
    MilestoneKind,
    MilestoneProof,
    facts_bytes,
    facts_commitment,
    milestone_file,
    read_milestone_file,
)
from signing.milestone_verify import MilestoneReason, verify_milestone
from signing.report import Answer, Verdict
from signing.tlog.checkpoint import cosign_checkpoint
from signing.tlog.entry import Milestone, parse_entry
from signing.tlog.note import format_note, parse_note

DOCUMENT = "5e" * 32
ID_NUMBER = (first := "44999919900101001") + check_character(first)


def make_facts(**change: Any) -> MilestoneFacts:
    usual: dict[str, Any] = {
        "date": "2026-11-20",
        "document": DOCUMENT,
        "kind": MilestoneKind.PLAN,
        "note": "计划备案表",
        "subject": "JH-2026-0001",
    }
    return MilestoneFacts(**usual | change)


def record(office: Any, facts: MilestoneFacts | None = None) -> Any:
    with write_unit(office.engine) as session:
        return record_milestone(session, facts or make_facts(), context=office.context)


def opened(office: Any, milestone_id: int) -> Any:
    with read_unit(office.engine) as session:
        return open_milestone(get_milestone(session, milestone_id), office.context)


def proof_of(office: Any, milestone_id: int) -> MilestoneProof:
    with read_unit(office.engine) as session:
        found = open_milestone(get_milestone(session, milestone_id), office.context)
        leaf = event_leaf(session, found.row.group_id)
        return MilestoneProof(
            entry=leaf.entry,
            facts=facts_bytes(found.facts),
            opening=found.opening,
            proof=prove_leaf(session, office.log, leaf.index),
        )


def test_a_step_is_event_row_and_audit_line_in_one(office: Any) -> None:
    before = len(office.rows(AuditLine))
    done = record(office)
    assert not done.recognised
    found = opened(office, done.milestone_id)
    assert found.facts == make_facts()
    assert (found.row.kind, found.row.subject) == ("plan", "JH-2026-0001")
    with read_unit(office.engine) as session:
        group = session.get_one(EventGroup, done.group_id)
        assert (group.kind, group.count, group.first_index) == ("milestone", 1, None)
    lines = office.rows(AuditLine)[before:]
    assert [(line.action, line.subject) for line in lines] == [("milestone", "JH-2026-0001")]


def test_the_leaf_commits_to_the_facts_and_shows_none_but_kind_and_subject(office: Any) -> None:
    office.anchor()
    done = record(office)
    office.anchor()
    (entry,) = [e for e in map(parse_entry, office.entries()) if isinstance(e, Milestone)]
    found = opened(office, done.milestone_id)
    assert entry == Milestone(
        commit=facts_commitment(found.opening, facts_bytes(found.facts)).hex(),
        kind="plan",
        subject="JH-2026-0001",
        time="2026-11-23T02:03:04Z",
    )
    assert office.fsck().faults == ()


def test_two_recordings_of_equal_facts_have_openings_of_their_own(office: Any) -> None:
    one = record(office, make_facts(subject="A"))
    two = record(office, make_facts(subject="B"))
    assert opened(office, one.milestone_id).opening != opened(office, two.milestone_id).opening


def test_the_same_step_is_recognised(office: Any) -> None:
    first = record(office)
    before = office.contents()
    again = record(office)
    assert again == replace(first, recognised=True)
    after = office.contents()
    # The counter is the lock that two recordings at once meet at.
    before.pop("counters"), after.pop("counters")
    assert after == before
    for change in (
        {"document": "00" * 32},
        {"document": ""},
        {"kind": MilestoneKind.RESULTS},
        {"subject": "JH-2026-0002"},
    ):
        assert not record(office, make_facts(**change)).recognised
        assert record(office, make_facts(**change)).recognised
    assert len(office.rows(MilestoneRow)) == 5


def test_another_day_for_the_same_step_is_refused(office: Any) -> None:
    record(office)
    for change in ({"date": "2026-11-19"}, {"note": "计划"}):
        before = office.contents()
        with pytest.raises(Refused, match="milestone 1 records this step"):
            record(office, make_facts(**change))
        assert office.contents() == before


def test_a_step_of_tomorrow_in_china_is_refused(office: Any) -> None:
    office.clock.moment = datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC)
    with pytest.raises(Refused, match="not come yet"):
        record(office, make_facts(date="2026-11-24"))
    office.clock.moment += timedelta(seconds=1)
    assert not record(office, make_facts(date="2026-11-24")).recognised


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"date": "2026-11-31"}, "field date"),
        ({"date": "2018-12-31"}, "before 2019"),
        ({"subject": "计划"}, "field subject"),
        ({"subject": "a" * 81}, "longer than 80"),
        ({"subject": f"JH-{ID_NUMBER}"}, "ID number"),
        ({"note": f"表{ID_NUMBER}"}, "ID number"),
        ({"document": "x"}, "field document"),
    ],
)
def test_wrong_facts_are_refused_and_leave_nothing(
    office: Any, change: dict[str, str], words: str
) -> None:
    before = office.contents()
    with pytest.raises(Refused, match=words) as refused:
        record(office, make_facts(**change))
    assert ID_NUMBER not in str(refused.value)
    assert office.contents() == before


def test_a_long_number_that_is_no_id_number_may_be_a_subject(office: Any) -> None:
    wrong = ID_NUMBER[:-1] + ("1" if ID_NUMBER[-1] != "1" else "2")
    assert not record(office, make_facts(subject=f"JH-{wrong}")).recognised


def test_a_use_case_takes_its_step_in_its_own_transaction(office: Any) -> None:
    class Stopped(Exception):
        pass

    before = office.contents()

    def stopped_halfway() -> None:
        with write_unit(office.engine) as session:
            add_milestone(session, make_facts(), context=office.context)
            raise Stopped

    with pytest.raises(Stopped):
        stopped_halfway()
    assert office.contents() == before
    lines = len(office.rows(AuditLine))
    with write_unit(office.engine) as session:
        done = add_milestone(session, make_facts(), context=office.context)
    assert len(office.rows(AuditLine)) == lines
    assert opened(office, done.milestone_id).facts == make_facts()


def test_facts_cannot_be_moved_to_another_row(office: Any) -> None:
    one, two = record(office, make_facts(subject="A")), record(office, make_facts(subject="B"))
    with write_unit(office.engine) as session:
        rows = [get_milestone(session, done.milestone_id) for done in (one, two)]
        rows[0].sealed, rows[1].sealed = rows[1].sealed, rows[0].sealed
    with pytest.raises(FieldDamaged):
        opened(office, one.milestone_id)
    assert SEALED == "milestones.sealed"


def test_nothing_of_the_facts_lies_open_in_the_database(office: Any) -> None:
    record(office)
    (row,) = office.rows(MilestoneRow)
    assert DOCUMENT.encode() not in row.sealed
    assert "计划备案表".encode() not in row.sealed


def test_lists_go_by_subject(office: Any) -> None:
    for subject in ("A", "B", "A"):
        record(office, make_facts(subject=subject, document=f"{len(subject):064x}"))
    record(office, make_facts(subject="A", kind=MilestoneKind.RESULTS))
    with read_unit(office.engine) as session:
        assert [row.milestone_id for row in list_milestones(session)] == [1, 2, 3]
        assert [row.kind for row in list_milestones(session, "A")] == ["plan", "results"]
        assert list_milestones(session, "C") == ()
        with pytest.raises(NotFound, match="milestone list"):
            get_milestone(session, 99)


def test_a_step_is_proven_from_the_log(office: Any) -> None:
    done = record(office)
    with pytest.raises(NotAnchored, match="run `certreg anchor`"):
        proof_of(office, done.milestone_id)
    office.issue(office.people(3))
    office.anchor()
    proof = read_milestone_file(milestone_file(proof_of(office, done.milestone_id)))
    now = office.clock.now()
    report = verify_milestone(proof, office.policy, now=now, document=DOCUMENT)
    answers = {step.number: step.answer for step in report.steps}
    assert answers.pop(5) is Answer.CANNOT_SAY
    assert set(answers.values()) == {Answer.VALID}
    # No witness signs for this office: the day is its own word.
    assert report.verdict is Verdict.CANNOT_SAY
    assert report.steps[4].reason is MilestoneReason.TIME_OFFICE_ALONE
    forged = replace(proof, facts=facts_bytes(msgspec.structs.replace(make_facts(), note="")))
    report = verify_milestone(forged, office.policy, now=now, document=DOCUMENT)
    assert report.verdict is Verdict.INVALID


def witnessed(office: Any, note: bytes) -> tuple[bytes, Any]:
    """Co-sign a checkpoint; give the note and the policy that asks for this witness."""
    signer = next(iter(office.record_keys.values()))
    key = VerifierKey(
        name="w.example.org",
        type=SignatureType.ED25519_COSIGNATURE,
        public_key=signer.info.public_key,
    )
    parsed = parse_note(note)
    line = cosign_checkpoint(parsed.text, key.name, signer, now=office.clock.now())
    policy = replace(office.policy, witnesses=(PolicyWitness(name="w", key=key),), quorum="w")
    return format_note(replace(parsed, signatures=(*parsed.signatures, line))), policy


def test_the_proof_takes_the_checkpoint_that_witnesses_have_signed(office: Any) -> None:
    done = record(office)
    office.anchor()
    head = office.head()
    note, policy = witnessed(office, head.note)
    office.log = replace(office.log, policy=policy)
    now = office.clock.now()

    def said() -> tuple[bytes, Verdict]:
        proof = proof_of(office, done.milestone_id)
        report = verify_milestone(proof, policy, now=now, document=DOCUMENT)
        return proof.proof.checkpoint_note, report.verdict

    # Not co-signed yet: the log's own head, of which a verifier cannot say.
    assert said() == (head.note, Verdict.CANNOT_SAY)
    folder = office.site.public / "log"
    (folder / "checkpoint").write_bytes(note)
    assert said() == (note, Verdict.VALID)
    # The newest is not co-signed yet, an older one is and has the leaf.
    (folder / "checkpoint").write_bytes(head.note)
    (folder / "checkpoint.witnessed").write_bytes(note)
    assert said() == (note, Verdict.VALID)
    (folder / "checkpoint.witnessed").write_bytes(b"no note")
    assert said() == (head.note, Verdict.CANNOT_SAY)


def test_a_checkpoint_from_before_the_step_does_not_prove_it(office: Any) -> None:
    office.anchor()
    old = office.log.storage.read("checkpoint")
    done = record(office)
    office.anchor()
    (office.site.public / "log" / "checkpoint").write_bytes(old)
    proof = proof_of(office, done.milestone_id)
    assert proof.proof.checkpoint_note == office.head().note
