"""The assessors (考评人员) of a company: who they are, what they may assess, until when.

Notice 一（六）: at least three for each occupation; 七（三）: a violation, or two faults, takes the
qualification away. Name, ID and certificate are sealed; the ID's tag finds the person again, so
that nobody assesses in a plan in which they are assessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import CursorResult, bindparam, or_, select, update
from sqlalchemy.orm import Session

from registry.errors import NotFound
from registry.office.assessor_entry import (
    WORDS,
    AssessorEntry,
    ReadEntry,
    read_entry,
    read_scope,
)
from registry.office.cases import CaseMoved, GuardsFailed, audit
from registry.office.context import Context
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import COMPANY_ROLES, Identity, NotAllowed
from registry.office.kept import once
from registry.office.persons import is_other_person
from registry.rules.standing import ASSESSOR
from registry.rules.text import mask_id, mask_name, tidy
from registry.rules.workflow import GUARDS, Actor, Guard
from registry.store.fields import NONCE_LENGTH, FieldCipher, blind_index
from registry.store.prepared import Prepared
from registry.store.procedure import Company
from registry.store.registers import Assessor
from signing.canonical import Canonical, decode, decoder_for, encode

SEALED: Final = "assessors.sealed"
_LARGEST: Final = 4096


class _Sealed(Canonical, frozen=True, kw_only=True):
    certificate: str
    id_number: str
    id_type: str
    name: str


_DECODER: Final = decoder_for(_Sealed)
_OF_COMPANY: Final = Prepared(
    select(*Assessor.__table__.columns, Company.name.label("company"))
    .join(Company, Company.company_id == Assessor.company_id)
    .where(Assessor.company_id == bindparam("company"))
    .order_by(Assessor.assessor_id)
)
_STRUCK_OFF: Final = Prepared(
    select(Assessor.id_tag).where(or_(*(Assessor.state == one for one in sorted(ASSESSOR.final))))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessorView:
    """One assessor in clear, with the masked forms that lists show."""

    assessor_id: int
    company_id: int
    company: str
    version: int
    name: str
    id_type: str
    id_number: str
    id_tag: bytes
    occupations: tuple[str, ...]
    certificate: str
    valid_until: date
    state: str
    struck_off: bool
    """Whether this person has been disqualified, in this company or in another."""

    @property
    def masked_name(self) -> str:
        """The name as lists show it."""
        return mask_name(self.name)

    @property
    def masked_id(self) -> str:
        """The ID number as pages show it."""
        return mask_id(self.id_number)

    @property
    def state_word(self) -> str:
        """The state in words."""
        return ASSESSOR.words[self.state]


def unfit(view: AssessorView, *, code: str, last_day: date) -> str:
    """Say why an assessor may not assess an occupation until a day; "" if they may."""
    if view.struck_off:
        return "已取消考评人员资格（七（三））"
    if code not in view.occupations:
        return f"考评范围不含职业 {code}"
    if view.valid_until < last_day:
        return f"资格有效期至 {view.valid_until}，早于评价最后一天 {last_day}"
    return ""


def add_assessor(
    session: Session, entry: AssessorEntry, *, by: Identity, context: Context, today: date
) -> int:
    """Register an assessor of one's own company; return the id. Raises ``FormFaults``."""
    company_id = _own_company(by)
    read, faults = read_entry(entry, today)
    if read is not None:
        faults += _person_faults(session, company_id, read, context)
    if read is None or faults:
        raise FormFaults(faults)
    number = _add(session, company_id, read, context)
    session.add(audit("assessor-add", f"assessor:{number}", by, context))
    return number


def import_assessors(
    session: Session,
    rows: Iterable[tuple[int, AssessorEntry]],
    *,
    by: Identity,
    context: Context,
    today: date,
) -> int:
    """Register all assessors of a table, or nobody; return how many.

    Raises ``FormFaults`` with every fault of every row, its row in the text.
    """
    company_id = _own_company(by)
    faults: list[FieldFault] = []
    people: dict[str, ReadEntry] = {}
    for row, entry in rows:
        read, wrong = read_entry(entry, today)
        if read is not None:
            wrong += _person_faults(session, company_id, read, context)
            if read.id_number in people:
                wrong.append(FieldFault(field="id_number", text="与前面某行是同一人，请删除"))
            people[read.id_number] = read
        faults += (
            FieldFault(field="file", text=f"第 {row} 行「{WORDS[fault.field]}」：{fault.text}")
            for fault in wrong
        )
    if not people and not faults:
        faults.append(FieldFault(field="file", text="表中没有人员，请逐行填写后重新上传"))
    if faults:
        raise FormFaults(faults)
    for read in people.values():
        _add(session, company_id, read, context)
    session.add(audit("assessor-import", f"company:{company_id}", by, context))
    return len(people)


def amend_assessor(
    session: Session,
    assessor_id: int,
    entry: AssessorEntry,
    *,
    version: int,
    by: Identity,
    context: Context,
    today: date,
) -> None:
    """Change scope, certificate and validity; the person stays who they are.

    Raises ``FormFaults``, ``CaseMoved``, ``NotFound``.
    """
    row = _row(session, assessor_id)
    if row is None or row.company_id != _own_company(by):
        raise NotFound("没有此考评人员，或者您无权查看")
    occupations, faults = read_scope(entry, today)
    if faults:
        raise FormFaults(faults)
    _claim(session, row, version)
    kept = _open(row, context)
    plain = _Sealed(
        certificate=tidy(entry.certificate),
        id_number=kept.id_number,
        id_type=kept.id_type,
        name=kept.name,
    )
    row.sealed = _seal(row.assessor_id, plain, context)
    row.occupations = " ".join(occupations)
    if entry.valid_until is not None:
        row.valid_until = entry.valid_until
    session.add(audit("assessor-amend", f"assessor:{assessor_id}", by, context))


def move_assessor(
    session: Session,
    assessor_id: int,
    event: str,
    *,
    by: Identity,
    version: int,
    note: str,
    proposed_by: int | None,
    context: Context,
) -> None:
    """Take a step of the assessor's machine; ``proposed_by`` is the account that proposed it.

    The reason is kept by whoever decides (a supervision's text). Raises ``ForbiddenStep``,
    ``GuardsFailed``, ``CaseMoved``, ``NotFound``.
    """
    row = _visible(session, assessor_id, by)
    actors = [actor for actor in Actor if by.acts_as(actor)]
    step = ASSESSOR.step_by(row.state, actors, event)
    held = {Guard.REASON_GIVEN} if note.strip() else set[Guard]()
    if proposed_by is not None and is_other_person(session, proposed_by, by):
        held.add(Guard.OTHER_PERSON)
    missing = [GUARDS[guard] for guard in step.guards if guard not in held]
    if missing:
        raise GuardsFailed("不满足办理条件：" + "；".join(missing))
    _claim(session, row, version)
    row.state = step.to
    row.faults += event == "record-fault"
    session.add(audit(f"assessor-{event}", f"assessor:{assessor_id}", by, context))


def get_assessor(
    session: Session, assessor_id: int, by: Identity, context: Context
) -> AssessorView:
    """Return one assessor whom the person may see. Raises ``NotFound``."""
    row = _visible(session, assessor_id, by)
    company = session.get_one(Company, row.company_id)
    return next(views_of([(row, company.name)], struck_off(session), context))


def assessors_of(session: Session, company_id: int, context: Context) -> tuple[AssessorView, ...]:
    """Return a company's assessors, for a use case that has decided who may ask."""

    def read() -> tuple[AssessorView, ...]:
        rows = _OF_COMPANY.named(session, company=company_id)
        return tuple(views_of(((row, row.company) for row in rows), struck_off(session), context))

    return once(session, ("assessors", company_id), read)


def _own_company(by: Identity) -> int:
    if by.role not in COMPANY_ROLES or by.company_id is None:
        raise NotAllowed("考评人员由其所在企业登记")
    return by.company_id


def _row(session: Session, assessor_id: int) -> Assessor | None:
    return session.get(Assessor, assessor_id)


def _visible(session: Session, assessor_id: int, by: Identity) -> Assessor:
    row = _row(session, assessor_id)
    company = session.get(Company, row.company_id) if row else None
    if row is None or company is None:
        raise NotFound("没有此考评人员，或者您无权查看")
    if not by.sees(company_id=company.company_id, district=company.district):
        raise NotFound("没有此考评人员，或者您无权查看")
    return row


def _person_faults(
    session: Session, company_id: int, read: ReadEntry, context: Context
) -> list[FieldFault]:
    tag = blind_index(context.index_key, read.id_number)
    query = select(Assessor.assessor_id).where(
        Assessor.company_id == company_id, Assessor.id_tag == tag
    )
    if session.scalar(query) is not None:
        text = "此人已登记为本企业考评人员，请在名单中修改"
    elif tag in struck_off(session):
        # Who was struck off at one company does not come back at another.
        text = "此人已被取消考评人员资格，不能登记（七（三））"
    else:
        return []
    return [FieldFault(field="id_number", text=text)]


def _add(session: Session, company_id: int, read: ReadEntry, context: Context) -> int:
    row = Assessor(
        company_id=company_id,
        id_tag=blind_index(context.index_key, read.id_number),
        occupations=" ".join(read.occupations),
        valid_until=read.valid_until,
        state=ASSESSOR.start,
        sealed=b"",
    )
    session.add(row)
    # The seal is bound to the row's number, which the database gives.
    session.flush()
    plain = _Sealed(
        certificate=read.certificate,
        id_number=read.id_number,
        id_type=read.id_type.value,
        name=read.name,
    )
    row.sealed = _seal(row.assessor_id, plain, context)
    return row.assessor_id


def _claim(session: Session, row: Assessor, version: int) -> None:
    taken = session.execute(
        update(Assessor)
        .where(Assessor.assessor_id == row.assessor_id, Assessor.version == version)
        .values(version=Assessor.version + 1)
        .execution_options(synchronize_session=False)
    )
    if not isinstance(taken, CursorResult) or taken.rowcount != 1:
        raise CaseMoved("他人已修改此考评人员的登记，请刷新后再办理")
    session.refresh(row, ["version"])


def struck_off(session: Session) -> frozenset[bytes]:
    """Return the ID tags of all who have been disqualified anywhere."""
    return once(
        session, "struck-off", lambda: frozenset(tag for (tag,) in _STRUCK_OFF.all(session))
    )


def views_of(
    rows: Iterable[tuple[Any, str]], struck: frozenset[bytes], context: Context
) -> Iterator[AssessorView]:
    """Open rows, each an assessor's columns with the company's name."""
    cipher = FieldCipher(context.field_key, SEALED)
    for row, company in rows:
        plain = cipher.open(row.assessor_id, row.sealed)
        kept = decode(plain, _DECODER, limit=_LARGEST)
        yield AssessorView(
            assessor_id=row.assessor_id,
            company_id=row.company_id,
            company=company,
            version=row.version,
            name=kept.name,
            id_type=kept.id_type,
            id_number=kept.id_number,
            id_tag=row.id_tag,
            occupations=tuple(row.occupations.split()),
            certificate=kept.certificate,
            valid_until=row.valid_until,
            state=row.state,
            struck_off=row.id_tag in struck,
        )


def _seal(row: int, plain: _Sealed, context: Context) -> bytes:
    cipher = FieldCipher(context.field_key, SEALED)
    return cipher.seal(row, context.random(NONCE_LENGTH), encode(plain))


def _open(row: Assessor, context: Context) -> _Sealed:
    plain = FieldCipher(context.field_key, SEALED).open(row.assessor_id, row.sealed)
    return decode(plain, _DECODER, limit=_LARGEST)
