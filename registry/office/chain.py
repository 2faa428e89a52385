"""How far a certificate is on its way to the national lookup (上报进度), and whose turn it is.

    已发证 → 已备案 → 已报省中心 → 省已接收 → 全国联网可查

Holders' money hangs on the last step (subsidy only when listed and claimed in time), so each step
has its day, the working days it took, and whoever has to act. Each edition has a chain of its own.
An imported certificate (补录) was issued on the day it says, and filed on the day it was imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.errors import NotFound
from registry.office.almanac import Almanac
from registry.office.due import china_day
from registry.office.imported import imported_among
from registry.rules.terms import Term, Turn
from registry.store.among import among
from registry.store.certificates import Batch, Certificate
from registry.store.milestones import MilestoneRow
from registry.store.outbox import RowState, UploadKind, UploadRow
from registry.store.uploads import ROW_WITHDRAWN, Upload, UploadEvent, VisibilityCheck, row_named
from signing.milestone import MilestoneKind
from signing.mirror import Chain


class Step(StrEnum):
    """The steps of the chain."""

    ISSUED = "issued"
    FILED = "filed"
    REPORTED = "reported"
    ACCEPTED = "accepted"
    LISTED = "listed"


STEP_WORDS: Final = {
    Step.ISSUED: "已发证",
    Step.FILED: "已备案",
    Step.REPORTED: "已报省中心",
    Step.ACCEPTED: "省已接收",
    Step.LISTED: "全国联网可查",
}
_KNOWN_THERE: Final = "already-accepted"
_TURNS: Final = {
    Step.ISSUED: Turn.OFFICE,
    Step.FILED: Turn.OFFICE,
    Step.REPORTED: Turn.OFFICE,
    Step.ACCEPTED: Turn.CENTRE,
    Step.LISTED: Turn.CENTRE,
}
_TERMS: Final = {
    Step.REPORTED: Term.UPLOAD,
    Step.ACCEPTED: Term.UPLOAD_RECEIPT,
    Step.LISTED: Term.NATIONAL_LISTING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStep:
    """One step. ``day`` is None until it is taken, and stays None if no day of it is known.

    ``waited`` is the working days since the step before, up to its day or, of the step that is
    next, up to today; None where that cannot be counted. ``turn`` is whose move the next step is,
    None of every other. ``due_on`` is the last day by the rule in force, of the next step alone.
    """

    step: Step
    day: date | None
    waited: int | None
    turn: Turn | None
    due_on: date | None

    @property
    def word(self) -> str:
        """The step in words."""
        return STEP_WORDS[self.step]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainView:
    """The chain of one edition; ``reason`` is the centre's code if it refused the row.

    ``ended`` says that a clerk decided not to report it any more (不再上报): nobody's turn; on
    ``ended_on``.
    """

    number: str
    edition: int
    upload_id: str
    reason: str
    ended: bool
    ended_on: date | None
    steps: tuple[ChainStep, ...]


def chains_of(session: Session, rows: Sequence[Certificate]) -> Mapping[int, Chain]:
    """Return the days of these editions' chains, as the public mirror holds them."""
    filed = _filed(session, {row.batch_id for row in rows})
    indices = [row.status_index for row in rows]
    reports = _reports(session, indices)
    seen = _seen(session, indices)
    chains = {}
    for row in rows:
        report = reports.get(row.status_index, _NO_REPORT)
        chains[row.status_index] = Chain(
            filed=_text(filed.get(row.batch_id)),
            reported=_text(report.reported),
            accepted=_text(report.accepted),
            listed=_text(seen.get(row.status_index)),
            # What the centre had already is reported all the same, and may be seen any day.
            ended="" if report.reason == _KNOWN_THERE else _text(report.ended_on),
        )
    return chains


def chain_of_number(
    session: Session, number: str, almanac: Almanac, *, today: date
) -> tuple[ChainView, ...]:
    """Return the chains of all editions of a number, the newest first. Raises ``NotFound``."""
    query = select(Certificate).where(Certificate.number == number)
    rows = list(session.scalars(query.order_by(Certificate.edition.desc())))
    if not rows:
        raise NotFound("没有这个证书编号，请核对后再查 (no such number)")
    chains = chains_of(session, rows)
    reports = _reports(session, [row.status_index for row in rows])
    imported = imported_among(session, [row.batch_id for row in rows])
    return tuple(
        ChainView(
            number=row.number,
            edition=row.edition,
            upload_id=reports.get(row.status_index, _NO_REPORT).upload_id,
            reason=reports.get(row.status_index, _NO_REPORT).reason,
            ended=reports.get(row.status_index, _NO_REPORT).ended,
            ended_on=reports.get(row.status_index, _NO_REPORT).ended_on,
            steps=_steps(
                (row.issued, *_days(chains[row.status_index])),
                reports.get(row.status_index, _NO_REPORT),
                almanac,
                today=today,
                imported=row.batch_id in imported,
            ),
        )
        for row in rows
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    reported: date | None
    accepted: date | None
    upload_id: str
    refused: bool
    ended: bool
    ended_on: date | None
    reason: str


_NO_REPORT: Final = _Report(
    reported=None,
    accepted=None,
    upload_id="",
    refused=False,
    ended=False,
    ended_on=None,
    reason="",
)


def _steps(
    days: tuple[date | None, ...],
    report: _Report,
    almanac: Almanac,
    *,
    today: date,
    imported: bool,
) -> tuple[ChainStep, ...]:
    # What comes after a later step that was taken is over, whether its own day is known or not.
    last = max(place for place, day in enumerate(days) if day is not None)
    refused = report.refused
    steps = []
    for place, (step, day) in enumerate(zip(Step, days, strict=True)):
        before = days[place - 1] if place else None
        following = place == last + 1 and not report.ended
        end = today if following else day
        waited = None
        # Nobody here let the years pass that lie between an old certificate and its import.
        counted = not (imported and step is Step.FILED)
        if before is not None and end is not None and counted:
            waited = max(0, almanac.days.between(before, end))
        turn = _TURNS[step] if following else None
        if following and refused:
            turn = Turn.OFFICE
        due = None
        if following and before is not None and not refused and step in _TERMS:
            found = almanac.deadline(_TERMS[step], before)
            due = found.day if found else None
        steps.append(ChainStep(step=step, day=day, waited=waited, turn=turn, due_on=due))
    return tuple(steps)


def _reports(session: Session, indices: Iterable[int]) -> dict[int, _Report]:
    query = (
        select(
            UploadRow.status_index,
            UploadRow.state,
            UploadRow.reason,
            UploadRow.answered_on,
            UploadRow.upload_id,
            UploadRow.row,
            Upload.sent_at,
        )
        .outerjoin(Upload, Upload.upload_id == UploadRow.upload_id)
        .where(
            among(UploadRow.status_index, "indices"),
            UploadRow.kind != UploadKind.WITHDRAWAL.value,
        )
    )
    rows = session.execute(query, {"indices": list(indices)}).all()
    withdrawn = RowState.WITHDRAWN.value
    decided = _decided(session, {row.upload_id for row in rows if row.state == withdrawn})
    found = {}
    for row in rows:
        accepted = row.state == RowState.ACCEPTED.value
        ended = row.state == withdrawn
        found[row.status_index] = _Report(
            reported=china_day(row.sent_at) if row.sent_at else None,
            accepted=row.answered_on if accepted else None,
            upload_id=row.upload_id or "",
            refused=row.state == RowState.REFUSED.value,
            ended=ended,
            ended_on=decided.get((row.upload_id, row.row)) if ended else None,
            reason="" if accepted else row.reason,
        )
    return found


def _decided(session: Session, uploads: Iterable[str | None]) -> dict[tuple[str, int], date]:
    """Return when rows of these uploads were decided to be reported no more, by upload and row."""
    wanted = [upload for upload in uploads if upload]
    if not wanted:
        return {}
    query = select(UploadEvent.upload_id, UploadEvent.detail, UploadEvent.at).where(
        UploadEvent.upload_id.in_(wanted), UploadEvent.kind == ROW_WITHDRAWN
    )
    days = {}
    for upload_id, detail, at in session.execute(query):
        row = row_named(detail)
        if row is not None:
            days[upload_id, row] = china_day(at)
    return days


def _seen(session: Session, indices: Iterable[int]) -> dict[int, date]:
    query = (
        select(VisibilityCheck.status_index, func.min(VisibilityCheck.seen_on))
        .where(among(VisibilityCheck.status_index, "indices"))
        .group_by(VisibilityCheck.status_index)
    )
    return {row[0]: row[1] for row in session.execute(query, {"indices": list(indices)})}


def _filed(session: Session, batch_ids: Iterable[str]) -> dict[str, date]:
    """Return each batch's day of filing: that of its approval in the log.

    Where the approval was given on paper, nothing is issued before it, so it had been given by the
    day of issue.
    """
    batches = session.scalars(select(Batch).where(Batch.batch_id.in_(list(batch_ids)))).all()
    approved = dict(
        session.execute(
            select(MilestoneRow.subject, func.max(MilestoneRow.at))
            .where(
                MilestoneRow.kind == MilestoneKind.APPROVAL.value,
                MilestoneRow.subject.in_([batch.approval for batch in batches]),
            )
            .group_by(MilestoneRow.subject)
        ).all()
    )
    return {
        batch.batch_id: china_day(approved.get(batch.approval) or batch.issued_at)
        for batch in batches
    }


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""


def _days(chain: Chain) -> tuple[date | None, ...]:
    texts = (chain.filed, chain.reported, chain.accepted, chain.listed)
    return tuple(date.fromisoformat(text) if text else None for text in texts)
