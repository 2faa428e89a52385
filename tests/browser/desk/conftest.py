"""The desks served for real on this machine, and people who use them in Chromium.

The server's clock is the test's to move: terms of working days lie between the steps. The pages
that a person comes to are looked at with axe, at a desk's and a phone's width.
`CERTREG_SHOTS=DIR pytest tests/browser/desk` leaves pictures.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from registry.cli.base import CLOCK
from registry.cli.demo_browser import Browser, DemoClock
from registry.cli.demo_play import OFFICE_NAME
from registry.cli.demo_staff import Staff
from registry.cli.demo_walk import BEGUN, Walk, with_clock
from registry.cli.desk_app import create_application
from registry.cli.home import Home, Settings
from registry.cli.services import Services
from registry.cli.setup import init_home

# Read when this file is loaded: the settings of whoever runs the tests are forgotten afterwards.
SHOTS = os.environ.get("CERTREG_SHOTS")
HOST = "127.0.0.1"
NAMED = "localhost"
"""The desks' own name: a browser gives passkeys to none that has only a number."""

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def load_beside(name: str) -> Any:
    """Load a helper module of this folder: test folders are no packages."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
    if not hasattr(module, "__loaded__"):
        spec.loader.exec_module(module)
        module.__loaded__ = True  # type: ignore[attr-defined]
    return module


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The served desks, the course of the procedure over them, and who looks at the pages.

    ``services`` keep the real time: the log is anchored by the machine's clock.
    """

    walk: Walk
    services: Services
    app: Flask
    address: str
    looker: Any
    thorough: bool


@pytest.fixture(scope="module")
def beside() -> Callable[[str], Any]:
    """Give the function that loads a helper module of this folder."""
    return load_beside


@pytest.fixture(scope="module")
def make_looker(needs: Callable[..., None]) -> Callable[..., Any]:
    """Give the maker of those who look at pages."""
    needs(program="chromium", package="chromium")
    needs(module="playwright", package="requirements-dev.txt")
    needs(module="axe_playwright_python", package="requirements-dev.txt")
    maker: Callable[..., Any] = load_beside("desk_looking").Looker
    return maker


@pytest.fixture(scope="module")
def chromium(driver: Any) -> Iterator[Any]:
    """Start one browser."""
    program = shutil.which("chromium")
    started = driver.chromium.launch(executable_path=program, args=CHROMIUM)
    yield started
    started.close()


@pytest.fixture(scope="module")
def open_stage(
    chromium: Any, make_looker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractContextManager[Stage]]:
    """Give the function that serves new desks, every person of which is at a real browser."""

    @contextmanager
    def opened(*, thorough: bool) -> Iterator[Stage]:
        home = Home(path=tmp_path_factory.mktemp("desks") / "home", environ={})
        address = "http://127.0.0.1:8000"
        init_home(home, Settings(office=OFFICE_NAME, base_url=address, database="sqlite"))
        clock = DemoClock(moment=CLOCK.now() - timedelta(days=BEGUN))
        real = Services.open(home)
        services = with_clock(real, clock)
        server = make_server(HOST, 0, lambda _environ, _start: [], threaded=True)
        base_url = f"http://{NAMED}:{server.server_port}"
        server.app = app = create_application(services, base_url, clock)
        looker = make_looker(thorough=thorough, pictures=SHOTS)
        looker.know(app.url_map.bind(NAMED))
        done = None if thorough else Counter[str]()
        helper, context = load_beside("desk_hands"), chromium.new_context(locale="zh-CN")
        screen = helper.Screen(context.new_page(), base_url)

        def browse() -> Browser:
            plain = Browser(app, base_url)
            hands: Browser = helper.Hands(screen, plain, looker=looker, done=done)
            return hands

        staff = Staff(browse=browse, clock=clock, people={})
        sheets = home.path / "sheets"
        sheets.mkdir()
        walk = Walk(services=services, staff=staff, clock=clock, sheets=sheets, step=lambda: None)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Stage(
                walk=walk,
                services=real,
                app=app,
                address=base_url,
                looker=looker,
                thorough=thorough,
            )
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    return opened


@pytest.fixture(scope="module")
def _cheap_hashes(cheap_passphrases: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    with cheap_passphrases():
        yield
