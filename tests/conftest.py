"""What holds for every test: no network but loopback, one time zone, no setting from outside.

A test that reaches out would pass here and fail in an office without Internet, and would tell
strangers what is being tested. So the interpreter itself refuses, also below libraries that catch
socket errors. Programs a test starts are outside this guard.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
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
    compile_builder = Rule._compile_builder

    def builder(rule: Rule, append_unknown: bool = True) -> Any:
        if rule.defaults:
            return compile_builder(rule, append_unknown)
        key = rule.rule, append_unknown
        if key not in made:
            made[key] = compile_builder(rule, append_unknown)
        return made[key]

    class Remembered(BytecodeCache):
        """Keeps a template's code by the kind of environment and the template's own bytes."""

        def load_bytecode(self, bucket: Bucket) -> None:
            key = type(bucket.environment), bucket.key, bucket.checksum
            bucket.code = compiled.get(key)

        def dump_bytecode(self, bucket: Bucket) -> None:
            compiled[type(bucket.environment), bucket.key, bucket.checksum] = bucket.code

    Rule._compile_builder = builder  # type: ignore[method-assign, assignment]
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Remembered()}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Hold what the tests write to SQLite to PostgreSQL's widths, where they use the store."""
    if "flask" in sys.modules:
        _make_once()
    store = sys.modules.get("registry.store.base")
    if store is not None:
        from sqlalchemy import event

        for moment in ("before_insert", "before_update"):
            event.listen(store.Base, moment, _hold_to_width, propagate=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `soak` unless a marker expression asks for it."""
    if config.getoption("markexpr"):
        return
    kept = [i for i in items if i.get_closest_marker("soak") is None]
    config.hook.pytest_deselected(items=[i for i in items if i not in kept])
    items[:] = kept


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


@pytest.fixture(scope="session")
def driver(needs: Callable[..., None]) -> Iterator[Any]:
    """Give Playwright, which a process can start but once at a time: all browsers come from it."""
    needs(program="chromium", package="chromium")
    needs(module="playwright", package="requirements-dev.txt")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright
