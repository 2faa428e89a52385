"""Key events in force: who may issue under a prefix, by the log's own order.

A key is added before it is retired or revoked, once, for one issuer; nothing follows its
revocation. What is issued under a prefix must find a record key (Ed25519) of it in force. Which
key signed cannot be seen from here: the record is not in the log.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final, Literal, assert_never

import msgspec

from registry.ledger.monitor.findings import Kind, Say
from signing.tlog.entry import Issue, Key

RECORD_ALGORITHM: Final = "ed25519"
"""What records are signed with; keys of other algorithms seal PDFs."""

_ID_BYTES: Final = 8


class _Added(msgspec.Struct, kw_only=True):
    issuer: str
    public: str
    alg: str
    state: Literal["add", "retire", "revoke"]


class IssuerKeys(msgspec.Struct, kw_only=True):
    """The key events so far: `keys` by id, `publics` of all of them, `in_force` by prefix."""

    keys: dict[str, _Added] = msgspec.field(default_factory=dict)
    publics: set[str] = msgspec.field(default_factory=set)
    in_force: dict[str, int] = msgspec.field(default_factory=dict)

    def issue(self, entry: Issue, say: Say) -> None:
        """Take an issue entry: its prefix must have a record key in force."""
        count = self.in_force.get(entry.prefix)
        if count is None:
            say(Kind.KEY_NOT_IN_FORCE, f"issues under {entry.prefix}, which has no record key here")
        elif not count:
            what = f"issues under {entry.prefix}, whose record keys are all retired or revoked"
            say(Kind.KEY_NOT_IN_FORCE, what)

    def event(self, entry: Key, say: Say) -> None:
        """Take a key event."""
        known = self.keys.get(entry.key)
        match entry.action:
            case "add":
                self._add(entry, known, say)
            case "retire" | "revoke":
                self._end(entry, known, say)
            case _:
                assert_never(entry.action)

    def _add(self, entry: Key, known: _Added | None, say: Say) -> None:
        if not _is_id_of(entry):
            say(Kind.KEY, f"the id {entry.key} is not that of the public key beside it")
        if known is not None:
            say(Kind.KEY, _added_again(entry, known))
            return
        if entry.public in self.publics:
            say(Kind.KEY, f"the public key of {entry.key} was added under another id before")
        self.publics.add(entry.public)
        self.keys[entry.key] = _Added(
            issuer=entry.issuer, public=entry.public, alg=entry.alg, state="add"
        )
        if entry.alg == RECORD_ALGORITHM:
            self.in_force[entry.issuer] = self.in_force.get(entry.issuer, 0) + 1

    def _end(self, entry: Key, known: _Added | None, say: Say) -> None:
        if known is None:
            say(Kind.KEY, f"key {entry.key} ends ({entry.action}) and was never added")
            return
        if (entry.issuer, entry.public, entry.alg) != (known.issuer, known.public, known.alg):
            say(Kind.KEY, f"key {entry.key} ends under another issuer or public key than it had")
        if known.state in {"revoke", entry.action}:
            say(Kind.KEY, f"key {entry.key} ends ({entry.action}) after its {known.state}")
        if known.state == "add" and known.alg == RECORD_ALGORITHM:
            self.in_force[known.issuer] -= 1
        if known.state != "revoke":
            known.state = entry.action


def _added_again(entry: Key, known: _Added) -> str:
    if known.state == "revoke":
        return f"key {entry.key} is added again after its revocation"
    if known.issuer != entry.issuer:
        return f"key {entry.key} of {known.issuer} is added under {entry.issuer} too"
    return f"key {entry.key} is added twice"


def _is_id_of(entry: Key) -> bool:
    try:
        public = base64.b64decode(entry.public, validate=True)
    except binascii.Error:
        return False
    material = entry.alg.encode() + b"\0" + public
    return hashlib.sha256(material).digest()[:_ID_BYTES].hex() == entry.key
