"""Supervision (质量督导): the visits a draw made, their findings, and what the company answers.

Notice 七（一）, 七（四）. A visit belongs to the supervisor who was drawn. Their account is named
by their number in the pool, so nobody hands a drawn visit to somebody else. The company sees a
visit once there is a finding: until then it is unannounced. Evaluations and sanctions are rows of
the same table and use what stands here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from sqlalchemy import CursorResult, Select, select, update
from sqlalchemy.orm import Session

from registry.errors import NotFound, Refused
from registry.office.cases import CaseMoved, audit
from registry.office.context import Context
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import COMPANY_ROLES, AccountId, Identity, NotAllowed, Role, require
from registry.rules.text import tidy
from registry.store.counters import take_range
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.procedure import Case, Company
from registry.store.registers import Draw, Supervision
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
    RECORDED = "recorded"
    PROPOSED = "proposed"
    UPHELD = "upheld"
    DROPPED = "dropped"


STAGE_WORDS: Final = {
    Stage.ASSIGNED: "待督导",
    Stage.REPORTED: "已提交督导意见",
    Stage.ANSWERED: "企业已答复",
    Stage.RECORDED: "已记录",
    Stage.PROPOSED: "待审批",
    Stage.UPHELD: "已决定处理",
    Stage.DROPPED: "决定不予处理",
}
_HEARD: Final = frozenset({Stage.REPORTED, Stage.RECORDED, Stage.PROPOSED})
"""When the company may answer, once: also before a sanction is decided (陈述、申辩)."""


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


class Text(Canonical, frozen=True, kw_only=True):
    """What people wrote, sealed: they write names. ``ground`` and ``batch`` are a sanction's."""

    answer: str = ""
    batch: str = ""
    decision: str = ""
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


def open_visit(
    session: Session, draw: Draw, case: Case, supervisor: str, *, maker: AccountId, context: Context
) -> None:
    """Make the visit of a drawn plan; the draw's audit line speaks for it."""
    row = new_row(Kind.VISIT, Stage.ASSIGNED, case.company_id, by=maker, context=context)
    row.case_id, row.draw_id = case.case_id, draw.draw_id
    add_row(session, row, Text(supervisor=supervisor), context)


def report_visit(
    session: Session,
    supervision_id: int,
    result: Result,
    finding: str,
    *,
    by: Identity,
    context: Context,
) -> None:
    """Record what the drawn supervisor found. Raises ``NotAllowed``, ``FormFaults``, ``CaseMoved``.

    Once reported, a finding stands.
    """
    require(by, Role.SUPERVISOR)
    row, text = get_row(session, supervision_id, by, context)
    if row.kind != Kind.VISIT or not is_drawn(text, by):
        raise NotAllowed("督导意见由抽中的质量督导员填写")
    must_be(row, Stage.ASSIGNED)
    if result not in OF_VISITS:
        raise FormFaults([FieldFault(field="result", text="请选择督导结论")])
    text = msgspec.structs.replace(text, reason=written(finding, "finding", "请填写督导情况"))
    claim(
        session,
        row,
        text,
        context=context,
        state=Stage.REPORTED.value,
        result=result.value,
        decided_by=by.account_id,
        decided_at=context.clock.now(),
    )
    session.add(audit("visit-report", row.reference, by, context))


def answer(
    session: Session, supervision_id: int, words: str, *, by: Identity, context: Context
) -> None:
    """Take the company's answer, once: to a finding, an evaluation, or a proposed sanction.

    Raises ``NotAllowed``, ``Refused``, ``FormFaults``, ``CaseMoved``.
    """
    require(by, *COMPANY_ROLES)
    row, text = get_row(session, supervision_id, by, context)
    if Stage(row.state) not in _HEARD or text.answer:
        raise Refused("此事项已经答复，或者已经办结，不能再答复")
    text = msgspec.structs.replace(text, answer=written(words, "answer", "请填写答复意见"))
    state = Stage.ANSWERED.value if row.kind == Kind.VISIT else row.state
    claim(session, row, text, context=context, state=state)
    session.add(audit("supervision-answer", row.reference, by, context))


def get_item(session: Session, supervision_id: int, by: Identity, context: Context) -> Item:
    """Return one row that the person may see. Raises ``NotFound``."""
    row, text = get_row(session, supervision_id, by, context)
    return _item(session, row, session.get_one(Company, row.company_id), text)


def list_items(session: Session, by: Identity, context: Context) -> tuple[Item, ...]:
    """Return the newest rows the person may see: a company its own, a supervisor their visits.

    What waits for somebody comes first.
    """
    waiting = Supervision.state.in_([Stage.ASSIGNED.value, Stage.PROPOSED.value])
    query = visible(by).order_by(waiting.desc(), Supervision.supervision_id.desc())
    found: list[Item] = []
    for row, company in session.execute(query):
        text = _open(row, context)
        if len(found) < LIST_AT_MOST and _shows(row, text, by):
            found.append(_item(session, row, company, text))
    return tuple(found)


def visible(by: Identity) -> Select[Supervision, Company]:
    """Select the rows, with their companies, of the person's tenant."""
    query = select(Supervision, Company).join(Company, Company.company_id == Supervision.company_id)
    if by.role is Role.ADMIN:
        raise NotAllowed("系统管理员不接触业务数据")
    if by.role in COMPANY_ROLES:
        announced = Supervision.state != Stage.ASSIGNED.value
        return query.where(Supervision.company_id == by.company_id, announced)
    return query.where(Company.district == by.district) if by.district else query


def is_drawn(text: Text, by: Identity) -> bool:
    """Say whether a visit is this supervisor's: the account is named by the number in the pool."""
    return bool(text.supervisor) and by.login.lower() == text.supervisor.lower()


def get_row(
    session: Session, supervision_id: int, by: Identity, context: Context
) -> tuple[Supervision, Text]:
    """Return a row that the person may see, and its text. Raises ``NotFound``."""
    found = session.execute(
        visible(by).where(Supervision.supervision_id == supervision_id)
    ).one_or_none()
    if found is not None:
        row = found[0]
        text = _open(row, context)
        if _shows(row, text, by):
            return row, text
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


def _shows(row: Supervision, text: Text, by: Identity) -> bool:
    # A supervisor sees their own visits and the faults they recorded, nobody else's work.
    if by.role is not Role.SUPERVISOR:
        return True
    return is_drawn(text, by) if row.kind == Kind.VISIT else row.proposed_by == by.account_id


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
    )


def _seal(row: int, text: Text, context: Context) -> bytes:
    cipher = FieldCipher(context.field_key, SEALED)
    return cipher.seal(row, context.random(NONCE_LENGTH), encode(text))


def _open(row: Supervision, context: Context) -> Text:
    plain = FieldCipher(context.field_key, SEALED).open(row.supervision_id, row.text)
    return decode(plain, _DECODER, limit=_LARGEST)
