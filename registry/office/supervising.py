"""Supervision (监督): the rows of visits, yearly evaluations, faults and sanctions (七).

A row's text is sealed; a row changes as it was read, or its change is refused. Who sees which:
the office its tenants', a company its own, a supervisor the visits they were drawn for and the
faults they recorded. A visit is unannounced: the company sees it once there is a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    FromClause,
    Select,
    and_,
    bindparam,
    join,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from registry.errors import NotFound
from registry.office.cases import CaseMoved
from registry.office.context import Context
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import COMPANY_ROLES, AccountId, Identity, NotAllowed, Role
from registry.rules.standing import VISIT
from registry.rules.text import tidy
from registry.store.counters import take_range
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.procedure import Case, Company
from registry.store.reading import Records
from registry.store.registers import Expert, Supervision
from signing.canonical import Canonical, decode, decoder_for, encode

SEALED: Final = "supervisions.text"
LONGEST_TEXT: Final = 2000
LIST_AT_MOST: Final = 100
_LARGEST: Final = 64 * 1024


class Kind(StrEnum):
    """The kinds of supervision rows."""

    VISIT = "visit"
    EVALUATION = "yearly-evaluation"
    FAULT = "fault"
    DELISTING = "delisting"
    DISQUALIFICATION = "disqualification"
    REVOCATION = "revocation"


KIND_WORDS: Final = {
    Kind.VISIT: "质量督导",
    Kind.EVALUATION: "年度评估",
    Kind.FAULT: "考评人员失职记录",
    Kind.DELISTING: "移出备案名单",
    Kind.DISQUALIFICATION: "取消考评人员资格",
    Kind.REVOCATION: "撤销批次证书",
}
_LETTERS: Final = {Kind.VISIT: "DD", Kind.EVALUATION: "PG", Kind.FAULT: "SZ"}
"""督导, 评估, 失职; all others are 处理 (CL)."""

SANCTIONS: Final = frozenset({Kind.DELISTING, Kind.DISQUALIFICATION, Kind.REVOCATION})


class Stage(StrEnum):
    """Where a row stands (state)."""

    ASSIGNED = "assigned"
    REPORTED = "reported"
    ANSWERED = "answered"
    CLOSED = "closed"
    VOIDED = "voided"
    RECORDED = "recorded"
    PROPOSED = "proposed"
    UPHELD = "upheld"
    DROPPED = "dropped"


STAGE_WORDS: Final = {
    **{Stage(state): VISIT.words[state] for state in VISIT.states},
    Stage.RECORDED: "已记录",
    Stage.PROPOSED: "待审批",
    Stage.UPHELD: "已决定处理",
    Stage.DROPPED: "决定不予处理",
}
WAITING: Final = frozenset({Stage.ASSIGNED, Stage.REPORTED, Stage.ANSWERED, Stage.PROPOSED})
"""Stages in which a row waits for somebody."""

UNANNOUNCED: Final = (Stage.ASSIGNED, Stage.VOIDED)
"""Stages of a visit in which the company does not know of it."""


class Result(StrEnum):
    """What a supervisor or an evaluation found."""

    SOUND = "sound"
    TO_MEND = "to-mend"
    SERIOUS = "serious"
    PASSED = "passed"
    FAILED = "failed"


RESULT_WORDS: Final = {
    Result.SOUND: "规范",
    Result.TO_MEND: "需整改",
    Result.SERIOUS: "有严重问题",
    Result.PASSED: "合格",
    Result.FAILED: "不合格",
}
OF_VISITS: Final = (Result.SOUND, Result.TO_MEND, Result.SERIOUS)
OF_EVALUATIONS: Final = (Result.PASSED, Result.FAILED)


class Sight(Enum):
    """Which rows a person may see."""

    CITY = auto()
    DISTRICT = auto()
    COMPANY = auto()
    SUPERVISOR = auto()
    DISTRICTS_SUPERVISOR = auto()


class Text(Canonical, frozen=True, kw_only=True):
    """What people wrote, sealed: they write names. ``ground`` and ``batch`` are a sanction's.

    ``check`` is what the office found of the answer; ``earlier`` are answers that were sent back,
    each followed by why.
    """

    answer: str = ""
    batch: str = ""
    check: str = ""
    decision: str = ""
    earlier: tuple[str, ...] = ()
    ground: str = ""
    reason: str = ""
    supervisor: str = ""


_DECODER: Final = decoder_for(Text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row as a page shows it, opened. ``case`` is a visited plan's reference and id."""

    supervision_id: int
    kind: Kind
    reference: str
    company_id: int
    company: str
    case: tuple[int, str] | None
    assessor_id: int | None
    stage: Stage
    result: Result | None
    text: Text
    proposed_by: int
    proposed_at: datetime
    decided_at: datetime | None
    entered_at: datetime

    @property
    def kind_word(self) -> str:
        """The kind in words."""
        return KIND_WORDS[self.kind]

    @property
    def stage_word(self) -> str:
        """The stage in words."""
        return STAGE_WORDS[self.stage]

    @property
    def result_word(self) -> str:
        """The result in words, "" if there is none."""
        return RESULT_WORDS[self.result] if self.result else ""


def get_item(session: Session, supervision_id: int, by: Identity, context: Context) -> Item:
    """Return one row that the person may see. Raises ``NotFound``."""
    row, text = get_row(session, supervision_id, by, context)
    return _item(session, row, session.get_one(Company, row.company_id), text)


def list_items(session: Session, by: Identity, context: Context) -> tuple[Item, ...]:
    """Return the newest rows the person may see, those first that wait for somebody."""
    waiting = Supervision.state.in_([stage.value for stage in sorted(WAITING)])
    sight, values = sight_of(by)
    query = visible(sight).order_by(waiting.desc(), Supervision.supervision_id.desc())
    rows = session.execute(query.add_columns(Company).limit(LIST_AT_MOST), values)
    return tuple(_item(session, row, company, text_of(row, context)) for row, company in rows)


def visits_of(session: Session, case: Case, by: Identity) -> tuple[Supervision, ...]:
    """Return the visits to a plan that the person may know of, oldest first."""
    sight, values = sight_of(by)
    return tuple(_visits(sight).all(session, **values, case=case.case_id))


@cache
def _visits(sight: Sight) -> Records[Supervision]:
    visit = Supervision.kind == Kind.VISIT.value, Supervision.case_id == bindparam("case")
    return Records(Supervision, visible(sight).where(*visit).order_by(Supervision.supervision_id))


@cache
def _row(sight: Sight) -> Records[Supervision]:
    return Records(
        Supervision, visible(sight).where(Supervision.supervision_id == bindparam("item"))
    )


def visible(sight: Sight) -> Select[Supervision]:
    """Select the rows that there are to see."""
    query = select(Supervision).join(Company, Company.company_id == Supervision.company_id)
    return query.where(*seen(sight))


def sight_of(by: Identity) -> tuple[Sight, dict[str, Any]]:
    """Return what a person may see, with its values. Raises ``NotAllowed`` for who sees no rows."""
    if by.role is Role.ADMIN:
        raise NotAllowed("系统管理员不接触业务数据")
    if by.role in COMPANY_ROLES:
        return Sight.COMPANY, {"company": by.company_id}
    values: dict[str, Any] = {"district": by.district} if by.district else {}
    if by.role is Role.SUPERVISOR:
        sight = Sight.DISTRICTS_SUPERVISOR if by.district else Sight.SUPERVISOR
        return sight, values | {"account": by.account_id}
    return (Sight.DISTRICT if by.district else Sight.CITY), values


def seen(sight: Sight) -> tuple[ColumnElement[bool], ...]:
    """Return what rows, joined to their companies, must be for that sight."""
    district = Company.district == bindparam("district")
    match sight:
        case Sight.CITY:
            return ()
        case Sight.DISTRICT:
            return (district,)
        case Sight.COMPANY:
            announced = (Supervision.state != stage.value for stage in UNANNOUNCED)
            return Supervision.company_id == bindparam("company"), *announced
        case Sight.SUPERVISOR:
            return (_of_supervisor(),)
        case Sight.DISTRICTS_SUPERVISOR:
            return district, _of_supervisor()


def rows_of(sight: Sight) -> FromClause:
    """Return what to count such rows in: with their companies only where these decide."""
    rows: FromClause = Supervision.__table__
    if sight in (Sight.DISTRICT, Sight.DISTRICTS_SUPERVISOR):
        return join(rows, Company, Company.company_id == Supervision.company_id)
    return rows


def _of_supervisor() -> ColumnElement[bool]:
    """Select the visits of the supervisor of the pool whose account it is, and their own rows."""
    visit = Supervision.kind == Kind.VISIT.value
    mine = select(Expert.expert_id).where(Expert.account_id == bindparam("account"))
    own = Supervision.proposed_by == bindparam("account")
    return or_(and_(visit, Supervision.expert_id.in_(mine)), and_(~visit, own))


def get_row(
    session: Session, supervision_id: int, by: Identity, context: Context
) -> tuple[Supervision, Text]:
    """Return a row that the person may see, and its text. Raises ``NotFound``."""
    sight, values = sight_of(by)
    found = _row(sight).first(session, **values, item=supervision_id)
    if found is not None:
        return found, text_of(found, context)
    raise NotFound("没有此事项，或者您无权查看")


def new_row(
    kind: Kind, stage: Stage, company_id: int, *, by: AccountId, context: Context
) -> Supervision:
    """Make a row that `add_row` numbers and stores."""
    return Supervision(
        kind=kind.value,
        company_id=company_id,
        state=stage.value,
        proposed_by=by,
        proposed_at=context.clock.now(),
        entered_at=context.clock.now(),
    )


def add_row(session: Session, row: Supervision, text: Text, context: Context) -> None:
    """Store a row under the next reference of its kind, its text sealed."""
    letters = _LETTERS.get(Kind(row.kind), "CL")
    year = row.proposed_at.year
    serial = take_range(session, f"supervision:{letters}:{year}", 1, start=1)
    row.reference = f"{letters}-{year}-{serial:04}"
    session.add(row)
    # The seal is bound to the row's number, which the database gives.
    session.flush()
    row.text = _seal(row.supervision_id, text, context)
    session.flush()


def claim(
    session: Session, row: Supervision, text: Text, *, context: Context, **values: object
) -> None:
    """Change a row as it was read, or lose to whoever changed it first. Raises ``CaseMoved``.

    No two seals are alike, so the old sealed text is the version that was seen.
    """
    if values.get("state", row.state) != row.state:
        values["entered_at"] = context.clock.now()
    taken = session.execute(
        update(Supervision)
        .where(
            Supervision.supervision_id == row.supervision_id,
            Supervision.state == row.state,
            Supervision.text == row.text,
        )
        .values(text=_seal(row.supervision_id, text, context), **values)
        .execution_options(synchronize_session=False)
    )
    if not isinstance(taken, CursorResult) or taken.rowcount != 1:
        raise CaseMoved("他人已先行办理此事项，请刷新后查看")
    session.refresh(row)


def must_be(row: Supervision, stage: Stage) -> None:
    """Raise ``CaseMoved`` unless the row stands where the step begins."""
    if row.state != stage:
        raise CaseMoved(f"此事项现为“{STAGE_WORDS[Stage(row.state)]}”，不能再办理此步骤")


def written(words: str, field: str, missing: str) -> str:
    """Return what was written, tidied. Raises ``FormFaults`` if it is empty or too long."""
    plain = "\n".join(filter(None, map(tidy, words.splitlines())))
    if not plain:
        raise FormFaults([FieldFault(field=field, text=missing)])
    if len(plain) > LONGEST_TEXT:
        raise FormFaults([FieldFault(field=field, text=f"不超过 {LONGEST_TEXT} 字")])
    return plain


def _item(session: Session, row: Supervision, company: Company, text: Text) -> Item:
    case = session.get(Case, row.case_id) if row.case_id is not None else None
    return Item(
        supervision_id=row.supervision_id,
        kind=Kind(row.kind),
        reference=row.reference,
        company_id=row.company_id,
        company=company.name,
        case=(case.case_id, case.reference) if case else None,
        assessor_id=row.assessor_id,
        stage=Stage(row.state),
        result=Result(row.result) if row.result else None,
        text=text,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_at=row.decided_at,
        entered_at=row.entered_at,
    )


def _seal(row: int, text: Text, context: Context) -> bytes:
    cipher = FieldCipher(context.field_key, SEALED)
    return cipher.seal(row, context.random(NONCE_LENGTH), encode(text))


def text_of(row: Supervision, context: Context) -> Text:
    """Open a row's text. Raises ``FieldDamaged``."""
    return open_text(row.supervision_id, row.text, context)


def open_text(row: int, sealed: bytes, context: Context) -> Text:
    """Open the text of the row of that number. Raises ``FieldDamaged``."""
    plain = FieldCipher(context.field_key, SEALED).open(row, sealed)
    return decode(plain, _DECODER, limit=_LARGEST)
