"""Loading since when numbers are seen in the national lookup (全国联网可查): a CSV, whole or not.

The centre feeds the national exchange and is told what is listed; nothing is read off the
national site. Two columns: `证书编号`, `全国联网可查日期` (YYYY-MM-DD).
"""

from __future__ import annotations

import csv
import io
import re
from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.centre.errors import VisibilityRefused
from registry.centre.store import Certificate, Visible, note
from signing.steps import CHINA
from signing.tlog.entry import format_time

HEADERS: Final = ("证书编号", "全国联网可查日期")
MAX_BYTES: Final = 32 << 20
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_SHOWN: Final = 10


def load_visible(session: Session, data: bytes, *, who: str, now: datetime) -> int:
    """Keep the days of a CSV's bytes; return how many are new.

    A day that is known already stays: visible since is the first. Raises VisibilityRefused with
    the lines at fault, and then keeps nothing.
    """
    today = now.astimezone(CHINA).date()
    wanted: dict[str, str] = {}
    faults: list[str] = []
    for line, (number, day) in enumerate(_rows(data), 2):
        fault = _fault(session, number, day, today)
        if fault or wanted.setdefault(number, day) != day:
            faults.append(f"第 {line} 行：{fault or '与前面的行不同 (differs from a line above)'}")
    if faults:
        more = f"；共 {len(faults)} 行" if len(faults) > _SHOWN else ""
        raise VisibilityRefused("；".join(faults[:_SHOWN]) + more)
    new = [number for number in wanted if not _known(session, number)]
    for number in new:
        found = session.get_one(Certificate, number)
        session.add(Visible(number=number, city=found.city, seen_on=wanted[number]))
    note(
        session,
        at=format_time(now),
        who=who,
        what="visible",
        subject=f"{len(wanted)} rows",
        outcome=f"{len(new)} new",
    )
    return len(new)


def _known(session: Session, number: str) -> bool:
    return session.scalar(select(Visible.id).where(Visible.number == number)) is not None


def _rows(data: bytes) -> list[tuple[str, str]]:
    if len(data) > MAX_BYTES:
        raise VisibilityRefused(f"文件超过 {MAX_BYTES} 字节 (the file is too long)")
    try:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise VisibilityRefused("不是 UTF-8 的 CSV 文件 (no CSV in UTF-8)") from None
    if not lines or tuple(lines[0]) != HEADERS:
        raise VisibilityRefused(f"第一行应为 {','.join(HEADERS)} (the heading differs)")
    rows = [line for line in lines[1:] if line]
    if any(len(row) != len(HEADERS) for row in rows):
        raise VisibilityRefused("每行应有两列 (each line has two columns)")
    return [(row[0].strip(), row[1].strip()) for row in rows]


def _fault(session: Session, number: str, day: str, today: date) -> str:
    if session.get(Certificate, number) is None:
        return "省中心没有接收过这个编号 (no such number here)"
    try:
        seen = date.fromisoformat(day) if _DAY.fullmatch(day) else None
    except ValueError:
        seen = None
    if seen is None:
        return "日期应为 YYYY-MM-DD (no day)"
    return "日期在今天之后 (a day to come)" if seen > today else ""
