"""Every route, walked as every role and as nobody: each answers what its decision says.

`routes.txt` beside this file lists methods, address and roles of each; a new route must be written
down there by somebody who has thought about who may use it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from werkzeug.routing import Rule

from registry.office.identity import Role
from registry.web import gate

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
LOGINS = {
    Role.COMPANY_EDITOR: "editor2",
    Role.COMPANY_HEAD: "head2",
    Role.CLERK: "clerk",
    Role.APPROVER: "approver",
    Role.SUPERVISOR: "supervisor",
    Role.ADMIN: "admin",
    Role.AUDITOR: "auditor",
}
NOT_YOURS = "您的角色无权打开此页"
ABSENT = 987654
TABLE = Path(__file__).with_name("routes.txt")


def rules(app: Any) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def path_of(app: Any, rule: Rule) -> str:
    """Fill an address in: numbers that are nobody's, and a word where one is asked for."""
    values: dict[str, Any] = {}
    for name, converter in rule._converters.items():
        kind = type(converter).__name__
        items = sorted(getattr(converter, "items", ()))
        values[name] = items[0] if items else ABSENT if kind == "IntegerConverter" else "none"
    built = rule.build(values)
    assert built is not None, rule.rule
    return str(built[1])


def text_of(answer: Any) -> str:
    # Some answers are spreadsheets.
    return bytes(answer.get_data()).decode("utf-8", "replace")


def roles_in_words(roles: frozenset[Role] | None) -> str:
    if roles is None:
        return "UNDECIDED"
    if roles == gate.ANYONE:
        return "anyone"
    if roles == gate.EVERY_ROLE:
        return "every-role"
    return " ".join(sorted(roles))


def table(app: Any) -> list[str]:
    decided = gate.decisions(app)
    return sorted(
        f"{rule.rule} {','.join(methods(rule))}: {roles_in_words(decided[rule.endpoint])}"
        for rule in rules(app)
    )


def test_every_route_stands_in_the_table_with_its_roles(desks: Any) -> None:
    assert table(desks) == TABLE.read_text("utf-8").splitlines()


def test_nobody_gets_no_further_than_the_sign_in(desks: Any) -> None:
    decided = gate.decisions(desks)
    for rule in rules(desks):
        client, path = desks.test_client(), path_of(desks, rule)
        for method in methods(rule):
            answer = client.open(path, method=method, headers=SAME_ORIGIN)
            said = (method, path, answer.status_code)
            assert answer.status_code < 500, said
            if decided[rule.endpoint] == gate.ANYONE:
                assert "next=" not in (answer.location or ""), said
            elif path.startswith("/api/"):
                assert answer.status_code == 401, said
            else:
                assert answer.status_code == 302, said
                assert answer.location.startswith("/signin?next="), said


@pytest.mark.parametrize("role", Role)
def test_each_role_enters_where_the_table_says(desks: Any, browse: Any, role: Role) -> None:
    decided = gate.decisions(desks)
    client = browse(LOGINS[role])._client
    for rule in rules(desks):
        roles, path = decided[rule.endpoint], path_of(desks, rule)
        for method in methods(rule):
            answer = client.open(path, method=method, headers=SAME_ORIGIN)
            text, said = text_of(answer), (method, path, answer.status_code)
            assert answer.status_code < 500, said
            if roles == gate.ANYONE:
                # Some of these pages empty the cookie: the person signs in again.
                client = browse(LOGINS[role])._client
            elif roles is not None and role in roles:
                assert NOT_YOURS not in text, said
            else:
                assert answer.status_code == 403, said
                assert NOT_YOURS in text, said


@pytest.mark.parametrize("role", Role)
def test_no_post_is_taken_from_elsewhere(desks: Any, browse: Any, role: Role) -> None:
    client = browse(LOGINS[role])._client
    for rule in rules(desks):
        path = path_of(desks, rule)
        for method in set(methods(rule)) - {"GET"}:
            for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://e.example"}):
                answer = client.open(path, method=method, headers=headers)
                assert answer.status_code == 403, (method, path, answer.status_code)


def test_numbers_of_another_tenant_are_not_there(desks: Any, browse: Any, small: Any) -> None:
    """A company tries every address with the numbers of another company's case and account."""
    from registry.office.cases import CaseKind, open_case
    from registry.store.procedure import Company

    with small.write() as session:
        company = session.get_one(Company, 1)
        for kind in CaseKind:
            open_case(
                session,
                kind,
                company,
                title="别家的办件",
                form=b"{}",
                by=small.who("editor1"),
                context=small.context("editor1"),
            )
    decided = gate.decisions(desks)
    numbers = [1, 2, 3, 4]
    for login, role in (("editor2", Role.COMPANY_EDITOR), ("head2", Role.COMPANY_HEAD)):
        client = browse(login)._client
        for rule in rules(desks):
            if role not in (decided[rule.endpoint] or ()) or "<int:case_id>" not in rule.rule:
                continue
            for number in numbers:
                path = path_of(desks, rule).replace(str(ABSENT), str(number))
                for method in methods(rule):
                    fields = {"version": "1", "note": "x"} if method != "GET" else None
                    answer = client.open(path, method=method, headers=SAME_ORIGIN, data=fields)
                    said = (method, path, answer.status_code)
                    assert answer.status_code in {400, 404}, said
                    assert "别家的办件" not in text_of(answer), said


def test_a_district_clerk_does_not_find_another_districts_cases(browse: Any, small: Any) -> None:
    from registry.office.cases import CaseKind, open_case
    from registry.store.procedure import Company

    with small.write() as session:
        case = open_case(
            session,
            CaseKind.FILING,
            session.get_one(Company, 2),
            title="别区的办件",
            form=b"{}",
            by=small.who("editor2"),
            context=small.context("editor2"),
        )
        case_id = case.case_id
    browse("clerk-a").get(f"/cases/{case_id}", 404)
    assert "别区的办件" not in browse("clerk-a").get("/list/filing")
