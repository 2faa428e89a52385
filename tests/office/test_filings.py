"""A filing from start to submission: bars, the form's faults, and the preview's findings."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from registry.errors import NotFound, Refused
from registry.office import filings
from registry.office.almanac import read_almanac
from registry.office.cases import CaseMoved, Doing, GuardsFailed
from registry.office.filing_form import Applied, FilingForm, FormDamaged, Paper, Section, parse_form
from registry.office.form_faults import FormFaults
from registry.office.identity import NotAllowed
from registry.rules.eligibility import Condition
from registry.rules.workflow import Guard
from registry.store.audit import AuditLine
from registry.store.procedure import Case, CaseDocument, Company


def save(small: Any, case_id: int, what: Any, values: Any, login: str = "editor1") -> None:
    with small.write() as session:
        case = session.get_one(Case, case_id)
        what(session, case, values, doing=small.doing(login, case), context=small.context(login))


def look(small: Any, case_id: int) -> filings.Preview:
    with small.read() as session:
        return filings.preview(
            session,
            session.get_one(Case, case_id),
            context=small.context("clerk"),
            rules=read_almanac(session).rules,
            today=small.desk.today(),
        )


def form(small: Any, case_id: int) -> FilingForm:
    return look(small, case_id).form


def test_a_whole_application_is_ready_and_submitted_by_the_head(
    small: Any, new_filing: Any, act: Any
) -> None:
    case_id = new_filing()
    found = look(small, case_id)
    assert found.ready
    assert (found.shortfalls, found.missing, found.unfilled) == ((), (), ())
    with pytest.raises(Exception, match="企业负责人办理"):
        act(case_id, "submit", "editor1")
    act(case_id, "submit", "head1")
    with small.read() as session:
        case = session.get_one(Case, case_id)
        # Thursday 2026-11-26 counts as the first of twenty working days.
        assert (case.state, case.received_on) == ("submitted", date(2026, 11, 26))
        assert (case.due_on, case.turn) == (date(2026, 12, 23), "office")
        assert case.title == "企业备案申请：钳工"
        assert "钱示例".encode() not in case.form
        said = " ".join(f"{a.subject} {a.detail}" for a in session.query(AuditLine))
        assert "示例" not in said


def test_an_empty_application_says_everything_it_lacks(
    small: Any, new_filing: Any, act: Any
) -> None:
    case_id = new_filing(filled=False)
    found = look(small, case_id)
    assert found.unfilled == (Section.COMPANY, Section.CONDITIONS, Section.OCCUPATIONS)
    assert len(found.missing) == 9
    assert found.held == {Guard.NOT_BARRED}
    with pytest.raises(filings.NotReady, match=r"“企业基本情况”未填写.*营业执照.*条件不符合") as no:
        act(case_id, "submit", "head1")
    assert no.value.preview == found


@pytest.mark.parametrize(
    ("change", "condition", "bars"),
    [
        ({"insured_staff": "299"}, Condition.INSURED_STAFF, True),
        ({"insured_staff": "300"}, None, False),
        ({"registered_here": ""}, Condition.LEGAL_PERSON, True),
        ({"mechanisms": ""}, Condition.MECHANISMS, True),
        ({"pay_rules": "no"}, Condition.PAY_RULES, True),
        ({"managers": "0"}, Condition.MANAGERS, True),
        ({"experts": "0"}, Condition.EXPERTS, True),
        ({"supervisors": "0"}, Condition.EXPERTS, True),
    ],
)
def test_each_condition_of_the_company_is_looked_at(
    *,
    small: Any,
    new_filing: Any,
    filing_fields: Any,
    change: dict[str, str],
    condition: Condition | None,
    bars: bool,
) -> None:
    case_id = new_filing()
    save(small, case_id, filings.save_conditions, filing_fields["conditions"] | change)
    found = look(small, case_id)
    assert [s.condition for s in found.shortfalls] == ([condition] if condition else [])
    assert found.ready is not bars


@pytest.mark.parametrize(
    ("change", "condition", "ready"),
    [
        ({"stations": "9"}, Condition.STATIONS, False),
        ({"assessors": "2"}, Condition.ASSESSORS, False),
        ({"applicants": "49"}, Condition.APPLICANTS, True),
        ({"reason": " "}, Condition.RELATED, False),
        ({"occupation": "电工"}, Condition.NOT_NATIONAL, False),
    ],
)
def test_each_condition_of_an_occupation_is_looked_at(
    *,
    small: Any,
    new_filing: Any,
    filing_fields: Any,
    change: dict[str, str],
    condition: Condition,
    ready: bool,
) -> None:
    case_id = new_filing()
    with small.write() as session:
        case = session.get_one(Case, case_id)
        doing = small.doing("editor1", case)
        filings.remove_occupation(session, case, 0, doing=doing, context=small.context("editor1"))
    save(small, case_id, filings.add_occupation, filing_fields["occupation"] | change)
    found = look(small, case_id)
    assert [s.condition for s in found.shortfalls] == [condition]
    assert found.ready is ready


def test_words_of_training_in_the_scope_are_weighed_with_a_reason(
    small: Any, new_filing: Any, filing_fields: Any, act: Any
) -> None:
    case_id = new_filing()
    changed = filing_fields["company"] | {"scope": "机械制造；职业技能培训"}
    save(small, case_id, filings.save_company, changed)
    found = look(small, case_id)
    assert [s.condition for s in found.shortfalls] == [Condition.NO_TRAINING_BUSINESS]
    assert found.ready
    with small.write() as session:
        session.get_one(Case, case_id).state = "in-review"
        session.get_one(Company, 1).pilot = True
    with pytest.raises(GuardsFailed, match="拟办须写明是否属于该类业务"):
        act(case_id, "prepare", "clerk")
    act(case_id, "prepare", "clerk", "只为本企业职工培训，不对外经营")
    with small.read() as session:
        assert session.get_one(Case, case_id).state == "prepared"


def test_a_paper_condition_needs_its_document(small: Any, new_filing: Any) -> None:
    case_id = new_filing()
    with small.write() as session:
        for row in session.query(CaseDocument).where(CaseDocument.kind == Paper.PAY_RULES):
            row.removed_at = small.clock.now()
    found = look(small, case_id)
    assert found.missing == (Paper.PAY_RULES,)
    assert [s.condition for s in found.shortfalls] == [Condition.PAY_RULES]


@pytest.mark.parametrize(
    ("what", "section", "change", "field", "text"),
    [
        (filings.save_company, "company", {"address": " "}, "address", "请填写注册地址"),
        (filings.save_company, "company", {"scope": "字" * 2001}, "scope", "2000"),
        (filings.save_company, "company", {"phone": "call me"}, "phone", "联系电话"),
        (filings.save_conditions, "conditions", {"managers": "两"}, "managers", "用数字"),
        (filings.save_conditions, "conditions", {"managers": "-1"}, "managers", "用数字"),
        (filings.save_conditions, "conditions", {"experts": "٣"}, "experts", "用数字"),
        (filings.add_occupation, "occupation", {"occupation": "6-99"}, "occupation", "没有此编码"),
        (filings.add_occupation, "occupation", {"occupation": ""}, "occupation", "请填写"),
        (filings.add_occupation, "occupation", {"direction": "字" * 61}, "direction", "60"),
        (
            filings.add_occupation,
            "occupation",
            {"stations": "99999999", "direction": "a"},
            "stations",
            "用数字",
        ),
        (filings.add_occupation, "occupation", {}, "occupation", "已在申请之列"),
    ],
)
def test_what_does_not_read_is_said_by_field_and_nothing_is_kept(
    *,
    small: Any,
    new_filing: Any,
    filing_fields: Any,
    what: Any,
    section: str,
    change: dict[str, str],
    field: str,
    text: str,
) -> None:
    case_id = new_filing()
    before = form(small, case_id)
    values = filing_fields[section] | change
    with pytest.raises(FormFaults) as refused:
        save(small, case_id, what, values)
    assert [fault.field for fault in refused.value.faults] == [field]
    assert text in refused.value.faults[0].text
    for typed in change.values():
        assert not typed.strip() or typed not in str(refused.value)
    assert form(small, case_id) == before


def test_levels_must_be_the_occupations(small: Any, new_filing: Any, filing_fields: Any) -> None:
    from registry.store.registers import Occupation

    case_id = new_filing(filled=False)
    with small.write() as session:
        session.get_one(Occupation, (2015, "6-20-01-01")).levels = "54"
    with pytest.raises(FormFaults, match="可认定的等级为五级/初级工、四级/中级工"):
        save(small, case_id, filings.add_occupation, filing_fields["occupation"])
    none = {k: v for k, v in filing_fields["occupation"].items() if not k.startswith("level")}
    with pytest.raises(FormFaults, match="请选择申请认定的等级"):
        save(small, case_id, filings.add_occupation, none)


def test_numbers_are_read_as_people_write_them(
    small: Any, new_filing: Any, filing_fields: Any
) -> None:
    case_id = new_filing()
    values = filing_fields["conditions"] | {"insured_staff": " １,２０ 0 "}
    save(small, case_id, filings.save_conditions, values)
    assert form(small, case_id).insured_staff == 1200


def test_a_barred_company_is_refused_with_the_date(small: Any, new_filing: Any, act: Any) -> None:
    waiting = new_filing()
    with small.write() as session:
        company = session.get_one(Company, 1)
        company.state, company.barred_until = "barred", date(2026, 11, 27)
    with pytest.raises(filings.Barred, match="2026年11月27日前不予受理"):
        start(small)
    with pytest.raises(filings.Barred, match="2026年11月27日前不予受理"):
        act(waiting, "submit", "head1")
    small.clock.moment = small.clock.moment.replace(day=27)
    act(waiting, "submit", "head1")


def start(small: Any, login: str = "editor1") -> int:
    with small.write() as session:
        case = filings.start_filing(
            session,
            by=small.who(login),
            context=small.context(login),
            almanac=read_almanac(session),
            today=small.desk.today(),
        )
        return int(case.case_id)


def test_only_a_companys_people_start_one(small: Any) -> None:
    for login in ("clerk", "approver", "auditor", "admin"):
        with pytest.raises(NotFound):
            start(small, login)
    with pytest.raises(NotAllowed):
        save(small, start(small), filings.save_company, {"address": "x"} | _rest(), "clerk")


def _rest() -> dict[str, str]:
    names = ("legal_person", "contact", "main_business", "scope")
    return dict.fromkeys(names, "示例") | {"phone": "075500000001"}


def test_the_next_application_is_filled_in_from_the_last(small: Any, new_filing: Any) -> None:
    first = new_filing()
    second = start(small)
    last, fresh = form(small, first), form(small, second)
    assert fresh.address == last.address
    assert fresh.occupations == ()
    assert look(small, second).unfilled == (Section.OCCUPATIONS,)
    assert form(small, start(small, "editor2")).address == ""


def test_nobody_overwrites_what_they_have_not_seen(
    small: Any, new_filing: Any, filing_fields: Any
) -> None:
    case_id = new_filing()
    with small.read() as session:
        seen = session.get_one(Case, case_id).version
    save(small, case_id, filings.save_company, filing_fields["company"])
    with small.write() as session, pytest.raises(CaseMoved):
        filings.save_company(
            session,
            session.get_one(Case, case_id),
            filing_fields["company"],
            doing=Doing(by=small.who("head1"), version=seen),
            context=small.context("head1"),
        )


def test_what_was_submitted_stands_until_it_is_returned(
    small: Any, new_filing: Any, filing_fields: Any, act: Any
) -> None:
    case_id = new_filing()
    act(case_id, "submit", "head1")
    with pytest.raises(Refused, match="不能再修改"):
        save(small, case_id, filings.save_company, filing_fields["company"])
    act(case_id, "return", "clerk", "注册地址与营业执照不一致")
    save(small, case_id, filings.save_company, filing_fields["company"])
    small.clock.moment = small.clock.moment.replace(day=30)
    act(case_id, "submit", "head1")
    with small.read() as session:
        assert session.get_one(Case, case_id).received_on == date(2026, 11, 30)


def test_a_submitted_application_is_withdrawn_by_the_head(
    small: Any, new_filing: Any, act: Any
) -> None:
    case_id = new_filing()
    act(case_id, "submit", "head1")
    act(case_id, "withdraw", "head1")
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert (case.state, case.turn, case.due_on) == ("withdrawn", None, None)


def test_a_form_is_read_whole_or_not_at_all() -> None:
    assert parse_form(b"{}") == FilingForm()
    for bad in (b"", b"[]", b'{"v":"1"}', b'{"extra":1}', b'{"name":"\xff"}'):
        with pytest.raises(FormDamaged):
            parse_form(bad)


def test_forms_are_canonical() -> None:
    for kind in (FilingForm, Applied):
        names = list(kind.__struct_fields__)
        assert names == sorted(names)
