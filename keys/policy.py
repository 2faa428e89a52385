"""The trust policy (C2SP tlog-policy): which logs and witnesses count, and how many must agree.

One text file, given alike to verifiers, monitors and the server:

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <member>...
    quorum <name>|none

A line names only what stands above it, so groups cannot be circular. Each name is a member
of one group at most, so a witness counts once. Names are opaque octets: they are read as
UTF-8 with surrogate escapes, which keeps every octet apart and writes the same ones back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from keys.errors import KeysError
from keys.vkey import (
    MalformedVerifierKey,
    SignatureType,
    VerifierKey,
    format_vkey,
    parse_vkey,
)

MAX_POLICY: Final = 1 << 20
"""Longest policy file read, in bytes."""

NO_QUORUM: Final = "none"
"""The quorum that asks for no witness at all."""

_BLANK = re.compile("[ \t]+")
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_NUMBER = re.compile("[1-9][0-9]{0,5}")

_LOG_TYPES = frozenset({SignatureType.ED25519, SignatureType.ML_DSA_44_COSIGNATURE})
_WITNESS_TYPES = frozenset({SignatureType.ED25519_COSIGNATURE, SignatureType.ML_DSA_44_COSIGNATURE})


class MalformedPolicy(KeysError):
    """A policy file that breaks a rule of C2SP tlog-policy; the message names the line."""

    code: ClassVar[str] = "malformed-policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLog:
    """A log whose checkpoints are accepted; the key's name is the log's origin."""

    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWitness:
    """A witness; `name` is its name within the policy only, `key.name` the one it signs under."""

    name: str
    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyGroup:
    """A group, which has witnessed a checkpoint when `threshold` of its `members` have."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A whole policy; `groups` stand in an order where each names only those before it."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...] = ()
    groups: tuple[PolicyGroup, ...] = ()
    quorum: str = NO_QUORUM

    def satisfied(self, cosigners: frozenset[str]) -> bool:
        """Whether the witnesses of these policy names, all verified, make up the quorum."""
        if self.quorum == NO_QUORUM:
            return True
        agreed = {witness.name for witness in self.witnesses if witness.name in cosigners}
        for group in self.groups:
            if sum(member in agreed for member in group.members) >= group.threshold:
                agreed.add(group.name)
        return self.quorum in agreed


def format_policy(policy: Policy) -> bytes:
    """Write the policy file. Raises MalformedPolicy if what is written would not be read back."""
    lines = [f"log {_with_url(format_vkey(log.key), log.url)}" for log in policy.logs]
    lines += [
        f"witness {witness.name} {_with_url(format_vkey(witness.key), witness.url)}"
        for witness in policy.witnesses
    ]
    lines += [
        f"group {group.name} {_threshold_word(group)} {' '.join(group.members)}"
        for group in policy.groups
    ]
    lines.append(f"quorum {policy.quorum}")
    data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    if parse_policy(data) != policy:
        raise MalformedPolicy("a name or address of the policy holds a space or is empty")
    return data


def _with_url(text: str, url: str) -> str:
    return f"{text} {url}" if url else text


def _threshold_word(group: PolicyGroup) -> str:
    return "all" if group.threshold == len(group.members) else str(group.threshold)


def parse_policy(data: bytes) -> Policy:
    """Read a policy file of at most MAX_POLICY bytes. Raises MalformedPolicy."""
    if len(data) > MAX_POLICY:
        raise MalformedPolicy(f"the policy file is longer than {MAX_POLICY} bytes")
    if _FORBIDDEN.search(data):
        raise MalformedPolicy("the policy file holds control characters (CRLF line ends?)")
    if not data.endswith(b"\n"):
        # A file cut short could turn "quorum none-but-ours" into "quorum none".
        raise MalformedPolicy("the policy file's last line has no line end: it may be cut short")
    reader = _Reader()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = _BLANK.split(line.strip(" \t"))
        if words[0] and not words[0].startswith("#"):
            try:
                reader.take(words)
            except (MalformedPolicy, MalformedVerifierKey) as fault:
                raise MalformedPolicy(f"policy line {number}: {fault}") from None
    return reader.finish()


def join_policy(logs: Sequence[PolicyLog], witness_lines: bytes) -> Policy:
    """Join a log's own keys with the file of its witnesses: witness, group and quorum lines.

    No bytes mean no witness and no quorum. Raises MalformedPolicy, also for log lines: which keys
    the log has, its key ring says and no file.
    """
    found = parse_policy(witness_lines) if witness_lines else Policy(logs=())
    if found.logs:
        raise MalformedPolicy("a file of witnesses holds no log lines: take them out")
    joined = replace(found, logs=tuple(logs))
    format_policy(joined)
    return joined


# Mutable: it gathers while the file is read and is gone when the policy is made.
@dataclass(slots=True, kw_only=True)
class _Reader:
    """What the lines read so far have defined."""

    logs: list[PolicyLog] = field(default_factory=list)
    witnesses: list[PolicyWitness] = field(default_factory=list)
    groups: list[PolicyGroup] = field(default_factory=list)
    quorum: str | None = None
    names: set[str] = field(default_factory=lambda: {NO_QUORUM})
    members: set[str] = field(default_factory=lambda: {NO_QUORUM})

    def take(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self._log(parse_vkey(vkey), "".join(url))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._witness(name, parse_vkey(vkey), "".join(url))
            case ["group", name, threshold, *members] if members:
                self._group(name, threshold, tuple(members))
            case ["quorum", name]:
                self._quorum(name)
            case _:
                raise MalformedPolicy("not a log, witness, group or quorum line of the right form")

    def finish(self) -> Policy:
        if self.quorum is None:
            raise MalformedPolicy("the policy file has no quorum line")
        return Policy(
            logs=tuple(self.logs),
            witnesses=tuple(self.witnesses),
            groups=tuple(self.groups),
            quorum=self.quorum,
        )

    def _log(self, key: VerifierKey, url: str) -> None:
        if key.type not in _LOG_TYPES:
            raise MalformedPolicy("a log's key is of type 1 (Ed25519) or 6 (ML-DSA-44)")
        if any(log.key.public_key == key.public_key for log in self.logs):
            raise MalformedPolicy("the log's key stands in the file twice")
        self.logs.append(PolicyLog(key=key, url=url))

    def _witness(self, name: str, key: VerifierKey, url: str) -> None:
        if key.type not in _WITNESS_TYPES:
            raise MalformedPolicy("a witness's key is of type 4 (Ed25519) or 6 (ML-DSA-44)")
        if any(witness.key.public_key == key.public_key for witness in self.witnesses):
            raise MalformedPolicy("the witness's key stands in the file twice")
        self._define(name)
        self.witnesses.append(PolicyWitness(name=name, key=key, url=url))

    def _group(self, name: str, word: str, members: tuple[str, ...]) -> None:
        for member in members:
            if member not in self.names or member in self.members:
                raise MalformedPolicy(
                    "a group's member must be defined above and belong to no other group"
                )
            self.members.add(member)
        threshold = {"any": 1, "all": len(members)}.get(word)
        if threshold is None:
            if not _NUMBER.fullmatch(word) or int(word) > len(members):
                raise MalformedPolicy("a group needs all, any, or a number up to its members'")
            threshold = int(word)
        self._define(name)
        self.groups.append(PolicyGroup(name=name, threshold=threshold, members=members))

    def _quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise MalformedPolicy("the policy file has two quorum lines")
        if name not in self.names:
            raise MalformedPolicy("the quorum must name a witness or group defined above, or none")
        self.quorum = name

    def _define(self, name: str) -> None:
        if name in self.names:
            raise MalformedPolicy("the name is already taken (or is the word none)")
        self.names.add(name)
