"""Roster rows: one fault one finding, duplicates name both rows, nothing is echoed."""

from __future__ import annotations

import sys
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.candidate import Candidate, ContentDigest, content_digest
from registry.rules.errors import PrefixError
from registry.rules.findings import FindingCode
from registry.rules.people import check_character
from registry.rules.persons_seen import PersonsSeen
from registry.rules.roster import RosterChecker

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry.rules.text import Cell

TODAY = date(2026, 11, 23)


def make_id(serial: int) -> str:
    first = f"44030119900101{serial:03d}"
    return first + check_character(first)


def make_row(serial: int = 1, **changes: Cell) -> dict[str, Cell]:
    row: dict[str, Cell] = {
        "name": "张三",
        "id_type": "居民身份证",
        "id_number": make_id(serial),
        "admission": "",
        "occupation": "电工",
        "occupation_code": "6-31-01-03",
        "direction": "",
        "level": "三级/高级工",
        "conclusion": "合格",
        "issued": "2026-11-20",
    }
    return row | changes


def make_checker(
    *, levels: str = "543", limit: int = 1000, drawable: Callable[[str], bool] = lambda _: True
) -> RosterChecker:
    return RosterChecker(
        prefix="Y000044999001",
        levels=frozenset(levels),
        today=TODAY,
        drawable=drawable,
        limit=limit,
    )


def codes(checker: RosterChecker) -> list[tuple[int | None, str | None, FindingCode]]:
    listed = checker.findings.listed
    return [(f.where.row, f.where.column, f.code) for f in listed]


def test_a_good_row_becomes_a_normalised_candidate() -> None:
    checker = make_checker()
    candidate = checker.row(
        2,
        make_row(
            name="张　三",
            id_type="201",
            id_number=make_id(1) + "\u00a0",
            admission=20261123001.0,
            direction="--",
            level=3.0,
            issued=46346.0,
        ),
    )
    assert candidate == Candidate(
        row=2,
        name="张三",
        id_type="resident-id",
        id_number=make_id(1),
        admission="20261123001",
        occupation="电工",
        occupation_code="6-31-01-03",
        direction="",
        level="3",
        issued=date(2026, 11, 20),
    )
    assert checker.finish().errors == 0


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"name": ""}, "name", FindingCode.VALUE_MISSING),
        ({"name": "张3"}, "name", FindingCode.NAME_DIGIT),
        ({"id_number": " "}, "id_number", FindingCode.VALUE_MISSING),
        ({"id_number": 440301199001011234.0}, "id_number", FindingCode.ID_AS_NUMBER),
        ({"id_type": "\u3000"}, "id_type", FindingCode.VALUE_MISSING),
        ({"id_type": "工作证"}, "id_type", FindingCode.ID_TYPE_UNKNOWN),
        ({"id_type": "护照"}, "id_number", FindingCode.ID_TYPE_CONTRADICTS),
        ({"admission": "A/1"}, "admission", FindingCode.ADMISSION_FORM),
        ({"admission": 2.0e15}, "admission", FindingCode.ADMISSION_AS_NUMBER),
        ({"occupation": ""}, "occupation", FindingCode.VALUE_MISSING),
        ({"occupation": "电" * 61}, "occupation", FindingCode.VALUE_TOO_LONG),
        ({"occupation_code": ""}, "occupation_code", FindingCode.VALUE_MISSING),
        ({"occupation_code": "2-02-10-01"}, "occupation_code", FindingCode.OCCUPATION_CODE_GROUP),
        ({"level": ""}, "level", FindingCode.VALUE_MISSING),
        ({"level": "二级"}, "level", FindingCode.LEVEL_OUT_OF_SCOPE),
        ({"conclusion": ""}, "conclusion", FindingCode.VALUE_MISSING),
        ({"conclusion": "不合格"}, "conclusion", FindingCode.CONCLUSION_NOT_PASSED),
        ({"issued": ""}, "issued", FindingCode.VALUE_MISSING),
        ({"issued": "2026-11-24"}, "issued", FindingCode.DATE_IN_FUTURE),
    ],
)
def test_one_fault_one_finding(changes: dict[str, Cell], column: str, code: FindingCode) -> None:
    checker = make_checker()
    assert checker.row(7, make_row(**changes)) is None
    assert codes(checker) == [(7, column, code)]


def test_all_faults_of_a_row_at_once() -> None:
    checker = make_checker()
    row = make_row(name="张3", id_number="1", level="9", issued="昨天", conclusion="缺考")
    assert checker.row(3, row) is None
    assert {column for _, column, _ in codes(checker)} == {
        "name",
        "id_number",
        "level",
        "issued",
        "conclusion",
    }


def test_a_warning_keeps_the_candidate() -> None:
    checker = make_checker()
    assert checker.row(2, make_row(issued="2025-01-01")) is not None
    assert checker.row(3, make_row(2, name="张")) is not None
    assert (checker.findings.errors, checker.findings.warnings) == (0, 2)


def test_undrawable_text_in_an_occupation() -> None:
    checker = make_checker(drawable=lambda char: char != "䶮")
    assert checker.row(2, make_row(direction="䶮工")) is None
    assert codes(checker) == [(2, "direction", FindingCode.TEXT_NOT_DRAWABLE)]


def test_blank_rows_are_skipped_and_an_empty_roster_is_a_finding() -> None:
    checker = make_checker()
    assert checker.row(2, dict.fromkeys(make_row(), "")) is None
    assert checker.row(3, dict.fromkeys(make_row(), " \u00a0\u200b")) is None
    assert codes(checker) == []
    assert [f.code for f in checker.finish().listed] == [FindingCode.ROSTER_EMPTY]


def test_an_absent_column_gives_no_findings_and_no_candidate() -> None:
    for key in ("name", "id_type", "id_number", "occupation_code", "level", "issued"):
        checker = make_checker()
        row = make_row()
        del row[key]
        assert checker.row(2, row) is None
        assert codes(checker) == []
    checker = make_checker()
    row = make_row()
    del row["admission"], row["direction"]
    assert checker.row(2, row) is not None


def test_duplicates_name_both_rows() -> None:
    checker = make_checker()
    assert checker.row(2, make_row())
    assert checker.row(3, make_row(level="4"))
    assert checker.row(4, make_row(2))
    assert checker.row(5, make_row(level="高级工")) is None
    assert checker.row(6, make_row(level="四级")) is None
    assert [(f.where.row, f.code, f.facts) for f in checker.findings.listed] == [
        (5, FindingCode.PERSON_TWICE, {"other_row": "2"}),
        (6, FindingCode.PERSON_TWICE, {"other_row": "3"}),
    ]


def test_one_id_under_two_names() -> None:
    checker = make_checker()
    assert checker.row(2, make_row())
    assert checker.row(3, make_row(name="李四", level="4")) is None
    assert codes(checker) == [(3, "name", FindingCode.PERSON_OTHER_NAME)]


def test_faulty_qualifications_are_not_called_duplicates() -> None:
    checker = make_checker()
    checker.row(2, make_row(occupation_code="?"))
    checker.row(3, make_row(occupation_code="??"))
    assert checker.findings.counts[FindingCode.PERSON_TWICE] == 0


def test_one_code_with_two_occupations_is_a_warning() -> None:
    checker = make_checker()
    for row, name in enumerate(("电工", "电焊工", "电工"), 2):
        assert checker.row(row, make_row(row, occupation=name))
    assert codes(checker) == [(3, "occupation", FindingCode.OCCUPATION_TWO_NAMES)]


def test_listing_is_capped_and_the_count_true() -> None:
    checker = make_checker(limit=5)
    for row in range(2, 52):
        checker.row(row, make_row(row, name="张3"))
    assert len(checker.findings.listed) == 5
    assert checker.findings.errors == 50


def test_full_values_stand_in_no_finding() -> None:
    checker = make_checker()
    bad = make_id(1)[:-1] + ("1" if make_id(1)[-1] != "1" else "2")
    checker.row(2, make_row(name="张三丰2", id_number=bad, issued="张三丰", level=bad))
    for finding in checker.findings.listed:
        text = " ".join(finding.facts.values())
        assert bad not in text
        assert "张三丰" not in text


def test_prefix_is_checked() -> None:
    with pytest.raises(PrefixError):
        RosterChecker(prefix="Y1", levels=frozenset("3"), today=TODAY, drawable=lambda _: True)


cells = st.none() | st.text(max_size=20) | st.floats()


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(make_row(), cells)), max_size=5))
def test_any_cells_give_a_candidate_or_a_finding(rows: list[dict[str, Cell]]) -> None:
    checker = make_checker()
    for number, row in enumerate(rows, 2):
        candidate = checker.row(number, row)
        assert candidate is None or candidate.row == number
    assert checker.finish().errors or not rows or None in rows[0].values()


def test_memory_a_row_is_small() -> None:
    seen = PersonsSeen()
    for row in range(20_000):
        seen.add(row, id_number=str(row), name="张三", qualification=("6-31-01-03", "3"))
    entries = seen._first
    size = sys.getsizeof(entries) + sum(
        sys.getsizeof(k) + sys.getsizeof(v) for k, v in entries.items()
    )
    assert size / 20_000 < 160


def candidates(*rows: dict[str, Cell], first: int = 2) -> list[Candidate]:
    checker = make_checker()
    found = [checker.row(number, row) for number, row in enumerate(rows, first)]
    return [candidate for candidate in found if candidate is not None]


def test_digest_ignores_row_numbers_and_spelling_but_nothing_else() -> None:
    base = content_digest(candidates(make_row(1), make_row(2)))
    assert base == content_digest(candidates(make_row(1, level="3"), make_row(2), first=40))
    others = [
        candidates(make_row(2), make_row(1)),
        candidates(make_row(1)),
        candidates(make_row(1, name="张四"), make_row(2)),
        candidates(make_row(1, admission="A1"), make_row(2)),
        candidates(make_row(1, direction="x"), make_row(2)),
        candidates(make_row(1, issued="2026-11-19"), make_row(2)),
    ]
    assert len({content_digest(other) for other in others} | {base}) == len(others) + 1


def test_digest_fields_cannot_run_into_each_other() -> None:
    left = candidates(make_row(occupation="电工", direction="甲1:乙"))
    right = candidates(make_row(occupation="电工", direction="甲"))
    assert content_digest(left) != content_digest(right)
    digest = ContentDigest()
    for candidate in left:
        digest.add(candidate)
    assert digest.hexdigest() == content_digest(left)
