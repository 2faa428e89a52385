"""Sign-in and the audit chain on PostgreSQL, where transactions run side by side."""

from __future__ import annotations

import secrets
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from registry.office.audit_chain import Verdict, link_audit, verify_audit
from registry.office.context import Actor, Context
from registry.office.sessions import start_session
from registry.office.totp import _seal, _totp, sign_in_by_code
from registry.store.accounts import Account
from registry.store.audit import AuditLine
from registry.store.base import open_engine, read_unit, write_unit

NOW = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)


class Clock:
    def now(self) -> datetime:
        return NOW


CONTEXT = Context(
    actor=Actor("test"),
    clock=Clock(),
    field_key=b"f" * 32,
    index_key=b"i" * 32,
    random=secrets.token_bytes,
)


@pytest.fixture
def engine(office: Any) -> Any:
    engine = open_engine(office.engine.url.render_as_string(hide_password=False))
    yield engine
    engine.dispose()


def line(subject: str) -> AuditLine:
    return AuditLine(at=NOW, actor="test", action="x", subject=subject, detail="")


def test_a_line_committed_late_is_linked_in_its_place(engine: Any) -> None:
    linked: list[Any] = []

    def link() -> None:
        with write_unit(engine) as session:
            linked.append(link_audit(session))

    other = threading.Thread(target=link)
    with write_unit(engine) as early:
        early.add(line("early"))
        early.flush()
        with write_unit(engine) as late:
            late.add(line("late"))
        other.start()
        other.join(0.3)
        # It waits: linked now, the early line would stand below the head without a link.
        assert linked == []
    other.join(10)
    with read_unit(engine) as session:
        newest = session.scalars(select(AuditLine.line_id).order_by(AuditLine.line_id.desc()))
        assert linked[0].line_id == newest.first()
        found = verify_audit(session, CONTEXT, frozenset())
    assert (found.verdict, found.unlinked) == (Verdict.INTACT, 0)


def test_of_two_who_show_one_code_at_once_one_gets_in(engine: Any) -> None:
    tokens = []
    with write_unit(engine) as session:
        account = Account(
            login="clerk",
            display=b"",
            role="clerk",
            password="!",
            password_at=NOW,
            created_at=NOW,
        )
        session.add(account)
        session.flush()
        secret = secrets.token_bytes(20)
        account.totp = _seal(account, secret, CONTEXT)
        tokens.extend(start_session(session, account, context=CONTEXT).token for _ in range(4))
    code = _totp(secret).generate(int(NOW.timestamp())).decode()
    gate, entered = threading.Barrier(4), []

    def show(token: str) -> None:
        gate.wait(10)
        with write_unit(engine) as session:
            done = sign_in_by_code(session, token, code, source="192.0.2.1", context=CONTEXT)
            entered.append(done is not None)

    threads = [threading.Thread(target=show, args=[token]) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(entered) == [False, False, False, True]
