"""`manifest.json` (清单): the city's signed statement of what an upload holds.

A DSSE envelope by the city's upload key over canonical JSON. It names every file of the package
by its SHA-256, carries the checkpoint and the range proofs that tie each row to the public log,
and the digest of the manifest sent before, so that a gap or a changed order is seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from keys.signer import Signer
from signing.canonical import MAX_INTEGER, Canonical, decode, decoder_for, encode
from signing.envelope import Envelope, from_json, sign_payload
from signing.errors import MalformedEntry, MalformedEnvelope, MalformedJson
from signing.tlog.entry import Hex32, Time, parse_time
from signing.upload.errors import MalformedManifest
from signing.upload.rows import MAX_ROWS, Index

MANIFEST_TYPE: Final = "application/vnd.certreg.upload.v1+json"

MAX_RANGES: Final = 2_000
"""Ranges of one upload: a batch is one, each correction one, each withdrawal up to two."""

MAX_MANIFEST_BYTES: Final = 12 * 1024 * 1024
"""Longest manifest file, in bytes: 2,000 single leaves of 2^40 take 8 MB, one whole batch 6 KB."""

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Longest file of a package, and longest package."""

MAX_HISTORY: Final = 64
"""Hashes of a consistency proof: trees of 2^53 leaves need fewer."""

Digest = Annotated[str, msgspec.Meta(pattern=r"\A(?:|[0-9a-f]{64})\Z")]
UploadId = Annotated[str, msgspec.Meta(pattern=r"\AU[0-9]{8}\Z")]
BatchNumber = Annotated[str, msgspec.Meta(pattern=r"\A[!-~]{0,64}\Z")]
Origin = Annotated[str, msgspec.Meta(pattern=r"\A[!-~]{1,255}\Z")]
KeyName = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
RowCount = Annotated[int, msgspec.Meta(ge=0, le=MAX_ROWS)]


class Counts(Canonical, frozen=True, kw_only=True):
    """Rows of each kind (数据类型); the members' names are the kinds, in the order of UTF-8."""

    withdrawal: RowCount = msgspec.field(name="撤销")
    new: RowCount = msgspec.field(name="新增")
    correction: RowCount = msgspec.field(name="更正")
    supplement: RowCount = msgspec.field(name="补录")

    @property
    def total(self) -> int:
        """Rows of all kinds."""
        return self.withdrawal + self.new + self.correction + self.supplement


class FileFacts(Canonical, frozen=True, kw_only=True):
    """A file of the package: SHA-256 in lower-case hex, and its length in bytes."""

    sha256: Hex32
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_FILE_BYTES)]


class Files(Canonical, frozen=True, kw_only=True):
    """The package's files but for the manifest itself, each under its name."""

    rows: FileFacts = msgspec.field(name="rows.jsonl")
    summary: FileFacts = msgspec.field(name="summary.pdf")
    csv: FileFacts = msgspec.field(name="table.csv")
    xlsx: FileFacts = msgspec.field(name="table.xlsx")

    def by_name(self) -> dict[str, FileFacts]:
        """Return the facts under the files' names."""
        values = (self.rows, self.summary, self.csv, self.xlsx)
        return dict(zip(FILE_NAMES, values, strict=True))


FILE_NAMES: Final = ("rows.jsonl", "summary.pdf", "table.csv", "table.xlsx")
"""The members of `Files`, in their order."""


class Range(Canonical, frozen=True, kw_only=True):
    """Leaves [first, end) of the log: the root over them alone, and `signing.tlog.ranges` proof."""

    end: Index
    first: Index
    proof: tuple[Hex32, ...]
    root: Hex32

    @property
    def hashes(self) -> list[bytes]:
        """The proof's hashes, 32 bytes each."""
        return [bytes.fromhex(item) for item in self.proof]


class History(Canonical, frozen=True, kw_only=True):
    """The checkpoint of the manifest before, and the proof that this one's tree goes on from it.

    `proof` is RFC 9162 §2.1.4.1 from `size` to the tree of the manifest's checkpoint, which is at
    least as large; empty where it is the same tree.
    """

    proof: Annotated[tuple[Hex32, ...], msgspec.Meta(max_length=MAX_HISTORY)]
    root: Hex32
    size: Annotated[int, msgspec.Meta(ge=1, le=MAX_INTEGER)]

    @property
    def hashes(self) -> list[bytes]:
        """The proof's hashes, 32 bytes each."""
        return [bytes.fromhex(item) for item in self.proof]


class Manifest(Canonical, frozen=True, kw_only=True):
    """What the city states of one upload; fields in the order of the canonical bytes."""

    batch: BatchNumber
    """The authority's batch number (批次号), "" before it is given."""
    checkpoint: Annotated[str, msgspec.Meta(min_length=1, max_length=65_536)]
    """The log's checkpoint, the whole note with its signatures."""
    city: Origin
    """The log's origin."""
    consistency: History | UnsetType = UNSET
    """Absent of the first, after a change of log, and for a centre that does not read it."""
    counts: Counts
    created: Time
    files: Files
    key: KeyName
    """The upload key that signs this."""
    organisation: Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][0-9]{12}\Z")]
    """13 characters: an upload is of one organisation."""
    previous: Digest
    """SHA-256 of the manifest payload that this city made before, "" of the first."""
    ranges: Annotated[tuple[Range, ...], msgspec.Meta(min_length=1, max_length=MAX_RANGES)]
    """Ascending, parted by at least one leaf; together exactly the rows' leaves."""
    rows: Annotated[int, msgspec.Meta(ge=1, le=MAX_ROWS)]
    sequence: Annotated[int, msgspec.Meta(ge=1, le=99_999_999)]
    """1, 2, 3 … of this city."""
    snapshot: Hex32
    """SHA-256 of `rows.jsonl`."""
    upload: UploadId
    v: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedManifest:
    """A manifest as read, nothing verified. `digest` is the SHA-256 of its payload, in hex."""

    manifest: Manifest
    envelope: Envelope
    digest: str


_DECODER = decoder_for(Manifest)


def sign_manifest(manifest: Manifest, signer: Signer) -> Envelope:
    """Sign with the city's upload key. Raises MalformedManifest if no reader would take it."""
    if manifest.key != signer.info.key_id:
        raise MalformedManifest("the manifest names another key than the one that signs it")
    payload = encode(manifest)
    if parse_manifest(payload) != manifest:
        raise MalformedManifest("the manifest does not read back the same")
    return sign_payload(MANIFEST_TYPE, payload, signer)


def parse_manifest(payload: bytes) -> Manifest:
    """Read the payload strictly. Raises MalformedManifest."""
    try:
        manifest = decode(payload, _DECODER, limit=MAX_MANIFEST_BYTES)
    except MalformedJson as error:
        raise MalformedManifest(f"the manifest is damaged: {error}") from None
    _check(manifest)
    return manifest


def open_manifest(data: bytes) -> SignedManifest:
    """Read a manifest file strictly; verifies no signature. Raises MalformedManifest."""
    try:
        envelope = from_json(data, limit=MAX_MANIFEST_BYTES)
    except MalformedEnvelope:
        raise MalformedManifest("the manifest is no signed file in canonical form") from None
    if envelope.payload_type != MANIFEST_TYPE:
        raise MalformedManifest("the signed file is no upload's manifest")
    manifest = parse_manifest(envelope.payload)
    if manifest.key != envelope.key_id:
        raise MalformedManifest("the manifest names another key than the one that signed it")
    digest = hashlib.sha256(envelope.payload).hexdigest()
    return SignedManifest(manifest=manifest, envelope=envelope, digest=digest)


def _check(manifest: Manifest) -> None:
    try:
        parse_time(manifest.created)
    except MalformedEntry:
        raise MalformedManifest("the manifest's time is none") from None
    if manifest.counts.total != manifest.rows:
        raise MalformedManifest("the counts of the kinds do not add up to the rows")
    if (manifest.sequence == 1) != (manifest.previous == ""):
        raise MalformedManifest("the first manifest, and no other, names none before it")
    if manifest.sequence == 1 and manifest.consistency is not UNSET:
        raise MalformedManifest("the first manifest goes on from none before it")
    if manifest.files.rows.sha256 != manifest.snapshot:
        raise MalformedManifest("the snapshot is not the digest of the rows' file")
    if any(part.first >= part.end for part in manifest.ranges):
        raise MalformedManifest("a range is empty")
    # Two ranges that touch would be one: there is one way to write the same leaves.
    if any(one.end >= two.first for one, two in pairwise(manifest.ranges)):
        raise MalformedManifest("the ranges overlap, touch, or are not in order")
    leaves = sum(part.end - part.first for part in manifest.ranges)
    if not manifest.rows <= leaves <= manifest.rows + manifest.counts.withdrawal:
        raise MalformedManifest("the ranges hold another number of leaves than the rows have")
