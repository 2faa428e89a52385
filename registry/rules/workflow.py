"""State machines (办理流程) as tables: `(state, actor, event) → (state, guard, paragraph)`.

Each machine of the procedure is rows of data and nothing else: what no row allows is forbidden,
and the refusal says what the state is, who may do what from it, and where the notice says so.
Guards are named here and computed by the use cases, which know the facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registry.rules.errors import ForbiddenStep


class Actor(StrEnum):
    """Who takes a step."""

    COMPANY = "company"
    """企业经办人"""
    COMPANY_HEAD = "company-head"
    """企业负责人"""
    CLERK = "clerk"
    """办公室经办人"""
    APPROVER = "approver"
    """办公室审批人"""
    SUPERVISOR = "supervisor"
    """质量督导员"""
    SYSTEM = "system"
    """系统（期限届满等）"""


class Guard(StrEnum):
    """A condition on a step beside the state; the use case that takes the step computes it."""

    CONDITIONS_MET = "conditions-met"
    NOT_BARRED = "not-barred"
    DOCUMENTS_COMPLETE = "documents-complete"
    SITE_REVIEWED = "site-reviewed"
    ASSIGNED = "assigned"
    OTHER_PERSON = "other-person"
    PREFIX_KNOWN = "prefix-known"
    COMPANY_LISTED = "company-listed"
    SCHEME_PUBLISHED = "scheme-published"
    IN_TIME = "in-time"
    ASSESSORS_FIT = "assessors-fit"
    ROSTER_SOUND = "roster-sound"
    EXPERTS_HEARD = "experts-heard"
    EXPERTS_IN_FAVOUR = "experts-in-favour"
    PUBLICITY_OVER = "publicity-over"
    RESULTS_UNCHANGED = "results-unchanged"
    NO_RESULTS = "no-results"
    NOBODY_PASSED = "nobody-passed"
    DRAWN = "drawn"
    FOUND_SOUND = "found-sound"
    CHANGE_SOUND = "change-sound"
    IDENTITY_PROVEN = "identity-proven"
    IMPORT_SOUND = "import-sound"
    PREPARER = "preparer"
    REASON_GIVEN = "reason-given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row: from `state`, `actor` may do `event`, if all `guards` hold, which leads to `to`."""

    state: str
    actor: Actor
    event: str
    to: str
    guards: tuple[Guard, ...]
    paragraph: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One kind of case. `words` are the Chinese words of its states and events, by code.

    `start` is the state a new case has; from a state of `final` no row leads on.
    """

    name: str
    title: str
    start: str
    final: frozenset[str]
    words: dict[str, str]
    steps: tuple[Step, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """All states, in the order in which the rows name them."""
        named = (state for step in self.steps for state in (step.state, step.to))
        return tuple(dict.fromkeys((self.start, *named)))

    @property
    def events(self) -> tuple[str, ...]:
        """All events, in the order in which the rows name them."""
        return tuple(dict.fromkeys(step.event for step in self.steps))

    def step(self, state: str, actor: Actor, event: str) -> Step:
        """Give the row that allows this step. Raises ForbiddenStep, which says what is allowed."""
        return self.step_by(state, (actor,), event)

    def step_by(self, state: str, actors: Sequence[Actor], event: str) -> Step:
        """Give the row that allows it to who acts as any of these. Raises ForbiddenStep."""
        for row in self.steps:
            if (row.state, row.event) == (state, event) and row.actor in actors:
                return row
        raise self.refusal(state, actors[0] if actors else None, event)

    def open_to(self, state: str, actor: Actor) -> tuple[Step, ...]:
        """Give what an actor may do from a state."""
        return tuple(row for row in self.steps if (row.state, row.actor) == (state, actor))

    def refusal(self, state: str, actor: Actor | None, event: str) -> ForbiddenStep:
        """Make the error that says why not, and what is allowed; None: nobody of the table."""
        return ForbiddenStep(self._forbidden(state, actor, event))

    def _forbidden(self, state: str, actor: Actor | None, event: str) -> str:
        here = self.words.get(state, state)
        said = f"{self.title}现为“{here}”，不能办理“{self.words.get(event, event)}”"
        rows = [row for row in self.steps if row.state == state]
        if not rows:
            return f"{said}：该状态下流程已办结"
        others = [row for row in rows if row.event == event]
        if others:
            return f"{said}：该步骤由{ACTORS[others[0].actor]}办理（{others[0].paragraph}）"
        # What time or a delisting does is nobody's to do, unless there is nothing else.
        theirs = [row for row in rows if row.actor is not Actor.SYSTEM] or rows
        now = "、".join(dict.fromkeys(self.words[row.event] for row in theirs))
        mine = "" if any(row.actor is actor for row in rows) else "，均不由您办理"
        return f"{said}：此时可办理{now}{mine}"


GUARDS: Final = {
    Guard.CONDITIONS_MET: "一、（一）至（六）各项条件均已说明且不低于标准",
    Guard.NOT_BARRED: "不在不予受理期内",
    Guard.DOCUMENTS_COMPLETE: "申请材料齐全",
    Guard.SITE_REVIEWED: "专家现场评估已完成，或者属省试点企业免现场评估",
    Guard.ASSIGNED: "由分派的审核人员办理（需要更换的，请先改派）",
    Guard.OTHER_PERSON: "审批人与经办人不是同一人",
    Guard.PREFIX_KNOWN: "省中心已赋予机构编码",
    Guard.COMPANY_LISTED: "企业在备案名单内",
    Guard.SCHEME_PUBLISHED: "职业（工种）评价方案已公布",
    Guard.IN_TIME: "在期限内，或者已说明逾期理由",
    Guard.ASSESSORS_FIT: "考评人员资格有效、职业相符且不在评价名册内",
    Guard.ROSTER_SOUND: "名册无错误",
    Guard.EXPERTS_HEARD: "专家评估已完成（通过与否均可）",
    Guard.EXPERTS_IN_FAVOUR: "专家评估通过",
    Guard.PUBLICITY_OVER: "公示期满且异议已处理",
    Guard.RESULTS_UNCHANGED: "成绩与已公示的一致（有改动的须重新公示）",
    Guard.NO_RESULTS: "没有登记评价结果",
    Guard.NOBODY_PASSED: "本批次无合格人员，或者合格人员均不核发证书",
    Guard.DRAWN: "由抽中的质量督导员办理",
    Guard.FOUND_SOUND: "督导结论为规范",
    Guard.CHANGE_SOUND: "变更内容检查无误，证书编号、等级和发证日期不变",
    Guard.IDENTITY_PROVEN: "姓名、证件变更的，附有证明材料",
    Guard.IMPORT_SOUND: "补录表检查无误，编号和人员与登记无冲突",
    Guard.PREPARER: "由原经办人办理",
    Guard.REASON_GIVEN: "已说明理由",
}
"""What each guard demands, as a refusal and the procedure's page say it."""

ACTORS: Final = {
    Actor.COMPANY: "企业经办人",
    Actor.COMPANY_HEAD: "企业负责人",
    Actor.CLERK: "办公室经办人",
    Actor.APPROVER: "办公室审批人",
    Actor.SUPERVISOR: "质量督导员",
    Actor.SYSTEM: "系统",
}


def rows(table: Iterable[tuple[str, Actor, str, str, tuple[Guard, ...], str]]) -> Iterator[Step]:
    """Make rows from tuples: state, actor, event, next state, guards, paragraph of the notice."""
    for state, actor, event, to, guards, paragraph in table:
        yield Step(state=state, actor=actor, event=event, to=to, guards=guards, paragraph=paragraph)
