"""Draws at the desk: a pool in the ledger first, the first checkpoint over it, and once."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from registry.errors import NotFound, Refused
from registry.office import draws
from registry.office.draw_papers import (
    Pair,
    compute,
    difference,
    parse_draw_file,
    parse_pool,
    parse_result,
    seed_of,
)
from registry.office.identity import NotAllowed
from registry.office.milestones import open_milestone
from registry.rules.drawing import PoolUnsound
from registry.store.audit import AuditLine
from registry.store.log import EventGroup
from registry.store.milestones import MilestoneRow
from registry.store.procedure import Case
from registry.store.registers import Draw, Expert, Supervision
from signing.canonical import encode
from signing.milestone import facts_commitment


@pytest.fixture
def drawing(supervised: Any) -> Any:
    supervised.references = supervised.plans(5)
    supervised.labels = supervised.supervisors(3)
    return supervised


def fix(small: Any, take: int = 2, login: str = "clerk", avoid: Any = ()) -> int:
    with small.write() as session:
        by, context = small.who(login), small.context(login)
        return int(draws.fix_pool(session, take=take, avoid=avoid, by=by, context=context).draw_id)


def make(small: Any, draw_id: int, note: bytes, login: str = "clerk") -> Any:
    with small.write() as session:
        by, context = small.who(login), small.context(login)
        return draws.make_draw(session, draw_id, note, by=by, context=context)


def row(small: Any, draw_id: int) -> Draw:
    with small.read() as session:
        return session.get_one(Draw, draw_id)  # type: ignore[no-any-return]


def test_a_pool_is_fixed_in_the_ledger_and_drawn_by_the_checkpoint_after_it(
    small: Any, drawing: Any
) -> None:
    drawing.anchor()
    draw_id = fix(small, avoid=[(drawing.references[0], "DD001")])
    note = drawing.anchor()
    result = make(small, draw_id, note)
    draw = row(small, draw_id)
    pool = parse_pool(draw.pool)
    assert list(pool.plans) == sorted(drawing.references)
    assert pool.supervisors == ("DD001", "DD002", "DD003")
    assert pool.avoid == (Pair(plan=drawing.references[0], supervisor="DD001"),)
    assert result.seed == hashlib.sha256(note.partition(b"\n\n")[0] + b"\n").hexdigest()
    assert result.size == 3  # a status leaf, then the pool's leaf and its round's status leaf
    assert draw.result == compute(draw.pool, note, 1)
    with small.read() as session:
        visits = session.scalars(select(Supervision).order_by(Supervision.supervision_id)).all()
        plans = [session.get_one(Case, visit.case_id).reference for visit in visits]
        kept = session.scalars(select(MilestoneRow).order_by(MilestoneRow.milestone_id)).all()
        documents = [open_milestone(m, small.context("clerk")).facts.document for m in kept]
        actions = session.scalars(select(AuditLine.action)).all()
    assert plans == [pair.plan for pair in result.drawn]
    assert {visit.state for visit in visits} == {"assigned"}
    assert documents == [hashlib.sha256(paper).hexdigest() for paper in (draw.pool, draw.result)]
    assert [action for action in actions if action.startswith("draw")] == [
        "draw-pool",
        "draw-result",
    ]


def test_a_pool_is_drawn_from_once(small: Any, drawing: Any) -> None:
    draw_id = fix(small)
    note = drawing.anchor()
    first = make(small, draw_id, note)
    with pytest.raises(Refused, match="已经抽取"):
        make(small, draw_id, note, "approver")
    with small.read() as session:
        assert session.scalar(select(func.count()).select_from(Supervision)) == 2
    assert parse_result(row(small, draw_id).result) == first


def test_of_two_who_draw_at_once_one_draws(small: Any, drawing: Any) -> None:
    draw_id = fix(small)
    note = drawing.anchor()

    def attempt(login: str) -> bool:
        try:
            make(small, draw_id, note, login)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, ("clerk", "approver"))) == [False, True]
    with small.read() as session:
        assert session.scalar(select(func.count()).select_from(Supervision)) == 2


def test_no_second_pool_waits_beside_the_first(small: Any, drawing: Any) -> None:
    draw_id = fix(small)
    with pytest.raises(Refused, match="等待抽取"):
        fix(small, take=1)
    make(small, draw_id, drawing.anchor())
    fix(small, take=1)


def test_what_was_drawn_is_not_drawn_again(small: Any, drawing: Any) -> None:
    draw_id = fix(small)
    drawn = {pair.plan for pair in make(small, draw_id, drawing.anchor()).drawn}
    again = parse_pool(row(small, fix(small, take=3)).pool)
    assert set(again.plans) == set(drawing.references) - drawn


@pytest.mark.parametrize("rounds", [0, 2])
def test_only_the_first_checkpoint_over_the_pool_will_do(
    small: Any, drawing: Any, rounds: int
) -> None:
    before = drawing.anchor()
    draw_id = fix(small)
    after = before
    for _ in range(rounds):
        after = drawing.anchor()
    with pytest.raises(draws.CheckpointMissing):
        make(small, draw_id, after)
    assert row(small, draw_id).result == b""
    if rounds:
        assert make(small, draw_id, drawing_note(small, draw_id, drawing)).drawn


def drawing_note(small: Any, draw_id: int, drawing: Any) -> bytes:
    with small.read() as session:
        size = draws.seed_size(session, session.get_one(Draw, draw_id))
    return drawing.make_note(size)  # type: ignore[no-any-return]


def test_the_checkpoint_before_the_pool_will_not_do(small: Any, drawing: Any) -> None:
    before = drawing.anchor()
    draw_id = fix(small)
    drawing.anchor()
    with pytest.raises(draws.CheckpointMissing, match="第一个检查点"):
        make(small, draw_id, before)


@pytest.mark.parametrize("note", [b"", b"\xff", b"origin\n3\n", b"a\n\nb"])
def test_what_is_no_checkpoint_is_refused(small: Any, drawing: Any, note: bytes) -> None:
    draw_id = fix(small)
    drawing.anchor()
    with pytest.raises(draws.CheckpointMissing, match="无法读取"):
        make(small, draw_id, note)


def test_signatures_do_not_move_the_seed(drawing: Any) -> None:
    one, other = (drawing.make_note(7, signature=word) for word in (b"one", b"other"))
    assert one != other
    assert seed_of(one) == seed_of(other) == seed_of(one.partition(b"\n\n")[0] + b"\n")


def test_who_is_out_of_the_pool_or_held_is_not_drawn(small: Any, drawing: Any) -> None:
    drawing.plans(1, state="held")
    drawing.plans(1, state="submitted")
    with small.write() as session:
        member = session.scalars(select(Expert).where(Expert.label == "DD002")).one()
        member.active = False
    with small.read() as session:
        found = draws.candidates(session, small.who("clerk"))
    assert [reference for reference, _ in found.plans] == drawing.references
    assert found.supervisors == ("DD001", "DD003")


@pytest.mark.parametrize("login", ["editor1", "supervisor", "admin", "auditor", "clerk-a"])
def test_only_the_city_office_draws(small: Any, drawing: Any, login: str) -> None:
    with pytest.raises(NotAllowed):
        fix(small, login=login)
    draw_id = fix(small)
    with pytest.raises(NotAllowed):
        make(small, draw_id, drawing.anchor(), login)


@pytest.mark.parametrize("take", [0, 6])
def test_an_unsound_pool_leaves_no_trace(small: Any, drawing: Any, take: int) -> None:
    with pytest.raises(PoolUnsound):
        fix(small, take=take)
    with small.read() as session:
        assert session.scalar(select(func.count()).select_from(Draw)) == 0
        assert session.scalar(select(func.count()).select_from(MilestoneRow)) == 0


def test_only_the_city_office_and_the_audit_see_draws(small: Any, drawing: Any) -> None:
    draw_id = fix(small)
    with small.read() as session:
        for login in ("head1", "supervisor", "admin", "clerk-a"):
            with pytest.raises(NotAllowed):
                draws.get_draw(session, draw_id, small.who(login))
            with pytest.raises(NotAllowed):
                draws.list_draws(session, small.who(login))
            with pytest.raises(NotAllowed):
                draws.candidates(session, small.who(login))
        assert draws.get_draw(session, draw_id, small.who("auditor")).result is None
        with pytest.raises(NotFound):
            draws.get_draw(session, 99, small.who("clerk"))


def test_the_file_holds_what_a_check_needs(small: Any, drawing: Any) -> None:
    draw_id = fix(small)
    with small.read() as session, pytest.raises(Refused, match="尚未抽取"):
        draws.draw_file(session, session.get_one(Draw, draw_id), small.context("clerk"))
    note = drawing.anchor()
    make(small, draw_id, note)
    with small.read() as session:
        draw = session.get_one(Draw, draw_id)
        file = parse_draw_file(draws.draw_file(session, draw, small.context("clerk")))
        leaf = session.get_one(EventGroup, draw.pool_group).first_index
    assert file.checkpoint.encode() == note
    assert parse_result(file.result.encode()).leaf == leaf
    assert difference(file.pool.encode(), note, file.result.encode()) == ""
    opening = bytes.fromhex(file.pool_step.opening)
    assert len(facts_commitment(opening, file.pool_step.facts.encode())) == 32
    assert "考评" not in encode(file).decode()


@pytest.fixture
def papers(small: Any, drawing: Any) -> tuple[bytes, bytes, bytes]:
    draw_id = fix(small)
    note = drawing.anchor()
    make(small, draw_id, note)
    draw = row(small, draw_id)
    return draw.pool, note, draw.result


def test_a_changed_pool_is_found(papers: tuple[bytes, bytes, bytes]) -> None:
    pool, note, result = papers
    paper = parse_pool(pool)
    for changed in (
        msgspec.structs.replace(paper, plans=paper.plans[:-1]),
        msgspec.structs.replace(paper, supervisors=paper.supervisors[:-1]),
        msgspec.structs.replace(paper, avoid=(Pair(plan=paper.plans[0], supervisor="DD001"),)),
        msgspec.structs.replace(paper, take=1),
    ):
        assert difference(encode(changed), note, result).startswith("pool")
    assert difference(pool[:-1], note, result)


def test_a_changed_checkpoint_is_found(papers: tuple[bytes, bytes, bytes], drawing: Any) -> None:
    pool, note, result = papers
    size = parse_result(result).size
    assert difference(pool, drawing.make_note(size, "other"), result).startswith("seed")
    assert difference(pool, drawing.make_note(size + 1), result).startswith("size")
    assert difference(pool, b"nothing", result)
    assert difference(pool, note, result) == ""


def test_a_changed_result_is_found_at_its_first_difference(
    papers: tuple[bytes, bytes, bytes],
) -> None:
    pool, note, result = papers
    paper = parse_result(result)
    first, second = paper.drawn
    others = [label for label in ("DD001", "DD002", "DD003") if label != second.supervisor]
    swapped = (first, Pair(plan=second.plan, supervisor=others[0]))

    def said(**changed: Any) -> str:
        return difference(pool, note, encode(msgspec.structs.replace(paper, **changed)))

    assert said(drawn=swapped).startswith("draw 2: the result says")
    assert said(drawn=(second, first)).startswith("draw 1:")
    assert said(drawn=(first,)) == "the result has 1 plans where 2 are drawn"
    assert said(drawn=(first, second, first)) == "the result has 3 plans where 2 are drawn"
    assert said(reference="CQ-2026-0099").startswith("reference")
    assert said(v=2) == "the result is of another version"
    assert difference(pool, note, result + b" ")
