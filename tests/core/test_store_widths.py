"""No test writes a text longer than its column: what SQLite lets pass, PostgreSQL refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry.store.audit import AuditLine
from registry.store.base import Base, open_engine, write_unit


def test_a_text_longer_than_its_column_is_noticed(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/widths.db")
    Base.metadata.tables["audit_lines"].create(engine)
    now = datetime(2026, 11, 26, tzinfo=UTC)
    for width, detail in ((400, "字"), (401, "字"), (0, "")):
        line = AuditLine(at=now, actor="", action="", subject="", detail=detail * width)
        if width <= 400:
            with write_unit(engine) as session:
                session.add(line)
            continue
        said = r"audit_lines\.detail takes 400 characters, and was given 401"
        with pytest.raises(AssertionError, match=said), write_unit(engine) as session:
            session.add(line)
    engine.dispose()
