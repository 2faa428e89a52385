"""The sides of a reconciliation (对账的各方): what each holds of the same rows, as plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from registry.store.outbox import RowState
from registry.store.uploads import UploadState
from registry.upload.reconcile_words import Code, Kind, kind_of


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Key:
    """What a row is about: number, edition and data kind (新增, 更正, 补录, 撤销)."""

    number: str
    edition: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """A row as the registry holds it now.

    ``record`` is the fingerprint of the signed record and its opening, "" if it could not be
    opened; ``upload`` is "" and ``row`` None where the row is in no upload. ``due`` is the last
    day for reporting it, None where no rule gives one.
    """

    key: Key
    record: str
    state: RowState
    upload: str
    row: int | None
    reason: str
    due: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldUpload:
    """An upload as the registry holds it; digests in hex and ``city`` are "" until it is frozen.

    ``city`` is the log's origin in the manifest; a successor of that log has another.
    ``answer_due`` is the last day on which the receipt is in time; None where no rule gives one.
    """

    upload: str
    state: UploadState
    city: str
    batch: str
    snapshot: str
    manifest: str
    answer_due: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRow:
    """A row of the package that went out."""

    row: int
    key: Key
    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentUpload:
    """The package's own account: its digests computed anew from its bytes, its rows in order."""

    batch: str
    snapshot: str
    manifest: str
    rows: tuple[SentRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The centre's answer to one row; ``reason`` is "" exactly if it was accepted."""

    row: int
    key: Key
    accepted: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptCopy:
    """A receipt whose signature holds. ``source`` is its file, "" where only the registry has it.

    ``imported``: it has taken effect; one that waits for its predecessor has not.
    """

    digest: str
    previous: str
    source: str
    imported: bool
    city: str
    upload: str
    batch: str
    manifest: str
    snapshot: str
    rows: tuple[Answered, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneUpload:
    """All sides of one upload.

    ``rows`` are the registry's rows that name the upload and those whose keys its package has;
    ``sent`` is None where the package cannot be read.
    """

    held: HeldUpload
    rows: tuple[HeldRow, ...]
    sent: SentUpload | None
    receipts: tuple[ReceiptCopy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that does not agree; ``held`` is the registry's value, ``got`` the other side's."""

    code: Code
    upload: str = ""
    source: str = ""
    row: int | None = None
    key: Key | None = None
    held: str = ""
    got: str = ""

    @property
    def kind(self) -> Kind:
        """Which sheet it stands on."""
        return kind_of(self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What belongs to no upload, or to all of them.

    ``loose`` are the registry's rows in no upload; ``unowed`` editions that left no row at all;
    ``strays`` receipts that name no upload of ours; ``faults`` what the reading found.
    ``cities`` are the origins of our logs; ``manifests`` are (upload, digest, previous) in the
    order of the sequence.
    """

    cities: frozenset[str]
    today: date
    loose: tuple[HeldRow, ...] = ()
    unowed: tuple[Key, ...] = ()
    strays: tuple[ReceiptCopy, ...] = ()
    faults: tuple[Difference, ...] = ()
    manifests: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome: the differences, and how much was compared."""

    differences: tuple[Difference, ...]
    uploads: int
    rows: int
    receipts: int

    @property
    def counts(self) -> Mapping[Kind, int]:
        """How many there are of each kind, noughts included."""
        found = Counter(one.kind for one in self.differences)
        return {kind: found[kind] for kind in Kind}

    @property
    def equal(self) -> bool | None:
        """True if all sides agree, False if something differs, None if it cannot be said."""
        if any(one.kind is not Kind.CANNOT_SAY for one in self.differences):
            return False
        return None if self.differences else True
