"""Annotated copies: what stands on them, and how a verifier tells them from originals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any

import pikepdf
import pypdfium2
import pytest

from keys.policy import Policy, PolicyLog
from keys.trust import Trust, TrustedIssuer
from keys.vkey import SignatureType, VerifierKey
from registry.documents.certificate import Press, annotated_copy, make_certificate_pdf
from registry.documents.errors import GlyphMissing
from signing.annotation import ANNOTATION_NAME, parse_annotation
from signing.bundle import Evidence
from signing.errors import MalformedAnnotation
from signing.pdf import PROOF_NAME, RECORD_NAME, check_seal, read_pdf
from signing.pdf_verify import verify_pdf
from signing.record import Record
from signing.report import Answer, Reason, StepCode

PURPOSE, RECIPIENT, UNTIL = "办理入职手续", "深圳市另一示例科技有限公司", date(2026, 12, 31)


@pytest.fixture(scope="module")
def press(company: Any) -> Press:
    return Press(
        base_url="https://verify.example.gov.cn",
        record_signer=company.record_signer,
        seal_signer=company.seal_signer,
        root=company.root,
    )


@pytest.fixture(scope="module")
def evidence(
    make_record: Callable[..., Record], make_evidence: Callable[[Record], Evidence]
) -> Evidence:
    return make_evidence(make_record())


@pytest.fixture(scope="module")
def make(
    press: Press, make_record: Callable[..., Record], evidence: Evidence, now: datetime
) -> Callable[..., bytes]:
    usual = {
        "press": press,
        "evidence": evidence,
        "record": make_record(),
        "token": "abcdefghij234567",
        "now": now,
    }
    wishes = {"purpose": PURPOSE, "recipient": RECIPIENT, "valid_until": UNTIL}

    def make(*, copy: bool = True, **change: Any) -> bytes:
        if not copy:
            return make_certificate_pdf(**{**usual, **change})
        return annotated_copy(**{**usual, **wishes, **change})

    return make


@pytest.fixture(scope="module")
def copied(make: Callable[..., bytes]) -> bytes:
    return make()


@pytest.fixture(scope="module")
def trust(company: Any, now: datetime) -> Trust:
    info = company.record_signer.info
    key = VerifierKey(name="a/log", type=SignatureType.ED25519, public_key=info.public_key)
    issuer = TrustedIssuer(
        prefix=info.issuer, name="深圳市示例精密制造有限公司", uscc="91440300MA5EXAMPL0", keys=()
    )
    return Trust(
        policy=Policy(logs=(PolicyLog(key=key),), witnesses=(), quorum="none"),
        issuers={info.issuer: issuer},
        seal_root=company.root,
        base_url="https://verify.example.gov.cn",
        issued_at=now,
    )


@pytest.fixture(scope="module")
def judge(trust: Trust, now: datetime) -> Callable[..., tuple[Answer, Reason, dict[str, str]]]:
    def judge(pdf: bytes, **change: Any) -> tuple[Answer, Reason, dict[str, str]]:
        asked = {"now": now, "max_age": timedelta(days=30), **change}
        step = verify_pdf(pdf, trust, **asked).step(StepCode.COPY)
        return step.answer, step.reason, dict(step.facts)

    return judge


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "".join(document[0].get_textpage().get_text_range().split())
    finally:
        document.close()


def test_purpose_recipient_and_term_stand_on_the_page_and_under_the_seal(
    copied: bytes, make_record: Callable[..., Record]
) -> None:
    text = text_of(copied)
    for words in ("加注副本", f"用途{PURPOSE}", f"接收单位{RECIPIENT}", "有效期至2026年12月31日"):
        assert words in text
    assert f"仅供{RECIPIENT}使用" in text
    inside = read_pdf(copied)
    assert set(inside.attachments) == {RECORD_NAME, PROOF_NAME, ANNOTATION_NAME}
    annotation = parse_annotation(inside.annotation or b"")
    assert (annotation.purpose, annotation.recipient) == (PURPOSE, RECIPIENT)
    assert (annotation.made, annotation.until) == ("2026-11-24", "2026-12-31")
    assert annotation.number == make_record().number
    with pikepdf.open(BytesIO(copied)) as pdf:
        assert "（加注副本）" in str(pdf.docinfo["/Title"])


def test_an_original_says_nothing_of_the_kind(make: Callable[..., bytes]) -> None:
    original = make(copy=False)
    assert "副本" not in text_of(original)
    assert read_pdf(original).annotation is None


def test_a_verifier_tells_them_apart(
    copied: bytes, make: Callable[..., bytes], judge: Callable[..., Any], now: datetime
) -> None:
    assert judge(make(copy=False)) == (Answer.VALID, Reason.COPY_ORIGINAL, {})
    answer, reason, facts = judge(copied)
    assert (answer, reason) == (Answer.VALID, Reason.COPY_ANNOTATED)
    assert facts == {
        "purpose": PURPOSE,
        "recipient": RECIPIENT,
        "made": "2026-11-24",
        "until": "2026-12-31",
    }
    assert judge(copied, recipient=RECIPIENT)[1] is Reason.COPY_NAMED
    assert judge(copied, recipient="甲公司")[1] is Reason.COPY_OTHER_RECIPIENT
    assert judge(copied, now=now + timedelta(days=60))[1] is Reason.COPY_EXPIRED


def test_an_annotation_cannot_be_taken_away_added_or_changed(
    copied: bytes, make: Callable[..., bytes], judge: Callable[..., Any]
) -> None:
    assert b"annotation.json" in copied
    renamed = copied.replace(b"annotation.json", b"annotation.jsom")
    assert judge(renamed)[1] is Reason.COPY_NOT_SEALED
    target = BytesIO()
    with pikepdf.open(BytesIO(copied)) as pdf:
        del pdf.attachments[ANNOTATION_NAME]
        pdf.save(target)
    assert judge(target.getvalue())[:2] == (Answer.CANNOT_SAY, Reason.COPY_NOT_SEALED)
    target = BytesIO()
    with pikepdf.open(BytesIO(make(copy=False))) as pdf:
        pdf.attachments[ANNOTATION_NAME] = read_pdf(copied).annotation
        pdf.save(target)
    assert judge(target.getvalue())[:2] == (Answer.CANNOT_SAY, Reason.COPY_NOT_SEALED)


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": ""},
        {"purpose": "入\u202e职"},
        {"recipient": "甲" * 61},
        {"valid_until": date(2026, 11, 23)},
    ],
)
def test_texts_and_days_out_of_form_are_refused(
    make: Callable[..., bytes], change: dict[str, Any]
) -> None:
    with pytest.raises(MalformedAnnotation):
        make(**change)


def test_a_sign_no_font_has_is_refused(make: Callable[..., bytes]) -> None:
    with pytest.raises(GlyphMissing, match="接收单位"):
        make(recipient="甲\U0001f600公司")


def test_a_text_is_never_read_as_markup(make: Callable[..., bytes]) -> None:
    sly = '#panic("x") *a* _b_ $c$ @d <e> \\'
    assert "".join(sly.split()) in text_of(make(purpose=sly, recipient=sly))


@pytest.mark.parametrize("sign", ["职", "W", "·", "i"])
def test_the_longest_texts_fit(make: Callable[..., bytes], sign: str) -> None:
    purpose, recipient = (sign + "业") * 20, (sign + "业") * 30
    text = text_of(make(purpose=purpose, recipient=recipient))
    assert purpose in text
    assert recipient in text


def test_a_copy_without_a_photo_says_so(
    make: Callable[..., bytes], copied: bytes, make_photo: Callable[..., bytes]
) -> None:
    assert "未附照片" in text_of(copied)
    assert "未附照片" not in text_of(make(photo=make_photo()))
    assert "骑缝章" in text_of(make(copy=False))


def test_an_original_is_the_same_whenever_it_is_made(
    make: Callable[..., bytes],
    evidence: Evidence,
    make_staple: Callable[[str], Any],
    now: datetime,
) -> None:
    proven = replace(evidence, staple=make_staple("2026-11-24T01:00:00Z"))
    first = make(copy=False, evidence=proven)
    assert make(copy=False, evidence=proven, now=now + timedelta(days=300)) == first
    newer = replace(evidence, staple=make_staple("2026-11-24T01:30:00Z"))
    assert make(copy=False, evidence=newer) != first


def test_the_seal_states_the_time_of_the_status_proof_within_reason(
    make: Callable[..., bytes],
    evidence: Evidence,
    make_staple: Callable[[str], Any],
    company: Any,
    now: datetime,
) -> None:
    begin = company.seal_signer.info.not_before
    for told, stated in (
        ("2026-11-24T01:00:00Z", datetime.fromisoformat("2026-11-24T01:00:00Z")),
        ("2026-10-01T00:00:00Z", begin),  # before the seal key's certificate
        ("2026-11-24T02:03:00Z", now),  # this machine's clock is a little behind
    ):
        pdf = make(copy=False, evidence=replace(evidence, staple=make_staple(told)))
        assert check_seal(pdf, company.root, now).signed_at == stated
