"""The desks served for real on this machine, and people who use them in Chromium.

The server's clock is the test's to move: terms of working days lie between the steps. Every page a
person comes to is looked at with axe, at a desk's and a phone's width. `CERTREG_SHOTS=DIR` leaves
pictures.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.serving import make_server

from registry.cli.base import CLOCK
from registry.cli.demo_browser import Browser, DemoClock, Page
from registry.cli.demo_cast import PRECISION
from registry.cli.demo_play import OFFICE_NAME
from registry.cli.demo_staff import Staff
from registry.cli.demo_walk import BEGUN, Walk, with_clock
from registry.cli.desk_app import create_application
from registry.cli.home import Home, Settings
from registry.cli.services import Services
from registry.cli.setup import init_home

HOST = "127.0.0.1"
WIDTHS = (1280, 390)
HEIGHT = 900
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SHOTS = os.environ.get("CERTREG_SHOTS")
WIDER = """() => document.documentElement.scrollWidth - document.documentElement.clientWidth"""
FOUND_ON = {"/occupations/starter": "/occupations/import"}
"""Forms that stand on another page than that of their own address."""

FORM = 'main form[action="{path}"]'


class Looker:
    """Looks at pages, once at each kind of page in each state for each person."""

    def __init__(self) -> None:
        from axe_playwright_python.sync_playwright import Axe

        self._axe = Axe()
        self.passed = 0
        self.seen: set[tuple[str, ...]] = set()
        self.found: list[str] = []

    def look(self, page: Any, login: str, status: int) -> None:
        path = re.sub("[0-9]+", "0", urlsplit(page.url).path)
        actions = page.eval_on_selector_all(
            "main form, main a.button", "all => all.map(one => one.action || one.pathname)"
        )
        shape = "|".join(sorted({re.sub("[0-9]+", "0", text) for text in actions}))
        # The way in looks the same to everybody.
        key = (path, "" if path.startswith("/signin") else login, str(status), shape)
        if key in self.seen:
            return
        self.seen.add(key)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            result = self._axe.run(page, options={"runOnly": {"type": "tag", "values": RULES}})
            self.passed += len(result.response["passes"])
            for one in result.response["violations"]:
                nodes = "; ".join(node["html"][:160] for node in one["nodes"][:3])
                self.found.append(f"{path} ({login}, {width}): {one['id']}: {nodes}")
            wider = page.evaluate(WIDER)
            if wider > 0:
                self.found.append(
                    f"{path} ({login}, {width}): {wider} pixels wider than the window"
                )
            if SHOTS:
                name = f"desk-{len(self.seen):03}-{width}.png"
                page.screenshot(path=str(Path(SHOTS, name)), full_page=True)
        page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})


class RealBrowser(Browser):
    """What a person does with a browser, where the demo sends requests."""

    def __init__(self, page: Any, base_url: str, looker: Looker) -> None:
        self._page, self._base, self._looker = page, base_url, looker
        self._login = "nobody"

    def get(self, path: str) -> Page:
        response = self._page.goto(self._base + path)
        assert response.status == 200, path
        return self._arrived(path, response, location="")

    def post(self, path: str, fields: Any, files: Any = ()) -> Page:
        self._find(path)
        form = self._page.locator(FORM.format(path=path)).first
        self._type(form, fields)
        for field, name, content in files:
            control = form.locator(f'input[type="file"][name="{field}"]')
            kind = "application/octet-stream"
            control.set_input_files({"name": name, "mimeType": kind, "buffer": content})
        with self._page.expect_navigation() as arrival:
            form.locator("button:not([name])").last.click()
        response = arrival.value
        sent_on = response.request.redirected_from is not None
        self._login = fields.get("login", self._login) if path == "/signin" else self._login
        return self._arrived(path, response, location=self._page.url if sent_on else "")

    def _find(self, path: str) -> None:
        """Go to where the form is, unless it is on the page that is open."""
        if self._page.locator(FORM.format(path=path)).count():
            return
        self.get(FOUND_ON.get(path) or re.sub("/steps/.*", "", path))

    def _type(self, form: Any, fields: Any) -> None:
        for name, value in fields.items():
            values = value if isinstance(value, list) else [value]
            controls = form.locator(f'[name="{name}"]:not([type="hidden"])')
            for control in controls.all():
                kind = control.evaluate("one => one.type")
                if kind in ("radio", "checkbox"):
                    control.set_checked(True) if control.get_attribute("value") in values else None
                elif kind == "select-one":
                    control.select_option(values[0])
                else:
                    control.fill(values[0])

    def _arrived(self, path: str, response: Any, *, location: str) -> Page:
        status = response.status
        self._looker.look(self._page, self._login, status)
        return Page(
            path=path,
            status=303 if location else status,
            location=urlsplit(location)._replace(scheme="", netloc="").geturl(),
            data=self._page.content().encode(),
        )


@pytest.fixture(scope="module")
def looker(needs: Callable[..., None]) -> Looker:
    needs(program="chromium", package="chromium")
    needs(module="playwright", package="requirements-dev.txt")
    needs(module="axe_playwright_python", package="requirements-dev.txt")
    return Looker()


@pytest.fixture(scope="module")
def chromium(driver: Any) -> Iterator[Any]:
    """Start one browser."""
    program = shutil.which("chromium")
    started = driver.chromium.launch(executable_path=program, args=CHROMIUM)
    yield started
    started.close()


@pytest.fixture(scope="module")
def walk(chromium: Any, looker: Looker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Give the procedure's course, every person of which is at a real browser."""

    home = Home(path=tmp_path_factory.mktemp("desks") / "home", environ={})
    init_home(
        home, Settings(office=OFFICE_NAME, base_url="http://127.0.0.1:8000", database="sqlite")
    )
    clock = DemoClock(moment=CLOCK.now() - timedelta(days=BEGUN))
    services = with_clock(Services.open(home), clock)
    server = make_server(HOST, 0, lambda _environ, _start: [], threaded=True)
    base_url = f"http://{HOST}:{server.server_port}"
    server.app = create_application(services, base_url, clock)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def browse() -> Browser:
        page = chromium.new_context(locale="zh-CN").new_page()
        page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
        return RealBrowser(page, base_url, looker)

    staff = Staff(browse=browse, clock=clock, people={})
    sheets = home.path / "sheets"
    sheets.mkdir()
    walk = Walk(services=services, staff=staff, clock=clock, sheets=sheets, step=lambda: None)
    try:
        staff.found(services)
        walk.open_registers()
        walk.admit(PRECISION)
        yield walk
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
