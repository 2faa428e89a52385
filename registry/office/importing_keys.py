"""Whether the body's record key may sign an import (签发密钥): active, and as old as the rows.

A verifier holds the day of issue against the key's term: what the key is too young for would stand
in the log for ever and never be good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy.orm import Session

from keys.errors import KeysError
from keys.model import KeyInfo, KeyState, Purpose
from keys.signer import Signer
from registry.errors import Refused, RegistryError
from registry.office.due import china_day
from registry.office.issuer_keys import KeyNotActive
from registry.rules.imported import ImportRow
from registry.store.issuer_keys import IssuerKey


class KeyTooYoung(Refused):
    """Certificates are dated before the day from which on the key that would sign is good."""

    code = "key-too-young"


class Fitness(StrEnum):
    """Whether the record key could sign a table now."""

    FIT = "fit"
    ENDED = "ended"
    """There is none in force."""
    YOUNG = "young"
    """Some rows are dated before its first day."""
    UNREADABLE = "unreadable"
    """The ring could not give it: nothing can be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAnswer:
    """What was found of the key; of one that is ``YOUNG`` its first day and how many rows."""

    fitness: Fitness
    begins: date | None = None
    young: int = 0


def look_at_key(
    session: Session, prefix: str, rows: Sequence[ImportRow], signer: Callable[[str], Signer]
) -> KeyAnswer:
    """Look whether the key that would sign these rows could; locks and signs nothing."""
    try:
        key = signer(prefix).info
    except KeyNotActive:
        return KeyAnswer(fitness=Fitness.ENDED)
    except (RegistryError, KeysError):
        return KeyAnswer(fitness=Fitness.UNREADABLE)
    row = session.get(IssuerKey, key.key_id)
    if (
        row is None
        or (row.prefix, row.purpose) != (prefix, Purpose.RECORD.value)
        or row.state != KeyState.ACTIVE.value
    ):
        return KeyAnswer(fitness=Fitness.ENDED)
    young = _younger(key, rows)
    if young:
        return KeyAnswer(fitness=Fitness.YOUNG, begins=china_day(key.not_before), young=young)
    return KeyAnswer(fitness=Fitness.FIT)


def require_days(key: KeyInfo, rows: Sequence[ImportRow]) -> None:
    """Raise ``KeyTooYoung`` if rows are dated before the key's first day."""
    young, begins = _younger(key, rows), china_day(key.not_before)
    if young:
        msg = (
            f"有 {young} 本证书的发证日期早于签发密钥的生效日期 {begins}，没有补录："
            "请联系系统管理员为该机构添加密钥并停用现有密钥后再办理。"
            f"{young} certificates are dated before {begins}, from when on key {key.key_id} is "
            "good: add a key with `certreg issuer key add`, retire this one, and import again"
        )
        raise KeyTooYoung(msg)


def _younger(key: KeyInfo, rows: Sequence[ImportRow]) -> int:
    begins = china_day(key.not_before)
    return sum(row.candidate.issued < begins for row in rows)
