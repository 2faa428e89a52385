"""A candidate (取证人员): one faultless row of a results roster, and the digest of all of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

_DOMAIN = b"certreg/roster/v1\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A person who passed, normalised. ``row`` is the spreadsheet's; "" stands for none given."""

    row: int
    name: str
    id_type: str
    id_number: str
    admission: str
    occupation: str
    occupation_code: str
    direction: str
    level: str
    issued: date


class ContentDigest:
    """SHA-256 over what candidates say, in row order: recognises a roster that comes again.

    The file's own hash changes when it is merely saved again; row numbers change when a blank
    line goes. Neither is in here. Each field carries its length, so that no two different
    rosters can be written as the same bytes.
    """

    def __init__(self) -> None:
        """Begin with the domain tag: the digest can be mistaken for no other hash of ours."""
        self._hash = hashlib.sha256(_DOMAIN)

    def add(self, candidate: Candidate) -> None:
        """Add the next candidate."""
        fields = (
            candidate.name,
            candidate.id_type,
            candidate.id_number,
            candidate.admission,
            candidate.occupation,
            candidate.occupation_code,
            candidate.direction,
            candidate.level,
            candidate.issued.isoformat(),
        )
        self._hash.update("".join([f"{len(text)}:{text}" for text in fields]).encode())

    def hexdigest(self) -> str:
        """Give the digest so far, 64 hexadecimal digits."""
        return self._hash.hexdigest()


def content_digest(candidates: Iterable[Candidate]) -> str:
    """Digest candidates in their order; see ContentDigest."""
    digest = ContentDigest()
    for candidate in candidates:
        digest.add(candidate)
    return digest.hexdigest()
