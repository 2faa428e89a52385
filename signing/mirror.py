"""The public mirror (公众查询库): what registry writes and verify_web reads, encrypted by row.

One sealed entry per certificate edition under a random key of its own, and index rows
(tag → wrapped key) for what a caller may ask by: the token of the QR code, or any **two** of
number, name, ID number and admission number (the national lookup's rule), or number and the
last six characters of the ID number (what an employer's list has). Tag and wrapping
key are one HMAC over the factors and a server-side pepper, so whoever copies the file
without the pepper can neither read an entry nor test a guess, and with the pepper still
needs two right facts about the person. Lookup by one thing is impossible by construction:
no row is made for it. Sealed entries are padded, so their lengths tell nothing of names.

What the file does show: how many certificates there are, and how many rows share a tag.
"""

from __future__ import annotations

import hmac
import itertools
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from signing.envelope import Envelope
from signing.errors import MalformedMirror
from signing.record import Record, parse_record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SCHEMA: Final = """\
CREATE TABLE IF NOT EXISTS entries (
    entry_id BLOB PRIMARY KEY,
    sealed BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS tags (
    tag BLOB NOT NULL,
    wrapped BLOB NOT NULL,
    PRIMARY KEY (tag, wrapped)
) WITHOUT ROWID;
"""
"""SQLite tables of HOME/public/mirror.db. `tags` names no entry: rows of one certificate
cannot be put together without the factors; the publisher deletes by recomputed tags."""

PEPPER_BYTES: Final = 32
KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
ENTRY_ID_BYTES: Final = 16

LAST_SIX_LENGTH: Final = 6

MAX_SEALED_BYTES: Final = 16_384
"""An entry takes 1.3–2.2 KB; nothing longer is opened."""

_DOMAIN: Final = b"certreg/mirror/v1\0"
_NONCE_BYTES: Final = 12
_GCM_TAG_BYTES: Final = 16
_WRAPPED_BYTES: Final = _NONCE_BYTES + ENTRY_ID_BYTES + KEY_BYTES + _GCM_TAG_BYTES
_PAD_TO: Final = 256
_LENGTH_BYTES: Final = 4


class Factor(StrEnum):
    """What a lookup may be made by (查询要素)."""

    TOKEN = "token"  # noqa: S105 -- the factor's name, no secret
    NUMBER = "number"
    NAME = "name"
    ID_NUMBER = "id-number"
    ADMISSION = "admission"
    LAST_SIX = "id-last-six"
    """Last six characters of the ID number: with the certificate number only, since they are few
    enough to be tried out."""


class Chain(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """How far the reporting has come (上报进度), each a day `YYYY-MM-DD`, "" if not known.

    The office's own statement: neither the issuer nor the log has signed it.
    """

    filed: str = ""
    """Batch approved and filed (备案通过)."""
    reported: str = ""
    """Sent to the provincial centre (报送省中心)."""
    accepted: str = ""
    """Accepted by the provincial centre (省中心接收)."""
    listed: str = ""
    """Seen in the national lookup (全国联网可查)."""
    ended: str = ""
    """The office reports it no more (不再上报), since that day; absent in older entries."""


class MirrorEntry(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """All the page needs of one edition, beside the log's own public files."""

    envelope: Envelope
    opening: bytes
    """32 bytes that open the leaf's commitment."""
    entry: bytes
    """The leaf's bytes."""
    index: int
    """Leaf index in the log."""
    status_index: int
    token: str
    """This edition's QR token."""
    superseded_by: str
    """Token of the edition that replaced this one, "" if none."""
    batch: str
    chain: Chain = Chain()
    """Absent in entries written before there was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorRows:
    """The rows of one entry: (entry_id, sealed) for `entries`, the rest for `tags`."""

    entry_id: bytes
    sealed: bytes
    index_rows: tuple[tuple[bytes, bytes], ...]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(MirrorEntry, strict=True)

_LAST_SIX_PAIR: Final = {Factor.LAST_SIX, Factor.NUMBER}

_DOTS = re.compile("[•・‧･]")
_SPACES = re.compile(r"\s+")


def normalise(factor: Factor, value: str) -> str:
    """Bring a typed factor into the one form that is hashed.

    Names: NFC, the middle dots (• ・ ‧ ･) to `·`, no spaces. The others: NFKC (full-width
    digits), no spaces, upper case (x of an ID number); the token in lower case.
    """
    if factor is Factor.NAME:
        return unicodedata.normalize("NFC", _DOTS.sub("·", _SPACES.sub("", value)))
    plain = _SPACES.sub("", unicodedata.normalize("NFKC", value))
    plain = plain.lower() if factor is Factor.TOKEN else plain.upper()
    # Once more: what a space kept apart may combine now.
    return unicodedata.normalize("NFKC", plain)


def tag_and_key(pepper: bytes, factors: Mapping[Factor, str]) -> tuple[bytes, bytes]:
    """Tag (16 bytes) and wrapping key (32 bytes) of a lookup by these factors.

    `factors` is the token alone, or exactly two of the others, none empty, the last six
    characters of the ID number with the number only; anything else raises MalformedMirror: the
    only door, so no code can ask by a name alone.
    """
    kinds = factors.keys()
    two = len(kinds) == 2 and not kinds & {Factor.TOKEN, Factor.LAST_SIX}  # noqa: PLR2004
    if not two and kinds not in ({Factor.TOKEN}, _LAST_SIX_PAIR):
        raise MalformedMirror("a lookup needs two facts, or the QR code")
    return _derive(_checked(pepper), [_part(kind, factors[kind]) for kind in sorted(factors)])


def _part(factor: Factor, value: str) -> bytes:
    """One factor as it is hashed: its name and its normal form, each with its length."""
    plain = normalise(factor, value).encode("utf-8", "replace")
    if not plain:
        raise MalformedMirror("a lookup's fact is empty")
    return _prefixed(factor.encode()) + _prefixed(plain)


def _derive(pepper: bytes, parts: Sequence[bytes]) -> tuple[bytes, bytes]:
    digest = hmac.digest(pepper, _DOMAIN + b"".join(parts), "sha512")
    return digest[:TAG_BYTES], digest[TAG_BYTES : TAG_BYTES + KEY_BYTES]


def pairs(record: Record) -> tuple[Mapping[Factor, str], ...]:
    """Every lookup by two facts: 6 and that by the last six, or 3 without an admission number."""
    twos = itertools.combinations(_facts(record).items(), 2)
    return (*map(dict, twos), {Factor.LAST_SIX: last_six(record), Factor.NUMBER: record.number})


def last_six(record: Record) -> str:
    """Last six characters of the ID number, or the whole of a shorter one."""
    return record.id_number[-LAST_SIX_LENGTH:]


def _facts(record: Record) -> dict[Factor, str]:
    """Return the record's present facts in the order in which they are hashed."""
    facts = {
        Factor.ADMISSION: record.admission,
        Factor.ID_NUMBER: record.id_number,
        Factor.NAME: record.name,
        Factor.NUMBER: record.number,
    }
    return {factor: value for factor, value in facts.items() if value}


def entry_id_of(pepper: bytes, token: str) -> bytes:
    """Make the 16-byte primary key of the edition with this token."""
    mac = hmac.digest(_checked(pepper), _DOMAIN + b"entry|" + token.encode(), "sha256")
    return mac[:ENTRY_ID_BYTES]


def seal_rows(
    pepper: bytes,
    entry: MirrorEntry,
    random: Callable[[int], bytes],
    *,
    record: Record | None = None,
) -> MirrorRows:
    """Seal `entry` and wrap its key for each lookup its record allows.

    `random` gives that many unpredictable bytes (`secrets.token_bytes`): the entry's key is
    used once, with one nonce. `record` spares parsing the envelope's payload again. Sealing an
    entry anew gives other bytes and the same tags. Raises MalformedRecord when the envelope
    holds no record, MalformedMirror when too long.
    """
    whole = record or parse_record(entry.envelope.payload)
    facts = _facts(whole)
    entry_id = entry_id_of(pepper, entry.token)
    packed = _ENCODER.encode(entry)
    plain = len(packed).to_bytes(_LENGTH_BYTES) + packed
    plain += bytes(-len(plain) % _PAD_TO)
    if len(plain) > MAX_SEALED_BYTES - _NONCE_BYTES - _GCM_TAG_BYTES:
        raise MalformedMirror("the entry is too long for the public mirror")
    # Each fact is normalised once and stands in three pairs; one call brings all the randomness.
    parts = [_part(factor, value) for factor, value in facts.items()]
    few = [_part(Factor.LAST_SIX, last_six(whole)), _part(Factor.NUMBER, whole.number)]
    lookups = [[_part(Factor.TOKEN, entry.token)], *itertools.combinations(parts, 2), few]
    noise = random(KEY_BYTES + _NONCE_BYTES * (1 + len(lookups)))
    key = noise[:KEY_BYTES]
    nonces = (noise[at : at + _NONCE_BYTES] for at in range(KEY_BYTES, len(noise), _NONCE_BYTES))
    index_rows = []
    for lookup in lookups:
        tag, wrapping = _derive(pepper, lookup)
        index_rows.append((tag, _encrypt(wrapping, next(nonces), entry_id + key, tag)))
    return MirrorRows(
        entry_id=entry_id,
        sealed=_encrypt(key, next(nonces), plain, entry_id),
        index_rows=tuple(index_rows),
    )


def open_index(wrapping: bytes, tag: bytes, wrapped: bytes) -> tuple[bytes, bytes]:
    """Entry id and entry key of one row of `tags`; raises MalformedMirror."""
    if len(wrapped) != _WRAPPED_BYTES:
        raise MalformedMirror("an index row of the public mirror has the wrong length")
    plain = _decrypt(wrapping, wrapped, tag)
    return plain[:ENTRY_ID_BYTES], plain[ENTRY_ID_BYTES:]


def wrap_index(wrapping: bytes, tag: bytes, plain: bytes, random: Callable[[int], bytes]) -> bytes:
    """Make one more row's `wrapped` for an entry that has rows: `plain` is its id and its key.

    `random` gives that many unpredictable bytes.
    """
    return _encrypt(wrapping, random(_NONCE_BYTES), plain, tag)


def open_entry(entry_id: bytes, key: bytes, sealed: bytes) -> MirrorEntry:
    """Open one row of `entries` under the key from its index row; raises MalformedMirror.

    The entry id is authenticated with it: rows cannot be swapped in the file.
    """
    if len(sealed) > MAX_SEALED_BYTES:
        raise MalformedMirror("an entry of the public mirror is too long")
    plain = _decrypt(key, sealed, entry_id)
    size = int.from_bytes(plain[:_LENGTH_BYTES])
    try:
        return _DECODER.decode(plain[_LENGTH_BYTES : _LENGTH_BYTES + size])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise MalformedMirror("an entry of the public mirror is of another version") from None


def _encrypt(key: bytes, nonce: bytes, plain: bytes, data: bytes) -> bytes:
    # A wrapping key meets a few rows in its life, an entry key one: random nonces are safe.
    return nonce + AESGCM(key).encrypt(nonce, plain, data)


def _decrypt(key: bytes, sealed: bytes, data: bytes) -> bytes:
    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, body, data)
    except (InvalidTag, ValueError):
        raise MalformedMirror("a row of the public mirror does not open with these facts") from None


def _prefixed(value: bytes) -> bytes:
    return len(value).to_bytes(4) + value


def _checked(pepper: bytes) -> bytes:
    if len(pepper) != PEPPER_BYTES:
        raise MalformedMirror("the mirror's pepper must be 32 bytes")
    return pepper
