"""The papers of a draw (抽取文书): pool, result, and the file by which anyone checks them.

Canonical JSON, so that each has one digest: the digests stand, committed to, in the ledger. The
seed is SHA-256 over the text of a checkpoint (origin, size, root) and not over its signatures:
whoever signs could make signatures until one suits.
"""

from __future__ import annotations

import hashlib
from typing import Final

from registry.rules.drawing import Drawn, Pool, PoolUnsound, draw
from signing.canonical import Canonical, decode, decoder_for, encode
from signing.errors import SigningError
from signing.tlog.note import parse_note
from signing.tlog.treehead import Checkpoint, parse_checkpoint

LONGEST: Final = 4 * 1024 * 1024
"""Bytes of the longest paper read; ten thousand plans take a quarter of a megabyte."""


class Pair(Canonical, frozen=True, kw_only=True):
    """A plan's reference and a supervisor's label."""

    plan: str
    supervisor: str


class PoolPaper(Canonical, frozen=True, kw_only=True):
    """What is drawn from, fixed before the seed is known; ``avoid`` in order."""

    avoid: tuple[Pair, ...]
    plans: tuple[str, ...]
    reference: str
    supervisors: tuple[str, ...]
    take: int
    v: int = 1


class ResultPaper(Canonical, frozen=True, kw_only=True):
    """What was drawn, in the order of drawing; ``pool`` and ``seed`` in lower-case hex.

    ``leaf`` is the pool's place in the log, ``size`` that of the checkpoint whose text gave the
    seed.
    """

    drawn: tuple[Pair, ...]
    leaf: int
    pool: str
    reference: str
    seed: str
    size: int
    v: int = 1


class LoggedPaper(Canonical, frozen=True, kw_only=True):
    """What opens a paper's milestone in the log: canonical ``facts``, ``opening`` in hex."""

    facts: str
    opening: str


class DrawFile(Canonical, frozen=True, kw_only=True):
    """All that is needed to check a draw; ``pool`` and ``result`` are the papers' own text.

    ``checkpoint`` is the note, or its bare text where no note of that size was kept.
    """

    checkpoint: str
    pool: str
    pool_step: LoggedPaper
    result: str
    result_step: LoggedPaper
    v: int = 1


_POOL: Final = decoder_for(PoolPaper)
_RESULT: Final = decoder_for(ResultPaper)
_FILE: Final = decoder_for(DrawFile)


def parse_pool(data: bytes) -> PoolPaper:
    """Read a pool. Raises MalformedJson."""
    return decode(data, _POOL, limit=LONGEST)


def parse_result(data: bytes) -> ResultPaper:
    """Read a result. Raises MalformedJson."""
    return decode(data, _RESULT, limit=LONGEST)


def parse_draw_file(data: bytes) -> DrawFile:
    """Read a draw's file. Raises MalformedJson."""
    return decode(data, _FILE, limit=3 * LONGEST)


def pool_of(paper: PoolPaper) -> Pool:
    """Give the pool as the rule of drawing takes it."""
    return Pool(
        plans=paper.plans,
        supervisors=paper.supervisors,
        avoid=frozenset((pair.plan, pair.supervisor) for pair in paper.avoid),
        take=paper.take,
    )


def checkpoint_text(note: bytes) -> str:
    """Give a note's text, or the text itself where there are no signatures.

    Raises MalformedNote or MalformedCheckpoint. Verifies no signature.
    """
    text = parse_note(note).text if b"\n\n" in note else note.decode("utf-8", "replace")
    parse_checkpoint(text)
    return text


def checkpoint_of(note: bytes) -> Checkpoint:
    """Give the tree head of a note or text. Raises MalformedNote or MalformedCheckpoint."""
    return parse_checkpoint(checkpoint_text(note))


def seed_of(note: bytes) -> bytes:
    """Give the seed of a checkpoint: SHA-256 of its text in UTF-8, 32 bytes."""
    return hashlib.sha256(checkpoint_text(note).encode()).digest()


def compute(pool: bytes, note: bytes, leaf: int) -> bytes:
    """Draw: the result paper that follows from a pool at a leaf and a checkpoint, and no other.

    Raises MalformedJson, MalformedNote, MalformedCheckpoint, ``PoolUnsound``.
    """
    paper, seed = parse_pool(pool), seed_of(note)
    return encode(
        ResultPaper(
            drawn=tuple(map(_pair, draw(pool_of(paper), seed))),
            leaf=leaf,
            pool=hashlib.sha256(pool).hexdigest(),
            reference=paper.reference,
            seed=seed.hex(),
            size=checkpoint_of(note).size,
        )
    )


def difference(pool: bytes, note: bytes, result: bytes) -> str:
    """Say the first thing in which a result differs from what pool and checkpoint give; "" if none.

    Bad papers are differences too; nothing is raised. Whether pool and checkpoint stand in the
    log is another question (`certreg draw verify --log`).
    """
    try:
        said = parse_result(result)
        made = parse_result(compute(pool, note, said.leaf))
    except (SigningError, PoolUnsound) as error:
        return str(error)
    for name in ("reference", "pool", "size", "seed"):
        if getattr(said, name) != getattr(made, name):
            return f"{name}: the result does not belong to this pool and checkpoint"
    for place, (theirs, ours) in enumerate(zip(said.drawn, made.drawn, strict=False), 1):
        if theirs != ours:
            return (
                f"draw {place}: the result says {theirs.plan} with {theirs.supervisor}, "
                f"the seed gives {ours.plan} with {ours.supervisor}"
            )
    if len(said.drawn) != len(made.drawn):
        return f"the result has {len(said.drawn)} plans where {len(made.drawn)} are drawn"
    return "" if result == encode(made) else "the result is of another version"


def _pair(drawn: Drawn) -> Pair:
    return Pair(plan=drawn.plan, supervisor=drawn.supervisor)
