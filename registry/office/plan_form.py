"""The form of a plan (实施计划) and what can be wrong with it (notice 六（三）1, 七（一）).

A page and the machine interface hand in typed values; each part is checked by one function, which
runs when the part is saved and again when the plan is sent in: days pass meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import msgspec

from registry.office.almanac import Almanac
from registry.office.form_faults import FieldFault
from registry.rules.terms import Term, Threshold, deadline
from registry.rules.text import tidy
from signing.canonical import Canonical, decode, decoder_for, encode

LONGEST_FORM: Final = 64 * 1024
SITES_AT_MOST: Final = 10
LONGEST_SITE: Final = 60
LONGEST_ADDRESS: Final = 120
LONGEST_CONTENT: Final = 500
HOURS: Final = range(1, 2001)
"""Class hours of a training; beyond two thousand it is a slip of the keyboard."""
LONGEST_AHEAD: Final = timedelta(days=2 * 365)
LONGEST_HELD: Final = timedelta(days=365)


class Site(Canonical, frozen=True, kw_only=True):
    """One place of the assessment (考评场地)."""

    address: str
    name: str


class PlanForm(Canonical, frozen=True, kw_only=True):
    """The plan's form; days are `YYYY-MM-DD` or "", ``roster`` is the roster's digest or ""."""

    assessors: tuple[int, ...] = ()
    direction: str
    first_day: str = ""
    last_day: str = ""
    levels: tuple[str, ...] = ()
    occupation: str
    occupation_code: str
    people: int = 0
    roster: str = ""
    sites: tuple[Site, ...] = ()
    training_content: str = ""
    training_first: str = ""
    training_hours: int = 0
    training_last: str = ""
    v: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When and where: first and last day, level symbols, sites as (name, address)."""

    first_day: date | None
    last_day: date | None
    levels: tuple[str, ...]
    sites: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The training held before the assessment (岗前、技能提升培训): class hours, content, days."""

    hours: int
    content: str
    first_day: date | None
    last_day: date | None


_DECODER: Final = decoder_for(PlanForm)


def form_bytes(form: PlanForm) -> bytes:
    """Write the canonical JSON of a form."""
    return encode(form)


def parse_form(data: bytes) -> PlanForm:
    """Read what `form_bytes` writes. Raises MalformedJson."""
    return decode(data, _DECODER, limit=LONGEST_FORM)


def day(text: str) -> date | None:
    """Read a day of the form; None where it is not filled in."""
    return date.fromisoformat(text) if text else None


def with_times(form: PlanForm, times: Times) -> PlanForm:
    """Put checked times into a form."""
    return msgspec.structs.replace(
        form,
        first_day=times.first_day.isoformat() if times.first_day else "",
        last_day=times.last_day.isoformat() if times.last_day else "",
        levels=tuple(sorted(set(times.levels), reverse=True)),
        sites=tuple(Site(name=tidy(name), address=tidy(place)) for name, place in times.sites),
    )


def times_of(form: PlanForm) -> Times:
    """Give the times of a form."""
    return Times(
        first_day=day(form.first_day),
        last_day=day(form.last_day),
        levels=form.levels,
        sites=tuple((site.name, site.address) for site in form.sites),
    )


def with_training(form: PlanForm, training: Training) -> PlanForm:
    """Put a checked training into a form."""
    return msgspec.structs.replace(
        form,
        training_hours=training.hours,
        training_content=tidy(training.content),
        training_first=training.first_day.isoformat() if training.first_day else "",
        training_last=training.last_day.isoformat() if training.last_day else "",
    )


def training_of(form: PlanForm) -> Training:
    """Give the training of a form."""
    return Training(
        hours=form.training_hours,
        content=form.training_content,
        first_day=day(form.training_first),
        last_day=day(form.training_last),
    )


def check_times(
    times: Times, *, offered: tuple[str, ...], today: date, almanac: Almanac
) -> tuple[FieldFault, ...]:
    """Say what is wrong with days, levels and sites; ``offered`` are the scheme's levels."""
    return tuple(
        FieldFault(field=field, text=text)
        for field, text in (
            *_days(times, today, almanac),
            *_levels(times.levels, offered),
            *_sites(times.sites),
        )
    )


def _days(times: Times, today: date, almanac: Almanac) -> Iterator[tuple[str, str]]:
    first, last = times.first_day, times.last_day
    if first is None:
        yield "first_day", "请填写评价第一天，形如 2026-12-21"
    elif first > today + LONGEST_AHEAD:
        yield "first_day", "评价第一天在两年以后，请核对年份"
    else:
        late = lateness(first, today=today, almanac=almanac)
        if late:
            yield "first_day", late
    if last is None:
        yield "last_day", "请填写评价最后一天，形如 2026-12-22"
    elif first is not None and last < first:
        yield "last_day", "评价最后一天早于第一天，请改正"
    elif first is not None and last > first + LONGEST_HELD:
        yield "last_day", "评价持续超过一年，请核对年份"


def lateness(first: date, *, today: date, almanac: Almanac) -> str:
    """Say that a plan beginning on ``first`` is too late to be sent in; "" if it is not.

    The notice knows no reason that excuses a late plan.
    """
    if first <= today:
        last_sent = None
    else:
        rule = almanac.rules.term(Term.PLAN_AHEAD, first)
        last_sent = deadline(rule, first, almanac.days).day
        if today <= last_sent:
            return ""
    rule = almanac.rules.term(Term.PLAN_AHEAD, today)
    full = almanac.days.after(today, rule.length, counts_start=True).day
    earliest = _written(full + timedelta(days=1))
    had = f"须在 {_written(last_sent)} 或者以前报送，现已逾期" if last_sent else "须在今天以后"
    return (
        f"评价第一天过早：实施计划须提前 {rule.length} 个工作日报送（六（三）1），"
        f"{had}。今天报送的，最早可安排在 {earliest}"
    )


def _written(on: date) -> str:
    return f"{on.year}年{on.month}月{on.day}日"


def _levels(levels: tuple[str, ...], offered: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if not levels:
        yield "levels", "请至少选择一个评价等级"
    elif not set(levels) <= set(offered):
        yield "levels", "所选等级不在已公布的评价方案内，请重新选择"


def _sites(sites: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    if not sites:
        yield "site_name_1", "请至少填写一处考评场地"
    if len(sites) > SITES_AT_MOST:
        yield "site_name_1", f"考评场地最多 {SITES_AT_MOST} 处，请合并填写"
    for number, (name, address) in enumerate(sites, 1):
        for field, text, word, limit in (
            (f"site_name_{number}", tidy(name), "名称", LONGEST_SITE),
            (f"site_address_{number}", tidy(address), "地址", LONGEST_ADDRESS),
        ):
            if not text:
                yield field, f"请填写第 {number} 处考评场地的{word}"
            elif len(text) > limit:
                yield field, f"第 {number} 处考评场地的{word}超过 {limit} 字，请缩短"


def check_training(training: Training, *, first_day: date | None) -> tuple[FieldFault, ...]:
    """Say what is wrong with the training; it must end before the assessment's first day."""
    return tuple(
        FieldFault(field=field, text=text) for field, text in _training(training, first_day)
    )


def _training(training: Training, first_day: date | None) -> Iterator[tuple[str, str]]:
    if training.hours not in HOURS:
        yield "hours", f"请填写培训学时，{HOURS.start} 至 {HOURS.stop - 1} 的整数（七（一））"
    content = tidy(training.content)
    if not content:
        yield "content", "请写明培训内容"
    elif len(content) > LONGEST_CONTENT:
        yield "content", f"培训内容超过 {LONGEST_CONTENT} 字，请缩短"
    began, ended = training.first_day, training.last_day
    if began is None:
        yield "training_first", "请填写培训开始日期，形如 2026-11-02"
    if ended is None:
        yield "training_last", "请填写培训结束日期，形如 2026-11-06"
    elif began is not None and ended < began:
        yield "training_last", "培训结束日期早于开始日期，请改正"
    elif first_day is not None and ended >= first_day:
        yield (
            "training_last",
            f"须先培训、后评价（七（一））：培训应在评价第一天 {_written(first_day)} 以前结束",
        )


def days_ahead(on: date, almanac: Almanac) -> int:
    """Give the working days by which a plan is sent in ahead (六（三）1), by the rule of a day."""
    return almanac.rules.term(Term.PLAN_AHEAD, on).length


def months_dispatched(on: date, almanac: Almanac) -> int:
    """Give the months a dispatched person must have been here (三（三）), by the rule of a day."""
    return almanac.rules.threshold(Threshold.DISPATCHED_MONTHS, on).least


def assessors_needed(on: date, almanac: Almanac) -> int:
    """Give the number of assessors an occupation needs (一（六）), by the rule of a day."""
    return almanac.rules.threshold(Threshold.ASSESSORS, on).least
