"""Schemes: nothing below the national standard's parts without a reason; weights are whole."""

from __future__ import annotations

import pytest

from registry.rules.scheme import (
    Part,
    PartKind,
    Scheme,
    SchemeFault,
    SchemeFinding,
    check_scheme,
    national_parts,
)

THEORY = Part(kind=PartKind.THEORY, weight=40)
SKILL = Part(kind=PartKind.SKILL, weight=60)


def scheme(*parts: Part, level: str = "4", total: int = 60, **reasons: str) -> Scheme:
    return Scheme(
        level=level,
        parts=parts,
        total_mark=total,
        reasons={PartKind(kind): reason for kind, reason in reasons.items()},
    )


def faults(made: Scheme) -> set[tuple[SchemeFault, PartKind | None]]:
    return {(finding.fault, finding.part) for finding in check_scheme(made)}


def test_theory_and_skill_make_a_scheme() -> None:
    assert check_scheme(scheme(THEORY, SKILL)) == ()


def test_technicians_are_reviewed_too() -> None:
    assert national_parts("3") == (PartKind.THEORY, PartKind.SKILL)
    assert national_parts("1") == (PartKind.THEORY, PartKind.SKILL, PartKind.REVIEW)
    missing = (SchemeFault.NATIONAL_PART_MISSING, PartKind.REVIEW)
    assert faults(scheme(THEORY, SKILL, level="2")) == {missing}


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        (scheme(), (SchemeFault.NO_PARTS, None)),
        (scheme(THEORY), (SchemeFault.WEIGHTS_SUM, None)),
        (scheme(THEORY, SKILL, THEORY), (SchemeFault.PART_TWICE, PartKind.THEORY)),
        (
            scheme(Part(kind=PartKind.THEORY, weight=-1), SKILL),
            (SchemeFault.WEIGHT_RANGE, PartKind.THEORY),
        ),
        (
            scheme(Part(kind=PartKind.THEORY, weight=40, pass_mark=101), SKILL),
            (SchemeFault.MARK_RANGE, PartKind.THEORY),
        ),
        (scheme(THEORY, SKILL, total=0), (SchemeFault.MARK_RANGE, None)),
        (
            scheme(Part(kind=PartKind.THEORY, weight=40, pass_mark=59), SKILL),
            (SchemeFault.NATIONAL_PART_WEAKENED, PartKind.THEORY),
        ),
        (
            scheme(THEORY, Part(kind=PartKind.SKILL, weight=60, veto=False)),
            (SchemeFault.NATIONAL_PART_WEAKENED, PartKind.SKILL),
        ),
    ],
)
def test_every_fault_is_named(made: Scheme, fault: tuple[SchemeFault, PartKind | None]) -> None:
    assert fault in faults(made)


def test_a_reason_lets_a_part_be_left_out() -> None:
    only = Part(kind=PartKind.SKILL, weight=100)
    assert check_scheme(scheme(only, theory="该工种以操作为主，理论并入操作考核")) == ()
    blank = SchemeFinding(fault=SchemeFault.NATIONAL_PART_MISSING, part=PartKind.THEORY)
    assert check_scheme(scheme(only, theory="  ")) == (blank,)
