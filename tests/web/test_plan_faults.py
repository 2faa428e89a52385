"""A form of plans or assessors that is shown again with faults is 422, on each of their routes."""

from __future__ import annotations

import io
from typing import Any

from registry.store.procedure import Case
from registry.store.registers import Assessor

ROOMS = frozenset({"plans", "assessors"})
FAULTY: dict[str, tuple[str, str, dict[str, Any]]] = {
    "plans.create": ("editor1", "/plans/new", {}),
    "plans.save_times": ("editor1", "/plans/{plan}/times", {"first_day": "昨天"}),
    "plans.save_assessors": ("editor1", "/plans/{plan}/assessors", {}),
    "plans.upload": ("editor1", "/plans/{plan}/roster", {"roster": b"no table"}),
    "plans.save_training": ("editor1", "/plans/{plan}/training", {"hours": "许多"}),
    "plans.send": ("head1", "/plans/{plan}/check", {}),
    "plans.give_back": ("clerk", "/plans/{sent}/return", {"note": "存疑", "rows": "第三行"}),
    "assessors.create": ("editor1", "/assessors/new", {}),
    "assessors.amend": ("editor1", "/assessors/{assessor}", {"certificate": ""}),
    "assessors.take_table": ("editor1", "/assessors/import", {"file": b"no table"}),
}
"""By endpoint: who posts it, where, and what is wrong with it."""


def filled(fields: dict[str, Any]) -> dict[str, Any]:
    files = {
        name: (io.BytesIO(value), "x.xlsx")
        for name, value in fields.items()
        if value and isinstance(value, bytes)
    }
    return fields | files


def test_each_faulty_form_comes_back_as_422_with_its_faults(
    desks: Any, browse: Any, planning: Any, small: Any
) -> None:
    posted = {
        rule.endpoint
        for rule in desks.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] in ROOMS and "POST" in rule.methods
    }
    assert posted == set(FAULTY)
    sent = planning.draft()
    planning.step(sent, "submit", "head1")
    plan = planning.open()
    places = {"plan": plan, "sent": sent, "assessor": planning.assessors[0]}
    for endpoint, (login, path, fields) in FAULTY.items():
        address = path.format(**places)
        with small.read() as session:
            version = {
                "{plan}": session.get_one(Case, plan).version,
                "{sent}": session.get_one(Case, sent).version,
                "{assessor}": session.get_one(Assessor, planning.assessors[0]).version,
            }
        mine = next((number for mark, number in version.items() if mark in path), 1)
        answer = browse(login).post(address, 422, version=mine, **filled(fields))
        page = answer.get_data(as_text=True)
        assert 'class="error-summary"' in page or "暂不能报送" in page, endpoint


def test_a_return_without_a_reason_is_422(browse: Any, planning: Any, small: Any) -> None:
    sent = planning.draft()
    planning.step(sent, "submit", "head1")
    with small.read() as session:
        version = session.get_one(Case, sent).version
    answer = browse("clerk").post(f"/plans/{sent}/return", 422, version=version, note=" ")
    assert "请写明退回理由" in answer.get_data(as_text=True)
    assert planning.state(sent) == "submitted"
