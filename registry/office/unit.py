"""What a desk is given to work with: transactions, keys of the store, clock, randomness.

A page opens one unit, calls one use case in it, and shows what came of it: the transaction ends
with the unit, whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from keys.clock import Clock
from keys.signer import Signer
from registry.office.context import Actor, Context
from registry.office.due import china_day
from registry.office.identity import Identity
from registry.office.snapshot import serving, standing
from registry.store.base import read_unit, write_unit

Row = TypeVar("Row")
_TOLD_EVERY: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The surroundings of all desk pages. ``documents`` is the folder of uploaded files.

    ``record_signer(prefix)`` gives a company's record key; ``enrol(name, uscc, prefix,
    levels)`` makes a listed company's keys and its trust entry, ``levels`` as symbols ("543");
    ``before_signing()`` refuses when the ledger says that nothing may be signed now.
    ``logged_heads()`` gives (line, commitment) of the audit heads in the published logs, or None
    if these cannot be read.
    ``tell(done, total)`` hears how far a long use case has come.
    """

    engine: Engine
    clock: Clock
    field_key: bytes
    index_key: bytes
    random: Callable[[int], bytes]
    documents: Path
    office_name: str
    base_url: str
    record_signer: Callable[[str], Signer]
    enrol: Callable[[str, str, str, str], None]
    before_signing: Callable[[], None]
    logged_heads: Callable[[], frozenset[tuple[int, str]] | None]
    tell: Callable[[int, int], None] = field(default=lambda _done, _total: None)

    def read(self) -> AbstractContextManager[Session]:
        """Open a snapshot that takes no write lock; within a request it is one and the same."""
        snapshot = standing(self.engine)
        return snapshot.reading() if snapshot else read_unit(self.engine)

    def write(self) -> AbstractContextManager[Session]:
        """Open a transaction."""
        if snapshot := standing(self.engine):
            snapshot.outdate()
        return write_unit(self.engine)

    def serving(self) -> AbstractContextManager[None]:
        """Serve a request: whoever reads in it shares one snapshot."""
        return serving(self.engine)

    def context(self, by: Identity | None = None) -> Context:
        """Return a use case's surroundings, with the person as its actor."""
        return Context(
            actor=Actor(f"account:{by.login}" if by else "desk"),
            clock=self.clock,
            field_key=self.field_key,
            index_key=self.index_key,
            random=self.random,
        )

    def telling(self, rows: Iterable[Row], total: int) -> Iterator[Row]:
        """Pass rows on, and tell how many have gone by."""
        for number, row in enumerate(rows):
            if number % _TOLD_EVERY == 0:
                self.tell(number, total)
            yield row
        self.tell(total, total)

    def today(self) -> date:
        """Return the civil day in China."""
        return china_day(self.clock.now())
