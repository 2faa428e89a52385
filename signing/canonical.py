"""Canonical JSON: the RFC 8785 (JCS) subset every signed or hashed object here uses.

Strings, integers below 2^53, booleans, arrays and objects; no floats, no nulls; keys are
ASCII and in order. Structs declare their fields in key order, so msgspec's plain encoder
already writes the canonical bytes, at a sixtieth of a general encoder's cost. Parsing is
strict the simple way: decode, encode again, and refuse what does not give the same bytes.
That alone refuses white space, other escapes, duplicate keys, wrong order and floats; two
byte strings can never stand for one object, so nobody can hide a second reading in one.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from signing.errors import MalformedJson

MAX_INTEGER: Final = 2**53 - 1
"""The largest integer every JSON reader holds exactly (RFC 8785 §3.2.2.3, I-JSON)."""

MAX_DEPTH: Final = 8
"""No format of ours nests deeper; anything deeper is an attack on a reader's stack."""

_ENCODER = msgspec.json.Encoder()

T = TypeVar("T")


class Canonical(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the JSON objects: declare the fields in the order of their JSON keys.

    An absent member is `msgspec.UNSET` and leaves no trace; there are no nulls. A struct and
    no dataclass, because building one costs a tenth, which is seen at a million records.
    """


def encode(value: object) -> bytes:
    """Canonical bytes of a struct or dataclass whose fields are declared in key order.

    The order is the type's promise, tested against rfc8785; it is not checked here. Strings
    hold no lone surrogates: msgspec refuses them (MalformedJson).
    """
    try:
        return _ENCODER.encode(value)
    except (UnicodeEncodeError, msgspec.MsgspecError, OverflowError):
        raise MalformedJson("the text cannot be written as UTF-8 JSON") from None


def encode_tree(value: object) -> bytes:
    """Canonical bytes of nested dicts, lists, strings, booleans and integers, keys sorted.

    Raises MalformedJson for floats, nulls, integers over 2^53 - 1, keys that are not ASCII
    (their order differs between UTF-8 and RFC 8785's UTF-16) and nesting over MAX_DEPTH.
    """
    return encode(_ordered(value, 0))


def _ordered(value: object, depth: int) -> object:
    if depth > MAX_DEPTH:
        raise MalformedJson(f"JSON nests deeper than {MAX_DEPTH} levels")
    match value:
        case bool() | str():
            return value
        case int():
            if abs(value) > MAX_INTEGER:
                raise MalformedJson("an integer is too large for JSON")
            return value
        case list() | tuple():
            return [_ordered(item, depth + 1) for item in value]
        case dict():
            if not all(isinstance(key, str) and key.isascii() for key in value):
                raise MalformedJson("a JSON key is not ASCII")
            return {key: _ordered(value[key], depth + 1) for key in sorted(value)}
        case _:
            raise MalformedJson("JSON here holds neither floats nor null")


def decoder_for(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Make a reusable decoder of `kind`, strict about types ("1" is no integer)."""
    return msgspec.json.Decoder(kind, strict=True)


def decode(data: bytes, decoder: msgspec.json.Decoder[T], *, limit: int) -> T:
    """Parse `data` (at most `limit` bytes), which must be the canonical bytes of the result.

    Raises MalformedJson; the message never quotes the data.
    """
    if len(data) > limit:
        raise MalformedJson(f"the JSON is longer than {limit} bytes")
    try:
        value = decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise MalformedJson("the JSON does not have the expected form") from None
    if encode(value) != data:
        raise MalformedJson("the JSON is not in canonical form")
    return value


def decode_tree(data: bytes, *, limit: int) -> object:
    """Parse canonical JSON of any shape into dicts, lists, strings, booleans and integers.

    Raises MalformedJson as `decode` and `encode_tree` do.
    """
    if len(data) > limit:
        raise MalformedJson(f"the JSON is longer than {limit} bytes")
    try:
        value: object = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise MalformedJson("this is not JSON") from None
    if encode_tree(value) != data:
        raise MalformedJson("the JSON is not in canonical form")
    return value
