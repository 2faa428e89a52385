"""`certreg issue`: from an approved batch; from a file only where the procedure is not carried."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from registry.cli.home import Home
from registry.office.direct import OPENED
from registry.store.audit import AuditLine
from registry.store.base import read_unit, write_unit
from registry.store.procedure import Case, Company

COMPANY = (
    *("--name", "深圳市示例精密制造有限公司", "--uscc", "91449999MA5DEM0015"),
    *("--prefix", "Y000044999001"),
)
NOW = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)


def engine(desk: Any) -> Any:
    import os

    return Home(path=desk.home, environ=os.environ).engine()


def opened(desk: Any) -> int:
    with read_unit(engine(desk)) as session:
        return len(session.scalars(select(AuditLine).where(AuditLine.action == OPENED)).all())


def a_case(desk: Any, kind: str = "filing", state: str = "draft") -> None:
    with write_unit(engine(desk)) as session:
        company = Company(
            uscc="91449999MA5DEM0028", name="深圳市示例电力设备有限公司", state="unlisted"
        )
        company.created_at = NOW
        session.add(company)
        session.flush()
        case = Case(
            kind=kind, reference="JG-2026-0001", company_id=company.company_id, title="示例"
        )
        case.state, case.form, case.opened_at, case.changed_at = state, b"", NOW, NOW
        session.add(case)


def test_a_home_for_the_procedure_issues_from_no_file(empty: Any) -> None:
    assert empty("init").status == 0
    assert empty("issuer", "add", *COMPANY).status == 0
    ran = empty.issue(empty.sheet(empty.rows(3)))
    assert ran.status == 1
    assert "approved batches only" in ran.line
    assert "[direct-filing-shut]" in ran.line
    assert (empty.certificates(), opened(empty)) == ([], 0)


def test_a_setting_that_was_typed_in_does_not_reopen_it_beside_cases(desk: Any) -> None:
    a_case(desk)
    ran = desk.issue(desk.sheet(desk.rows(3)))
    assert ran.status == 1
    assert "companies' cases are handled here" in ran.line
    assert desk.certificates() == []


def test_direct_filing_is_opened_on_the_record_and_once(empty: Any) -> None:
    assert empty("init").status == 0
    assert opened(empty) == 0
    told = empty("init", "--direct", "--json")
    assert told.facts["certificates"] == "from files, directly"
    assert empty("init").status == 0
    assert "direct = true" in (empty.home / "certreg.toml").read_text(encoding="utf-8")
    assert opened(empty) == 1
    assert empty("issuer", "add", *COMPANY).status == 0
    assert empty.issue(empty.sheet(empty.rows(3))).status == 0


def test_it_is_not_opened_where_a_company_has_a_case(empty: Any) -> None:
    assert empty("init").status == 0
    a_case(empty)
    ran = empty("init", "--direct")
    assert (ran.status, opened(empty)) == (1, 0)
    assert "[direct-filing-shut]" in ran.line
    assert "direct" not in (empty.home / "certreg.toml").read_text(encoding="utf-8")
    # And the home goes on as it was.
    assert empty("init").status == 0


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("LIST",),
        ("LIST", "--issuer", "Y000044999001"),
        ("LIST", "--approval", "x"),
        ("--case", "JG-2026-0001", "--issuer", "Y000044999001"),
        ("LIST", "--case", "JG-2026-0001"),
    ],
)
def test_half_an_order_is_none(desk: Any, words: tuple[str, ...]) -> None:
    file = str(desk.sheet(desk.rows(1)))
    ran = desk("issue", *[file if word == "LIST" else word for word in words])
    assert ran.status == 1
    assert "--case" in ran.line
    assert desk.certificates() == []


def test_a_case_is_named_by_its_reference_and_must_be_approved(desk: Any) -> None:
    ran = desk("issue", "--case", "JG-2026-0001")
    assert "[not-found]" in ran.line
    a_case(desk, "batch", "prepared")
    ran = desk("issue", "--case", "JG-2026-0001")
    assert "待审批" in ran.line
    assert "[forbidden-step]" in ran.line
    assert desk.certificates() == []
