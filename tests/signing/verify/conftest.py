"""Ways of lying to the numbered procedure: each method is one, named by what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from keys.model import KeyState, Purpose
from signing.bundle import Evidence
from signing.envelope import sign_record
from signing.record import canonical, commitment
from signing.tlog.entry import State, encode_entry
from signing.verify import verify

MONTH = timedelta(days=30)


@pytest.fixture(scope="session")
def check(trust: Any, now: datetime) -> Callable[..., Any]:
    def run(evidence: Evidence, **change: Any) -> Any:
        usual = {"trust": trust, "now": now, "max_age": MONTH} | change
        return verify(evidence, usual.pop("trust"), **usual)

    return run


def _flip(data: bytes, at: int = -1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


class Lies:
    """Each method tells one lie about certificate 2 of the log."""

    def __init__(self, log: Any, make_log: Any, trust: Any, other: Any, key: Any) -> None:
        self.log, self.make_log, self.trust, self.other, self.key = (
            log, make_log, trust, other, key,
        )  # fmt: skip
        self.good: Evidence = log.evidence()

    def _envelope(self, **change: Any) -> Evidence:
        return replace(self.good, envelope=msgspec.structs.replace(self.good.envelope, **change))

    def _resigned(self, **change: Any) -> Evidence:
        """A record changed by its own issuer, after the log took up the first."""
        record = msgspec.structs.replace(self.log.records[2], **change)
        return replace(self.good, envelope=sign_record(canonical(record), self.log.record_signer))

    def _proof(self, **change: Any) -> Evidence:
        return replace(self.good, proof=replace(self.good.proof, **change))

    def _staple(self, **change: Any) -> Evidence:
        return replace(self.good, staple=msgspec.structs.replace(self.good.staple, **change))

    def _trust(self, **change: Any) -> tuple[Evidence, Any]:
        """Evidence against a trust file whose issuer key has other facts."""
        issuer = next(iter(self.trust.issuers.values()))
        changed = replace(issuer, keys=(self.key(self.log.record_signer, **change),))
        issuers = {**self.trust.issuers, issuer.prefix: changed}
        return self.good, replace(self.trust, issuers=issuers)

    # 1. record
    def record_byte(self) -> Evidence:
        payload = self.good.envelope.payload
        return self._envelope(payload=payload.replace("张示例3".encode(), "李示例3".encode()))

    def record_bit(self) -> Evidence:
        return self._envelope(payload=_flip(self.good.envelope.payload))

    def record_spaced(self) -> Evidence:
        return self._envelope(payload=self.good.envelope.payload + b" ")

    def record_of_other_type(self) -> Evidence:
        return self._envelope(payload_type="application/json")

    def record_level_raised(self) -> Evidence:
        return self._resigned(level="1")

    def record_from_tomorrow(self) -> Evidence:
        record = msgspec.structs.replace(self.log.records[2], issued="2026-11-25")
        return self.make_log(records=[record] * 5).evidence()

    # 2. signature
    def signature_bit(self) -> Evidence:
        return self._envelope(signature=_flip(self.good.envelope.signature))

    def signature_cut(self) -> Evidence:
        return self._envelope(signature=self.good.envelope.signature[:-1])

    def signature_of_other_record(self) -> Evidence:
        return self._envelope(signature=self.log.envelope(1).signature)

    def signature_by_other_issuer(self) -> Evidence:
        return replace(self.good, envelope=sign_record(self.good.envelope.payload, self.other))

    def signature_by_other_issuer_named_ours(self) -> Evidence:
        return self._envelope(signature=self.signature_by_other_issuer().envelope.signature)

    def signature_by_unknown_key(self) -> Evidence:
        return replace(
            self.good, envelope=sign_record(self.good.envelope.payload, self.log.witness_signer)
        )

    def key_of_other_purpose(self) -> tuple[Evidence, Any]:
        return self._trust(purpose=Purpose.UPLOAD)

    def key_not_yet(self) -> tuple[Evidence, Any]:
        return self._trust(not_before=datetime(2026, 11, 23, 16, tzinfo=UTC))

    def key_expired(self) -> tuple[Evidence, Any]:
        return self._trust(not_after=datetime(2026, 11, 22, 16, tzinfo=UTC))

    def key_revoked(self) -> tuple[Evidence, Any]:
        at = datetime(2026, 11, 22, 16, tzinfo=UTC)
        return self._trust(state=KeyState.REVOKED, revoked_at=at)

    def issuer_unknown(self) -> tuple[Evidence, Any]:
        return self.good, replace(self.trust, issuers={})

    # 3. inclusion
    def opening_bit(self) -> Evidence:
        return replace(self.good, opening=_flip(self.log.opening(2)))

    def opening_cut(self) -> Evidence:
        return replace(self.good, opening=self.log.opening(2)[:-1])

    def opening_shorter_than_its_zeros(self) -> Evidence:
        log = self.make_log()
        padded = bytes(31).join((b"\x07", b""))
        payload = log.envelope(2).payload
        issue = msgspec.structs.replace(log.issue(2), commit=commitment(padded, payload).hex())
        log.leaves[3] = encode_entry(issue)
        log.note = log.sign()
        return replace(log.evidence(), opening=b"\x07")

    def opening_missing(self) -> Evidence:
        return replace(self.good, opening=None)

    def leaf_of_other_certificate(self) -> Evidence:
        return replace(self.log.evidence(1), envelope=self.good.envelope)

    def leaf_and_opening_of_other(self) -> Evidence:
        other = self.log.evidence(1)
        return replace(self.good, entry=other.entry, opening=other.opening, proof=other.proof)

    def leaf_of_other_edition(self) -> Evidence:
        return self._resigned(edition=2, previous="0" * 64)

    def record_changed_by_its_issuer(self) -> Evidence:
        return self._resigned(name="李四示例")

    def leaf_rewritten(self) -> Evidence:
        record = msgspec.structs.replace(self.log.records[2], name="李四示例")
        opening = bytes(32)
        issue = msgspec.structs.replace(
            self.log.issue(2), commit=commitment(opening, canonical(record)).hex()
        )
        evidence = self._resigned(name="李四示例")
        return replace(evidence, entry=encode_entry(issue), opening=opening)

    def leaf_of_other_kind(self) -> Evidence:
        log = self.log
        at = log.status_index
        proof = replace(self.good.proof, index=at, path=log.path(at))
        return replace(self.good, entry=log.leaves[at], proof=proof)

    def leaf_is_no_entry(self) -> Evidence:
        return replace(self.good, entry=b"{}")

    def leaf_missing(self) -> Evidence:
        return replace(self.good, entry=None)

    def index_moved(self) -> Evidence:
        return self._proof(index=2)

    def index_outside(self) -> Evidence:
        return self._proof(index=1 << 40)

    def path_bit(self) -> Evidence:
        path = self.good.proof.path
        return self._proof(path=(_flip(path[0]), *path[1:]))

    def path_cut(self) -> Evidence:
        return self._proof(path=self.good.proof.path[:-1])

    def path_longer(self) -> Evidence:
        return self._proof(path=(*self.good.proof.path, bytes(32)))

    def path_with_short_hash(self) -> Evidence:
        return self._proof(path=(*self.good.proof.path[:-1], bytes(31)))

    def proof_missing(self) -> Evidence:
        return replace(self.good, proof=None)

    # 4. checkpoint
    def checkpoint_root(self) -> Evidence:
        log = self.make_log()
        log.leaves[3] = encode_entry(log.milestone(9))
        return self._proof(checkpoint_note=log.sign())

    def checkpoint_root_unsigned(self) -> Evidence:
        note = self.good.proof.checkpoint_note.split(b"\n")
        note[2] = note[2].replace(note[2][:4], b"AAAA")
        return self._proof(checkpoint_note=b"\n".join(note))

    def checkpoint_size(self) -> Evidence:
        note = self.good.proof.checkpoint_note.replace(b"\n12\n", b"\n16\n")
        return self._proof(checkpoint_note=note)

    def checkpoint_signature(self) -> Evidence:
        lines = self.good.proof.checkpoint_note.split(b"\n")
        lines[4] = lines[4][:-6] + (b"A" if lines[4][-6:-5] != b"A" else b"B") + lines[4][-5:]
        return self._proof(checkpoint_note=b"\n".join(lines))

    def checkpoint_by_other_key(self) -> Evidence:
        return self.make_log(log_signer=self.other).evidence()

    def checkpoint_of_other_log(self) -> Evidence:
        return self._proof(checkpoint_note=self.log.sign(origin="zs.example.org/log"))

    def checkpoint_is_no_note(self) -> Evidence:
        return self._proof(checkpoint_note=b"zs.example.cn/log\n")

    def checkpoint_unwitnessed(self) -> Evidence:
        return self._proof(checkpoint_note=self.log.sign(witnessed=False))

    def checkpoint_by_the_witness_alone(self) -> Evidence:
        lines = self.good.proof.checkpoint_note.split(b"\n")
        del lines[4]
        return self._proof(checkpoint_note=b"\n".join(lines))

    # 5. status
    def status_page_bit(self) -> Evidence:
        log = self.make_log(states={2: State.REVOKED})
        staple = log.staple(2)
        cleaned = msgspec.structs.replace(staple, page=bytes(1024))
        return replace(log.evidence(), staple=cleaned)

    def status_page_cut(self) -> Evidence:
        return self._staple(page=self.good.staple.page[:-1])

    def status_path(self) -> Evidence:
        return self._staple(path=(bytes(32),))

    def status_entry_path(self) -> Evidence:
        path = self.good.staple.entry_path
        return self._staple(entry_path=(_flip(path[0]), *path[1:]))

    def status_entry_index(self) -> Evidence:
        return self._staple(entry_index=self.good.staple.entry_index + 1)

    def status_entry_of_other_kind(self) -> Evidence:
        return self._staple(entry=self.log.leaves[3], entry_index=3, entry_path=self.log.path(3))

    def status_entry_rewritten(self) -> Evidence:
        status = msgspec.structs.replace(self.log.status(), time="2026-11-24T01:59:00Z")
        return self._staple(entry=encode_entry(status))

    def status_pages_more(self) -> Evidence:
        return self._staple(pages=2)

    def status_of_other_certificate(self) -> Evidence:
        log = self.make_log(states={2: State.REVOKED})
        return replace(log.evidence(2), staple=log.staple(1))

    def status_index_outside(self) -> Evidence:
        return self._staple(index=4096)

    def status_index_negative(self) -> Evidence:
        return self._staple(index=-1)

    def status_before_the_certificate(self) -> Evidence:
        return self.make_log(status_changes={"before": 3}).evidence()

    def status_of_fewer_certificates(self) -> Evidence:
        return self.make_log(status_changes={"count": 2}).evidence()

    def status_covering_what_follows(self) -> Evidence:
        return self.make_log(status_changes={"before": 9}).evidence()

    def status_too_old(self) -> Evidence:
        return self.make_log(status_time="2026-10-25T01:59:59Z").evidence()

    def status_suspended_long_ago(self) -> Evidence:
        old = "2026-10-25T01:59:59Z"
        return self.make_log(status_time=old, states={2: State.SUSPENDED}).evidence()

    def status_in_future(self) -> Evidence:
        return self.make_log(status_time="2026-11-24T02:05:01Z").evidence()

    def status_missing(self) -> Evidence:
        return replace(self.good, staple=None)

    def status_of_other_tree(self) -> Evidence:
        log = self.make_log()
        log.leaves.append(encode_entry(log.milestone(9)))
        return replace(self.good, staple=log.staple(2))

    def revoked_by_unbound_leaf(self) -> Evidence:
        revoked = self.make_log(states={2: State.REVOKED})
        return replace(revoked.evidence(), opening=None)


@pytest.fixture(scope="session")
def lies(log: Any, make_log: Any, trust: Any, other_signer: Any, trusted_key: Any) -> Lies:
    return Lies(log, make_log, trust, other_signer, trusted_key)
