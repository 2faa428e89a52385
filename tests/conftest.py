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


def pytest_configure(config: pytest.Config) -> None:
    """Close the network, fix the time zone, forget settings of the person who runs the tests."""
    sys.addaudithook(_guard)
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
