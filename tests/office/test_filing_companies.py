"""Companies are recorded once by the office, and each tenant sees its own."""

from __future__ import annotations

from typing import Any

import pytest

from registry.errors import NotFound, Refused
from registry.office import companies


@pytest.mark.parametrize(
    ("login", "name", "uscc", "district", "said"),
    [
        ("clerk", "", "91449999MA5DEM0044", "", "企业名称"),
        ("clerk", "示例", "91449999MA5DEM0045", "", "统一社会信用代码有误"),
        ("clerk", "示例", "91449999MA5DEM0015", "", "已登记"),
        ("head1", "示例", "91449999MA5DEM0015", "", "无权"),
        ("clerk-a", "示例", "91449999MA5DEM0015", "4403B", "本区"),
    ],
)
def test_a_company_is_recorded_by_the_office_once(
    *, small: Any, login: str, name: str, uscc: str, district: str, said: str
) -> None:
    facts = companies.NewCompany(name=name, uscc=uscc, district=district)
    with small.write() as session, pytest.raises(Refused, match=said):
        companies.add_company(session, facts, by=small.who(login), context=small.context(login))


def test_companies_are_seen_by_their_tenants(small: Any) -> None:
    with small.read() as session:
        for login, seen in (("editor1", [1]), ("clerk-a", [1]), ("clerk", [1, 2])):
            rows = companies.companies_seen(session, small.who(login))
            assert sorted(row.company_id for row in rows) == seen
        with pytest.raises(NotFound):
            companies.get_company(session, 2, small.who("editor1"))


def test_a_new_company_is_unlisted_and_can_be_given_accounts(small: Any) -> None:
    facts = companies.NewCompany(name=" 深圳市示例三有限公司 ", uscc="91449999ma5dem003b")
    with small.write() as session:
        made = companies.add_company(session, facts, by=None, context=small.context("admin"))
        assert (made.name, made.uscc) == ("深圳市示例三有限公司", "91449999MA5DEM003B")
        assert (made.state, made.district, made.prefix) == ("unlisted", "", None)
