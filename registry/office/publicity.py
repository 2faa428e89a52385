"""Internal publicity (内部公示) and the filing of results after it (结果备案, notice 六（三）3).

The publicity begins on the day of its step and is over when its working days are full. Objections
and how each was handled are lines of the case's own timeline, which nobody can rewrite; a new
publicity, after a return or when one was taken back, starts with none.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from sqlalchemy.orm import Session

from registry.errors import NotFound
from registry.office.almanac import Almanac, read_almanac
from registry.office.batch_form import PublicityRecord, ResultsRecord, digest_of, parse_form
from registry.office.batches import BatchNotReady, basis_of, check_batch, set_draft_due
from registry.office.cases import (
    Doing,
    GuardsFailed,
    read_form,
    read_note,
    step_of,
    take_step,
    timeline,
)
from registry.office.context import Context
from registry.office.due import china_day, set_due
from registry.office.fault_reports import drop_report
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.milestones import add_milestone
from registry.office.unit import Desk
from registry.rules.people import check_character
from registry.rules.terms import Term, deadline
from registry.rules.text import tidy
from registry.rules.workflow import Guard
from registry.store.procedure import Case
from signing.milestone import MilestoneFacts, MilestoneKind

LONGEST_TEXT: Final = 500
PUBLICITY_NOTE: Final = "内部公示：起止日与结果"
RESULTS_NOTE: Final = "结果备案：表单与公示"
"""The notes of the milestones."""

_SHOWN: Final = "公示的成绩摘要（SHA-256）："
_OBJECTION: Final = re.compile(r"异议([0-9]+)：(.*)", re.ASCII | re.DOTALL)
_HANDLING: Final = re.compile(r"异议([0-9]+)处理：(.*)", re.ASCII | re.DOTALL)
_ID_NUMBER: Final = re.compile(r"(?<![0-9])([0-9]{17})([0-9Xx])(?![0-9])", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One objection; ``handling`` is "" and ``handled_on`` None until it was handled."""

    number: int
    day: date
    text: str
    handling: str = ""
    handled_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Publicity:
    """A publicity: its days, whether it is over, and its objections.

    ``file_by`` is the last day on which the results are filed in time, ``results`` the digest
    (SHA-256, hex) of the results that were shown.
    """

    first_day: date
    last_day: date
    provisional: bool
    full: bool
    length: int
    file_by: date
    results: str
    objections: tuple[Objection, ...]

    @property
    def unhandled(self) -> tuple[Objection, ...]:
        """The objections that nobody handled yet."""
        return tuple(item for item in self.objections if not item.handling)

    @property
    def over(self) -> bool:
        """Whether the period is full and every objection handled."""
        return self.full and not self.unhandled


def publicity_of(
    session: Session, case: Case, context: Context, almanac: Almanac, *, today: date
) -> Publicity | None:
    """Return the batch's newest publicity; None if there is none or it was taken back."""
    began: date | None = None
    shown = ""
    objections: dict[int, Objection] = {}
    for line in timeline(session, case):
        match line.event:
            case "publish":
                began, objections = china_day(line.at), {}
                shown = read_note(line, context).partition("\n")[0].removeprefix(_SHOWN)
            case "take-back":
                began = None
            case "object":
                _note(objections, read_note(line, context), china_day(line.at))
            case _:
                pass
    if began is None:
        return None
    rule = almanac.rules.term(Term.PUBLICITY, began)
    last = deadline(rule, began, almanac.days)
    filing = almanac.rules.term(Term.RESULTS_FILING, last.day)
    return Publicity(
        first_day=began,
        last_day=last.day,
        provisional=last.provisional,
        full=today > last.day,
        length=rule.length,
        file_by=deadline(filing, last.day, almanac.days).day,
        results=shown,
        objections=tuple(objections.values()),
    )


def start_publicity(session: Session, case: Case, doing: Doing, desk: Desk) -> None:
    """Begin the publicity today. Raises ``BatchNotReady`` and what the engine raises."""
    context, almanac, today = desk.context(doing.by), read_almanac(session), desk.today()
    step_of(session, case, "publish", doing)  # who may not is told so, and nothing else
    _demand_ready(session, case, context)
    # What is shown is on the record: by it a filing after a return is known to be of the same.
    shown = f"{_SHOWN}{parse_form(read_form(case, context)).results}"
    noted = replace(doing, note=f"{shown}\n{doing.note}".strip())
    take_step(session, case, "publish", held=(Guard.ROSTER_SOUND,), doing=noted, context=context)
    now = _demand_publicity(session, case, context, almanac, today)
    # The term for the filing begins when the publicity is over.
    set_due(case, almanac, today=now.last_day)
    # A rejected upload's report holds persons and serves nobody any more.
    drop_report(desk.documents, case.case_id)


def record_objection(session: Session, case: Case, text: str, doing: Doing, desk: Desk) -> None:
    """Put an objection on the timeline. Raises ``FormFaults`` and what the engine raises."""
    context = desk.context(doing.by)
    step_of(session, case, "object", doing)
    now = _now(session, case, context, desk)
    said = _read_text(text, "objection", "请写明异议内容（不写证件号码）")
    number = len(now.objections) + 1
    _put(session, case, f"异议{number}：{said}", doing, context)


def handle_objection(
    session: Session, case: Case, number: int, text: str, *, doing: Doing, desk: Desk
) -> None:
    """Put on the timeline how an objection was handled; once for each.

    Raises ``NotFound``, ``FormFaults`` and what the engine raises.
    """
    context = desk.context(doing.by)
    step_of(session, case, "object", doing)
    open_ones = {item.number for item in _now(session, case, context, desk).unhandled}
    if number not in open_ones:
        raise NotFound("没有此异议，或者已有处理结果")
    said = _read_text(text, f"handling-{number}", "请写明调查和处理结果（不写证件号码）")
    _put(session, case, f"异议{number}处理：{said}", doing, context)


def take_back(session: Session, case: Case, doing: Doing, desk: Desk) -> None:
    """Take the publicity back to mend the results. Raises what the engine raises."""
    context = desk.context(doing.by)
    take_step(session, case, "take-back", doing=doing, context=context)
    set_draft_due(case, basis_of(session, case, context), read_almanac(session))


def submit_batch(session: Session, case: Case, doing: Doing, desk: Desk) -> None:
    """File the results after their publicity; late only with a reason in ``doing``.

    A returned batch whose results are those that were in publicity is filed again without another.

    Raises ``BatchNotReady``, ``GuardsFailed`` and what the engine raises.
    """
    context, almanac, today = desk.context(doing.by), read_almanac(session), desk.today()
    step_of(session, case, "submit", doing)
    _demand_ready(session, case, context)
    now = _demand_publicity(session, case, context, almanac, today)
    held = [Guard.PUBLICITY_OVER] if now.over else []
    # After a return the term for mending runs; the one for filing was kept the first time.
    file_by = case.due_on if case.state == "returned" and case.due_on else now.file_by
    if today <= file_by or doing.note.strip():
        held.append(Guard.IN_TIME)
    if now.results == parse_form(read_form(case, context)).results:
        held.append(Guard.RESULTS_UNCHANGED)
    line = take_step(session, case, "submit", held=held, doing=doing, context=context)
    case.received_on = today
    set_due(case, almanac, today=today)
    publicity, results = documents_of(case, now, context)
    for kind, on, document, note in (
        (MilestoneKind.PUBLICITY, now.last_day, publicity, PUBLICITY_NOTE),
        (MilestoneKind.RESULTS, today, results, RESULTS_NOTE),
    ):
        facts = MilestoneFacts(
            date=on.isoformat(), document=document, kind=kind, note=note, subject=case.reference
        )
        # Returned for an explanation, the very same results are filed on another day.
        done = add_milestone(session, facts, context=context, again=True)
        line.milestone_id = done.milestone_id


def documents_of(case: Case, publicity: Publicity, context: Context) -> tuple[str, str]:
    """SHA-256 (hex) of the records of the publicity, and of the results filed after it."""
    form = hashlib.sha256(read_form(case, context)).hexdigest()
    held = digest_of(
        PublicityRecord(
            first_day=publicity.first_day.isoformat(),
            form=form,
            last_day=publicity.last_day.isoformat(),
            objections=len(publicity.objections),
        )
    )
    return held, digest_of(ResultsRecord(form=form, publicity=held))


def _note(objections: dict[int, Objection], note: str, day: date) -> None:
    handled, made = _HANDLING.fullmatch(note), _OBJECTION.fullmatch(note)
    if handled and int(handled[1]) in objections:
        number = int(handled[1])
        objections[number] = replace(objections[number], handling=handled[2], handled_on=day)
    elif made:
        number = int(made[1])
        objections[number] = Objection(number=number, day=day, text=made[2])


def _put(session: Session, case: Case, note: str, doing: Doing, context: Context) -> None:
    # The term that runs goes on: an objection does not move the day of filing.
    take_step(session, case, "object", doing=replace(doing, note=note), context=context)


def _read_text(text: str, field: str, missing: str) -> str:
    said = tidy(text)
    fault = ""
    if not said:
        fault = missing
    elif len(said) > LONGEST_TEXT:
        fault = f"超过 {LONGEST_TEXT} 字，请缩短"
    elif any(check_character(first) == last.upper() for first, last in _ID_NUMBER.findall(said)):
        fault = "内容中含有证件号码，请删去"
    if fault:
        raise FormFaults((FieldFault(field=field, text=fault),))
    return said


def _now(session: Session, case: Case, context: Context, desk: Desk) -> Publicity:
    return _demand_publicity(session, case, context, read_almanac(session), desk.today())


def _demand_publicity(
    session: Session, case: Case, context: Context, almanac: Almanac, today: date
) -> Publicity:
    found = publicity_of(session, case, context, almanac, today=today)
    if found is None:
        raise GuardsFailed("不满足办理条件：评价结果没有公示")
    return found


def _demand_ready(session: Session, case: Case, context: Context) -> None:
    faults = check_batch(session, case, context)
    if faults:
        raise BatchNotReady(faults)
