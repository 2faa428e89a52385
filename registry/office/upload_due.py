"""What the exchange with the provincial centre waits for (上报待办), with the day by the rules.

Owed rows too long, uploads without a receipt, refused rows nobody has decided about, dead letters,
accepted certificates that are not seen nationally in time, a national list that is not read on
because it names a day to come, a card of the centre's that does not follow, a receipt that is not
the centre's. Counted when the list is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from registry.office.almanac import Almanac
from registry.office.due import china_day
from registry.office.kept import kept, last_line
from registry.office.statistics import seen_nationally
from registry.rules.terms import Term, Turn
from registry.store.certificates import Certificate, CertificateState
from registry.store.counters import peek
from registry.store.listed_ahead import ListedAhead, listed_ahead
from registry.store.log import EventGroup
from registry.store.organisations import Issuer
from registry.store.outbox import RowState, UploadKind, UploadRow
from registry.store.standing import Mark, standing
from registry.store.uploads import SEEN_SCOPE, Upload, UploadEvent, UploadState


class UploadTask(StrEnum):
    """What is to be done."""

    DEAD = "dead"
    REPORT = "report"
    MEND = "mend"
    RECEIPT = "receipt"
    LISTING = "listing"
    AHEAD = "ahead"
    CARD = "card"
    CHAIN = "chain"


TASK_WORDS: Final = {
    UploadTask.DEAD: "处理未能上报的批次",
    UploadTask.REPORT: "组批上报",
    UploadTask.MEND: "处理省中心退回的数据",
    UploadTask.RECEIPT: "催要省中心回执",
    UploadTask.LISTING: "核查全国联网查询",
    UploadTask.AHEAD: "核对全国联网清单日期",
    UploadTask.CARD: "核实省中心新的 centre.json",
    UploadTask.CHAIN: "核对省中心回执",
}
_MARKS: Final = {
    UploadTask.CARD: Mark.CARD_REFUSED,
    UploadTask.CHAIN: Mark.RECEIPTS_DIFFER,
}
_NOTES: Final = {
    UploadTask.CARD: "不能由现用密钥确认，未予采用；请与省中心电话核实，"
    "取得新的 centre.json 后运行 certreg upload centre",
    UploadTask.CHAIN: "省中心同一位次的回执与本机所存不一致；请立即与省中心电话核对",
}
_TERMS: Final = {
    UploadTask.REPORT: Term.UPLOAD,
    UploadTask.MEND: Term.UPLOAD_REFUSED,
    UploadTask.RECEIPT: Term.UPLOAD_RECEIPT,
    UploadTask.LISTING: Term.NATIONAL_LISTING,
}
_TURNS: Final = {UploadTask.RECEIPT: Turn.CENTRE, UploadTask.LISTING: Turn.CENTRE}


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadMatter:
    """One matter. ``subject`` is the upload or the organisation; ``since`` its first day.

    ``working_days`` until ``due_on``, negative when it is past; None of what has no day.
    ``turn`` is whose move it is; what waits for the centre becomes the office's when it is late.
    ``note`` says more of what is to be done, "" as a rule.
    """

    task: UploadTask
    subject: str
    name: str
    rows: int
    address: str
    since: date
    due_on: date | None
    due_provisional: bool
    working_days: int | None
    turn: Turn
    note: str

    @property
    def word(self) -> str:
        """What is to be done, in words."""
        return TASK_WORDS[self.task]

    @property
    def late(self) -> bool:
        """Whether its day is past."""
        return self.working_days is not None and self.working_days < 0


def upload_matters(session: Session, almanac: Almanac, *, today: date) -> tuple[UploadMatter, ...]:
    """Return what waits, what has no day first, then the earliest day first.

    National visibility is listed only once its day is past.
    """
    last = last_line(session)
    waiting = kept(session, ("upload-matters", last), lambda: tuple(_all(session)))
    listed = kept(session, ("listed-ahead", last), lambda: listed_ahead(session))
    found = [_matter(one, almanac, today) for one in waiting]
    shown = [one for one in found if one.task is not UploadTask.LISTING or one.late]
    shown += _ahead(listed, today)
    shown += kept(session, ("upload-marks", last), lambda: tuple(_standing(session)))
    return tuple(sorted(shown, key=lambda one: one.due_on or date.min))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    task: UploadTask
    subject: str
    rows: int
    address: str
    since: date
    name: str = ""


def _all(session: Session) -> Iterator[_Found]:
    yield from _owed(session)
    yield from _chosen(session)
    yield from _unanswered(session)
    yield from _refused(session)
    yield from _unseen(session)


def _matter(found: _Found, almanac: Almanac, today: date) -> UploadMatter:
    term = _TERMS.get(found.task)
    due = almanac.deadline(term, found.since) if term else None
    left = almanac.days.between(today, due.day) if due else None
    turn = _TURNS.get(found.task, Turn.OFFICE)
    return UploadMatter(
        task=found.task,
        subject=found.subject,
        name=found.name,
        rows=found.rows,
        address=found.address,
        since=found.since,
        due_on=due.day if due else None,
        due_provisional=due.provisional if due else False,
        working_days=left,
        turn=Turn.OFFICE if left is not None and left < 0 else turn,
        note="",
    )


def _ahead(listed: tuple[ListedAhead, datetime] | None, today: date) -> Iterator[UploadMatter]:
    # Once the day has come, the next reading takes it.
    if listed is None or listed[0].day <= today:
        return
    ahead, at = listed
    day = ahead.day
    yield UploadMatter(
        task=UploadTask.AHEAD,
        subject=ahead.number,
        name=ahead.centre,
        rows=1,
        address="/visibility",
        since=china_day(at),
        due_on=None,
        due_provisional=False,
        working_days=None,
        turn=Turn.OFFICE,
        note=f"清单所列全国联网可查日期{day.year}年{day.month}月{day.day}日在今天之后，清单暂停更新",
    )


def _standing(session: Session) -> Iterator[UploadMatter]:
    for task, mark in _MARKS.items():
        line = standing(session, mark)
        if line is None:
            continue
        whole = task is UploadTask.CARD
        yield UploadMatter(
            task=task,
            subject="centre.json" if whole else line.subject,
            name="省中心" if whole else "",
            rows=1,
            address="/uploads" if whole else f"/uploads/{line.subject}",
            since=china_day(line.at),
            due_on=None,
            due_provisional=False,
            working_days=None,
            turn=Turn.OFFICE,
            note=_NOTES[task],
        )


def _owed(session: Session) -> Iterator[_Found]:
    prefix = func.substr(UploadRow.batch_id, 1, 13)
    new = (
        select(prefix.label("prefix"), func.count().label("rows"), func.min(EventGroup.at))
        .join(Certificate, Certificate.status_index == UploadRow.status_index)
        .join(EventGroup, EventGroup.group_id == Certificate.group_id)
        .where(
            UploadRow.state == RowState.OWED.value,
            UploadRow.kind != UploadKind.WITHDRAWAL.value,
        )
        .group_by(prefix)
    )
    # A withdrawal's own day: the newest of its batch, so that no alarm comes too early.
    gone = (
        select(
            prefix.label("prefix"),
            # A batch may have several revocations, each with a group of its own.
            func.count(UploadRow.status_index.distinct()),
            func.max(EventGroup.at),
        )
        .join(EventGroup, EventGroup.batch_id == UploadRow.batch_id)
        .where(
            UploadRow.state == RowState.OWED.value,
            UploadRow.kind == UploadKind.WITHDRAWAL.value,
            EventGroup.kind == "revoke",
        )
        .group_by(prefix)
    )
    names = dict(session.execute(select(Issuer.prefix, Issuer.name)).all())
    rows: dict[str, int] = {}
    since: dict[str, date] = {}
    for where, count, at in (*session.execute(new), *session.execute(gone)):
        rows[where] = rows.get(where, 0) + count
        since[where] = min(since.get(where, date.max), china_day(at))
    for where in sorted(rows):
        yield _Found(
            task=UploadTask.REPORT,
            subject=where,
            name=names.get(where, ""),
            rows=rows[where],
            address=f"/uploads/prepare?prefix={where}",
            since=since[where],
        )


def _chosen(session: Session) -> Iterator[_Found]:
    """Yield the uploads that are put together and that the centre does not have yet."""
    query = (
        select(
            Upload.upload_id,
            Upload.row_count,
            Upload.created_at,
            Upload.prefix,
            func.min(EventGroup.at).label("issued"),
        )
        .outerjoin(
            UploadRow,
            and_(
                UploadRow.upload_id == Upload.upload_id,
                UploadRow.kind != UploadKind.WITHDRAWAL.value,
            ),
        )
        .outerjoin(Certificate, Certificate.status_index == UploadRow.status_index)
        .outerjoin(EventGroup, EventGroup.group_id == Certificate.group_id)
        .where(
            Upload.state.in_((UploadState.PREPARED, UploadState.FROZEN, UploadState.SENDING)),
            Upload.sent_at.is_(None),
        )
        .group_by(Upload.upload_id, Upload.row_count, Upload.created_at, Upload.prefix)
        .order_by(Upload.upload_id)
    )
    for row in session.execute(query):
        yield _Found(
            task=UploadTask.REPORT,
            subject=row.upload_id,
            rows=row.row_count,
            address=f"/uploads/{row.upload_id}",
            since=china_day(row.issued or row.created_at),
        )


def _unanswered(session: Session) -> Iterator[_Found]:
    wanted = (UploadState.SENT, UploadState.DEAD)
    query = (
        select(Upload.upload_id, Upload.state, Upload.row_count, Upload.sent_at, Upload.frozen_at)
        .where(Upload.state.in_(wanted))
        .order_by(Upload.upload_id)
    )
    for row in session.execute(query):
        dead = row.state == UploadState.DEAD
        yield _Found(
            task=UploadTask.DEAD if dead else UploadTask.RECEIPT,
            subject=row.upload_id,
            rows=row.row_count,
            address=f"/uploads/{row.upload_id}",
            since=china_day(row.sent_at or row.frozen_at),
        )


def _refused(session: Session) -> Iterator[_Found]:
    query = (
        select(UploadRow.upload_id, func.count(), func.min(UploadRow.answered_on))
        .where(UploadRow.state == RowState.REFUSED.value, UploadRow.upload_id.is_not(None))
        .group_by(UploadRow.upload_id)
        .order_by(UploadRow.upload_id)
    )
    for upload_id, count, day in session.execute(query):
        if upload_id is None or day is None:
            continue
        yield _Found(
            task=UploadTask.MEND,
            subject=upload_id,
            rows=count,
            address=f"/uploads/{upload_id}",
            since=day,
        )


def _unseen(session: Session) -> Iterator[_Found]:
    # Every accepted certificate is looked at: once for each change, and not for each page.
    last = session.scalar(select(func.max(UploadEvent.event_id)))
    seen = peek(session, SEEN_SCOPE, start=1)
    count, day = kept(session, ("unseen", last, seen), lambda: _count_unseen(session))
    if count and day:
        yield _Found(
            task=UploadTask.LISTING,
            subject="",
            rows=count,
            address="/visibility",
            since=day,
        )


def _count_unseen(session: Session) -> tuple[int, date | None]:
    query = (
        select(func.count(), func.min(UploadRow.answered_on))
        .join(Certificate, Certificate.status_index == UploadRow.status_index)
        .where(
            UploadRow.state == RowState.ACCEPTED.value,
            UploadRow.kind != UploadKind.WITHDRAWAL.value,
            Certificate.state.in_((CertificateState.VALID, CertificateState.SUSPENDED)),
            ~seen_nationally(),
        )
    )
    count, day = session.execute(query).one()
    return count, day
