"""Certificates with timestamps: made, judged after a key was revoked, and refused without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from keys.model import KeyState
from keys.policy import Policy, PolicyLog
from keys.trust import Trust, TrustedIssuer, TrustedKey
from keys.vkey import SignatureType, VerifierKey
from registry.documents.certificate import Press, annotated_copy, make_certificate_pdf
from registry.documents.errors import GateRefused
from signing.bundle import Evidence
from signing.errors import StampFailed
from signing.pdf import StampLevel, check_seal
from signing.pdf_verify import seal_step
from signing.record import Record
from signing.report import Answer, Reason


@pytest.fixture(scope="module")
def press(company: Any) -> Press:
    return Press(
        base_url="https://verify.example.gov.cn",
        record_signer=company.record_signer,
        seal_signer=company.seal_signer,
        root=company.root,
    )


@pytest.fixture(scope="module")
def make(
    make_record: Callable[..., Record],
    make_evidence: Callable[[Record], Evidence],
    make_staple: Callable[[str], Any],
    now: datetime,
) -> Callable[..., bytes]:
    record = make_record()
    # The status proof is hours old: a stamped seal states the hour of its making, not that one.
    evidence = replace(make_evidence(record), staple=make_staple("2026-11-23T20:00:00Z"))

    def make(
        press: Press, maker: Callable[..., bytes] = make_certificate_pdf, **more: Any
    ) -> bytes:
        facts = {"evidence": evidence, "record": record, "token": "abcdefghij234567", "now": now}
        return maker(press=press, **facts, **more)

    return make


@pytest.fixture(scope="module")
def trust(company: Any, made_authority: Any, now: datetime) -> Trust:
    info = company.seal_signer.info
    log = VerifierKey(
        name="a/log",
        type=SignatureType.ED25519,
        public_key=company.record_signer.info.public_key,
    )
    key = TrustedKey(
        key_id=info.key_id,
        algorithm=info.algorithm,
        purpose=info.purpose,
        public_key=info.public_key,
        not_before=info.not_before,
        not_after=info.not_after,
        state=KeyState.ACTIVE,
    )
    issuer = TrustedIssuer(
        prefix=info.issuer,
        name="深圳市示例精密制造有限公司",
        uscc="91440300MA5EXAMPL0",
        keys=(key,),
    )
    return Trust(
        policy=Policy(logs=(PolicyLog(key=log),), witnesses=(), quorum="none"),
        issuers={info.issuer: issuer},
        seal_root=company.root,
        base_url="https://verify.example.gov.cn",
        issued_at=now,
        stamp_roots=(made_authority.root,),
    )


def revoked(trust: Trust, at: datetime) -> Trust:
    ((prefix, issuer),) = trust.issuers.items()
    key = replace(issuer.keys[0], state=KeyState.REVOKED, revoked_at=at)
    return replace(trust, issuers={prefix: replace(issuer, keys=(key,))})


@pytest.mark.parametrize("level", list(StampLevel))
def test_a_stamped_certificate_passes_the_gate(
    press: Press, make: Callable[..., bytes], authority: Any, trust: Trust, level: StampLevel
) -> None:
    pdf = make(replace(press, stamping=authority.stamping(level)))
    step = seal_step(pdf, trust, authority_prefix(trust), now=authority.at)
    assert (step.answer, step.reason) == (Answer.VALID, Reason.SEAL_GOOD)
    assert step.facts["stamped"] == "2026-11-24T02:00:00Z"
    assert step.as_of == authority.at
    assert len(pdf) < 150_000


def authority_prefix(trust: Trust) -> str:
    return next(iter(trust.issuers))


def test_a_copy_is_stamped_as_well(
    press: Press, make: Callable[..., bytes], authority: Any, company: Any, now: datetime
) -> None:
    wishes = {"purpose": "入职", "recipient": "甲公司", "valid_until": now.date()}
    pdf = make(replace(press, stamping=authority.stamping()), annotated_copy, **wishes)
    assert check_seal(pdf, company.root, now, stamp_roots=(authority.root,)).stamps == 1


def test_a_timestamp_clears_a_seal_whose_key_was_revoked_later(
    press: Press, make: Callable[..., bytes], authority: Any, trust: Trust, now: datetime
) -> None:
    stamped = make(replace(press, stamping=authority.stamping()))
    plain = make(press)
    prefix = authority_prefix(trust)

    def said(pdf: bytes, trust: Trust) -> tuple[Answer, Reason]:
        step = seal_step(pdf, trust, prefix, now=now + timedelta(days=9))
        return step.answer, step.reason

    later, at_once = revoked(trust, now + timedelta(days=1)), revoked(trust, now)
    assert said(stamped, later) == (Answer.VALID, Reason.SEAL_BEFORE_REVOCATION)
    assert said(plain, later) == (Answer.CANNOT_SAY, Reason.SEAL_REVOKED)
    assert said(stamped, at_once)[0] is Answer.INVALID
    # a timestamp of an authority the reader does not know clears nothing
    unknown = replace(later, stamp_roots=())
    assert said(stamped, unknown) == (Answer.CANNOT_SAY, Reason.SEAL_REVOKED)


def test_an_archive_by_an_unknown_authority_is_not_vouched_for(
    press: Press, make: Callable[..., bytes], authority: Any, trust: Trust, now: datetime
) -> None:
    pdf = make(replace(press, stamping=authority.stamping(StampLevel.ARCHIVE)))
    step = seal_step(pdf, replace(trust, stamp_roots=()), authority_prefix(trust), now=now)
    assert (step.answer, step.reason) == (Answer.CANNOT_SAY, Reason.SEAL_UNKNOWN_AUTHORITY)


def test_without_a_timestamp_a_pdf_is_refused_or_somebody_is_told(
    press: Press, make: Callable[..., bytes], authority: Any, company: Any, now: datetime
) -> None:
    authority.status = "rejection"
    refusing = replace(press, stamping=authority.stamping())
    with pytest.raises(StampFailed, match="refused"):
        make(refusing)
    told: list[StampFailed] = []
    pdf = make(replace(refusing, unstamped=told.append))
    assert [error.code for error in told] == ["stamp-failed"]
    assert check_seal(pdf, company.root, now, stamp_roots=(authority.root,)).stamps == 0


def test_the_gate_counts_the_timestamps(
    press: Press,
    make: Callable[..., bytes],
    authority: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from registry.documents import certificate

    usual = certificate.seal_pdf

    def forgetful(*given: Any, stamping: Any = None, **more: Any) -> bytes:
        return usual(*given, **more)

    monkeypatch.setattr(certificate, "seal_pdf", forgetful)
    with pytest.raises(GateRefused, match="时间戳"):
        make(replace(press, stamping=authority.stamping()))
