"""The trust folder: what a verifier starts from, and all it has to believe.

    log.policy     the log's key and the witnesses (C2SP tlog-policy), had from the office once
    issuers.json   issuers, their keys, the seal root; DSSE envelope signed by the log's key

Only log.policy must be come by safely: issuers.json is checked under its log key. An older
issuers.json still verifies, as it must offline, and knows nothing that came after
`Trust.issued_at`: under it, a key revoked since is a key like any other. Who must not be taken
in by a thief of yesterday takes the file of today.

Version 2 says of every key at which leaf of the log it came and went; version 1 did not, and is
read still.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cryptography.x509 import load_der_x509_certificate

from keys import strict
from keys.errors import KeyRefused, KeysError, TrustBroken
from keys.log_signed import log_keys_of, sign_file, signed_payload
from keys.model import (
    PUBLIC_KEY_BYTES,
    Algorithm,
    KeyId,
    KeyState,
    Purpose,
    is_prefix,
    key_id_of,
)
from keys.policy import MAX_POLICY, Policy, parse_policy
from keys.signer import Signer
from keys.vkey import is_key_name

ISSUERS_TYPE: Final = "application/vnd.certreg.issuers.v1+json"
POLICY_FILE: Final = "log.policy"
ISSUERS_FILE: Final = "issuers.json"
MAX_ISSUERS: Final = 8 << 20
"""Longest issuers.json read, in bytes; ten thousand issuers take about 5 MB."""

VERSION: Final = 2
"""The version written; 1 is read too."""

_FIRST_VERSION: Final = 1
_MAX_LEAF: Final = (1 << 53) - 1
_LEAF = re.compile("0|[1-9][0-9]{0,15}", re.ASCII)
_AGAIN: Final = "get the trust folder again from the office, over a way you trust"
_MAX_NAME: Final = 200
_USCC = re.compile("[0-9A-Z]{18}", re.ASCII)
_BASE_URL = re.compile(r"https?://[a-z0-9.\-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~\-]{1,64}){0,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A key of an issuer. `revoked_at` is set exactly if `state` is revoked; times are UTC.

    Valid from `not_before` until just before `not_after`. What it signed stands in the log at
    `added_leaf` or later and, if it is active no more, below `ended_leaf`: the indices of its
    `key` leaves. None is unknown. An end that is not in the log yet has the lowest index it can
    still get. Raises ValueError on disagreement.
    """

    key_id: KeyId
    algorithm: Algorithm
    purpose: Purpose
    public_key: bytes
    not_before: datetime
    not_after: datetime
    state: KeyState
    revoked_at: datetime | None = None
    added_leaf: int | None = None
    ended_leaf: int | None = None

    def __post_init__(self) -> None:
        if len(self.public_key) != PUBLIC_KEY_BYTES[self.algorithm]:
            raise ValueError("a public key has the wrong length for its algorithm")
        if self.key_id != key_id_of(self.algorithm, self.public_key):
            raise ValueError("a key id does not belong to its public key")
        if self.not_before >= self.not_after:
            raise ValueError("a key's validity ends before it begins")
        if (self.state is KeyState.REVOKED) != (self.revoked_at is not None):
            raise ValueError("a revoked key, and only such a one, has a time of revocation")
        if self.ended_leaf is not None and self.state is KeyState.ACTIVE:
            raise ValueError("an active key has an end in the log")
        added, ended = self.added_leaf, self.ended_leaf
        if any(leaf is not None and not 0 <= leaf <= _MAX_LEAF for leaf in (added, ended)):
            raise ValueError("a key's place in the log is out of range")
        if added is not None and ended is not None and added >= ended:
            raise ValueError("a key's end stands in the log before its beginning")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """A company on the appraisal list (备案评价机构): 13-character prefix, name, 18-character code.

    Raises ValueError for a prefix, name or code out of form.
    """

    prefix: str
    name: str
    uscc: str
    keys: tuple[TrustedKey, ...]

    def __post_init__(self) -> None:
        if not is_prefix(self.prefix):
            raise ValueError("an issuer's prefix must be a letter and 12 digits")
        if not 0 < len(self.name) <= _MAX_NAME or not self.name.isprintable():
            raise ValueError("an issuer's name must be 1 to 200 printable characters")
        if not _USCC.fullmatch(self.uscc):
            raise ValueError("a unified social credit code has 18 digits and capitals")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """All a verifier believes. `issuers` by prefix; `seal_root` is a certificate in DER.

    `base_url` is the public site's address without a final slash, for checking a QR's host.
    """

    policy: Policy
    issuers: Mapping[str, TrustedIssuer]
    seal_root: bytes | None
    base_url: str
    issued_at: datetime
    predecessors: tuple[str, ...] = ()
    """Origins of the frozen logs before this one (日志接续), oldest first."""
    stamp_roots: tuple[bytes, ...] = ()
    """Root certificates of the timestamp authorities (时间戳) whose word for a time counts, DER."""

    @property
    def log_origin(self) -> str:
        """The log's name, the first line of its checkpoints."""
        return self.policy.logs[0].key.name

    def record_key(self, prefix: str, key_id: KeyId) -> TrustedKey | None:
        """Give this issuer's record-signing key of this id, whatever its state; else None."""
        issuer = self.issuers.get(prefix)
        for key in issuer.keys if issuer else ():
            if key.key_id == key_id and key.purpose is Purpose.RECORD:
                return key
        return None


def issuers_json(
    *,
    issuers: Iterable[TrustedIssuer],
    seal_root: bytes | None,
    base_url: str,
    issued_at: datetime,
    signer: Signer,
    predecessors: tuple[str, ...] = (),
    stamp_roots: tuple[bytes, ...] = (),
) -> bytes:
    """Write issuers.json, signed by the log's Ed25519 checkpoint key.

    Raises KeyRefused for another key, TrustBroken for what `load_trust` would not read back.
    """
    info = signer.info
    if (info.algorithm, info.purpose) != (Algorithm.ED25519, Purpose.CHECKPOINT):
        raise KeyRefused("issuers.json is signed by the log's Ed25519 checkpoint key, by no other")
    try:
        facts = _Facts(
            issuers=tuple(issuers),
            seal_root=seal_root,
            base_url=base_url,
            issued_at=issued_at,
            predecessors=predecessors,
            stamp_roots=stamp_roots,
        )
        payload = _write_payload(facts, VERSION)
        _refuse_origins(predecessors)
        _read_payload(payload)
        data = sign_file(payload, ISSUERS_TYPE, signer)
    except ValueError as fault:
        raise TrustBroken(f"these issuers cannot be published: {fault}") from None
    if len(data) > MAX_ISSUERS:
        raise TrustBroken(f"issuers.json would be longer than {MAX_ISSUERS} bytes")
    return data


def load_trust(directory: Path) -> Trust:
    """Read and check a trust folder. Raises TrustBroken, which says what to do."""
    policy_bytes = _read(directory / POLICY_FILE, MAX_POLICY)
    envelope = _read(directory / ISSUERS_FILE, MAX_ISSUERS)
    try:
        policy = parse_policy(policy_bytes)
    except KeysError as fault:
        raise TrustBroken(f"{directory / POLICY_FILE}: {fault}; {_AGAIN}") from None
    try:
        log_keys = _log_keys(policy)
        payload = signed_payload(envelope, ISSUERS_TYPE, log_keys)
        facts = _read_payload(payload)
    except ValueError as fault:
        raise TrustBroken(f"{directory / ISSUERS_FILE}: {fault}; {_AGAIN}") from None
    return Trust(
        policy=policy,
        issuers=MappingProxyType({issuer.prefix: issuer for issuer in facts.issuers}),
        seal_root=facts.seal_root,
        base_url=facts.base_url,
        issued_at=facts.issued_at,
        predecessors=facts.predecessors,
        stamp_roots=facts.stamp_roots,
    )


def _read(file: Path, limit: int) -> bytes:
    try:
        with file.open("rb") as handle:
            data = handle.read(limit + 1)
    except OSError as fault:
        raise TrustBroken(f"cannot read {file} ({fault.strerror}); {_AGAIN}") from None
    if len(data) > limit:
        raise TrustBroken(f"{file} is longer than {limit} bytes; {_AGAIN}")
    return data


def _log_keys(policy: Policy) -> dict[KeyId, bytes]:
    """Take the Ed25519 keys of the policy's one log: two at once while a key is changed."""
    if len({log.key.name for log in policy.logs}) != 1:
        raise ValueError("log.policy must name one log (two keys of one log are fine)")
    return log_keys_of(policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What issuers.json says."""

    issuers: tuple[TrustedIssuer, ...]
    seal_root: bytes | None
    base_url: str
    issued_at: datetime
    predecessors: tuple[str, ...]
    stamp_roots: tuple[bytes, ...]


def _write_payload(facts: _Facts, version: int) -> bytes:
    # Members that are there only where there is something in them: most lists have neither.
    before = {"predecessors": " ".join(facts.predecessors)} if facts.predecessors else {}
    roots = " ".join(map(strict.to_base64, facts.stamp_roots))
    return strict.encode(
        {
            **before,
            **({"stamp_roots": roots} if roots else {}),
            "base_url": facts.base_url,
            "issued_at": strict.to_time(facts.issued_at),
            "issuers": [
                {
                    "keys": [_write_key(key, version) for key in issuer.keys],
                    "name": issuer.name,
                    "prefix": issuer.prefix,
                    "uscc": issuer.uscc,
                }
                for issuer in facts.issuers
            ],
            "seal_root": strict.to_base64(facts.seal_root or b""),
            "v": version,
        }
    )


def _write_key(key: TrustedKey, version: int) -> dict[str, object]:
    places = {"added": _write_leaf(key.added_leaf), "ended": _write_leaf(key.ended_leaf)}
    return {
        **(places if version > _FIRST_VERSION else {}),
        "algorithm": key.algorithm.value,
        "id": key.key_id,
        "not_after": strict.to_time(key.not_after),
        "not_before": strict.to_time(key.not_before),
        "public": strict.to_base64(key.public_key),
        "purpose": key.purpose.value,
        "revoked_at": strict.to_time(key.revoked_at) if key.revoked_at else "",
        "state": key.state.value,
    }


def _write_leaf(leaf: int | None) -> str:
    return "" if leaf is None else str(leaf)


def _read_leaf(value: Mapping[str, object], key: str, version: int) -> int | None:
    if version == _FIRST_VERSION:
        return None
    text = strict.text_of(value, key)
    if text and not _LEAF.fullmatch(text):
        raise ValueError(f"`{key}` must be a leaf index in decimal, or empty")
    return int(text) if text else None


def _read_payload(payload: bytes) -> _Facts:
    found = strict.decode(payload)
    version = strict.number_of(found, "v")
    if version not in {_FIRST_VERSION, VERSION}:
        raise ValueError("it was written by a later program: update this one")
    before = strict.text_of(found, "predecessors") if "predecessors" in found else ""
    stamps = strict.text_of(found, "stamp_roots") if "stamp_roots" in found else ""
    facts = _Facts(
        issuers=tuple(_read_issuer(item, version) for item in strict.objects_of(found, "issuers")),
        seal_root=strict.bytes_of(found, "seal_root") or None,
        base_url=strict.text_of(found, "base_url"),
        issued_at=strict.time_of(found, "issued_at"),
        predecessors=tuple(before.split(" ")) if before else (),
        stamp_roots=tuple(b64decode(root) for root in stamps.split(" ") if root),
    )
    if _write_payload(facts, version) != payload:
        raise ValueError("the payload is not in the form it is written in")
    if not _BASE_URL.fullmatch(facts.base_url):
        raise ValueError("`base_url` must be an http(s) address without a final slash")
    _refuse_origins(facts.predecessors)
    for root in (*filter(None, [facts.seal_root]), *facts.stamp_roots):
        load_der_x509_certificate(root)
    _refuse_twice([issuer.prefix for issuer in facts.issuers], "prefix")
    # One key under two issuers would let one of them sign for the other.
    _refuse_twice([key.key_id for issuer in facts.issuers for key in issuer.keys], "key")
    return facts


def _refuse_origins(origins: Iterable[str]) -> None:
    if not all(map(is_key_name, origins)):
        raise ValueError("a frozen log's origin is not empty and holds no space")


def _refuse_twice(values: list[str] | list[KeyId], what: str) -> None:
    if len(set(values)) != len(values):
        raise ValueError(f"the same {what} stands in the list twice")


def _read_issuer(value: Mapping[str, object], version: int) -> TrustedIssuer:
    return TrustedIssuer(
        prefix=strict.text_of(value, "prefix"),
        name=strict.text_of(value, "name"),
        uscc=strict.text_of(value, "uscc"),
        keys=tuple(_read_key(item, version) for item in strict.objects_of(value, "keys")),
    )


def _read_key(value: Mapping[str, object], version: int) -> TrustedKey:
    return TrustedKey(
        key_id=KeyId(strict.text_of(value, "id")),
        algorithm=Algorithm(strict.text_of(value, "algorithm")),
        purpose=Purpose(strict.text_of(value, "purpose")),
        public_key=strict.bytes_of(value, "public"),
        not_before=strict.time_of(value, "not_before"),
        not_after=strict.time_of(value, "not_after"),
        state=KeyState(strict.text_of(value, "state")),
        revoked_at=strict.time_of(value, "revoked_at") if value.get("revoked_at") != "" else None,
        added_leaf=_read_leaf(value, "added", version),
        ended_leaf=_read_leaf(value, "ended", version),
    )
