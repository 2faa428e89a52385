"""Talent statistics, subsidy candidates and throughput: who counts, who sees what, until when."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.office.almanac import read_almanac
from registry.office.identity import NotAllowed
from registry.office.statistics import Line, Statistics, statistics
from registry.office.subsidies import Candidates, candidates
from registry.office.throughput import Step, quantile, throughput
from registry.store.certificates import CertificateState
from registry.store.procedure import CaseEvent
from registry.store.registers import Occupation
from registry.store.uploads import VisibilityCheck

TODAY = date(2026, 11, 26)
MAY, OCTOBER = date(2026, 5, 11), date(2026, 10, 12)


@pytest.fixture
def counted(small: Any, beside: Any) -> Any:
    return beside("counted_office").Counted(small)


def stats(small: Any, login: str = "clerk") -> Statistics:
    with small.read() as session:
        return statistics(session, small.who(login), today=TODAY)


def table(lines: tuple[Line, ...]) -> dict[str, tuple[int, int, int]]:
    return {one.label: (one.seen, one.waiting, one.suspended) for one in lines}


def test_only_what_is_seen_nationally_counts_and_the_rest_is_beside(
    small: Any, counted: Any
) -> None:
    with small.write() as session:
        for edition, name in ((2015, "钳工（旧）"), (2022, "钳工")):
            session.add(Occupation(edition=edition, code="6-20-01-01", name=name, levels="54321"))
    counted.issue(1, MAY, 3, seen=OCTOBER)
    counted.issue(1, OCTOBER, 2)
    counted.issue(2, OCTOBER, 1, level="3", occupation="4-02-02-01", seen=TODAY)
    counted.issue(2, OCTOBER, 4, seen=TODAY, state=CertificateState.SUSPENDED)
    counted.issue(2, OCTOBER, 7, seen=TODAY, state=CertificateState.REVOKED)
    found = stats(small)
    assert table((found.whole,)) == {"合计": (4, 2, 4)}
    assert table(found.districts) == {"4403A": (3, 2, 0), "4403B": (1, 0, 4)}
    assert table(found.companies) == {
        "深圳市示例精密制造有限公司": (3, 2, 0),
        "深圳市示例电力设备有限公司": (1, 0, 4),
    }
    assert table(found.occupations) == {"钳工（6-20-01-01）": (3, 2, 4), "4-02-02-01": (1, 0, 0)}
    assert list(table(found.levels).items()) == [
        ("五级/初级工", (0, 0, 0)),
        ("四级/中级工", (3, 2, 4)),
        ("三级/高级工", (1, 0, 0)),
        ("二级/技师", (0, 0, 0)),
        ("一级/高级技师", (0, 0, 0)),
    ]
    assert list(table(found.months).items()) == [
        ("2026-05", (3, 0, 0)),
        ("2026-06", (0, 0, 0)),
        ("2026-07", (0, 0, 0)),
        ("2026-08", (0, 0, 0)),
        ("2026-09", (0, 0, 0)),
        ("2026-10", (1, 2, 4)),
        ("2026-11", (0, 0, 0)),
    ]


def test_a_new_edition_counts_once_and_keeps_its_listing(small: Any, counted: Any) -> None:
    number = "Y000044999001264000001"
    old = CertificateState.SUPERSEDED
    counted.issue(1, MAY, number=number, seen=OCTOBER, state=old)
    counted.issue(1, MAY, number=number, edition=2)
    assert table((stats(small).whole,)) == {"合计": (1, 0, 0)}


def test_a_certificate_that_two_have_seen_counts_once(small: Any, counted: Any) -> None:
    (index,) = counted.issue(1, MAY, seen=OCTOBER)
    with small.write() as session:
        session.add(
            VisibilityCheck(
                status_index=index, source="spot-check", seen_on=OCTOBER, seen_by="clerk"
            )
        )
    assert table((stats(small).whole,)) == {"合计": (1, 0, 0)}


def test_what_is_older_than_two_years_is_one_line(small: Any, counted: Any) -> None:
    counted.issue(1, date(2020, 1, 15), 5)
    counted.issue(1, date(2024, 11, 30), 2)
    counted.issue(1, date(2024, 12, 1), 1)
    months = list(table(stats(small).months).items())
    assert months[:2] == [("更早", (0, 7, 0)), ("2024-12", (0, 1, 0))]
    assert (len(months), months[-1][0]) == (25, "2026-11")


def test_each_counts_ones_own_tenant(small: Any, counted: Any) -> None:
    counted.issue(1, MAY, 3)
    counted.issue(2, MAY, 5)
    for login, waiting in (("clerk", 8), ("auditor", 8), ("clerk-a", 3), ("editor2", 5)):
        assert stats(small, login).whole.waiting == waiting, login
    with pytest.raises(NotAllowed):
        stats(small, "admin")


def test_an_empty_registry_counts_nothing(small: Any) -> None:
    found = stats(small)
    assert found.whole == Line(label="合计")
    assert (found.companies, found.months) == ((), ())


def listed(small: Any, login: str = "clerk", **more: Any) -> Candidates:
    with small.read() as session:
        return candidates(
            session,
            small.who(login),
            read_almanac(session),
            small.context(login),
            today=TODAY,
            **more,
        )


def test_candidates_stand_by_the_day_their_twelve_months_end(small: Any, counted: Any) -> None:
    counted.issue(1, date(2025, 11, 25), seen=MAY)  # ended yesterday
    counted.issue(1, date(2025, 11, 26), seen=MAY)  # ends today
    counted.issue(2, date(2025, 12, 26), seen=MAY)  # thirty days left
    counted.issue(2, date(2025, 12, 27), seen=MAY)
    counted.issue(1, date(2025, 12, 1))  # not seen, five days left
    counted.issue(1, OCTOBER)
    counted.issue(1, MAY, seen=OCTOBER, state=CertificateState.REVOKED)
    counted.issue(1, MAY, seen=OCTOBER, state=CertificateState.SUSPENDED)
    found = listed(small)
    assert [(one.ends.isoformat(), one.left, one.seen) for one in found.listed] == [
        ("2026-11-26", 0, True),
        ("2026-12-01", 5, False),
        ("2026-12-26", 30, True),
        ("2026-12-27", 31, True),
        ("2027-10-12", 320, False),
    ]
    sums = (found.total, found.ready, found.soon, found.waiting, found.pressing)
    assert sums == (5, 3, 2, 2, 1)
    first = listed(small, page=1, size=2).listed
    second = listed(small, page=2, size=2).listed
    assert (*first, *second) == found.listed[:4]


def test_names_are_for_who_may_see_them_and_masked_on_a_page(small: Any, counted: Any) -> None:
    counted.issue(1, OCTOBER)
    counted.issue(2, OCTOBER)
    seen = {
        login: [one.name for one in listed(small, login).listed]
        for login in ("clerk", "approver", "editor1", "head2", "supervisor", "auditor")
    }
    masked = "张**"
    assert seen["clerk"] == seen["approver"] == [masked, masked]
    assert seen["editor1"] == seen["head2"] == [masked]
    assert seen["supervisor"] == seen["auditor"] == ["", ""]
    assert [one.name for one in listed(small, "clerk-a", whole_names=True).listed] == ["张示例"]
    assert [one.name for one in listed(small, "auditor", whole_names=True).listed] == ["", ""]
    with pytest.raises(NotAllowed):
        listed(small, "admin")


def moment(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def steps(small: Any, login: str = "clerk") -> list[Step]:
    with small.read() as session:
        now = small.clock.now()
        return list(throughput(session, small.who(login), read_almanac(session), now=now))


def test_the_way_of_a_certificate_is_timed_in_working_days(small: Any, counted: Any) -> None:
    for sent, answered, seen in (
        (date(2026, 10, 14), date(2026, 10, 15), date(2026, 10, 30)),
        (date(2026, 10, 13), date(2026, 10, 20), None),
        (date(2026, 10, 13), None, None),
        (None, None, None),
    ):
        (index,) = counted.issue(1, OCTOBER, seen=seen)
        counted.report(index, sent=moment(sent) if sent else None, answered=answered)
    (old,) = counted.issue(1, date(2024, 5, 6))
    counted.report(old, sent=moment(TODAY), answered=TODAY)
    found = [(one.step, one.count, one.median, one.nine_in_ten) for one in steps(small)]
    assert found == [
        ("发证至上报省中心", 3, 1, 2),
        ("上报至省中心答复", 2, 1, 5),
        ("省中心答复至全国联网可查", 1, 11, 11),
    ]
    assert steps(small, "editor2") == []


def test_the_states_of_cases_are_timed_by_their_events(small: Any, new_case: Any) -> None:
    case_id = new_case("filing")
    ways = (
        (date(2026, 10, 12), "draft", "submitted"),
        (date(2026, 10, 13), "submitted", "submitted"),
        (date(2026, 10, 16), "submitted", "returned"),
        (date(2026, 10, 16), "returned", "submitted"),
        (date(2026, 10, 30), "submitted", "approved"),
    )
    with small.write() as session:
        session.query(CaseEvent).delete()
        for day, before, after in ways:
            session.add(
                CaseEvent(
                    case_id=case_id,
                    at=moment(day),
                    actor="company",
                    event="x",
                    from_state=before,
                    to_state=after,
                )
            )
    found = {(one.matter, one.step): one for one in steps(small)}
    words = {state: (one.count, one.median, one.nine_in_ten) for (_, state), one in found.items()}
    assert sorted(words.values()) == [(1, 0, 0), (2, 4, 10)]
    assert {matter for matter, _ in found} == {"企业备案"}
    assert steps(small, "editor2") == []
    small.clock.moment += timedelta(days=400)
    assert steps(small) == [], "what was finished more than a year ago"


@given(st.lists(st.integers(0, 60), min_size=1), st.integers(1, 100))
def test_a_quantile_is_a_value_that_occurred_with_enough_below(
    days: list[int], percent: int
) -> None:
    found = quantile(Counter(days), percent)
    assert found in days
    assert sum(day <= found for day in days) * 100 >= percent * len(days)
    assert sum(day < found for day in days) * 100 < percent * len(days)
