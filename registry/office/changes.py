"""Requests to change a certificate (变更申请): their words, what is sealed of them, who sees which.

What was asked for (`Held`) stays as it came; what the office will do (`Plan`) is written by the
clerk who checks. Both may name the person and are sealed. The office sees its district's, a
company those it made itself; a holder's request is between the holder and the office.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import NotFound
from registry.office.context import Context
from registry.office.holders_contacts import require_seen
from registry.office.identity import COMPANY_ROLES, Identity, NotAllowed, Role, require
from registry.office.reasons import (
    CORRECTING,
    REINSTATING,
    REISSUING,
    REVOKING,
    SUSPENDING,
    Reason,
)
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.holders import ChangeRequest
from signing import holder_messages
from signing.canonical import Canonical, decode, decoder_for, encode

SEALED: Final = "change_requests.sealed"
PLAN: Final = "change_requests.plan"
DOCUMENT: Final = "change_requests.document"
LONGEST_REASON: Final = holder_messages.LONGEST_REASON
MOST_DOCUMENT: Final = holder_messages.MOST_DOCUMENT
"""Bytes of the paper that comes with a request."""

_LARGEST: Final = 16_384
_DIGITS: Final = 9
_MAGIC: Final = tuple(zip(holder_messages.DOCUMENT_MAGIC, ("pdf", "jpg", "png"), strict=True))

RequestRow: TypeAlias = ChangeRequest
"""A request as pages are handed it: they do not import the store."""


class Kind(StrEnum):
    """What is asked for."""

    CORRECTION = "correction"
    """信息更正"""
    REISSUE = "reissue"
    """补发"""
    WITHDRAWAL = "withdrawal"
    """撤销"""
    SUSPENSION = "suspension"
    """暂停"""
    RESTORATION = "restoration"
    """恢复"""


class Origin(StrEnum):
    """Who asks."""

    HOLDER = "holder"
    COMPANY = "company"
    OFFICE = "office"


KIND_WORDS: Final[Mapping[str, str]] = {
    Kind.CORRECTION: "信息更正",
    Kind.REISSUE: "补发",
    Kind.WITHDRAWAL: "撤销",
    Kind.SUSPENSION: "暂停",
    Kind.RESTORATION: "恢复",
}
ORIGIN_WORDS: Final[Mapping[str, str]] = {
    Origin.HOLDER: "持证人",
    Origin.COMPANY: "企业",
    Origin.OFFICE: "办公室",
}
MAY_ASK: Final[Mapping[Origin, frozenset[Kind]]] = {
    Origin.HOLDER: frozenset({Kind.CORRECTION, Kind.REISSUE}),
    Origin.COMPANY: frozenset({Kind.CORRECTION, Kind.REISSUE, Kind.WITHDRAWAL}),
    Origin.OFFICE: frozenset(Kind),
}
REASONS: Final[Mapping[Kind, frozenset[Reason]]] = {
    Kind.CORRECTION: CORRECTING,
    Kind.REISSUE: REISSUING,
    Kind.WITHDRAWAL: REVOKING,
    Kind.SUSPENSION: SUSPENDING,
    Kind.RESTORATION: REINSTATING,
}
"""The reasons that stand in the public leaf, by what is done."""


class Held(Canonical, frozen=True, kw_only=True):
    """What was asked, and the office's answer to whoever asked."""

    answer: str
    field: str
    reason: str
    wanted: str


class Plan(Canonical, frozen=True, kw_only=True):
    """What the office will do: the reason's code, and field and value as they shall stand."""

    cause: str
    changes: tuple[tuple[str, str], ...] = ()

    def values(self) -> dict[str, str]:
        """Give the changes by field."""
        return dict(self.changes)


_HELD: Final = decoder_for(Held)
_PLAN: Final = decoder_for(Plan)
EMPTY: Final = Plan(cause="")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRequest:
    """A request in clear; all but ``row`` may name the person."""

    row: ChangeRequest
    field: str
    wanted: str
    reason: str
    answer: str
    plan: Plan

    @property
    def reference(self) -> str:
        """Its number on papers and pages."""
        return reference(self.row.request_id)


def reference(request_id: int) -> str:
    """Give a request's number: R-000012."""
    return f"R-{request_id:06}"


def request_id_of(text: str) -> int:
    """Read a request's number as it is typed. Raises ``NotFound``."""
    digits = text.strip().upper().removeprefix("R-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS):
        raise NotFound("没有这件申请：申请编号如 R-000012")
    return int(digits)


def find_request(session: Session, request_id: int, *, lock: bool = False) -> ChangeRequest:
    """Return a request, whoever asks. Raises ``NotFound``."""
    query = select(ChangeRequest).where(ChangeRequest.request_id == request_id)
    row = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("没有这件申请")
    return row


def get_request(
    session: Session, request_id: int, by: Identity, *, lock: bool = False
) -> ChangeRequest:
    """Return a request that the person may see. Raises ``NotAllowed``, ``NotFound``."""
    require(by, Role.CLERK, Role.APPROVER, *COMPANY_ROLES)
    row = find_request(session, request_id, lock=lock)
    if by.role in COMPANY_ROLES and row.origin != Origin.COMPANY:
        raise NotAllowed("该申请不是本企业提出的")
    require_seen(session, row.number, by)
    return row


def opened(row: ChangeRequest, context: Context) -> OpenedRequest:
    """Open a request. Raises ``FieldDamaged`` for one that was changed or moved."""
    held = held_of(row, context)
    return OpenedRequest(
        row=row,
        field=held.field,
        wanted=held.wanted,
        reason=held.reason,
        answer=held.answer,
        plan=plan_of(row, context),
    )


def held_of(row: ChangeRequest, context: Context) -> Held:
    """Open what was asked."""
    plain = FieldCipher(context.field_key, SEALED).open(row.request_id, row.sealed)
    return decode(plain, _HELD, limit=_LARGEST)


def plan_of(row: ChangeRequest, context: Context) -> Plan:
    """Open what will be done; ``EMPTY`` while nobody has written it."""
    if not row.plan:
        return EMPTY
    plain = FieldCipher(context.field_key, PLAN).open(row.request_id, row.plan)
    return decode(plain, _PLAN, limit=_LARGEST)


def seal_held(row: ChangeRequest, held: Held, context: Context) -> None:
    """Put what was asked, or the answer to it, into the row."""
    row.sealed = _seal(SEALED, row.request_id, encode(held), context)


def seal_plan(row: ChangeRequest, plan: Plan, context: Context) -> None:
    """Put what will be done into the row."""
    row.plan = _seal(PLAN, row.request_id, encode(plan), context)


def seal_document(row: ChangeRequest, data: bytes, context: Context) -> None:
    """Put the paper into the row; its kind must have been found by `document_kind`."""
    row.document = _seal(DOCUMENT, row.request_id, data, context) if data else b""


def open_document(
    session: Session, request_id: int, by: Identity, *, context: Context
) -> tuple[str, bytes]:
    """Return a request's document and its kind (pdf, jpg, png). Raises ``NotFound`` for none."""
    row = get_request(session, request_id, by)
    if not row.document_kind:
        raise NotFound("该申请没有附材料")
    cipher = FieldCipher(context.field_key, DOCUMENT)
    return row.document_kind, cipher.open(row.request_id, row.document)


def document_kind(data: bytes) -> str | None:
    """Say what a paper is: pdf, jpg or png, "" for none; None for what is not taken."""
    if not data:
        return ""
    if len(data) > MOST_DOCUMENT:
        return None
    return next((name for magic, name in _MAGIC if data.startswith(magic)), None)


def _seal(place: str, row: int, plain: bytes, context: Context) -> bytes:
    return FieldCipher(context.field_key, place).seal(row, context.random(NONCE_LENGTH), plain)
