"""Rules made at the desk (规则): dated rows with their legal basis, never an edit of the past.

An approver of the city office makes a rule; it binds what begins from its day on, and what began
before stays under the old one. Every running deadline is counted again in the same transaction,
and each one that moved says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from registry.office.almanac import TERM, THRESHOLD, read_almanac
from registry.office.cases import audit
from registry.office.context import Context
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity, NotAllowed, Role, require
from registry.office.recount import Moved, recount
from registry.rules.calendar import LONGEST_TERM
from registry.rules.terms import MADE_AT_THE_DESK, TERMS, Counting, Term, Threshold, Unit
from registry.rules.text import tidy
from registry.store.locks import hold_almanac
from registry.store.registers import RuleRow

LONGEST_BASIS: Final = 200
LONGEST_REASON: Final = 120
LARGEST_THRESHOLD: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTerm:
    """A term as it shall be; ``reason`` is needed only where it begins today."""

    term: Term
    length: int
    unit: Unit
    counting: Counting
    basis: str
    since: date
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewThreshold:
    """A threshold as it shall be; ``bars`` False: 原则上, a warning only."""

    threshold: Threshold
    least: int
    bars: bool
    basis: str
    since: date
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a change did to running cases."""

    moved: tuple[Moved, ...]


def make_term(
    session: Session, new: NewTerm, *, by: Identity, context: Context, today: date
) -> Made:
    """Make a term rule. Raises ``NotAllowed``, ``FormFaults``."""
    city_approver(by)
    faults = _dated_faults(new.basis, new.since, new.reason, today)
    if not 1 <= new.length <= LONGEST_TERM:
        faults.append(FieldFault(field="length", text=f"请填写 1 至 {LONGEST_TERM} 的整数"))
    if (new.counting is Counting.AHEAD) != _counts_ahead(new.term):
        faults.append(FieldFault(field="counting", text="提前类期限只能倒数，其他期限只能顺数"))
    if new.counting is Counting.AHEAD and new.unit is not Unit.WORKING_DAYS:
        faults.append(FieldFault(field="unit", text="提前类期限按工作日计算"))
    refuse(faults)
    hold_almanac(session)
    rule = read_almanac(session).rules.find_term(new.term, max(new.since, today))
    row = RuleRow(
        kind=TERM,
        name=new.term.value,
        length=new.length,
        unit=new.unit.value,
        counting=new.counting.value,
        turn=(rule.turn if rule else MADE_AT_THE_DESK[new.term]).value,
        bars=True,
        basis=tidy(new.basis),
        since=new.since,
        until=None,
        made_at=context.clock.now(),
        made_by=by.login,
    )
    before = f"{rule.length} {rule.unit}" if rule else "none"
    detail = f"{before} -> {new.length} {new.unit} from {new.since}"
    return _store(session, row, detail, new.reason, by=by, context=context)


def make_threshold(
    session: Session, new: NewThreshold, *, by: Identity, context: Context, today: date
) -> Made:
    """Make a threshold rule. Raises ``NotAllowed``, ``FormFaults``."""
    city_approver(by)
    faults = _dated_faults(new.basis, new.since, new.reason, today)
    if not 0 <= new.least <= LARGEST_THRESHOLD:
        faults.append(FieldFault(field="least", text=f"请填写 0 至 {LARGEST_THRESHOLD} 的整数"))
    refuse(faults)
    hold_almanac(session)
    rule = read_almanac(session).rules.threshold(new.threshold, max(new.since, today))
    row = RuleRow(
        kind=THRESHOLD,
        name=new.threshold.value,
        length=new.least,
        bars=new.bars,
        basis=tidy(new.basis),
        since=new.since,
        until=None,
        made_at=context.clock.now(),
        made_by=by.login,
    )
    detail = f"{rule.least} -> {new.least}, bars {new.bars}, from {new.since}"
    return _store(session, row, detail, new.reason, by=by, context=context)


def _store(
    session: Session, row: RuleRow, detail: str, reason: str, *, by: Identity, context: Context
) -> Made:
    session.add(row)
    session.flush()
    why = tidy(reason)
    moved = recount(
        session, read_almanac(session), reason=row.basis, at=row.made_at, context=context
    )
    line = audit("rule-make", row.name, by, context)
    line.detail = f"{detail}; {len(moved)} deadlines moved" + (f"; {why}" if why else "")
    session.add(line)
    return Made(moved=moved)


def city_approver(by: Identity) -> None:
    """Raise ``NotAllowed`` unless an approver of the city office acts: rules bind all districts."""
    require(by, Role.APPROVER)
    if by.district:
        raise NotAllowed("规则与日历由市级办公室审批人维护")


def _counts_ahead(term: Term) -> bool:
    return any(rule.term is term and rule.counting is Counting.AHEAD for rule in TERMS)


def basis_faults(basis: str) -> list[FieldFault]:
    """Say whether a legal basis (依据) is missing or too long."""
    if not 1 <= len(tidy(basis)) <= LONGEST_BASIS:
        text = f"请填写依据的文件名称和文号，不超过 {LONGEST_BASIS} 个字"
        return [FieldFault(field="basis", text=text)]
    return []


def _dated_faults(basis: str, since: date, reason: str, today: date) -> list[FieldFault]:
    faults = basis_faults(basis)
    if since < today:
        text = "施行日期不能早于今天：已经发生的事项按当时的规则办理"
        faults.append(FieldFault(field="since", text=text))
    elif since == today and not tidy(reason):
        text = "当日施行须说明理由；否则请从明天起施行"
        faults.append(FieldFault(field="reason", text=text))
    if len(tidy(reason)) > LONGEST_REASON:
        faults.append(FieldFault(field="reason", text=f"理由不能超过 {LONGEST_REASON} 个字"))
    return faults


def refuse(faults: list[FieldFault]) -> None:
    """Raise ``FormFaults`` if there are any."""
    if faults:
        raise FormFaults(faults)
