"""A rehearsal (试印): a template draws people who do not exist, with keys that are thrown away.

What the samples do to a layout real certificates will do one day: the longest names, two lines of
occupation, no direction, no photo, an annotation. Each passes the print gate or the template does
not; so a designer's slip is found at the desk and not at the first certificate that it spoils.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.ceremony import make_seal_certificate, make_seal_root
from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from registry.documents.certificate import Press, annotated_copy, make_certificate_pdf
from signing.bundle import Evidence
from signing.envelope import sign_record
from signing.record import IdType, Record, canonical
from signing.tlog.proof import TlogProof

if TYPE_CHECKING:
    from keys.signer import PrivateKey
    from registry.documents.fonts import FontSet
    from registry.documents.template import Template

PREFIX: Final = "Y000044999001"
_PAGE: Final = "abcdefghij234567"
BASE_URL: Final = "https://verify.example"
COMPANY: Final = "深圳市示例精密制造有限公司"
LONG_COMPANY: Final = "深圳市前海示例国际供应链智能装备精密制造与研究开发集团有限公司"
_DAY: Final = "2026-11-23"
_NOTE: Final = b"verify.example/log\n7\nAAAA\n\n\xe2\x80\x94 verify.example/log AAAAAAAA\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One page of a rehearsal: what it shows, and the sealed PDF."""

    name: str
    pdf: bytes


def rehearse(template: Template, fonts: FontSet, now: datetime) -> Iterator[Sample]:
    """Make each sample in turn; raises what the first one that fails raises (DocumentError)."""
    press = _press(template, fonts, now)
    usual = _record()
    longest = _record(
        name="阿卜杜热合曼·麦麦提依明江·努尔艾合买提·吐尔逊古丽",
        occupation="轨道交通通信信号设备制造与智能化综合检测维护人员",
        direction="",
        issuer=LONG_COMPANY,
    )
    two_lines = _record(
        occupation="轨道交通通信信号设备制造与智能化综合检测维护以及运营管理服务与安全评估人员",
        direction="城际铁路地铁信号联锁设备制造与智能化综合检测维护以及运营管理安全",
    )
    yield _original("usual", press, usual, now)
    yield _original("longest", press, longest, now)
    yield _original("two-lines", press, two_lines, now)
    yield _copy("copy", press, usual, now)
    yield _copy("copy-longest", press, longest, now)


def _original(name: str, press: Press, record: Record, now: datetime) -> Sample:
    pdf = make_certificate_pdf(
        press=press, evidence=_evidence(press, record), record=record, token=_PAGE, now=now
    )
    return Sample(name=name, pdf=pdf)


def _copy(name: str, press: Press, record: Record, now: datetime) -> Sample:
    purpose, recipient = _WISHES[name]
    pdf = annotated_copy(
        press=press,
        evidence=_evidence(press, record),
        record=record,
        token=_PAGE,
        purpose=purpose,
        recipient=recipient,
        valid_until=date(now.year + 1, 12, 31),
        now=now,
    )
    return Sample(name=name, pdf=pdf)


_WISHES: Final = {
    "copy": ("办理入职手续", "深圳市另一示例科技有限公司"),
    "copy-longest": (
        "申领二〇二六年度企业职工职业技能提升补贴及人才引进积分入户申请材料之用",
        "深圳市人力资源和社会保障局职业技能鉴定指导办公室补贴审核及人才引进业务受理窗口第三组",
    ),
}


def _record(**change: str) -> Record:
    usual = Record(
        admission="",
        direction="数控车工",
        edition=1,
        id_number="440300199001010011",
        id_type=IdType.RESIDENT,
        issued=_DAY,
        issuer=COMPANY,
        level="3",
        name="张示例",
        number=f"{PREFIX}263000001",
        occupation="车工",
        occupation_code="6-18-01-01",
        prefix=PREFIX,
        previous="",
    )
    return msgspec.structs.replace(usual, **change)


def _evidence(press: Press, record: Record) -> Evidence:
    # As long as a real one, so that the samples are as large as certificates are.
    proof = TlogProof(index=5, path=tuple(bytes([n]) * 32 for n in range(3)), checkpoint_note=_NOTE)
    return Evidence(
        envelope=sign_record(canonical(record), press.record_signer),
        opening=bytes(32),
        entry=b'{"t":"issue"}',
        proof=proof,
        staple=None,
    )


def _press(template: Template, fonts: FontSet, now: datetime) -> Press:
    root_key, seal_key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    begin = now - timedelta(hours=1)
    root = make_seal_root(root_key, "试印", begin)
    certificate = make_seal_certificate(
        root_key,
        root,
        seal_key.public_key(),
        company=COMPANY,
        uscc="91440300MA5EXAMPL0",
        now=begin,
    )
    record_key = Ed25519PrivateKey.generate()
    return Press(
        base_url=BASE_URL,
        record_signer=_signer(record_key, Algorithm.ED25519, Purpose.RECORD, begin),
        seal_signer=_signer(seal_key, Algorithm.ECDSA_P256, Purpose.PDF, begin, certificate),
        root=root,
        template=template,
        fonts=fonts,
    )


def _signer(
    key: PrivateKey,
    algorithm: Algorithm,
    purpose: Purpose,
    begin: datetime,
    certificate: bytes | None = None,
) -> PrivateKeySigner:
    public = public_bytes(key)
    info = KeyInfo(
        key_id=key_id_of(algorithm, public),
        algorithm=algorithm,
        purpose=purpose,
        issuer=PREFIX,
        not_before=begin,
        not_after=begin + timedelta(days=1),
        state=KeyState.ACTIVE,
        public_key=public,
        certificate=certificate,
    )
    return software_signer(info, key)
