"""A desk whose last transaction waits, so that something more can be put into it.

What keeps an answer for a repeated request must stand or fall with what the request did. A
handler's transaction is therefore not committed when the handler lets go of it, but with the
answer, by `finish`. A handler that takes several has all but the last committed as ever: each is
committed when the next begins, or before keys are made, which has transactions of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from registry.office.unit import Desk
from registry.store.base import read_unit, write_unit


@dataclass(slots=True, kw_only=True)  # not frozen: it is opened and closed as the request goes on
class Holder:
    """The transaction that waits, if there is one."""

    engine: Engine
    waiting: Session | None = None
    _opened: ExitStack = field(default_factory=ExitStack)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Yield a new transaction; the one before is committed, this one waits."""
        self.commit()
        session = self._opened.enter_context(write_unit(self.engine))
        try:
            yield session
        except BaseException as fault:
            self._leave(fault)
            raise
        self.waiting = session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Yield the transaction that waits, which sees what it wrote; else a snapshot."""
        if self.waiting is not None:
            yield self.waiting
            return
        with read_unit(self.engine) as session:
            yield session

    def commit(self) -> None:
        """Commit what waits."""
        self._leave(None)

    def drop(self) -> None:
        """Take back what waits."""
        if self.waiting is not None:
            self._leave(_Dropped())

    def _leave(self, fault: BaseException | None) -> None:
        self.waiting = None
        opened, self._opened = self._opened, ExitStack()
        kind = type(fault) if fault else None
        opened.__exit__(kind, fault, fault.__traceback__ if fault else None)


class _Dropped(Exception):
    """Ends a transaction without a commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingDesk(Desk):
    """A desk over a holder; see above."""

    holder: Holder

    def read(self) -> AbstractContextManager[Session]:
        """Open what waits, or a snapshot that takes no write lock."""
        return self.holder.read()

    def write(self) -> AbstractContextManager[Session]:
        """Open a transaction that waits for `Holder.commit`."""
        return self.holder.write()


def holding(desk: Desk) -> HoldingDesk:
    """Make a holding desk of a desk, for one request."""
    holder = Holder(engine=desk.engine)
    own: dict[str, Any] = {one.name: getattr(desk, one.name) for one in fields(Desk)}

    def enrol(*facts: str) -> None:
        # It works on connections of its own, which would wait for ours.
        holder.commit()
        desk.enrol(*facts)

    return HoldingDesk(**{**own, "enrol": enrol, "holder": holder})
