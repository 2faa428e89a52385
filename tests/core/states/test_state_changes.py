"""Every way from every state: legal ones leave leaf, audit line and debt, others leave nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest

from registry.errors import AlreadyHeld, NotFound, Refused
from registry.office.certificates import editions, open_certificate
from registry.office.issuer_keys import KeyNotActive
from registry.office.reasons import REINSTATING, REISSUING, SUSPENDING, Reason
from registry.rules.standing import CERTIFICATE
from registry.store.audit import AuditLine
from registry.store.base import read_unit
from registry.store.certificates import Certificate, CertificateState
from registry.store.outbox import UploadRow
from signing.record import edition_digest
from signing.report import Reason as Said
from signing.report import StepCode, Verdict
from signing.tlog.entry import Issue, StatusChange, parse_entry

VERBS = ("revoke", "suspend", "reinstate", "correct", "reissue")
STEPS_TO = {
    "valid": (),
    "suspended": ("suspend",),
    "revoked": ("revoke",),
    "reinstated": ("suspend", "reinstate"),
}
LEGAL = {
    "valid": {"revoke", "suspend", "correct", "reissue"},
    "suspended": {"revoke", "reinstate"},
    "revoked": set(),
    "reinstated": {"revoke", "suspend", "correct", "reissue"},
}


def test_the_ways_are_those_of_the_machines_table() -> None:
    assert set(VERBS) == set(CERTIFICATE.events)
    for state in CERTIFICATE.states:
        table = {step.event for step in CERTIFICATE.steps if step.state == state}
        # Superseded is no state of a current edition: nothing acts on an older one.
        assert table == LEGAL.get(state, set())


def changes(office: Any) -> list[StatusChange]:
    leaves = map(parse_entry, office.entries())
    return [leaf for leaf in leaves if isinstance(leaf, StatusChange)]


@pytest.mark.parametrize("state", list(STEPS_TO))
@pytest.mark.parametrize("verb", VERBS)
def test_every_way_from_every_state(office: Any, clerk: Any, state: str, verb: str) -> None:
    (number,) = clerk.issue()
    for step in STEPS_TO[state]:
        clerk.act(step)(number)
    before, lines = office.contents(), len(office.rows(AuditLine))
    if verb not in LEGAL[state]:
        with pytest.raises(Refused, match=r"is (valid|suspended|revoked): only a") as refused:
            clerk.act(verb)(number)
        assert number in str(refused.value)
        assert office.contents() == before
        return
    clerk.act(verb)(number)
    (line,) = office.rows(AuditLine)[lines:]
    assert (line.action, line.subject) == (verb, number)
    office.run()
    office.audit()


@pytest.mark.parametrize("verb", VERBS)
def test_a_superseded_edition_is_never_touched_again(office: Any, clerk: Any, verb: str) -> None:
    (number,) = clerk.issue()
    clerk.reissue(number)
    clerk.suspend(number)
    clerk.act(verb if verb in LEGAL["suspended"] else "revoke")(number)
    first, second = office.rows(Certificate)
    assert first.state == CertificateState.SUPERSEDED
    assert second.state != CertificateState.SUPERSEDED
    office.run()
    assert [change.index for change in changes(office)] == [0, 1, 1]


def test_a_suspension_and_its_end_are_leaves_with_their_reasons(office: Any, clerk: Any) -> None:
    (number,) = clerk.issue()
    done = clerk.suspend(number, Reason.DISPUTED)
    assert (done.number, done.edition, done.status_index) == (number, 1, 0)
    office.run()
    clerk.reinstate(number, Reason.SUSPENDED_IN_ERROR)
    clerk.suspend(number)
    clerk.revoke(number)
    office.run()
    office.audit()
    assert [(c.index, c.link, c.reason, c.state) for c in changes(office)] == [
        (0, "", "disputed", 2),
        (0, "", "suspended-in-error", 0),
        (0, "", "under-investigation", 2),
        (0, "", "fraud", 1),
    ]
    # The centre's table knows no suspension: only the end of it is owed.
    assert [(row.status_index, row.kind) for row in office.rows(UploadRow)] == [
        (0, "撤销"),
        (0, "新增"),
    ]


def test_a_reissue_keeps_number_and_facts_and_links_the_editions(office: Any, clerk: Any) -> None:
    number, other = clerk.issue(2)
    office.run()
    done = clerk.reissue(number, Reason.DAMAGED)
    assert (done.number, done.edition, done.status_index) == (number, 2, 2)
    with read_unit(office.engine) as session:
        one, two = (open_certificate(row, office.context) for row in editions(session, number))
    assert two.record == msgspec.structs.replace(
        one.record, edition=2, previous=edition_digest(one.envelope.payload)
    )
    assert two.opening != one.opening
    assert two.row.token != one.row.token
    assert one.row.superseded_by == 2
    office.run()
    office.audit()
    assert [(c.index, c.link, c.reason, c.state) for c in changes(office)] == [
        (0, "2", "damaged", 3)
    ]
    leaves = [parse_entry(leaf) for leaf in office.entries()]
    at = leaves.index(changes(office)[0])
    assert isinstance(leaves[at - 1], Issue)
    assert leaves[at - 1].edition == 2
    # The centre learns of the edition in force, and of nothing else.
    assert [(row.status_index, row.kind) for row in office.rows(UploadRow)] == [
        (0, "新增"),
        (1, "新增"),
        (2, "更正"),
    ]
    (found,) = {row.state for row in office.rows(Certificate) if row.number == other}
    assert found == CertificateState.VALID


def test_papers_of_all_editions_say_where_to_look(office: Any, clerk: Any) -> None:
    (number,) = clerk.issue()
    office.run()
    papers = [clerk.paper(number)]
    for verb in ("reissue", "correct", "reissue"):
        clerk.act(verb)(number)
        office.run()
        papers.append(clerk.paper(number))
    fresh = clerk.status_file()
    reports = [clerk.check(paper, fresh) for paper in papers]
    assert [report.verdict for report in reports] == [
        *[Verdict.CORRECTED] * 3,
        Verdict.VALID,
    ]
    assert [report.see_edition for report in reports] == [2, 3, 4, None]
    assert [clerk.check(paper).verdict for paper in papers] == [Verdict.VALID] * 4


@pytest.mark.parametrize("verb", ["suspend", "reinstate", "reissue"])
@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_of_another_kind_is_refused(
    office: Any, clerk: Any, verb: str, reason: Reason
) -> None:
    fitting = {"suspend": SUSPENDING, "reinstate": REINSTATING, "reissue": REISSUING}[verb]
    if reason in fitting:
        return
    (number,) = clerk.issue()
    before = office.contents()
    with pytest.raises(Refused, match=f"no reason to {verb}: use one of"):
        clerk.act(verb)(number, reason)
    assert office.contents() == before


@pytest.mark.parametrize("verb", ["suspend", "reinstate", "reissue"])
def test_an_unknown_number_is_not_found_by_any_change(office: Any, clerk: Any, verb: str) -> None:
    with pytest.raises(NotFound):
        clerk.act(verb)(f"{office.prefix}264000077")


def test_a_suspended_certificate_still_counts_as_held(office: Any, clerk: Any) -> None:
    (person,) = office.people(1)
    office.issue([person])
    number = office.rows(Certificate)[0].number
    clerk.suspend(number)
    with pytest.raises(AlreadyHeld):
        office.issue([replace(person, issued=date(2026, 11, 21))])
    clerk.revoke(number, Reason.ISSUED_IN_ERROR)
    assert office.issue([replace(person, issued=date(2026, 11, 21))]).count == 1


def test_a_reissue_needs_an_active_key(office: Any, clerk: Any) -> None:
    (number,) = clerk.issue()
    before = office.contents()
    office.record_keys[number[:13]] = office.record_keys["Y000044999002"]
    with pytest.raises(KeyNotActive):
        clerk.reissue(number)
    assert office.contents() == before


def test_a_revocation_is_final_for_papers_of_every_edition(office: Any, clerk: Any) -> None:
    (number,) = clerk.issue()
    office.run()
    old = clerk.paper(number)
    clerk.reissue(number)
    clerk.revoke(number)
    office.run()
    fresh = clerk.status_file()
    new = clerk.check(clerk.paper(number), fresh)
    assert (new.verdict, new.see_edition) == (Verdict.REVOKED, None)
    assert clerk.check(old, fresh).step(StepCode.STATUS).reason is Said.STATUS_SUPERSEDED
