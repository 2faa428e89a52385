"""Long work (办理进度): one page that grows while the work goes on, without a script.

The work runs in a thread of its own and ends whether its page is still looked at or not: closing
the page takes nothing back. The answer is sent piece by piece, each with how far it has come; the
last piece leads on, or says what stood in the way. A process that is killed leaves nothing half
done: the work is one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final, TypeAlias

from flask import Response, current_app, g, render_template, stream_with_context

from registry.web import errors

Tell: TypeAlias = Callable[[int, int], None]
"""Told how many of how many are done."""

LARGE: Final = 500
"""People from which an upload, an issue or a revocation tells how it goes: seconds of work."""

LARGE_FILE: Final = 48 * 1024
"""Bytes from which a spreadsheet may hold so many."""

BEAT: Final = 0.25
"""Seconds between two pieces of the page."""

NOTE: Final = "note-refusal"
"""The application's extension that leaves an audit line of what was refused."""

_HERE: Final = "<!-- progress -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the page says: its heading in two languages, and what is counted."""

    title: str
    english: str
    counted: str


class Work:
    """A use case under way in its own thread. ``run(tell)`` returns the address to go on to."""

    def __init__(self, run: Callable[[Tell], str]) -> None:
        self.done, self.total = 0, 0
        self.address = ""
        self.fault: Exception | None = None
        self._run = run
        self._ended = Event()
        Thread(target=self._carry_out, name="long-work").start()

    def steps(self) -> Iterator[tuple[int, int]]:
        """Give how far it has come, again and again until it has ended."""
        while not self._ended.wait(BEAT):
            yield self.done, self.total

    def _carry_out(self) -> None:
        try:
            self.address = self._run(self._tell)
        except Exception as fault:  # noqa: BLE001 - told on the page, which alone knows how
            self.fault = fault
        finally:
            self._ended.set()

    def _tell(self, done: int, total: int) -> None:
        self.done, self.total = done, total


def follow(run: Callable[[Tell], str], words: Words, back: str) -> Response:
    """Begin the work and answer with the page that tells how it goes.

    ``back`` is where its outcome is seen, by whoever leaves the page or is refused.
    """
    head, tail = render_template("progress.html", words=words, back=back).split(_HERE)
    pieces = stream_with_context(_pieces(Work(run), words, back, head, tail))
    # A proxy that gathers an answer before it passes it on would show nothing but the end.
    return Response(pieces, headers={"X-Accel-Buffering": "no"}, mimetype="text/html")


def _pieces(work: Work, words: Words, back: str, head: str, tail: str) -> Iterator[str]:
    yield head
    shown = None
    for step in work.steps():
        if step != shown:
            shown = step
            yield render_template("progress_step.html", words=words, done=step[0], total=step[1])
    if work.fault is None:
        yield render_template("progress_end.html", address=work.address)
    else:
        problem = errors.classify(work.fault)
        errors.note(problem, work.fault)
        # As after a refusal on any page: the answer's hook has run before the work ended.
        g.problem = problem
        current_app.extensions[NOTE]()
        yield render_template("progress_end.html", address="", back=back, problem=problem)
    yield tail
