"""Supervision at the machine API (监督管理): visits, answers, draws, evaluations, sanctions."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta
from sqlalchemy.orm import Session

from registry.office import draws, evaluations, sanctions, supervising, visits
from registry.office.almanac import read_almanac
from registry.office.draws import DrawView
from registry.office.evaluations import DueEvaluation
from registry.office.identity import Role
from registry.office.sanction_effects import Ground
from registry.office.supervising import Item, Result
from registry.office.supervision_due import Matters, matters
from registry.web.api.endpoint import CREATED, Call, Download, Given, Nothing, Table, Taken
from registry.web.api.filings import APPROVERS, CLERKS
from registry.web.api.reading import JSON_TYPE
from registry.web.gate import CASES, COMPANY, OFFICE

TABLE = Table("supervision")
SUPERVISORS = frozenset({Role.SUPERVISOR})
SEES_DRAWS = OFFICE | {Role.AUDITOR}


class Items(Given, frozen=True, kw_only=True):
    """The newest matters the asker may see; what waits for somebody comes first."""

    items: tuple[Item, ...]


class Report(Taken, frozen=True, kw_only=True):
    """What the drawn supervisor found on a visit."""

    result: Literal["sound", "to-mend", "serious"]
    finding: str


class Answer(Taken, frozen=True, kw_only=True):
    """The company's answer, given once."""

    answer: str


class Check(Taken, frozen=True, kw_only=True):
    """What the office found of a visit's answer, or what is missing in it."""

    check: str = ""


class Decision(Taken, frozen=True, kw_only=True):
    """Whether a proposed sanction is upheld, with the reason."""

    uphold: bool
    note: str


class Decided(Given, frozen=True, kw_only=True):
    """The matter as decided, and how many certificates that revoked."""

    item: Item
    revoked: int


class DueEvaluations(Given, frozen=True, kw_only=True):
    """The companies to evaluate now."""

    due: tuple[DueEvaluation, ...]


class Evaluation(Taken, frozen=True, kw_only=True):
    """A yearly evaluation (年度评估)."""

    result: Literal["passed", "failed"]
    reasons: str


class Delisting(Taken, frozen=True, kw_only=True):
    """Why a company is to be taken off the list."""

    ground: Literal["cheating", "idle", "unfit"]
    reason: str


class Disqualification(Taken, frozen=True, kw_only=True):
    """Why an assessor is to lose the qualification."""

    ground: Literal["violation", "two-faults"]
    reason: str


class Reason(Taken, frozen=True, kw_only=True):
    """A reason alone."""

    reason: str


class Pair(Taken, frozen=True, kw_only=True):
    """A plan (reference) that a supervisor (number) must not visit."""

    plan: str
    supervisor: str


class NewPool(Taken, frozen=True, kw_only=True):
    """How many plans are to be drawn, and who must not visit which (回避)."""

    take: Annotated[int, Meta(ge=1, le=1000)]
    avoid: tuple[Pair, ...] = ()


class Draws(Given, frozen=True, kw_only=True):
    """The newest draws."""

    draws: tuple[DrawView, ...]


@TABLE.get("/supervision", roles=CASES, takes=Nothing, gives=Items)
def list_supervision(call: Call, _: Nothing) -> Items:
    """List supervision (监督事项列表)."""
    with call.desk.read() as session:
        return Items(items=supervising.list_items(session, call.by, call.context))


@TABLE.get("/supervision/due", roles=CASES, takes=Nothing, gives=Matters)
def list_due_supervision(call: Call, _: Nothing) -> Matters:
    """List due supervision (监督待办：轮到谁、期限)."""
    with call.desk.read() as session:
        almanac, today = read_almanac(session), call.desk.today()
        return matters(session, call.by, call.context, almanac, today=today)


@TABLE.get("/supervision/<int:item_id>", roles=CASES, takes=Nothing, gives=Item)
def show_supervision(call: Call, _: Nothing) -> Item:
    """Show supervision (一个监督事项)."""
    with call.desk.read() as session:
        return _item(session, call, call.number("item_id"))


@TABLE.post("/supervision/<int:item_id>/finding", roles=SUPERVISORS, takes=Report, gives=Item)
def report_visit(call: Call, given: Report) -> Item:
    """Report visit (提交督导意见)."""
    item_id = call.number("item_id")
    with call.desk.write() as session:
        visits.report_visit(
            session,
            item_id,
            Result(given.result),
            given.finding,
            by=call.by,
            context=call.context,
        )
        return _item(session, call, item_id)


@TABLE.post("/supervision/<int:item_id>/answer", roles=COMPANY, takes=Answer, gives=Item)
def answer_supervision(call: Call, given: Answer) -> Item:
    """Answer supervision (企业答复、陈述申辩)."""
    item_id = call.number("item_id")
    with call.desk.write() as session:
        visits.answer(session, item_id, given.answer, by=call.by, context=call.context)
        return _item(session, call, item_id)


@TABLE.post("/supervision/<int:item_id>/close", roles=CLERKS, takes=Check, gives=Item)
def close_visit(call: Call, given: Check) -> Item:
    """Close visit (核实办结；企业已答复的须写明核实情况)."""
    item_id = call.number("item_id")
    with call.desk.write() as session:
        visits.close_visit(session, item_id, given.check, by=call.by, context=call.context)
        return _item(session, call, item_id)


@TABLE.post("/supervision/<int:item_id>/ask-again", roles=CLERKS, takes=Check, gives=Item)
def ask_again(call: Call, given: Check) -> Item:
    """Ask again (要求企业补充答复)."""
    item_id = call.number("item_id")
    with call.desk.write() as session:
        visits.ask_again(session, item_id, given.check, by=call.by, context=call.context)
        return _item(session, call, item_id)


@TABLE.post("/supervision/<int:item_id>/decide", roles=APPROVERS, takes=Decision, gives=Decided)
def decide_sanction(call: Call, given: Decision) -> Decided:
    """Decide sanction (审批处理提议)."""
    item_id = call.number("item_id")
    with call.desk.write() as session:
        revoked = sanctions.decide(
            session, item_id, uphold=given.uphold, note=given.note, by=call.by, desk=call.desk
        )
        return Decided(item=_item(session, call, item_id), revoked=revoked)


@TABLE.get("/supervision/evaluations", roles=SEES_DRAWS, takes=Nothing, gives=DueEvaluations)
def list_due_evaluations(call: Call, _: Nothing) -> DueEvaluations:
    """List due evaluations (到期的年度评估)."""
    with call.desk.read() as session:
        almanac, today = read_almanac(session), call.desk.today()
        return DueEvaluations(
            due=evaluations.due_evaluations(session, call.by, almanac, today=today)
        )


@TABLE.post(
    "/companies/<int:company_id>/evaluation",
    roles=OFFICE,
    takes=Evaluation,
    gives=Item,
    status=CREATED,
)
def evaluate_company(call: Call, given: Evaluation) -> Item:
    """Evaluate company (登记年度评估)."""
    with call.desk.write() as session:
        item_id = evaluations.evaluate(
            session,
            call.number("company_id"),
            Result(given.result),
            given.reasons,
            by=call.by,
            context=call.context,
            almanac=read_almanac(session),
            today=call.desk.today(),
        )
        return _item(session, call, item_id)


@TABLE.post(
    "/companies/<int:company_id>/delisting",
    roles=CLERKS,
    takes=Delisting,
    gives=Item,
    status=CREATED,
)
def propose_delisting(call: Call, given: Delisting) -> Item:
    """Propose delisting (提议移出备案名单)."""
    with call.desk.write() as session:
        item_id = sanctions.propose_delisting(
            session,
            call.number("company_id"),
            Ground(given.ground),
            given.reason,
            by=call.by,
            context=call.context,
            almanac=read_almanac(session),
            today=call.desk.today(),
        )
        return _item(session, call, item_id)


@TABLE.post(
    "/assessors/<int:assessor_id>/fault",
    roles=SUPERVISORS,
    takes=Reason,
    gives=Item,
    status=CREATED,
)
def record_fault(call: Call, given: Reason) -> Item:
    """Record fault (记录考评人员失职)."""
    assessor_id = call.number("assessor_id")
    with call.desk.write() as session:
        item_id = sanctions.record_fault(
            session, assessor_id, given.reason, by=call.by, context=call.context
        )
        return _item(session, call, item_id)


@TABLE.post(
    "/assessors/<int:assessor_id>/disqualification",
    roles=CLERKS,
    takes=Disqualification,
    gives=Item,
    status=CREATED,
)
def propose_disqualification(call: Call, given: Disqualification) -> Item:
    """Propose disqualification (提议取消考评人员资格)."""
    with call.desk.write() as session:
        item_id = sanctions.propose_disqualification(
            session,
            call.number("assessor_id"),
            Ground(given.ground),
            given.reason,
            by=call.by,
            context=call.context,
        )
        return _item(session, call, item_id)


@TABLE.post("/issued/<batch_id>/revocation", roles=CLERKS, takes=Reason, gives=Item, status=CREATED)
def propose_revocation(call: Call, given: Reason) -> Item:
    """Propose revocation (提议撤销一个批次的证书)."""
    batch_id = str(call.path["batch_id"])
    with call.desk.write() as session:
        item_id = sanctions.propose_revocation(
            session, batch_id, given.reason, by=call.by, context=call.context
        )
        return _item(session, call, item_id)


@TABLE.get("/draws", roles=SEES_DRAWS, takes=Nothing, gives=Draws)
def list_draws(call: Call, _: Nothing) -> Draws:
    """List draws (随机抽取记录)."""
    with call.desk.read() as session:
        return Draws(draws=draws.list_draws(session, call.by))


@TABLE.post("/draws", roles=OFFICE, takes=NewPool, gives=DrawView, status=CREATED)
def fix_pool(call: Call, given: NewPool) -> DrawView:
    """Fix pool (固定抽取名单，写入公开日志)."""
    avoid = [(pair.plan, pair.supervisor) for pair in given.avoid]
    with call.desk.write() as session:
        draw = draws.fix_pool(
            session, take=given.take, avoid=avoid, by=call.by, context=call.context
        )
        return draws.get_draw(session, draw.draw_id, call.by)


@TABLE.get("/draws/<int:draw_id>", roles=SEES_DRAWS, takes=Nothing, gives=DrawView)
def show_draw(call: Call, _: Nothing) -> DrawView:
    """Show draw (一次抽取：名单、种子和结果)."""
    with call.desk.read() as session:
        return draws.get_draw(session, call.number("draw_id"), call.by)


@TABLE.post("/draws/<int:draw_id>/draw", roles=OFFICE, takes=Nothing, gives=DrawView)
def make_draw(call: Call, _: Nothing) -> DrawView:
    """Make draw (按公开日志检查点抽取)."""
    draw_id = call.number("draw_id")
    with call.desk.write() as session:
        note = draws.head_note(session)
        draws.make_draw(session, draw_id, note, by=call.by, context=call.context)
        return draws.get_draw(session, draw_id, call.by)


@TABLE.get("/draws/<int:draw_id>/file", roles=SEES_DRAWS, takes=Nothing, gives=Download)
def download_draw(call: Call, _: Nothing) -> Download:
    """Download draw (供任何人核验的抽取文件)."""
    with call.desk.read() as session:
        view = draws.get_draw(session, call.number("draw_id"), call.by)
        draw = draws.find_draw(session, view.reference)
        data = draws.draw_file(session, draw, call.context)
    return Download(data=data, media_type=JSON_TYPE)


def _item(session: Session, call: Call, item_id: int) -> Item:
    session.flush()
    return supervising.get_item(session, item_id, call.by, call.context)
