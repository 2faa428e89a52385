"""Evidence for one certificate, as a stranger would check it offline."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from registry.ledger.evidence import NotAnchored, collect, find_leaf
from registry.office.certificates import open_certificate
from registry.store.base import read_unit
from registry.store.certificates import Certificate
from signing.bundle import bundle_file, proof_file, read_bundle_file, read_proof_file
from signing.report import Answer, Verdict
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.merkle import leaf_hash, verify_inclusion
from signing.verify import verify


def evidence_of(office: Any, status_index: int) -> Any:
    with read_unit(office.engine) as session:
        row = session.get_one(Certificate, status_index)
        opened = open_certificate(row, office.context)
        return collect(session, office.log, row, opened.envelope, opened.opening)


def verdict(office: Any, evidence: Any, days: int = 0) -> Any:
    now = office.clock.moment + timedelta(days=days)
    return verify(evidence, office.trust, now=now, max_age=timedelta(days=30))


def test_every_certificate_can_be_proven_from_first_to_last(office: Any) -> None:
    office.issue(office.people(257))
    office.issue(office.people(9, offset=300))
    office.run()
    for row in office.rows(Certificate):
        evidence = evidence_of(office, row.status_index)
        report = verdict(office, evidence)
        assert report.verdict is Verdict.VALID
        assert [step.answer for step in report.steps] == [Answer.VALID] * 5
        checkpoint = open_checkpoint(evidence.proof.checkpoint_note, office.policy).checkpoint
        leaf, proof = leaf_hash(evidence.entry), evidence.proof
        verify_inclusion(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)
        assert office.entries()[proof.index] == evidence.entry


def test_the_files_it_goes_into_say_the_same(office: Any) -> None:
    office.issue(office.people(3))
    office.run()
    evidence = evidence_of(office, 1)
    assert read_bundle_file(bundle_file(evidence)) == evidence
    assert read_proof_file(proof_file(evidence, with_record=True)) == evidence


def test_before_anchoring_there_is_nothing_to_prove(office: Any) -> None:
    office.issue(office.people(3))
    with pytest.raises(NotAnchored, match="run `certreg anchor`") as refused:
        evidence_of(office, 0)
    assert refused.value.code == "not-anchored"
    office.anchor()
    with read_unit(office.engine) as session:
        leaf = find_leaf(session, session.get_one(Certificate, 2))
    assert leaf.index == 4
    assert leaf.entry == office.entries()[4]


def test_an_old_paper_says_what_became_of_it(office: Any) -> None:
    office.issue(office.people(3, level="4"))
    number, gone, kept = (row.number for row in office.rows(Certificate))
    office.run()
    before = evidence_of(office, 1)
    office.correct(number, {"name": "欧阳龑"})
    office.revoke(gone)
    office.run()
    found = [verdict(office, evidence_of(office, index)).verdict for index in range(4)]
    assert found == [Verdict.CORRECTED, Verdict.REVOKED, Verdict.VALID, Verdict.VALID]
    assert evidence_of(office, 3).envelope.payload != evidence_of(office, 0).envelope.payload
    assert kept in evidence_of(office, 2).envelope.payload.decode()
    # Evidence from before the revocation is still genuine, and grows too old to rely on.
    assert verdict(office, before).verdict is Verdict.VALID
    assert verdict(office, before, days=31).verdict is Verdict.CANNOT_SAY


def test_a_quiet_year_leaves_certificates_provable(office: Any) -> None:
    office.issue(office.people(2))
    office.run()
    office.clock.moment += timedelta(days=365)
    assert verdict(office, evidence_of(office, 0)).verdict is Verdict.CANNOT_SAY
    office.run()
    assert verdict(office, evidence_of(office, 0)).verdict is Verdict.VALID


def test_parts_of_two_certificates_do_not_make_a_valid_one(office: Any) -> None:
    from dataclasses import replace

    office.issue(office.people(2))
    office.run()
    one, two = evidence_of(office, 0), evidence_of(office, 1)
    for part in ("envelope", "opening", "entry", "proof", "staple"):
        mixed = replace(one, **{part: getattr(two, part)})
        assert verdict(office, mixed).verdict is not Verdict.VALID


def test_a_later_page_of_the_statuses_is_stapled(office: Any, monkeypatch: Any) -> None:
    from registry.store.base import write_unit
    from registry.store.counters import take_range

    # Certificates far apart in the status pages, without issuing what lies between.
    with write_unit(office.engine) as session:
        take_range(session, "status", 3 * 4096 + 5, start=0)
    office.issue(office.people(2))
    office.revoke(f"{office.prefix}265000001")
    office.run()
    first = 3 * 4096 + 5
    evidence = evidence_of(office, first)
    assert evidence.staple.pages == 4
    assert verdict(office, evidence).verdict is Verdict.REVOKED
    assert verdict(office, evidence_of(office, first + 1)).verdict is Verdict.VALID
