"""The public lists are written when what they are made from has changed, and not at every round."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from registry.cli import services as opened
from registry.cli.home import Home
from registry.cli.services import DIRECTORY_FILE, LISTS_MARK, Services
from registry.office.due import china_day
from registry.store.base import write_unit
from registry.store.procedure import Case, CaseEvent, Company

PREFIX = "Y000044999001"


@pytest.fixture
def services(desk: Any) -> Services:
    assert desk("anchor").status == 0
    return Services.open(Home(path=desk.home, environ=os.environ))


def written(services: Services) -> int:
    """Tell one writing from another: each makes a new file."""
    return (services.home.public / DIRECTORY_FILE).stat().st_ino


def names(services: Services) -> list[str]:
    told = json.loads((services.home.public / DIRECTORY_FILE).read_bytes())
    return [company["name"] for company in told["companies"]]


def list_company(services: Services) -> None:
    with write_unit(services.engine) as session:
        session.add(
            Company(
                uscc="91449999MA5DEM0015",
                name="深圳市示例精密制造有限公司",
                state="listed",
                prefix=PREFIX,
                listed_on=date(2026, 1, 5),
                created_at=datetime(2026, 1, 4, tzinfo=UTC),
            )
        )


def test_nothing_is_opened_or_written_while_nothing_has_changed(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_company(services)
    services.anchor()
    before = written(services)
    assert names(services) == ["深圳市示例精密制造有限公司"]

    def opens(*_args: object) -> None:
        raise AssertionError("the filings were opened")

    with monkeypatch.context() as watched:
        watched.setattr(opened, "directory", opens)
        watched.setattr(opened, "public_draws", opens)
        services.anchor()
    assert written(services) == before


def test_a_change_of_a_company_or_an_approved_case_is_written(services: Services) -> None:
    list_company(services)
    services.anchor()
    first = written(services)
    with write_unit(services.engine) as session:
        company = session.query(Company).one()
        company.state, company.version = "barred", company.version + 1
    services.anchor()
    second = written(services)
    assert second != first
    assert names(services) == []
    with write_unit(services.engine) as session:
        company = session.query(Company).one()
        case = Case(
            kind="filing",
            reference="BA-2026-0001",
            company_id=company.company_id,
            title="企业备案",
            state="approved",
            form=b"",
            opened_at=company.created_at,
            changed_at=company.created_at,
        )
        session.add(case)
        session.flush()
        session.add(
            CaseEvent(
                case_id=case.case_id,
                at=company.created_at,
                actor="approver",
                event="approve",
                from_state="prepared",
                to_state="approved",
            )
        )
    services.anchor()
    assert written(services) != second


def test_another_day_is_written_though_nothing_changed(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = written(services)
    day = china_day(opened.CLOCK.now()) + timedelta(days=1)
    monkeypatch.setattr(opened, "china_day", lambda _at: day)
    services._publish_directory()
    assert written(services) != before
    told = json.loads((services.home.public / DIRECTORY_FILE).read_bytes())
    assert told["on"] == day.isoformat()


def test_a_file_that_is_gone_is_written_again(services: Services) -> None:
    (services.home.public / DIRECTORY_FILE).unlink()
    services.anchor()
    assert names(services) == []


def test_a_crash_before_the_mark_has_the_lists_written_once_more(services: Services) -> None:
    before = written(services)
    (services.home.path / LISTS_MARK).unlink()
    services.anchor()
    after = written(services)
    assert after != before
    services.anchor()
    assert written(services) == after
