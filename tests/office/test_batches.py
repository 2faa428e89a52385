"""Results on a held plan: who may be opened for what, what is computed, what is kept sealed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.errors import NotFound, Refused
from registry.office.almanac import read_almanac
from registry.office.batches import (
    BatchNotReady,
    check_batch,
    held_plans,
    open_batch,
    put_scores,
    read_batch,
)
from registry.office.cases import CaseMoved
from registry.office.evidence_manifest import kept_until, manifest_text, read_manifest
from registry.office.form_faults import FormFaults
from registry.office.identity import NotAllowed
from registry.office.results import result_lines, results_of
from registry.rules.findings import FindingCode, Findings
from registry.rules.scheme import PartKind
from registry.rules.scores import Failing
from registry.store.audit import AuditLine
from registry.store.procedure import Case, CasePerson, Company

MARKS = (("80", "75.5"), ("60", "60"), ("90", "59.9"))


def codes(checked: Any) -> dict[tuple[int | None, str | None], FindingCode]:
    return {(f.where.row, f.where.column): f.code for f in checked.findings.listed}


def test_a_batch_is_opened_once_on_a_held_plan_of_ones_own(small: Any, assessing: Any) -> None:
    plan = assessing.held_plan()
    with small.read() as session:
        assert [p.case_id for p in held_plans(session, small.who("editor1"))] == [plan]
        assert held_plans(session, small.who("editor2")) == ()
    with pytest.raises(NotFound):
        assessing.open(plan, "editor2")
    case_id = assessing.open(plan)
    with small.read() as session:
        case = session.get_one(Case, case_id)
        # Ten working days from the assessment's last day, 22 December; 1 January is a holiday.
        assert (case.parent_id, case.due_from, case.due_on, case.turn) == (
            plan,
            date(2026, 12, 22),
            date(2027, 1, 6),
            "company",
        )
        assert case.reference.startswith("JG-2026-")
        assert held_plans(session, small.who("editor1")) == ()
    with pytest.raises(Refused, match="已在办理，编号 JG-2026-0001"):
        assessing.open(plan)


def test_the_office_opens_none(small: Any, assessing: Any) -> None:
    plan = assessing.held_plan()
    with small.write() as session, pytest.raises((NotAllowed, NotFound)):
        open_batch(session, plan, by=small.who("clerk"), context=small.context("clerk"))


@pytest.mark.parametrize(
    ("broken", "says"),
    [("plan", "尚未实施"), ("scheme", "未公布，或者已停用"), ("company", "不在备案名单内")],
)
def test_no_batch_rests_on_a_broken_link(
    small: Any, assessing: Any, planning: Any, broken: str, says: str
) -> None:
    plan = assessing.held_plan()
    with small.write() as session:
        match broken:
            case "plan":
                session.get_one(Case, plan).state = "recorded"
            case "scheme":
                session.get_one(Case, planning.scheme).state = "ended"
            case _:
                session.get_one(Company, 1).state = "barred"
    with pytest.raises(BatchNotReady, match=says):
        assessing.open(plan)


def test_pass_or_fail_is_computed_and_persons_stand_sealed(small: Any, assessing: Any) -> None:
    case_id = assessing.open(assessing.held_plan())
    checked = assessing.scores(case_id, assessing.rows(case_id, *MARKS))
    assert (checked.acceptable, checked.passed) == (True, 2)
    context = small.context("clerk")
    with small.read() as session:
        case = session.get_one(Case, case_id)
        form = read_batch(case, context)
        assert (form.people, form.passed) == (3, 2)
        kept = session.query(CasePerson).filter_by(case_id=case_id).all()
        assert [row.passed for row in kept] == [True, True, False]
        stored = b"".join(row.sealed for row in kept) + case.form
        assert "员工".encode() not in stored
        people = results_of(session, case, context)
        assert people[0].marks == {PartKind.THEORY: 800, PartKind.SKILL: 755}
        assert people[0].admission == "JH-2026-0001-0001"
        from registry.office.batches import basis_of

        schemes = basis_of(session, case, context).schemes
        lines = result_lines(session, case, schemes, context)
        assert lines[0].name == "员**"
        assert lines[0].outcome.total == 773
        assert lines[2].outcome.failing == ((Failing.PART, PartKind.SKILL),)
        audits = " ".join(f"{a.subject} {a.detail}" for a in session.query(AuditLine))
        assert "4403011985" not in audits


def test_a_serious_safety_record_fails_whatever_the_marks(small: Any, assessing: Any) -> None:
    case_id = assessing.open(assessing.held_plan())
    rows = assessing.rows(case_id, *MARKS)
    rows[0][1]["safety_record"] = "严重违反"
    checked = assessing.scores(case_id, rows)
    assert (checked.acceptable, checked.passed) == (True, 1)


def test_an_absent_part_fails_and_is_no_fault(small: Any, assessing: Any) -> None:
    case_id = assessing.open(assessing.held_plan())
    rows = assessing.rows(case_id, ("缺考", "100"), *MARKS[1:])
    checked = assessing.scores(case_id, rows)
    assert (checked.acceptable, checked.passed) == (True, 1)
    assert checked.people[0].marks == {PartKind.SKILL: 1000}


def test_every_fault_is_named_by_row_and_column(small: Any, assessing: Any) -> None:
    case_id = assessing.open(assessing.held_plan(people=6))
    rows = assessing.rows(case_id, ("", "101"), ("7o", "80"), *[("80", "80")] * 4)
    (_, two), (_, three), (_, four), (_, five), (_, six), _ = rows
    two["safety_record"] = "不清楚"
    three["name"] = "别人"
    four["id_number"] = five["id_number"]
    five["mark_ethics"] = "80"
    five["admission"] = six["admission"]
    six["planned_level"] = "三级/高级工"
    checked = assessing.scores(case_id, rows[:-1])
    found = codes(checked)
    assert found[2, "mark_theory"] is FindingCode.SCORE_MISSING
    assert found[2, "mark_skill"] is FindingCode.SCORE_RANGE
    assert found[2, "safety_record"] is FindingCode.SAFETY_RECORD_UNKNOWN
    assert found[3, "mark_theory"] is FindingCode.SCORE_FORM
    assert found[3, "name"] is FindingCode.RESULT_OTHER_NAME
    assert found[5, "id_number"] is FindingCode.RESULT_TWICE
    assert found[6, "planned_level"] is FindingCode.RESULT_OTHER_LEVEL
    # Row 4 took the person of row 5, so the person of roster row 4 and the last one have none.
    absent = [f for f in checked.findings.listed if f.code is FindingCode.RESULT_ABSENT]
    assert [f.facts["other_row"] for f in absent] == ["4", "7"]
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert read_batch(case, small.context("clerk")).people == 0
        assert session.query(CasePerson).filter_by(case_id=case_id).count() == 0


def test_who_is_not_planned_is_refused(small: Any, assessing: Any) -> None:
    case_id = assessing.open(assessing.held_plan())
    rows = assessing.rows(case_id, *MARKS)
    rows.append((9, {**rows[0][1], "id_number": "440301198501019999"}))
    rows.append((10, {**rows[0][1], "id_number": 4.40301198501e17}))
    rows.append((11, {**rows[0][1], "id_number": ""}))
    found = codes(assessing.scores(case_id, rows))
    assert found == {
        (9, "id_number"): FindingCode.RESULT_UNPLANNED,
        (10, "id_number"): FindingCode.ID_AS_NUMBER,
        (11, "id_number"): FindingCode.VALUE_MISSING,
    }


def test_two_with_one_admission_number_and_a_part_too_many(small: Any, assessing: Any) -> None:
    case_id = assessing.open(assessing.held_plan())
    rows = assessing.rows(case_id, *MARKS)
    rows[1][1]["admission"] = rows[0][1]["admission"]
    rows[2][1]["mark_review"] = "88"
    found = codes(assessing.scores(case_id, rows))
    assert found == {
        (3, "admission"): FindingCode.ADMISSION_TWICE,
        (4, "mark_review"): FindingCode.SCORE_UNEXPECTED,
    }


def test_a_column_that_is_missing_is_said_once(small: Any, assessing: Any) -> None:
    case_id = assessing.open(assessing.held_plan())
    rows = assessing.rows(case_id, *MARKS)
    for _, cells in rows:
        del cells["mark_skill"]
    checked = assessing.scores(case_id, rows)
    assert codes(checked) == {(None, "mark_skill"): FindingCode.COLUMN_MISSING}
    assert checked.findings.errors == 1


def test_a_name_no_certificate_can_show_is_found_before_the_publicity(
    small: Any, assessing: Any
) -> None:
    case_id = assessing.open(assessing.held_plan())
    rows = assessing.rows(case_id, *MARKS)
    checked = assessing.scores(case_id, rows, drawable=lambda char: char != "员")
    assert set(codes(checked).values()) == {FindingCode.NAME_NOT_DRAWABLE}


def test_of_two_who_upload_at_once_one_is_told(small: Any, assessing: Any) -> None:
    case_id = assessing.open(assessing.held_plan())
    rows = assessing.rows(case_id, *MARKS)
    with small.read() as session:
        stale = small.doing("editor1", session.get_one(Case, case_id))
    assessing.scores(case_id, rows)
    changed = assessing.rows(case_id, ("1", "1"), *MARKS[1:])
    with small.write() as session, pytest.raises(CaseMoved):
        put_scores(
            session,
            session.get_one(Case, case_id),
            changed,
            form=Findings(),
            drawable=lambda _char: True,
            doing=stale,
            context=small.context("editor1"),
        )
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert results_of(session, case, small.context("clerk"))[0].marks[PartKind.THEORY] == 800


def test_rows_changed_behind_the_form_are_found(small: Any, assessing: Any) -> None:
    case_id = assessing.filled()
    with small.write() as session:
        row = session.query(CasePerson).filter_by(case_id=case_id, passed=False).one()
        row.passed = True
    with small.read() as session:
        case = session.get_one(Case, case_id)
        (fault,) = check_batch(session, case, small.context("clerk"))
        assert (fault.field, fault.text) == ("scores", "成绩与登记的不一致，请重新上传成绩")


def test_what_is_missing_keeps_a_batch_back(small: Any, assessing: Any) -> None:
    case_id = assessing.open(assessing.held_plan())
    with small.read() as session:
        case = session.get_one(Case, case_id)
        faults = check_batch(session, case, small.context("clerk"))
    assert [fault.field for fault in faults] == ["scores", "manifest"]
    with pytest.raises(BatchNotReady, match="请上传评价成绩"):
        assessing.publish(case_id)
    assert assessing.state(case_id) == "draft"


def test_a_manifest_reads_as_written_and_is_kept_five_years(small: Any) -> None:
    text = f"类别\t说明\tSHA-256\t字节数\n文档\t试卷\t{'A' * 64}\t12\n录像，考核，{'b' * 64}，34"
    found = read_manifest(text)
    assert [(item.kind, item.size) for item in found] == [("papers", 12), ("video", 34)]
    assert read_manifest(manifest_text(found)) == found
    with small.read() as session:
        until = kept_until(date(2026, 12, 22), read_almanac(session))
    assert until == date(2031, 12, 22)


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("文档 试卷", "须有类别、说明、SHA-256、字节数四项"),
        (f"照片\t试卷\t{'a' * 64}\t1", "类别须为"),
        (f"文档\t\t{'a' * 64}\t1", "说明须有"),
        (f"文档\t试卷\t{'a' * 63}\t1", "64 位"),
        (f"文档\t试卷\t{'a' * 64}\t0", "大于 0"),
        (f"文档\t试卷\t{'a' * 64}\t-1", "大于 0"),
        (f"文档\t试卷\t{EMPTY}\t1", "空文件"),
        (f"文档\t440301198501010000 试卷\t{'a' * 64}\t1", "证件号码"),
        ("", "至少填写一项"),
    ],
)
def test_a_bad_line_of_the_manifest_is_named_and_not_quoted(line: str, says: str) -> None:
    with pytest.raises(FormFaults, match=says) as refused:
        read_manifest(line)
    assert "试卷" not in str(refused.value)


def test_one_file_stands_once(small: Any) -> None:
    line = f"文档\t试卷\t{'a' * 64}\t1"
    with pytest.raises(FormFaults, match="第 2 行：与前面某行"):
        read_manifest(f"{line}\n{line}")
    many = "\n".join(f"文档\t试卷\t{number:064x}\t1" for number in range(1, 302))
    with pytest.raises(FormFaults, match="超过 300 项"):
        read_manifest(many)
