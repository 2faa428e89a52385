"""The style sheet: every pair of colours that meet has WCAG 2.2 AA contrast, AAA where asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import verify_web

CSS = (Path(verify_web.__file__).parent / "static" / "site.css").read_text()
LISTS = re.findall(r"([^{}]+)\{((?:\s*--[a-z-]+: [^;]+;)+)\s*\}", CSS)
"""Selector and content of each list of colours, in order."""

COLOURS, HIGH, ASKED = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", body)) for _, body in LISTS
)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str, colours: dict[str, str] = COLOURS) -> float:
    high, low = sorted((luminance(colours[one]), luminance(colours[other])), reverse=True)
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
    # Of the switch, and of a device that asks for more (1.4.6).
    assert contrast(ink, ground, COLOURS | HIGH) >= 7


@pytest.mark.parametrize(("edge", "ground"), EDGES)
def test_controls_can_be_seen(edge: str, ground: str) -> None:
    assert contrast(edge, ground) >= 3
    assert contrast(edge, ground, COLOURS | HIGH) >= 4.5


def test_high_contrast_is_the_same_by_switch_and_by_device() -> None:
    assert [selector.strip().rpartition("*/")[2].strip() for selector, _ in LISTS] == [
        *(":root", ":root.contrast", ":root"),
    ]
    assert HIGH == ASKED
    assert HIGH.keys() < COLOURS.keys()
    assert "@media (prefers-contrast: more) {\n  :root {" in CSS


def test_colours_are_named_in_their_lists_alone() -> None:
    body = CSS
    for _, content in LISTS:
        body = body.replace(content, "")
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b", body)
    assert set(re.findall(r"var\(--([a-z-]+)\)", CSS)) == set(COLOURS) | {"step"}


def test_focus_is_never_taken_away_from_what_can_be_operated() -> None:
    assert re.findall(r"([^{}]+)\{[^}]*outline: none", CSS) == ["\nmain:focus "]


def test_the_sheet_fetches_nothing() -> None:
    assert "url(" not in CSS
    assert "@import" not in CSS
