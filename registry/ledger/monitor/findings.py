"""What can be found wrong with a log: a kind for programs, a place, and words for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

FINDINGS_AT_MOST: Final = 10_000
"""More findings than this are counted, not listed: a log of zeros must not fill the memory."""


class Kind(StrEnum):
    """What is wrong; stable, for a mail filter or an alarm to go by."""

    CHECKPOINT = "checkpoint"
    """The checkpoint is malformed, of another log, or a signature on it is false."""
    FORK = "fork"
    """Two checkpoints signed by the log that cannot be of one history."""
    UNCONNECTED = "unconnected"
    """A checkpoint signed by the log that the tiles do not show to go on from a witnessed one."""
    STALE = "stale-checkpoint"
    """An older checkpoint of the same history than was seen before."""
    TRUNCATED = "truncated"
    """A smaller checkpoint than was seen before, and what was beyond it can no longer be read."""
    ROOT = "root"
    """The entries do not give the signed root."""
    MISSING = "missing-file"
    """A file of the tree that was signed is not served."""
    TILE = "tile"
    """A tile is not what the entries give."""
    BUNDLE = "bundle"
    """An entry bundle is cut short, too long, or other than it was."""
    ENTRY = "entry"
    """A leaf that is no log entry."""
    NUMBER_FORM = "number-form"
    """No certificate number, or one of another issuer."""
    NUMBER_TWICE = "number-twice"
    """A number and edition stand in the log twice."""
    NUMBER_GAP = "number-gap"
    """Numbers of a (prefix, year, level) were left out."""
    NUMBER_ORDER = "number-order"
    """A number comes after higher ones."""
    EDITION = "edition"
    """An edition without the one before it, or one whose predecessor was not superseded."""
    ORIGIN = "origin"
    """An imported certificate's later edition, or one of its batch, that is called issued here; or
    the other way."""
    IMPORT_DAY = "import-day"
    """An import's batch names no day of registration, or one that the log's times contradict."""
    BATCH = "batch"
    """A batch is not closed, closed twice, or closed with a false range or count."""
    RANGE_ROOT = "range-root"
    """A batch's range root is not that of its entries."""
    STATUS_INDEX = "status-index"
    """A status index that is not the next one."""
    STATUS_CHANGE = "status-change"
    """A change of state that the rules do not allow."""
    STATUS = "status"
    """A status entry with a false count or range."""
    STATUS_ROOT = "status-root"
    """A status entry's root is not what the events before it give."""
    STATUS_TIME = "status-time"
    """A status entry dated before the one ahead of it, or in the future."""
    STATUS_LATE = "status-late"
    """The newest status entry is older than is allowed."""
    KEY = "key"
    """A key event that does not fit those before it."""
    KEY_NOT_IN_FORCE = "key-not-in-force"
    """An issue entry under a prefix that has no record key in force."""
    SUCCESSION = "succession"
    """A succession that is not the log's first leaf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found: its `kind`, `where` (a file, or `entry N`) and `what` is wrong."""

    kind: Kind
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: {self.what}"


Say: TypeAlias = Callable[[Kind, str], None]
"""Takes what is wrong with the entry that is being looked at."""
