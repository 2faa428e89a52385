"""What the demo uses in a browser's place: cookies, forms, redirects, over the desks' real app.

No socket: the demo's days are not today, so it must hand the desks a clock of its own. Everything
else is what a browser sends and gets, refusals included; one that nobody expected ends the demo.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Final, TypeAlias

from flask import Flask
from werkzeug.test import Client
from werkzeug.wrappers import Response

from registry.errors import RegistryError

SEE_OTHER: Final = 303
_SAID: Final = 600
"""Characters of a page that tell why it is not the one that was expected."""

OK: Final = 200
REFUSED: Final = 422
_HEADERS: Final = {"Sec-Fetch-Site": "same-origin"}
_SUMMARY: Final = re.compile(r'<div class="(?:error-summary|problem).*?</div>', re.DOTALL)
_LINE: Final = re.compile(r"<li>(.*?)</li>", re.DOTALL)
_TAG: Final = re.compile(r"<[^>]*>")
_VERSION: Final = re.compile(r'name="version" value="([0-9]+)"')
_NUMBER: Final = re.compile(r"/([0-9]+)(?:/|\?|$)")

Fields: TypeAlias = Mapping[str, str | list[str]]
File: TypeAlias = tuple[str, str, bytes]
"""The form's field, the file's name, its bytes."""


class DemoStuck(RegistryError):
    """The desks answered other than the demo expects; nothing after that was done."""

    code = "demo-stuck"


@dataclass(slots=True, kw_only=True)  # not frozen: the demo moves it
class DemoClock:
    """The desks' own clock, from day to day."""

    moment: datetime

    def now(self) -> datetime:
        """Give the moment the demo has come to."""
        return self.moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer: status, where it leads to, and the page's text."""

    path: str
    status: int
    location: str
    data: bytes

    @property
    def text(self) -> str:
        """The page."""
        return self.data.decode()

    @property
    def version(self) -> str:
        """The version of the case that the page shows."""
        return self.only(_VERSION)

    @property
    def number(self) -> int:
        """The number in the address that this answer leads to."""
        found = _NUMBER.search(self.location)
        if found is None:
            raise DemoStuck(f"{self.path} leads to {self.location or 'nowhere'}")
        return int(found[1])

    @property
    def faults(self) -> list[str]:
        """The lines of the page's error summary, as text."""
        summary = "".join(_SUMMARY.findall(self.text))
        return [plain(line) for line in _LINE.findall(summary)]

    def only(self, pattern: re.Pattern[str]) -> str:
        """Return the first group of the first match."""
        found = pattern.search(self.text)
        if found is None:
            raise DemoStuck(f"{self.path} lacks what should be there: {self._said()}")
        return found[1]

    def expect(self, status: int) -> Page:
        """Return this page if it has the status. Raises ``DemoStuck`` with the page's faults."""
        if self.status != status:
            raise DemoStuck(f"{self.path}: {self.status} instead of {status}: {self._said()}")
        return self

    def _said(self) -> str:
        return "；".join(self.faults) or plain(self.text.partition("<main")[2])[:_SAID]


class Browser:
    """One person's browser at the desks of ``base_url``."""

    def __init__(self, app: Flask, base_url: str) -> None:
        self._client = Client(app, Response)
        self._base_url = base_url

    def get(self, path: str) -> Page:
        """Open a page, which must be there."""
        answer = self._client.get(path, base_url=self._base_url, headers=_HEADERS)
        return _page(path, answer).expect(OK)

    def post(self, path: str, fields: Fields, files: Iterable[File] = ()) -> Page:
        """Send a form; whatever comes of it."""
        data: dict[str, object] = dict(fields)
        for field, name, content in files:
            data[field] = (BytesIO(content), name)
        answer = self._client.post(
            path,
            base_url=self._base_url,
            headers=_HEADERS,
            data=data,
            environ_overrides={"REMOTE_ADDR": "127.0.0.1"},
        )
        return _page(path, answer)

    def send(self, path: str, fields: Fields, files: Iterable[File] = ()) -> Page:
        """Send a form that must be taken."""
        return self.post(path, fields, files).expect(SEE_OTHER)

    def fill(self, path: str, fields: Fields, files: Iterable[File] = ()) -> Page:
        """Open the page of a form, and send the form with the version that it shows."""
        version = self.get(path).version
        return self.send(path, {**fields, "version": version}, files)


def plain(text: str) -> str:
    """Return a piece of a page without its tags."""
    return " ".join(html.unescape(_TAG.sub(" ", text)).split())


def _page(path: str, answer: Response) -> Page:
    location = answer.headers.get("Location", "")
    return Page(path=path, status=answer.status_code, location=location, data=answer.get_data())
