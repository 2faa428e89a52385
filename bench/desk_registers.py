"""The desks' registers and audit trail filled to a city's size, for the benchmark of the desks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from registry.cli.services import Services
from registry.office import registers
from registry.store.audit import AuditLine
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.registers import Expert, Occupation, RuleRow, YearNoticeRow

_LINES: Final = 5_000


def fill_registers(session: Session, services: Services, now: datetime) -> None:
    """Fill the catalogue to a whole edition's size, the pool to sixty, the rules with a few."""
    context = services.context
    known = session.execute(select(Occupation.__table__)).mappings().first()
    if known is None:
        raise SystemExit("the catalogue is empty")
    session.execute(
        insert(Occupation),
        [
            {**known, "code": f"9-{n // 100:02}-{n % 100:02}-01", "name": f"示例工种{n}"}
            for n in range(1_600)
        ],
    )
    cipher = FieldCipher(context.field_key, registers.SEALED)
    for number in range(100, 160):
        expert = Expert(
            kind="expert", label=f"ZJ-{number}", fields="车工、电工", active=True, sealed=b""
        )
        session.add(expert)
        session.flush()
        name = f"示例{number}".encode()
        expert.sealed = cipher.seal(expert.expert_id, context.random(NONCE_LENGTH), name)
    for days in range(5):
        session.add(
            RuleRow(
                kind="threshold",
                name="insured-staff",
                length=300,
                bars=True,
                basis="示例文件",
                since=now.date() - timedelta(days=days),
                made_at=now,
                made_by="approver",
            )
        )
    session.add(
        YearNoticeRow(
            year=2027, basis="示例通知", off="2027-01-01", work="", loaded_at=now, loaded_by="x"
        )
    )


def fill_audit(session: Session, count: int, now: datetime) -> None:
    """Write audit lines as the desks leave them."""
    for start in range(0, count, _LINES):
        lines = [
            {
                "at": now - timedelta(seconds=30 * (count - n)),
                "actor": f"account:editor-dl-{n % 500}",
                "action": "plan-fill-in",
                "subject": f"JH-2026-{n:05}",
                "detail": "",
                "source": "127.0.0.1",
                "result": "done",
            }
            for n in range(start, min(start + _LINES, count))
        ]
        session.execute(insert(AuditLine), lines)
