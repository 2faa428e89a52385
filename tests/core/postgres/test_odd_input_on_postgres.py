"""What PostgreSQL cannot store is answered with a page at every route, as SQLite's limits are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.office.identity import Role
from registry.web import gate
from registry.web.app import create_desks
from registry.web.errors import UNSTORABLE

NUL, LONG = "a\0b", "9" * 30
LOGINS = {
    Role.COMPANY_EDITOR: "editor1",
    Role.COMPANY_HEAD: "head1",
    Role.CLERK: "clerk",
    Role.APPROVER: "approver",
    Role.SUPERVISOR: "supervisor",
    Role.ADMIN: "admin",
    Role.AUDITOR: "auditor",
}
NAMES = (
    *("action", "actor", "answer", "answer-1", "assessor", "avoid", "bars", "basis", "batch"),
    *("before", "certificate", "code", "content", "counting", "decision", "direction", "district"),
    *(
        "done",
        "edition",
        "expert",
        "fields",
        "finding",
        "first_day",
        "ground",
        "hours",
        "id_number",
    ),
    *("kind", "label", "length", "level", "login", "manifest", "name", "note", "objection"),
    *("occupation", "occupations", "off", "opinion", "page", "password", "plan", "prefix", "q"),
    *("reason", "result", "reviewer", "role", "rows", "scheme", "take", "text", "title", "unit"),
    *("uscc", "valid_until", "version", "work", "year"),
)


@pytest.fixture
def served(request: Any, small: Any, tmp_path: Path) -> Iterator[Any]:
    """Give the small office on each of the two databases."""
    if request.param == "postgresql":
        yield small
        return
    module = small.module
    home = tmp_path / "sqlite"
    home.mkdir()
    module.found_office(home)
    office = module.SmallOffice(home=home)
    yield office
    office.close()


def address(rule: Any, case_id: int, word: str) -> str:
    values: dict[str, Any] = {}
    for name, converter in rule._converters.items():
        items = sorted(getattr(converter, "items", ()))
        number = type(converter).__name__ == "IntegerConverter"
        values[name] = items[0] if items else case_id if number else word
    return str(rule.build(values)[1])


@pytest.mark.parametrize(
    ("served", "value"),
    # SQLite stores a NUL.
    [("postgresql", NUL), ("postgresql", LONG), ("sqlite", LONG)],
    indirect=["served"],
    ids=["postgresql-nul", "postgresql-number", "sqlite-number"],
)
def test_no_route_fails_over_what_cannot_be_stored(
    served: Any, small: Any, value: str, caplog: Any
) -> None:
    planning = small.helper("plan_office").Planning(served)
    small.helper("batch_office").Assessing(served, planning).submitted()
    app = create_desks(served.desk, secret=b"s" * 32, identify=lambda token, _: served.who(token))
    app.testing = False
    refused = 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        roles = gate.decisions(app)[rule.endpoint]
        client = app.test_client()
        if roles != gate.ANYONE:
            with client.session_transaction() as session:
                session["token"] = LOGINS[min(set(roles or ()) & set(LOGINS))]
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            fields = dict.fromkeys(NAMES, value)
            sent = {"query_string": fields} if method == "GET" else {"data": fields}
            headers = {"Sec-Fetch-Site": "same-origin"}
            path = address(rule, 3, value)
            answer = client.open(path, method=method, headers=headers, **sent)
            assert answer.status_code < 500, (method, rule.rule, caplog.text)
            refused += answer.status_code == 400 and UNSTORABLE in answer.text
    # It is this answer that keeps routes from failing.
    assert refused


@pytest.mark.parametrize("served", ["postgresql", "sqlite"], indirect=True)
def test_a_number_no_row_can_have_is_no_page(served: Any) -> None:
    app = create_desks(served.desk, secret=b"s" * 32, identify=lambda token, _: served.who(token))
    client = app.test_client()
    with client.session_transaction() as session:
        session["token"] = "clerk"
    for number in (2**31 - 1, 2**31, 2**64, 10**40):
        assert client.get(f"/cases/{number}").status_code == 404
