"""The published directory as the site sees it at one moment, checked as far as it can be.

A snapshot is taken anew whenever one of the files that change is replaced: checkpoints,
trust files, status head. Tiles never change and are read through one cache a snapshot. The
newest checkpoint may still lack witnesses: then `checkpoint.witnessed` stands in. What
cannot be trusted is not used: without trust files or an accepted checkpoint there is no
snapshot (ServiceTrouble), without a proven status list every status is *cannot say*.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keys.errors import KeysError
from keys.trust import POLICY_FILE, load_trust
from signing.errors import SigningError
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.note import MAX_NOTE
from signing.tlog.tiles import TileReader
from verify_web.errors import ServiceTrouble
from verify_web.statuslist import StatusList, read_status_list

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from keys.trust import Trust
    from signing.tlog.checkpoint import SignedCheckpoint
    from signing.tlog.tiles import TreeReader

_LOG: Final = logging.getLogger("verify_web")

_CHECKPOINTS: Final = ("checkpoint", "checkpoint.witnessed")
"""In the order in which they are tried; the second is there only where a quorum is asked for."""

_CHANGING: Final = ("trust/log.policy", "trust/issuers.json", "status/latest.json")
"""With the checkpoints of the log in use: that is told by the trust files, and may change."""

_Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Trust, an accepted checkpoint, its tree, and the status list if one is proven by it."""

    trust: Trust
    head: SignedCheckpoint
    tree: TreeReader
    status: StatusList | None
    policy_digest: str
    """SHA-256 of log.policy in hex: what a visitor compares with the office by another way."""


class PublicDirectory:
    """Reads HOME/public. Safe to share between threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._kept: tuple[_Stamp, Snapshot] | None = None
        self._stamped = self._files("log", _CHECKPOINTS)

    def snapshot(self) -> Snapshot:
        """Give the present state. Raises ServiceTrouble when it cannot be trusted."""
        # The stamp is taken before reading: a file replaced meanwhile is noticed next time.
        stamp = self._stamp()
        kept = self._kept
        if kept is not None and kept[0] == stamp:
            return kept[1]
        with self._lock:
            snapshot = self._read()
            self._kept = (stamp, snapshot)
        return snapshot

    def forget(self) -> None:
        """Read everything again next time: a damaged tile may have been mended by then."""
        self._kept = None

    def _stamp(self) -> _Stamp:
        return tuple(map(_stat, self._stamped))

    def _files(self, log: str, checkpoints: Sequence[str]) -> tuple[str, ...]:
        names = (*_CHANGING, *(f"{log}/{name}" for name in checkpoints))
        return tuple(str(self._directory / name) for name in names)

    def _read(self) -> Snapshot:
        try:
            trust = load_trust(self._directory / "trust")
            # A frozen log's successor has another folder: log2 after log.
            log = trust.log_origin.rpartition("/")[2]
            # While the newest checkpoint is accepted, the other one decides nothing.
            self._stamped = self._files(log, _CHECKPOINTS)
            head, read = self._head(trust, self._directory / log)
            self._stamped = self._files(log, read)
            policy = (self._directory / "trust" / POLICY_FILE).read_bytes()
        except (KeysError, SigningError, OSError) as error:
            raise ServiceTrouble(f"no trusted checkpoint: {_code(error)}") from None
        folder = self._directory / log
        tree = TileReader(lambda path: (folder / path).read_bytes()).at(head.checkpoint.size)
        try:
            status = read_status_list(self._directory / "status", head.checkpoint, tree)
        except (SigningError, OSError) as error:
            _LOG.error("status list not usable: %s", _code(error))
            status = None
        return Snapshot(
            trust=trust,
            head=head,
            tree=tree,
            status=status,
            policy_digest=hashlib.sha256(policy).hexdigest(),
        )

    def _head(self, trust: Trust, folder: Path) -> tuple[SignedCheckpoint, Sequence[str]]:
        """Open the first checkpoint that is accepted, and name those that were looked at."""
        newest, witnessed = (folder / name for name in _CHECKPOINTS)
        try:
            return _open(newest, trust), _CHECKPOINTS[:1]
        except (SigningError, OSError) as error:
            try:
                return _open(witnessed, trust), _CHECKPOINTS
            except (SigningError, OSError):
                # What ails the newest one is what the operator wants to know.
                raise error from None


def _open(file: Path, trust: Trust) -> SignedCheckpoint:
    with file.open("rb") as handle:
        return open_checkpoint(handle.read(MAX_NOTE + 1), trust.policy)


def _stat(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 -- called for each file at each request
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _code(error: Exception) -> str:
    return str(getattr(error, "code", type(error).__name__))
