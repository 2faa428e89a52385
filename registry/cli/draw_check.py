"""Checking a draw against the public log alone: the pool was there first, the seed is the log's.

Everything is read from a folder of log files and believed only as far as it leads to the root that
the log has signed. What the files do not hold cannot be said; it is no "invalid".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from keys.policy import Policy
from registry.office.draw_papers import (
    DrawFile,
    LoggedPaper,
    ResultPaper,
    checkpoint_of,
    checkpoint_text,
    difference,
    parse_result,
)
from signing.errors import MissingTile, SigningError
from signing.milestone import MilestoneFacts, MilestoneKind, facts_commitment, parse_facts
from signing.record import OPENING_BYTES
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.entry import Milestone, Status, parse_entry
from signing.tlog.merkle import leaf_hash, verify_consistency, verify_inclusion
from signing.tlog.paths import consistency_path, inclusion_path, tree_root
from signing.tlog.tiles import ReadTile, TileReader, TreeReader
from signing.tlog.treehead import Checkpoint, format_checkpoint

_OF_THE_LOG: Final = (
    "pool was in the log first",
    "checkpoint is the first one over the pool",
    "result is in the log",
)


class Answer(StrEnum):
    """The three answers."""

    VALID = "valid"
    INVALID = "invalid"
    CANNOT_SAY = "cannot-say"


_Found: TypeAlias = tuple[Answer, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question, its answer, and what was found."""

    question: str
    answer: Answer
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLog:
    """A log's tree as of a checkpoint that the policy accepts."""

    checkpoint: Checkpoint
    tree: TreeReader

    def leaf(self, index: int) -> bytes:
        """Return leaf number ``index``, proven under the signed root. Raises ``SigningError``."""
        head, data = self.checkpoint, self.tree.entry(index)
        path = inclusion_path(index, head.size, self.tree)
        verify_inclusion(leaf_hash(data), index, head.size, path, head.root)
        return data

    def text_at(self, size: int) -> str:
        """Return the text of this log's checkpoint of an earlier size. Raises ``SigningError``."""
        head, root = self.checkpoint, tree_root(size, self.tree)
        path = consistency_path(size, head.size, self.tree)
        verify_consistency(size, head.size, root, head.root, path)
        return format_checkpoint(Checkpoint(origin=head.origin, size=size, root=root))


def open_log(read: ReadTile, policy: Policy) -> OpenLog:
    """Open the log whose files ``read`` gives. Raises ``SigningError`` or ``OSError``."""
    head = open_checkpoint(read("checkpoint"), policy).checkpoint
    return OpenLog(checkpoint=head, tree=TileReader(read).at(head.size))


def check_draw(file: DrawFile, log: OpenLog | None) -> tuple[Check, ...]:
    """Answer the four questions about a draw; ``log`` None: only the drawing itself."""
    pool, result = file.pool.encode(), file.result.encode()
    wrong = difference(pool, file.checkpoint.encode(), result)
    drawn = Check(
        question="result follows from pool and checkpoint",
        answer=Answer.INVALID if wrong else Answer.VALID,
        found=wrong or "every choice computed again",
    )
    if wrong:
        return (drawn, *_unasked("not asked: the result is wrong"))
    if log is None:
        return (drawn, *_unasked("not checked: name the log's folder with --log"))
    origin = checkpoint_of(file.checkpoint.encode()).origin
    if origin != log.checkpoint.origin:
        return (drawn, *_unasked(f"the draw rests on the log {origin}: name that log's folder"))
    paper = parse_result(result)
    found = (
        _pool_logged(file, paper, log),
        _first(file, paper, log),
        _result_logged(file, paper, log),
    )
    return (
        drawn,
        *(
            Check(question=question, answer=answer, found=words)
            for question, (answer, words) in zip(_OF_THE_LOG, found, strict=True)
        ),
    )


def _unasked(why: str) -> tuple[Check, ...]:
    return tuple(
        Check(question=question, answer=Answer.CANNOT_SAY, found=why) for question in _OF_THE_LOG
    )


def _pool_logged(file: DrawFile, paper: ResultPaper, log: OpenLog) -> _Found:
    wrong = _opens(file.pool_step, file.pool, paper.reference)
    if wrong:
        return Answer.INVALID, f"the pool's milestone {wrong}"
    if not 0 <= paper.leaf < log.checkpoint.size:
        return Answer.CANNOT_SAY, f"these files end before leaf {paper.leaf}: take newer ones"
    try:
        data = log.leaf(paper.leaf)
    except (SigningError, OSError) as error:
        return _unread(error)
    if not _commits(data, file.pool_step, paper.reference):
        return Answer.INVALID, f"leaf {paper.leaf} is not this pool's"
    return Answer.VALID, f"leaf {paper.leaf}"


def _first(file: DrawFile, paper: ResultPaper, log: OpenLog) -> _Found:
    if not 0 <= paper.leaf < paper.size - 1:
        return Answer.INVALID, "no round over the pool ends there"
    if paper.size > log.checkpoint.size:
        return Answer.CANNOT_SAY, f"these files end before size {paper.size}: take newer ones"
    try:
        # Each round ends with a status leaf and is signed there: none may lie in between.
        for index in range(paper.leaf + 1, paper.size):
            if isinstance(parse_entry(log.leaf(index)), Status) != (index == paper.size - 1):
                return Answer.INVALID, f"the round over the pool does not end at {paper.size}"
        text = log.text_at(paper.size)
    except (SigningError, OSError) as error:
        return _unread(error)
    if text != checkpoint_text(file.checkpoint.encode()):
        return Answer.INVALID, "the log's checkpoint of this size is another one"
    return Answer.VALID, f"size {paper.size}"


def _result_logged(file: DrawFile, paper: ResultPaper, log: OpenLog) -> _Found:
    wrong = _opens(file.result_step, file.result, paper.reference)
    if wrong:
        return Answer.INVALID, f"the result's milestone {wrong}"
    try:
        for index in range(paper.size, log.checkpoint.size):
            if _commits(log.tree.entry(index), file.result_step, paper.reference):
                log.leaf(index)
                return Answer.VALID, f"leaf {index}"
    except (SigningError, OSError) as error:
        return _unread(error)
    return Answer.CANNOT_SAY, "not in these files yet: take those of a later day"


def _opens(step: LoggedPaper, document: str, reference: str) -> str:
    """Say what is wrong with what opens a milestone, "" if nothing."""
    try:
        facts: MilestoneFacts = parse_facts(step.facts.encode())
        opening = bytes.fromhex(step.opening)
    except (SigningError, ValueError):
        return "is damaged"
    if len(opening) != OPENING_BYTES:
        return "is damaged"
    if facts.kind is not MilestoneKind.SUPERVISION_DRAW or facts.subject != reference:
        return "is of something else"
    if facts.document != hashlib.sha256(document.encode()).hexdigest():
        return "is of another document"
    return ""


def _commits(data: bytes, step: LoggedPaper, reference: str) -> bool:
    entry = parse_entry(data)
    commit = facts_commitment(bytes.fromhex(step.opening), step.facts.encode()).hex()
    return isinstance(entry, Milestone) and (
        (entry.kind, entry.subject, entry.commit)
        == (MilestoneKind.SUPERVISION_DRAW.value, reference, commit)
    )


def _unread(error: SigningError | OSError) -> _Found:
    if isinstance(error, MissingTile | OSError):
        return Answer.CANNOT_SAY, "the folder lacks files of the log: fetch them again"
    return Answer.INVALID, f"the log's files contradict its checkpoint ({error.code})"
