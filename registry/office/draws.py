"""Random draws (双随机) for supervision: fix the pool, wait for a checkpoint, draw (七（四）).

The office cannot choose. The pool goes into the ledger first; the seed is the first checkpoint
over it, which the ledger's own rounds determine (each ends with a status leaf), so waiting for a
better one does not help; a pool is drawn from once; and every plan drawn becomes a visit in the
same transaction. What this cannot exclude: whoever runs the log could try several roots before
signing the first one over the pool.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import CursorResult, bindparam, func, select, update
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.cases import CaseKind, CaseMoved, audit
from registry.office.context import Context
from registry.office.draw_papers import (
    DrawFile,
    LoggedPaper,
    Pair,
    PoolPaper,
    ResultPaper,
    checkpoint_of,
    compute,
    parse_pool,
    parse_result,
    pool_of,
)
from registry.office.due import china_day
from registry.office.identity import AccountId, Identity, NotAllowed, Role, require
from registry.office.milestones import add_milestone, open_milestone
from registry.office.registers import PoolKind
from registry.office.visits import open_visit
from registry.rules.drawing import check_pool
from registry.store.counters import take_range
from registry.store.log import EventGroup, LogHead
from registry.store.milestones import MilestoneRow
from registry.store.prepared import Prepared
from registry.store.procedure import Case, Company
from registry.store.registers import Draw, Expert, Supervision
from signing.canonical import encode
from signing.errors import SigningError
from signing.milestone import MilestoneFacts, MilestoneKind, facts_bytes

POOL_NOTE: Final = "督导抽取名单"
RESULT_NOTE: Final = "督导抽取结果"
LIST_AT_MOST: Final = 50
_UNDRAWN: Final = (
    select(Case.reference, Company.name)
    .join(Company, Company.company_id == Case.company_id)
    .where(
        # Looked up by the state: by the kind there are all the plans there ever were.
        Case.kind.concat("") == CaseKind.PLAN.value,
        Case.state == "recorded",
        Case.case_id.not_in(select(Supervision.case_id).where(Supervision.draw_id.is_not(None))),
    )
    .order_by(Case.reference)
)
_PLANS: Final = Prepared(_UNDRAWN)
_SOME_PLANS: Final = Prepared(_UNDRAWN.add_columns(func.count().over()).limit(bindparam("most")))
_SUPERVISORS: Final = Prepared(
    select(Expert.label).where(Expert.kind == PoolKind.SUPERVISOR.value, Expert.active.is_(True))
)
_LISTED: Final = Prepared(
    select(Draw.draw_id, Draw.reference, Draw.result)
    .order_by(Draw.draw_id.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_COUNTED: Final = Prepared(select(func.count()).select_from(Draw))
_STATUS_AFTER: Final = Prepared(
    select(func.min(EventGroup.first_index)).where(
        EventGroup.kind == "status", EventGroup.first_index > bindparam("leaf")
    )
)
_NEWEST: Final = Prepared(select(LogHead.note).order_by(LogHead.signed_at.desc()).limit(1))


class CheckpointMissing(Refused):
    """The checkpoint that gives the seed is not there yet, or is no longer the newest."""

    code = "checkpoint-missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Who and what could be drawn now: plans as (reference, company), supervisors' labels."""

    plans: tuple[tuple[str, str], ...]
    supervisors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDraw:
    """One draw in a list; ``drawn`` is how many plans were drawn, None before the draw."""

    draw_id: int
    reference: str
    drawn: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawView:
    """One draw as a page shows it. ``seed_size``: the checkpoint it takes, None: not known yet."""

    draw_id: int
    reference: str
    pool: PoolPaper
    pool_digest: str
    pool_leaf: int | None
    seed_size: int | None
    result: ResultPaper | None


def candidates(session: Session, by: Identity) -> Candidates:
    """Return recorded plans not yet held nor drawn before, and the active supervisors.

    Raises ``NotAllowed``.
    """
    _city(by)
    plans = _PLANS.all(session)
    return Candidates(plans=tuple(plans), supervisors=_supervisors(session))


def some_candidates(session: Session, by: Identity, most: int) -> tuple[Candidates, int]:
    """Return the candidates with so many of their plans, and how many plans there are.

    Raises ``NotAllowed``.
    """
    _city(by)
    rows = _SOME_PLANS.all(session, most=most)
    plans = tuple((reference, name) for reference, name, _ in rows)
    found = Candidates(plans=plans, supervisors=_supervisors(session))
    return found, rows[0][2] if rows else 0


def fix_pool(
    session: Session,
    *,
    take: int,
    avoid: Iterable[tuple[str, str]],
    by: Identity,
    context: Context,
) -> Draw:
    """Fix what is drawn from, and put it into the ledger. ``avoid`` are (plan, supervisor).

    Raises ``NotAllowed``, ``PoolUnsound``, ``Refused`` while another pool waits for its draw.
    """
    _city(by)
    now = context.clock.now()
    # The number first: whoever fixes a pool at the same time waits for it, and then finds this one.
    serial = take_range(session, f"draw:{now.year}", 1, start=1)
    if session.scalar(select(Draw.draw_id).where(Draw.result == b"")) is not None:
        # Of two pools that wait at once, one could be left lying when the other suits better.
        raise Refused("已有抽取名单等待抽取，请先完成该次抽取")
    found = candidates(session, by)
    paper = PoolPaper(
        avoid=tuple(Pair(plan=plan, supervisor=label) for plan, label in sorted(set(avoid))),
        plans=tuple(sorted(reference for reference, _ in found.plans)),
        reference=f"CQ-{now.year}-{serial:04}",
        supervisors=found.supervisors,
        take=take,
    )
    check_pool(pool_of(paper))
    data = encode(paper)
    draw = Draw(
        reference=paper.reference,
        pool=data,
        pool_group=_record(session, paper.reference, data, POOL_NOTE, context),
        made_at=now,
        made_by=by.account_id,
    )
    session.add(draw)
    session.flush()
    session.add(audit("draw-pool", draw.reference, by, context))
    return draw


def make_draw(
    session: Session,
    draw_id: int,
    checkpoint: bytes,
    *,
    by: Identity | None,
    context: Context,
) -> ResultPaper:
    """Draw from a fixed pool by its checkpoint; open a visit for each plan. ``by`` None: a job.

    ``checkpoint`` is a note, or the bare text, of the log's first checkpoint over the pool; that
    it is the log's own is the caller's to know. Raises ``CheckpointMissing``, ``Refused`` if the
    pool has been drawn from, ``CaseMoved``.
    """
    if by is not None:
        _city(by)
    draw = _get(session, draw_id)
    if draw.result:
        raise Refused("此名单已经抽取，不能再抽；结果见本页")
    leaf = _first_over_pool(session, draw, checkpoint)
    result = compute(draw.pool, checkpoint, leaf)
    # Two at once: the later one finds the result there and changes nothing.
    taken = session.execute(
        update(Draw)
        .where(Draw.draw_id == draw_id, Draw.result == b"")
        .values(result=result, seed_note=checkpoint)
        .execution_options(synchronize_session=False)
    )
    if not isinstance(taken, CursorResult) or taken.rowcount != 1:
        raise CaseMoved("他人已先行抽取，结果见本页")
    paper = parse_result(result)
    for pair in paper.drawn:
        case = session.scalars(select(Case).where(Case.reference == pair.plan)).one()
        maker = AccountId(draw.made_by)
        open_visit(session, draw, case, pair.supervisor, maker=maker, context=context)
    group = _record(session, draw.reference, result, RESULT_NOTE, context)
    session.execute(update(Draw).where(Draw.draw_id == draw_id).values(result_group=group))
    session.refresh(draw)
    session.add(audit("draw-result", draw.reference, by, context))
    return paper


def waiting_draws(session: Session) -> tuple[Draw, ...]:
    """Return the pools that have not been drawn from, oldest first (at most one, normally)."""
    return tuple(session.scalars(select(Draw).where(Draw.result == b"").order_by(Draw.draw_id)))


def seed_size(session: Session, draw: Draw) -> int | None:
    """Return the size of the first checkpoint over the pool, or None while there is none.

    A round of the ledger ends with a status leaf and is signed right after it: the first status
    leaf after the pool's leaf says where the first checkpoint over the pool ends.
    """
    leaf = _pool_leaf(session, draw)
    if leaf is None:
        return None
    (status,) = _STATUS_AFTER.one(session, leaf=leaf)
    return None if status is None else status + 1


def head_note(session: Session) -> bytes:
    """Return the ledger's newest signed checkpoint, b"" before the first."""
    newest = _NEWEST.first(session)
    return newest[0] if newest else b""


def is_ready(session: Session, view: DrawView) -> bool:
    """Say whether the newest checkpoint is the one that the pool is drawn by."""
    note = head_note(session)
    return bool(note) and checkpoint_of(note).size == view.seed_size


def get_draw(session: Session, draw_id: int, by: Identity) -> DrawView:
    """Return one draw; it holds plans of every district. Raises ``NotFound``, ``NotAllowed``."""
    _city(by, Role.AUDITOR)
    return _view(session, _get(session, draw_id))


def page_of_draws(
    session: Session, by: Identity, *, page: int = 1, limit: int
) -> tuple[tuple[ListedDraw, ...], int]:
    """Return one page of the draws, newest first, and how many there are.

    Raises ``NotAllowed``.
    """
    _city(by, Role.AUDITOR)
    rows = _LISTED.all(session, limit=limit, offset=limit * (max(page, 1) - 1))
    listed = (
        ListedDraw(
            draw_id=draw_id,
            reference=reference,
            drawn=len(parse_result(result).drawn) if result else None,
        )
        for draw_id, reference, result in rows
    )
    return tuple(listed), _COUNTED.one(session)[0]


def list_draws(session: Session, by: Identity) -> tuple[DrawView, ...]:
    """Return the newest draws, newest first. Raises ``NotAllowed``."""
    _city(by, Role.AUDITOR)
    query = select(Draw).order_by(Draw.draw_id.desc()).limit(LIST_AT_MOST)
    return tuple(_view(session, draw) for draw in session.scalars(query))


def find_draw(session: Session, reference: str) -> Draw:
    """Return the draw of a reference. Raises ``NotFound``."""
    draw = session.scalars(select(Draw).where(Draw.reference == reference)).first()
    if draw is None:
        raise NotFound(f"no draw {reference[:40]}: compare the reference on the desk's page")
    return draw


def draw_file(session: Session, draw: Draw, context: Context) -> bytes:
    """Return the file by which anyone checks the draw. Raises ``Refused`` before it is drawn."""
    if not draw.result or draw.result_group is None:
        raise Refused("尚未抽取，没有可供核验的结果")
    return encode(
        DrawFile(
            checkpoint=draw.seed_note.decode(),
            pool=draw.pool.decode(),
            pool_step=_step(session, draw.pool_group, context),
            result=draw.result.decode(),
            result_step=_step(session, draw.result_group, context),
        )
    )


def _supervisors(session: Session) -> tuple[str, ...]:
    return tuple(sorted(label for (label,) in _SUPERVISORS.all(session)))


def _first_over_pool(session: Session, draw: Draw, checkpoint: bytes) -> int:
    leaf, wanted = _pool_leaf(session, draw), seed_size(session, draw)
    if leaf is None or wanted is None:
        raise CheckpointMissing("抽取名单尚未写入公开日志，请待下一次公开日志签署后再抽取")
    try:
        size = checkpoint_of(checkpoint).size
    except SigningError:
        raise CheckpointMissing("公开日志检查点无法读取，请联系系统管理员") from None
    if size != wanted:
        raise CheckpointMissing(
            f"种子须取名单写入后的第一个检查点（规模 {wanted}），现为 {size}；"
            f"请系统管理员运行 certreg draw run {draw.reference}"
        )
    return leaf


def _record(session: Session, reference: str, data: bytes, note: str, context: Context) -> int:
    facts = MilestoneFacts(
        date=china_day(context.clock.now()).isoformat(),
        document=hashlib.sha256(data).hexdigest(),
        kind=MilestoneKind.SUPERVISION_DRAW,
        note=note,
        subject=reference,
    )
    return add_milestone(session, facts, context=context).group_id


def _step(session: Session, group_id: int, context: Context) -> LoggedPaper:
    row = session.scalars(select(MilestoneRow).where(MilestoneRow.group_id == group_id)).one()
    opened = open_milestone(row, context)
    return LoggedPaper(facts=facts_bytes(opened.facts).decode(), opening=opened.opening.hex())


def _pool_leaf(session: Session, draw: Draw) -> int | None:
    return session.get_one(EventGroup, draw.pool_group).first_index


def _view(session: Session, draw: Draw) -> DrawView:
    return DrawView(
        draw_id=draw.draw_id,
        reference=draw.reference,
        pool=parse_pool(draw.pool),
        pool_digest=hashlib.sha256(draw.pool).hexdigest(),
        pool_leaf=_pool_leaf(session, draw),
        seed_size=seed_size(session, draw),
        result=parse_result(draw.result) if draw.result else None,
    )


def _get(session: Session, draw_id: int) -> Draw:
    draw = session.get(Draw, draw_id)
    if draw is None:
        raise NotFound("没有此次抽取，或者您无权查看")
    return draw


def _city(by: Identity, *more: Role) -> None:
    require(by, Role.CLERK, Role.APPROVER, *more)
    if by.district:
        raise NotAllowed("督导抽取由市级办公室办理")
