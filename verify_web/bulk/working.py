"""Works one job off: answers its rows, writes the spreadsheet, signs the receipt.

The signature is made last, over what was written: the receipt's digests are those of the cells and
notes in the spreadsheet. Before anybody gets them both are read back and verified against each
other under the published trust, as whoever gets them will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from keys.errors import KeysError
from keys.trust_site import load_site_keys
from signing.errors import SigningError
from signing.receipt import (
    SALT_BYTES,
    CheckedRow,
    Receipt,
    count_results,
    notes_digest,
    parse_receipt,
    row_digest,
    sign_receipt,
)
from signing.receipt_table import read_receipt_table
from signing.receipt_verify import verify_receipt
from signing.report import Verdict
from signing.tlog.entry import format_time, parse_time
from verify_web.bulk.checker import Checker, check_rows, printed_time
from verify_web.bulk.jobs import Done, Work, finish, go_on, take
from verify_web.bulk.quota import Employer
from verify_web.bulk.watches import Watched, number_tag
from verify_web.bulk.wording import PURPOSES
from verify_web.bulk.workbook import Heading, write_result
from verify_web.errors import ServiceTrouble

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from keys.trust_site import SiteKey
    from signing.receipt import RowResult
    from signing.receiptkey import ReceiptKey
    from signing.tlog.entry import Issue
    from verify_web.bulk.store import Desk
    from verify_web.public import Snapshot
    from verify_web.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What the working process has at hand; `signer` is the site's receipt key."""

    site: Site
    desk: Desk
    signer: ReceiptKey


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """All rows answered: their cells, their letters, the receipt's salt, and when."""

    rows: list[CheckedRow]
    results: str
    salt: bytes
    now: datetime
    watched: list[Watched]
    """Rows with a certificate whose later changes can be told."""


def work_one(bench: Bench) -> bool:
    """Work the next job off; False where none waits.

    Raises ServiceTrouble where the published data cannot be used, or the receipt key is not
    announced: jobs wait until that is mended.
    """
    now = bench.desk.clock.now()
    snapshot = bench.site.public.snapshot()
    # Before a job is taken: what the office has to mend must not use up the job's tries.
    _require_announced(bench, snapshot, now)
    work = take(bench.desk)
    if work is None:
        return False
    answers = _answer(bench, work, snapshot, now)
    if answers is None:
        return True
    heading = _heading(work, snapshot, answers)
    receipt = _receipt(work.job, snapshot, answers, heading)
    signed = sign_receipt(receipt, bench.signer)
    result = write_result(answers.rows, heading, made=now)
    _verify_own(bench, snapshot, signed, result)
    finish(
        bench.desk,
        work,
        Done(
            result=result,
            receipt=signed,
            counts=receipt.counts,
            watched=answers.watched,
            origin=receipt.origin,
            position=snapshot.status.entry_index if snapshot.status else 0,
        ),
    )
    return True


def _answer(bench: Bench, work: Work, snapshot: Snapshot, now: datetime) -> _Answers | None:
    """Answer all rows; None where the job was deleted meanwhile."""
    site = bench.site
    checker = Checker(
        snapshot=snapshot,
        mirror=site.mirror,
        allowance=site.allowance,
        desk=bench.desk,
        employer=Employer(employer=work.employer, kind=work.kind),
        now=now,
        max_age=site.config.max_age,
    )
    rows: list[CheckedRow] = []
    watched: list[Watched] = []
    results = ""
    for piece in check_rows(checker, work.rows):
        watched += [
            _watched(bench.desk, at, one.issue, one.result)
            for at, one in enumerate(piece, len(rows) + 1)
            if one.issue is not None
        ]
        rows += [one.row for one in piece]
        results += "".join(one.result.value for one in piece)
        if not go_on(bench.desk, work, done=len(rows)):
            return None
    salt = bench.desk.random(SALT_BYTES)
    return _Answers(rows=rows, results=results, salt=salt, now=now, watched=watched)


def _watched(desk: Desk, row: int, issue: Issue, result: RowResult) -> Watched:
    tag = number_tag(desk, issue.number)
    return Watched(row=row, tag=tag, checked=issue.status, newest=issue.status, state=result.value)


def _receipt(job: str, snapshot: Snapshot, answers: _Answers, heading: Heading) -> Receipt:
    head = snapshot.head.checkpoint
    return Receipt(
        as_of=snapshot.status.facts.time if snapshot.status else "",
        checked=format_time(answers.now.astimezone(UTC).replace(microsecond=0)),
        checkpoint=snapshot.head.note.decode(),
        counts=count_results(answers.results),
        digests=b"".join(row_digest(answers.salt, row) for row in answers.rows),
        job=job,
        notes=notes_digest(heading.salt, heading.notes()),
        origin=head.origin,
        policy=snapshot.policy_digest,
        results=answers.results,
        root=head.root,
        size=head.size,
    )


def _heading(work: Work, snapshot: Snapshot, answers: _Answers) -> Heading:
    head = snapshot.head.checkpoint
    return Heading(
        lines=(
            ("查验单位", work.asker),
            ("查验用途", PURPOSES[work.purpose].zh),
            ("查验时间", f"{printed_time(answers.now)}（北京时间）"),
            ("公开日志", f"{head.origin}，共 {head.size} 条"),
            ("日志根哈希", head.root.hex()),
            ("查验凭证编号", work.job),
        ),
        salt=answers.salt,
    )


def _site_keys(trust_folder: Path, snapshot: Snapshot) -> tuple[SiteKey, ...]:
    try:
        return load_site_keys(trust_folder, snapshot.trust.policy)
    except KeysError as error:
        raise ServiceTrouble(f"site-keys.json: {error.code}") from None


def _require_announced(bench: Bench, snapshot: Snapshot, now: datetime) -> None:
    """Refuse to sign with a key that nobody could check the receipt by."""
    mine = bench.signer.info.key_id
    for key in _site_keys(bench.site.config.public_dir / "trust", snapshot):
        if key.key_id == mine and key.signs(now):
            return
    raise ServiceTrouble("the receipt key is not announced or not in force: `certreg site key`")


def _verify_own(bench: Bench, snapshot: Snapshot, signed: bytes, result: bytes) -> None:
    """Read both files back: what was written and cannot be read so would be called false later."""
    keys = _site_keys(bench.site.config.public_dir / "trust", snapshot)
    try:
        receipt, table = parse_receipt(signed), read_receipt_table(result)
        checked = parse_time(receipt.receipt.checked)
        report = verify_receipt(receipt, snapshot.trust, keys, now=checked, table=table)
    except SigningError as error:
        raise ServiceTrouble(f"own receipt: {error.code}") from None
    if report.verdict is not Verdict.VALID:
        reasons = ", ".join(step.reason.value for step in report.steps)
        raise ServiceTrouble(f"own receipt does not verify: {reasons}")
