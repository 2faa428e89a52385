"""``certreg reconcile``: registry, uploads and receipts against each other (对账). For cron too."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from functools import partial
from pathlib import Path

import click
from sqlalchemy import select

from keys.model import Purpose
from keys.trust import TrustedKey
from registry.cli.base import CLOCK, Exit, OutFile, home_option, json_option, show
from registry.cli.home import Home
from registry.cli.services import Services
from registry.cli.upload_kit import make_kit
from registry.office.almanac import read_almanac
from registry.office.due import china_day
from registry.rules.terms import Term
from registry.store.base import read_unit
from registry.store.uploads import UploadReceipt
from registry.upload.reconcile import reconcile
from registry.upload.reconcile_book import write_report
from registry.upload.reconcile_read import Judging, read_sides, receipt_files
from registry.upload.reconcile_words import KIND_WORDS
from signing.report import Answer, Reason
from signing.tlog.entry import parse_time
from signing.upload.centre_card import CENTRE_FILE, parse_centre
from signing.upload.keycheck import judge_signer
from signing.upload.receipt import SignedReceipt

_STATUS = {True: Exit.DONE, False: Exit.REFUSED, None: Exit.CANNOT_SAY}
_NEXT = {
    False: "sides differ: write the workbook with -o FILE.xlsx and take each line's next step",
    None: "something could not be compared: write the workbook with -o FILE.xlsx and mend it first",
}
_REVOKED = frozenset({Reason.SIGNATURE_KEY_REVOKED, Reason.SIGNATURE_NO_PLACE})
_WORDS = {True: "三方一致 equal", False: "有差异 differences", None: "无法核对 cannot say"}


@click.command("reconcile")
@click.argument("receipts", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("-o", "out", type=OutFile(), metavar="FILE.xlsx", help="Write the differences here.")
@home_option
@json_option
def reconcile_command(
    home: Home, receipts: tuple[Path, ...], out: Path | None, *, as_json: bool
) -> int:
    """Compare registry, uploads and RECEIPTS (files, or folders of .json files) both ways.

    Exit status: 0 equal, 1 differences, 2 nothing differs but something could not be compared.
    """
    services = Services.open(home)
    today = china_day(CLOCK.now())
    sides = read_sides(services.engine, receipt_files(receipts), _judging(services))
    report = reconcile(sides.uploads, sides.rest)
    if out is not None:
        write_report(report, out, today=today)
    counts = {
        kind.value if as_json else f"{KIND_WORDS[kind]} {kind.value}": count
        for kind, count in report.counts.items()
    }
    show(
        {
            "result": _WORDS[report.equal],
            "uploads": report.uploads,
            "rows": report.rows,
            "receipts": report.receipts,
            **counts,
            **({} if out is None else {"file": str(out)}),
        },
        as_json=as_json,
    )
    if report.equal is not True:
        click.echo(f"certreg: {_NEXT[report.equal]}", err=True)
    return _STATUS[report.equal]


def _judging(services: Services) -> Judging:
    keys = _centre_keys(services.home)
    now = CLOCK.now()
    with read_unit(services.engine) as session:
        almanac = read_almanac(session)
        in_force = UploadReceipt.imported_at.is_not(None)
        taken = set(session.scalars(select(UploadReceipt.digest).where(in_force)))

    def signer(signed: SignedReceipt) -> Answer:
        answer, reason = judge_signer(
            signed.envelope,
            keys,
            purpose=Purpose.RECEIPT,
            signed_at=parse_time(signed.receipt.received),
            now=now,
        )
        # Verified on the day it was taken, which a milestone of the log dates: its key was
        # revoked since.
        stays = reason in _REVOKED and signed.digest in taken
        return Answer.VALID if stays else answer

    def last_day(term: Term, moment: datetime) -> date | None:
        found = almanac.deadline(term, china_day(moment))
        return found.day if found else None

    return Judging(
        kit=make_kit(services),
        today=china_day(now),
        signer=signer,
        report_by=partial(last_day, Term.UPLOAD),
        answer_by=partial(last_day, Term.UPLOAD_RECEIPT),
    )


def _centre_keys(home: Home) -> Collection[TrustedKey]:
    """Return the trusted centre's receipt keys; none before its card was put into the home."""
    file = home.path / CENTRE_FILE
    return parse_centre(file.read_bytes()).keys if file.exists() else ()
