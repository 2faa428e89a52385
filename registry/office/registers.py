"""The pool of experts and quality supervisors (专家、质量督导员, notice 六（一）2, 六（三）4).

A name is encrypted and stands in clear only on the office's own pages; everywhere else a person
of the pool is the number they were given. Nobody is deleted, since opinions and draws name them;
whoever is out of the pool (出库) is neither asked nor drawn again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.cases import audit
from registry.office.context import Context
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity, NotAllowed, Role, require
from registry.rules.text import mask_name, tidy
from registry.store.accounts import Account
from registry.store.among import among
from registry.store.counters import take_range
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.prepared import Prepared
from registry.store.registers import Expert

SEALED: Final = "experts.sealed"
"""The place that binds a sealed name to its column."""

PAGE: Final = 20
"""People on one page of the pool."""

LONGEST_NAME: Final = 30
LONGEST_FIELDS: Final = 200


class PoolKind(StrEnum):
    """Who stands in the pool."""

    EXPERT = "expert"
    """专家"""
    SUPERVISOR = "supervisor"
    """质量督导员"""


_MEMBERS: Final = select(*Expert.__table__.columns, Account.login).outerjoin(
    Account, Account.account_id == Expert.account_id
)
_MEMBER: Final = Prepared(_MEMBERS.where(Expert.expert_id == bindparam("expert")))
_COUNTED: Final = Prepared(
    select(func.count()).select_from(Expert).where(among(Expert.kind, "kinds"))
)
KIND_WORDS: Final = {PoolKind.EXPERT: "专家", PoolKind.SUPERVISOR: "质量督导员"}
_LETTERS: Final = {PoolKind.EXPERT: "ZJ", PoolKind.SUPERVISOR: "DD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """A person to be taken into the pool; ``fields``: occupations or subjects they know."""

    kind: PoolKind
    name: str
    fields: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person of the pool as a page shows them; ``name`` is masked unless the office looks.

    ``account`` is a supervisor's login, "" while there is none.
    """

    expert_id: int
    kind: PoolKind
    label: str
    name: str
    fields: str
    active: bool
    account: str


def add_member(session: Session, new: NewMember, *, by: Identity, context: Context) -> Expert:
    """Take a person into the pool and number them. Raises ``NotAllowed``, ``FormFaults``."""
    city_office(by)
    name, fields = tidy(new.name), tidy(new.fields)
    faults = []
    if not name or len(name) > LONGEST_NAME:
        faults.append(FieldFault(field="name", text=f"请填写姓名，不超过 {LONGEST_NAME} 个字"))
    if not fields or len(fields) > LONGEST_FIELDS:
        text = f"请填写专业领域（熟悉的职业），不超过 {LONGEST_FIELDS} 个字"
        faults.append(FieldFault(field="fields", text=text))
    if faults:
        raise FormFaults(faults)
    serial = take_range(session, f"pool:{new.kind.value}", 1, start=1)
    label = f"{_LETTERS[new.kind]}-{serial:03}"
    row = Expert(kind=new.kind.value, label=label, fields=fields, active=True, sealed=b"")
    session.add(row)
    session.flush()
    cipher = FieldCipher(context.field_key, SEALED)
    row.sealed = cipher.seal(row.expert_id, context.random(NONCE_LENGTH), name.encode())
    session.add(audit(f"{new.kind.value}-add", label, by, context))
    return row


def set_active(
    session: Session, expert_id: int, *, active: bool, by: Identity, context: Context
) -> None:
    """Take a person out of the pool (出库), or back. Raises ``NotFound``, ``NotAllowed``."""
    city_office(by)
    row = session.get(Expert, expert_id, with_for_update=True)
    if row is None:
        raise NotFound("专家库中没有此人")
    if row.active == active:
        raise Refused("在库状态没有变化")
    row.active = active
    action = "restore" if active else "retire"
    session.add(audit(f"{row.kind}-{action}", row.label, by, context))


def members(
    session: Session,
    kinds: Iterable[PoolKind],
    *,
    by: Identity,
    context: Context,
    page: int | None = None,
) -> tuple[Member, ...]:
    """Return the pool by kind and number, all or a page of PAGE.

    Names are in clear for clerks and approvers alone.
    """
    place = {} if page is None else {"limit": PAGE, "offset": PAGE * (max(page, 1) - 1)}
    pool = _pool(paged=page is not None)
    return _opened(pool.named(session, kinds=_values(kinds), **place), by, context)


def count_members(session: Session, kinds: Iterable[PoolKind]) -> int:
    """Return how many the pool has."""
    return _COUNTED.one(session, kinds=_values(kinds))[0]


def get_member(session: Session, expert_id: int, *, by: Identity, context: Context) -> Member:
    """Return one person of the pool. Raises ``NotFound``."""
    found = _opened(_MEMBER.named(session, expert=expert_id), by, context)
    if not found:
        raise NotFound("专家库中没有此人")
    return found[0]


def _values(kinds: Iterable[PoolKind]) -> list[str]:
    return [kind.value for kind in kinds]


@cache
def _pool(*, paged: bool) -> Prepared[*tuple[Any, ...]]:
    query = _MEMBERS.where(among(Expert.kind, "kinds")).order_by(Expert.kind, Expert.label)
    return Prepared(query.limit(bindparam("limit")).offset(bindparam("offset")) if paged else query)


def _opened(rows: Iterable[Any], by: Identity, context: Context) -> tuple[Member, ...]:
    cipher, clear = FieldCipher(context.field_key, SEALED), by.role in (Role.CLERK, Role.APPROVER)
    found = []
    for row in rows:
        name = cipher.open(row.expert_id, row.sealed).decode()
        found.append(
            Member(
                expert_id=row.expert_id,
                kind=PoolKind(row.kind),
                label=row.label,
                name=name if clear else mask_name(name),
                fields=row.fields,
                active=row.active,
                account=row.login or "",
            )
        )
    return tuple(found)


def city_office(by: Identity) -> None:
    """Raise ``NotAllowed`` unless a clerk or approver of the city's office acts."""
    require(by, Role.CLERK, Role.APPROVER)
    if by.district:
        raise NotAllowed("专家库由市级办公室维护")
