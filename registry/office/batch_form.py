"""The form of a results batch (评价结果) and its digests (notice 六（三）3).

The form says on which plan the batch rests, how many stand in it, what their results' digest is,
and which evidence is kept. Persons and marks stand beside it, sealed one by one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from registry.rules.scheme import PartKind
from registry.rules.scores_sheet import ScoredPerson
from signing.canonical import Canonical, decode, decoder_for, encode

LONGEST_FORM: Final = 256 * 1024
_DOMAIN: Final = b"certreg/batch-results/v1\n"


class Evidence(Canonical, frozen=True, kw_only=True):
    """One piece of evidence: ``kind`` is an `EvidenceKind`, ``sha256`` hex, ``size`` bytes."""

    description: str
    kind: str
    sha256: str
    size: int


class BatchForm(Canonical, frozen=True, kw_only=True):
    """The whole form. ``results`` is the results' digest or "", ``levels`` symbols, 5 first."""

    direction: str
    evidence: tuple[Evidence, ...] = ()
    levels: tuple[str, ...]
    occupation: str
    occupation_code: str
    passed: int = 0
    people: int = 0
    plan: str
    results: str = ""
    v: int = 1


class PublicityRecord(Canonical, frozen=True, kw_only=True):
    """What the milestone of the publicity commits to; days are `YYYY-MM-DD`."""

    first_day: str
    form: str
    last_day: str
    objections: int


class ResultsRecord(Canonical, frozen=True, kw_only=True):
    """What the milestones of filing and approval commit to: SHA-256 (hex) of form and publicity."""

    form: str
    publicity: str


_DECODER: Final = decoder_for(BatchForm)


def form_bytes(form: BatchForm) -> bytes:
    """Write the canonical JSON of a form."""
    return encode(form)


def parse_form(data: bytes) -> BatchForm:
    """Read what `form_bytes` writes. Raises MalformedJson."""
    return decode(data, _DECODER, limit=LONGEST_FORM)


def digest_of(record: PublicityRecord | ResultsRecord) -> str:
    """SHA-256 (hex) of a record's canonical bytes."""
    return hashlib.sha256(encode(record)).hexdigest()


def results_digest(people: Iterable[ScoredPerson]) -> str:
    """SHA-256 (hex) over persons and marks in row order; each field carries its length."""
    digest = hashlib.sha256(_DOMAIN)
    for person in people:
        marks = [str(person.marks.get(kind, "")) for kind in PartKind]
        texts = (
            *(str(person.row), person.name, person.id_type, person.id_number),
            *(person.admission, person.level, *marks, str(person.unsafe)),
        )
        digest.update("".join([f"{len(text)}:{text}" for text in texts]).encode())
    return digest.hexdigest()
