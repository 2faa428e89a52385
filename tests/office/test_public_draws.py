"""A draw is public once its visits are over, as the very file that anybody can check."""

from __future__ import annotations

import json
from typing import Any

from registry.office import draws
from registry.office.draw_papers import parse_draw_file
from registry.office.public_draws import public_draws
from registry.store.registers import Draw, Supervision


def public(small: Any) -> tuple[dict[str, bytes], Any]:
    with small.read() as session:
        files, index = public_draws(session, small.desk.context(), on=small.desk.today())
    return files, json.loads(index)


def test_nothing_is_shown_while_a_visit_is_to_come(small: Any, supervised: Any) -> None:
    references = supervised.plans(5)
    supervised.supervisors(3)
    with small.write() as session:
        by, context = small.who("clerk"), small.context("clerk")
        draw_id = draws.fix_pool(session, take=2, avoid=(), by=by, context=context).draw_id
    assert public(small) == ({}, {"draws": [], "on": "2026-11-26", "v": 1})
    note = supervised.anchor()
    with small.write() as session:
        by, context = small.who("clerk"), small.context("clerk")
        draws.make_draw(session, draw_id, note, by=by, context=context)
    assert public(small)[0] == {}
    with small.write() as session:
        first = session.query(Supervision).order_by(Supervision.supervision_id).first()
        first.state, first.result = "reported", "serious"
    assert public(small)[0] == {}, "one is still to come"
    with small.write() as session:
        session.query(Supervision).filter_by(state="assigned").one().state = "voided"
    files, index = public(small)
    with small.read() as session:
        draw = session.get_one(Draw, draw_id)
        assert files == {draw.reference: draws.draw_file(session, draw, small.desk.context())}
        assert parse_draw_file(files[draw.reference]).result == draw.result.decode()
    (shown,) = index["draws"]
    assert shown["reference"] == "CQ-2026-0001"
    assert {one["plan"] for one in shown["visits"]} < set(references)
    assert sorted(one["result"] for one in shown["visits"]) == ["", "有严重问题"]
