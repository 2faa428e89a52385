"""Verification of a certificate's PDF: steps 1 to 5 on what it carries, 6 its seal, 7 its kind.

The attachments prove the record; only the seal proves that the *page one reads* is the
issuer's too. So a seal must be whole, chain to the office's seal root, and belong to the
company whose prefix the record bears: another company's good seal is a forgery here. What the
seal covers also says whether the file is the original or an annotated copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from keys.model import KeyState, Purpose
from signing.bundle import Evidence, read_proof_file
from signing.copystep import copy_step
from signing.envelope import from_json
from signing.errors import MalformedPdf
from signing.pdf import PdfEvidence, SealCheck, check_seal, read_pdf
from signing.report import Answer, Reason, Report, Step, StepCode, report_of
from signing.steps import answer
from signing.verify import verify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from keys.trust import Trust, TrustedIssuer
    from signing.statusfile import StatusFile

_FAULTS: Final[Mapping[str, tuple[Answer, Reason]]] = {
    "no-seal": (Answer.CANNOT_SAY, Reason.SEAL_MISSING),
    "rewritten": (Answer.CANNOT_SAY, Reason.SEAL_REWRITTEN),
    "unreadable": (Answer.CANNOT_SAY, Reason.SEAL_UNCHECKED),
    "unchecked": (Answer.CANNOT_SAY, Reason.SEAL_UNCHECKED),
    "appended": (Answer.INVALID, Reason.SEAL_PARTIAL),
    "untrusted": (Answer.INVALID, Reason.SEAL_UNTRUSTED),
    "unknown-authority": (Answer.CANNOT_SAY, Reason.SEAL_UNKNOWN_AUTHORITY),
    "signed-in-future": (Answer.CANNOT_SAY, Reason.SEAL_IN_FUTURE),
}
"""What `check_seal` may find wrong; everything else is a broken seal."""


def pdf_evidence(data: bytes) -> Evidence:
    """Take the evidence out of a PDF. Raises MalformedPdf or another SigningError."""
    return _evidence(read_pdf(data))


def _evidence(attached: PdfEvidence) -> Evidence:
    if attached.record_json is None:
        raise MalformedPdf("the PDF is no certificate of this registry: no record is attached")
    envelope = from_json(attached.record_json)
    if attached.tlog_proof is None:
        return Evidence(envelope=envelope, opening=None, entry=None, proof=None, staple=None)
    return read_proof_file(attached.tlog_proof, envelope)


def verify_pdf(
    data: bytes,
    trust: Trust,
    *,
    now: datetime,
    max_age: timedelta,
    status: StatusFile | None = None,
    recipient: str = "",
) -> Report:
    """Run steps 1 to 7 on a certificate's PDF (≤ 16 MiB); `status` as for `signing.verify`.

    `recipient` is the body that asks, for copies made for somebody; "" when nobody said. Raises
    MalformedPdf or another SigningError when there is nothing readable to verify.
    """
    attached = read_pdf(data)
    evidence = _evidence(attached)
    report = verify(evidence, trust, now=now, max_age=max_age, status=status)
    prefix = report.record.prefix if report.record else ""
    # 6. seal
    sixth = seal_step(data, trust, prefix, now=now)
    # 7. copy
    seventh = copy_step(
        attached.annotation, evidence.envelope.payload, sixth, now=now, recipient=recipient
    )
    return report_of((*report.steps, sixth, seventh), report.record)


def seal_step(data: bytes, trust: Trust, prefix: str, *, now: datetime) -> Step:
    """Step 6: the seal covers the whole file and is that of the issuer with this prefix."""
    if trust.seal_root is None:
        return answer(StepCode.SEAL, Answer.CANNOT_SAY, Reason.SEAL_NO_ROOT)
    check = check_seal(data, trust.seal_root, now, stamp_roots=trust.stamp_roots)
    facts = {"signer": check.signer_name}
    if check.stamped_at is not None:
        facts["stamped"] = check.stamped_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    if not check.good:
        verdict, reason = _FAULTS.get(check.reason, (Answer.INVALID, Reason.SEAL_BROKEN))
    else:
        verdict, reason = _owner(check, trust.issuers.get(prefix))
    return answer(StepCode.SEAL, verdict, reason, facts, as_of=check.signed_at)


def _owner(check: SealCheck, issuer: TrustedIssuer | None) -> tuple[Answer, Reason]:
    if issuer is None:
        return Answer.CANNOT_SAY, Reason.SEAL_UNKNOWN_ISSUER
    certificate = x509.load_der_x509_certificate(check.certificate or b"")
    codes = certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    if [code.value for code in codes] != [issuer.uscc]:
        return Answer.INVALID, Reason.SEAL_OTHER_ISSUER
    public_key = _point(certificate)
    for key in issuer.keys:
        if key.purpose is Purpose.PDF and key.public_key == public_key:
            if key.state is not KeyState.REVOKED:
                break
            # An authority's timestamp clears a page sealed before the key was revoked. The seal's
            # own time is the signer's word, and a thief would write an early one.
            if key.revoked_at and check.stamped_at and check.stamped_at < key.revoked_at:
                return Answer.VALID, Reason.SEAL_BEFORE_REVOCATION
            early = key.revoked_at and check.signed_at and check.signed_at < key.revoked_at
            return Answer.CANNOT_SAY if early else Answer.INVALID, Reason.SEAL_REVOKED
    return Answer.VALID, Reason.SEAL_GOOD


def _point(certificate: x509.Certificate) -> bytes:
    key = certificate.public_key()
    if not isinstance(key, EllipticCurvePublicKey):
        return b""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
