"""The log's own keys (公开日志签名密钥): which sign checkpoints, and which are trusted.

They are made in pairs, Ed25519 and ML-DSA-44 with one beginning. Of two pairs in force both sign
every checkpoint: whoever still has the old policy file goes on verifying until the old pair is
retired. What a retired key signed stays good, so its `log` line stays in the policy: certificates
given out years ago carry checkpoints that it alone has signed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from keys.errors import KeyNotFound
from keys.model import OFFICE, Algorithm, KeyInfo, KeyState, Purpose
from keys.policy import PolicyLog
from keys.ring import KeyRing
from keys.signer import PrivateKeySigner
from keys.vkey import SignatureType, VerifierKey
from registry.cli.key_terms import LIFETIME, SKEW
from signing.tlog.entry import format_time

NEAR_END: Final = timedelta(days=90)
"""How long before a key's end to warn: readers and witnesses need the time to take up a new one."""

_TYPES: Final = {
    Algorithm.ED25519: SignatureType.ED25519,
    Algorithm.ML_DSA_44: SignatureType.ML_DSA_44_COSIGNATURE,
}


def checkpoint_keys(ring: KeyRing) -> list[KeyInfo]:
    """Return all keys that were ever the log's, oldest first; of a pair, Ed25519 first."""
    order, ours = list(_TYPES), (Purpose.CHECKPOINT, OFFICE)
    known = ring.keys()
    found = [key for key in known if (key.purpose, key.issuer) == ours]
    return sorted(found, key=lambda key: (key.not_before, order.index(key.algorithm)))


def keys_in_force(ring: KeyRing, now: datetime) -> list[KeyInfo]:
    """Return the keys that sign at ``now``, oldest first."""
    found = checkpoint_keys(ring)
    return [key for key in found if key.state is KeyState.ACTIVE and key.valid_at(now)]


def checkpoint_signers(ring: KeyRing, now: datetime) -> tuple[PrivateKeySigner, ...]:
    """Return who signs the log's checkpoints, oldest first.

    The first is an Ed25519 key: it signs the list of issuers, too, which readers with an old
    policy must be able to check. Raises ``KeyNotFound``, or ``KeyExpired`` where none is in force.
    """
    ring.signer(Purpose.CHECKPOINT, OFFICE, now)
    found = keys_in_force(ring, now)
    found.sort(key=lambda key: key.algorithm is not Algorithm.ED25519)
    return tuple(
        ring.signer(Purpose.CHECKPOINT, OFFICE, now, algorithm=key.algorithm, only=key.key_id)
        for key in found
    )


def policy_logs(ring: KeyRing, origin: str, url: str) -> tuple[PolicyLog, ...]:
    """Return the policy's lines about the log ``origin``: every key of it but revoked ones."""
    return tuple(
        PolicyLog(
            key=VerifierKey(name=origin, type=_TYPES[key.algorithm], public_key=key.public_key),
            url=url,
        )
        for key in checkpoint_keys(ring)
        if key.state is not KeyState.REVOKED
    )


def complete_pair(ring: KeyRing, now: datetime) -> list[KeyInfo]:
    """Make what the newest pair lacks, a whole pair if there is none; return what was made.

    A crash can come between the two keys of a pair, and a ring from before there were pairs has
    an Ed25519 key alone.
    """
    known = checkpoint_keys(ring)
    if not known:
        return _make(ring, now - SKEW, now + LIFETIME, list(_TYPES))
    last = known[-1]
    there = {key.algorithm for key in known if key.not_before == last.not_before}
    if last not in keys_in_force(ring, now):
        return []
    lacking = [algorithm for algorithm in _TYPES if algorithm not in there]
    return _make(ring, last.not_before, last.not_after, lacking)


def add_pair(ring: KeyRing, now: datetime) -> list[KeyInfo]:
    """Make a pair that signs beside those in force; return what was made.

    A second pair that a crash left half made is completed instead.
    """
    made = complete_pair(ring, now)
    known = checkpoint_keys(ring)
    if made and known[0].not_before != made[0].not_before:
        return made
    # After all others by the clock of keys, too: by their beginning they are told apart and put
    # in order, and the second pair of one minute must not come before the first.
    start = max(now - SKEW, known[-1].not_before + timedelta(seconds=1))
    return made + _make(ring, start, now + LIFETIME, list(_TYPES))


def retirable(ring: KeyRing, key_id: str, now: datetime) -> KeyInfo | None:
    """Return the key if it may be retired; None if it is the last of its algorithm in force.

    Raises ``KeyNotFound`` for what is no key of the log, or was ended already.
    """
    found = next((key for key in checkpoint_keys(ring) if key.key_id == key_id), None)
    if found is None:
        raise KeyNotFound(f"the log has no key {key_id}: see `certreg log key list`")
    if found.state is not KeyState.ACTIVE:
        raise KeyNotFound(f"key {key_id} is {found.state} already: it signs nothing")
    others = [key for key in keys_in_force(ring, now) if key.key_id != key_id]
    return found if any(key.algorithm is found.algorithm for key in others) else None


def near_their_end(ring: KeyRing, now: datetime) -> list[str]:
    """Return a line for each algorithm whose last key ends soon: when, and what to do."""
    lines = []
    for algorithm in _TYPES:
        ends = [key.not_after for key in keys_in_force(ring, now) if key.algorithm is algorithm]
        if ends and max(ends) - now < NEAR_END:
            lines.append(
                f"the log's last {algorithm} key ends at {format_time(max(ends))}: run `certreg "
                "log key add` and hand out trust/log.policy anew"
            )
    return lines


def _make(
    ring: KeyRing, start: datetime, end: datetime, algorithms: list[Algorithm]
) -> list[KeyInfo]:
    return [
        ring.generate(
            algorithm=algorithm,
            purpose=Purpose.CHECKPOINT,
            issuer=OFFICE,
            not_before=start,
            not_after=end,
        )
        for algorithm in algorithms
    ]
