"""Results batches (评价结果): opened on a held plan, scores and evidence filled in (六（三）2、3).

Everything a batch takes from its plan and scheme goes through `batch_basis`; nothing here or later
rests on a link that it does not find whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

import msgspec
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, aliased

from registry.errors import NotFound, Refused
from registry.office.almanac import Almanac, read_almanac
from registry.office.batch_form import BatchForm, form_bytes, parse_form, results_digest
from registry.office.case_locks import lock_case
from registry.office.cases import (
    CaseKind,
    Doing,
    GuardsFailed,
    fill_in,
    get_case_of,
    open_case,
    read_form,
)
from registry.office.companies import ON_THE_LIST
from registry.office.context import Context
from registry.office.due import rest, set_due
from registry.office.evidence_manifest import read_manifest
from registry.office.form_faults import FieldFault
from registry.office.identity import Identity
from registry.office.kept import kept
from registry.office.plan_form import day
from registry.office.plans import read_plan, scheme_of
from registry.office.published import stood
from registry.office.results import keep_results, marked_passed, results_of
from registry.office.rosters import people_of
from registry.office.scheme_form import parse_scheme
from registry.office.scheme_form import scheme_of as parts_of
from registry.rules.findings import Findings
from registry.rules.levels import BY_SYMBOL
from registry.rules.plan_roster import PlannedPerson
from registry.rules.scheme import Scheme
from registry.rules.scores_sheet import ScoredPerson, ScoresChecker
from registry.rules.text import Cell
from registry.store.organisations import Issuer
from registry.store.prepared import Prepared
from registry.store.procedure import Case, Company

BatchCase: TypeAlias = Case
"""A case of kind batch, as the desks pass it on."""

HELD: Final = "held"
_ASSESSED: Final = frozenset({HELD, "closed"})
"""States of a plan whose assessment is over; closed once its batch has ended."""
_ENDED: Final = frozenset({"rejected"})
_GONE: Final = "没有此评价结果，或者您无权查看"


_BATCH, _PLAN, _SCHEME = aliased(Case), aliased(Case), aliased(Case)
_LINKS: Final = Prepared(
    select(
        _PLAN.case_id,
        _PLAN.version,
        _SCHEME.case_id,
        _SCHEME.version,
        Company.company_id,
        Company.version,
        Issuer.levels,
    )
    .select_from(_BATCH)
    .join(_PLAN, _PLAN.case_id == _BATCH.parent_id)
    .join(_SCHEME, _SCHEME.case_id == _PLAN.parent_id)
    .join(Company, Company.company_id == _PLAN.company_id)
    .outerjoin(Issuer, Issuer.prefix == Company.prefix)
    .where(_BATCH.case_id == bindparam("case"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a batch rests on. ``schemes`` are the parts by level symbol, ``gaps`` broken links."""

    company: Company
    plan: Case
    scheme: Case
    schemes: Mapping[str, Scheme]
    last_day: date
    gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedScores:
    """A table of scores after all checks; ``passed`` counts who passed."""

    people: tuple[ScoredPerson, ...]
    passed: int
    findings: Findings

    @property
    def acceptable(self) -> bool:
        """Whether there is no error."""
        return self.findings.errors == 0


class BatchNotReady(GuardsFailed):
    """A batch cannot go on; ``faults`` say all that is wrong with it."""

    code = "batch-not-ready"

    def __init__(self, faults: Iterable[FieldFault]) -> None:
        """Say it in words too."""
        self.faults = tuple(faults)
        super().__init__("不满足办理条件：" + "；".join(fault.text for fault in self.faults))


def batch_basis(session: Session, plan: Case, context: Context) -> Basis:
    """Read all that a batch takes from its plan, the plan's scheme and the company.

    Broken links are named in ``gaps`` and raise nothing: pages show them too.
    """
    form, scheme = read_plan(plan, context), scheme_of(session, plan)
    company = session.get_one(Company, plan.company_id)
    levels = parse_scheme(read_form(scheme, context)).levels
    schemes = {item.level: parts_of(item) for item in levels if item.parts}
    gaps = []
    if company.state not in ON_THE_LIST or company.prefix is None:
        gaps.append("企业不在备案名单内，或者没有机构编码")
    if plan.state not in _ASSESSED:
        gaps.append(f"实施计划 {plan.reference} 尚未实施完毕")
    if scheme.kind != CaseKind.SCHEME.value or not stood(session, company, scheme, plan):
        gaps.append("计划备案时，所依据的评价方案未公布，或者已停用、已随企业移出名单失效")
    elif scheme.company_id != plan.company_id or not set(form.levels) <= set(schemes):
        gaps.append("所依据的评价方案不是本企业的，或者没有本计划等级的评价内容")
    return Basis(
        company=company,
        plan=plan,
        scheme=scheme,
        schemes=schemes,
        last_day=day(form.last_day) or plan.opened_at.date(),
        gaps=tuple(gaps),
    )


def planned_people(session: Session, basis: Basis, context: Context) -> tuple[PlannedPerson, ...]:
    """Return everybody on the plan's roster, in clear."""
    return people_of(session, basis.plan, context)


def links_of(session: Session, case: Case) -> tuple[object, ...]:
    """Return the versions of all that a batch rests on, itself included.

    What is worked out from them stays the same as long as they do. Raises ``NotFound`` if the
    batch rests on no plan.
    """
    found = _LINKS.first(session, case=case.case_id)
    if case.kind != CaseKind.BATCH.value or found is None:
        raise NotFound(_GONE)
    return case.case_id, case.version, *found


def basis_of(session: Session, case: Case, context: Context) -> Basis:
    """Return what a batch rests on. Raises ``NotFound`` if it rests on no plan."""
    plan = session.get(Case, case.parent_id) if case.parent_id else None
    if case.kind != CaseKind.BATCH.value or plan is None:
        raise NotFound(_GONE)
    return batch_basis(session, plan, context)


def demand_links(basis: Basis) -> None:
    """Raise ``BatchNotReady`` unless company, plan and scheme stand as they must."""
    if basis.gaps:
        raise BatchNotReady(FieldFault(field="standing", text=gap) for gap in basis.gaps)


def held_plans(session: Session, by: Identity) -> tuple[Case, ...]:
    """Return the held plans of a person's company for which no batch was opened yet."""
    taken = select(Case.parent_id).where(
        Case.kind == CaseKind.BATCH.value,
        Case.company_id == by.company_id,
        Case.state.not_in(_ENDED),
        Case.parent_id.is_not(None),
    )
    query = select(Case).where(
        Case.kind == CaseKind.PLAN.value,
        Case.state == HELD,
        Case.company_id == by.company_id,
        Case.case_id.not_in(taken),
    )
    return tuple(session.scalars(query.order_by(Case.case_id)))


def open_batch(session: Session, plan_id: int, *, by: Identity, context: Context) -> Case:
    """Open the batch of a held plan; a plan has one, or a new one once it was rejected.

    Raises ``NotFound``, ``NotAllowed``, ``BatchNotReady``, ``Refused``.
    """
    plan = session.get(Case, plan_id)
    known = plan is not None and plan.kind == CaseKind.PLAN.value
    if plan is None or not known or plan.company_id != by.company_id:
        raise NotFound("没有此实施计划，或者您无权查看")
    # Locked: of two who open at once, the second finds the first one's batch.
    lock_case(session, plan)
    basis = batch_basis(session, plan, context)
    demand_links(basis)
    if plan.state != HELD:
        raise Refused("此实施计划已办结，不能再登记评价结果")
    mine = select(Case).where(
        Case.kind == CaseKind.BATCH.value,
        Case.parent_id == plan_id,
        Case.state.not_in(_ENDED),
    )
    earlier = session.scalars(mine).first()
    if earlier is not None:
        raise Refused(f"此计划的评价结果已在办理，编号 {earlier.reference}")
    source = read_plan(plan, context)
    form = BatchForm(
        direction=source.direction,
        levels=source.levels,
        occupation=source.occupation,
        occupation_code=source.occupation_code,
        plan=plan.reference,
    )
    case = open_case(
        session,
        CaseKind.BATCH,
        basis.company,
        title=_title(form),
        form=form_bytes(form),
        by=by,
        context=context,
        parent=plan,
    )
    case.first_day = plan.first_day
    set_draft_due(case, basis, read_almanac(session))
    # From now on the batch's own terms run.
    rest(plan)
    return case


def set_draft_due(case: Case, basis: Basis, almanac: Almanac) -> None:
    """Count the term for the publicity from the assessment's last day, not from the opening."""
    set_due(case, almanac, today=basis.last_day)


def get_batch(session: Session, case_id: int, by: Identity) -> Case:
    """Return a batch the person may see; ``NotFound`` otherwise."""
    return get_case_of(session, case_id, by, CaseKind.BATCH)


def read_batch(case: Case, context: Context) -> BatchForm:
    """Return a batch's form. Raises ``NotFound`` for a case of another kind."""
    if case.kind != CaseKind.BATCH.value:
        raise NotFound(_GONE)
    return parse_form(read_form(case, context))


def put_scores(
    session: Session,
    case: Case,
    rows: Iterable[tuple[int, Mapping[str, Cell]]],
    *,
    form: Findings,
    drawable: Callable[[str], bool],
    doing: Doing,
    context: Context,
) -> CheckedScores:
    """Check a table of scores and, if it has no error, keep it in the place of the one before.

    ``form`` are the findings on the file itself. Raises ``BatchNotReady`` for a broken link.
    """
    basis, batch = basis_of(session, case, context), read_batch(case, context)
    demand_links(basis)
    planned = planned_people(session, basis, context)
    checker = ScoresChecker(planned, basis.schemes, drawable=drawable)
    for number, cells in rows:
        checker.row(number, cells)
    findings = Findings()
    findings.extend(form)
    findings.extend(checker.finish())
    people = tuple(checker.scored)
    passed = sum(person.outcome(basis.schemes[person.level]).passed for person in people)
    checked = CheckedScores(people=people, passed=passed, findings=findings)
    if not checked.acceptable:
        return checked
    changed = msgspec.structs.replace(
        batch, people=len(people), passed=passed, results=results_digest(people)
    )
    # The form first: of two who upload at once, the later one loses before a person is replaced.
    _save(session, case, changed, doing=doing, context=context)
    keep_results(session, case, people, basis.schemes, context)
    return checked


def set_evidence(
    session: Session, case: Case, text: str, *, doing: Doing, context: Context
) -> None:
    """Keep the evidence manifest as typed. Raises ``FormFaults`` and what the engine raises."""
    form = msgspec.structs.replace(read_batch(case, context), evidence=read_manifest(text))
    _save(session, case, form, doing=doing, context=context)


def check_batch(session: Session, case: Case, context: Context) -> tuple[FieldFault, ...]:
    """Say what keeps a batch back: broken links, no scores, no evidence, results tampered with."""
    key = ("batch-check", links_of(session, case))
    return kept(session, key, lambda: _check(session, case, context))


def _check(session: Session, case: Case, context: Context) -> tuple[FieldFault, ...]:
    basis, form = basis_of(session, case, context), read_batch(case, context)
    faults = [FieldFault(field="standing", text=gap) for gap in basis.gaps]
    if not form.people:
        faults.append(FieldFault(field="scores", text="请上传评价成绩"))
    elif not results_whole(session, case, form, basis, context):
        text = "成绩与登记的不一致，请重新上传成绩"
        faults.append(FieldFault(field="scores", text=text))
    if not form.evidence:
        faults.append(FieldFault(field="manifest", text="请填写评价资料清单（六（三）2）"))
    return tuple(faults)


def results_whole(
    session: Session, case: Case, form: BatchForm, basis: Basis, context: Context
) -> bool:
    """Say whether what is kept is what was uploaded, and the scheme still gives those who passed.

    Rows changed behind the form's back must not become certificates.
    """
    people = results_of(session, case, context)
    if any(person.level not in basis.schemes for person in people):
        return False
    passed = {p.row for p in people if p.outcome(basis.schemes[p.level]).passed}
    planned = {person.id_number for person in planned_people(session, basis, context)}
    return (
        results_digest(people) == form.results
        and {person.id_number for person in people} == planned
        and len(people) == form.people
        and passed == marked_passed(session, case)
    )


def _save(session: Session, case: Case, form: BatchForm, *, doing: Doing, context: Context) -> None:
    fill_in(session, case, form_bytes(form), title=_title(form), doing=doing, context=context)


def _title(form: BatchForm) -> str:
    name = f"{form.occupation}（{form.direction}）" if form.direction else form.occupation
    levels = "、".join(BY_SYMBOL[symbol].printed for symbol in form.levels)
    return f"{name} {levels} {form.plan} 评价结果"[:160]
