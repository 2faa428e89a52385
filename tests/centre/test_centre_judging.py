"""The judge alone, over any rows: one owner, editions in a row, replays without effect."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry.centre.examine import ProvenRow, RowReason
from registry.centre.judging import Held, Judge
from signing.upload.rows import RowKind

NUMBERS = [f"Y000044999001263{serial:06d}" for serial in (1, 2)]
CITIES = ["shizhou", "lizhou"]


def row(number: str, edition: int, kind: RowKind, reason: str = "") -> ProvenRow:
    """Give a row whose record is told by number and edition, as an honest city's is."""
    return ProvenRow(
        row=1,
        kind=kind,
        number=number,
        edition=edition,
        record=f"{number}/{edition}",
        previous=f"{number}/{edition - 1}",
        reason=reason,
    )


ROWS = st.builds(
    row,
    st.sampled_from(NUMBERS),
    st.integers(1, 4),
    st.sampled_from(RowKind),
    st.sampled_from(["", "", "", "signature-false", RowReason.PREFIX_UNKNOWN]),
)
PACKAGES = st.lists(st.tuples(st.sampled_from(CITIES), st.lists(ROWS, max_size=6)), max_size=8)


def played(packages: Any) -> tuple[dict[str, Held], list[tuple[str, ProvenRow, str]]]:
    """Judge packages one after the other; give what is held and what was said of each row."""
    held: dict[str, Held] = {}
    said = []
    for city, rows in packages:
        judge = Judge(city=city, held=held.get, foreign=False)
        said += [(city, one.row, str(one.reason)) for one in judge.judge(rows)]
        held |= judge.changed
    return held, said


@given(PACKAGES)
def test_a_number_has_one_city_for_ever_and_editions_follow_each_other(packages: Any) -> None:
    held, said = played(packages)
    for number in NUMBERS:
        taken = [(city, one) for city, one, reason in said if one.number == number and not reason]
        assert len({city for city, _ in taken}) <= 1
        assert (number in held) == bool(taken)
        kinds = [one.kind for _, one in taken]
        if not taken:
            continue
        assert kinds[0] in {RowKind.NEW, RowKind.SUPPLEMENT}
        assert set(kinds[1:]) <= {RowKind.CORRECTION, RowKind.WITHDRAWAL}
        # Nothing comes after the end, and no edition is left out.
        assert RowKind.WITHDRAWAL not in kinds[:-1]
        editions = [one.edition for _, one in taken if one.kind is not RowKind.WITHDRAWAL]
        assert editions == list(range(editions[0], editions[0] + len(editions)))
        assert held[number].edition == editions[-1]
        assert held[number].withdrawn == (kinds[-1] is RowKind.WITHDRAWAL)


@given(PACKAGES)
def test_rows_that_were_taken_are_never_taken_again(packages: Any) -> None:
    held, said = played(packages)
    for city, one, reason in said:
        if not reason:
            judge = Judge(city=city, held=held.get, foreign=False)
            assert judge.judge([one])[0].reason
            assert judge.changed == {}


@given(PACKAGES)
def test_what_is_not_proven_changes_nothing(packages: Any) -> None:
    _, said = played(packages)
    assert all(reason for _, one, reason in said if one.reason)
    clean = [(city, [one for one in rows if not one.reason]) for city, rows in packages]
    assert played(clean)[0] == played(packages)[0]


@given(PACKAGES)
def test_how_rows_are_cut_into_packages_does_not_matter(packages: Any) -> None:
    single = [(city, [one]) for city, rows in packages for one in rows]
    assert played(single) == played(packages)


def test_a_foreign_prefix_and_a_foreign_number() -> None:
    new = row(NUMBERS[0], 1, RowKind.NEW)
    held = {NUMBERS[0]: Held(city="lizhou", edition=1, record="x", withdrawn=False)}
    judge = Judge(city="shizhou", held=held.get, foreign=True)
    answers = judge.judge([new, row(NUMBERS[1], 1, RowKind.NEW)])
    assert [one.reason for one in answers] == ["number-other-city", "prefix-other-city"]
    assert [(one.number, one.first) for one in judge.clashes] == [(NUMBERS[0], "lizhou")]
    # What is false in itself says so, and is nobody's claim; what cannot be judged yet is one.
    false = row(NUMBERS[0], 1, RowKind.NEW, "signature-false")
    assert [one.reason for one in judge.judge([false])] == ["signature-false"]
    assert len(judge.clashes) == 1
    unknown = row(NUMBERS[0], 1, RowKind.NEW, RowReason.PREFIX_UNKNOWN)
    assert [one.reason for one in judge.judge([unknown])] == ["number-other-city"]
    assert len(judge.clashes) == 2
