"""Sequencing as a service, and waiting for its work (`certreg anchor --follow`, `issue --wait`).

A round every 250 ms while something waits to be sequenced, and one a minute in any case: that one
brings the daily status leaf, publishes what a crash left owing and asks witnesses again that did
not answer. Rounds run one after another in one thread, never two at once; a second service or a
plain `certreg anchor` beside it is turned away by the log's turn.

What may pass by itself (database away, disk full, somebody else's turn) is told and tried again,
each time later. Everything else ends the service: going on would make it worse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from sqlalchemy import Engine, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from registry.errors import NotFound, RegistryError
from registry.ledger.accepted import accepted_checkpoint
from registry.ledger.head import HeadMoved, Log
from registry.ledger.storage import LogBusy, StorageFailed
from registry.store.base import read_unit
from registry.store.log import FIRST_EDITIONS, EventGroup

INTERVAL: Final = 0.25
"""Seconds from one round's start to the next one's, and between two looks for work."""
CATCH_UP: Final = 60.0
"""Seconds after which a round is run although nothing waits."""
LONGEST_PAUSE: Final = 30.0
"""Seconds at most between two attempts at what goes on failing."""

_PASSING = (LogBusy, HeadMoved, StorageFailed, OperationalError, InterfaceError, OSError)
"""Faults that may pass by themselves and have committed nothing that must be undone."""

Facts = Mapping[str, object]


class NotPublishedYet(RegistryError):
    """The entry is committed and will be in the log, but nobody has published it so far."""

    code: ClassVar[str] = "not-published-yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Where a group of events stands: its first leaf, in a public tree of ``size`` leaves."""

    first_index: int
    size: int


def work_waits(engine: Engine) -> bool:
    """Say whether any event is not in the log yet; one look into a small index."""
    with read_unit(engine) as session:
        waiting = select(EventGroup.group_id).where(EventGroup.first_index.is_(None)).limit(1)
        return session.scalar(waiting) is not None


def kinds_waiting(engine: Engine) -> frozenset[str]:
    """Return the kinds of the event groups that are not in the log yet."""
    with read_unit(engine) as session:
        waiting = select(EventGroup.kind).where(EventGroup.first_index.is_(None)).distinct()
        return frozenset(session.scalars(waiting))


def follow(
    engine: Engine,
    run_round: Callable[[], Facts | None],
    *,
    wait: Callable[[float], bool],
    monotonic: Callable[[], float],
    tell: Callable[[Facts], None],
) -> None:
    """Run rounds until ``wait`` (seconds) says that it is time to end; a round is never cut off.

    ``run_round`` does what `certreg anchor` does and returns what is worth telling, if anything.
    The first round is run at once, whatever waits: it makes good what an earlier life left.
    ``tell`` gets one set of facts a line, without any person. Raises what is not going to pass:
    ``HeadLost``, ``StorageConflict``, ``SelfCheckFailed``, ``RootsDisagree``, ``ClockBehind``,
    ``LogFrozen`` and any fault of this program.
    """
    pause, failures, catch_up = 0.0, 0, monotonic()
    while not wait(pause):
        began = monotonic()
        try:
            # After a fault the round is due: it may have got as far as the commit.
            if failures or began >= catch_up or work_waits(engine):
                facts = run_round()
                catch_up = began + CATCH_UP
                if failures:
                    tell({"event": "recovered", "after_failures": failures})
                if facts is not None:
                    tell({"event": "round", **facts})
                failures = 0
        except _PASSING as error:
            failures += 1
            pause = min(INTERVAL * 2 ** min(failures, 20), LONGEST_PAUSE)
            tell({"event": "fault", **_fault(error), "again_in_seconds": pause})
        else:
            pause = max(0.0, began + INTERVAL - monotonic())


def _fault(error: Exception) -> Facts:
    """Return the fault as facts that hold no statement and no value of a row."""
    match error:
        case RegistryError():
            return {"code": error.code, "what": str(error)}
        case OperationalError() | InterfaceError():
            first = next(iter(str(error.orig).splitlines()), type(error.orig).__name__)
            return {"code": "database", "what": first}
        case OSError():
            return {"code": "system", "what": error.strerror or type(error).__name__}
        case _:
            raise error


def group_of_batch(session: Session, batch_id: str) -> int:
    """Return the event group that issued a batch; ``NotFound`` if there is no such batch."""
    group = session.scalars(
        select(EventGroup.group_id).where(
            EventGroup.batch_id == batch_id, EventGroup.kind.in_(FIRST_EDITIONS)
        )
    ).one_or_none()
    if group is None:
        raise NotFound(f"there is no batch {batch_id}: see the number that `issue` gave")
    return group


def wait_published(
    engine: Engine, log: Log, group_id: int, *, sleep: Callable[[float], object], deadline: float
) -> Published:
    """Wait until everybody can see a group of events; ``NotPublishedYet`` after ``deadline`` s.

    That is: it is in the log, covered by a public checkpoint which the log's policy accepts (with
    a quorum of witnesses, where it asks for one), and its mirror entries are written. Waits only;
    a sequencer must be at work elsewhere.
    """
    waited = 0.0
    while True:
        found = _published(engine, log, group_id)
        if found is not None:
            return found
        if waited >= deadline:
            msg = (
                f"what was committed is not in the public log after {deadline:g} seconds; it is "
                "not lost: see that `certreg anchor --follow` is at work, or run `certreg anchor`"
            )
            raise NotPublishedYet(msg)
        pause = min(INTERVAL, deadline - waited)
        sleep(pause)
        waited += pause


def _published(engine: Engine, log: Log, group_id: int) -> Published | None:
    with read_unit(engine) as session:
        group = session.get_one(EventGroup, group_id)
        if group.first_index is None or not group.published:
            return None
        first, end = group.first_index, group.first_index + group.count
    accepted = accepted_checkpoint(log)
    if accepted is None or accepted.checkpoint.size < end:
        return None
    return Published(first_index=first, size=accepted.checkpoint.size)
