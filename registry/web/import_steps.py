"""What is done with an import (补录的办理): decided, withdrawn, carried out.

A large one tells how far it has come: each certificate is one signature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, TypeAlias

from flask import Blueprint, redirect, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from registry.errors import AlreadyHeld
from registry.office import importing
from registry.office.cases import GuardsFailed
from registry.office.change_deciding import Tools
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.identity import Identity, Role
from registry.office.importing import find_import, require_city
from registry.office.importing_checks import NumbersHeld
from registry.office.importing_keys import KeyTooYoung
from registry.office.issuer_keys import KeyNotActive
from registry.office.told_signer import told_signers
from registry.office.unit import Desk
from registry.web.batch_scores import drawable
from registry.web.cases import doing_from_form
from registry.web.gate import OFFICE, decide, me
from registry.web.long_work import LARGE, Tell, Words, follow

Page: TypeAlias = Callable[[Desk, str, tuple[FieldFault, ...]], str]
Answer: TypeAlias = Response | tuple[str, int]
_WORDS: Final = Words(title="正在补录", english="Importing", counted="已签发（本）")
_NO_KEY: Final = "该机构的签发密钥不在有效状态，没有补录：请联系系统管理员更换密钥后再办理"
_HELD: Final = "表中有证书编号已在本系统登记，没有补录：请在检查结果中逐行核对"
_YOUNG: Final = (
    "有证书的发证日期早于该机构签发密钥的生效日期，没有补录：请联系系统管理员更换密钥后再办理"
)
_HOLDS: Final = "表中有人已持有同一职业同一等级的有效证书，没有补录：请在检查结果中逐行核对"


def add_routes(routes: Blueprint, desk: Desk, page: Page) -> None:
    """Add the routes; ``page`` renders one import with faults."""

    @routes.post("/imports/<reference>/approve")
    @decide(Role.APPROVER)
    def approve(reference: str) -> Answer:
        doing, later = doing_from_form("note-approve"), "later" in request.form
        import_id, size = _found(desk, reference)

        def act(session: Session, tools: Tools) -> object:
            return importing.approve(session, import_id, doing, tools, now=not later)

        return _acting(
            desk, page, act, reference=reference, field="note-approve", size=0 if later else size
        )

    @routes.post("/imports/<reference>/carry-out")
    @decide(of=OFFICE)
    def carry_out(reference: str) -> Answer:
        doing = doing_from_form()
        import_id, size = _found(desk, reference)

        def act(session: Session, tools: Tools) -> object:
            return importing.carry_out(session, import_id, doing, tools)

        return _acting(desk, page, act, reference=reference, field="note", size=size)

    @routes.post("/imports/<reference>/steps/<event>")
    @decide(of=OFFICE)
    def step(reference: str, event: str) -> Answer:
        doing = doing_from_form(f"note-{event}")
        import_id, _size = _found(desk, reference)

        def act(session: Session, tools: Tools) -> object:
            importing.take(session, import_id, event, doing, context=tools.context)
            return None

        return _acting(desk, page, act, reference=reference, field=f"note-{event}", size=0)


def tools_of(desk: Desk, by: Identity, size: int = 0) -> Tools:
    """Give what an import is carried out with; of ``size`` certificates the desk is told."""
    return Tools(
        signer=told_signers(desk, size) if size else desk.record_signer,
        before_signing=desk.before_signing,
        drawable=drawable,
        today=desk.today(),
        context=desk.context(by),
    )


@contextmanager
def said_to_clerks() -> Iterator[None]:
    """Say in a clerk's words what the core says in an operator's."""
    try:
        yield
    except KeyNotActive:
        raise KeyNotActive(_NO_KEY) from None
    except KeyTooYoung:
        raise KeyTooYoung(_YOUNG) from None
    except NumbersHeld:
        raise NumbersHeld(_HELD) from None
    except AlreadyHeld:
        raise AlreadyHeld(_HOLDS) from None


def _found(desk: Desk, reference: str) -> tuple[int, int]:
    """Return an import's id and how many certificates it has."""
    require_city(me(), Role.CLERK, Role.APPROVER)
    with desk.read() as session:
        row = find_import(session, reference)
        return row.import_id, row.count


def _acting(
    desk: Desk,
    page: Page,
    act: Callable[[Session, Tools], object],
    *,
    reference: str,
    field: str,
    size: int,
) -> Answer:
    """Run one step in its transaction; with its progress if it signs ``size``, which are many.

    What it refuses is said beside the remark's ``field``.
    """
    by, back = me(), f"/imports/{reference}"

    def run(tell: Tell) -> str:
        at = replace(desk, tell=tell)
        with said_to_clerks(), at.write() as session:
            act(session, tools_of(at, by, size))
        return back

    if size >= LARGE:
        return follow(run, _WORDS, back)
    try:
        return redirect(run(desk.tell), 303)
    except (FormFaults, GuardsFailed) as refused:
        return page(desk, reference, (FieldFault(field=field, text=str(refused)),)), 422
