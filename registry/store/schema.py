"""The schema as a whole: all tables, and bringing a database up to this version (Alembic)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from registry.errors import HomeNotReady
from registry.store import (
    accounts,
    answers,
    audit,
    certificates,
    changes,
    holders,
    imports,
    issuer_keys,
    log,
    milestones,
    organisations,
    outbox,
    procedure,
    registers,
    uploads,
)
from registry.store.base import READ_ONLY, Base

METADATA = Base.metadata
AGGREGATES = (
    accounts,
    answers,
    audit,
    certificates,
    changes,
    holders,
    imports,
    issuer_keys,
    log,
    milestones,
    organisations,
    outbox,
    procedure,
    registers,
    uploads,
)
"""Importing them fills ``METADATA``; named here so that no aggregate is forgotten."""


class SchemaMismatch(HomeNotReady):
    """The database is of another version than this program."""

    code: ClassVar[str] = "schema-mismatch"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def migrate(engine: Engine) -> None:
    """Bring the database to this program's version; does nothing when it is there already."""
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_current(engine: Engine) -> None:
    """Raise ``SchemaMismatch`` unless the database is of this program's version."""
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    # Every command asks this: it must not wait for a batch that is being issued.
    with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != wanted:
        msg = (
            f"the database is at version {found or 'none'}, this program needs {wanted}: "
            "make a backup, then run `certreg init` in this home again"
        )
        raise SchemaMismatch(msg)
