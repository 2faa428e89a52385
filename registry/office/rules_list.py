"""All rules there are or were (规则一览), each with its basis and the days it is in force.

What a page shows is the program's own rows and those made at the desk together, so that anyone
can see by which rule a deadline of any day was counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias

from sqlalchemy.orm import Session

from registry.office.almanac import rules_made
from registry.rules.terms import TERMS, THRESHOLDS, Term, TermRule, Threshold, ThresholdRule

AnyRule: TypeAlias = TermRule | ThresholdRule


class Standing(StrEnum):
    """How a rule stands today; what is gone still counts for what began under it."""

    IN_FORCE = "in-force"
    """现行"""
    TO_COME = "to-come"
    """待施行"""
    GONE = "gone"
    """已被替代"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleShown:
    """A rule in the list: in force now, to come, or gone. ``until`` None: no later one is made."""

    rule: AnyRule
    status: Standing
    until: date | None
    made_here: bool


def rules_list(session: Session, today: date) -> tuple[RuleShown, ...]:
    """Return every rule there is or was, by name and then by day."""
    made_terms, made_thresholds = rules_made(session)
    found = []
    own: Sequence[AnyRule] = (*TERMS, *THRESHOLDS)
    made: Sequence[AnyRule] = (*made_terms, *made_thresholds)
    for name in (*Term, *Threshold):
        found += _shown(
            [rule for rule in own if name_of(rule) is name],
            [rule for rule in made if name_of(rule) is name],
            today,
        )
    return tuple(found)


def without_rule(session: Session) -> tuple[Term, ...]:
    """Return the terms that no rule gives a length, not even one to come."""
    made, _ = rules_made(session)
    known = {rule.term for rule in (*TERMS, *made)}
    return tuple(term for term in Term if term not in known)


def name_of(rule: AnyRule) -> Term | Threshold:
    """Give the term or threshold that a rule is about."""
    return rule.term if isinstance(rule, TermRule) else rule.threshold


def _shown(
    own: Sequence[AnyRule],
    made: Sequence[AnyRule],
    today: date,
) -> list[RuleShown]:
    ordered = sorted(
        [*((rule, False) for rule in own), *((rule, True) for rule in made)],
        key=lambda pair: pair[0].since,
    )
    found = []
    for place, (rule, made_here) in enumerate(ordered):
        later = ordered[place + 1][0].since if place + 1 < len(ordered) else None
        gone = later is not None and later <= max(today, rule.since)
        waits = Standing.TO_COME if rule.since > today else Standing.IN_FORCE
        status = Standing.GONE if gone else waits
        found.append(RuleShown(rule=rule, status=status, until=later, made_here=made_here))
    return found
