"""Signed requests: HTTP Message Signatures (RFC 9421) by Ed25519, in one strict form.

A request carries one signature. Its components are names without parameters; the base is built
from the received text of `Signature-Input`, so the form that was signed is the form that is
checked. The body is bound by `Content-Digest` (RFC 9530) with SHA-256, the time by `Date`, and a
request that is sent twice is known by its nonce, which the receiver remembers.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import ClassVar, Final

from keys.model import Algorithm, KeyId, verify_signature
from keys.signer import Signer
from signing.errors import SigningError

WINDOW: Final = timedelta(minutes=5)
"""How far `Date` may be from the receiver's clock, either way."""

MAX_HEADER: Final = 2048
"""Longest signature header read, in characters; ours take about 300."""

REQUIRED: Final = ("@method", "@path", "@query", "content-digest", "date")
"""Components that every signature must cover."""

IF_SENT: Final = ("content-type", "idempotency-key", "upload-complete", "upload-offset")
"""Headers with a meaning here: what is sent of them must be covered too."""

_LABEL: Final = "sig1"
_MEMBER = re.compile(r"([a-z*][a-z0-9_.*-]{0,31})=(.+)", re.ASCII)
_INPUT = re.compile(r"\(((?:\"[@a-z0-9-]{1,64}\"(?: (?=\"))?)*)\)((?:;.+)?)", re.ASCII)
_PARAMETER = re.compile(r";([a-z*][a-z0-9_.*-]{0,31})=(?:\"([ !#-\[\]-~]*)\"|(-?[0-9]{1,15}))")
_SIGNATURE = re.compile(r":([A-Za-z0-9+/]+={0,2}):", re.ASCII)
_VALUE = re.compile(r"[\t -~]*", re.ASCII)
_KNOWN: Final = frozenset({"created", "expires", "keyid", "nonce", "alg", "tag"})
_NUMBERS: Final = frozenset({"created", "expires"})


class MalformedHttpSignature(SigningError):
    """Not a signed request in the form that is read here; the message quotes nothing of it."""

    code: ClassVar[str] = "malformed-http-signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is signed of a request: `path` as sent, `query` without its `?`, header names small."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A signature as read, nothing verified. `params` is the text that stands in the base."""

    components: tuple[str, ...]
    key_id: KeyId
    nonce: str
    algorithm: str
    """`alg`, "" if it is not said."""
    params: str
    signature: bytes


def content_digest(body: bytes) -> str:
    """Return the `Content-Digest` of a body (RFC 9530), also of an empty one."""
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


def format_date(moment: datetime) -> str:
    """Return an aware time as `Date` has it (RFC 9110 IMF-fixdate)."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def parse_date(text: str) -> datetime:
    """Read a `Date` in exactly that form. Raises MalformedHttpSignature."""
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is not None and format_date(moment) == text:
            return moment
    except (ValueError, TypeError, IndexError, OverflowError):
        pass
    raise MalformedHttpSignature("the request's date is not in the form of HTTP")


def sign_request(
    request: Request, body: bytes, signer: Signer, *, nonce: str, now: datetime
) -> dict[str, str]:
    r"""Return the headers to add to a request, names small.

    `nonce` is visible ASCII without `"` and `\`, never used before under this key. Raises
    MalformedHttpSignature for what could not be read back.
    """
    added = {"content-digest": content_digest(body), "date": format_date(now)}
    headers = {**request.headers, **added}
    covered = (*REQUIRED, *(name for name in IF_SENT if name in headers))
    names = " ".join(f'"{name}"' for name in covered)
    params = f'({names});keyid="{signer.info.key_id}";nonce="{nonce}";alg="ed25519"'
    full = Request(method=request.method, path=request.path, query=request.query, headers=headers)
    signature = signer.sign(signature_base(full, covered, params))
    added["signature-input"] = f"{_LABEL}={params}"
    added["signature"] = f"{_LABEL}=:{b64encode(signature).decode()}:"
    if read_claim(added).nonce != nonce:
        raise MalformedHttpSignature("the nonce is not one")
    return added


def read_claim(headers: Mapping[str, str]) -> Claim:
    """Read `signature-input` and `signature` (names small) strictly; verifies nothing.

    Raises MalformedHttpSignature.
    """
    label, params = _member(headers.get("signature-input", ""))
    signed, value = _member(headers.get("signature", ""))
    found = _INPUT.fullmatch(params)
    signature = _SIGNATURE.fullmatch(value)
    if label != signed or found is None or signature is None:
        raise MalformedHttpSignature("the request's signature headers cannot be read")
    components = tuple(name.strip('"') for name in found[1].split())
    if len(set(components)) != len(components):
        raise MalformedHttpSignature("a component is signed twice")
    given = _parameters(found[2])
    try:
        data = b64decode(signature[1], validate=True)
    except (NoBase64, ValueError):
        raise MalformedHttpSignature("the request's signature is not in base64") from None
    return Claim(
        components=components,
        key_id=KeyId(given.get("keyid", "")),
        nonce=given.get("nonce", ""),
        algorithm=given.get("alg", ""),
        params=params,
        signature=data,
    )


def signature_base(request: Request, components: tuple[str, ...], params: str) -> bytes:
    """Return the signature base (RFC 9421 §2.5). Raises MalformedHttpSignature.

    A component that the request does not have, or a value that no header can hold, is refused.
    """
    lines = [f'"{name}": {_component(request, name)}' for name in components]
    return "\n".join([*lines, f'"@signature-params": {params}']).encode()


def uncovered(request: Request, claim: Claim) -> tuple[str, ...]:
    """Return what ought to be signed and is not."""
    wanted = (*REQUIRED, *(name for name in IF_SENT if name in request.headers))
    return tuple(name for name in wanted if name not in claim.components)


def verify_request(request: Request, claim: Claim, algorithm: Algorithm, public_key: bytes) -> bool:
    """Whether the signature is good under an Ed25519 key; False for another algorithm.

    Raises MalformedHttpSignature where the base cannot be made. Says nothing of body and time.
    """
    if algorithm is not Algorithm.ED25519 or claim.algorithm not in {"", "ed25519"}:
        return False
    base = signature_base(request, claim.components, claim.params)
    return verify_signature(algorithm, public_key, base, claim.signature)


def _member(header: str) -> tuple[str, str]:
    found = _MEMBER.fullmatch(header) if len(header) <= MAX_HEADER else None
    if found is None:
        raise MalformedHttpSignature("the request's signature headers cannot be read")
    return found[1], found[2]


def _parameters(text: str) -> dict[str, str]:
    given: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = _PARAMETER.match(text, at)
        if found is None:
            raise MalformedHttpSignature("the request's signature headers cannot be read")
        name, at = found[1], found.end()
        number = found[3] is not None
        if name in given or name not in _KNOWN or number != (name in _NUMBERS):
            raise MalformedHttpSignature("a parameter of the signature is not known here")
        given[name] = found[3] if number else found[2]
    return given


def _component(request: Request, name: str) -> str:
    match name:
        case "@method":
            value = request.method
        case "@path":
            value = request.path
        case "@query":
            value = f"?{request.query}"
        case "@authority":
            value = request.headers.get("host", "").lower()
        case _ if name.startswith("@") or name not in request.headers:
            raise MalformedHttpSignature("what was signed is not in the request")
        case _:
            value = request.headers[name].strip(" \t")
    if not _VALUE.fullmatch(value):
        raise MalformedHttpSignature("a value that was signed cannot stand in a request")
    return value
