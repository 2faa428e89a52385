"""What is looked at before a certificate is changed (核对): each check with its own answer.

A correction's values pass the very checks of a results row. Number, level and date of issue never
change; name and ID change only with a paper that shows it. The same checks run when the clerk
checks, when the approver decides and when the change is carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.office.certificates import current_edition, editions, open_certificate
from registry.office.changes import REASONS, Kind, Plan
from registry.office.checking import check_correction
from registry.office.context import Context
from registry.office.holders_contacts import require_seen
from registry.office.identity import Identity, NotAllowed
from registry.office.reasons import Reason
from registry.office.revising import CORRECTABLE
from registry.office.states import WAYS
from registry.rules.findings import Finding
from registry.rules.levels import level_of
from registry.rules.people import ID_TYPE_NAMES, IdType
from registry.rules.workflow import Guard
from registry.store.certificates import Certificate, CertificateState
from registry.store.fields import blind_index
from registry.store.holders import ChangeRequest
from signing.record import Record, mask_id

IDENTITY: Final = frozenset({"name", "id_type", "id_number"})
"""What says who the holder is: changed only with a paper."""

STATE_WORDS: Final[Mapping[CertificateState, str]] = {
    CertificateState.VALID: "有效",
    CertificateState.REVOKED: "已撤销",
    CertificateState.SUSPENDED: "已暂停",
    CertificateState.SUPERSEDED: "已由新版取代",
}
GOES_TO: Final[Mapping[Kind, CertificateState]] = {
    Kind.CORRECTION: CertificateState.SUPERSEDED,
    Kind.REISSUE: CertificateState.SUPERSEDED,
    Kind.WITHDRAWAL: CertificateState.REVOKED,
    Kind.SUSPENSION: CertificateState.SUSPENDED,
    Kind.RESTORATION: CertificateState.VALID,
}
_FITS: Final = "新内容符合成绩表的填写要求"
_HOLDING: Final = (CertificateState.VALID.value, CertificateState.SUSPENDED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: ``passed`` is None while it cannot be said; ``findings`` are a row check's."""

    word: str
    passed: bool | None
    detail: str = ""
    field: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The certificate as it stands, and what was found of the change.

    ``fitting`` are a correction's values in the record's own form; None while they do not pass.
    """

    row: Certificate
    record: Record
    checks: tuple[Check, ...]
    fitting: Mapping[str, str] | None

    @property
    def guards(self) -> frozenset[Guard]:
        """What of the machine's guards the checks found to hold; nothing unsaid holds."""
        proof = [one.passed for one in self.checks if one.field == "document"]
        others = [one.passed for one in self.checks if one.field != "document"]
        sound = {Guard.CHANGE_SOUND} if all(others) else set[Guard]()
        return frozenset(sound | ({Guard.IDENTITY_PROVEN} if all(proof) else set()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One line of the comparison; ``new`` is "" for what stays as it is."""

    field: str
    old: str
    new: str = ""


def look(
    session: Session,
    request: ChangeRequest,
    plan: Plan,
    *,
    by: Identity | None,
    drawable: Callable[[str], bool],
    today: date,
    context: Context,
    lock: bool = False,
) -> Seen:
    """Check ``plan`` against the certificate of ``request`` as it stands now.

    ``by`` reads the checks, so that they name no certificate that is not this person's to see;
    None is the machine. ``lock`` keeps others from changing it until the transaction ends. Raises
    ``NotFound``.
    """
    row = current_edition(session, request.number, lock=lock)
    record = open_certificate(row, context).record
    kind = Kind(request.kind)
    checks = [_state(row, kind), *_edition(row, request), _cause(kind, plan)]
    fitting: Mapping[str, str] | None = {}
    if kind is Kind.CORRECTION:
        found, fitting = _values(record, plan, drawable=drawable, today=today)
        checks += found
        if fitting:
            checks.append(_holding(session, row, fitting, by, context))
        if plan.changes:
            checks.append(_proof(plan, request))
    return Seen(row=row, record=record, checks=tuple(checks), fitting=fitting)


def sides(
    session: Session, request: ChangeRequest, plan: Plan, *, context: Context
) -> tuple[Side, ...]:
    """Set what the certificate says beside what it would say; an ID is masked unless it changes.

    Once a request is under way, the old side is the edition that was looked at. Raises
    ``NotFound``.
    """
    row = _looked_at(session, request)
    record, kind, values = open_certificate(row, context).record, Kind(request.kind), plan.values()
    fields = (*CORRECTABLE, *sorted(set(values) - set(CORRECTABLE)))
    compared = [
        Side(field=name, old=_old(record, name, values), new=values.get(name, ""))
        for name in fields
    ]
    compared += [
        Side(field="number", old=row.number),
        Side(field="level", old=level_of(row.level).printed),
        Side(field="issued", old=record.issued),
    ]
    follows = GOES_TO[kind] is CertificateState.SUPERSEDED
    edition = f"第 {row.edition + 1} 版，原版注明已由新版取代" if follows else ""
    state = "" if follows else STATE_WORDS[GOES_TO[kind]]
    compared += [
        Side(field="edition", old=f"第 {row.edition} 版", new=edition),
        Side(field="state", old=_before(request, row), new=state),
    ]
    return tuple(compared)


def _looked_at(session: Session, request: ChangeRequest) -> Certificate:
    if request.edition is None:
        return current_edition(session, request.number)
    return next(row for row in editions(session, request.number) if row.edition == request.edition)


def _before(request: ChangeRequest, row: Certificate) -> str:
    if request.state != "carried-out":
        return STATE_WORDS[CertificateState(row.state)]
    # The row has moved on since: whence it came, the ways say.
    goal = GOES_TO[Kind(request.kind)]
    return "或者".join(STATE_WORDS[state] for state in CertificateState if goal in WAYS[state])


def _old(record: Record, name: str, values: Mapping[str, str]) -> str:
    value = str(getattr(record, name, ""))
    if name == "id_type":
        return ID_TYPE_NAMES[IdType(value)]
    if name == "id_number" and name not in values:
        return mask_id(value)
    return value


def _state(row: Certificate, kind: Kind) -> Check:
    now = CertificateState(row.state)
    return Check(
        word="证书现状允许办理",
        passed=GOES_TO[kind] in WAYS[now],
        detail=f"现为第 {row.edition} 版，{STATE_WORDS[now]}",
    )


def _edition(row: Certificate, request: ChangeRequest) -> list[Check]:
    if request.edition is None:
        # Nobody has checked yet.
        return []
    same = request.edition == row.edition
    detail = "" if same else f"核对的是第 {request.edition} 版，现为第 {row.edition} 版，须重新核对"
    return [Check(word="核对后证书没有变更", passed=same, detail=detail)]


def _cause(kind: Kind, plan: Plan) -> Check:
    fits = plan.cause in {reason.value for reason in REASONS[kind]}
    detail = Reason(plan.cause).chinese if fits else "请选择变更原因"
    return Check(word="变更原因与事项相符", passed=fits or None, detail=detail, field="cause")


def _values(
    record: Record, plan: Plan, *, drawable: Callable[[str], bool], today: date
) -> tuple[list[Check], Mapping[str, str] | None]:
    values = plan.values()
    if not values:
        # Nothing was looked at, so nothing is said to be right.
        return [Check(word=_FITS, passed=None, detail="请填写更正后的内容")], None
    allowed = not set(values) - set(CORRECTABLE)
    detail = "" if allowed else "这些内容变更的属于另一本证书，不能以更正办理"
    checks = [Check(word="证书编号、等级和发证日期不变", passed=allowed, detail=detail)]
    if not allowed:
        return checks, None
    fitting, findings = check_correction(record, values, today=today, drawable=drawable)
    checks.append(
        Check(
            word=_FITS,
            passed=fitting is not None,
            findings=tuple(findings.listed),
        )
    )
    if fitting is not None:
        differs = any(getattr(record, name) != value for name, value in fitting.items())
        detail = "" if differs else "新内容与证书现有内容相同"
        checks.append(Check(word="新内容与现有内容不同", passed=differs, detail=detail))
    return checks, fitting


def _holding(
    session: Session,
    row: Certificate,
    fitting: Mapping[str, str],
    by: Identity | None,
    context: Context,
) -> Check:
    held: str | None = None
    if "id_number" in fitting:
        held = session.scalars(
            select(Certificate.number)
            .where(
                Certificate.id_tag == blind_index(context.index_key, fitting["id_number"]),
                Certificate.occupation_code == row.occupation_code,
                Certificate.level == row.level,
                Certificate.state.in_(_HOLDING),
                Certificate.number != row.number,
            )
            .limit(1)
        ).first()
    detail = _held_words(session, held, by) if held else ""
    return Check(word="更正后不与本人已有证书重复", passed=held is None, detail=detail)


def _held_words(session: Session, number: str, by: Identity | None) -> str:
    try:
        if by is not None:
            require_seen(session, number, by)
            return f"该证件号码已有同职业、同等级证书 {number}，请撤销其中一本"
    except NotAllowed:
        pass
    # Whoever tries ID numbers learns neither where that person works nor the certificate.
    return "更正后的内容不能直接办理，请联系办公室核对"


def _proof(plan: Plan, request: ChangeRequest) -> Check:
    wanted = bool(IDENTITY & set(plan.values()))
    proven = not wanted or bool(request.document_kind)
    detail = "" if proven else "姓名、证件类型和证件号码变更的，须附证明材料"
    word = "姓名、证件变更附有证明材料" if wanted else "不涉及姓名和证件，不须附证明材料"
    return Check(word=word, passed=proven, detail=detail, field="document")
