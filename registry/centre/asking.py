"""Who asks: a city, by a request that its upload key signed a moment ago (RFC 9421).

The order of the checks is that of their cost and of what an answer gives away: form, key, then
signature, and only who has signed is told of clock, nonce and key state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from keys.model import KeyState, Purpose
from keys.trust import TrustedKey
from registry.centre.cities import city_of_key
from registry.centre.store import City, Nonce, read_unit, write_unit
from signing.errors import SigningError
from signing.httpsig import (
    WINDOW,
    Claim,
    Request,
    content_digest,
    parse_date,
    read_claim,
    uncovered,
    verify_request,
)
from signing.tlog.entry import format_time

_NONCE_LENGTH: Final = range(16, 129)


class Denial(StrEnum):
    """Why a request counts as nobody's, or its sender's key no more."""

    MISSING = "signature-missing"
    MALFORMED = "signature-malformed"
    UNCOVERED = "signature-incomplete"
    UNKNOWN_KEY = "signature-unknown-key"
    FALSE = "signature-false"
    OTHER_BODY = "content-digest-differs"
    CLOCK_SKEW = "clock-skew"
    NONCE_USED = "nonce-used"
    KEY_REVOKED = "key-revoked"
    KEY_RETIRED = "key-retired"
    KEY_NOT_IN_FORCE = "key-not-in-force"
    CITY_ENDED = "city-ended"


class Denied(Exception):
    """A request that is not a city's; ``denial`` says why."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(denial.value)
        self.denial = denial


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """The city that signed a request."""

    city: str
    key_id: str


def authenticate(
    engine: Engine, cities: Path, request: Request, body: bytes, *, now: datetime
) -> Asker:
    """Return who signed the request, and remember its nonce. Raises Denied."""
    claim = _claim(request)
    with read_unit(engine) as session:
        found = city_of_key(session, cities, claim.key_id)
    if found is None:
        raise Denied(Denial.UNKNOWN_KEY)
    city, key = found
    _check_signature(request, claim, key)
    if request.headers.get("content-digest") != content_digest(body):
        raise Denied(Denial.OTHER_BODY)
    moment = _date(request)
    if abs(moment - now) > WINDOW:
        raise Denied(Denial.CLOCK_SKEW)
    _check_in_force(city, key, now)
    with write_unit(engine) as session:
        _remember(session, claim, moment, now)
    return Asker(city=city.name, key_id=key.key_id)


def _claim(request: Request) -> Claim:
    if "signature" not in request.headers or "signature-input" not in request.headers:
        raise Denied(Denial.MISSING)
    try:
        claim = read_claim(request.headers)
    except SigningError:
        raise Denied(Denial.MALFORMED) from None
    if uncovered(request, claim) or len(claim.nonce) not in _NONCE_LENGTH:
        raise Denied(Denial.UNCOVERED)
    return claim


def _check_signature(request: Request, claim: Claim, key: TrustedKey) -> None:
    try:
        good = verify_request(request, claim, key.algorithm, key.public_key)
    except SigningError:
        raise Denied(Denial.MALFORMED) from None
    if not good or key.purpose is not Purpose.UPLOAD:
        raise Denied(Denial.FALSE)


def _date(request: Request) -> datetime:
    try:
        return parse_date(request.headers.get("date", ""))
    except SigningError:
        raise Denied(Denial.MALFORMED) from None


def _check_in_force(city: City, key: TrustedKey, now: datetime) -> None:
    match key.state:
        case KeyState.REVOKED:
            raise Denied(Denial.KEY_REVOKED)
        case KeyState.RETIRED:
            raise Denied(Denial.KEY_RETIRED)
        case KeyState.ACTIVE:
            # A little before its beginning: the city's clock may be ahead of ours.
            if not key.not_before - WINDOW <= now < key.not_after:
                raise Denied(Denial.KEY_NOT_IN_FORCE)
    if city.ended_at is not None:
        raise Denied(Denial.CITY_ENDED)


def _remember(session: Session, claim: Claim, moment: datetime, now: datetime) -> None:
    if session.get(Nonce, (claim.key_id, claim.nonce)) is not None:
        raise Denied(Denial.NONCE_USED)
    session.execute(delete(Nonce).where(Nonce.until < format_time(now)))
    # As long as its date would be taken, and the second that texts of times leave out.
    until = format_time(moment + 2 * WINDOW)
    session.add(Nonce(key_id=claim.key_id, nonce=claim.nonce, until=until))
