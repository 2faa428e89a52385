"""Answers the rows of a bulk check from one state of the log: the same for every row.

Each found edition is verified as the result page verifies it, signature, proof and status, under
the snapshot that was taken at the beginning. Of several editions of one number the newest speaks;
an answer that could not be had is 暂无法确认, never 未找到.

A row is charged as a miss before it is looked up and gets the charge back if it is a hit, in
buckets that the lookup page draws from too (docs/threats.md): nobody gets more guesses at one
number or one name by guessing through tables. So it is with the employer's own misses of a day:
jobs and requests that run at once never have more of them together than one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from signing.errors import SigningError
from signing.mirror import Factor, last_six, normalise
from signing.receipt import ROW_WORDS, CheckedRow, RowResult
from signing.report import Verdict
from signing.tlog.entry import Issue, parse_entry
from signing.verify import verify
from signing.wording import level_words
from verify_web.bulk.quota import Kind, give_back, hold_misses
from verify_web.errors import ServiceTrouble
from verify_web.evidence import fresh_evidence
from verify_web.times import BEIJING
from verify_web.views import trusted_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from signing.record import Record
    from verify_web.allowance import Allowance
    from verify_web.bulk.quota import Employer
    from verify_web.bulk.rows import AskedRow
    from verify_web.bulk.store import Desk
    from verify_web.lookup import Found, Mirror
    from verify_web.public import Snapshot

AT_ONCE: Final = 100
"""Rows charged in one transaction: half the misses that an account by mail has in a day, so that
two jobs of it, where several processes work, do not take each other for guessers."""

_RESULTS: Final = {
    Verdict.VALID: RowResult.VALID,
    Verdict.CORRECTED: RowResult.CORRECTED,
    Verdict.REVOKED: RowResult.REVOKED,
    Verdict.SUSPENDED: RowResult.SUSPENDED,
}
"""Whatever else: 暂无法确认. A register that contradicts itself says nothing of the holder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """What answers are made from; `desk` counts what `employer` misses."""

    snapshot: Snapshot
    mirror: Mirror
    allowance: Allowance
    desk: Desk
    employer: Employer
    now: datetime
    max_age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One row's answer, and its cells as they are printed."""

    result: RowResult
    row: CheckedRow
    issue: Issue | None = None
    """The log's own entry of what was found, where the answer rests on it."""


def check_rows(checker: Checker, rows: Sequence[AskedRow]) -> Iterator[list[Answered]]:
    """Answer rows, a piece at a time; where the employer's misses are used up, the rest unasked.

    Raises ServiceTrouble.
    """
    desk, employer, start = checker.desk, checker.employer, 0
    while start < len(rows):
        piece = rows[start : start + AT_ONCE]
        with desk.state.transaction() as connection:
            held = hold_misses(connection, employer, len(piece), desk.now())
        # A piece is cut to the misses that are left: each of its rows may be one.
        piece = piece[: held.misses] or piece
        start += len(piece)
        if not held.misses:
            yield [_unasked(row) for row in piece]
            continue
        answers = _check_piece(checker, piece)
        missed = sum(one.result is RowResult.NOT_FOUND for one in answers)
        with desk.state.transaction() as connection:
            give_back(connection, employer, held, missed)
        yield answers


def _check_piece(checker: Checker, piece: Sequence[AskedRow]) -> list[Answered]:
    # What stands in several rows is asked, and charged, once.
    facts = list({_key(row): row.facts() for row in piece}.values())
    charges = checker.allowance.look_up_rows(
        f"employer|{checker.employer.employer}",
        facts,
        # An address is had in a minute: what each account had of its own, nobody could add up.
        own_tries=checker.employer.kind is Kind.KEY,
    )
    charged = dict(zip({_key(row): None for row in piece}, charges, strict=True))
    answers: list[Answered] = []
    missed = set()
    for row in piece:
        # Too much was guessed at this very number or name, by whomever: it is not looked up.
        refused = charged[_key(row)] is None
        one = _unasked(row) if refused else answer_row(checker, row)
        answers.append(one)
        if one.result is RowResult.NOT_FOUND:
            missed.add(_key(row))
    hits = (drawn for key, drawn in charged.items() if drawn and key not in missed)
    checker.allowance.found([one for drawn in hits for one in drawn])
    return answers


def _key(row: AskedRow) -> tuple[str, ...]:
    facts = row.facts()
    return tuple(f"{factor}|{normalise(factor, value)}" for factor, value in facts.items())


def answer_row(checker: Checker, row: AskedRow) -> Answered:
    """Answer one row, uncharged."""
    try:
        found = checker.mirror.by_facts(row.facts())
    except ServiceTrouble:
        return _unasked(row)
    except SigningError:
        # A fact with no characters to hash is no fact of anybody's.
        return _cells(row, RowResult.NOT_FOUND)
    newest = _newest(row, found)
    if newest is None:
        return _cells(row, RowResult.NOT_FOUND)
    return _verified(checker, row, newest)


def _newest(row: AskedRow, found: Sequence[Found]) -> Found | None:
    """Choose the newest edition to which also the last six belong, where both were given."""
    given = normalise(Factor.LAST_SIX, row.last_six)
    fits = [
        one
        for one in found
        if not given or normalise(Factor.LAST_SIX, last_six(one.record)) == given
    ]
    return max(fits, key=lambda one: one.record.edition, default=None)


def _verified(checker: Checker, row: AskedRow, found: Found) -> Answered:
    entry, snapshot = found.entry, checker.snapshot
    try:
        evidence = fresh_evidence(
            snapshot,
            envelope=entry.envelope,
            opening=entry.opening,
            leaf=entry.entry,
            index=entry.index,
        )
    except ServiceTrouble:
        return _unasked(row)
    report = verify(
        evidence, snapshot.trust, now=checker.now, max_age=checker.max_age, opened=snapshot.head
    )
    result = _RESULTS.get(report.verdict, RowResult.UNCONFIRMED)
    known = result is not RowResult.UNCONFIRMED
    return _cells(
        row,
        result,
        record=trusted_record(report),
        as_of=printed_time(report.as_of) if known and report.as_of else "",
        issue=_issue(entry.entry) if known else None,
    )


def _issue(leaf: bytes) -> Issue | None:
    """Read the leaf that was verified: its word on number and status place, not the mirror's."""
    entry = parse_entry(leaf)
    return entry if isinstance(entry, Issue) else None


def printed_time(moment: datetime) -> str:
    """Write a moment as the spreadsheet prints it: `2026-11-23 18:02`, Beijing time."""
    return f"{moment.astimezone(BEIJING):%Y-%m-%d %H:%M}"


def _unasked(row: AskedRow) -> Answered:
    return _cells(row, RowResult.UNCONFIRMED)


def _cells(
    row: AskedRow,
    result: RowResult,
    *,
    record: Record | None = None,
    as_of: str = "",
    issue: Issue | None = None,
) -> Answered:
    cells = CheckedRow(
        number=row.number,
        name=row.name,
        last_six=row.last_six,
        word=ROW_WORDS[result],
        edition=str(record.edition) if record else "",
        occupation=record.occupation if record else "",
        level=level_words(record.level).zh if record else "",
        as_of=as_of,
    )
    return Answered(result=result, row=cells, issue=issue)
