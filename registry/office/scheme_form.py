"""The assessment scheme (评价方案) as a form: standard, and parts by level (notice 四 to 六（二）).

One scheme is about one occupation and direction of an approved filing, and holds for each level
its parts. Whether what it says is enough is judged by `registry.rules.scheme`, by the same function
at preview and at submission.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from registry.errors import RegistryError
from registry.rules.catalogue import LEVEL_ORDER
from registry.rules.levels import BY_SYMBOL
from registry.rules.scheme import (
    PASS_MARK,
    Part,
    PartKind,
    Scheme,
    SchemeFinding,
    check_scheme,
    national_parts,
)
from signing.canonical import Canonical, decoder_for, encode


class StandardKind(StrEnum):
    """What the scheme rests on (notice 六（二）)."""

    NATIONAL = "national"
    """国家职业技能标准"""
    COMPANY = "company"
    """行业企业标准: only where there is no national one."""


class PartForm(Canonical, frozen=True, kw_only=True):
    """One part: marks out of 100; ``kind`` is a `PartKind`."""

    kind: str
    pass_mark: int
    veto: bool
    weight: int


class Reason(Canonical, frozen=True, kw_only=True):
    """Why a part of the national standard is left out or weakened."""

    kind: str
    text: str


class LevelForm(Canonical, frozen=True, kw_only=True):
    """One level (its symbol) with its parts."""

    level: str
    parts: tuple[PartForm, ...]
    reasons: tuple[Reason, ...]
    total_mark: int


class SchemeForm(Canonical, frozen=True, kw_only=True):
    """The whole form; `levels` from the lowest to the highest.

    ``standard_kind`` "": the standard has not been filled in. ``standard_reason`` says why there
    is no national standard, where the scheme rests on one of the trade or company.
    """

    direction: str = ""
    edition: int = 0
    levels: tuple[LevelForm, ...] = ()
    occupation: str = ""
    occupation_code: str = ""
    standard: str = ""
    standard_kind: str = ""
    standard_number: str = ""
    standard_reason: str = ""
    v: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelFinding:
    """One fault of one level's parts."""

    level: str
    finding: SchemeFinding


class SchemeDamaged(RegistryError):
    """A stored scheme does not have its own form: written by another version, or damaged."""

    code = "form-damaged"


_DECODER: Final = decoder_for(SchemeForm)


def scheme_bytes(form: SchemeForm) -> bytes:
    """Write the form's canonical JSON."""
    return encode(form)


def parse_scheme(data: bytes) -> SchemeForm:
    """Read a stored form. Raises ``SchemeDamaged``, which quotes nothing of it."""
    try:
        form = _DECODER.decode(data)
        for level in form.levels:
            scheme_of(level)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        raise SchemeDamaged("评价方案内容无法读取，请联系系统管理员从备份恢复") from None
    return form


def scheme_of(level: LevelForm) -> Scheme:
    """Give one level's parts as the rules judge them."""
    return Scheme(
        level=level.level,
        parts=tuple(
            Part(
                kind=PartKind(part.kind),
                weight=part.weight,
                pass_mark=part.pass_mark,
                veto=part.veto,
            )
            for part in level.parts
        ),
        total_mark=level.total_mark,
        reasons={PartKind(reason.kind): reason.text for reason in level.reasons},
    )


def findings(form: SchemeForm) -> tuple[LevelFinding, ...]:
    """Say everything that is wrong with the parts, level by level."""
    return tuple(
        LevelFinding(level=level.level, finding=finding)
        for level in form.levels
        for finding in check_scheme(scheme_of(level))
    )


def lacking_qualities(form: SchemeForm) -> tuple[tuple[str, PartKind], ...]:
    """Name the parts of 职业素养 (notice 四（一）) that a level lacks: a warning to weigh."""
    wanted = (PartKind.SAFETY, PartKind.ETHICS, PartKind.PERFORMANCE)
    return tuple(
        (level.level, kind)
        for level in form.levels
        for kind in wanted
        if all(part.kind != kind for part in level.parts)
    )


def suggested(form: SchemeForm, level: str) -> LevelForm:
    """Give what a level's page shows first: what is kept, the next level's parts, or a default."""
    kept = {item.level: item for item in form.levels}
    if level in kept:
        return kept[level]
    if form.levels:
        like = form.levels[-1]
        parts = {part.kind: part for part in like.parts}
        for kind in national_parts(level):
            parts.setdefault(
                kind.value,
                PartForm(kind=kind.value, pass_mark=PASS_MARK, veto=True, weight=0),
            )
        return LevelForm(
            level=level, parts=tuple(parts.values()), reasons=(), total_mark=like.total_mark
        )
    kinds = national_parts(level)
    weights = (30, 50, 20) if len(kinds) > 2 else (40, 60)  # noqa: PLR2004 - with a review
    return LevelForm(
        level=level,
        parts=tuple(
            PartForm(kind=kind.value, pass_mark=PASS_MARK, veto=True, weight=weight)
            for kind, weight in zip(kinds, weights, strict=True)
        ),
        reasons=(),
        total_mark=PASS_MARK,
    )


def with_level(form: SchemeForm, new: LevelForm) -> SchemeForm:
    """Return the form with a level's parts put in or replaced."""
    kept = {item.level: item for item in form.levels} | {new.level: new}
    return replace(form, levels=tuple(kept[s] for s in LEVEL_ORDER if s in kept))


def without_level(form: SchemeForm, level: str) -> SchemeForm:
    """Return the form without a level."""
    return replace(form, levels=tuple(item for item in form.levels if item.level != level))


def title_of(form: SchemeForm) -> str:
    """Name the case as lists show it."""
    name = f"{form.occupation}（{form.direction}）" if form.direction else form.occupation
    levels = "、".join(BY_SYMBOL[item.level].printed for item in form.levels)
    return f"{name} 评价方案{f'：{levels}' if levels else ''}"[:160]
