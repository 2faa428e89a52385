"""A holiday notice loaded during publicity moves its end, and all that hangs on it."""

from __future__ import annotations

from datetime import date
from typing import Any

from registry.office.almanac import read_almanac
from registry.office.cases import read_note, timeline
from registry.office.notices import NewNotice, load_notice
from registry.office.publicity import publicity_of
from registry.store.procedure import Case

OFF_2027 = "1月1日至4日 2月5日至11日 4月3日至5日 5月1日至5日 6月9日 9月15日 10月1日至7日"
NOTICE = NewNotice(year=2027, basis="示例通知〔2026〕9号", off=OFF_2027, work="1月9日、2月20日")


def publicity(small: Any, case_id: int) -> Any:
    with small.read() as session:
        case, almanac = session.get_one(Case, case_id), read_almanac(session)
        today = small.desk.today()
        return publicity_of(session, case, small.context("clerk"), almanac, today=today)


def test_the_case_and_its_publicity_say_the_same_day(small: Any, assessing: Any) -> None:
    case_id = assessing.filled()
    assessing.at(date(2026, 12, 29))
    assessing.publish(case_id)
    before = publicity(small, case_id)
    assert before.last_day == date(2027, 1, 6)
    with small.write() as session:
        by, context = small.who("approver"), small.context("approver")
        moved = load_notice(session, NOTICE, by=by, context=context, today=small.desk.today()).moved
    now = publicity(small, case_id)
    assert now.last_day == date(2027, 1, 7)
    # A day made up in between: the last day for filing stays, and the publicity's end is told.
    assert now.file_by == before.file_by
    with small.read() as session:
        case = session.get_one(Case, case_id)
        assert (case.due_from, case.due_on) == (now.last_day, now.file_by)
        assert [one.case_id for one in moved] == [case_id]
        last = timeline(session, case)[-1]
        assert last.event == "due-moved"
        words = read_note(last, small.context("head1"))
        assert words.startswith("公示截止日由 2027-01-06 调整为 2027-01-07；办理期限 2027-01-27 ")
