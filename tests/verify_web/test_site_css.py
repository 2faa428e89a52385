"""The style sheet: every pair of colours that meet has WCAG 2.2 AA contrast; focus is visible."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import verify_web

CSS = (Path(verify_web.__file__).parent / "static" / "site.css").read_text()
COLOURS = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", CSS))


def luminance(colour: str) -> float:
    parts = [int(COLOURS[colour][at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


TONES = ("good", "warn", "bad", "unsure")
TEXT = [
    *(
        (ink, ground)
        for ink in ("ink", "ink-soft", "link", "bad")
        for ground in ("paper", "ground")
    ),
    *(("tone-ink", tone) for tone in TONES),
    *((tone, f"{tone}-wash") for tone in TONES),
    *(("ink-soft", f"{tone}-wash") for tone in ("warn", "bad")),
    ("ink", "warn-wash"),
    ("brand-ink", "brand"),
    ("brand-ink", "link"),
    ("ink", "focus"),
]
EDGES = [
    ("edge", "paper"),
    ("edge", "ground"),
    ("brand", "paper"),
    ("ink", "focus"),
    ("bad", "paper"),
]


@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_can_be_read(ink: str, ground: str) -> None:
    assert contrast(ink, ground) >= 4.5


@pytest.mark.parametrize(("edge", "ground"), EDGES)
def test_controls_can_be_seen(edge: str, ground: str) -> None:
    assert contrast(edge, ground) >= 3


def test_colours_are_named_once() -> None:
    body = CSS.split("}", 1)[1]
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b", body)
    assert set(re.findall(r"var\(--([a-z-]+)\)", CSS)) == set(COLOURS) | {"step"}


def test_focus_is_never_taken_away_from_what_can_be_operated() -> None:
    assert re.findall(r"([^{}]+)\{[^}]*outline: none", CSS) == ["\nmain:focus "]


def test_the_sheet_fetches_nothing() -> None:
    assert "url(" not in CSS
    assert "@import" not in CSS
