"""No certificate number (证书编号) twice; serials of a (prefix, year, level) in order, without gap.

Numbers are minted one after another, so the next serial says all there is to say about those
below it. Only gaps, imports and later editions take memory: an honest log of any size takes little.
Numbers that were taken in (补录) come as the province gave them: in any order, with gaps, and what
is minted afterwards goes on above the highest. A number keeps its origin through all its editions:
one that was taken in is never called issued here.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import Final

import msgspec

from registry.ledger.monitor.findings import Kind, Say
from signing.tlog.entry import Import, Issue

_FORM: Final = re.compile(r"[A-Z][0-9]{14}[0-9A-Z](?!000000)[0-9]{6}", re.ASCII)
_SCOPE: Final = 16
_PREFIX: Final = 13
_BEYOND: Final = 1_000_000


class Numbers(msgspec.Struct, kw_only=True):
    """The numbers seen so far.

    `upcoming` is the next serial of a scope (a number's first 16 characters), `missing` the ranges
    left out below it, `imported` the ranges whose first edition seen was an import, `editions` the
    highest edition of a number that has more than one, `jumped` the scopes whose one gap is owed
    to the log before this one.
    """

    imported: dict[str, list[tuple[int, int]]] = msgspec.field(default_factory=dict)
    upcoming: dict[str, int] = msgspec.field(default_factory=dict)
    missing: dict[str, list[tuple[int, int]]] = msgspec.field(default_factory=dict)
    editions: dict[str, int] = msgspec.field(default_factory=dict)
    jumped: set[str] = msgspec.field(default_factory=set)

    def issue(self, entry: Issue, say: Say, *, succeeds: bool) -> None:
        """Take an issue entry. `succeeds`: an earlier log may hold what this one lacks."""
        number = entry.number
        if not number.startswith(entry.prefix) or len(entry.prefix) != _PREFIX:
            say(Kind.NUMBER_FORM, f"number {number} does not begin with its issuer's prefix")
        formed = _FORM.fullmatch(number) is not None
        if not formed:
            say(Kind.NUMBER_FORM, f"{number} is no certificate number")
        if formed and entry.edition == 1:
            free = isinstance(entry, Import)
            self._first(number[:_SCOPE], int(number[_SCOPE:]), say, succeeds=succeeds, free=free)
        else:
            self._later(entry, say, formed=formed, succeeds=succeeds)

    def _first(self, scope: str, serial: int, say: Say, *, succeeds: bool, free: bool) -> None:
        due = self.upcoming.get(scope, 1)
        if serial < due:
            if self._fill(scope, serial):
                if free:
                    self._mark(scope, serial)
                else:
                    say(Kind.NUMBER_ORDER, f"number {scope}{serial:06} comes after higher ones")
            else:
                say(Kind.NUMBER_TWICE, _twice(f"{scope}{serial:06}", 1))
            return
        if serial > due:
            # Numbers that the log before this one gave away and the office has lost are not given
            # twice: where it goes on after them there is one gap. That they stand in the frozen
            # log cannot be seen from here.
            if not free and succeeds and scope not in self.jumped:
                self.jumped.add(scope)
            elif not free:
                say(Kind.NUMBER_GAP, f"{scope}{due:06} is next and {scope}{serial:06} is issued")
            self.missing.setdefault(scope, []).append((due, serial - 1))
        self.upcoming[scope] = serial + 1
        if free:
            self._mark(scope, serial)

    def _later(self, entry: Issue, say: Say, *, formed: bool, succeeds: bool) -> None:
        number, edition = entry.number, entry.edition
        last = self.editions.get(number, 0)
        if not last and formed and self._has(number[:_SCOPE], int(number[_SCOPE:])):
            last = 1
        if edition <= last:
            say(Kind.NUMBER_TWICE, _twice(number, edition))
        elif edition > last + 1 and (last or not succeeds):
            say(Kind.EDITION, f"edition {edition} of {number} without the one before it")
        self.editions[number] = max(last, edition)
        if formed:
            self._origin(entry, say, known=last > 0)

    def _origin(self, entry: Issue, say: Say, *, known: bool) -> None:
        """Hold a later edition to the first; where an earlier log has that, learn from this one."""
        scope, serial = entry.number[:_SCOPE], int(entry.number[_SCOPE:])
        was, is_now = _range_of(self.imported, scope, serial) is not None, isinstance(entry, Import)
        if not known:
            if is_now and not was:
                self._mark(scope, serial)
        elif was != is_now:
            first = "imported" if was else "issued here"
            what = f"{entry.number} was {first}, its edition {entry.edition} is an {entry.t} entry"
            say(Kind.ORIGIN, what)

    def _mark(self, scope: str, serial: int) -> None:
        """Note an import; neighbours are one range, so that a table of them takes next to none."""
        ranges = self.imported.setdefault(scope, [])
        place = bisect_left(ranges, (serial, serial))
        low = high = serial
        if place < len(ranges) and ranges[place][0] == serial + 1:
            high = ranges.pop(place)[1]
        if place and ranges[place - 1][1] == serial - 1:
            place -= 1
            low = ranges.pop(place)[0]
        ranges.insert(place, (low, high))

    def _has(self, scope: str, serial: int) -> bool:
        return serial < self.upcoming.get(scope, 1) and self._gap(scope, serial) is None

    def _gap(self, scope: str, serial: int) -> int | None:
        return _range_of(self.missing, scope, serial)

    def _fill(self, scope: str, serial: int) -> bool:
        """Take `serial` out of what is missing; False if it is not missing."""
        place = self._gap(scope, serial)
        if place is None:
            return False
        low, high = self.missing[scope][place]
        rest = [(low, serial - 1), (serial + 1, high)]
        self.missing[scope][place : place + 1] = [pair for pair in rest if pair[0] <= pair[1]]
        return True


def _range_of(held: dict[str, list[tuple[int, int]]], scope: str, serial: int) -> int | None:
    """Return the place, in the scope's ranges, of the one that holds `serial`."""
    ranges = held.get(scope, [])
    place = bisect_right(ranges, (serial, _BEYOND)) - 1
    return place if place >= 0 and serial <= ranges[place][1] else None


def _twice(number: str, edition: int) -> str:
    return f"number {number}, edition {edition}, stands in the log twice"
