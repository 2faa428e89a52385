"""The catalogues: each Chinese text of the site has its English, once, whole, and in use."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

import verify_web
from verify_web.catalogue import CATALOGUES, both, fill

ROOM = Path(verify_web.__file__).parent
CHINESE = re.compile("[\u4e00-\u9fff]")
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "both": None}
TAGS = re.compile(r"<[^<>]*>")


def extracted() -> set[str]:
    """Find the texts in the code and the templates, as pybabel does."""
    with (ROOM / "locale" / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOM, methods, options, keywords=KEYWORDS)
    messages = (message for _, _, message, _, _ in found)
    return {each if isinstance(each, str) else each[0] for each in messages}


def entries() -> list[tuple[str, tuple[str, ...], bool]]:
    """List all catalogues' texts: Chinese, the English forms, whether it is still a guess."""
    listed = []
    for file in sorted(CATALOGUES.glob("*.po")):
        with file.open("rb") as opened:
            catalogue = read_po(opened, locale="en", abort_invalid=True)
        for message in catalogue:
            if message.id:
                zh = message.id if isinstance(message.id, str) else message.id[0]
                en = message.string if isinstance(message.string, tuple) else (message.string,)
                listed.append((zh, tuple(map(str, en)), bool(message.fuzzy)))
    return listed


ENTRIES = entries()


def test_every_text_has_its_english_and_no_english_is_left_over() -> None:
    known, used = {zh for zh, _, _ in ENTRIES}, extracted()
    assert len(used) > 300
    assert sorted(used - known) == []
    assert sorted(known - used) == []


def test_each_text_stands_once() -> None:
    assert [zh for zh, times in Counter(zh for zh, _, _ in ENTRIES).items() if times > 1] == []


def holes(text: str) -> Counter[str]:
    named = (name for _, name, _, _ in Formatter().parse(text) if name)
    return Counter([*re.findall(r"%\(\w+\)s", text), *named])


def test_the_english_is_whole() -> None:
    faults = []
    for zh, forms, guessed in ENTRIES:
        for en in forms:
            # An English "one" need not be a figure.
            same = holes(zh) == holes(en) or ("%(num)s" in zh and en is forms[0])
            if guessed or not en.strip() or not same or CHINESE.search(en):
                faults.append(zh)
            if Counter(TAGS.findall(zh)) != Counter(TAGS.findall(en)):
                faults.append(zh)
    assert faults == []


def test_templates_hold_no_chinese_outside_their_texts() -> None:
    said = re.compile(r'(?:_|ngettext)\((?:"(?:[^"\\]|\\.)*"[,)]?\s*)+')
    comments = re.compile(r"\{#.*?#\}中文|\{#.*?#\}", re.DOTALL)
    for file in sorted(ROOM.rglob("*.html")):
        bare = said.sub("", comments.sub("", file.read_text("utf-8")))
        assert [line for line in bare.splitlines() if CHINESE.search(line)] == [], file.name
        assert not re.search(r"\.(zh|en)\b(?!\()", bare), file.name


@pytest.mark.parametrize("language", ["zh", "en"])
def test_facts_go_in_by_language(language: str) -> None:
    text = fill(
        both("该编号属于{province}的评价机构，不在本站登记范围内，请到全国联网查询系统查询。"),
        province=both("黑龙江省"),
    )
    assert {"zh": "属于黑龙江省的", "en": "in Heilongjiang and"}[language] in getattr(
        text, language
    )


def test_a_text_nobody_translated_stays_chinese() -> None:
    unknown = "没有译文的" + "文字"
    assert both(unknown).en == unknown
