"""One snapshot for one request: whoever only reads in it sees the same state, opened once.

A page asks the database for its person first and for its rows after; each on a connection of its
own costs more than the question. Whoever writes in between ends the snapshot, so that what is read
afterwards is what was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from registry.store.base import read_unit


@dataclass(slots=True, kw_only=True)  # not frozen: it is opened and ended as the request goes on
class Snapshot:
    """A request's snapshot; ``readers`` are in it now, and it is ``past`` once somebody wrote."""

    engine: Engine
    session: Session | None = None
    readers: int = 0
    past: bool = False
    opened: ExitStack = field(default_factory=ExitStack)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield its session; what was loaded is let go of with the last reader, as ever."""
        if self.session is None:
            self.session = self.opened.enter_context(read_unit(self.engine))
        session = self.session
        self.readers += 1
        try:
            yield session
        except BaseException:
            # A session in which a statement failed serves nobody else.
            self.past = True
            raise
        finally:
            self.readers -= 1
            if not self.readers:
                session.expunge_all()
                session.info.clear()
                if self.past:
                    self.end()

    def outdate(self) -> None:
        """Note that somebody writes: the next reader begins a new one."""
        self.past = True
        if not self.readers:
            self.end()

    def end(self) -> None:
        """Close it; the next reader opens it anew."""
        self.session, self.past = None, False
        self.opened.close()


_STANDING: ContextVar[Snapshot | None] = ContextVar("snapshot", default=None)


@contextmanager
def serving(engine: Engine) -> Iterator[None]:
    """Share one snapshot among all who read from ``engine`` meanwhile, in this context."""
    snapshot = Snapshot(engine=engine)
    token = _STANDING.set(snapshot)
    try:
        yield
    finally:
        _STANDING.reset(token)
        snapshot.end()


def standing(engine: Engine) -> Snapshot | None:
    """Return the snapshot of the request that is being served, if there is one."""
    snapshot = _STANDING.get()
    return snapshot if snapshot is not None and snapshot.engine is engine else None
