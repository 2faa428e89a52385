"""One run of the monitor (`certreg monitor`): look at the newest checkpoint, read on, report.

1. The checkpoint must carry the log's signature under the policy. Where the quorum of witnesses
   is not met, the newest witnessed checkpoint is followed, and the tiles must connect the two;
   without one the answer is *cannot say*, and nothing read is kept as seen. Witnesses that are
   lacking, and signatures this machine cannot check, are never held against the log.
2. It must be of one history with the newest seen before. Of a fork both notes are kept: each is
   signed by the log, and together they convict it.
3. The entries from there on must give its root; then what they say is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import msgspec

from keys.policy import NO_QUORUM, Policy
from registry.ledger.monitor.comparing import Relation, relate
from registry.ledger.monitor.errors import AnswerTooLong, LogUnreachable, MonitorStateBad
from registry.ledger.monitor.findings import Finding, Kind
from registry.ledger.monitor.reading import Reading
from registry.ledger.monitor.replay import Replay
from registry.ledger.monitor.served import Served
from registry.ledger.monitor.source import LogSource
from registry.ledger.monitor.state import Issued, Kept, MonitorState, Progress
from signing.errors import SigningError, UncheckableCheckpoint
from signing.tlog.appender import TileAppender
from signing.tlog.checkpoint import (
    Checkpoint,
    SignedCheckpoint,
    open_checkpoint,
    parse_checkpoint,
)
from signing.tlog.entry import Issue, format_time, parse_time
from signing.tlog.note import MAX_NOTE, parse_note
from signing.tlog.tiles import TileReader

CHECKPOINT: Final = "checkpoint"
WITNESSED: Final = "checkpoint.witnessed"
TOO_FEW: Final = (
    "too few witnesses have signed the newest checkpoint: nobody but the log itself vouches for it"
)
SLACK: Final = timedelta(minutes=10)
"""How far ahead of our clock a status entry may be dated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What to look for: `max_age` of the newest status entry, and `prefixes` to tell of."""

    now: datetime
    max_age: timedelta
    prefixes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorReport:
    """What one run saw.

    `size` and `old_size` are how far the log was read, now and before; `newest` is the status
    entry's time, "" if none; `findings` are all ever made, with those that hold just now;
    `obstacle` says what kept the answer from being given, "" if nothing did.
    """

    origin: str
    old_size: int
    size: int
    newest: str
    findings: tuple[Kept, ...]
    obstacle: str


def monitor(source: LogSource, policy: Policy, state: MonitorState, watch: Watch) -> MonitorReport:
    """Look at the log once. Raises MonitorStateBad."""
    return _Run(source, policy, state, watch).go()


class _Run:
    def __init__(
        self, source: LogSource, policy: Policy, state: MonitorState, watch: Watch
    ) -> None:
        self._source, self._policy, self._state, self._watch = source, policy, state, watch
        self._served = Served(source)
        self._since = format_time(watch.now)
        self._obstacle = ""
        progress = state.progress()
        self._seen, self._note, self._edge, self._replay = _restore(progress)
        self._old_size = self._size = self._edge.size
        self._newest = self._replay.status_time
        self._origin = self._seen.origin if self._seen else ""
        self._issued: list[Issued] = []
        self._up_to_date = False

    def go(self) -> MonitorReport:
        try:
            self._look()
        except LogUnreachable as error:
            self._obstacle = str(error)
        kept = [*self._state.findings(), *self._passing()]
        return MonitorReport(
            origin=self._origin,
            old_size=self._old_size,
            size=self._size,
            newest=self._newest,
            findings=tuple(kept),
            obstacle=self._obstacle,
        )

    def _passing(self) -> Iterator[Kept]:
        """Yield what is found now and is no longer so once the log goes on: it is not kept."""
        if not self._up_to_date or not self._size:
            return
        what = ""
        kind = Kind.STATUS_LATE
        if not self._newest:
            what = "the log has no status entry: nobody can show that nothing was revoked"
        else:
            age = self._watch.now - parse_time(self._newest)
            if age > self._watch.max_age:
                what = f"is of {self._newest}, {age.days} days old"
            elif -age > SLACK:
                kind, what = Kind.STATUS_TIME, f"is dated {self._newest}, which is yet to come"
        if what:
            finding = Finding(kind=kind, where="the newest status entry", what=what)
            yield Kept(finding=finding, since=self._since)

    def _find(self, kind: Kind, where: str, what: str) -> None:
        found = [Finding(kind=kind, where=where, what=what)]
        self._state.save(None, found, (), since=self._since)

    def _look(self) -> None:
        newest = self._open(CHECKPOINT)
        if newest is None:
            return
        self._origin = newest.checkpoint.origin
        if self._seen and self._seen.origin != self._origin:
            msg = f"this state is of the log {self._seen.origin}; use another folder"
            raise MonitorStateBad(msg)
        trusted = newest if self._policy.satisfied(newest.signed_by) else self._witnessed(newest)
        if trusted is None:
            self._obstacle = self._obstacle or self._lacking(newest) or TOO_FEW
            self._follow(newest, keep=False)
            return
        if trusted is not newest and not self._one_history(trusted, newest):
            return
        self._follow(trusted, keep=True)

    def _open(self, name: str) -> SignedCheckpoint | None:
        """Open a checkpoint whatever witnesses it has: that some are lacking is not its fault."""
        policy = replace(self._policy, quorum=NO_QUORUM)
        try:
            return open_checkpoint(self._source.read(name, MAX_NOTE), policy)
        except FileNotFoundError:
            msg = f"there is no {name} at this address: give the one that ends before /{name}"
            raise LogUnreachable(msg) from None
        except AnswerTooLong as error:
            self._find(Kind.CHECKPOINT, name, str(error))
        except UncheckableCheckpoint as error:
            self._obstacle = str(error)
        except SigningError as error:
            self._find(Kind.CHECKPOINT, name, f"not acceptable: {error} ({error.code})")
        return None

    def _witnessed(self, newest: SignedCheckpoint) -> SignedCheckpoint | None:
        """Return the newest checkpoint with a quorum, if it takes us on from what was seen."""
        try:
            found = self._open(WITNESSED)
        except LogUnreachable:
            return None
        if found is None or found.checkpoint.origin != newest.checkpoint.origin:
            return None
        if not self._policy.satisfied(found.signed_by):
            self._obstacle = self._lacking(found)
            return None
        return None if self._seen and found.checkpoint.size < self._seen.size else found

    def _lacking(self, found: SignedCheckpoint) -> str:
        """Say whether the quorum is lacking for this machine alone; "" if for anybody."""
        try:
            open_checkpoint(found.note, self._policy)
        except UncheckableCheckpoint as error:
            return str(error)
        except SigningError:
            pass
        return ""

    def _one_history(self, witnessed: SignedCheckpoint, newest: SignedCheckpoint) -> bool:
        """Hold the log's newest head against the witnessed one; False if they are a fork."""
        relation = relate(witnessed.checkpoint, newest.checkpoint, self._served)
        if relation is Relation.FORK:
            self._fork(witnessed.checkpoint, witnessed.note, newest)
            return False
        if relation is Relation.CANNOT_SAY:
            # A log has its tiles in place before it shows a head: one without them may be made up
            # for a single reader, and nobody would ever see where it leads.
            self._unconnected(witnessed, newest)
        return True

    def _unconnected(self, witnessed: SignedCheckpoint, newest: SignedCheckpoint) -> None:
        one, other = witnessed.checkpoint, newest.checkpoint
        files = f"{self._evidence(one, witnessed.note)} and {self._evidence(other, newest.note)}"
        what = (
            f"the tiles do not show that what is signed for {other.size} entries goes on from "
            f"what the witnesses signed for {one.size}: damaged, or a fork; evidence: {files}"
        )
        self._find(Kind.UNCONNECTED, CHECKPOINT, what)

    def _follow(self, head: SignedCheckpoint, *, keep: bool) -> None:
        """Compare `head` with what was seen, then read up to it; `keep` what was read as seen."""
        target, seen = head.checkpoint, self._seen
        if seen:
            relation = relate(seen, target, self._served)
            if relation is Relation.FORK:
                self._fork(seen, self._note, head)
                return
            if target.size < seen.size:
                self._smaller(target, seen, relation)
                return
        # After a run that was cut off: first to what was seen, whose root is known, then on.
        goals = [(goal, note) for goal, note in ((seen, self._note), (target, head.note)) if goal]
        for goal, note in goals:
            if goal.size > self._size and not self._read(goal, note, target.size, keep=keep):
                self._unproved(head)
                return
        self._up_to_date = True

    def _smaller(self, target: Checkpoint, seen: Checkpoint, relation: Relation) -> None:
        sizes = f"has {target.size} entries; one with {seen.size} was seen before"
        if relation is Relation.ONE_HISTORY:
            what = f"{sizes}: an older checkpoint of the same history is served"
            self._find(Kind.STALE, CHECKPOINT, what)
        else:
            what = f"{sizes}, and those beyond cannot be read any more: the log was cut short"
            self._find(Kind.TRUNCATED, CHECKPOINT, what)

    def _read(self, goal: Checkpoint, note: bytes, size: int, *, keep: bool) -> bool:
        def on_issue(index: int, entry: Issue) -> None:
            if entry.prefix in self._watch.prefixes:
                one = Issued(
                    leaf=index, number=entry.number, edition=entry.edition, batch=entry.batch
                )
                self._issued.append(one)

        def on_part(found: list[Finding]) -> None:
            progress = self._progress(note) if keep else None
            issued = self._issued if keep else ()
            self._state.save(progress, found, issued, since=self._since)
            self._issued.clear()
            self._size, self._newest = self._edge.size, self._replay.status_time

        reading = Reading(
            self._served,
            self._edge,
            self._replay,
            goal=goal,
            size=size,
            on_issue=on_issue,
            on_part=on_part,
        )
        done = reading.run()
        if reading.of_files:
            self._state.save(None, reading.of_files, (), since=self._since)
        return done

    def _progress(self, note: bytes) -> Progress:
        return Progress(
            note=note,
            size=self._edge.size,
            files=dict(self._edge.finish()),
            replay=self._replay.pack(),
        )

    def _unproved(self, head: SignedCheckpoint) -> None:
        """Say that the entries did not give the signed root."""
        what = f"the entries do not give the root signed for {head.checkpoint.size} entries"
        seen = self._seen
        if seen and relate(seen, head.checkpoint, self._served) is Relation.CANNOT_SAY:
            self._evidence(seen, self._note)
            self._evidence(head.checkpoint, head.note)
            what += ", nor do the tiles show it to go on from what was seen: damaged, or a fork"
        self._find(Kind.ROOT, CHECKPOINT, what)

    def _fork(self, seen: Checkpoint, note: bytes, head: SignedCheckpoint) -> None:
        files = f"{self._evidence(seen, note)} and {self._evidence(head.checkpoint, head.note)}"
        what = (
            f"signed for {head.checkpoint.size} entries, cannot be of one history with that seen "
            f"for {seen.size}; evidence: {files}"
        )
        self._find(Kind.FORK, CHECKPOINT, what)

    def _evidence(self, head: Checkpoint, note: bytes) -> str:
        name = f"{head.size}-{head.root.hex()[:16]}.note"
        self._state.keep_evidence(name, note)
        return name


def _restore(progress: Progress | None) -> tuple[Checkpoint | None, bytes, TileAppender, Replay]:
    """Return the newest checkpoint seen with its note, and the state at its progress."""
    if progress is None:
        nothing: dict[str, bytes] = {}
        return None, b"", TileAppender(0, TileReader(nothing.__getitem__)), Replay()
    try:
        seen = parse_checkpoint(parse_note(progress.note).text)
        edge = TileAppender(progress.size, TileReader(progress.files.__getitem__))
        return seen, progress.note, edge, Replay.unpack(progress.replay)
    except (SigningError, msgspec.MsgspecError) as error:
        msg = "the monitor's state is damaged: put its folder aside and read the log anew"
        raise MonitorStateBad(msg) from error
