"""Answers that are worked out once (备忘): calendar and rules, checks of whole lists.

An answer is kept under a key that names all it rests on, versions and digests, so it never has to
be found stale: another version is another key. Only what a snapshot of committed rows says is
kept. A writer works each answer out for itself, and what was kept under the same key is forgotten:
rows that were changed behind their case's back are seen by the next page, and by every decision.
Nothing of a person is ever part of a kept answer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from registry.store.audit import AuditLine
from registry.store.base import only_reads
from registry.store.prepared import Prepared

MOST: Final = 4000
"""Answers of one database that are kept; the one not asked for longest goes first."""

_LAST_LINE: Final = Prepared(select(func.max(AuditLine.line_id)))

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf:
    answers: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)


_SHELVES: Final[WeakKeyDictionary[Engine, _Shelf]] = WeakKeyDictionary()


def kept(session: Session, key: Hashable, make: Callable[[], T]) -> T:
    """Return the answer of ``key``: as kept, or as ``make`` works it out now."""
    return kept_all(session, "", [key], lambda _missing: {key: make()})[key]


def kept_all(
    session: Session,
    what: str,
    keys: Iterable[K],
    make: Callable[[list[K]], Mapping[K, T]],
) -> dict[K, T]:
    """Return the answers of all ``keys`` on ``what``; ``make`` works out those not kept, at once.

    So a page that needs many asks the database once for those it has not seen.
    """
    engine = session.connection().engine
    shelf = _SHELVES.get(engine)
    if shelf is None:
        shelf = _SHELVES.setdefault(engine, _Shelf())
    reads = only_reads(session)
    found: dict[K, T] = {}
    missing: list[K] = []
    with shelf.lock:
        for key in keys:
            place = (what, key)
            if reads and place in shelf.answers:
                shelf.answers.move_to_end(place)
                found[key] = shelf.answers[place]
            else:
                shelf.answers.pop(place, None)
                missing.append(key)
    if not missing:
        return found
    made = make(missing)
    if reads:
        with shelf.lock:
            shelf.answers.update({(what, key): answer for key, answer in made.items()})
            while len(shelf.answers) > MOST:
                shelf.answers.popitem(last=False)
    return found | dict(made)


def once(session: Session, key: Hashable, make: Callable[[], T]) -> T:
    """Return the answer of ``key``, worked out once in a snapshot, whose rows stay what they are.

    A page's parts ask for the same rows without knowing of each other. A writer asks each time.
    """
    if not only_reads(session):
        return make()
    if key not in session.info:
        session.info[key] = make()
    found: T = session.info[key]
    return found


def last_line(session: Session) -> int:
    """Return the number of the newest audit line, 0 if there is none.

    Every use case leaves a line: until there is a new one, nothing has changed.
    """
    return once(session, "last-line", lambda: _LAST_LINE.one(session)[0] or 0)
