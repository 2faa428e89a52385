"""Persons and values in lists: every fault at once, with row, column and the masked value."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from registry.rules.people import check_character
from registry.sheets.columns import COLUMNS, SHEET_NAME, WHOLE_FILE_SHEET_NAME

KEYS = [column.key for column in COLUMNS]
AT = {key: place for place, key in enumerate(KEYS)}
OTHER = "Y000044999002"


def spoiled(desk: Any, key: str, value: str, **others: str) -> Any:
    """Check three rows of which the second (row 3 of the sheet) has this value."""
    rows = desk.rows(3)
    for name, text in {key: value, **others}.items():
        rows[1][AT[name]] = text
    return desk.check(desk.sheet(rows))


def masked(number: str) -> str:
    return f"{number[:3]}{'*' * 11}{number[-4:]}"


def test_a_wrong_check_digit(desk: Any) -> None:
    number = desk.rows(2)[1][AT["id_number"]]
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    ran = spoiled(desk, "id_number", wrong)
    assert ran.found() == {("id-check-digit", 3, "id_number")}
    assert masked(wrong) in ran.message("id-check-digit")
    assert "第 3 行「证件号码」" in ran.message("id-check-digit")


VALUES = [
    ("id_number", "44999919800101000", "id-length", "449**********1000"),
    ("id_number", "4499991980010100OO", "id-form", "449***********00OO"),
    ("id_number", "14999919801301" + "0001", "id-birth", "149***********0001"),
    ("id_number", "Ａ4999919800101000Ｘ", "id-form", "A49***********000X"),
    ("id_type", "驾驶证", "id-type-unknown", "驾驶证"),
    ("name", "王\ue863", "name-private-use", "U+E863"),
    ("name", "王\U000f0001", "name-private-use", "U+F0001"),
    ("name", "王\u0378", "name-unassigned", "U+0378"),
    ("name", "王\U00013000", "name-not-drawable", "U+13000"),
    ("name", "王2", "name-digit", "王*"),
    ("name", "王?", "name-character", "U+003F"),
    ("name", "Wang", "name-latin", "W***"),
    ("name", "王" * 51, "value-too-long", "51"),
    ("name", "", "value-missing", "补充"),
    ("name", "=cmd|'/c calc'!A1", "name-character", "U+003D"),
    ("admission", "准2026", "admission-form", "字母"),
    ("occupation", "电" * 61, "value-too-long", "61"),
    ("occupation", "电\ue001", "text-not-drawable", "U+E001"),
    ("occupation_code", "6-31-1-3", "occupation-code-form", "6-31-1-3"),
    ("occupation_code", "1-31-01-03", "occupation-code-group", "1-31-01-03"),
    ("level", "特级", "level-unknown", "特级"),
    ("level", "三级/初级工", "level-contradicts", "三级"),
    ("level", "首席技师", "level-without-symbol", "首席技师"),
    ("conclusion", "不合格", "conclusion-not-passed", "不合格"),
    ("issued", "2018-12-31", "date-too-early", "2018-12-31"),
]


@pytest.mark.parametrize(
    ("key", "value", "code", "told"),
    VALUES,
    ids=[f"{c}-{n}" for n, (_, _, c, _) in enumerate(VALUES)],
)
def test_a_value_that_cannot_stand(desk: Any, key: str, value: str, code: str, told: str) -> None:
    ran = spoiled(desk, key, value)
    assert ran.status == 1
    assert ran.found() == {(code, 3, key)}
    assert told in ran.message(code)
    assert "1 error(s); nothing was issued" in ran.line


def test_columns_shifted_by_one_mask_what_they_show(desk: Any) -> None:
    rows = desk.rows(2)
    rows[1][1:] = rows[1][:-1]
    ran = desk.check(desk.sheet(rows))
    assert ran.status == 1
    assert {row for _, row, _ in ran.found()} == {3}
    assert rows[0][AT["name"]] not in ran.out  # and hear() listens for all the others


def test_a_level_outside_the_filing(desk: Any) -> None:
    rows = desk.rows(3, level="三级/高级工")
    ran = desk.check(desk.sheet(rows), prefix=OTHER)
    assert ran.found() == {("level-out-of-scope", row, "level") for row in (2, 3, 4)}
    assert "三级/高级工" in ran.out
    refused = desk.issue(desk.sheet(rows), OTHER)
    assert (refused.status, refused.line) == (1, ran.line)


def test_a_person_twice_in_a_file(desk: Any) -> None:
    rows = desk.rows(4)
    rows[3] = rows[0]
    ran = desk.check(desk.sheet(rows))
    assert ran.found() == {("person-twice", 5, "id_number")}
    assert "第 2 行" in ran.message("person-twice")


def test_a_person_with_two_occupations_is_no_fault(desk: Any) -> None:
    rows = desk.rows(2)
    second = [*rows[0]]
    second[AT["occupation"]], second[AT["occupation_code"]] = "焊工", "6-18-02-04"
    assert desk.issue(desk.sheet([*rows, second])).facts["certificates"] == 3


def test_one_id_under_two_names_in_a_file(desk: Any) -> None:
    rows = desk.rows(4)
    rows[2][AT["id_number"]] = rows[1][AT["id_number"]]
    ran = desk.check(desk.sheet(rows))
    assert ran.found() == {("person-other-name", 4, "name")}
    assert "第 3 行" in ran.message("person-other-name")


def test_one_id_under_another_name_than_in_the_registry(stock: Any) -> None:
    rows = stock.rows(3)
    rows[1][AT["name"]], rows[1][AT["level"]] = "另一人", "2"
    rows = [rows[1], *stock.rows(2, offset=700)]
    ran = stock.check(stock.sheet(rows))
    assert ran.found() == {("person-on-file-other-name", 2, "name")}
    told = ran.message("person-on-file-other-name")
    assert masked(rows[0][AT["id_number"]]) in told
    assert re.search(r"Y00004499900126\d{7}", told)
    assert stock.issue(stock.sheet(rows)).line == ran.line


def test_who_holds_that_certificate_already(stock: Any) -> None:
    rows = [*stock.rows(2, offset=700), *stock.rows(2)]
    ran = stock.check(stock.sheet(rows))
    expected = {("already-held", row, "id_number") for row in (4, 5)}
    assert ran.found() == expected
    assert masked(rows[2][AT["id_number"]]) in ran.out
    before = len(stock.certificates())
    assert stock.issue(stock.sheet(rows)).status == 1
    # Another company may not issue it a second time either.
    assert stock.check(stock.sheet(rows[2:]), prefix=OTHER).found() == {
        ("already-held", 2, "id_number"),
        ("already-held", 3, "id_number"),
    }
    assert len(stock.certificates()) == before


def test_a_revoked_certificate_may_be_earned_again(stock: Any) -> None:
    rows = stock.rows(1)
    number = next(c.number for c in stock.certificates())
    assert stock("revoke", number, "--reason", "issued-in-error").status == 0
    assert stock.check(stock.sheet(rows)).status == 0


def test_the_same_file_and_the_same_list_saved_anew(stock: Any) -> None:
    rows = stock.rows(25)
    file = stock.sheet(rows)
    book = openpyxl.load_workbook(file)
    book[SHEET_NAME].column_dimensions["A"].width = 40
    saved = stock.file()
    book.save(saved)
    before = [c.number for c in stock.certificates()]
    for sent in (file, saved, stock.sheet(rows)):
        assert stock.check(sent).facts["issued before"] is True
        again = stock.issue(sent)
        assert (again.status, again.facts["recognised"]) == (0, True)
        assert again.facts["certificates"] == 25
        assert "issued before" in again.facts["next"]
    assert [c.number for c in stock.certificates()] == before
    assert stock("anchor", "--json").facts["entries published"] == 0


def test_a_list_with_one_more_person_names_the_others(stock: Any) -> None:
    ran = stock.issue(stock.sheet(stock.rows(26)))
    assert ran.status == 1
    assert ran.line.startswith("certreg: 25 error(s)")


def test_the_last_serials_of_a_year(desk: Any) -> None:
    from registry.cli.home import Home
    from registry.store.base import write_unit
    from registry.store.counters import take_range

    rows = desk.rows(3, level="5")
    year = rows[0][AT["issued"]][:4]
    engine = Home(path=desk.home, environ={}).engine()
    with write_unit(engine) as session:
        take_range(session, f"number:{desk.prefix}:{year}:5", 999_997, start=1)
    engine.dispose()
    head = f"{desk.prefix}{year[2:]}5"
    file = desk.sheet(rows)
    ran = desk.check(file)
    assert ran.found() == {("serials-short", None, None)}
    assert "剩 2 个" in ran.message("serials-short")
    assert "需要 3 个" in ran.message("serials-short")
    assert desk.issue(file).line == ran.line
    ran = desk.issue(desk.sheet(rows[:2]))
    assert ran.facts["numbers"] == [f"{head}999998 … {head}999999"]
    assert "剩 0 个" in desk.check(desk.sheet(rows[2:])).message("serials-short")
    assert desk("anchor").status == 0
    assert desk("show", f"{head}999999").status == 0


def test_everything_is_said_at_once_and_beside_the_rows(desk: Any, tmp_path: Path) -> None:
    rows = desk.rows(9)
    rows[1][AT["level"]] = "特级"
    rows[2][AT["name"]], rows[2][AT["conclusion"]] = "王\ue863", "缓考"
    rows[4] = [*rows[3][:-1], "2030-01-01"]
    rows[6][AT["occupation_code"]] = "1-01"

    def disarrange(sheet: Any) -> None:
        sheet.cell(1, 12, "性别")
        sheet.merge_cells("H9:H10")

    report = tmp_path / "report.xlsx"
    ran = desk.check(desk.edited(rows, disarrange), "--report", str(report))
    assert ran.status == 1
    assert ran.found() == {
        ("column-extra", 1, None),
        ("level-unknown", 3, "level"),
        ("name-private-use", 4, "name"),
        ("conclusion-not-passed", 4, "conclusion"),
        ("date-in-future", 6, "issued"),
        ("person-twice", 6, "id_number"),
        ("occupation-code-form", 8, "occupation_code"),
        ("cells-merged", 9, "direction"),
    }
    assert (ran.facts["errors"], ran.facts["warnings"]) == (7, 1)
    assert report.stat().st_mode & 0o077 == 0
    book = openpyxl.load_workbook(report)
    sheet = book[SHEET_NAME]
    beside = {row[0]: row[-1] or "" for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert set(beside) == {str(number) for number in range(2, 11)}
    whole = [row[0] for row in book[WHOLE_FILE_SHEET_NAME].iter_rows(values_only=True)]
    everything = "\n".join([*map(str, beside.values()), *map(str, whole)])
    for item in ran.facts["findings"]:
        place = str(beside.get(str(item["row"]), whole[-1] if item["row"] == 1 else ""))
        assert item["message"] in place, item
        assert everything.count(item["message"]) == 1, item
    assert beside["2"] == ""
    # The clerk mends the report itself, and hands that in.
    assert desk.check(report).found() >= {("level-unknown", 3, "level")}


def test_the_plain_words_are_those_of_json(desk: Any) -> None:
    file = desk.sheet(desk.rows(2, level="特级"))
    plain = desk("check", str(file), "--issuer", desk.prefix)
    told = desk.check(file)
    assert plain.line == told.line
    for item in told.facts["findings"]:
        assert f"✗ {item['message']}" in plain.out
    issue = desk("issue", str(file), "--issuer", desk.prefix, "--approval", "x")
    assert (issue.status, issue.line, issue.out) == (1, told.line, plain.out)
    assert desk.issue(file).facts == told.facts


def test_people_born_before_1980_and_permits_and_foreigners(desk: Any) -> None:
    def closed(first: str) -> str:
        return first + check_character(first)

    rows = desk.rows(6)
    for row, (kind, number, name) in zip(
        rows,
        [
            ("居民身份证", closed("44030119001231001"), "王建国"),
            ("201", closed("44030119600229002"), "陈雪梅"),
            ("港澳台居民居住证", closed("81000019750101003"), "黄海燕"),
            ("港澳台居民居住证", closed("83000019750101003"), "Wong Tai-man"),
            ("外国人永久居留身份证", closed("91100019880808123"), "John O'Neil"),
            ("护照", "E12345678", "Zoë Müller"),
        ],
        strict=True,
    ):
        row[AT["id_type"]], row[AT["id_number"]], row[AT["name"]] = kind, number, name
    ran = desk.issue(desk.sheet(rows))
    assert (ran.status, ran.facts["certificates"]) == (0, 6), ran
    assert desk("anchor").status == 0
    number = desk.certificates()[-1].number
    shown = desk("show", number, "--json").facts
    assert "*" in shown["ID"]
    proof = desk.folder / "p.tlog-proof"
    assert desk("prove", number, "-o", str(proof)).status == 0
    record = json.loads(desk.verify(proof, "--json").out)["record"]
    assert record["name"] == shown["name"]
