"""A certificate as its holder's page shows it: the chain with dates and turn, the subsidy's limit.

A step without a day is 尚无记录, never "not done": what the registry was not told may well have
happened. Whose turn it is and for how many days stands at the first such step alone, and nowhere
once the office reports it no more (不再上报).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from signing.wording import Words, level_words
from verify_web.holder.wording import CHAIN, STATES

if TYPE_CHECKING:
    from signing.holder_messages import HeldCertificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of the chain: `day` is "" where nothing is on record."""

    word: Words
    day: str
    turn: Words | None
    """Whose turn it is, at the step that is awaited."""
    waited: int
    """Days since the step before it; 0 at those that are not awaited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One certificate with what its page needs."""

    certificate: HeldCertificate
    level: Words
    word: Words
    tone: str
    icon: str
    valid: bool
    stages: tuple[Stage, ...]
    subsidy_left: int | None
    """Days until the subsidy's last day, negative afterwards; None where nothing is to be said."""
    ended: str
    """Since when the office reports it no more, "" if it does."""


def held_view(one: HeldCertificate, today: date) -> Held:
    """Make the view of a certificate on a day in China."""
    word, tone, icon = STATES[one.state]
    valid = one.state == 0
    subsidy = None
    # Claimed can only be what is found nationally: of what is reported no more, no day is promised.
    if valid and one.subsidy_until and not one.chain.ended:
        subsidy = (date.fromisoformat(one.subsidy_until) - today).days
    return Held(
        certificate=one,
        level=level_words(one.level),
        word=word,
        tone=tone,
        icon=icon,
        valid=valid,
        stages=_stages(one, today) if valid else (),
        subsidy_left=subsidy,
        ended=one.chain.ended if valid else "",
    )


def _stages(one: HeldCertificate, today: date) -> tuple[Stage, ...]:
    days = {
        "issued": one.issued,
        "filed": one.chain.filed,
        "reported": one.chain.reported,
        "accepted": one.chain.accepted,
        "listed": one.chain.listed,
    }
    awaited = next((code for code, _word, _turn in CHAIN if not days[code]), None)
    before, stages = one.issued, []
    for code, word, turn in CHAIN:
        mine = code == awaited and not one.chain.ended
        waited = (today - date.fromisoformat(before)).days if mine else 0
        stages.append(
            Stage(word=word, day=days[code], turn=turn if mine else None, waited=max(0, waited))
        )
        before = days[code] or before
    return tuple(stages)
