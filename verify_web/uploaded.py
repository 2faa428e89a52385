"""One uploaded file, by its kind: PDF, QR picture, `.tlog-proof` or bundle. Nothing of it is kept.

A PDF that was let out here is known by its SHA-256 alone, without being opened. An unknown one,
and every picture, is opened in the worker (`verify_web.sandbox`), for which the asker's allowance
is charged.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from signing.bundle import Evidence, read_bundle_file, read_proof_file
from signing.copystep import copy_step
from signing.envelope import from_json
from signing.errors import MalformedBundle, MalformedQr, SigningError
from signing.qr import QrPayload, parse_qr_url
from signing.release import parse_release, release_step
from signing.report import Answer, Reason, Report, Step, StepCode, report_of
from signing.verify import verify_qr
from verify_web.checking import Checked, FileKind, Unreadable, check_evidence
from verify_web.errors import ServiceTrouble
from verify_web.evidence import check_entry
from verify_web.findings import Finding, Task
from verify_web.sandbox import SANDBOX
from verify_web.wording_files import BY_DIGEST, REMARKS, SCANNED

if TYPE_CHECKING:
    from signing.envelope import Envelope
    from verify_web.clients import Client
    from verify_web.site import Site

_PDF: Final = b"%PDF-"
_PROOF: Final = b"c2sp.org/tlog-proof@"
_PICTURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file, who sent it, and the body they say they are ("" if they did not)."""

    data: bytes
    client: Client
    recipient: str = ""


def check_upload(site: Site, upload: Upload) -> Checked:
    """Verify an uploaded file. Raises Unreadable, TooManyFiles, ServiceTrouble or Busy."""
    data = upload.data
    if data.startswith(_PDF):
        return _check_released(site, upload) or _check_pdf(site, upload)
    if data.startswith(_PICTURES):
        return _check_picture(site, upload)
    try:
        if data.startswith(_PROOF):
            return check_evidence(site, read_proof_file(data))
        if data.startswith(b"{"):
            return check_evidence(site, read_bundle_file(data))
    except MalformedBundle:
        raise Unreadable(REMARKS["damaged-bundle"]) from None
    raise Unreadable(REMARKS["unknown-kind"])


def _check_released(site: Site, upload: Upload) -> Checked | None:
    """Know one of our own files by its digest; None for any other, and wherever there is doubt."""
    digest = hashlib.sha256(upload.data)
    try:
        released = site.mirror.released(digest.digest())
        entry = site.mirror.by_token(released.token) if released else None
    except ServiceTrouble:
        return None
    if released is None or entry is None:
        return None
    trust = site.public.snapshot().trust
    payload = entry.envelope.payload
    seal = release_step(released.statement, digest.hexdigest(), payload, trust)
    if seal.answer is not Answer.VALID:
        # The mirror may lie, or the seal key have been revoked: the file speaks for itself.
        return None
    annotation = parse_release(released.statement.payload).annotation.encode() or None
    now = site.config.clock.now()
    copy = copy_step(annotation, payload, seal, now=now, recipient=upload.recipient)
    own = check_entry(site, entry)
    return Checked(
        kind=FileKind.PDF,
        report=report_of((*own.steps, seal, copy), own.record),
        remarks=(BY_DIGEST,),
        onward=entry.superseded_by,
    )


def _inspect(site: Site, upload: Upload, kind: Literal["pdf", "picture"]) -> Finding:
    site.allowance.upload(upload.client)
    trust = site.config.public_dir / "trust"
    now = site.config.clock.now()
    finding = SANDBOX.inspect(Task(kind=kind, data=upload.data, trust=str(trust), now=now))
    if finding.outcome == "stopped":
        raise Unreadable(REMARKS["beyond-limits"])
    return finding


def _check_pdf(site: Site, upload: Upload) -> Checked:
    inside = _inspect(site, upload, "pdf")
    if inside.outcome == "refused" or inside.seal is None:
        raise Unreadable(REMARKS["damaged-pdf"])
    if inside.record is None:
        return _check_without_record(site, inside, inside.seal)
    try:
        envelope = from_json(inside.record)
        evidence = _evidence(envelope, inside.proof)
    except SigningError:
        # It was a certificate's PDF, and somebody changed what was signed in it.
        report = report_of((*_NOTHING_READ, inside.seal), None)
        return Checked(kind=FileKind.PDF, report=report)
    copy = copy_step(
        inside.annotation,
        envelope.payload,
        inside.seal,
        now=site.config.clock.now(),
        recipient=upload.recipient,
    )
    return replace(check_evidence(site, evidence, inside.seal, copy), kind=FileKind.PDF)


def _evidence(envelope: Envelope, proof: bytes | None) -> Evidence:
    """Give what the PDF proves by itself; what it lacks the register may fill in."""
    if proof is not None:
        return read_proof_file(proof, envelope)
    return Evidence(envelope=envelope, opening=None, entry=None, proof=None, staple=None)


def _check_without_record(site: Site, inside: Finding, seal: Step) -> Checked:
    """Judge a PDF that carries no record: somebody else's, or a scan or print with our code."""
    if seal.reason is Reason.SEAL_UNTRUSTED:
        return Checked(kind=FileKind.PDF, report=report_of((*_NOTHING_CLAIMED, seal), None))
    try:
        checked = _check_codes(site, inside.texts)
    except Unreadable:
        raise Unreadable(REMARKS["no-certificate-inside"]) from None
    return replace(checked, kind=FileKind.SCAN, remarks=(SCANNED, *checked.remarks))


def _steps(record: tuple[Answer, Reason]) -> tuple[Step, ...]:
    first = Step(code=StepCode.RECORD, answer=record[0], reason=record[1])
    others = (
        (StepCode.SIGNATURE, Reason.SIGNATURE_NO_RECORD),
        (StepCode.INCLUSION, Reason.INCLUSION_MISSING),
        (StepCode.CHECKPOINT, Reason.CHECKPOINT_MISSING),
        (StepCode.STATUS, Reason.STATUS_MISSING),
    )
    rest = (Step(code=code, answer=Answer.CANNOT_SAY, reason=reason) for code, reason in others)
    return (first, *rest)


_NOTHING_READ: Final = _steps((Answer.INVALID, Reason.RECORD_MALFORMED))
_NOTHING_CLAIMED: Final = _steps((Answer.CANNOT_SAY, Reason.RECORD_MISSING))


def _check_picture(site: Site, upload: Upload) -> Checked:
    inside = _inspect(site, upload, "picture")
    if not inside.texts:
        raise Unreadable(REMARKS["no-qr"])
    return _check_codes(site, inside.texts)


def _check_codes(site: Site, texts: tuple[str, ...]) -> Checked:
    symbols = set()
    for text in texts:
        try:
            symbols.add(parse_qr_url(text))
        except MalformedQr:
            continue
    if len(symbols) != 1:
        # With two certificates in view, an answer would be about either of them.
        raise Unreadable(REMARKS["several-qr" if symbols else "other-qr"])
    return _check_symbol(site, *symbols.pop())


def _check_symbol(site: Site, base_url: str, token: str, payload: QrPayload) -> Checked:
    """Verify the symbol's own signature, then what is registered under its token."""
    trust = site.public.snapshot().trust
    own = verify_qr(payload, trust, now=site.config.clock.now(), base_url=base_url)
    signature = own.step(StepCode.SIGNATURE)
    # A key revoked since: the symbol alone proves nothing any more, the register may.
    placeless = signature.reason is Reason.SIGNATURE_NO_PLACE
    if own.step(StepCode.RECORD).answer is not Answer.VALID or not (
        placeless or signature.answer is Answer.VALID
    ):
        # Also a good symbol that leads to another site: our register cannot vouch for that.
        return _symbol(own)
    entry = site.mirror.by_token(token)
    if entry is None:
        return replace(_symbol(own), remarks=(REMARKS["qr-unregistered"],))
    report = check_entry(site, entry)
    if report.record is not None and payload.agrees_with(report.record):
        remark = REMARKS["qr-agrees-by-register" if placeless else "qr-agrees"]
        return replace(_symbol(report), remarks=(remark,), onward=entry.superseded_by)
    # A genuine token beside other facts: the symbol was put together by a forger.
    first = replace(own.steps[0], answer=Answer.INVALID, reason=Reason.RECORD_DISAGREES)
    forged = _symbol(report_of((first, *own.steps[1:]), None))
    return replace(forged, remarks=(REMARKS["qr-disagrees"],))


def _symbol(report: Report) -> Checked:
    return Checked(kind=FileKind.PICTURE, report=report)
