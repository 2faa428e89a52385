"""From an assessed person to the rows of one signed certificate: the hot loop of issuing.

For each certificate: number, record, canonical bytes, the issuer's signature (DSSE), the salted
commitment that alone goes into the ledger, the leaf, and the sealed copy for the registry. Per
certificate this costs little more than the signature itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import TypeVar

from keys.dsse import pae
from keys.model import verify_signature
from keys.signer import Signer
from registry.errors import RegistryError
from registry.office.context import Context
from registry.rules.candidate import Candidate
from registry.store.certificates import CertificateState
from registry.store.fields import NONCE_LENGTH, TAG_LENGTH
from signing.canonical import encode
from signing.envelope import RECORD_TYPE
from signing.qr import TOKEN_BYTES, token_of
from signing.record import OPENING_BYTES, PREFIX_LENGTH, IdType, Record
from signing.tlog.entry import Issue
from signing.tlog.tiles import TILE_WIDTH

CHUNK = 16 * TILE_WIDTH
"""Rows held at a time: bounds memory; a multiple of an event page, so that pages stay full."""

CERTIFICATE_COLUMNS = (
    "status_index",
    "number",
    "edition",
    "batch_id",
    "group_id",
    "level",
    "occupation_code",
    "issued",
    "state",
    "token",
    "key_id",
    "id_tag",
    "sealed",
)

CertificateRow = tuple[int, str, int, str, int, str, str, str, int, str, str, bytes, bytes]
_ID_TYPES = {kind.value: kind for kind in IdType}
_VALID = CertificateState.VALID.value
T = TypeVar("T")


class SigningFault(RegistryError):
    """A signature just made does not verify: memory or hardware fault, or a wrong key file."""

    code = "signing-fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a chunk of certificates goes: its issuer, batch, group and first status index."""

    prefix: str
    issuer: str
    batch_id: str
    group_id: int
    first_status: int


def chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Yield consecutive lists of at most ``size`` items."""
    while chunk := list(islice(items, size)):
        yield chunk


def seal_chunk(
    candidates: Sequence[Candidate],
    serials: Mapping[tuple[int, str], Iterator[int]],
    place: Place,
    signer: Signer,
    context: Context,
) -> tuple[list[CertificateRow], list[bytes]]:
    """Return the certificate rows and the leaves of ``candidates`` in their order.

    ``serials`` gives the next serial of each (year, level). Raises ``SigningFault``.
    """
    certificates: list[CertificateRow] = []
    leaves: list[bytes] = []
    seal = context.sealed_records().seal
    sign, key_id = signer.sign, signer.info.key_id
    index_key, digest = context.index_key, hmac.digest
    prefix, issuer, batch = place.prefix, place.issuer, place.batch_id
    kinds = _Kinds(prefix, serials)
    # One call for the whole chunk: the system call costs more than its bytes.
    width = OPENING_BYTES + NONCE_LENGTH + TOKEN_BYTES
    noise = context.random(width * len(candidates))
    status = place.first_status
    probe: tuple[bytes, bytes] | None = None
    for offset, person in enumerate(candidates):
        at = offset * width
        opening = noise[at : at + OPENING_BYTES]
        middle, end = at + OPENING_BYTES + NONCE_LENGTH, at + width
        nonce = noise[at + OPENING_BYTES : middle]
        day, head, level, series = kinds[person.issued, person.level]
        number = f"{head}{next(series):06}"
        record = _record(person, number, day, issuer)
        message = pae(RECORD_TYPE, record)
        signature = sign(message)
        if probe is None:
            probe = (message, signature)
        entry = encode(
            Issue(
                batch=batch,
                commit=digest(opening, record, "sha256").hex(),
                edition=1,
                number=number,
                prefix=prefix,
                status=status,
            )
        )
        certificates.append(
            (
                status,
                number,
                1,
                batch,
                place.group_id,
                level,
                person.occupation_code,
                day,
                _VALID,
                token_of(noise[middle:end]),
                key_id,
                digest(index_key, person.id_number.encode(), "sha256")[:TAG_LENGTH],
                seal(status, nonce, opening + len(signature).to_bytes(2) + signature + record),
            )
        )
        leaves.append(entry)
        status += 1
    _check_probe(probe, signer)
    return certificates, leaves


class _Kinds(dict[tuple[date, str], tuple[str, str, str, Iterator[int]]]):
    """What certificates of one date and level share: the day, the number's head, the level."""

    def __init__(self, prefix: str, serials: Mapping[tuple[int, str], Iterator[int]]) -> None:
        super().__init__()
        self._prefix = prefix
        self._serials = serials

    def __missing__(self, key: tuple[date, str]) -> tuple[str, str, str, Iterator[int]]:
        issued, level = key
        head = f"{self._prefix}{issued.year % 100:02}{level}"
        self[key] = found = issued.isoformat(), head, level, self._serials[issued.year, level]
        return found


def _record(person: Candidate, number: str, day: str, issuer: str) -> bytes:
    return encode(
        Record(
            admission=person.admission,
            direction=person.direction,
            edition=1,
            id_number=person.id_number,
            id_type=_ID_TYPES[person.id_type],
            issued=day,
            issuer=issuer,
            level=person.level,
            name=person.name,
            number=number,
            occupation=person.occupation,
            occupation_code=person.occupation_code,
            prefix=number[:PREFIX_LENGTH],
            previous="",
        )
    )


def _check_probe(probe: tuple[bytes, bytes] | None, signer: Signer) -> None:
    # Verifying every signature would double the cost; one a chunk finds a wrong or damaged key
    # before a single row is committed.
    if probe is None:
        return
    info = signer.info
    if not verify_signature(info.algorithm, info.public_key, *probe):
        msg = f"key {info.key_id} makes signatures that do not verify: stop issuing, check the host"
        raise SigningFault(msg)
