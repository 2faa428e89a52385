"""Reading the JSON of keys and trust files strictly, and writing it in one form only.

Written as RFC 8785 does for ASCII keys: keys sorted, no spaces, UTF-8. Readers re-encode what
they understood and compare the bytes, so an unknown, repeated or reordered key never passes.
Every fault is a ValueError; the callers turn it into an error that says what to do.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)


def encode(value: Mapping[str, object]) -> bytes:
    """Write a JSON object in its one form. ValueError for text that UTF-8 cannot hold."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def decode(data: bytes) -> dict[str, object]:
    """Read a JSON object. ValueError, also for nesting so deep that the parser gives up."""
    try:
        value = json.loads(data.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return _object(value)


def text_of(value: Mapping[str, object], key: str) -> str:
    """Take a string."""
    found = value.get(key)
    if not isinstance(found, str):
        raise ValueError(f"`{key}` must be a string")  # noqa: TRY004 -- as below
    return found


def number_of(value: Mapping[str, object], key: str) -> int:
    """Take an integer."""
    found = value.get(key)
    if type(found) is not int:  # a bool is an int to isinstance
        raise ValueError(f"`{key}` must be an integer")
    return found


def bytes_of(value: Mapping[str, object], key: str) -> bytes:
    """Take bytes written in base64 with padding."""
    text = text_of(value, key)
    found = base64.b64decode(text, validate=True)
    if to_base64(found) != text:
        raise ValueError(f"`{key}` must be base64 in its one form")
    return found


def time_of(value: Mapping[str, object], key: str) -> datetime:
    """Take a time written as `2026-11-23T01:02:03Z`."""
    text = text_of(value, key)
    if not _TIME.fullmatch(text):
        raise ValueError(f"`{key}` must be a time like 2026-11-23T01:02:03Z")
    return datetime.fromisoformat(text)


def object_of(value: Mapping[str, object], key: str) -> dict[str, object]:
    """Take an object."""
    return _object(value.get(key))


def objects_of(value: Mapping[str, object], key: str) -> list[dict[str, object]]:
    """Take a list of objects."""
    found = value.get(key)
    if not isinstance(found, list):
        raise ValueError(f"`{key}` must be a list")  # noqa: TRY004 -- as below
    return [_object(item) for item in found]


def to_base64(data: bytes) -> str:
    """Write bytes as base64 with padding."""
    return base64.b64encode(data).decode()


def to_time(time: datetime) -> str:
    """Write an aware time as RFC 3339 in UTC, to the second."""
    return whole_second(time).strftime("%Y-%m-%dT%H:%M:%SZ")


def whole_second(time: datetime) -> datetime:
    """Cut an aware time down to the second, in UTC: what the files can hold."""
    if time.tzinfo is None:
        raise ValueError("a time needs its time zone")
    return time.astimezone(UTC).replace(microsecond=0)


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004 -- one kind of fault for callers
    return value
