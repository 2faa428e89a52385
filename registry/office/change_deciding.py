"""Checking, preparing, deciding and carrying out a change (核对、拟办、审批、执行): four eyes.

What was approved is done by the use cases that have always done it (`revising`, `reissuing`,
`suspending`), in the transaction of the step: new edition, print count, ledger events and upload
row stand together with the request's new state, or none of them does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, assert_never

from msgspec.structs import replace as with_changes
from sqlalchemy.orm import Session

from keys.signer import Signer
from registry.errors import AlreadyHeld, Refused
from registry.office.cases import Doing, GuardsFailed
from registry.office.change_checks import Seen, look
from registry.office.change_making import read_plan, require_sound
from registry.office.change_steps import take_step
from registry.office.changes import (
    KIND_WORDS,
    Kind,
    find_request,
    get_request,
    held_of,
    plan_of,
    seal_held,
    seal_plan,
)
from registry.office.context import Context
from registry.office.identity import Identity, Role, require
from registry.office.reasons import Reason
from registry.office.reissuing import reissue
from registry.office.revising import correct, revoke
from registry.office.states import Revised
from registry.office.suspending import reinstate, suspend
from registry.store.holders import ChangeRequest
from signing.record import PREFIX_LENGTH

PLAIN: Final = frozenset({"return", "prepare", "propose-refusal", "reject", "withdraw-approval"})
"""Steps that take a remark alone."""

_ANSWERS: Final = frozenset({"returned", "refused"})
"""States whose remark whoever asked reads as the office's answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What changes a certificate: the issuer's record key, the ledger's word that it may be used.

    ``before_signing()`` raises what forbids it; ``drawable`` says which characters can be printed.
    """

    signer: Callable[[str], Signer]
    before_signing: Callable[[], None]
    drawable: Callable[[str], bool]
    today: date
    context: Context


def check(
    session: Session,
    request_id: int,
    cause: str,
    changes: Mapping[str, str],
    doing: Doing,
    *,
    drawable: Callable[[str], bool],
    today: date,
    context: Context,
) -> None:
    """Write down what will be done, on the edition as it stands, if every check passes.

    Raises ``NotAllowed``, ``FormFaults`` with what failed, and what the engine raises.
    """
    require(doing.by, Role.CLERK)
    row = get_request(session, request_id, doing.by, lock=True)
    plan = read_plan(Kind(row.kind), cause, changes)
    row.edition = None
    seen = look(session, row, plan, by=doing.by, drawable=drawable, today=today, context=context)
    require_sound(seen)
    take_step(session, row, "check", held=seen.guards, doing=doing, context=context)
    seal_plan(row, plan, context)
    row.edition = seen.row.edition


def take(session: Session, request_id: int, event: str, doing: Doing, *, context: Context) -> None:
    """Take a step that needs a remark alone. Raises ``Refused``, and what the engine raises."""
    if event not in PLAIN:
        raise Refused("此步骤不能在本页直接办理")
    row = get_request(session, request_id, doing.by, lock=True)
    take_step(session, row, event, doing=doing, context=context)
    if row.state in _ANSWERS:
        _answer(row, doing.note.strip(), context)
    if row.state == "refused":
        row.decided_by, row.decided_at = doing.by.account_id, context.clock.now()


def approve(
    session: Session, request_id: int, doing: Doing, tools: Tools, *, now: bool = True
) -> Revised | None:
    """Approve a prepared change and, if ``now``, carry it out in this very transaction.

    Raises ``GuardsFailed`` for whoever prepared it, and for a certificate that changed since; what
    the engine raises, and what `carry_out` raises: then nothing was approved either.
    """
    require(doing.by, Role.APPROVER)
    row = get_request(session, request_id, doing.by, lock=True)
    context = tools.context
    seen = _look(session, row, doing.by, tools)
    take_step(session, row, "approve", held=seen.guards, doing=doing, context=context)
    row.decided_by, row.decided_at = doing.by.account_id, context.clock.now()
    if not now:
        return None
    following = replace(doing, version=row.version, note="")
    return _carry_out(session, row, seen, following, tools)


def carry_out(session: Session, request_id: int, doing: Doing, tools: Tools) -> Revised:
    """Carry an approved change out, by somebody of the office.

    Raises what `approve` raises, ``KeyNotActive`` and ``AlreadyHeld``.
    """
    require(doing.by, Role.CLERK, Role.APPROVER)
    row = get_request(session, request_id, doing.by, lock=True)
    return _carry_out(session, row, _look(session, row, doing.by, tools), doing, tools)


def carry_out_at_machine(
    session: Session, request_id: int, kind: Kind, number: str, tools: Tools
) -> Revised:
    """Carry an approved change out from the command line, which decides nothing itself.

    ``kind`` and ``number`` are what the operator named: another request's is ``Refused``.
    """
    row = find_request(session, request_id, lock=True)
    if (row.kind, row.number) != (kind.value, number):
        raise Refused(
            "the request that was named is about another certificate or another change: compare "
            "its number at the desk"
        )
    return _carry_out(session, row, _look(session, row, None, tools), None, tools)


def _look(session: Session, row: ChangeRequest, by: Identity | None, tools: Tools) -> Seen:
    plan = plan_of(row, tools.context)
    return look(
        session,
        row,
        plan,
        by=by,
        drawable=tools.drawable,
        today=tools.today,
        context=tools.context,
        lock=True,
    )


def _carry_out(
    session: Session, row: ChangeRequest, seen: Seen, doing: Doing | None, tools: Tools
) -> Revised:
    context = tools.context
    take_step(session, row, "carry-out", held=seen.guards, doing=doing, context=context)
    tools.before_signing()
    reason = Reason(plan_of(row, context).cause)
    try:
        done = _do(session, row, seen, reason, tools)
    except AlreadyHeld:
        raise AlreadyHeld("更正后的人员已持有同职业、同等级证书，请撤销其中一本") from None
    row.edition_made = done.edition
    said = f"{KIND_WORDS[row.kind]}已办理，证书现为第 {done.edition} 版"
    _answer(row, said, context)
    return done


def _do(session: Session, row: ChangeRequest, seen: Seen, reason: Reason, tools: Tools) -> Revised:
    kind, number, context = Kind(row.kind), row.number, tools.context
    match kind:
        case Kind.CORRECTION:
            if seen.fitting is None:
                raise GuardsFailed("更正内容未通过检查，请退回经办人重新核对")
            signer = tools.signer(number[:PREFIX_LENGTH])
            return correct(session, number, reason, seen.fitting, signer=signer, context=context)
        case Kind.REISSUE:
            signer = tools.signer(number[:PREFIX_LENGTH])
            return reissue(session, number, reason, signer=signer, context=context)
        case Kind.WITHDRAWAL:
            return revoke(session, number, reason, context=context)
        case Kind.SUSPENSION:
            return suspend(session, number, reason, context=context)
        case Kind.RESTORATION:
            return reinstate(session, number, reason, context=context)
        case _:
            assert_never(kind)


def _answer(row: ChangeRequest, said: str, context: Context) -> None:
    seal_held(row, with_changes(held_of(row, context), answer=said), context)
