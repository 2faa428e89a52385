"""One round of questions to the witnesses: each asked in a thread of its own, all answers judged.

What an answer means (C2SP tlog-witness): 200 is a cosignature, if it verifies. 409 tells the size
the witness has: a smaller or equal one is asked from again, once; a larger one is a history that
the database does not have. 422 to a proof that holds by our own tiles means that the witness has
another tree. These two are alarms; everything else is a witness out of order.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from http import HTTPStatus
from typing import Final, Self

from keys.policy import Policy
from keys.vkey import VerifierKey
from registry.errors import RegistryError
from registry.ledger.head import Head, Log
from registry.ledger.witness.client import (
    Reply,
    WitnessUnreachable,
    add_checkpoint,
    newest_checkpoint,
)
from registry.ledger.witness.wire import (
    SIZE_TYPE,
    AddCheckpoint,
    format_request,
    parse_lines,
    parse_size,
)
from signing.errors import SigningError
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.merkle import verify_consistency
from signing.tlog.note import Note, NoteSignature, parse_note, verify_note
from signing.tlog.paths import consistency_path, tree_root
from signing.tlog.tiles import TileReader

_HINTS: Final = {
    HTTPStatus.NOT_FOUND: "it does not know this log: its operator must add the log's keys",
    HTTPStatus.FORBIDDEN: "it does not accept the log's signature: its operator must add the keys",
}


class Outcome(StrEnum):
    """What became of a question."""

    COSIGNED = "cosigned"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A witness to be asked: its keys by their names in the policy, one address for all.

    `old_size` is the size that it signed last, as far as is known here.
    """

    url: str
    keys: Mapping[str, VerifierKey]
    old_size: int

    @property
    def witness(self) -> str:
        """Its names in the policy."""
        return ", ".join(self.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the witness at `url` did: HTTP status `code`, its verified signature `lines`.

    `alarm`: it knows another history; `size` is then the size it has, if it said so.
    """

    witness: str
    url: str
    outcome: Outcome
    detail: str
    code: int | None = None
    alarm: bool = False
    size: int | None = None
    lines: tuple[NoteSignature, ...] = field(default=())

    def overtaken(self) -> Self:
        """Return this without the alarm: the head it knows is this log's own by now."""
        return replace(self, alarm=False, detail="it has signed a later head meanwhile")


def witnesses_by_address(policy: Policy) -> Iterator[tuple[str, dict[str, VerifierKey]]]:
    """Yield each address of the policy's witnesses with the keys, by policy name, that it has.

    A key listed without an address is asked for where another key of its name has one.
    """
    places = {one.key.name: one.url for one in policy.witnesses if one.url}
    found: dict[str, dict[str, VerifierKey]] = {}
    for witness in policy.witnesses:
        url = witness.url or places.get(witness.key.name)
        if url:
            found.setdefault(url, {})[witness.name] = witness.key
    yield from found.items()


def ask_all(
    log: Log, head: Head, questions: Sequence[Question], *, timeout: float
) -> tuple[Asked, ...]:
    """Ask all at once; a slow witness delays the round by `timeout` twice at most."""
    answers: dict[int, Asked] = {}

    def work(place: int, question: Question) -> None:
        answers[place] = _ask(log, head, question, timeout)

    threads = [
        # Daemons: a name server that does not answer must not keep the process from ending.
        threading.Thread(target=work, args=(place, question), daemon=True)
        for place, question in enumerate(questions)
    ]
    _run(threads, 2 * timeout)
    return tuple(
        answers.get(place, _unreachable(question, "no answer in time"))
        for place, question in enumerate(questions)
    )


def witnessed_heads(log: Log, *, timeout: float) -> list[tuple[str, int, bytes]]:
    """Return what each witness has of this log: name in the policy, size, 32-byte root.

    Only what the log and that witness have both signed; a witness that does not answer, or
    answers with anything else, is left out: nothing is known of it then.
    """
    found: list[tuple[str, int, bytes]] = []

    def work(url: str, keys: dict[str, VerifierKey]) -> None:
        try:
            reply = newest_checkpoint(url, log.origin, timeout=timeout)
            if reply.status != HTTPStatus.OK:
                return
            seen = open_checkpoint(reply.body, Policy(logs=log.policy.logs)).checkpoint
            verify_note(parse_note(reply.body), keys.values())
        except (WitnessUnreachable, SigningError):
            return
        if seen.origin == log.origin:
            found.append((", ".join(keys), seen.size, seen.root))

    threads = [
        threading.Thread(target=work, args=pair, daemon=True)
        for pair in witnesses_by_address(log.policy)
    ]
    _run(threads, timeout)
    return sorted(found)


def _run(threads: Sequence[threading.Thread], patience: float) -> None:
    """Start all and wait for them together, a second longer than their own time limits."""
    deadline = time.monotonic() + patience + 1
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _ask(log: Log, head: Head, question: Question, timeout: float) -> Asked:
    try:
        reply = add_checkpoint(
            question.url, _request(log, head, question.old_size), timeout=timeout
        )
        size = _told_size(reply)
        if size is not None and size <= head.size:
            body = _request(log, head, size)
            reply = add_checkpoint(question.url, body, timeout=timeout)
        return _judge(head, question, reply)
    except WitnessUnreachable as fault:
        return _unreachable(question, str(fault))
    except (SigningError, RegistryError) as fault:
        # Our own tiles do not prove it: nothing is said against the witness.
        why = f"this log's own files give no proof ({fault.code}): run `certreg log fsck`"
        return Asked(
            witness=question.witness, url=question.url, outcome=Outcome.REFUSED, detail=why
        )


def _request(log: Log, head: Head, old_size: int) -> bytes:
    """Return the request for `head`, its proof checked as the witness will check it."""
    tiles = TileReader(log.storage.read)
    proof = consistency_path(old_size, head.size, tiles.at(head.size))
    old_root = tree_root(old_size, tiles.at(head.size))
    verify_consistency(old_size, head.size, old_root, head.root, proof)
    return format_request(AddCheckpoint(old_size=old_size, proof=tuple(proof), note=head.note))


def _told_size(reply: Reply) -> int | None:
    if reply.status != HTTPStatus.CONFLICT or reply.kind != SIZE_TYPE:
        return None
    try:
        return parse_size(reply.body)
    except RegistryError:
        return None


def _judge(head: Head, question: Question, reply: Reply) -> Asked:
    code = reply.status
    size = _told_size(reply)
    match code:
        case HTTPStatus.OK:
            return _verified(head, question, reply)
        case HTTPStatus.CONFLICT if size is not None and size <= head.size:
            detail = f"has {size} entries now and had others a moment ago: asked again later"
        case HTTPStatus.CONFLICT if size is not None:
            detail = f"has signed {size} entries"
            return _alarm(question, code, detail, size)
        case HTTPStatus.CONFLICT:
            # An earlier text of the specification says this of another root, too.
            return _alarm(
                question, code, f"knows another history of these {head.size} entries", None
            )
        case HTTPStatus.UNPROCESSABLE_ENTITY:
            detail = f"has signed a history that these {head.size} entries do not continue"
            return _alarm(question, code, detail, None)
        case _:
            detail = _HINTS.get(HTTPStatus(code), "") if code in set(HTTPStatus) else ""
            detail = detail or f"it answered with status {code}"
    return Asked(
        witness=question.witness,
        url=question.url,
        outcome=Outcome.REFUSED,
        detail=detail,
        code=code,
    )


def _verified(head: Head, question: Question, reply: Reply) -> Asked:
    text = parse_note(head.note).text
    known = {(key.name, key.key_id): key for key in question.keys.values()}
    try:
        lines = {(line.name, line.key_id): line for line in parse_lines(reply.body, text)}
        own = tuple(line for key, line in lines.items() if key in known)
        # A stranger's line is ignored; a known key's false one condemns the answer.
        good = verify_note(Note(text=text, signatures=own), known.values())
    except (RegistryError, SigningError):
        return Asked(
            witness=question.witness,
            url=question.url,
            outcome=Outcome.REFUSED,
            detail="its answer holds no good signature of the keys in the policy",
            code=reply.status,
        )
    kept = tuple(line for key, line in lines.items() if known.get(key) in good)
    return Asked(
        witness=question.witness,
        url=question.url,
        outcome=Outcome.COSIGNED,
        detail=f"signed {head.size} entries",
        code=reply.status,
        lines=kept,
    )


def _alarm(question: Question, code: int, detail: str, size: int | None) -> Asked:
    return Asked(
        witness=question.witness,
        url=question.url,
        outcome=Outcome.REFUSED,
        detail=detail,
        code=code,
        alarm=True,
        size=size,
    )


def _unreachable(question: Question, why: str) -> Asked:
    return Asked(
        witness=question.witness, url=question.url, outcome=Outcome.UNREACHABLE, detail=why
    )
