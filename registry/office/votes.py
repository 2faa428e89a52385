"""Experts' opinions (专家意见) on a company's site or a scheme, as the clerk records them.

At least three experts, each once a round; more than half in favour passes. A round begins when
the experts are called; what was said of an application that has been changed since counts no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.cases import Doing, step_for, take_step, timeline
from registry.office.context import Context
from registry.office.form_faults import FieldFault, FormFaults
from registry.rules.text import tidy
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.procedure import Case, Vote
from registry.store.registers import Expert

LEAST_EXPERTS: Final = 3
LONGEST_OPINION: Final = 1000
OPINION: Final = "votes.opinion"
"""The place that binds a sealed opinion to its column."""

EXPERT: Final = "expert"
"""The kind of the pool's rows who may be asked; quality supervisors are another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One expert's opinion as handed in."""

    expert_id: int
    in_favour: bool
    opinion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The opinions of the round that counts now."""

    in_favour: int
    against: int

    @property
    def complete(self) -> bool:
        """Whether enough experts have spoken."""
        return self.in_favour + self.against >= LEAST_EXPERTS

    @property
    def passed(self) -> bool:
        """Whether more than half of enough experts are in favour."""
        return self.complete and self.in_favour > self.against


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """One recorded opinion, with the expert's number in the pool instead of a name."""

    label: str
    in_favour: bool
    opinion: str


def round_of(session: Session, case: Case) -> int:
    """Give the number of the round that counts, from 1; 0 if none has begun since submission."""
    events = [line.event for line in timeline(session, case)]
    after = len(events) - 1 - events[::-1].index("submit") if "submit" in events else -1
    if "call-experts" not in events[after + 1 :]:
        return 0
    return events.count("call-experts")


def record_vote(
    session: Session, case: Case, said: Said, *, doing: Doing, context: Context
) -> Vote:
    """Record one opinion by the step `record-vote`.

    Raises ``FormFaults``, ``Refused`` for an expert who has spoken in this round, and whatever
    the engine raises.
    """
    step_for(case, "record-vote", doing.by)
    opinion = tidy(said.opinion)
    if not opinion or len(opinion) > LONGEST_OPINION:
        text = f"请填写专家意见，不超过 {LONGEST_OPINION} 个字"
        raise FormFaults([FieldFault(field="opinion", text=text)])
    expert = session.get(Expert, said.expert_id)
    if expert is None or expert.kind != EXPERT or not expert.active:
        raise FormFaults([FieldFault(field="expert", text="请选择专家库中的在库专家")])
    number = round_of(session, case)
    spoken = select(Vote).where(
        Vote.case_id == case.case_id, Vote.round == number, Vote.expert_id == said.expert_id
    )
    if session.scalars(spoken).first() is not None:
        raise Refused("该专家本轮意见已登记，不能重复登记")
    word = "同意" if said.in_favour else "不同意"
    noted = Doing(by=doing.by, version=doing.version, note=f"专家 {expert.label}：{word}")
    take_step(session, case, "record-vote", doing=noted, context=context)
    vote = Vote(
        case_id=case.case_id,
        expert_id=said.expert_id,
        round=number,
        in_favour=said.in_favour,
        opinion=b"",
        at=context.clock.now(),
        recorded_by=doing.by.account_id,
    )
    session.add(vote)
    session.flush()
    cipher = FieldCipher(context.field_key, OPINION)
    vote.opinion = cipher.seal(vote.vote_id, context.random(NONCE_LENGTH), opinion.encode())
    return vote


def tally(session: Session, case: Case) -> Tally:
    """Count the opinions of the round that counts now."""
    votes = [vote.in_favour for vote in _votes(session, case)]
    return Tally(in_favour=votes.count(True), against=votes.count(False))


def opinions(session: Session, case: Case, context: Context) -> tuple[Opinion, ...]:
    """Return the opinions of the round that counts now, in the order of recording."""
    cipher = FieldCipher(context.field_key, OPINION)
    labels = {vote.expert_id: "" for vote in _votes(session, case)}
    for expert in session.scalars(select(Expert).where(Expert.expert_id.in_(labels))):
        labels[expert.expert_id] = expert.label
    return tuple(
        Opinion(
            label=labels[vote.expert_id],
            in_favour=vote.in_favour,
            opinion=cipher.open(vote.vote_id, vote.opinion).decode(),
        )
        for vote in _votes(session, case)
    )


def experts_to_ask(session: Session, case: Case) -> tuple[Expert, ...]:
    """Return the active experts of the pool who have not spoken in this round, by number."""
    spoken = {vote.expert_id for vote in _votes(session, case)}
    query = select(Expert).where(Expert.kind == EXPERT, Expert.active.is_(True))
    rows = session.scalars(query.order_by(Expert.label))
    return tuple(row for row in rows if row.expert_id not in spoken)


def _votes(session: Session, case: Case) -> tuple[Vote, ...]:
    number = round_of(session, case)
    if number == 0:
        return ()
    query = select(Vote).where(Vote.case_id == case.case_id, Vote.round == number)
    return tuple(session.scalars(query.order_by(Vote.vote_id)))
