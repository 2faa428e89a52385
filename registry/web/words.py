"""Words and dates on desk pages: China's time, official date forms, states of cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from registry.office.due import CHINA

KINDS: Final = {
    "filing": "企业备案",
    "scheme": "评价方案",
    "plan": "实施计划",
    "batch": "评价结果",
}
TURNS: Final = {"office": "待办公室办理", "company": "待企业办理", "holder": "待持证人办理"}


_TONES: Final = {
    "returned": "warn",
    "rejected": "bad",
    "stopped": "bad",
    "refusal": "warn",
    "lapsed": "bad",
    "revoked": "bad",
    "approved": "good",
    "published": "good",
    "recorded": "good",
    "held": "good",
    "reported": "good",
    "issued": "good",
}
"""How a state looks; its word says it."""


def state_tone(state: str) -> str:
    """Return the look of a case's state: "" where nothing is settled."""
    return _TONES.get(state, "")


def china_time(at: datetime) -> str:
    """Write a time as it is on the wall in China."""
    local = at.astimezone(CHINA)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


@lru_cache(maxsize=4096)
def china_date(day: date) -> str:
    """Write a date as official papers do."""
    return f"{day.year}年{day.month}月{day.day}日"


def day_word(text: str) -> str:
    """Write a day that a form keeps as 2026-12-21 the same way; "" stays empty."""
    return china_date(date.fromisoformat(text)) if text else ""


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "china_time": china_time,
    "china_date": china_date,
    "day_word": day_word,
    "kind_word": KINDS.__getitem__,
    "turn_word": TURNS.__getitem__,
    "state_tone": state_tone,
}
