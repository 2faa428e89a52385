"""A company's assessment schemes (评价方案, notice 六（二）): start, fill in, look at it, submit.

A scheme rests on an occupation of an approved filing of a listed company. The preview runs the
very checks of the submission.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.almanac import Almanac
from registry.office.cases import (
    CaseKind,
    Doing,
    GuardsFailed,
    fill_in,
    get_case_of,
    open_case,
    read_form,
    step_for,
    take_step,
)
from registry.office.companies import ON_THE_LIST, own_company
from registry.office.context import Context
from registry.office.due import set_due
from registry.office.filed import Filed, filed_occupations
from registry.office.identity import Identity
from registry.office.scheme_form import (
    LevelFinding,
    SchemeForm,
    findings,
    lacking_qualities,
    parse_scheme,
    scheme_bytes,
    title_of,
    without_level,
)
from registry.office.scheme_reading import read_level, read_standard
from registry.office.steps import Taking, register
from registry.rules.scheme import PartKind
from registry.rules.workflow import GUARDS, Guard
from registry.store.procedure import Case, Company

SchemeCase = Case
"""A case of kind scheme, as the desks pass it on."""


class SchemeNotReady(GuardsFailed):
    """The scheme falls short; ``preview`` says of what, for whoever words it at length."""

    code = "not-ready"

    def __init__(self, message: str, preview: SchemePreview) -> None:
        super().__init__(message)
        self.preview = preview


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemePreview:
    """What would happen if the scheme were submitted now; ``lacking`` are warnings alone."""

    form: SchemeForm
    offered: str
    listed: bool
    filed: bool
    standard_missing: bool
    levels_missing: bool
    findings: tuple[LevelFinding, ...]
    lacking: tuple[tuple[str, PartKind], ...]

    @property
    def ready(self) -> bool:
        """Whether nothing stands in the way."""
        gaps = self.standard_missing or self.levels_missing or bool(self.findings)
        return self.listed and self.filed and not gaps


def may_start(session: Session, by: Identity, context: Context) -> tuple[Filed, ...]:
    """Return the occupations for which the person's own company may hand in a scheme."""
    company = session.get(Company, by.company_id) if by.company_id is not None else None
    if company is None or company.state not in ON_THE_LIST:
        return ()
    return filed_occupations(session, company, context)


def start_scheme(
    session: Session,
    code: str,
    direction: str,
    *,
    by: Identity,
    context: Context,
    almanac: Almanac,
    today: date,
) -> Case:
    """Open a scheme for an occupation of the company's approved filings.

    Raises ``NotFound``, ``NotAllowed``, ``GuardsFailed``.
    """
    company = own_company(session, by)
    check_listed(company)
    filed = _filed(session, company, code, direction, context)
    if filed is None:
        raise Refused("该职业（工种）未经备案，请先申请备案（新增认定职业须重新申请备案）")
    form = SchemeForm(
        direction=filed.direction,
        edition=filed.edition,
        occupation=filed.name,
        occupation_code=filed.code,
    )
    case = open_case(
        session,
        CaseKind.SCHEME,
        company,
        title=title_of(form),
        form=scheme_bytes(form),
        by=by,
        context=context,
        parent=session.get(Case, filed.case_id),
    )
    set_due(case, almanac, today=today)
    return case


def get_scheme(session: Session, case_id: int, by: Identity) -> Case:
    """Return a scheme the person may see; ``NotFound`` otherwise."""
    return get_case_of(session, case_id, by, CaseKind.SCHEME)


def form_of(case: Case, context: Context) -> SchemeForm:
    """Return the scheme's form. Raises ``SchemeDamaged``."""
    return parse_scheme(read_form(case, context))


def save_standard(
    session: Session, case: Case, values: Mapping[str, str], *, doing: Doing, context: Context
) -> None:
    """Keep the standard as typed. Raises ``FormFaults`` and what the engine raises."""
    _save(session, case, lambda form: read_standard(form, values), doing, context)


def save_level(
    session: Session,
    case: Case,
    level: str,
    values: Mapping[str, str],
    *,
    doing: Doing,
    context: Context,
) -> None:
    """Keep one level's parts as typed. Raises ``FormFaults`` and what the engine raises."""
    if level not in offered_levels(session, case, context):
        raise NotFound("该等级不在已备案的等级范围内")
    _save(session, case, lambda form: read_level(form, level, values), doing, context)


def drop_level(session: Session, case: Case, level: str, *, doing: Doing, context: Context) -> None:
    """Take a level out of the scheme. Raises what the engine raises."""
    _save(session, case, lambda form: without_level(form, level), doing, context)


def offered_levels(session: Session, case: Case, context: Context) -> str:
    """Return the levels that the occupation is filed for, as symbols, lowest first."""
    form = form_of(case, context)
    company = session.get_one(Company, case.company_id)
    filed = _filed(session, company, form.occupation_code, form.direction, context)
    return filed.levels if filed is not None else ""


def preview(session: Session, case: Case, context: Context) -> SchemePreview:
    """Say what would happen if the scheme were submitted now."""
    form = form_of(case, context)
    company = session.get_one(Company, case.company_id)
    filed = _filed(session, company, form.occupation_code, form.direction, context)
    levels = filed.levels if filed is not None else ""
    return SchemePreview(
        form=form,
        offered=levels,
        listed=company.state in ON_THE_LIST,
        filed=filed is not None and all(item.level in levels for item in form.levels),
        standard_missing=not form.standard_kind,
        levels_missing=not form.levels,
        findings=findings(form),
        lacking=lacking_qualities(form),
    )


@register(CaseKind.SCHEME, "submit")
def submit(taking: Taking) -> None:
    """Send the scheme in, if it holds. Raises ``SchemeNotReady`` and what the engine raises."""
    step_for(taking.case, taking.event, taking.doing.by)
    seen = preview(taking.session, taking.case, taking.desk.context(taking.doing.by))
    if not seen.listed:
        raise SchemeNotReady(f"不满足办理条件：{GUARDS[Guard.COMPANY_LISTED]}", seen)
    if not seen.ready:
        message = "评价方案尚不符合要求，请按“核对”页所列逐条修改后再报送（通知四、五、六（二））"
        raise SchemeNotReady(message, seen)
    take_step(
        taking.session,
        taking.case,
        taking.event,
        held=(Guard.COMPANY_LISTED,),
        doing=taking.doing,
        context=taking.desk.context(taking.doing.by),
    )


def check_listed(company: Company) -> None:
    """Raise ``GuardsFailed`` unless the company is on the list."""
    if company.state not in ON_THE_LIST:
        raise GuardsFailed(f"不满足办理条件：{GUARDS[Guard.COMPANY_LISTED]}")


def _filed(
    session: Session, company: Company, code: str, direction: str, context: Context
) -> Filed | None:
    wanted = (code, direction)
    held = filed_occupations(session, company, context)
    return next((item for item in held if (item.code, item.direction) == wanted), None)


def _save(
    session: Session,
    case: Case,
    change: Callable[[SchemeForm], SchemeForm],
    doing: Doing,
    context: Context,
) -> None:
    form = change(form_of(case, context))
    fill_in(session, case, scheme_bytes(form), title=title_of(form), doing=doing, context=context)
