"""Lookup by two facts: several certificates, masks, hints, and silence about what exists."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from signing.mirror import Factor
from verify_web import forms, numbers
from verify_web.elsewhere import elsewhere, explain_old

ME = {"name": "欧阳示例", "id-number": "440301190001010019"}


def test_all_certificates_of_a_person_each_with_its_state(world: Any, client: FlaskClient) -> None:
    answer = client.post("/lookup", data=ME)
    assert answer.status_code == 200
    titles = re.findall(r'<h2 id="c\d">([^<]+)', answer.text)
    assert titles == ["焊工 · 二级/技师", "电工 · 三级/高级工"]
    assert answer.text.count('class="answer good"') == 2
    assert ME["id-number"] not in answer.text
    assert "440***********0019" in answer.text
    assert f'href="/v/{world.token("second")}"' in answer.text


def test_older_editions_come_last(world: Any, client: FlaskClient) -> None:
    record = world.records["old"]
    text = client.post("/lookup", data={"name": record.name, "number": record.number}).text
    assert re.findall(r'class="answer (\w+)">.*?</svg>(\S+?)</span>', text) == [
        ("good", "有效"),
        ("warn", "已更正"),
    ]


@pytest.mark.parametrize(
    "facts",
    [
        {"number": "Y000044999001263000001", "name": "欧阳示例"},
        {"number": "ｙ0000 44999001 263000001", "id-number": "440301190001010019"},
        {"number": "Y000044999001263000001", "admission": "2026110001"},
        {"admission": "２０２６１１０００１", "name": " 欧阳 示例 "},
        {"admission": "2026110001", "id-number": "440301190001010019"},
        {"admission": "2026110001", "id-number": "440301190001010019", "name": "欧阳示例"},
    ],
)
def test_any_two_facts_find_it_however_they_are_typed(
    client: FlaskClient, facts: dict[str, str]
) -> None:
    text = client.post("/lookup", data=facts).text
    assert "电工 · 三级/高级工" in text


def test_a_third_fact_must_match_too(client: FlaskClient) -> None:
    text = client.post("/lookup", data={**ME, "admission": "2026110001"}).text
    assert re.findall(r'<h2 id="c\d">([^<]+)', text) == ["电工 · 三级/高级工"]
    assert "未找到" in client.post("/lookup", data={**ME, "admission": "1"}).text


def test_a_middle_dot_is_a_middle_dot(client: FlaskClient) -> None:
    for dot in "·•・‧･":
        facts = {"name": f"示例{dot}买买提", "id-number": "440301190002020025"}
        assert "查到 2 份" in client.post("/lookup", data=facts).text


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"name": "欧阳示例"},
        {"name": "欧阳示例", "number": "  "},
        {"name": "x" * 99, "number": "1"},
    ],
)
def test_one_fact_is_not_enough(client: FlaskClient, facts: dict[str, str]) -> None:
    answer = client.post("/lookup", data=facts)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "欧阳" not in answer.text


def test_no_match_says_the_same_whatever_was_right(client: FlaskClient) -> None:
    right = {"number": "Y000044999001263000001", "name": "欧阳示例", "id-number": ME["id-number"]}
    wrong = {"number": "Y000044999001263999999", "name": "无此人", "id-number": "4403011900123"}
    answers = [
        client.post("/lookup", data={one: right[one], other: wrong[other]})
        for one in right
        for other in wrong
        if one != other
    ]
    answers.append(client.post("/lookup", data=wrong))
    assert len({answer.get_data() for answer in answers}) == 1
    assert len({tuple(answer.headers) for answer in answers}) == 1
    assert "未找到" in answers[0].text
    assert answers[0].status_code == 200


def test_every_lookup_that_misses_reads_the_index_once(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from verify_web import lookup

    made = []
    genuine = lookup.tag_and_key
    monkeypatch.setattr(lookup, "tag_and_key", lambda *args: made.append(None) or genuine(*args))
    client = world.app().test_client()
    for facts in (ME | {"name": "无此人"}, ME | {"number": "1"}, {"admission": "1", "name": "x"}):
        made.clear()
        client.post("/lookup", data=facts)
        assert len(made) == 1


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("1544000000300001", "16 位编号"),
        ("Y000023999001263000001", "黑龙江省"),
        ("440301190001010019", "身份证件号码"),
        ("Y0000449990012630000", "您填写了 20 位"),
        ("Y000044999001263999999", ""),
    ],
)
def test_a_number_that_cannot_be_here_is_explained(
    client: FlaskClient, number: str, said: str
) -> None:
    text = client.post("/lookup", data={"number": number, "name": "无此人"}).text
    assert said in text
    assert ("inset warn" in text) == bool(said)
    assert "zscx.osta.org.cn" in text


def test_nothing_of_a_lookup_is_kept_or_put_into_an_address(client: FlaskClient) -> None:
    answer = client.post("/lookup", data=ME)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Location" not in answer.headers
    assert 'method="post"' in client.get("/lookup").text
    assert "欧阳" not in client.get("/lookup?name=欧阳示例&id-number=440301190001010019").text


def test_a_form_too_large_is_refused(client: FlaskClient) -> None:
    answer = client.post("/lookup", data={"name": "x" * 9000})
    assert answer.status_code == 413


@given(st.dictionaries(st.sampled_from([field.name for field in forms.FIELDS]), st.text()))
def test_a_form_is_always_either_looked_up_or_explained(values: dict[str, str]) -> None:
    form = forms.read(values)
    assert form.faults or len(form.facts) >= 2
    assert all(value.isprintable() for value in form.facts.values())
    typed = " ".join(value for value in values.values() if len(value) > 4)
    for fault in form.faults:
        assert not typed or typed not in fault.text.zh


@given(st.text(alphabet="Y0123456789X张 ", max_size=30))
def test_a_hint_never_repeats_what_was_typed(number: str) -> None:
    said = numbers.hint(number, {"44"})
    if said is not None and len(number) > 3:
        assert number not in said.zh


@given(st.from_regex(r"[A-Z][0-9]{14}[0-9A-Z][0-9]{6}", fullmatch=True))
def test_a_number_is_taken_apart_without_losing_a_character(number: str) -> None:
    assert "".join(part.text for part in numbers.explain(number)) == number


@given(st.text(max_size=30))
def test_any_text_can_be_explained_or_not(text: str) -> None:
    assert numbers.explain(text) == () or len(text) == 22


def test_a_row_under_anothers_facts_is_a_damaged_mirror(world: Any, client: FlaskClient) -> None:
    """Whoever can write the file and has the pepper puts a stranger's row under my facts."""
    import sqlite3
    from contextlib import closing

    from signing.mirror import open_index, seal_rows, tag_and_key

    pepper = bytes(range(32))
    rows = seal_rows(pepper, world.entries["revoked"], bytes)
    tag, key = tag_and_key(pepper, {Factor.NAME: "甲乙", Factor.NUMBER: "N1"})
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    theirs = tag_and_key(pepper, {Factor.TOKEN: world.token("revoked")})
    entry_id, entry_key = open_index(theirs[1], theirs[0], rows.index_rows[0][1])
    wrapped = bytes(12) + AESGCM(key).encrypt(bytes(12), entry_id + entry_key, tag)
    with closing(sqlite3.connect(world.public / "mirror.db")) as connection, connection:
        connection.execute(
            "UPDATE entries SET sealed = ? WHERE entry_id = ?", (rows.sealed, entry_id)
        )
        connection.execute("INSERT INTO tags VALUES (?, ?)", (tag, wrapped))
    answer = client.post("/lookup", data={"name": "甲乙", "number": "N1"})
    assert answer.status_code == 503
    assert "示例乙" not in answer.text


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"name": "欧阳示例", "number": "Y000044999001263000001"}, True),
        ({"name": "欧阳示例", "admission": "2026110001"}, True),
        ({"number": "Y000044999001263000001", "id-number": ME["id-number"]}, False),
        ({"number": "Y000044999001263000001", "admission": "2026110001"}, False),
        ({"admission": "2026110001", "id-number": ME["id-number"]}, False),
    ],
)
def test_the_name_is_shown_to_those_who_brought_it(
    world: Any, client: FlaskClient, facts: dict[str, str], *, named: bool
) -> None:
    text = client.post("/lookup", data=facts).text
    assert "电工 · 三级/高级工" in text
    assert ("欧阳示例" in text) is named
    assert ("欧***" in text) is not named
    # Nor the way to the page that has it; the checks themselves are for everybody.
    assert (world.token("valid") in text) is named
    assert ("登记入册" in text) is not named
    assert "440***********0019" in text
    assert ME["id-number"] not in text


@pytest.mark.parametrize(
    ("number", "parts"),
    [
        ("1544000000300001", ["15", "44", "00", "0", "000", "3", "00001"]),
        ("Y000023999001263000001", ["Y", "0000", "23", "999001", "26", "3", "000001"]),
        ("440301190001010019", []),
        ("Y0000449990012630000", []),
        ("Y000044999001263999999", []),
    ],
)
def test_a_number_of_elsewhere_is_taken_apart(
    client: FlaskClient, number: str, parts: list[str]
) -> None:
    text = client.post("/lookup", data={"number": number, "name": "无此人"}).text
    assert re.findall(r'<td class="mono">([^<]+)</td>', text) == parts
    assert ("<details open>" in text) == bool(parts)
    assert 'href="http://zscx.osta.org.cn"' in text


@given(st.from_regex(r"[0-9]{16}", fullmatch=True))
def test_an_old_number_is_taken_apart_without_losing_a_digit(number: str) -> None:
    parts = explain_old(number)
    assert "".join(part.text for part in parts) == number
    year = parts[0].value.zh
    assert year in {f"19{number[:2]}年", f"20{number[:2]}年"}


def test_what_is_said_of_a_number_depends_on_its_form_alone() -> None:
    for number in ("", "Y000044999001263000001", "Y000044999001263999999"):
        assert elsewhere(number, {"44"}) is None
    assert elsewhere("Y000044999001263000001", {"23"}) is not None
