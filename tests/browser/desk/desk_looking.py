"""Looking at pages with axe (WCAG 2.2 AA) and at their width; which routes were looked at."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, RequestRedirect, Rule

WIDTHS = (1280, 390)
HEIGHT = 900
ALL = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
OF_LAYOUT = {"type": "rule", "values": ["target-size", "scrollable-region-focusable"]}
"""The rules whose answer depends on the width of the window."""

ALIKE = ("tbody tr:nth-child(n+4)", ".month:nth-child(n+2)", ".error-summary li:nth-child(n+4)")
"""What stands below others of its kind, made by the same line of a template."""

RUN = """([without, rules]) => axe.run(
    {exclude: without}, {runOnly: rules, resultTypes: ["violations"], preload: false}
).then(all => ({
    passed: all.passes.length,
    wrong: all.violations.map(one => [one.id, one.nodes.slice(0, 3).map(node => node.html)]),
}))"""
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
ACTIONS = "all => all.map(one => one.action || one.pathname)"


class Looker:
    """Looks at each route once; thoroughly: at each state of each page for each person.

    Not thorough, all rules are asked at a desk's width and those of the layout at a phone's.
    """

    def __init__(self, *, thorough: bool, pictures: str | None = None) -> None:
        self.thorough, self._pictures = thorough, pictures
        self.passed = 0
        self.found: list[str] = []
        self.looked: dict[tuple[str, int], str] = {}
        """Route and status of the pages that were looked at, and the address of each."""

        self.taken: set[str] = set()
        """Routes that gave a file."""

        self._addresses: MapAdapter | None = None
        self._seen: set[tuple[str, ...]] = set()
        self._known: set[str] = set()
        self._protocols: dict[Any, Any] = {}

    def know(self, addresses: MapAdapter) -> None:
        """Learn the application's routes."""
        self._addresses = addresses

    def route(self, path: str) -> str:
        """Return the rule of the route that a path leads to; "" where there is none."""
        if self._addresses is None:
            return ""
        try:
            found = self._addresses.match(path, method="GET", return_rule=True)[0]
        except (HTTPException, RequestRedirect):
            return ""
        return found.rule if isinstance(found, Rule) else ""

    @staticmethod
    def shape(text: str) -> str:
        """Return an address without its numbers."""
        return re.sub("[0-9]+", "0", text)

    def look(self, page: Any, login: str, status: int, *, other: str = "") -> None:
        """Look at the page that stands in a browser, unless one like it was looked at.

        ``other`` is what it is in the place of what its address says.
        """
        path = other or urlsplit(page.url).path
        route = self.route(path)
        key = self._key(page, route or self.shape(path), login, status)
        if key in self._seen:
            return
        self._seen.add(key)
        page.evaluate(AXE_SCRIPT)
        without = [] if self.thorough else [[part] for part in ALIKE]
        # The head of the page is the same on all of one person's pages.
        without += [[".masthead nav"]] if login in self._known and not self.thorough else []
        self._known.add(login)
        for place, width in enumerate(WIDTHS):
            self._widen(page, width)
            rules = OF_LAYOUT if place and not self.thorough else ALL
            result = page.evaluate(RUN, [without, rules])
            self.passed += result["passed"]
            where = f"{path} {status} ({login}, {width})"
            self.found += [f"{where}: {name}: {nodes}" for name, nodes in result["wrong"]]
            wider = page.evaluate(WIDER)
            if wider > 0:
                self.found.append(f"{where}: {wider} pixels wider than the window")
            if self._pictures:
                name = f"desk-{len(self._seen):03}-{width}.png"
                page.screenshot(path=str(Path(self._pictures, name)), full_page=True)
        self._widen(page, WIDTHS[0])
        self.looked[route, status] = path

    def _widen(self, page: Any, width: int) -> None:
        # Without resizing the window itself, which costs a browser more than the page.
        if page not in self._protocols:
            self._protocols[page] = page.context.new_cdp_session(page)
        size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        self._protocols[page].send("Emulation.setDeviceMetricsOverride", size)

    def _key(self, page: Any, route: str, login: str, status: int) -> tuple[str, ...]:
        if not self.thorough:
            return (route, str(status))
        actions = page.eval_on_selector_all("main form, main a.button", ACTIONS)
        # The way in looks the same to everybody.
        who = "" if route.startswith("/signin") else login
        return (route, who, str(status), *sorted({self.shape(text) for text in actions}))
