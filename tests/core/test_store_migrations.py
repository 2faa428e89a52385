"""The schema: migrations give what the models say, and the database keeps its word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.event import listen
from sqlalchemy.exc import IntegrityError, StatementError

from registry.store.audit import AuditLine
from registry.store.base import open_engine, read_unit, write_unit
from registry.store.schema import METADATA, SchemaMismatch, migrate, require_current

AT = datetime(2026, 11, 23, 2, 3, 4, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Any:
    engine = open_engine(f"sqlite:///{tmp_path}/r.db")
    yield engine
    engine.dispose()


def differences(engine: Any) -> list[Any]:
    with engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), METADATA)


def shapes(engine: Any) -> dict[str, str]:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL"))
        return {name: " ".join(sql.replace('"', "").split()) for name, sql in found}


def test_the_migrations_give_exactly_what_the_models_say(engine: Any, tmp_path: Path) -> None:
    assert differences(engine)
    migrate(engine)
    assert differences(engine) == []
    # compare_metadata does not look at partial indexes' conditions or WITHOUT ROWID.
    plain = open_engine(f"sqlite:///{tmp_path}/plain.db")
    METADATA.create_all(plain)
    ours, models = shapes(engine), shapes(plain)
    plain.dispose()
    assert ours.keys() - models.keys() == {"alembic_version"}
    partial = {name for name, sql in models.items() if " WHERE " in sql}
    assert partial == {
        "accounts_staff_number",
        "certificates_holding",
        "certificates_revoked",
        "event_groups_pending",
        "event_groups_unpublished",
        "upload_rows_batch",
        "upload_rows_owed",
        "upload_rows_refused",
        "upload_rows_upload",
    }
    assert {name: ours[name] for name in partial} == {name: models[name] for name in partial}
    for name in models:
        assert ours[name].endswith("WITHOUT ROWID") == models[name].endswith("WITHOUT ROWID")
    assert ours["event_pages"].endswith("WITHOUT ROWID")


def test_migrating_twice_is_harmless(engine: Any) -> None:
    migrate(engine)
    before = shapes(engine)
    with write_unit(engine) as session:
        session.add(AuditLine(at=AT, actor="a", action="b", subject="c", detail="d"))
    migrate(engine)
    assert shapes(engine) == before
    with read_unit(engine) as session:
        assert session.scalars(select(AuditLine)).one().actor == "a"
    require_current(engine)


def test_an_empty_database_is_refused(engine: Any) -> None:
    with pytest.raises(SchemaMismatch, match="version none") as refused:
        require_current(engine)
    assert "certreg init" in str(refused.value)
    assert inspect(engine).get_table_names() == []


def test_a_database_of_another_version_is_refused(engine: Any) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaMismatch, match="version 9999"):
        require_current(engine)


def test_every_connection_has_the_durability_the_ledger_relies_on(engine: Any) -> None:
    migrate(engine)
    with read_unit(engine) as first, read_unit(engine) as second:
        for connection in (first.connection(), second.connection()):
            pragmas = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
            assert pragmas == {
                "journal_mode": "wal",
                "synchronous": 2,
                "foreign_keys": 1,
                "busy_timeout": 30_000,
            }


def test_the_version_is_read_while_a_batch_is_being_written(engine: Any) -> None:
    migrate(engine)
    with write_unit(engine) as session:
        session.add(AuditLine(at=AT, actor="a", action="", subject="", detail=""))
        session.flush()
        # It must not wait for the writer: every command begins with it.
        impatient = open_engine(str(engine.url))
        listen(impatient, "connect", lambda dbapi, _: dbapi.execute("PRAGMA busy_timeout=0"))
        require_current(impatient)
        impatient.dispose()


def test_foreign_keys_are_enforced(engine: Any) -> None:
    migrate(engine)
    with pytest.raises(IntegrityError), write_unit(engine) as session:
        session.execute(text("INSERT INTO event_pages VALUES (77, 0, 1, x'00')"))


def test_a_reader_sees_one_moment_and_holds_up_no_writer(engine: Any) -> None:
    migrate(engine)

    def write(actor: str) -> None:
        with write_unit(engine) as session:
            session.add(AuditLine(at=AT, actor=actor, action="", subject="", detail=""))

    write("before")
    with read_unit(engine) as session:
        before = session.scalars(select(AuditLine.actor)).all()
        write("after")
        assert session.scalars(select(AuditLine.actor)).all() == before == ["before"]
    with read_unit(engine) as session:
        assert session.scalars(select(AuditLine.actor)).all() == ["before", "after"]


def test_what_fails_in_a_write_unit_leaves_nothing(engine: Any) -> None:
    migrate(engine)

    def fail(session: Any) -> None:
        session.add(AuditLine(at=AT, actor="a", action="", subject="", detail=""))
        session.flush()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), write_unit(engine) as session:
        fail(session)
    with read_unit(engine) as session:
        assert session.scalars(select(AuditLine)).all() == []


def test_times_come_back_aware_and_in_utc(engine: Any) -> None:
    migrate(engine)
    local = AT.astimezone(timezone(timedelta(hours=8)))
    with write_unit(engine) as session:
        session.add(AuditLine(at=local, actor="a", action="", subject="", detail=""))
    with read_unit(engine) as session:
        at = session.scalars(select(AuditLine.at)).one()
    assert at == AT
    assert at.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(engine: Any) -> None:
    migrate(engine)
    naive = AuditLine(at=AT.replace(tzinfo=None), actor="a", action="", subject="", detail="")
    with pytest.raises(StatementError, match="without a zone"), write_unit(engine) as session:
        session.add(naive)
