"""Judging what was handed in, one package after the other, beside the requests that wait for it.

A submission is in the database before its sender is answered, so one that a crash cut off is
judged at the next start. One thread: the chain of a city's manifests has one next place, and a
large package takes seconds that no request's thread should be held for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from threading import Lock
from typing import Final

from sqlalchemy import select

from registry.centre.errors import PackageDamaged, PackageNotTaken, PackageNotWhole
from registry.centre.intake import State, submit, take
from registry.centre.publish import publish_new
from registry.centre.room import drop_refused
from registry.centre.starting import Opened
from registry.centre.store import Submission, read_unit, write_unit

LOG: Final = logging.getLogger("certreg.centre")
FAULT: Final = "server-error"
"""Code of a package whose judging failed by a fault of ours."""


class Worker:
    """Takes packages in turn; safe to ask from many threads."""

    def __init__(self, centre: Opened) -> None:
        self._centre = centre
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="intake")
        self._lock = Lock()
        self._waiting: dict[tuple[str, str], Future[None]] = {}

    def resume(self) -> None:
        """Take up what was handed in before the last end of this program, oldest first."""
        with read_unit(self._centre.engine) as session:
            query = (
                select(Submission)
                .where(Submission.state == State.SUBMITTED)
                .order_by(Submission.submitted_at)
            )
            left = [(one.city, one.package) for one in session.scalars(query)]
        for city, package in left:
            self._enqueue(city, package)
        # A kill may have come between a receipt and the lookup file.
        self._pool.submit(guarded, self._publish)

    def hand_in(self, city: str, package: str, *, wait: float) -> Submission:
        """Hand a whole package in, and return its state after at most `wait` seconds.

        Raises PackageNotWhole.
        """
        if not self._centre.packages.kept(city, package)[1]:
            raise PackageNotWhole("上报包还没有传完 (the package is not whole yet)")
        with write_unit(self._centre.engine) as session:
            found = submit(session, city, package, now=self._centre.clock.now())
            # A known receipt is answered at once.
            if found.state == State.RECEIPT:
                return found
        with suppress(NotYet):
            self._enqueue(city, package).result(wait)
        return self.state_of(city, package) or found

    def state_of(self, city: str, package: str) -> Submission | None:
        """Return a submission as it stands; None if it was never handed in."""
        with read_unit(self._centre.engine) as session:
            return session.get(Submission, (city, package))

    def ask(self, city: str, package: str) -> Submission | None:
        """Return a submission as it stands; one that is handed in waits for its turn from now on.

        Even the word that it failed may not have reached the disk, and its sender asks on.
        """
        found = self.state_of(city, package)
        if found is not None and found.state == State.SUBMITTED:
            self._enqueue(city, package)
        return found

    def end(self) -> None:
        """Let what was handed in come to its end; nothing more is taken."""
        self._pool.shutdown(wait=True)

    def _enqueue(self, city: str, package: str) -> Future[None]:
        key = (city, package)
        with self._lock:
            known = self._waiting.get(key)
            if known is not None and not known.done():
                return known
            future = self._pool.submit(self._run, city, package)
            self._waiting[key] = future
        # Not under the lock: of one that is done already, this calls at once.
        future.add_done_callback(lambda _done: self._forget(key, future))
        return future

    def _forget(self, key: tuple[str, str], future: Future[None]) -> None:
        with self._lock:
            if self._waiting.get(key) is future:
                del self._waiting[key]

    def _run(self, city: str, package: str) -> None:
        if not guarded(lambda: self._judge(city, package)):
            # The sender hands it in again. If this fails too, it asks, or the next start does.
            guarded(lambda: self._set_aside(city, package, FAULT))

    def _judge(self, city: str, package: str) -> None:
        centre = self._centre
        try:
            data = centre.packages.read(city, package)
        except (PackageDamaged, PackageNotWhole) as fault:
            self._set_aside(city, package, fault.code)
            return
        now = centre.clock.now()
        try:
            take(centre.desk, city, data, who=f"city:{city}", now=now)
        except PackageNotTaken:
            drop_refused(centre.engine, centre.packages, city, package)
            return
        self._publish()

    def _publish(self) -> None:
        publish_new(self._centre.engine, self._centre.home.public)

    def _set_aside(self, city: str, package: str, code: str) -> None:
        with write_unit(self._centre.engine) as session:
            found = session.get(Submission, (city, package))
            # A receipt stands, whatever failed after it.
            if found is not None and found.state == State.SUBMITTED:
                found.state, found.code = State.LATER.value, code


def guarded(work: Callable[[], None]) -> bool:
    """Run `work`, and say whether it came to its end; a fault is logged by its kind alone."""
    try:
        work()
    except Exception as fault:  # noqa: BLE001 - the thread must live on for the next package
        LOG.error("intake: %s", type(fault).__qualname__)  # noqa: TRY400 - a message may quote data
        return False
    return True
