"""What is past its term is erased by the dated rule, and nothing sooner, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import func, select

from registry.office.almanac import read_almanac
from registry.office.document_files import Examiner
from registry.office.document_vault import vault_of
from registry.office.documents import paper_of, remove_document, take_in
from registry.office.retention import Erased, erase_expired, kept_until
from registry.store.audit import AuditLine
from registry.store.procedure import Case, CaseDocument, CasePerson
from registry.store.registers import RuleRow

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"


def at(small: Any, year: int, month: int, day: int) -> None:
    small.clock.moment = datetime(year, month, day, 2, 0, tzinfo=UTC)


def erase(small: Any) -> Erased:
    with small.write() as session:
        return erase_expired(session, vault_of(small.desk), small.desk.context())


def documents(small: Any) -> list[CaseDocument]:
    with small.read() as session:
        return list(session.query(CaseDocument).order_by(CaseDocument.document_id))


def persons(small: Any, case_id: int) -> int:
    query = select(func.count()).select_from(CasePerson).where(CasePerson.case_id == case_id)
    with small.read() as session:
        return int(session.scalar(query))


def end(small: Any, case_id: int, state: str) -> None:
    with small.write() as session:
        case = session.get_one(Case, case_id)
        case.state, case.changed_at = state, small.clock.now()


@pytest.fixture
def papers(small: Any, new_filing: Any) -> int:
    """Give a draft filing with two papers of the same bytes, and one of its own."""
    case_id = int(new_filing(filled=False))
    by = small.who("editor1")
    for kind, data in (("other", PDF), ("site", PDF), ("other", PDF + b"\n")):
        examiner = Examiner(look=lambda _path: "")
        take_in(small.desk, case_id, kind, "材料.pdf", BytesIO(data), by=by, examiner=examiner)
    return case_id


def take_out(small: Any, case_id: int, number: int) -> None:
    with small.write() as session:
        case = session.get_one(Case, case_id)
        context = small.context("editor1")
        remove_document(session, case, number, by=small.who("editor1"), context=context)


def test_a_document_says_until_when_it_is_kept_by_the_rule_of_its_day(
    small: Any, papers: int
) -> None:
    assert {row.kept_until for row in documents(small)} == {date(2031, 11, 26)}
    at(small, 2027, 3, 1)
    take_out(small, papers, 1)
    assert documents(small)[0].kept_until == date(2032, 3, 1)


def test_a_rule_of_two_years_counts_from_its_day_on(small: Any) -> None:
    with small.write() as session:
        session.add(
            RuleRow(
                kind="term",
                name="evidence-kept",
                length=2,
                unit="years",
                counting="from-the-next",
                turn="company",
                basis="示例",
                since=date(2027, 1, 1),
                made_at=small.clock.now(),
                made_by="account:approver",
            )
        )
    with small.read() as session:
        almanac = read_almanac(session)
        assert kept_until(date(2026, 12, 31), almanac) == date(2031, 12, 31)
        assert kept_until(date(2027, 1, 1), almanac) == date(2029, 1, 1)


def test_removed_papers_go_after_their_last_day_and_shared_bytes_with_the_last(
    small: Any, papers: int
) -> None:
    vault = vault_of(small.desk)
    shared, own = (vault.place(paper_of(documents(small)[n])) for n in (0, 2))
    take_out(small, papers, 1)
    take_out(small, papers, 3)
    at(small, 2032, 1, 1)
    assert erase(small) == Erased()
    end(small, papers, "approved")
    at(small, 2031, 11, 26)
    assert erase(small) == Erased()
    at(small, 2031, 11, 27)
    assert erase(small) == Erased(documents=2)
    assert [row.document_id for row in documents(small)] == [2]
    assert shared.is_file()
    assert not own.exists()
    assert erase(small) == Erased()
    with small.read() as session:
        (line,) = session.query(AuditLine).filter_by(action="retention-erase")
        assert line.detail == (
            "documents 2; roster rows 0; score rows 0; imports 0; import reports 0"
        )


@pytest.mark.parametrize("state", ["rejected", "withdrawn"])
def test_papers_of_a_refused_filing_go_five_years_after_its_end(
    small: Any, papers: int, state: str
) -> None:
    at(small, 2027, 2, 1)
    end(small, papers, state)
    at(small, 2032, 2, 1)
    assert erase(small) == Erased()
    assert {row.kept_until for row in documents(small)} == {date(2032, 2, 1)}
    at(small, 2032, 2, 2)
    assert erase(small) == Erased(documents=3)
    assert [f for f in small.desk.documents.rglob("*") if f.is_file()] == []


def test_a_file_that_went_before_its_row_is_taken_up_again(small: Any, papers: int) -> None:
    end(small, papers, "rejected")
    at(small, 2033, 1, 1)
    vault = vault_of(small.desk)
    vault.place(paper_of(documents(small)[2])).unlink()
    assert erase(small) == Erased(documents=3)


@pytest.mark.parametrize("state", ["cancelled", "stopped", "not-held", "lapsed"])
def test_the_roster_of_a_plan_that_came_to_nothing_goes(
    small: Any, assessing: Any, state: str
) -> None:
    plan = assessing.held_plan()
    end(small, plan, state)
    at(small, 2031, 12, 23)
    assert erase(small) == Erased()
    at(small, 2031, 12, 24)
    assert erase(small) == Erased(roster_rows=3)
    assert persons(small, plan) == 0


def test_scores_of_those_who_failed_go_and_the_others_stay(small: Any, assessing: Any) -> None:
    case = assessing.filled()
    with small.read() as session:
        plan = session.get_one(Case, case).parent_id
        failed = session.query(CasePerson).filter_by(case_id=case, passed=False).count()
    assert 0 < failed < 3
    at(small, 2040, 1, 1)
    assert erase(small) == Erased()
    at(small, 2027, 1, 4)
    end(small, case, "issued")
    end(small, plan, "closed")
    at(small, 2032, 1, 4)
    assert erase(small) == Erased()
    at(small, 2032, 1, 5)
    assert erase(small) == Erased(score_rows=failed)
    assert persons(small, case) == 3 - failed
    assert persons(small, plan) == 3
    end(small, case, "rejected")
    at(small, 2040, 1, 1)
    assert erase(small) == Erased(score_rows=3 - failed)
