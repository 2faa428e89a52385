"""The annotation (加注) of a holder's copy: for what, for whom and until when it was made.

National e-certificates are annotated on download with purpose and validity; so are the copies
made here. The annotation stands on the page for people and in `annotation.json` for programs;
the seal covers both, so neither can be taken away, added or changed. An original (原件) has none.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import date
from typing import TYPE_CHECKING, Final

from signing.canonical import Canonical, decode, decoder_for, encode
from signing.errors import MalformedAnnotation, MalformedJson
from signing.record import is_plain

if TYPE_CHECKING:
    from signing.record import Record

ANNOTATION_NAME: Final = "annotation.json"
"""The attachment that tells an annotated copy from an original."""

MAX_ANNOTATION_BYTES: Final = 2048
MAX_PURPOSE: Final = 40
MAX_RECIPIENT: Final = 60
"""Characters; what the box on the page holds in two lines each."""

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NUMBER: Final = re.compile(r"[A-Z][0-9]{14}[0-9A-Z][0-9]{6}", re.ASCII)
_MAX_EDITION: Final = 9999
_UNSHOWN: Final = frozenset({"Co", "Cn"})
"""Private use and unassigned: another machine would show another sign, or none."""

_SPACE: Final = "Zs"


class Annotation(Canonical, frozen=True, kw_only=True):
    """What a copy was made for; fields in the order of the canonical bytes."""

    edition: int
    made: str
    """Day of making in China, `YYYY-MM-DD`."""
    number: str
    purpose: str
    """用途, 1 to 40 characters."""
    recipient: str
    """接收单位, 1 to 60 characters."""
    record: str
    """Lower-case hex SHA-256 of the canonical record: the copy is of this one and no other."""
    until: str
    """有效期至, the last day in China on which the copy may be relied on, `YYYY-MM-DD`."""
    v: int = 1


_DECODER = decoder_for(Annotation)


def annotate(
    record: Record, payload: bytes, *, purpose: str, recipient: str, made: date, until: date
) -> Annotation:
    """Make the annotation of a copy of `record`, whose canonical bytes are `payload`.

    Both texts are brought to NFC first. Raises MalformedAnnotation, naming the field.
    """
    annotation = Annotation(
        edition=record.edition,
        made=made.isoformat(),
        number=record.number,
        purpose=unicodedata.normalize("NFC", purpose),
        recipient=unicodedata.normalize("NFC", recipient),
        record=hashlib.sha256(payload).hexdigest(),
        until=until.isoformat(),
    )
    _check(annotation)
    return annotation


def annotation_json(annotation: Annotation) -> bytes:
    """Canonical bytes, as attached."""
    return encode(annotation)


def parse_annotation(data: bytes) -> Annotation:
    """Parse canonical bytes (≤ 2 KiB) strictly; raises MalformedAnnotation."""
    try:
        annotation = decode(data, _DECODER, limit=MAX_ANNOTATION_BYTES)
    except MalformedJson as error:
        raise MalformedAnnotation(f"the annotation (加注) is damaged: {error}") from None
    _check(annotation)
    return annotation


def is_of(annotation: Annotation, record: Record, payload: bytes) -> bool:
    """Whether the annotation is that of a copy of this very record."""
    ours = (record.number, record.edition, hashlib.sha256(payload).hexdigest())
    return (annotation.number, annotation.edition, annotation.record) == ours


def same_recipient(one: str, other: str) -> bool:
    """Whether two names are the same but for width, case and spaces (（深圳） is (深圳))."""
    return _plainest(one) == _plainest(other)


def _plainest(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _check(annotation: Annotation) -> None:
    _check_text("purpose (用途)", annotation.purpose, MAX_PURPOSE)
    _check_text("recipient (接收单位)", annotation.recipient, MAX_RECIPIENT)
    made, until = _day(annotation.made), _day(annotation.until)
    if until < made:
        raise MalformedAnnotation("the copy would end (有效期至) before the day it is made")
    if not _NUMBER.fullmatch(annotation.number) or not _DIGEST.fullmatch(annotation.record):
        raise MalformedAnnotation("the annotation (加注) does not name a certificate")
    if not 1 <= annotation.edition <= _MAX_EDITION or annotation.v != 1:
        raise MalformedAnnotation("field edition or v of the annotation (加注) is out of range")


def _check_text(field: str, text: str, most: int) -> None:
    if not 1 <= len(text) <= most:
        raise MalformedAnnotation(f"{field} must have 1 to {most} characters")
    # A bidi override in a name would show one recipient and seal another.
    if not is_plain(text) or any(not _shown(sign) for sign in text):
        raise MalformedAnnotation(
            f"{field} has a space at an end, or a character that cannot be seen or printed"
        )
    if unicodedata.normalize("NFC", text) != text:
        raise MalformedAnnotation(f"{field} is not in Unicode's normal form C")


def _shown(sign: str) -> bool:
    category = unicodedata.category(sign)
    return category not in _UNSHOWN and (category != _SPACE or sign == " ")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        raise MalformedAnnotation(
            "a day of the annotation (加注) must be a date YYYY-MM-DD"
        ) from None
