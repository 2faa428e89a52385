"""`certverify`: verify a certificate offline, from its PDF, QR picture, proof or bundle.

Starts from a trust folder had from the office, touches no network, and runs the very
procedure the public page runs. Exit code 0 valid; 1 invalid, revoked, suspended or
corrected; 2 cannot say. The libraries for PDFs and pictures load only when one is given.
"""

from __future__ import annotations

import argparse
import io
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keys.clock import Clock, SystemClock
from keys.errors import KeysError
from keys.trust import Trust, load_trust
from signing.bundle import read_bundle_file, read_proof_file
from signing.certtext import as_json, as_text, headline, refusal_json
from signing.errors import MalformedQr, SigningError, UnreadableFile
from signing.qr import parse_qr_url
from signing.report import Report, Verdict
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
        report = verify_file(
            arguments.file, trust, now=now, max_age=timedelta(days=arguments.max_age)
        )
    except (SigningError, KeysError) as error:
        if arguments.json:
            _say(refusal_json(error.code, str(error)))
        _complain(str(error))
        return EXIT_CANNOT_SAY
    _say(as_json(report) if arguments.json else as_text(report))
    if report.verdict is Verdict.VALID:
        return EXIT_VALID
    _complain(headline(report))
    return EXIT_CANNOT_SAY if report.verdict is Verdict.CANNOT_SAY else EXIT_INVALID


def verify_file(path: Path, trust: Trust, *, now: datetime, max_age: timedelta) -> Report:
    """Verify a file of any kind by its first bytes; raises SigningError when it is none."""
    data = _read(path)
    if data.startswith(b"%PDF-"):
        from signing.pdf_verify import verify_pdf  # noqa: PLC0415 -- 0.3 s only PDFs pay

        return verify_pdf(data, trust, now=now, max_age=max_age)
    if data.startswith(_PICTURE_MAGIC):
        return _verify_picture(data, trust, now)
    if data.startswith(_PROOF_MAGIC):
        return verify(read_proof_file(data), trust, now=now, max_age=max_age)
    if data.startswith(b"{"):
        return verify(read_bundle_file(data), trust, now=now, max_age=max_age)
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
    parser.add_argument("file", type=Path, help="PDF, QR picture, .tlog-proof or bundle")
    parser.add_argument(
        "--trust",
        type=Path,
        required=True,
        metavar="DIR",
        help="trust folder from the office (log.policy, issuers.json)",
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
