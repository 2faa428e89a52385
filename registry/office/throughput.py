"""Throughput (办理用时): working days each step has taken, its median and what nine in ten need.

Steps are the states of the four kinds of case, and the way of a certificate: issued, reported,
answered by the centre, shown nationally. Counted over what was finished in the last twelve months;
what still waits has no length yet and stands on the due list.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from registry.office.almanac import Almanac
from registry.office.cases import MACHINE_OF, CaseKind
from registry.office.due import china_day
from registry.office.identity import Identity
from registry.office.scope import Scope, all_within, scope_of
from registry.office.statistics import batches_within
from registry.rules.calendar import WorkingDays
from registry.store.certificates import Batch
from registry.store.outbox import UploadKind, UploadRow
from registry.store.prepared import Prepared
from registry.store.procedure import Case, CaseEvent
from registry.store.uploads import Upload, VisibilityCheck

WINDOW: Final = timedelta(days=365)
NINE_IN_TEN: Final = 90
HALF: Final = 50
_CERTIFICATE: Final = "证书"
_WAY: Final = ("发证至上报省中心", "上报至省中心答复", "省中心答复至全国联网可查")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: how many went through it, and their working days: median and 90 %."""

    matter: str
    step: str
    count: int
    median: int
    nine_in_ten: int


def throughput(
    session: Session, by: Identity, almanac: Almanac, *, now: datetime
) -> tuple[Step, ...]:
    """Give the steps that a person may see, in the order of the procedure; none without a case.

    Raises ``NotAllowed`` for who sees no cases.
    """
    scope, values = scope_of(by)
    values |= {"since": now - WINDOW}
    found = _dwelt(_events(scope).all(session, **values), now - WINDOW, almanac.days)
    steps = []
    for kind in CaseKind:
        machine = MACHINE_OF[kind]
        for state in machine.states:
            taken = found.get((kind.value, state))
            if taken:
                steps.append(_step(_MATTERS[kind], machine.words[state], taken))
    return (*steps, *_ways(session, scope, values, almanac.days))


_MATTERS: Final = {
    CaseKind.FILING: "企业备案",
    CaseKind.SCHEME: "评价方案",
    CaseKind.PLAN: "实施计划",
    CaseKind.BATCH: "评价结果",
}


def quantile(taken: Mapping[int, int], percent: int) -> int:
    """Return the least number of days within which so many in a hundred were done.

    ``taken`` is how many took each number of days; at least one did. Nearest rank: a value that
    occurred, never one between two.
    """
    need = -(-sum(taken.values()) * percent // 100)
    for days in sorted(taken):
        need -= taken[days]
        if need <= 0:
            return days
    raise AssertionError  # percent is at most 100


def _step(matter: str, step: str, taken: Mapping[int, int]) -> Step:
    return Step(
        matter=matter,
        step=step,
        count=sum(taken.values()),
        median=quantile(taken, HALF),
        nine_in_ten=quantile(taken, NINE_IN_TEN),
    )


def _dwelt(
    events: Iterable[tuple[int, str, datetime, str, str]], since: datetime, days: WorkingDays
) -> dict[tuple[str, str], Counter[int]]:
    """Count the working days that cases stood in each state, for those left since then."""
    taken: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    entered: tuple[int, datetime] | None = None
    for case_id, kind, at, before, after in events:
        if before == after:
            continue
        if entered is not None and entered[0] == case_id and at >= since:
            taken[kind, before][_worked(days, entered[1], at)] += 1
        entered = case_id, at
    return taken


def _worked(days: WorkingDays, start: datetime, end: datetime) -> int:
    # A day begun and ended on is none.
    return max(days.between(china_day(start), china_day(end)), 0)


def _ways(
    session: Session, scope: Scope, values: Mapping[str, object], days: WorkingDays
) -> Iterator[Step]:
    taken = [Counter[int](), Counter[int](), Counter[int]()]
    for issued_at, sent_at, answered, seen, count in _certificates(scope).all(session, **values):
        if sent_at is None:
            continue
        sent = china_day(sent_at)
        taken[0][max(days.between(china_day(issued_at), sent), 0)] += count
        if answered is None:
            continue
        taken[1][max(days.between(sent, answered), 0)] += count
        if seen is not None:
            taken[2][max(days.between(answered, seen), 0)] += count
    for name, found in zip(_WAY, taken, strict=True):
        if found:
            yield _step(_CERTIFICATE, name, found)


@cache
def _events(scope: Scope) -> Prepared[int, str, datetime, str, str]:
    # Of the cases that moved lately, all events: the one before may be older.
    moved = aliased(CaseEvent)
    recent: ColumnElement[bool] = Case.case_id.in_(
        select(moved.case_id).where(moved.at >= bindparam("since"))
    )
    query = (
        select(CaseEvent.case_id, Case.kind, CaseEvent.at, CaseEvent.from_state, CaseEvent.to_state)
        .join(Case, Case.case_id == CaseEvent.case_id)
        .where(recent, all_within(scope, Case.company_id))
        .order_by(CaseEvent.case_id, CaseEvent.event_id)
    )
    return Prepared(query)


@cache
def _certificates(
    scope: Scope,
) -> Prepared[datetime, datetime | None, date | None, date | None, int]:
    """Count the new certificates of the batches issued in the window, by the days of their way."""
    seen = (
        select(VisibilityCheck.status_index, func.min(VisibilityCheck.seen_on).label("day"))
        .group_by(VisibilityCheck.status_index)
        .subquery()
    )
    columns = (Batch.issued_at, Upload.sent_at, UploadRow.answered_on, seen.c.day)
    query = (
        select(*columns, func.count())
        .select_from(UploadRow)
        .join(Batch, Batch.batch_id == UploadRow.batch_id)
        .outerjoin(Upload, Upload.upload_id == UploadRow.upload_id)
        .outerjoin(seen, seen.c.status_index == UploadRow.status_index)
        .where(
            UploadRow.kind == UploadKind.NEW.value,
            Batch.issued_at >= bindparam("since"),
            batches_within(scope),
        )
        .group_by(*columns)
    )
    return Prepared(query)
