"""One word for one thing (docs/procedure.md, Words): the others stand on no page of the desks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BANNED = (
    (r"台账|账本|登记簿", "公开日志"),
    (r"叫停", "责令停止"),
    (r"轮到我方", "由本办公室办理"),
    (r"抽中督导", "抽取确定督导"),
    (r"张证书|（张）|\}\}? 张\b", "本"),
    (r"china_date ?\}\}(?:以)?前(?!不予受理|\{% endif %\}</td>)", "截止…（含当日）"),
)


def texts() -> Iterator[tuple[Path, str]]:
    rooms = ("registry/web", "registry/office", "registry/rules", "verify_web")
    files = [f for room in rooms for f in (ROOT / room).rglob("*") if f.suffix in {".py", ".html"}]
    for file in (*files, *(ROOT / "registry").glob("wording*.py")):
        yield file, file.read_text("utf-8")


def test_a_page_uses_the_words_of_the_glossary() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {match[0]!r}, write {word}"
        for file, text in texts()
        for banned, word in BANNED
        for match in re.finditer(banned, text)
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "写入台账",
        "计划被叫停",
        "{{ standing }} 张证书",
        "{{ day|china_date }}前",
        "{{ day|china_date }}以前报送",
    ],
)
def test_the_words_are_looked_for(text: str) -> None:
    assert any(re.search(banned, text) for banned, _ in BANNED)


def test_the_glossary_says_them_too() -> None:
    words = (ROOT / "docs/procedure.md").read_text("utf-8").split("## Words")[1].split("## ")[0]
    for word in ("公开日志", "责令停止", "截止…（含当日）", "| 本 |"):
        assert word in words
