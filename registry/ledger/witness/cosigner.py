"""The witness's judgement: when it signs a head, and what it answers when it does not.

C2SP tlog-witness, `add-checkpoint`. Look, compare, store and answer are one unit of the state, so
that no two requests are judged against the same memory; the answer leaves once the memory is on
the disk. A crash between the two leaves a head that nobody got a signature for: the log asks
again, is told the size (409), and gets one.

What an attacker can do without a log's key: ask again what the log has asked. With the key: get
one history signed, never two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from keys.clock import Clock
from keys.policy import Policy, PolicyLog
from keys.signer import Signer
from registry.ledger.witness.errors import MalformedRequest, NoLogToWitness
from registry.ledger.witness.evidence import Forks
from registry.ledger.witness.state import Seen, State
from registry.ledger.witness.wire import (
    SIZE_TYPE,
    AddCheckpoint,
    format_lines,
    format_size,
    monitoring_path,
    parse_request,
)
from signing.errors import SigningError
from signing.tlog.checkpoint import (
    Checkpoint,
    cosign_checkpoint,
    open_checkpoint,
    parse_checkpoint,
)
from signing.tlog.merkle import verify_consistency
from signing.tlog.note import Note, NoteSignature, format_note, parse_note

PLAIN: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer."""

    status: HTTPStatus
    body: bytes
    kind: str = PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A request that can be read: what is asked, and the checkpoint it brings."""

    request: AddCheckpoint
    note: Note
    checkpoint: Checkpoint


class Witness:
    """A witness at work; safe to use from many threads.

    `name` is the key name it signs under, `signers` one key of each kind. Of `logs`, those of one
    name are one log with several keys. Raises NoLogToWitness.
    """

    def __init__(
        self,
        *,
        name: str,
        logs: Sequence[PolicyLog],
        signers: Sequence[Signer],
        state: State,
        forks: Forks,
        clock: Clock,
    ) -> None:
        if not logs:
            raise NoLogToWitness(
                "the policy names no log: get the `log` lines from the office, by another way "
                "than its site"
            )
        self._name, self._signers, self._state = name, tuple(signers), state
        self._forks, self._clock = forks, clock
        self._policies = {
            origin: Policy(logs=tuple(log for log in logs if log.key.name == origin))
            for origin in {log.key.name for log in logs}
        }
        self._paths = {monitoring_path(origin): origin for origin in self._policies}

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer the call `add-checkpoint`. Raises sqlite3.Error or OSError, signing nothing then.

        200 with signature lines; 400 malformed, or old above new; 403 not signed by the log; 404
        unknown log; 409 with the size last signed; 422 for a proof that fails or another root.
        """
        try:
            request = parse_request(body)
            note = parse_note(request.note)
            asked = Submitted(request=request, note=note, checkpoint=parse_checkpoint(note.text))
        except (MalformedRequest, SigningError) as fault:
            return _no(HTTPStatus.BAD_REQUEST, str(fault))
        policy = self._policies.get(asked.checkpoint.origin)
        if policy is None:
            return _no(HTTPStatus.NOT_FOUND, "this witness does not know a log of this origin")
        try:
            open_checkpoint(request.note, policy)
        except SigningError as fault:
            return _no(HTTPStatus.FORBIDDEN, str(fault))
        if request.old_size > asked.checkpoint.size:
            return _no(HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint's")
        return self._judge(asked, policy)

    def latest(self, path: str) -> Answer | None:
        """Answer `GET <hash of origin>/checkpoint`; None for a path that is no known log's."""
        origin = self._paths.get(path)
        if origin is None:
            return None
        note = self._state.latest(origin).note
        if not note:
            return _no(HTTPStatus.NOT_FOUND, "nothing of this log was signed yet")
        return Answer(status=HTTPStatus.OK, body=note)

    def _judge(self, asked: Submitted, policy: Policy) -> Answer:
        request, new = asked.request, asked.checkpoint
        with self._state.unit() as heads:
            seen = heads.latest(new.origin)
            if request.old_size != seen.size:
                size = format_size(seen.size)
                return Answer(status=HTTPStatus.CONFLICT, body=size, kind=SIZE_TYPE)
            try:
                verify_consistency(seen.size, new.size, seen.root, new.root, request.proof)
            except SigningError as fault:
                if seen.note and new.size == seen.size and new.root != seen.root:
                    # Both are signed by the log: whoever sees the two knows that it lied.
                    self._forks.keep(new, ours=seen.note, theirs=request.note)
                return _no(HTTPStatus.UNPROCESSABLE_ENTITY, str(fault))
            # A clock that was put back must not date this head before the one it follows.
            time = max(int(self._clock.now().timestamp()), seen.time)
            at = datetime.fromtimestamp(time, UTC)
            lines = [
                cosign_checkpoint(asked.note.text, self._name, signer, now=at)
                for signer in self._signers
            ]
            own = _lines_of(policy, asked.note)
            whole = format_note(Note(text=asked.note.text, signatures=(*own, *lines)))
            heads.store(new.origin, Seen(size=new.size, root=new.root, note=whole, time=time))
        return Answer(status=HTTPStatus.OK, body=format_lines(lines, asked.note.text))


def _lines_of(policy: Policy, note: Note) -> Iterable[NoteSignature]:
    """Return the log's own lines, one for each key: strangers' lines are not passed on."""
    known = {(log.key.name, log.key.key_id) for log in policy.logs}
    lines = {(line.name, line.key_id): line for line in note.signatures}
    return [line for key, line in lines.items() if key in known]


def _no(status: HTTPStatus, why: str) -> Answer:
    return Answer(status=status, body=f"{why}\n".encode())
