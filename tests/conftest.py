"""What holds for every test: no network but loopback, one time zone, no setting from outside.

A test that reaches out would pass here and fail in an office without Internet, and would tell
strangers what is being tested. So the interpreter itself refuses, also below libraries that catch
socket errors. Programs a test starts are outside this guard.

What every office does once in its life and tests did thousands of times is kept for all of them:
compiled statements, addresses and templates, descriptions of the API, cheap key rings.
"""

from __future__ import annotations

import copy
import gc
import importlib.util
import ipaddress
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck


class NetworkClosed(BaseException):
    """A test tried to leave the machine. No `Exception`, so that no code under test swallows it."""


def _is_loopback(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str):
        return host is None
    if host in {"localhost", ""}:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _guard(event: str, args: tuple[object, ...]) -> None:
    if not event.startswith("socket."):  # the interpreter asks at every import, file and attribute
        return
    match event:
        case "socket.connect" | "socket.sendto" | "socket.sendmsg" | "socket.bind":
            # An internet address is (host, port, ...); a Unix socket's is a path, and stays here.
            address = args[1]
            if not isinstance(address, tuple) or len(address) < 2 or _is_loopback(address[0]):
                return
        case "socket.getaddrinfo" | "socket.gethostbyname" | "socket.gethostbyaddr":
            if _is_loopback(args[0]):
                return
        case _:
            return
    raise NetworkClosed(f"tests may not leave this machine: {event}")


MEMORY = Path("/dev/shm")  # noqa: S108 -- pytest makes a folder of its own in it
ENOUGH = 4 * 1024**3
"""Bytes that must be free: of the folder in memory, and of the machine's memory."""


def _fits_in_memory() -> bool:
    """Say whether the tests' files may lie in memory: a container's own 64 MB would not do."""
    try:
        folder = os.statvfs(MEMORY)
        words = Path("/proc/meminfo").read_text().split()
        free = int(words[words.index("MemAvailable:") + 1]) * 1024
    except (OSError, ValueError):
        return False
    return os.access(MEMORY, os.W_OK) and min(free, folder.f_bavail * folder.f_frsize) > ENOUGH


def pytest_configure(config: pytest.Config) -> None:
    """Close the network, fix the time zone, forget settings of the person who runs the tests."""
    sys.addaudithook(_guard)
    if "TMPDIR" not in os.environ and _fits_in_memory():
        # Each commit waits for the disk; thousands of tests wait for nothing else. What a power
        # cut leaves is shown by simulated disks, not by this one.
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    os.environ["TZ"] = "UTC"
    time.tzset()
    for name in [n for n in os.environ if n.startswith("CERTREG_")]:
        del os.environ[name]
    common = hypothesis.settings(
        # A deadline in wall time fails on a busy machine and nowhere else.
        deadline=None,
        database=None,
        # Paths made per test serve all its examples; that is meant.
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    hypothesis.settings.register_profile("dev", common, max_examples=60)
    hypothesis.settings.register_profile("ci", common, max_examples=60, derandomize=True)
    hypothesis.settings.register_profile("soak", common, max_examples=3000)
    chosen = "ci" if os.environ.get("CI") else "dev"
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", chosen))


def _hold_to_width(_mapper: Any, _connection: Any, row: Any) -> None:
    """Fail where a text is longer than its column: SQLite stores it, PostgreSQL would refuse it."""
    for column in type(row).__table__.columns:
        width = getattr(column.type, "length", None)
        value = getattr(row, column.key, None)
        if width and isinstance(value, str) and len(value) > width:
            msg = f"{column} takes {width} characters, and was given {len(value)}"
            raise AssertionError(msg)


def _make_once() -> None:
    """Let applications made one after another share the code of their addresses and templates.

    Most tests of pages make an application of their own; two thirds of that time went into
    compiling the same three hundred addresses and the same templates anew.
    """
    from flask import Flask
    from jinja2 import BytecodeCache
    from jinja2.bccache import Bucket
    from werkzeug.routing.rules import Rule

    made: dict[tuple[str, bool], Any] = {}
    compiled: dict[tuple[type, str, str], Any] = {}
    parsed: dict[tuple[Any, ...], Any] = {}
    compile_builder, parse_rule = Rule._compile_builder, Rule._parse_rule

    def builder(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults:
            return compile_builder(rule, append_unknown)
        key = rule.rule, append_unknown
        if key not in made:
            made[key] = compile_builder(rule, append_unknown)
        return made[key]

    def parse(rule: Rule, address: str) -> Any:
        assert rule.map is not None
        key = address, *rule.map.converters.values()
        if key not in parsed:
            known = len(rule._trace)
            assert not rule._converters
            parts = list(parse_rule(rule, address))
            converters = {name: _converter_of(one, None) for name, one in rule._converters.items()}
            parsed[key] = parts, rule._trace[known:], converters
            return parts
        parts, trace, converters = parsed[key]
        rule._trace += trace
        rule._converters |= {name: _converter_of(c, rule.map) for name, c in converters.items()}
        rule.arguments |= set(converters)
        return parts

    class Remembered(BytecodeCache):
        """Keeps a template's code by the kind of environment and the template's own bytes."""

        def load_bytecode(self, bucket: Bucket) -> None:
            key = type(bucket.environment), bucket.key, bucket.checksum
            bucket.code = compiled.get(key)

        def dump_bytecode(self, bucket: Bucket) -> None:
            compiled[type(bucket.environment), bucket.key, bucket.checksum] = bucket.code

    Rule._compile_builder = builder  # type: ignore[method-assign, assignment]
    Rule._parse_rule = parse  # type: ignore[method-assign]
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Remembered()}
    for name in ("registry.web.api.app", "verify_web.bulk.api"):
        if name in sys.modules:
            api: Any = sys.modules[name]
            api.document = _remembered(api.document)


def _converter_of(converter: Any, of: Any) -> Any:
    """Give the same converter of another application's addresses; of none, to be kept."""
    same = copy.copy(converter)
    same.map = of
    return same


def _remembered(work: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function whose answers are kept by its arguments: what it makes, nobody changes."""
    known: dict[tuple[Any, ...], Any] = {}

    def answer(*arguments: Any) -> Any:
        if arguments not in known:
            known[arguments] = work(*arguments)
        return known[arguments]

    return answer


def _compile_once() -> None:
    """Let all engines over databases of one kind share the statements that are compiled already.

    An office has one engine for its whole life; tests have thousands, and each compiled the same
    few hundred statements anew. A statement's key leaves out no more than in an office.
    """
    from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
    from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
    from sqlalchemy.engine import Engine
    from sqlalchemy.util import LRUCache

    # Two dialects of a kind say the same of everything: SQLAlchemy tells them apart by identity.
    kinds: tuple[Any, ...] = (SQLiteDialect_pysqlite, PGDialect_psycopg)
    for kind in kinds:
        kind.__eq__ = lambda one, other: type(one) is type(other)
        kind.__hash__ = lambda one: hash(type(one))
    compiled: LRUCache[Any, Any] = LRUCache(5000)
    set_up = Engine.__init__

    def begin(engine: Engine, *arguments: Any, **options: Any) -> None:
        set_up(engine, *arguments, **options)
        if isinstance(engine.dialect, kinds):
            engine._compiled_cache = compiled

    Engine.__init__ = begin  # type: ignore[method-assign]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Hold what the tests write to SQLite to PostgreSQL's widths, where they use the store."""
    # What was imported and collected stays to the end: let no collection of garbage walk it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    if "flask" in sys.modules:
        _make_once()
    if "sqlalchemy" in sys.modules:
        _compile_once()
    store = sys.modules.get("registry.store.base")
    if store is not None:
        from sqlalchemy import event

        for moment in ("before_insert", "before_update"):
            event.listen(store.Base, moment, _hold_to_width, propagate=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `soak` unless a marker expression asks for it."""
    if config.getoption("markexpr"):
        return
    left = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item.get_closest_marker("soak") is None]


@pytest.fixture(scope="session")
def root() -> Path:
    """Give the root of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def needs() -> Callable[..., None]:
    """Give a function that skips, with the reason, what this machine has no program or module for.

    ``needs(program="pdftotext", package="poppler-utils")``; ``needs(module="nacl", ...)``.
    """

    def check(*, program: str = "", module: str = "", package: str) -> None:
        if program and shutil.which(program) is None:
            pytest.skip(f"no program {program} on this machine; it is in {package}")
        if module and importlib.util.find_spec(module) is None:
            pytest.skip(f"no Python module {module} here; it is in {package}")

    return check


@contextmanager
def _cheaply() -> Iterator[None]:
    from argon2 import PasswordHasher

    from keys import ring
    from keys.sealed import ScryptParams
    from registry.office import passwords

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ring, "ScryptParams", partial(ScryptParams, n=1 << 4))
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patched.setattr(passwords, "HASHER", cheap)
        passwords._dummy.cache_clear()
        yield
    passwords._dummy.cache_clear()


@pytest.fixture(scope="session")
def cheap_passphrases() -> Callable[[], AbstractContextManager[None]]:
    """Give the context in which rings and accounts are made whose secret costs little to guess.

    A ring keeps what it was made with: each later opening, in a process of its own too, is cheap.
    """
    return _cheaply


@pytest.fixture(scope="session")
def driver(needs: Callable[..., None]) -> Iterator[Any]:
    """Give Playwright, which a process can start but once at a time: all browsers come from it."""
    needs(program="chromium", package="chromium")
    needs(module="playwright", package="requirements-dev.txt")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright
