"""A person at Chromium, where the demo's people send requests: pages opened, forms filled, clicked.

Unless everything is to be clicked, each kind of page is opened and each kind of form is clicked
once; again it goes as a plain request of the same session, of which a browser shows nothing new.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from registry.cli.demo_browser import OK, SEE_OTHER, Browser, Fields, File, Page

TWICE = {"/filings/0/company", "/filings/0/check"}
"""Forms that are clicked again: what was returned is corrected and sent in once more."""

FOUND_ON = (
    ("/occupations/starter", "/occupations/import"),
    ("(/batches/[0-9]+)/objections.*", r"\1/publicity"),
    ("(/cases/[0-9]+)/steps/.*", r"\1"),
    ("(/supervision(?:/draws)?/[0-9]+)/[a-z]+", r"\1"),
)
"""Forms that stand on another page than that of their own address."""

FORM = 'main form[action="{path}"]'
CONTROLS = """form => [...form.elements].filter(one => one.name && one.type != "hidden").map(
    one => [one.name, one.type, one.value])"""


class Screen:
    """The one Chromium page that all persons use in turn, each with their own session's cookie."""

    def __init__(self, page: Any, base_url: str) -> None:
        self.page, self.base_url = page, base_url
        self.person: Hands | None = None

    def give(self, person: Hands, cookie: str) -> bool:
        """Give the page to a person; return whether it was somebody else's."""
        if self.person is person:
            return False
        self.person = person
        self.page.context.clear_cookies()
        self.keep(cookie)
        return True

    def keep(self, cookie: str) -> None:
        """Keep a session's cookie."""
        if cookie:
            kept = {"name": "desk", "value": cookie, "url": self.base_url}
            self.page.context.add_cookies([kept])

    def cookie(self) -> str:
        """Return the cookie that is kept now."""
        kept = {one["name"]: one["value"] for one in self.page.context.cookies()}
        return str(kept.get("desk", ""))


class Hands(Browser):
    """One person: at the screen, and with a plain client of the same session."""

    def __init__(
        self, screen: Screen, plain: Browser, *, looker: Any, done: Counter[str] | None
    ) -> None:
        self.page, self._screen, self._plain = screen.page, screen, plain
        self._looker, self._done = looker, done
        self._login, self._cookie, self._stale = "nobody", "", False

    def get(self, path: str) -> Page:
        if self._known(f"GET {self._looker.shape(path)}", 1):
            return self._plainly(lambda: self._plain.get(path))
        return self.open(path)

    def open(self, path: str, status: int | None = OK) -> Page:
        """Open a page in Chromium, whatever was opened before; None: whatever comes of it."""
        self._screen.give(self, self._cookie)
        response = self.page.goto(self._screen.base_url + path)
        assert status in (None, response.status), (path, response.status)
        return self._arrived(path, response, location="")

    def post(self, path: str, fields: Fields, files: Iterable[File] = ()) -> Page:
        kind = self._looker.shape(path)
        files = list(files)
        if self._known(f"POST {kind}", 2 if kind in TWICE else 1):
            if path == "/signin":
                self._login = str(fields["login"])
            return self._plainly(lambda: self._plain.post(path, fields, files))
        form = self._find(path)
        self._type(form, fields)
        for file in files:
            self.choose(*file)
        self._login = str(fields.get("login", self._login)) if path == "/signin" else self._login
        return self.click(path)

    def choose(self, field: str, name: str, content: bytes) -> None:
        """Choose a file on the open page."""
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        self.page.locator(f'main input[type="file"][name="{field}"]').set_input_files(file)

    def download(self, path: str) -> bytes:
        """Take a file that a route gives in the place of a page."""
        answer = self._plain._client.get(path, base_url=self._screen.base_url)
        assert answer.status_code == OK, path
        assert answer.mimetype != "text/html", path
        assert "attachment" in answer.headers["Content-Disposition"], path
        self._looker.taken.add(self._looker.route(path))
        return bytes(answer.get_data())

    def fill_in(self, path: str, fields: Fields) -> None:
        """Fill in a form on the open page without sending it."""
        self._type(self.page.locator(FORM.format(path=path)).first, fields)

    def click(self, path: str) -> Page:
        """Press the last button of a form on the open page."""
        form = self.page.locator(FORM.format(path=path)).first
        with self.page.expect_navigation() as arrival:
            form.locator("button:not([name])").last.click()
        response = arrival.value
        sent_on = response.request.redirected_from is not None
        return self._arrived(path, response, location=self.page.url if sent_on else "")

    def _known(self, kind: str, times: int) -> bool:
        if self._done is None:
            return False
        self._done[kind] += 1
        return self._done[kind] > times

    def _find(self, path: str) -> Any:
        """Go to where the form is, unless it is on the page that is open."""
        form = self.page.locator(FORM.format(path=path))
        elsewhere = self._screen.give(self, self._cookie)
        if elsewhere or self._stale or not form.count():
            for pattern, page in FOUND_ON:
                path = re.sub(f"^{pattern}$", page, path)
            self.open(path)
        return form.first

    def _type(self, form: Any, fields: Fields) -> None:
        for name, kind, value in form.evaluate(CONTROLS):
            if name not in fields:
                continue
            given = fields[name]
            values = given if isinstance(given, list) else [given]
            control = form.locator(f'[name="{name}"]:not([type="hidden"])')
            if kind in ("radio", "checkbox"):
                if value in values:
                    form.locator(f'[name="{name}"][value="{value}"]').check()
            elif kind == "select-one":
                control.select_option(values[0])
            else:
                control.fill(values[0])

    def _arrived(self, path: str, response: Any, *, location: str) -> Page:
        self._stale = False
        self._looker.look(self.page, self._login, response.status)
        cookie = self._screen.cookie()
        if cookie != self._cookie:
            self._cookie = cookie
            self._plain._client.set_cookie("desk", cookie)
        return Page(
            path=path,
            status=SEE_OTHER if location else response.status,
            location=urlsplit(location)._replace(scheme="", netloc="").geturl(),
            data=self.page.content().encode(),
        )

    def _plainly(self, act: Callable[[], Page]) -> Page:
        self._stale = True
        answer = act()
        kept = self._plain._client.get_cookie("desk")
        if kept is not None and kept.value != self._cookie:
            self._cookie = kept.value
            if self._screen.person is self:
                self._screen.keep(self._cookie)
        return answer
