"""The engine of the procedure's cases (办件): open, fill in, take a step; nothing else moves one.

`take_step` is the only way from one state to another. It looks the step up in the machine's
table, demands its guards, lets one of two people win who act at once, and writes the timeline,
the next deadline and the audit line in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from sqlalchemy import CursorResult, bindparam, select, update
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.case_locks import lock_standing
from registry.office.context import Context
from registry.office.identity import Identity, NotAllowed
from registry.office.kept import once
from registry.office.persons import is_other_person
from registry.rules.errors import ForbiddenStep
from registry.rules.machines import BATCH, FILING, PLAN, SCHEME
from registry.rules.workflow import ACTORS, GUARDS, Actor, Guard, Machine, Step
from registry.store.audit import AuditLine
from registry.store.counters import take_range
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.locks import share_almanac
from registry.store.prepared import Prepared
from registry.store.procedure import Case, CaseEvent, Company

CaseRow: TypeAlias = Case
"""A case as pages are handed it: they do not import the store."""

FORM: Final = "cases.form"
NOTE: Final = "case_events.note"
LONGEST_NOTE: Final = 1000
EDITABLE: Final = frozenset({"draft", "returned"})
"""States in which the company fills in the form."""
_PREPARING: Final = frozenset({"prepare", "propose-refusal"})
"""Steps whose taker does not decide what comes of them."""


class CaseKind(StrEnum):
    """The kinds of cases."""

    FILING = "filing"
    SCHEME = "scheme"
    PLAN = "plan"
    BATCH = "batch"


MACHINE_OF: Final = {
    CaseKind.FILING: FILING,
    CaseKind.SCHEME: SCHEME,
    CaseKind.PLAN: PLAN,
    CaseKind.BATCH: BATCH,
}
REFERENCE_OF: Final = {
    CaseKind.FILING: "BA",
    CaseKind.SCHEME: "FA",
    CaseKind.PLAN: "JH",
    CaseKind.BATCH: "JG",
}
"""备案, 方案, 计划, 结果: the first letters of a case's reference, as in BA-2026-0001."""


_TIMELINE: Final = Prepared(
    select(
        CaseEvent.event_id,
        CaseEvent.at,
        CaseEvent.account_id,
        CaseEvent.actor,
        CaseEvent.event,
        CaseEvent.from_state,
        CaseEvent.to_state,
        CaseEvent.note,
        CaseEvent.milestone_id,
    )
    .where(CaseEvent.case_id == bindparam("case"))
    .order_by(CaseEvent.event_id)
)


class Told(NamedTuple):
    """One line of a case's timeline as it was read; the note is sealed."""

    event_id: int
    at: datetime
    account_id: int | None
    actor: str
    event: str
    from_state: str
    to_state: str
    note: bytes
    milestone_id: int | None


class CaseMoved(Refused):
    """Somebody else changed the case in the meantime; nothing of this was done."""

    code = "case-moved"


class GuardsFailed(Refused):
    """The step is the right one, and a condition for it is not met."""

    code = "guards-failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """One act at a desk: who, on which version of the case they saw, with what remark."""

    by: Identity
    version: int
    note: str = ""


def machine_of(case: Case) -> Machine:
    """Give the machine of a case."""
    return MACHINE_OF[CaseKind(case.kind)]


def get_case(session: Session, case_id: int, by: Identity) -> Case:
    """Return a case the person may see; ``NotFound`` otherwise, whether there is one or not."""
    case = session.get(Case, case_id)
    if case is None or not _sees(by, session.get_one(Company, case.company_id)):
        raise NotFound("没有此办件，或者您无权查看")
    return case


def get_case_of(session: Session, case_id: int, by: Identity, kind: CaseKind) -> Case:
    """Return a case of a kind that the person may see; ``NotFound`` otherwise."""
    case = get_case(session, case_id, by)
    if case.kind != kind.value:
        raise NotFound(f"没有此{MACHINE_OF[kind].title}，或者您无权查看")
    return case


def open_case(
    session: Session,
    kind: CaseKind,
    company: Company,
    *,
    title: str,
    form: bytes,
    by: Identity,
    context: Context,
    parent: Case | None = None,
) -> Case:
    """Open a case in its machine's first state. Raises ``NotAllowed``, ``CaseMoved``."""
    if not (by.acts_as(Actor.COMPANY) and _sees(by, company)):
        raise NotAllowed("只有本企业人员可以新建办件")
    before = company.state
    if lock_standing(session, company.company_id).state != before:
        raise CaseMoved("企业的备案状态刚刚有变动，请刷新后再办理")
    now = context.clock.now()
    serial = take_range(session, f"case:{kind}:{now.year}", 1, start=1)
    case = Case(
        kind=kind.value,
        reference=f"{REFERENCE_OF[kind]}-{now.year}-{serial:04}",
        company_id=company.company_id,
        parent_id=parent.case_id if parent else None,
        title=title,
        state=MACHINE_OF[kind].start,
        form=b"",
        opened_at=now,
        changed_at=now,
    )
    session.add(case)
    session.flush()
    case.form = _seal(context, FORM, case.case_id, form)
    session.add(
        CaseEvent(
            case_id=case.case_id,
            at=now,
            account_id=by.account_id,
            actor=Actor.COMPANY.value,
            event="open",
            from_state="",
            to_state=case.state,
        )
    )
    session.add(audit(f"{kind}-open", case.reference, by, context))
    return case


def read_form(case: Case, context: Context) -> bytes:
    """Return the form's canonical JSON; it may hold persons' names and contacts."""
    return _open(context, FORM, case.case_id, case.form)


def fill_in(
    session: Session, case: Case, form: bytes, *, title: str, doing: Doing, context: Context
) -> None:
    """Replace the form while the company has it. Raises ``Refused`` or ``CaseMoved``."""
    if not doing.by.acts_as(Actor.COMPANY):
        raise NotAllowed("只有企业人员可以填写表单")
    if case.state not in EDITABLE:
        here = machine_of(case).words[case.state]
        raise Refused(f"办件现为“{here}”，表单不能再修改")
    _claim(session, case, doing.version)
    case.form = _seal(context, FORM, case.case_id, form)
    case.title = title
    case.changed_at = context.clock.now()
    session.add(audit(f"{case.kind}-fill-in", case.reference, doing.by, context))


def step_for(case: Case, event: str, by: Identity) -> Step:
    """Return the row of the table for this event by this person. Raises ``ForbiddenStep``."""
    # What only the system does, nobody at a desk may do: it is among nobody's actors.
    mine = [a for a in Actor if by.acts_as(a)]
    return machine_of(case).step_by(case.state, mine, event)


def step_of(session: Session, case: Case, event: str, doing: Doing) -> Step:
    """Return the row of the table for what a person is doing.

    Raises ``CaseMoved`` if the case went on since they looked at it, else ``ForbiddenStep``.
    """
    try:
        return step_for(case, event, doing.by)
    except ForbiddenStep:
        if case.version != doing.version:
            raise CaseMoved(_what_changed(session, case)) from None
        raise


def steps_open_to(case: Case, by: Identity) -> tuple[Step, ...]:
    """Return what this person may do with the case now."""
    return tuple(
        row for row in machine_of(case).steps if row.state == case.state and by.acts_as(row.actor)
    )


def take_step(
    session: Session,
    case: Case,
    event: str,
    *,
    held: Iterable[Guard] = (),
    doing: Doing,
    context: Context,
) -> CaseEvent:
    """Take one step of the procedure and return its line in the timeline.

    ``held`` are the guards that the use case found to hold; `OTHER_PERSON` and `REASON_GIVEN`
    are found here. Raises ``ForbiddenStep``, ``GuardsFailed``, ``CaseMoved``, and ``Refused`` for
    a remark that is too long: nobody's words are cut.
    """
    row = step_of(session, case, event, doing)
    if len(doing.note.strip()) > LONGEST_NOTE:
        raise Refused(f"意见、理由不能超过 {LONGEST_NOTE} 个字，请缩短后再提交")
    met = {*held, *_own_guards(session, case, row, doing)}
    missing = [guard for guard in row.guards if guard not in met]
    if missing:
        raise GuardsFailed("不满足办理条件：" + "；".join(GUARDS[guard] for guard in missing))
    return _move(session, case, row, doing=doing, context=context)


def system_step(session: Session, case: Case, event: str, *, context: Context) -> CaseEvent:
    """Take a step that time takes (期限届满). Raises ``ForbiddenStep``, ``CaseMoved``."""
    row = machine_of(case).step(case.state, Actor.SYSTEM, event)
    return _move(session, case, row, doing=None, context=context)


def _own_guards(session: Session, case: Case, row: Step, doing: Doing) -> Iterable[Guard]:
    first, by = case.prepared_by, doing.by
    if Guard.OTHER_PERSON in row.guards and first and is_other_person(session, first, by):
        yield Guard.OTHER_PERSON
    if doing.note.strip():
        yield Guard.REASON_GIVEN


def _move(
    session: Session, case: Case, row: Step, *, doing: Doing | None, context: Context
) -> CaseEvent:
    now = context.clock.now()
    by = doing.by if doing else None
    # Time claims a version too: who looked at the case before it acts on what is no more.
    _claim(session, case, doing.version if doing else case.version)
    if doing is not None and row.event in _PREPARING:
        case.prepared_by = doing.by.account_id
    case.state, case.changed_at = row.to, now
    line = CaseEvent(
        case_id=case.case_id,
        at=now,
        account_id=by.account_id if by else None,
        actor=row.actor.value,
        event=row.event,
        from_state=row.state,
        to_state=row.to,
    )
    session.add(line)
    session.flush()
    if doing and doing.note.strip():
        line.note = _seal(context, NOTE, line.event_id, doing.note.strip().encode())
    session.add(audit(f"{case.kind}-{row.event}", case.reference, by, context))
    return line


def _claim(session: Session, case: Case, version: int) -> None:
    """Take the next version of the case, or lose to whoever took it first."""
    # Before the row's lock: its deadline will be counted, and whoever changes the calendar holds
    # that first and then waits for rows.
    share_almanac(session)
    taken = session.execute(
        update(Case)
        .where(Case.case_id == case.case_id, Case.version == version)
        .values(version=Case.version + 1)
        .execution_options(synchronize_session=False)
    )
    if not isinstance(taken, CursorResult) or taken.rowcount != 1:
        raise CaseMoved(_what_changed(session, case))
    session.refresh(case, ["version"])


def _what_changed(session: Session, case: Case) -> str:
    last = session.scalars(
        select(CaseEvent)
        .where(CaseEvent.case_id == case.case_id)
        # Steps alone: other lines moved nothing, and one may be kept from the company yet.
        .where(CaseEvent.event.in_(machine_of(case).events))
        .order_by(CaseEvent.event_id.desc())
        .limit(1)
    ).first()
    if last is None:
        return "他人已修改此办件，请刷新后再办理"
    words = machine_of(case).words
    who = ACTORS[Actor(last.actor)]
    done = words.get(last.event, "修改")
    # The line's state: the case was read before the other's commit.
    return f"他人已先行办理：{who}已{done}，现为“{words[last.to_state]}”。请刷新后再办理"


def read_note(line: CaseEvent | Told, context: Context) -> str:
    """Return the remark of a timeline's line."""
    return _open(context, NOTE, line.event_id, line.note).decode() if line.note else ""


def timeline(session: Session, case: Case) -> tuple[Told, ...]:
    """Return the case's steps, oldest first."""

    def read() -> tuple[Told, ...]:
        return tuple(map(Told._make, _TIMELINE.all(session, case=case.case_id)))

    return once(session, ("timeline", case.case_id), read)


def audit(action: str, subject: str, by: Identity | None, context: Context) -> AuditLine:
    """Make the audit line of one use case at a desk."""
    return AuditLine(
        at=context.clock.now(),
        actor=f"account:{by.login}"[:80] if by else context.actor,
        action=action[:40],
        subject=subject[:80],
        detail="",
        source=by.source if by else "",
    )


def _sees(by: Identity, company: Company) -> bool:
    return by.sees(company_id=company.company_id, district=company.district)


def _seal(context: Context, place: str, row: int, plain: bytes) -> bytes:
    cipher = FieldCipher(context.field_key, place)
    return cipher.seal(row, context.random(NONCE_LENGTH), plain)


def _open(context: Context, place: str, row: int, sealed: bytes) -> bytes:
    return FieldCipher(context.field_key, place).open(row, sealed)
