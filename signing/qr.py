r"""The certificate's QR code (二维码): the address, and the signed facts in its fragment.

`https://host/v/<token>#<digits>`. A browser never sends the fragment to a server, so whoever
scans gives away no name; any phone shows the address. The payload is

    u16 length ‖ CBOR [1, number, name, occupation, direction, level, issuer, issued,
    edition, key id] ‖ Ed25519 signature over "certreg/qr/v1\n" ‖ CBOR

written as decimal digits, 7 bytes to 17 digits, because a QR symbol carries digits at 3⅓
bits each. No ID number (个人信息保护法: least necessary). The domain tag keeps the signature
from passing as one over a record. The token is 80 random bits: it cannot be guessed, and
tells nothing about the certificate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cbor2

from keys.model import KeyId, verify_signature
from signing.errors import MalformedQr
from signing.record import PREFIX_LENGTH, Record, is_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from keys.signer import Signer
    from keys.trust import Trust

QR_DOMAIN: Final = b"certreg/qr/v1\n"
QR_VERSION: Final = 1

SIGNATURE_BYTES: Final = 64
KEY_ID_BYTES: Final = 8
SHOWN_BYTES: Final = KEY_ID_BYTES + SIGNATURE_BYTES
TOKEN_BYTES: Final = 10
TOKEN_LENGTH: Final = 16

MAX_PAYLOAD_BYTES: Final = 384
"""934 digits: with an address they fill version 15, the finest symbol a phone reads at 30 mm."""

MAX_URL_LENGTH: Final = 2048

_LENGTH_BYTES: Final = 2
_GROUP_BYTES: Final = 7
_DIGITS: Final = {1: 3, 2: 5, 3: 8, 4: 10, 5: 13, 6: 15, 7: 17}
"""Bytes of a group to the digits that hold them; all groups but the last have 7 bytes."""
_BYTES: Final = {digits: size for size, digits in _DIGITS.items()}
_TAIL: Final = frozenset({0, *_BYTES} - {_DIGITS[_GROUP_BYTES]})

_MAX_DIGITS: Final = MAX_PAYLOAD_BYTES // _GROUP_BYTES * 17 + _DIGITS[MAX_PAYLOAD_BYTES % 7]

_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS: Final = tuple(first + second for first in _BASE32 for second in _BASE32)
_SHIFTS: Final = tuple(range(70, -1, -10))

_TOKEN = re.compile(r"[a-z2-7]{16}", re.ASCII)
_URL = re.compile(
    r"(?P<base>https?://[a-z0-9.-]+(?::[0-9]{1,5})?(?:/[a-z0-9._~-]+)*)"
    r"/v/(?P<token>[a-z2-7]{16})#(?P<digits>[0-9]+)",
    re.ASCII,
)
_BASE_URL = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?(?:/[a-z0-9._~-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class QrPayload:
    """The printed facts as the issuer signed them for the symbol."""

    number: str
    name: str
    occupation: str
    direction: str
    level: str
    issuer: str
    issued: str
    edition: int
    key_id: KeyId
    signed: bytes
    """The CBOR bytes; the signature covers QR_DOMAIN ‖ signed."""
    signature: bytes

    @property
    def prefix(self) -> str:
        """The issuer's 13 characters of the number."""
        return self.number[:PREFIX_LENGTH]

    def agrees_with(self, record: Record) -> bool:
        """Whether the symbol says what the record says, in every field it carries."""
        return all(getattr(self, field) == getattr(record, field) for field in _FIELDS)


_FIELDS: Final = (
    "number", "name", "occupation", "direction", "level", "issuer", "issued", "edition",
)  # fmt: skip
_TYPES: Final = (int, str, str, str, str, str, str, str, int, bytes)
"""Types of the CBOR array: version, the fields in order, key id."""


def qr_payload(record: Record, signer: Signer) -> bytes:
    """Build and sign the payload with the issuer's record key.

    Raises MalformedQr when the facts are too long for a symbol a phone can read.
    """
    signed = signed_facts(record, signer.info.key_id)
    size = _LENGTH_BYTES + len(signed) + SIGNATURE_BYTES
    if size > MAX_PAYLOAD_BYTES:
        raise MalformedQr(
            f"name, occupation and issuer together are too long for the QR code"
            f" ({size} of {MAX_PAYLOAD_BYTES} bytes)"
        )
    return len(signed).to_bytes(_LENGTH_BYTES) + signed + signer.sign(QR_DOMAIN + signed)


def signed_facts(record: Record, key_id: KeyId) -> bytes:
    """CBOR of the record's facts as a symbol holds them; signed as QR_DOMAIN ‖ these bytes."""
    facts = [getattr(record, field) for field in _FIELDS]
    return cbor2.dumps([QR_VERSION, *facts, bytes.fromhex(key_id)])


def is_symbol_of(record: Record, shown: bytes, trust: Trust) -> bool:
    """Whether `shown` (key id ‖ signature, SHOWN_BYTES) stands in the symbol of this record.

    The issuer signed the printed facts once, for the symbol: nobody has that signature without
    having read the paper, and neither half of `shown` says who its holder is.
    """
    if len(shown) != SHOWN_BYTES:
        return False
    key_id, signature = KeyId(shown[:KEY_ID_BYTES].hex()), shown[KEY_ID_BYTES:]
    key = trust.record_key(record.prefix, key_id)
    message = QR_DOMAIN + signed_facts(record, key_id)
    return key is not None and verify_signature(key.algorithm, key.public_key, message, signature)


def parse_payload(payload: bytes) -> QrPayload:
    """Parse a payload strictly; raises MalformedQr. The signature is not verified here."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise MalformedQr("the QR code's payload is too long")
    end = _LENGTH_BYTES + int.from_bytes(payload[:_LENGTH_BYTES])
    signed, signature = payload[_LENGTH_BYTES:end], payload[end:]
    if len(signature) != SIGNATURE_BYTES:
        raise MalformedQr("the QR code's payload is cut short or has something after it")
    _, *facts, key_id = _parse_facts(signed)
    # They are shown before any signature is checked, also on terminals.
    if not all(is_plain(fact) for fact in facts if isinstance(fact, str)):
        raise MalformedQr("the QR code's texts hold invisible characters")
    return QrPayload(
        **dict(zip(_FIELDS, facts, strict=True)),
        key_id=KeyId(key_id.hex()),
        signed=signed,
        signature=signature,
    )


def _parse_facts(signed: bytes) -> list[Any]:
    try:
        values = cbor2.loads(signed, max_depth=2, allow_indefinite=False)
        # Only the shortest encoding gives the same bytes again: no second way to write it.
        unique = cbor2.dumps(values) == signed
    except (cbor2.CBORError, ValueError, TypeError, OverflowError):
        raise MalformedQr("the QR code's payload is damaged") from None
    if (
        not unique
        or not isinstance(values, list)
        or tuple(type(value) for value in values) != _TYPES
    ):
        raise MalformedQr("the QR code's payload does not have the expected fields")
    if values[0] != QR_VERSION or len(values[-1]) != KEY_ID_BYTES:
        raise MalformedQr("the QR code is of another version: use a newer program")
    return values


def to_digits(payload: bytes) -> str:
    """Decimal digits of `payload`: 17 for each 7 bytes, fewer for the rest, zero-padded."""
    groups = (payload[at : at + _GROUP_BYTES] for at in range(0, len(payload), _GROUP_BYTES))
    return "".join(f"{int.from_bytes(group):0{_DIGITS[len(group)]}d}" for group in groups)


def from_digits(digits: str) -> bytes:
    """Inverse of `to_digits`; raises MalformedQr for any text it never writes."""
    whole = _DIGITS[_GROUP_BYTES]
    if not (digits.isascii() and digits.isdigit()) or len(digits) % whole not in _TAIL:
        raise MalformedQr("the QR code's digits are incomplete")
    if len(digits) > _MAX_DIGITS:
        raise MalformedQr("the QR code's payload is too long")
    groups = (digits[at : at + whole] for at in range(0, len(digits), whole))
    try:
        return b"".join(int(group).to_bytes(_BYTES[len(group)]) for group in groups)
    except OverflowError:
        raise MalformedQr("the QR code's digits are damaged") from None


def token_of(data: bytes) -> str:
    """16 lower-case base32 characters (RFC 4648 §6) of TOKEN_BYTES bytes.

    By table, ten bits at a time: the library's encoder takes four times as long, which issuing
    a hundred thousand certificates would feel.
    """
    bits = int.from_bytes(data)
    return "".join([_PAIRS[bits >> shift & 0x3FF] for shift in _SHIFTS])


def new_token(random: Callable[[int], bytes]) -> str:
    """Make the token of 80 bits from `random`."""
    return token_of(random(TOKEN_BYTES))


def is_token(text: str) -> bool:
    """Whether `text` has a token's form."""
    return _TOKEN.fullmatch(text) is not None


def qr_url(base_url: str, token: str, digits: str) -> str:
    """Write the text of the symbol. Raises MalformedQr when `parse_qr_url` would refuse it."""
    url = f"{base_url}/v/{token}#{digits}"
    if not _BASE_URL.fullmatch(base_url) or not _URL.fullmatch(url):
        raise MalformedQr("the public address must be lower-case http(s) without a final slash")
    return url


def parse_qr_url(text: str) -> tuple[str, str, QrPayload]:
    """Split a symbol's text into base address, token and payload; raises MalformedQr.

    The base address is only what the paper says. Compare it with the trust file's before
    trusting it, and never open it: that is where a look-alike site waits.
    """
    found = _URL.fullmatch(text) if len(text) <= MAX_URL_LENGTH else None
    if found is None:
        raise MalformedQr("this QR code is not a certificate's")
    return found["base"], found["token"], parse_payload(from_digits(found["digits"]))
