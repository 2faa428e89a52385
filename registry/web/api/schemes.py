"""Schemes at the machine API (评价方案): standard and levels, experts' opinions, what is published.

Submitting, calling experts, preparing, approving and ending are plain steps of the case.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from registry.office import schemes
from registry.office.almanac import read_almanac
from registry.office.filed import Filed
from registry.office.published import PublishedScheme, published_schemes
from registry.office.scheme_form import SchemeForm, StandardKind
from registry.office.scheme_reading import YES
from registry.office.scheme_review import record_opinion
from registry.rules.scheme import PartKind
from registry.web.api.cases import Case, after, case_of, doing_of
from registry.web.api.endpoint import CREATED, Call, Given, Nothing, Table, Taken, Version
from registry.web.api.filings import (
    CLERKS,
    SEES_OPINIONS,
    NewOpinion,
    Opinions,
    opinions_of,
    said_of,
)
from registry.web.api.problems import Fault, faults_of
from registry.web.gate import CASES, COMPANY

TABLE = Table("schemes")
Mark = Annotated[int, Meta(ge=0, le=100)]


class NewScheme(Taken, frozen=True, kw_only=True):
    """The occupation, of those the company is filed for."""

    occupation_code: str
    direction: str = ""


class Standard(Version, frozen=True, kw_only=True):
    """What the scheme rests on; ``standard_reason`` where that is no national standard."""

    standard_kind: StandardKind
    standard: str
    standard_number: str = ""
    standard_reason: str = ""


class NewPart(Taken, frozen=True, kw_only=True):
    """One way of assessing: marks out of 100."""

    kind: PartKind
    weight: Mark
    pass_mark: Mark
    veto: bool


class Departure(Taken, frozen=True, kw_only=True):
    """Why a part of the national standard is left out or weakened."""

    kind: PartKind
    text: str


class NewLevel(Version, frozen=True, kw_only=True):
    """One level with its parts."""

    parts: tuple[NewPart, ...]
    total_mark: Mark
    reasons: tuple[Departure, ...] = ()


class Scheme(Given, frozen=True, kw_only=True):
    """A scheme: its form, the levels it may hold, and what keeps it from being submitted."""

    case: Case
    form: SchemeForm
    offered_levels: str
    ready: bool
    faults: tuple[Fault, ...]


class MayStart(Given, frozen=True, kw_only=True):
    """The occupations for which the company may hand in a scheme."""

    occupations: tuple[Filed, ...]


class Published(Given, frozen=True, kw_only=True):
    """The published schemes of companies on the list."""

    schemes: tuple[PublishedScheme, ...]


@TABLE.get("/schemes/occupations", roles=COMPANY, takes=Nothing, gives=MayStart)
def list_scheme_occupations(call: Call, _: Nothing) -> MayStart:
    """List scheme occupations (可以编制方案的职业（工种）)."""
    with call.desk.read() as session:
        return MayStart(occupations=schemes.may_start(session, call.by, call.context))


@TABLE.get("/schemes/published", roles=CASES, takes=Nothing, gives=Published)
def list_published(call: Call, _: Nothing) -> Published:
    """List published (已公布的评价方案)."""
    with call.desk.read() as session:
        return Published(schemes=published_schemes(session, call.context))


@TABLE.post("/schemes", roles=COMPANY, takes=NewScheme, gives=Case, status=CREATED)
def start_scheme(call: Call, given: NewScheme) -> Case:
    """Start scheme (新建评价方案)."""
    with call.desk.write() as session:
        case = schemes.start_scheme(
            session,
            given.occupation_code,
            given.direction,
            by=call.by,
            context=call.context,
            almanac=read_almanac(session),
            today=call.desk.today(),
        )
        return after(session, case)


@TABLE.get("/schemes/<int:case_id>", roles=CASES, takes=Nothing, gives=Scheme)
def show_scheme(call: Call, _: Nothing) -> Scheme:
    """Show scheme (评价方案：内容和提交前检查)."""
    with call.desk.read() as session:
        case = schemes.get_scheme(session, call.case_id, call.by)
        seen = schemes.preview(session, case, call.context)
        found = faults_of(schemes.SchemeNotReady("", seen)) if not seen.ready else ()
        return Scheme(
            case=case_of(case),
            form=seen.form,
            offered_levels=seen.offered,
            ready=seen.ready,
            faults=tuple(Fault(field=f.field, text=f.text) for f in found),
        )


@TABLE.post("/schemes/<int:case_id>/standard", roles=COMPANY, takes=Standard, gives=Case)
def save_standard(call: Call, given: Standard) -> Case:
    """Save standard (填写评价标准)."""
    values = {
        "standard_kind": given.standard_kind.value,
        "standard": given.standard,
        "standard_number": given.standard_number,
        "standard_reason": given.standard_reason,
    }
    with call.desk.write() as session:
        case = schemes.get_scheme(session, call.case_id, call.by)
        doing = doing_of(call, given)
        schemes.save_standard(session, case, values, doing=doing, context=call.context)
        return after(session, case)


@TABLE.post("/schemes/<int:case_id>/levels/<level>", roles=COMPANY, takes=NewLevel, gives=Case)
def save_level(call: Call, given: NewLevel) -> Case:
    """Save level (填写一个等级的评价内容)."""
    with call.desk.write() as session:
        case = schemes.get_scheme(session, call.case_id, call.by)
        level, doing = str(call.path["level"]), doing_of(call, given)
        schemes.save_level(session, case, level, _typed(given), doing=doing, context=call.context)
        return after(session, case)


@TABLE.delete("/schemes/<int:case_id>/levels/<level>", roles=COMPANY, takes=Version, gives=Case)
def drop_level(call: Call, given: Version) -> Case:
    """Drop level (删去一个等级)."""
    with call.desk.write() as session:
        case = schemes.get_scheme(session, call.case_id, call.by)
        level, doing = str(call.path["level"]), doing_of(call, given)
        schemes.drop_level(session, case, level, doing=doing, context=call.context)
        return after(session, case)


@TABLE.get("/schemes/<int:case_id>/opinions", roles=SEES_OPINIONS, takes=Nothing, gives=Opinions)
def list_scheme_opinions(call: Call, _: Nothing) -> Opinions:
    """List scheme opinions (专家意见)."""
    with call.desk.read() as session:
        return opinions_of(session, call, schemes.get_scheme(session, call.case_id, call.by))


@TABLE.post(
    "/schemes/<int:case_id>/opinions", roles=CLERKS, takes=NewOpinion, gives=Case, status=CREATED
)
def record_scheme_opinion(call: Call, given: NewOpinion) -> Case:
    """Record scheme opinion (登记一位专家的意见)."""
    with call.desk.write() as session:
        doing = doing_of(call, given)
        record_opinion(session, call.case_id, said_of(given), doing=doing, context=call.context)
        return after(session, schemes.get_scheme(session, call.case_id, call.by))


def _typed(given: NewLevel) -> dict[str, str]:
    values = {"total_mark": str(given.total_mark)}
    for part in given.parts:
        values[f"use-{part.kind}"] = YES
        values[f"weight-{part.kind}"] = str(part.weight)
        values[f"pass-{part.kind}"] = str(part.pass_mark)
        values[f"veto-{part.kind}"] = YES if part.veto else ""
    values |= {f"reason-{reason.kind}": reason.text for reason in given.reasons}
    return values
