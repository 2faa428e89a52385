"""`certverify`: verify a certificate offline, from its PDF, QR picture, proof or bundle.

Also a milestone's proof (程序节点) and the receipt of a bulk check (批量查验凭证), which it tells
from a certificate's by what lies in it.

Starts from a trust folder had from the office, touches no network, and runs the very
procedure the public page runs. Exit code 0 valid; 1 invalid, revoked, suspended or
corrected; 2 cannot say. The libraries for PDFs and pictures load only when one is given.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keys.clock import Clock, SystemClock
from keys.errors import KeysError
from keys.trust import Trust, load_trust
from keys.trust_site import load_site_keys
from signing.bundle import Evidence, read_bundle_file, read_proof_file
from signing.certtext import as_json as report_json
from signing.certtext import as_text, headline, refusal_json
from signing.errors import MalformedQr, SigningError, UnreadableFile
from signing.milestone import is_milestone_file, read_milestone_file
from signing.milestone_text import milestone_as_json, milestone_as_text, milestone_headline
from signing.milestone_verify import MilestoneReport, verify_milestone
from signing.qr import parse_qr_url
from signing.receipt import is_receipt_file, parse_receipt
from signing.receipt_text import receipt_as_json, receipt_as_text, receipt_headline
from signing.receipt_verify import ReceiptReport, verify_receipt
from signing.report import Report, Verdict
from signing.statusfile import is_status_file, parse_status_file
from signing.verify import verify, verify_qr

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MAX_FILE_BYTES: Final = 32 * 1024 * 1024
MAX_AGE_DAYS: Final = 30
_LONGEST_AGE_DAYS: Final = 3650

EXIT_VALID: Final = 0
EXIT_INVALID: Final = 1
EXIT_CANNOT_SAY: Final = 2

_PROOF_MAGIC: Final = b"c2sp.org/tlog-proof@"
_PICTURE_MAGIC: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


def main(argv: Sequence[str] | None = None, *, clock: Clock | None = None) -> int:
    """Run the command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        # A terminal without Chinese shows question marks rather than ending in a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    now = (clock or SystemClock()).now()
    try:
        trust = load_trust(arguments.trust)
        report: Report | MilestoneReport | ReceiptReport | None
        report = _verify_if_receipt(arguments, trust, now)
        if report is None:
            report = verify_file(
                arguments.file,
                trust,
                now=now,
                max_age=timedelta(days=arguments.max_age),
                document=arguments.document,
                status=arguments.status,
                recipient=arguments.recipient,
            )
    except (SigningError, KeysError) as error:
        if arguments.json:
            _say(refusal_json(error.code, str(error)))
        _complain(str(error))
        return EXIT_CANNOT_SAY
    text, line = _told(report, as_json=arguments.json)
    _say(text)
    if report.verdict is Verdict.VALID:
        return EXIT_VALID
    _complain(line)
    return EXIT_CANNOT_SAY if report.verdict is Verdict.CANNOT_SAY else EXIT_INVALID


def _verify_if_receipt(
    arguments: argparse.Namespace, trust: Trust, now: datetime
) -> ReceiptReport | None:
    """Verify the receipt of a bulk check with its table; None for a file of another kind."""
    data = _read(arguments.file)
    if not is_receipt_file(data):
        if arguments.table is not None:
            raise UnreadableFile("--table goes with a bulk check's receipt, which this is not")
        return None
    if arguments.document or arguments.status or arguments.recipient:
        raise UnreadableFile("a bulk check's receipt takes --table and no other file")
    table = None
    if arguments.table is not None:
        from signing.receipt_table import read_receipt_table  # noqa: PLC0415 -- only tables pay

        table = read_receipt_table(_read(arguments.table))
    keys = load_site_keys(arguments.trust, trust.policy)
    return verify_receipt(parse_receipt(data), trust, keys, now=now, table=table)


def verify_file(
    path: Path,
    trust: Trust,
    *,
    now: datetime,
    max_age: timedelta,
    document: Path | None = None,
    status: Path | None = None,
    recipient: str = "",
) -> Report | MilestoneReport:
    """Verify a file of any kind by its first bytes; raises SigningError when it is none.

    `document` lies beside a milestone's proof, which may name its digest; `status` is a status
    file fetched for a certificate; `recipient` the body that asks, for a PDF made for somebody.
    """
    data = _read(path)
    if recipient and not data.startswith(b"%PDF-"):
        raise UnreadableFile("--recipient goes with a certificate's PDF, which this is not")
    if data.startswith(_PROOF_MAGIC) and is_milestone_file(data):
        if status is not None:
            raise UnreadableFile(
                "--status goes with a certificate, and this is a milestone's proof"
            )
        digest = None if document is None else _digest(document)
        milestone = read_milestone_file(data)
        return verify_milestone(
            milestone,
            trust.policy,
            now=now,
            document=digest,
            frozen=trust.predecessors,
        )
    if document is not None:
        raise UnreadableFile("--document goes with a milestone's .tlog-proof, which this is not")
    if data.startswith(_PICTURE_MAGIC):
        if status is not None:
            raise UnreadableFile(
                "--status goes with a full file: a QR code does not say which status is its own"
            )
        return _verify_picture(data, trust, now)
    fresh = None if status is None else parse_status_file(_read(status))
    if data.startswith(b"%PDF-"):
        from signing.pdf_verify import verify_pdf  # noqa: PLC0415 -- 0.3 s only PDFs pay

        return verify_pdf(data, trust, now=now, max_age=max_age, status=fresh, recipient=recipient)
    return verify(_evidence(data), trust, now=now, max_age=max_age, status=fresh)


def _evidence(data: bytes) -> Evidence:
    if data.startswith(_PROOF_MAGIC):
        if is_status_file(data):
            raise UnreadableFile("this is a status file: name a certificate, and this by --status")
        return read_proof_file(data)
    if data.startswith(b"{"):
        return read_bundle_file(data)
    raise UnreadableFile(
        "this is not a certificate's PDF, QR picture (PNG, JPEG), .tlog-proof or .certbundle.json"
    )


def _verify_picture(data: bytes, trust: Trust, now: datetime) -> Report:
    from signing.qr_image import read_qr  # noqa: PLC0415 -- only pictures need it

    found = {}
    for text in read_qr(data):
        try:
            base_url, _, payload = parse_qr_url(text)
        except MalformedQr:
            continue
        found[base_url, payload.signed] = payload
    if len(found) != 1:
        raise MalformedQr(
            "the picture shows several certificates: take one at a time"
            if found
            else "the picture's QR code is not a certificate's"
        )
    (((base_url, _), payload),) = found.items()
    return verify_qr(payload, trust, now=now, base_url=base_url)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UnreadableFile(f"cannot read the file: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise UnreadableFile("the file is larger than 32 MiB: it is no certificate")
    return data


def _digest(document: Path) -> str:
    try:
        with document.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFile(f"cannot read the document: {error.strerror}") from None


def _told(report: Report | MilestoneReport | ReceiptReport, *, as_json: bool) -> tuple[str, str]:
    """Give the report in full, and the one line that says why it is not valid ("" if it is)."""
    if isinstance(report, ReceiptReport):
        text = receipt_as_json(report) if as_json else receipt_as_text(report)
        return text, receipt_headline(report)
    if isinstance(report, MilestoneReport):
        text = milestone_as_json(report) if as_json else milestone_as_text(report)
        return text, milestone_headline(report)
    return report_json(report) if as_json else as_text(report), headline(report)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(line: str) -> None:
    sys.stderr.write(f"certverify: {line}\n")


def _days(text: str) -> int:
    days = int(text)
    if not 0 <= days <= _LONGEST_AGE_DAYS:
        raise argparse.ArgumentTypeError(f"must be 0 to {_LONGEST_AGE_DAYS} days")
    return days


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="certverify",
        description="离线核验职业技能等级证书 Verify a vocational skill level certificate offline.",
        epilog="exit code: 0 valid; 1 invalid, revoked, suspended or corrected; 2 cannot say",
    )
    parser.add_argument("file", type=Path, help="PDF, QR picture, .tlog-proof, bundle or receipt")
    parser.add_argument(
        "--trust",
        type=Path,
        required=True,
        metavar="DIR",
        help="trust folder from the office (log.policy, issuers.json)",
    )
    parser.add_argument(
        "--document",
        type=Path,
        metavar="DOC",
        help="the document a milestone's proof names, to compare its digest",
    )
    parser.add_argument(
        "--status",
        type=Path,
        metavar="FILE",
        help="fresh status file of this certificate (state as of now), from the registry's site",
    )
    parser.add_argument(
        "--table",
        type=Path,
        metavar="XLSX",
        help="the result of a bulk check (查验结果表) that a receipt is to be compared with",
    )
    parser.add_argument(
        "--recipient",
        default="",
        metavar="NAME",
        help="who asks (接收单位): a copy annotated for another is then refused",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--max-age",
        type=_days,
        default=MAX_AGE_DAYS,
        metavar="DAYS",
        help="oldest status accepted as current (default %(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
