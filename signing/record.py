"""The certificate record (证书记录): the facts an issuer signs, and their canonical bytes.

The fields are those the certificate prints (人社鉴发〔2021〕1号 参考样式) and no others: sex,
birth date and scores are neither asked for nor kept. The number follows the unified coding
rule (人社鉴发〔2019〕2号): 13 characters assigned by the authority, year, level, serial.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from datetime import date
from enum import StrEnum
from typing import Final

from signing.canonical import Canonical, decode, decoder_for, encode
from signing.errors import MalformedJson, MalformedRecord

MAX_RECORD_BYTES: Final = 8192
"""A record takes 400–900 bytes; nothing longer is looked at."""

OPENING_BYTES: Final = 32

PREFIX_LENGTH: Final = 13


class IdType(StrEnum):
    """Kinds of identity document (证件类型)."""

    RESIDENT = "resident-id"
    RESIDENCE_PERMIT = "residence-permit"
    FOREIGN_PERMANENT = "foreign-permanent-resident"
    PASSPORT = "passport"


class Record(Canonical, frozen=True, kw_only=True):
    """One edition of one certificate; fields in the order of the canonical bytes.

    Change a copy with `msgspec.structs.replace`. The constructor checks nothing: call
    `check_form` on a record put together from outside values.
    """

    admission: str
    """Exam admission number (准考证号), "" if none; ≤ 40 characters."""
    direction: str
    """Kind of work or direction (工种/职业方向), "" if none, printed `--`; ≤ 60 characters."""
    edition: int
    """1 for the first issue, one more for each reissue (补发) or correction (信息修改)."""
    id_number: str
    """Number of the identity document (证件号码), 5–20 upper-case letters and digits."""
    id_type: IdType
    issued: str
    """Date of issue (发证日期), `YYYY-MM-DD`."""
    issuer: str
    """The assessing body's name as filed (评价机构); ≤ 100 characters."""
    level: str
    """One symbol (职业技能等级): "5" to "1", or another assigned by the authority."""
    name: str
    """The holder's name (姓名); ≤ 60 characters."""
    number: str
    """Certificate number (证书编号), 22 characters, the same in all editions."""
    occupation: str
    """Occupation (职业名称); ≤ 60 characters."""
    occupation_code: str
    """Code of the occupation (职业编码), `X-XX-XX-XX`."""
    prefix: str
    """The body's 13 characters of the number, assigned by the authority with the filing."""
    previous: str
    """Lower-case hex SHA-256 of the edition before's canonical bytes, "" for edition 1."""
    v: int = 1


_TEXTS: Final = (
    ("admission", 0, 40),
    ("direction", 0, 60),
    ("issuer", 1, 100),
    ("name", 1, 60),
    ("occupation", 1, 60),
)
"""Free texts with their shortest and longest length in characters."""

_NUMBER = re.compile(r"[A-Z][0-9]{14}[0-9A-Z][0-9]{6}", re.ASCII)
_ID_NUMBER = re.compile(r"[0-9A-Z]{5,20}", re.ASCII)
_OCCUPATION_CODE = re.compile(r"[0-9A-Z](-[0-9]{2}){3}", re.ASCII)
_ISSUED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MAX_EDITION: Final = 9999

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control and format characters: a bidi override would show one name and sign another."""

_DECODER = decoder_for(Record)


def canonical(record: Record) -> bytes:
    """Canonical JSON of the record: what is signed, hashed and committed to."""
    return encode(record)


def parse_record(data: bytes) -> Record:
    """Parse canonical bytes (≤ 8 KiB) strictly; raises MalformedRecord.

    Checks bytes, types and the single texts by themselves; `check_form` adds whether they agree.
    """
    try:
        record = decode(data, _DECODER, limit=MAX_RECORD_BYTES)
    except MalformedJson as error:
        raise MalformedRecord(f"the record is damaged: {error}") from None
    _check_fields(record)
    return record


def check_form(record: Record) -> None:
    """Check every field, and that number, prefix, year, level and edition agree.

    Raises MalformedRecord naming the field, never its value. Run before signing.
    """
    _check_fields(record)
    check_agreement(record)


def check_agreement(record: Record) -> None:
    """Check of a record from `parse_record` what `check_form` checks beyond its single fields."""
    if record.number[:PREFIX_LENGTH] != record.prefix:
        raise MalformedRecord("the number does not start with the issuer's 13 characters")
    check_number(record.number, issued=record.issued, level=record.level)
    if (record.edition == 1) != (record.previous == ""):
        raise MalformedRecord("a later edition names the one before it; the first names none")


def check_number(number: str, *, issued: str, level: str) -> None:
    """Check a certificate number's form, and its year and level against those of the record.

    `issued` must be a real date `YYYY-MM-DD`. Raises MalformedRecord.
    """
    if not _NUMBER.fullmatch(number):
        raise MalformedRecord("field number is not a 22-character certificate number")
    parse_issued(issued)
    if number[13:15] != issued[2:4]:
        raise MalformedRecord("the year in the number is not the year of issue")
    if number[15] != level:
        raise MalformedRecord("the level in the number is not the level of the record")


def parse_issued(issued: str) -> date:
    """Read a date of issue, `YYYY-MM-DD` and no other form; raises MalformedRecord."""
    try:
        return date.fromisoformat(issued if _ISSUED.fullmatch(issued) else "")
    except ValueError:
        raise MalformedRecord("field issued must be a date YYYY-MM-DD") from None


def _check_fields(record: Record) -> None:
    for field, least, most in _TEXTS:
        text = getattr(record, field)
        if not least <= len(text) <= most:
            raise MalformedRecord(f"field {field} must have {least} to {most} characters")
        if not is_plain(text):
            raise MalformedRecord(f"field {field} has a space at an end or an invisible character")
    if not _NUMBER.fullmatch(record.number):
        raise MalformedRecord("field number is not a 22-character certificate number")
    if not _ID_NUMBER.fullmatch(record.id_number):
        raise MalformedRecord("field id_number must have 5 to 20 digits and capital letters")
    if not _OCCUPATION_CODE.fullmatch(record.occupation_code):
        raise MalformedRecord("field occupation_code must look like X-XX-XX-XX")
    if record.previous and not _DIGEST.fullmatch(record.previous):
        raise MalformedRecord("field previous must be a SHA-256 in lower-case hex")
    if not 1 <= record.edition <= _MAX_EDITION or record.v != 1:
        raise MalformedRecord("field edition or v is out of range")
    if record.id_type not in _ID_TYPES:
        raise MalformedRecord("field id_type is unknown")
    parse_issued(record.issued)


_ID_TYPES: Final = frozenset(IdType)


def is_plain(text: str) -> bool:
    """Whether `text` can be shown as it stands: nothing invisible, no space at either end."""
    if text != text.strip():
        return False
    # isprintable also refuses private use and what Unicode has not assigned yet; a rare name
    # may wait years for its code point, so only what cannot be seen is refused here.
    return text.isprintable() or all(
        unicodedata.category(character) not in _INVISIBLE for character in text
    )


def commitment(opening: bytes, record_bytes: bytes) -> bytes:
    """HMAC-SHA256(opening, canonical record), 32 bytes: what the public log holds.

    The 32 random bytes of `opening` keep anyone from trying names against the log; erase
    them and the record, and the leaf says nothing any more (个人信息保护法 §47).
    """
    return hmac.digest(opening, record_bytes, "sha256")


def edition_digest(record_bytes: bytes) -> str:
    """Lower-case hex SHA-256 of canonical bytes: the next edition's `previous`."""
    return hashlib.sha256(record_bytes).hexdigest()


def mask_id(id_number: str) -> str:
    """First 3 and last 4 characters, stars between; all stars when under 8 characters."""
    hidden = len(id_number) - 7
    if hidden < 1:
        return "*" * len(id_number)
    return f"{id_number[:3]}{'*' * hidden}{id_number[-4:]}"


def mask_name(name: str) -> str:
    """First character, then a star for each of the rest (张*)."""
    return name[:1] + "*" * (len(name) - 1)
