from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from registry.documents.certificate import Press, make_certificate_pdf
from registry.documents.errors import DrawingFailed, GateRefused
from registry.documents.face import FaceData, draw_face, places_of
from registry.documents.fonts import FontSet
from registry.documents.gate import Promise, pass_gate
from registry.documents.template import Places, shipped_template
from signing.bundle import Evidence, read_proof_file
from signing.envelope import from_json
from signing.errors import MalformedBundle, SealFailed
from signing.pdf import PROOF_NAME, RECORD_NAME, check_seal, read_pdf, seal_pdf
from signing.record import Record

BASE_URL, TOKEN = "https://verify.example.gov.cn", "abcdefghij234567"


@pytest.fixture(scope="module")
def issue(
    make_record: Callable[..., Record],
    make_evidence: Callable[[Record], Evidence],
    company: Any,
    now: datetime,
) -> Callable[..., bytes]:
    def make(**change: Any) -> bytes:
        record = change.pop("record", None) or make_record()
        keys = {
            "record_signer": company.record_signer,
            "seal_signer": company.seal_signer,
            "root": company.root,
        }
        own = {name: change.pop(name, value) for name, value in keys.items()}
        facts = {
            "press": Press(base_url=BASE_URL, **own),
            "evidence": make_evidence(record),
            "record": record,
            "token": TOKEN,
            "now": now,
        }
        return make_certificate_pdf(**{**facts, **change})

    return make


def test_a_certificate_carries_its_evidence_and_a_good_seal(
    issue: Callable[..., bytes],
    make_record: Callable[..., Record],
    make_evidence: Callable[[Record], Evidence],
    company: Any,
    now: datetime,
) -> None:
    pdf = issue()
    inside = read_pdf(pdf)
    assert inside.record_json is not None
    assert inside.tlog_proof is not None
    evidence = read_proof_file(inside.tlog_proof, from_json(inside.record_json))
    assert evidence == make_evidence(make_record())
    assert check_seal(pdf, company.root, now).good
    assert len(pdf) < 150_000


def test_the_longest_record_a_symbol_holds_is_issued(
    issue: Callable[..., bytes], make_record: Callable[..., Record]
) -> None:
    record = make_record(
        name="阿卜杜热合曼·麦麦提依明江·努尔艾合买提·吐尔逊古丽",
        issuer="深圳市前海示例国际供应链智能装备精密制造与研究开发集团有限公司",
        occupation="轨道交通通信信号设备制造与智能化综合检测维护人员",
        direction="",
    )
    assert issue(record=record).startswith(b"%PDF-")


def test_evidence_of_another_record_is_refused(
    issue: Callable[..., bytes],
    make_record: Callable[..., Record],
    make_evidence: Callable[[Record], Evidence],
) -> None:
    with pytest.raises(DrawingFailed, match="another record"):
        issue(evidence=make_evidence(make_record(name="李四")))


def test_evidence_without_a_proof_is_refused(
    issue: Callable[..., bytes],
    make_record: Callable[..., Record],
    make_evidence: Callable[[Record], Evidence],
) -> None:
    with pytest.raises(MalformedBundle):
        issue(evidence=replace(make_evidence(make_record()), proof=None))


def test_another_companys_key_is_refused(
    issue: Callable[..., bytes], make_record: Callable[..., Record]
) -> None:
    other = make_record(prefix="Y000044999002", number="Y000044999002263000001")
    with pytest.raises(DrawingFailed, match="another assessing body"):
        issue(record=other)


def test_a_seal_under_another_root_does_not_pass(
    issue: Callable[..., bytes], company: Any, other_company: Any
) -> None:
    with pytest.raises(GateRefused, match="untrusted"):
        issue(root=other_company.root)


def test_a_seal_key_past_its_certificate_does_not_pass(
    issue: Callable[..., bytes], now: datetime
) -> None:
    with pytest.raises(GateRefused, match="untrusted"):
        issue(now=now + timedelta(days=6 * 365))


def test_a_record_key_cannot_seal(issue: Callable[..., bytes], company: Any) -> None:
    with pytest.raises(SealFailed):
        issue(seal_signer=company.record_signer)


@pytest.fixture(scope="module")
def face(make_face: Callable[..., FaceData]) -> FaceData:
    return make_face()


@pytest.fixture(scope="module")
def drawn(face: FaceData, fonts: FontSet) -> bytes:
    return draw_face(face, fonts)


@pytest.fixture(scope="module")
def places(fonts: FontSet) -> Places:
    return places_of(shipped_template(), fonts)


@pytest.fixture(scope="module")
def seal(company: Any, now: datetime, places: Places) -> Callable[[bytes], bytes]:
    return lambda pdf: seal_pdf(
        pdf, company.seal_signer, root=company.root, now=now, reason="签发", box=places.seal.points
    )


@pytest.fixture(scope="module")
def sealed(drawn: bytes, seal: Callable[[bytes], bytes]) -> bytes:
    return seal(drawn)


@pytest.fixture(scope="module")
def promise(face: FaceData, places: Places) -> Promise:
    return Promise(
        qr_text=face.qr_text,
        qr_place=places.qr,
        words=(face.name, face.issuer),
        attachments={RECORD_NAME: face.record_json, PROOF_NAME: face.tlog_proof},
    )


@pytest.fixture(scope="module")
def gate(company: Any, now: datetime) -> Callable[[bytes, Promise], None]:
    return partial(pass_gate, root=company.root, now=now)


def test_what_keeps_its_promise_passes(
    sealed: bytes, promise: Promise, gate: Callable[[bytes, Promise], None]
) -> None:
    gate(sealed, promise)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"words": ("王五",)}, "printed text"),
        ({"qr_text": "https://verify.example.gov.cn/v/other"}, "QR code"),
        ({"attachments": {RECORD_NAME: b"{}"}}, "attachments"),
        ({"attachments": {}}, "attachments"),
        ({"stamps": 1}, "timestamps"),
    ],
)
def test_a_broken_promise_is_found(
    sealed: bytes,
    promise: Promise,
    gate: Callable[[bytes, Promise], None],
    change: dict[str, Any],
    words: str,
) -> None:
    with pytest.raises(GateRefused, match=words) as caught:
        gate(sealed, replace(promise, **change))
    assert "王五" not in str(caught.value)


def test_no_other_file_passes(
    drawn: bytes,
    sealed: bytes,
    promise: Promise,
    seal: Callable[[bytes], bytes],
    gate: Callable[[bytes, Promise], None],
) -> None:
    for pdf, words in (
        (drawn, "no-seal"),
        (sealed + b"\n", "appended"),
        (seal(drawn.rstrip()), "joint"),
        (b"%PDF-1.7", "cannot be opened"),
    ):
        with pytest.raises(GateRefused, match=words):
            gate(pdf, promise)
