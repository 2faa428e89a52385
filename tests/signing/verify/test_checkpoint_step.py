"""Step 4 with two signatures of the log: which were checked, and what is said of the other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.policy import Policy, PolicyLog, PolicyWitness
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from keys.vkey import SignatureType, VerifierKey
from signing.bundle import MAX_BUNDLE_BYTES, bundle_file, proof_file, read_proof_file
from signing.certtext import as_json, as_text
from signing.checkpointstep import judge_checkpoint
from signing.report import Answer, Reason, StepCode, Verdict
from signing.tlog import note as note_module
from signing.tlog.checkpoint import (
    cosign_checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from signing.tlog.note import format_note, parse_note
from signing.wording import words

ED, ML = SignatureType.ED25519, SignatureType.ML_DSA_44_COSIGNATURE


def ml_dsa_signer(word: str) -> PrivateKeySigner:
    private_key = MLDSA44PrivateKey.from_seed_bytes(hashlib.sha256(word.encode()).digest())
    public_key = public_bytes(private_key)
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ML_DSA_44, public_key),
        algorithm=Algorithm.ML_DSA_44,
        purpose=Purpose.CHECKPOINT,
        issuer="office",
        not_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_after=datetime(2028, 1, 1, tzinfo=UTC),
        state=KeyState.ACTIVE,
        public_key=public_key,
    )
    return software_signer(info, private_key)


@pytest.fixture(scope="module")
def second() -> PrivateKeySigner:
    return ml_dsa_signer("log")


@pytest.fixture(scope="module")
def both(trust: Any, second: PrivateKeySigner) -> Policy:
    """The policy with the log's second key."""
    (first,) = trust.policy.logs
    key = VerifierKey(name=first.key.name, type=ML, public_key=second.info.public_key)
    known: Policy = replace(trust.policy, logs=(first, PolicyLog(key=key)))
    return known


@pytest.fixture(scope="module")
def note(log: Any, second: PrivateKeySigner) -> bytes:
    """The log's note with both signatures and its witness's."""
    ours = parse_note(log.note)
    line = parse_note(sign_checkpoint(parse_checkpoint(ours.text), [second])).signatures
    return format_note(replace(ours, signatures=(ours.signatures[0], *line, *ours.signatures[1:])))


@pytest.fixture
def without_ml_dsa(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(note_module, "can_verify", lambda kind: kind is not Algorithm.ML_DSA_44)


def only(note: bytes, *lengths: int) -> bytes:
    """Keep the lines whose signature has one of these lengths."""
    found = parse_note(note)
    lines = tuple(line for line in found.signatures if len(line.signature) in lengths)
    return format_note(replace(found, signatures=lines))


ED_LINE, WITNESS_LINE, ML_LINE = 64, 72, 2428


def test_both_signatures_are_good_and_named(note: bytes, both: Policy) -> None:
    found = judge_checkpoint(note, both)
    assert (found.answer, found.reason) == (Answer.VALID, Reason.CHECKPOINT_GOOD)
    assert found.facts["signatures"] == "ed25519, ml-dsa-44"
    assert found.facts["witnesses"] == "w1"
    assert "unchecked" not in found.facts


def test_the_second_signature_taken_away(note: bytes, both: Policy) -> None:
    found = judge_checkpoint(only(note, ED_LINE, WITNESS_LINE), both)
    assert (found.answer, found.reason) == (Answer.VALID, Reason.CHECKPOINT_ED25519_ONLY)
    assert (found.facts["signatures"], found.facts["unchecked"]) == ("ed25519", "no-line")


def test_the_second_key_not_in_the_policy(note: bytes, trust: Any) -> None:
    found = judge_checkpoint(note, trust.policy)
    assert (found.answer, found.reason) == (Answer.VALID, Reason.CHECKPOINT_ED25519_ONLY)
    assert (found.facts["signatures"], found.facts["unchecked"]) == ("ed25519", "key-not-in-policy")


@pytest.mark.usefixtures("without_ml_dsa")
def test_a_machine_without_the_algorithm(note: bytes, both: Policy) -> None:
    found = judge_checkpoint(note, both)
    assert (found.answer, found.reason) == (Answer.VALID, Reason.CHECKPOINT_ED25519_ONLY)
    assert found.facts["unchecked"] == "not-available-here"
    # What this machine can check must still be good.
    wrong = note.replace(b"\n12\n", b"\n13\n")
    assert judge_checkpoint(wrong, both).answer is Answer.INVALID


@pytest.mark.usefixtures("without_ml_dsa")
def test_nothing_is_green_that_could_not_be_checked(note: bytes, both: Policy) -> None:
    alone = replace(both, logs=both.logs[1:])
    for policy, given in (
        (alone, note),
        (both, only(note, ML_LINE, WITNESS_LINE)),
        (alone, only(note, ML_LINE)),
    ):
        found = judge_checkpoint(given, policy)
        assert (found.answer, found.reason) == (Answer.CANNOT_SAY, Reason.CHECKPOINT_UNCHECKABLE)
        assert found.tree is not None
        assert "signatures" not in found.facts


def test_too_few_witnesses_are_not_the_machines_fault(note: bytes, both: Policy) -> None:
    found = judge_checkpoint(only(note, ED_LINE, ML_LINE), both)
    assert (found.answer, found.reason) == (Answer.CANNOT_SAY, Reason.CHECKPOINT_NO_QUORUM)


def test_an_opened_checkpoint_says_the_same_again(note: bytes, both: Policy) -> None:
    opened = open_checkpoint(note, both)
    assert judge_checkpoint(note, both, opened) == judge_checkpoint(note, both)
    stripped = only(note, ED_LINE, WITNESS_LINE)
    assert judge_checkpoint(stripped, both, opened).reason is Reason.CHECKPOINT_ED25519_ONLY


def test_the_report_tells_both_ways(
    note: bytes, both: Policy, log: Any, trust: Any, check: Callable[..., Any]
) -> None:
    trusted = replace(trust, policy=both)
    for given, reason in (
        (note, Reason.CHECKPOINT_GOOD),
        (only(note, ED_LINE, WITNESS_LINE), Reason.CHECKPOINT_ED25519_ONLY),
    ):
        evidence = log.evidence()
        evidence = replace(evidence, proof=replace(evidence.proof, checkpoint_note=given))
        report = check(evidence, trust=trusted)
        assert report.verdict is Verdict.VALID
        assert report.step(StepCode.CHECKPOINT).reason is reason
        assert words(reason).zh in as_text(report)
        step = json.loads(as_json(report))["steps"][3]
        assert step["facts"]["signatures"].startswith("ed25519")


@pytest.mark.usefixtures("without_ml_dsa")
def test_a_report_that_rests_on_ml_dsa_alone_is_not_green(
    note: bytes, both: Policy, log: Any, trust: Any, check: Callable[..., Any]
) -> None:
    evidence = log.evidence()
    evidence = replace(evidence, proof=replace(evidence.proof, checkpoint_note=note))
    alone = replace(trust, policy=replace(both, logs=both.logs[1:]))
    assert check(evidence, trust=alone).verdict is Verdict.CANNOT_SAY


def test_a_proof_with_sixteen_ml_dsa_witnesses_keeps_within_its_limit(
    note: bytes, both: Policy, log: Any, trust: Any, check: Callable[..., Any]
) -> None:
    text = parse_note(note).text
    signers = {f"witness{at:02}.example.cn": ml_dsa_signer(f"w{at}") for at in range(16)}
    lines = [
        cosign_checkpoint(text, name, signer, now=datetime(2026, 11, 24, tzinfo=UTC))
        for name, signer in signers.items()
    ]
    own = parse_note(only(note, ED_LINE, ML_LINE))
    signed = format_note(replace(own, signatures=(*own.signatures, *lines)))
    witnesses = tuple(
        PolicyWitness(
            name=name, key=VerifierKey(name=name, type=ML, public_key=signer.info.public_key)
        )
        for name, signer in signers.items()
    )
    policy = replace(both, witnesses=witnesses, quorum="none")
    evidence = log.evidence()
    evidence = replace(evidence, proof=replace(evidence.proof, checkpoint_note=signed))
    assert len(bundle_file(evidence)) <= MAX_BUNDLE_BYTES
    read = read_proof_file(proof_file(evidence, with_record=True))
    report = check(read, trust=replace(trust, policy=policy))
    assert report.verdict is Verdict.VALID
    named = report.step(StepCode.CHECKPOINT).facts["witnesses"].split(", ")
    assert named == sorted(signers)
