"""Checking a seal offline, more strictly than a PDF reader does.

Exactly one certification seal (ISO 32000-2 §12.8.2.2, P=1), over every byte of the file, with the
CMS in the one form `cms` builds, by a certificate of the office's seal root. A change of any byte
is found, also in the hole that no digest covers. pyHanko validates digest, signature and chain.

One thing may follow the seal: the certificates to check it by and an archive timestamp, which
then covers every byte of the file (PAdES B-LTA). An authority nobody vouches for covers nothing.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

from asn1crypto import parser, x509
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.validation.pdf_embedded import async_validate_pdf_signature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

from signing.errors import MalformedPdf
from signing.pdf.attachments import check_size
from signing.pdf.cms import parse_cms
from signing.pdf.reader import SealReader
from signing.pdf.stamp import read_stamp

if TYPE_CHECKING:
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
    from pyhanko.sign.validation.status import PdfSignatureStatus

    from signing.pdf.cms import SealCms

# What a stranger's file makes the libraries say, tracebacks with its words in them, belongs in no
# log of ours: the answer is the SealCheck.
for _library in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)

_GAP: Final = re.compile(rb"<[0-9A-F]+>")
"""The hole in the signed range as written: one hex string, capitals, nothing else."""

_DOCUMENT_STAMP: Final = "/DocTimeStamp"
"""Type of a signature that is a timestamp over the whole file; everything else is a seal."""

_CLOCK_SLACK: Final = timedelta(minutes=5)


class _Rewritten(MalformedPdf):
    """The hole in the signed range is no longer where the seal says: the file was saved anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealCheck:
    """What is known of a PDF's seal; `reason` is "ok" or the first thing found wrong.

    `intact`: nothing under the seal was changed and the signature is good. `trusted`: the
    signer's certificate was issued by the seal root and was valid at `signed_at`. `docmdp`: the
    seal forbids every later change. `signed_at` is the signer's own statement; `stamped_at` the
    seal's timestamp by an authority that is trusted, `stamps` how many of those there are. The
    ledger says when a certificate was filed. Reasons: "unreadable", "no-seal", "several-seals",
    "damaged", "rewritten", "unchecked", "appended", "not-certified", "signed-in-future",
    "untrusted", "unknown-authority".
    """

    intact: bool = False
    trusted: bool = False
    covers_whole_file: bool = False
    docmdp: bool = False
    reason: str
    signer_name: str = ""
    signed_at: datetime | None = None
    certificate: bytes | None = None
    stamped_at: datetime | None = None
    stamps: int = 0

    @property
    def good(self) -> bool:
        """Whether the seal holds in every respect."""
        return self.reason == "ok"


def check_seal(
    data: bytes, root: bytes, now: datetime, *, stamp_roots: tuple[bytes, ...] = ()
) -> SealCheck:
    """Check a PDF's seal against the office's seal root (DER); never raises, never fetches.

    The certificate is judged at the signing time: a paper outlives its seal key's five years.
    `stamp_roots` are the roots of the timestamp authorities that are trusted (DER).
    """
    try:
        check_size(data)
        reader = SealReader(data)
        signatures = reader.embedded_signatures
        seals = [one for one in signatures if one.sig_object_type != _DOCUMENT_STAMP]
        archives = [one for one in signatures if one.sig_object_type == _DOCUMENT_STAMP]
    except Exception:  # noqa: BLE001 -- a hostile file makes a parser raise anything
        return SealCheck(reason="unreadable")
    if len(seals) != 1 or len(archives) > 1:
        return SealCheck(reason="several-seals" if seals else "no-seal")
    archive = archives[0] if archives else None
    try:
        parts = parse_cms(_contents(data, seals[0]))
        own = _check_one(data, reader, seals[0], root, now, parts=parts, archive=archive)
        return _with_stamps(own, data, parts, archive, stamp_roots)
    except _Rewritten:
        return SealCheck(reason="rewritten")
    except MalformedPdf:
        return SealCheck(reason="untrusted" if _is_strangers(seals[0], root) else "damaged")
    except Exception:  # noqa: BLE001 -- likewise
        # Not known what happened, memory may have run out: neither good nor broken.
        return SealCheck(reason="unchecked")


def _check_one(
    data: bytes,
    reader: SealReader,
    seal: EmbeddedPdfSignature,
    root: bytes,
    now: datetime,
    *,
    parts: SealCms,
    archive: EmbeddedPdfSignature | None,
) -> SealCheck:
    signed_at = _signing_time(seal)
    status = _validate(seal, root, signed_at)
    intact = bool(status.intact and status.valid)
    covers = _covers_whole_file(data, archive or seal)
    docmdp = bool(status.docmdp_ok) and _is_certification(reader, seal)
    if archive is not None:
        # What follows the seal may be the archive's own and nothing a reader sees.
        level = status.modification_level
        docmdp = docmdp and level is ModificationLevel.LTA_UPDATES and _is_unseen(reader, archive)
    in_time = signed_at <= now + _CLOCK_SLACK
    trusted = bool(intact and status.trusted and in_time)
    reasons = (
        (intact, "damaged"),
        (covers, "appended"),
        (docmdp, "not-certified"),
        (in_time, "signed-in-future"),
        (trusted, "untrusted"),
    )
    return SealCheck(
        intact=intact,
        trusted=trusted,
        covers_whole_file=covers,
        docmdp=docmdp,
        reason=next((reason for holds, reason in reasons if not holds), "ok"),
        signer_name=str(_certificate(parts.certificate).subject.native.get("common_name", "")),
        signed_at=signed_at,
        certificate=parts.certificate,
    )


def _with_stamps(
    own: SealCheck,
    data: bytes,
    parts: SealCms,
    archive: EmbeddedPdfSignature | None,
    roots: tuple[bytes, ...],
) -> SealCheck:
    """Add what the timestamps say; raises MalformedPdf for one that is damaged or lies."""
    stamps = []
    if parts.timestamp is not None:
        imprint = partial(_digest, parts.signature)
        stamps.append(read_stamp(parts.timestamp, imprint, roots))
    if archive is not None:
        if archive.sig_object["/SubFilter"] != SigSeedSubFilter.ETSI_RFC3161.value:
            raise MalformedPdf("the archive timestamp inside the PDF is damaged")
        token = _contents(data, archive)
        stamps.append(read_stamp(token, partial(_digest_of, archive), roots))
        if not stamps[-1].trusted and own.good:
            # Bytes were added to the seal's, and nobody known says when or what for.
            own = replace(own, reason="unknown-authority", covers_whole_file=False)
    times = [stamp.at for stamp in stamps if stamp.trusted]
    if own.signed_at is not None and any(at < own.signed_at - _CLOCK_SLACK for at in times):
        raise MalformedPdf("the seal states a later time than its timestamp")
    return replace(own, stamps=len(times), stamped_at=min(times, default=None))


def _digest(message: bytes, algorithm: str) -> bytes:
    return hashlib.new(algorithm, message).digest()


def _digest_of(signature: EmbeddedPdfSignature, algorithm: str) -> bytes:
    return bytes(signature.compute_digest(algorithm))


def _validate(seal: EmbeddedPdfSignature, root: bytes, signed_at: datetime) -> PdfSignatureStatus:
    trust = ValidationContext(
        trust_roots=[_certificate(root)],
        moment=signed_at,
        allow_fetching=False,
        revocation_mode="soft-fail",
    )
    usage = KeyUsageConstraints(key_usage={"digital_signature"})
    try:
        # A seal of our form is judged from what is at hand: nothing is fetched or waited for, so
        # the work runs through in one go, without a thread and an event loop for it.
        async_validate_pdf_signature(seal, trust, key_usage_settings=usage).send(None)
    except StopIteration as done:
        status: PdfSignatureStatus = done.value
        return status
    raise RuntimeError("pyHanko waits for something where there is nothing to wait for")


def _contents(data: bytes, seal: EmbeddedPdfSignature) -> bytes:
    """Take the CMS out of the hole in the signed range; MalformedPdf on anything beside it.

    The hole is the only place no digest covers: it must hold one hex string as we write it, and
    after the CMS only zeros, or somebody could use it to carry or change bytes unseen.
    """
    start, head, tail, _ = (int(value) for value in seal.byte_range)
    gap = data[head:tail]
    if not (gap.startswith(b"<") and gap.endswith(b">")):
        raise _Rewritten("the PDF was written anew by a program after sealing")
    if start != 0 or not _GAP.fullmatch(gap):
        raise MalformedPdf("the seal inside the PDF is damaged")
    content = bytes.fromhex(gap[1:-1].decode("ascii"))
    length: int = parser.peek(content)
    if content != seal.pkcs7_content or content[length:].strip(b"\0"):
        raise MalformedPdf("there are foreign bytes beside the seal inside the PDF")
    return content[:length]


def _is_strangers(seal: EmbeddedPdfSignature, root: bytes) -> bool:
    """Whether a signature not of our form is whole, and somebody else's: then nothing is broken."""
    try:
        status = _validate(seal, root, _signing_time(seal))
    except Exception:  # noqa: BLE001 -- a hostile file makes a parser raise anything
        return False
    return bool(status.intact and status.valid and not status.trusted)


def _covers_whole_file(data: bytes, seal: EmbeddedPdfSignature) -> bool:
    start, _, tail, rest = (int(value) for value in seal.byte_range)
    return start == 0 and tail + rest == len(data)


def _signing_time(seal: EmbeddedPdfSignature) -> datetime:
    stated = seal.self_reported_timestamp
    if stated is None or stated.tzinfo is None:
        raise MalformedPdf("the seal states no signing time")
    return stated.astimezone(UTC)


def _is_certification(reader: SealReader, seal: EmbeddedPdfSignature) -> bool:
    """Tell whether this seal certifies the document with P=1 (no changes), as PAdES."""
    permissions = reader.root["/Perms"].get_value_as_reference("/DocMDP")
    return bool(
        permissions == seal.sig_object.container_ref
        and seal.docmdp_level is MDPPerm.NO_CHANGES
        and seal.sig_object["/SubFilter"] == SigSeedSubFilter.PADES.value
    )


def _is_unseen(reader: SealReader, archive: EmbeddedPdfSignature) -> bool:
    """Whether the archive timestamp is the one field added, and takes no place on the page.

    A signature field may have a picture; one as large as the page would hide the certificate.
    """
    fields = reader.root["/AcroForm"]["/Fields"]
    place = [float(value) for value in archive.sig_field["/Rect"]]
    return len(fields) == 2 and place == [0, 0, 0, 0] and "/AP" not in archive.sig_field  # noqa: PLR2004 -- the seal and this


@lru_cache(maxsize=8)
def _certificate(der: bytes) -> x509.Certificate:
    return x509.Certificate.load(der)
