"""The application form (备案申请表): its content, and what it is judged by (notice 一, 二).

Whether what it declares is enough is answered by `registry.rules.eligibility`, from the same form
at preview and at submission.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from registry.errors import RegistryError
from registry.rules.eligibility import CompanyFacts, OccupationFacts
from registry.store.registers import Occupation
from signing.canonical import Canonical, decoder_for, encode

LEVELS_LOW_TO_HIGH: Final = "54321"


class FormDamaged(RegistryError):
    """A stored form does not have its own form: written by another version, or damaged."""

    code = "form-damaged"


class Section(StrEnum):
    """The parts of the form that are filled in one at a time."""

    COMPANY = "company"
    CONDITIONS = "conditions"
    OCCUPATIONS = "occupations"
    DOCUMENTS = "documents"


SECTION_WORDS: Final = {
    Section.COMPANY: "企业基本情况",
    Section.CONDITIONS: "申请条件",
    Section.OCCUPATIONS: "申请备案的职业（工种）",
    Section.DOCUMENTS: "申请材料",
}


class Paper(StrEnum):
    """The documents (申请材料) of a filing."""

    STAMPED = "stamped"
    LICENCE = "licence"
    INSURED = "insured"
    SITE = "site"
    MECHANISMS = "mechanisms"
    PAY_RULES = "pay-rules"
    MANAGERS = "managers"
    EXPERTS = "experts"
    ASSESSORS = "assessors"
    OTHER = "other"


PAPERS: Final[Mapping[str, str]] = {
    Paper.STAMPED: "盖章的备案申请表（扫描件）",
    Paper.LICENCE: "营业执照",
    Paper.INSURED: "职工参保证明",
    Paper.SITE: "场地、设备和工位清单",
    Paper.MECHANISMS: "技能人才培养、评价、使用、激励机制文件",
    Paper.PAY_RULES: "技能等级与岗位（职位）、薪资相挂钩的规章制度",
    Paper.MANAGERS: "专职评价工作管理人员名单",
    Paper.EXPERTS: "专家和质量督导人员名单",
    Paper.ASSESSORS: "考评人员名单及资格证明",
    Paper.OTHER: "其他材料",
}
OPTIONAL: Final = frozenset({Paper.OTHER})
REQUIRED: Final = tuple(paper for paper in Paper if paper not in OPTIONAL)


class Applied(Canonical, frozen=True, kw_only=True):
    """One occupation asked for; ``levels`` are symbols from the lowest level to the highest."""

    applicants: int
    assessors: int
    code: str
    direction: str
    edition: int
    levels: str
    name: str
    reason: str
    stations: int


class FilingForm(Canonical, frozen=True, kw_only=True):
    """The whole form. ``insured_staff`` below 0: the conditions have not been filled in."""

    address: str = ""
    contact: str = ""
    experts: int = 0
    good_standing: bool = False
    insured_staff: int = -1
    legal_person: str = ""
    main_business: str = ""
    managers: int = 0
    mechanisms: bool = False
    name: str = ""
    occupations: tuple[Applied, ...] = ()
    pay_rules: bool = False
    phone: str = ""
    registered_here: bool = False
    scope: str = ""
    supervisors: int = 0
    uscc: str = ""
    v: int = 1


_DECODER: Final = decoder_for(FilingForm)


def form_bytes(form: FilingForm) -> bytes:
    """Write the form's canonical JSON."""
    return encode(form)


def parse_form(data: bytes) -> FilingForm:
    """Read a stored form. Raises ``FormDamaged``, which quotes nothing of it."""
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise FormDamaged("申请表内容无法读取，请联系系统管理员从备份恢复") from None


def without_applied(form: FilingForm, place: int) -> FilingForm:
    """Return the form without the occupation at a place (from 0); unchanged if there is none."""
    kept = tuple(o for at, o in enumerate(form.occupations) if at != place)
    return replace(form, occupations=kept)


def unfilled(form: FilingForm) -> tuple[Section, ...]:
    """Give the sections that have not been filled in; documents are looked at by themselves."""
    return tuple(
        section
        for section, done in (
            (Section.COMPANY, bool(form.address)),
            (Section.CONDITIONS, form.insured_staff >= 0),
            (Section.OCCUPATIONS, bool(form.occupations)),
        )
        if not done
    )


def company_facts(form: FilingForm, held: Iterable[str]) -> CompanyFacts:
    """Give what the conditions are judged by; a paper condition needs its document in ``held``."""
    papers = frozenset(held)
    return CompanyFacts(
        uscc=form.uscc,
        registered_here=form.registered_here,
        good_standing=form.good_standing,
        business_scope=form.scope,
        insured_staff=max(form.insured_staff, 0),
        mechanisms=form.mechanisms and Paper.MECHANISMS in papers,
        pay_rules=form.pay_rules and Paper.PAY_RULES in papers,
        managers=form.managers if Paper.MANAGERS in papers else 0,
        experts=form.experts if Paper.EXPERTS in papers else 0,
        supervisors=form.supervisors,
    )


def occupation_facts(applied: Applied, row: Occupation | None) -> OccupationFacts:
    """Give what an occupation is judged by; ``row`` is the catalogue's of today, if any."""
    return OccupationFacts(
        code=applied.code,
        stations=applied.stations,
        assessors=applied.assessors,
        applicants=applied.applicants,
        related=bool(applied.reason),
        in_catalogue=row is not None,
        in_national_list=row is not None and row.national,
    )


def title_of(form: FilingForm) -> str:
    """Name the case by its occupations, as lists show it."""
    names = list(dict.fromkeys(o.name for o in form.occupations))
    if not names:
        return "企业备案申请"
    more = f"等 {len(names)} 个职业" if len(names) > _NAMED else ""
    return f"企业备案申请：{'、'.join(names[:_NAMED])}{more}"


_NAMED: Final = 2
