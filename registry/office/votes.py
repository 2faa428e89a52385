"""Experts' opinions (专家意见) on a company's site or a scheme, as the clerk records them.

A round begins with a draw from the pool: its panel is fixed then, so that nobody looks for experts
until enough say yes. How many are drawn, and how many must be in favour (and more than half), are
rules of the day of the draw. What was said of an application that has been changed since, or in an
earlier round, counts no more and stays to be seen.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.almanac import read_almanac
from registry.office.cases import Doing, GuardsFailed, step_of, take_step, timeline
from registry.office.context import Context
from registry.office.due import china_day
from registry.office.form_faults import FieldFault, FormFaults
from registry.office.kept import once
from registry.office.steps import Taking
from registry.rules.terms import Threshold
from registry.rules.text import tidy
from registry.rules.workflow import GUARDS, Guard
from registry.store.among import among
from registry.store.fields import NONCE_LENGTH, FieldCipher
from registry.store.prepared import Prepared
from registry.store.procedure import Case, PanelMember, Vote
from registry.store.reading import Records
from registry.store.registers import Expert

LONGEST_OPINION: Final = 1000
OPINION: Final = "votes.opinion"
"""The place that binds a sealed opinion to its column."""

EXPERT: Final = "expert"
"""The kind of the pool's rows who may be asked; quality supervisors are another."""

REDRAW: Final = "redraw-experts"
_CALLS: Final = frozenset({"call-experts", REDRAW})
"""The steps that begin a round."""
_WORDS: Final = re.compile(r"[、，,；;\s]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One expert's opinion as handed in."""

    expert_id: int
    in_favour: bool
    opinion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The opinions of the round that counts now: of a panel of ``asked``, ``wanted`` in favour."""

    in_favour: int
    against: int
    asked: int
    wanted: int

    @property
    def complete(self) -> bool:
        """Whether the whole panel has spoken."""
        return 0 < self.asked <= self.in_favour + self.against

    @property
    def passed(self) -> bool:
        """Whether enough of the panel, and more than half, are in favour."""
        enough = self.in_favour >= self.wanted and self.in_favour > self.against
        return self.complete and enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """One recorded opinion, with the expert's number in the pool instead of a name.

    ``round`` from 1; ``counts`` is False for one of an earlier round.
    """

    label: str
    in_favour: bool
    opinion: str
    round: int
    counts: bool


_VOTES: Final = Prepared(
    select(*Vote.__table__.columns).where(Vote.case_id == bindparam("case")).order_by(Vote.vote_id)
)
_PANELS: Final = Prepared(
    select(PanelMember.round, PanelMember.expert_id).where(PanelMember.case_id == bindparam("case"))
)
_LABELS: Final = Prepared(
    select(Expert.expert_id, Expert.label).where(among(Expert.expert_id, "experts"))
)
_WAITING: Final = Records(
    Expert,
    select(Expert)
    .where(among(Expert.expert_id, "experts"), Expert.active.is_(True))
    .order_by(Expert.label),
)


def call_panel(taking: Taking) -> None:
    """Draw a panel from the pool by the step that is being taken: a new round begins with it.

    Experts whose field is the case's occupation are drawn first. Raises ``Refused`` if the pool
    is too small, and what the engine raises.
    """
    session, case = taking.session, taking.case
    context = taking.desk.context(taking.doing.by)
    size = taking.almanac.rules.threshold(Threshold.EXPERTS, taking.today).least
    panel = _draw(session, case, size, context)
    labels = "、".join(expert.label for expert in panel)
    reason = taking.doing.note.strip()
    words = f"抽取专家：{labels}" + (f"。理由：{reason}" if reason else "")
    # The guard looks at the person's own words, not at the names of the panel.
    if taking.event == REDRAW and not reason:
        raise GuardsFailed(f"不满足办理条件：{GUARDS[Guard.REASON_GIVEN]}")
    noted = replace(taking.doing, note=words)
    take_step(session, case, taking.event, doing=noted, context=context)
    number = _calls(session, case)
    session.add_all(
        PanelMember(case_id=case.case_id, round=number, expert_id=expert.expert_id)
        for expert in panel
    )
    session.flush()


def _draw(session: Session, case: Case, size: int, context: Context) -> list[Expert]:
    query = select(Expert).where(Expert.kind == EXPERT, Expert.active.is_(True))
    pool = session.scalars(query.order_by(Expert.expert_id)).all()
    if len(pool) < size:
        raise Refused(f"专家库在库专家不足 {size} 名，请先登记专家")
    salt = context.random(NONCE_LENGTH)

    def place(expert: Expert) -> tuple[bool, bytes]:
        words = [word for word in _WORDS.split(expert.fields) if word]
        apart = not any(word in case.title for word in words)
        return apart, hashlib.sha256(salt + str(expert.expert_id).encode()).digest()

    return sorted(sorted(pool, key=place)[:size], key=lambda expert: expert.label)


def round_of(session: Session, case: Case) -> int:
    """Give the number of the round that counts, from 1; 0 if none has begun since submission."""
    events = [line.event for line in timeline(session, case)]
    after = len(events) - 1 - events[::-1].index("submit") if "submit" in events else -1
    if not _CALLS.intersection(events[after + 1 :]):
        return 0
    return sum(event in _CALLS for event in events)


def _calls(session: Session, case: Case) -> int:
    return sum(line.event in _CALLS for line in timeline(session, case))


def record_vote(
    session: Session, case: Case, said: Said, *, doing: Doing, context: Context
) -> Vote:
    """Record one opinion by the step `record-vote`.

    Raises ``FormFaults``, ``Refused`` for an expert who has spoken in this round, and whatever
    the engine raises.
    """
    step_of(session, case, "record-vote", doing)
    opinion = tidy(said.opinion)
    if not opinion or len(opinion) > LONGEST_OPINION:
        text = f"请填写专家意见，不超过 {LONGEST_OPINION} 个字"
        raise FormFaults([FieldFault(field="opinion", text=text)])
    number = round_of(session, case)
    expert = session.get(Expert, said.expert_id)
    drawn = _panel(session, case, number)
    if expert is None or expert.expert_id not in drawn or not expert.active:
        text = "请选择本轮抽取的、专家库中的在库专家"
        raise FormFaults([FieldFault(field="expert", text=text)])
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
    number = round_of(session, case)
    votes = [vote.in_favour for vote in _votes(session, case) if vote.round == number]
    return Tally(
        in_favour=votes.count(True),
        against=votes.count(False),
        asked=len(_panel(session, case, number)),
        wanted=_wanted(session, case),
    )


def opinions(session: Session, case: Case, context: Context) -> tuple[Opinion, ...]:
    """Return all opinions, those of the round that counts first, in the order of recording."""
    cipher = FieldCipher(context.field_key, OPINION)
    votes, number = _votes(session, case), round_of(session, case)
    asked = sorted({vote.expert_id for vote in votes})
    labels = dict(_LABELS.all(session, experts=asked)) if asked else {}
    return tuple(
        Opinion(
            label=labels[vote.expert_id],
            in_favour=vote.in_favour,
            opinion=cipher.open(vote.vote_id, vote.opinion).decode(),
            round=vote.round,
            counts=vote.round == number,
        )
        for vote in sorted(votes, key=lambda vote: vote.round, reverse=True)
    )


def experts_to_ask(session: Session, case: Case) -> tuple[Expert, ...]:
    """Return the experts of the panel who have not spoken yet, by number."""
    number = round_of(session, case)
    spoken = {vote.expert_id for vote in _votes(session, case) if vote.round == number}
    waiting = _panel(session, case, number) - spoken
    return tuple(_WAITING.all(session, experts=sorted(waiting)))


def _panel(session: Session, case: Case, number: int) -> frozenset[int]:
    rows = once(
        session,
        ("panels", case.case_id),
        lambda: _PANELS.all(session, case=case.case_id),
    )
    return frozenset(expert_id for of_round, expert_id in rows if of_round == number)


def _wanted(session: Session, case: Case) -> int:
    calls = [line.at for line in timeline(session, case) if line.event in _CALLS]
    on = china_day(calls[-1]) if calls else china_day(case.opened_at)
    return read_almanac(session).rules.threshold(Threshold.EXPERTS_IN_FAVOUR, on).least


def _votes(session: Session, case: Case) -> list[Vote]:
    def read() -> list[Vote]:
        return _VOTES.named(session, case=case.case_id)

    return once(session, ("votes", case.case_id), read)
