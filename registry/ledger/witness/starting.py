"""Starting a witness from its folder: state and keys, made at the first start and never again.

    STATE/witness.db    what it has signed (state.py)
    STATE/keys/         its key ring, encrypted under the passphrase
    STATE/forks/        proofs that a log lied, if any (evidence.py)

The state is made before the keys: a folder with keys has a state, and one that lacks it has lost
it. So a crash during the first start leaves what the next one takes further.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, assert_never

from keys.clock import Clock
from keys.errors import KeyNotFound, KeyRefused
from keys.model import OFFICE, Algorithm, Purpose
from keys.policy import Policy
from keys.ring import RING_FILE, KeyRing
from keys.signer import Signer
from keys.vkey import SignatureType, VerifierKey
from registry.ledger.witness.cosigner import Witness
from registry.ledger.witness.errors import WitnessStateLost
from registry.ledger.witness.evidence import Forks
from registry.ledger.witness.state import State

FIRST_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST_DAY: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""A witness's key is in force as long as policies name it, whatever a clock says at a start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A witness at work, its public keys for the offices' policies, and forks known so far."""

    witness: Witness
    vkeys: tuple[VerifierKey, ...]
    forks: int


def start_witness(
    folder: Path,
    *,
    name: str,
    policy: Policy,
    passphrase: bytes,
    clock: Clock,
    tell: Callable[[str], None],
) -> Started:
    """Open the witness of `folder`, making what a first start lacks.

    Raises WitnessStateLost, NoLogToWitness, MalformedVerifierKey for a name that cannot name a
    key, and the key ring's errors.
    """
    # Its name is tried out before it is written down for good.
    VerifierKey(name=name, type=SignatureType.ED25519_COSIGNATURE, public_key=bytes(32))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = not (folder / "keys" / RING_FILE).is_file()
    state = State.prepare(folder, name, new=new)
    signers = _signers(folder / "keys", state, passphrase, clock, new=new)
    forks = Forks(folder / "forks", tell)
    witness = Witness(
        name=name, logs=policy.logs, signers=signers, state=state, forks=forks, clock=clock
    )
    vkeys = tuple(
        VerifierKey(name=name, type=_type_of(signer), public_key=signer.info.public_key)
        for signer in signers
    )
    return Started(witness=witness, vkeys=vkeys, forks=forks.count())


def _signers(
    folder: Path, state: State, passphrase: bytes, clock: Clock, *, new: bool
) -> tuple[Signer, ...]:
    if new and state.has_signed():
        raise _keys_lost(folder)
    ring = (KeyRing.create if new else KeyRing.open)(folder, passphrase)
    known = ring.keys()
    if state.has_signed() and all(key.algorithm is not Algorithm.ED25519 for key in known):
        raise _keys_lost(folder)
    signers: list[Signer] = [_signer(ring, Algorithm.ED25519, clock)]
    # A machine whose library is too old for ML-DSA-44 signs the Ed25519 line alone.
    with suppress(KeyRefused):
        signers.append(_signer(ring, Algorithm.ML_DSA_44, clock))
    return tuple(signers)


def _keys_lost(folder: Path) -> WitnessStateLost:
    return WitnessStateLost(
        f"the keys in {folder} are missing, and this witness has signed before: restore them from "
        "the backup"
    )


def _signer(ring: KeyRing, algorithm: Algorithm, clock: Clock) -> Signer:
    # The ring knows issuers and the office; here the office is the witness's own.
    try:
        return ring.signer(Purpose.CHECKPOINT, OFFICE, clock.now(), algorithm=algorithm)
    except KeyNotFound:
        ring.generate(
            algorithm=algorithm,
            purpose=Purpose.CHECKPOINT,
            issuer=OFFICE,
            not_before=FIRST_DAY,
            not_after=LAST_DAY,
        )
        return ring.signer(Purpose.CHECKPOINT, OFFICE, clock.now(), algorithm=algorithm)


def _type_of(signer: Signer) -> SignatureType:
    match signer.info.algorithm:
        case Algorithm.ED25519:
            return SignatureType.ED25519_COSIGNATURE
        case Algorithm.ML_DSA_44:
            return SignatureType.ML_DSA_44_COSIGNATURE
        case Algorithm.ECDSA_P256:
            raise AssertionError  # no witness signs by it
        case _:
            assert_never(signer.info.algorithm)
