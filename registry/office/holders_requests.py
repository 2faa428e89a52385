"""A holder's requests to correct or reissue (更正、补发申请): put down here, read here.

The office has ten working days (rule `certificate-correction`), which the request states. What
should be changed, why, and the paper that shows it are sealed. What the office does with it is
`change_deciding`; its holder reads where it stands, and the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.change_making import due_day
from registry.office.change_papers import Examined, paper_kind
from registry.office.change_steps import OPEN, add_event
from registry.office.changes import (
    LONGEST_REASON,
    MAY_ASK,
    Held,
    Kind,
    OpenedRequest,
    Origin,
    document_kind,
    opened,
    reference,
    seal_document,
    seal_held,
)
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.holders_certificates import own_certificate
from registry.office.holders_lines import HOLDER, holder_line
from registry.office.holders_papers import refuse_further
from registry.office.holders_sessions import holder_of
from registry.rules.changing import CHANGE
from registry.store.holders import ChangeRequest
from signing.holder_messages import Done, Request, Requested

LONGEST_VALUE: Final = 60
MOST_OPEN: Final = 5
"""Requests of one holder that wait at the same time."""

FIELDS: Final = frozenset(
    {"name", "id_number", "occupation", "direction", "level", "issued", "issuer", "photo"}
)
"""What a correction may be about: what the paper has printed on it."""

SHOWN: Final[Mapping[str, str]] = {
    "received": "received",
    "returned": "returned",
    "checked": "accepted",
    "prepared": "accepted",
    "refusal": "accepted",
    "approved": "accepted",
    "refused": "refused",
    "carried-out": "done",
}
"""What a holder is told of a state: nothing of what is proposed and not yet decided."""


class RequestRefused(Refused):
    """The request is not in form; nothing was put down."""

    code = "request-refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """Whose request it may be, about which certificate, and what is asked for."""

    id_tag: bytes
    number: str
    kind: Kind


def may_request(session: Session, ask: Request, *, context: Context) -> Allowed:
    """Say whether a request may be put down; asked first, so that no paper is looked into in vain.

    Raises ``SessionOver``, ``NotFound``, ``RequestRefused``, ``TooManyPapers``.
    """
    tag = holder_of(session, ask.session, context)
    row = own_certificate(session, tag, ask.number)
    kind = _checked(ask)
    if document_kind(ask.document) is None:
        raise RequestRefused("a document is a PDF, JPEG or PNG of at most 10 MB")
    waiting = select(ChangeRequest.request_id).where(
        ChangeRequest.id_tag == tag,
        ChangeRequest.origin == Origin.HOLDER.value,
        ChangeRequest.state.not_in(sorted(CHANGE.final)),
    )
    if len(session.scalars(waiting).all()) >= MOST_OPEN:
        raise RequestRefused("too many requests of this holder are waiting")
    if ask.document:
        refuse_further(session, tag, context)
    return Allowed(id_tag=tag, number=row.number, kind=kind)


def request(session: Session, ask: Request, paper: Examined, *, context: Context) -> Done:
    """Put a request down, with its paper as it was looked into. Raises what `may_request` does."""
    allowed = may_request(session, ask, context=context)
    today = china_day(context.clock.now())
    last, provisional = due_day(session, context)
    made = ChangeRequest(
        origin=HOLDER,
        kind=allowed.kind.value,
        number=allowed.number,
        id_tag=allowed.id_tag,
        sealed=b"",
        document=b"",
        document_kind=paper_kind(paper),
        state=CHANGE.start,
        received_on=today,
        due_from=today,
        due_on=last,
        due_provisional=provisional,
        version=1,
    )
    session.add(made)
    session.flush()
    held = Held(answer="", field=ask.field, reason=ask.reason, wanted=ask.wanted)
    seal_held(made, held, context)
    seal_document(made, paper, context)
    add_event(session, made, OPEN, made.state, actor=HOLDER, by=None, note="", context=context)
    session.add(holder_line(f"request-{allowed.kind.value}", reference(made.request_id), context))
    return Done(reference=reference(made.request_id))


def _checked(ask: Request) -> Kind:
    if ask.kind not in MAY_ASK[Origin.HOLDER]:
        raise RequestRefused("a holder asks for a correction or a reissue")
    if ask.kind == Kind.CORRECTION and (
        ask.field not in FIELDS
        or not 0 < len(ask.wanted) <= LONGEST_VALUE
        or not ask.wanted.isprintable()
    ):
        raise RequestRefused("a correction names a field and what it should be")
    if ask.kind == Kind.REISSUE and (ask.field or ask.wanted):
        raise RequestRefused("a reissue changes no field")
    plain = ask.reason.replace("\r", "").replace("\n", "")
    if not 0 < len(ask.reason) <= LONGEST_REASON or not plain.isprintable():
        raise RequestRefused("a reason takes 1 to 500 characters")
    return Kind(ask.kind)


def requests_of(session: Session, id_tag: bytes, context: Context) -> tuple[Requested, ...]:
    """Return the requests that a holder made, the newest first."""
    query = (
        select(ChangeRequest)
        .where(ChangeRequest.id_tag == id_tag, ChangeRequest.origin == Origin.HOLDER.value)
        .order_by(ChangeRequest.request_id.desc())
    )
    return tuple(_for_holder(opened(row, context)) for row in session.scalars(query))


def _for_holder(one: OpenedRequest) -> Requested:
    return Requested(
        reference=one.reference,
        number=one.row.number,
        kind=one.row.kind,
        field=one.field,
        wanted=one.wanted,
        received_on=one.row.received_on.isoformat(),
        due_on=one.row.due_on.isoformat(),
        state=SHOWN[one.row.state],
        answer=one.answer,
    )
