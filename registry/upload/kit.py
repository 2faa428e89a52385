"""What the outbox is handed from outside: keys, log, drawing. This room knows none of them itself.

The composition root fills it in, so that `registry.upload` imports neither the office's use cases
nor the key ring nor the drawing of documents, and a test can hand in what fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from registry.store.certificates import Certificate
from registry.upload.mapping import Mapping
from registry.upload.summary import Summary
from signing.envelope import Envelope
from signing.record import Record
from signing.tlog.tiles import ReadTile
from signing.upload.manifest import Manifest


class Opened(Protocol):
    """One edition with its secrets, as `registry.office.certificates` opens it."""

    @property
    def record(self) -> Record:
        """The record, parsed."""
        ...

    @property
    def opening(self) -> bytes:
        """The key of the ledger's commitment, 32 bytes."""
        ...

    @property
    def envelope(self) -> Envelope:
        """The signed record."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """The surroundings of the outbox in one home.

    ``city`` is the log's origin, ``office`` the office's name; ``folder`` keeps the sealed
    packages, under ``field_key`` (32 bytes). ``read_tile`` reads the log's files, ``note(index)``
    gives the best checkpoint that has the leaf. ``key_id`` is the upload key's, ``key_leaf`` where
    it was announced (None: not in the log yet), ``sign`` signs a manifest with it. ``proves`` says
    that the centre reads proofs of the log's history; an older one would refuse the manifest. Where
    that is not known (None), the next manifest proves if the last one did.
    ``tell(done, total)`` hears how far the files of an upload have come, in rows of all together.
    """

    city: str
    office: str
    actor: str
    folder: Path
    field_key: bytes
    random: Callable[[int], bytes]
    mapping: Mapping
    read_tile: ReadTile
    note: Callable[[int], bytes]
    open: Callable[[Certificate], Opened]
    key_id: str
    key_leaf: int | None
    sign: Callable[[Manifest], Envelope]
    proves: bool | None
    draw: Callable[[Summary], bytes]
    tell: Callable[[int, int], None] = field(default=lambda _done, _total: None)
