"""Log entries (日志条目): the data of the log's leaves, one canonical JSON object each.

Keys in order, strings and integers only (RFC 8785 subset of `signing.canonical`), at most
65,535 bytes. No entry names or describes a person: an issue entry commits to the record by
HMAC-SHA256 under an opening that is kept with the record, and both can be erased.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime
from enum import IntEnum
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from signing import canonical
from signing.errors import MalformedEntry, MalformedJson
from signing.tlog.tiles import MAX_ENTRY

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=canonical.MAX_INTEGER)]
Hex32: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Code: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9._-]{0,63}\Z")]
Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[!-~]{1,128}\Z")]
Time: TypeAlias = Annotated[
    str,
    msgspec.Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z"),
]
_IMPORT_BATCH: Final = re.compile(r"[A-Z][0-9]{12}-(20[0-9]{6})-[0-9]{4,}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


class State(IntEnum):
    """State of a certificate (证书状态): the two bits of the status pages."""

    VALID = 0
    """有效"""
    REVOKED = 1
    """已撤销"""
    SUSPENDED = 2
    """已暂停"""
    SUPERSEDED = 3
    """已更正: a newer edition stands in its place."""


class Issue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate was issued (发证).

    `number` is the certificate number (证书编号), `prefix` its issuer's 13 characters,
    `edition` counts from 1, `status` is its place in the status pages, `batch` the batch's
    reference; `commit` is HMAC-SHA256(opening, canonical record) in hex.
    """

    batch: Name
    commit: Hex32
    edition: Annotated[int, msgspec.Meta(ge=1, le=9999)]
    number: Name
    prefix: Name
    status: Count
    t: Literal["issue"] = "issue"
    v: Literal[1] = 1


class Import(Issue, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate that was issued before it was in the log was taken in (补录).

    The members are those of `Issue`, and so is what the entry counts for: status pages, the close
    of its batch, editions. It says one thing less: the number was not minted here, and the log
    shows nothing of the time before this leaf. `batch` names the day of registration
    (`imported_on`). A later edition of such a certificate is an `Import` too, or a correction
    would hide where it came from.

    A verifier from before this kind cannot parse the leaf, and so never says *valid* for it.
    """

    t: Literal["import"] = "import"  # type: ignore[assignment]  # a kind of its own


class StatusChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate's state changed (状态变更).

    `index` is its place in the status pages; `link` is that of the certificate standing in
    its place, in decimal, or ""; `reason` is a stable code; `state` one of `State`.
    """

    index: Count
    link: Annotated[str, msgspec.Meta(pattern=r"\A(?:|0|[1-9][0-9]{0,15})\Z")]
    reason: Code
    state: Annotated[int, msgspec.Meta(ge=0, le=3)]
    t: Literal["status-change"] = "status-change"
    v: Literal[1] = 1


class BatchClose(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A batch is complete (批次结束): leaves `first` to `last` are its `count` issue entries.

    `root` is the RFC 6962 root over those leaves alone, in hex; `filing` the reference of the
    approval (批准文号).
    """

    batch: Name
    count: Annotated[int, msgspec.Meta(ge=1, le=canonical.MAX_INTEGER)]
    filing: Annotated[str, msgspec.Meta(max_length=256)]
    first: Count
    last: Count
    root: Hex32
    t: Literal["batch-close"] = "batch-close"
    v: Literal[1] = 1


class Status(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All certificates' states as of `time` (状态根): `root` of the status pages, in hex.

    `before` says which leaves it covers (those of a smaller index), `count` how many
    certificates the pages hold.
    """

    before: Count
    count: Count
    root: Hex32
    t: Literal["status"] = "status"
    time: Time
    v: Literal[1] = 1


class Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An issuer's key came or went (密钥变更): `key` its id, `public` the raw key in base64."""

    action: Literal["add", "retire", "revoke"]
    alg: Code
    issuer: Name
    key: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    public: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9+/]{1,4096}={0,2}\Z")]
    t: Literal["key"] = "key"
    time: Time
    v: Literal[1] = 1


class Milestone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of the procedure happened by this time (程序节点), such as a plan's filing (计划备案).

    `subject` is the office's reference, `commit` an HMAC-SHA256 of the document in hex.
    """

    commit: Hex32
    kind: Code
    subject: Name
    t: Literal["milestone"] = "milestone"
    time: Time
    v: Literal[1] = 1


class Succession(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """This log stands in the place of a frozen one (日志接续); the first leaf of a later log.

    `origin` names the frozen log; `size` and `root` (hex) are its last checkpoint that the office
    stands by. The frozen log's `successor` note points back here.
    """

    origin: Annotated[str, msgspec.Meta(pattern=r"\A[!-~]{1,255}\Z")]
    root: Hex32
    size: Count
    t: Literal["succession"] = "succession"
    time: Time
    v: Literal[1] = 1


Entry: TypeAlias = (
    Issue | Import | StatusChange | BatchClose | Status | Key | Milestone | Succession
)


class _Head(msgspec.Struct):
    t: str


_HEAD: Final = canonical.decoder_for(_Head)
_DECODERS: Final[dict[str, msgspec.json.Decoder[Entry]]] = {
    "issue": msgspec.json.Decoder(Issue),
    "import": msgspec.json.Decoder(Import),
    "status-change": msgspec.json.Decoder(StatusChange),
    "batch-close": msgspec.json.Decoder(BatchClose),
    "status": msgspec.json.Decoder(Status),
    "key": msgspec.json.Decoder(Key),
    "milestone": msgspec.json.Decoder(Milestone),
    "succession": msgspec.json.Decoder(Succession),
}


def imported_on(entry: Issue) -> date | None:
    """Give the day in China on which a certificate was taken in, None of one issued here.

    It stands in the batch's reference, `<prefix>-<YYYYMMDD>-<serial>`; None too where a reference
    holds no day: whoever writes a log may call a batch as it likes.
    """
    found = _IMPORT_BATCH.fullmatch(entry.batch) if isinstance(entry, Import) else None
    if found is None:
        return None
    with suppress(ValueError):
        return date.fromisoformat(found[1])
    return None


def format_time(at: datetime) -> str:
    """Write an aware time as the entries have it: UTC, whole seconds, "2026-11-23T01:02:03Z"."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """Read what `format_time` writes. Raises MalformedEntry."""
    # fromisoformat alone would take other spellings; strptime alone costs ten times as much.
    if _TIME.fullmatch(text):
        with suppress(ValueError):
            return datetime.fromisoformat(text)
    raise MalformedEntry("a log entry's time is not a date and time in UTC")


def encode_entry(entry: Entry) -> bytes:
    """Bytes of the leaf. Raises MalformedEntry if `parse_entry` would refuse them."""
    data = encode_issue(entry) if isinstance(entry, Issue) else canonical.encode(entry)
    if parse_entry(data) != entry:
        raise MalformedEntry("the log entry does not read back the same")
    return data


def encode_issue(entry: Issue) -> bytes:
    """Bytes of an issue entry made from checked values: the hot path, under a microsecond."""
    return canonical.encode(entry)


def parse_entry(data: bytes) -> Entry:
    """Read a leaf's data. Raises MalformedEntry; the message quotes nothing of it."""
    if len(data) > MAX_ENTRY:
        raise MalformedEntry(f"a log entry is longer than {MAX_ENTRY} bytes")
    try:
        decoder = _DECODERS[_HEAD.decode(data).t]
        entry = canonical.decode(data, decoder, limit=MAX_ENTRY)
    except (MalformedJson, msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError):
        raise MalformedEntry("this is not a log entry of a known kind") from None
    match entry:
        case Status() | Key() | Milestone() | Succession():
            parse_time(entry.time)
        case BatchClose() if entry.last - entry.first + 1 != entry.count:
            raise MalformedEntry("a batch's first and last leaf do not fit its count")
        case _:
            pass
    return entry
