"""What a home holds of requests when the machine of changes comes to it (migration 0010)."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from sqlalchemy import inspect, text

from registry.store.base import open_engine
from registry.store.schema import _config, migrate

ROW = (
    "INSERT INTO change_requests (origin, kind, number, id_tag, sealed, document, document_kind,"
    " state, received_on, due_on, due_provisional) VALUES ('holder', 'correction', 'Y', x'00',"
    " x'00', x'', '', :state, '2026-11-26', '2026-12-10', 0)"
)


def test_what_was_taken_up_waits_to_be_checked_and_the_way_back_is_open(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/r.db")
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0009")
        for state in ("received", "accepted", "refused"):
            connection.execute(text(ROW), {"state": state})
    migrate(engine)
    asked = "SELECT state, due_from, version FROM change_requests ORDER BY request_id"
    with engine.connect() as connection:
        found = connection.execute(text(asked)).all()
    day = "2026-11-26"
    assert [tuple(row) for row in found] == [
        ("received", day, 1), ("received", day, 1), ("refused", day, 1),
    ]  # fmt: skip
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0009")
    columns = {column["name"] for column in inspect(engine).get_columns("change_requests")}
    assert not columns & {"version", "plan", "edition", "edition_made", "due_from"}
    assert "change_events" not in inspect(engine).get_table_names()
    engine.dispose()
