"""A real Chromium in front of the site, in one process with it: every request is answered here.

So a test can put a lie between the two, see each request that a page makes, and set the time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from signing.qr import qr_payload, to_digits

# Read when this file is loaded: the settings of whoever runs the tests are forgotten afterwards.
SHOTS = os.environ.get("CERTREG_SHOTS")

FORGET = """async () => {
  localStorage.clear();
  for (const name of await caches.keys()) await caches.delete(name);
}"""
BASE_URL = "http://127.0.0.1:8155"
NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)


@dataclass
class Answer:
    """What goes back to the browser."""

    status: int
    headers: dict[str, str]
    body: bytes


Twist = Callable[[str, Answer], Answer]


@dataclass
class Seat:
    """One visitor: a fresh browser context whose every request is answered by `client`."""

    context: Any
    client: FlaskClient
    kept: dict[str, Answer]
    page: Any = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    twist: Twist | None = None

    def __post_init__(self) -> None:
        self.context.route("**/*", self._serve)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._hear)
        self.page.clock.set_fixed_time(NOW)

    def _hear(self, message: Any) -> None:
        # A request that is answered by 4xx or 5xx is told here too, and is meant.
        meant = ("Failed to load resource", "registration blocked by Playwright")
        if message.type in ("error", "warning") and not any(m in message.text for m in meant):
            self.errors.append(message.text)

    def _serve(self, route: Any) -> None:
        request = route.request
        parts = urlsplit(request.url)
        self.asked.append((request.method, request.url))
        assert f"{parts.scheme}://{parts.netloc}" == BASE_URL, request.url
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        answer = self.kept.get(path) or self._ask(path, request)
        if "immutable" in answer.headers.get("Cache-Control", "") or path.startswith("/static/"):
            self.kept[path] = answer
        elif self.twist is not None:
            answer = self.twist(parts.path, answer)
        headers = {k: v for k, v in answer.headers.items() if k.lower() != "content-length"}
        route.fulfill(status=answer.status, headers=headers, body=answer.body)

    def _ask(self, path: str, request: Any) -> Answer:
        # The browser keeps its cookies to itself here; the client has none of its own.
        kept = (f"{one['name']}={one['value']}" for one in self.context.cookies())
        headers = {**request.headers, "cookie": "; ".join(kept)}
        with self.client.open(
            path, method=request.method, data=request.post_data_buffer, headers=headers
        ) as got:
            return Answer(got.status_code, dict(got.headers), got.get_data())

    def settle(self, client: FlaskClient) -> None:
        """Let the next test's site answer, and forget what the last one left behind."""
        self.client, self.twist = client, None
        self.asked.clear()
        if self.page.url.startswith(BASE_URL):
            self.page.evaluate(FORGET)

    def open(self, address: str) -> str:
        """Go to an address of the site; give the word once the browser has checked."""
        # Or an address that differs from the last one in its fragment alone would load nothing.
        self.page.goto("about:blank")
        self.page.goto(BASE_URL + address)
        if self.page.locator("script").count():
            self.page.wait_for_selector("html[data-checked]", state="attached")
        return self.word

    @property
    def word(self) -> str:
        return str(self.page.locator("#state").inner_text()).split()[0]

    @property
    def tone(self) -> str:
        classes = self.page.locator("section.verdict").get_attribute("class")
        return str(classes).split()[-1]

    @property
    def by(self) -> str:
        return str(self.page.locator("#by").inner_text())

    @property
    def reasons(self) -> dict[str, str]:
        rows = self.page.locator(".checks > li").all()
        return {row.get_attribute("data-step"): row.locator(".why").inner_text() for row in rows}


@pytest.fixture(scope="session")
def chromium(driver: Any) -> Iterator[Any]:
    browser = driver.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
    )
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def place(chromium: Any) -> Iterator[Callable[..., Seat]]:
    """Give a function that finds a seat by its options: a new context for each test is slow."""
    kept: dict[str, Answer] = {}
    seats: dict[str, Seat] = {}

    def find(client: FlaskClient, **options: Any) -> Seat:
        name = repr(sorted(options.items()))
        if name not in seats:
            context = chromium.new_context(locale="zh-CN", service_workers="block", **options)
            context.set_default_timeout(10_000)
            seats[name] = Seat(context, client, kept)
        seats[name].settle(client)
        return seats[name]

    yield find
    for one in seats.values():
        one.context.close()


@pytest.fixture
def sit(place: Callable[..., Seat], world: Any) -> Iterator[Callable[..., Seat]]:
    """Give a function that seats a visitor before the site; no page may complain."""
    seats: list[Seat] = []

    def seat(**options: Any) -> Seat:
        seats.append(place(world.app().test_client(use_cookies=False), **options))
        return seats[-1]

    yield seat
    assert [error for one in seats for error in one.errors] == []


@pytest.fixture
def digits(world: Any) -> Callable[[str], str]:
    """What the QR code of a certificate's paper carries in its fragment."""

    def make(name: str) -> str:
        return to_digits(qr_payload(world.records[name], world.issuer))

    return make


@pytest.fixture(scope="session")
def shots() -> Path | None:
    """Give the folder for pictures of all pages, if any are wanted."""
    if not SHOTS:
        return None
    folder = Path(SHOTS)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
