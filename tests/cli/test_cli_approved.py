"""`certreg revoke|correct|…` where the procedure is carried: by an approved request alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from registry.cli.home import Home
from registry.cli.services import Services
from registry.office import change_deciding as deciding
from registry.office import change_making as making
from registry.office.cases import Doing
from registry.office.changes import find_request, reference
from registry.office.identity import AccountId, Identity, Role
from registry.store.accounts import Account
from registry.store.base import read_unit, write_unit
from registry.store.procedure import Case, Company

NOW = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)
STAFF = {"clerk": Role.CLERK, "approver": Role.APPROVER}


class Procedure:
    """A home with certificates in which companies' cases are handled, and its two people."""

    def __init__(self, stock: Any) -> None:
        self.desk = stock
        home = Home(path=stock.home, environ=os.environ)
        self.services = Services.open(home)
        self.people: dict[str, Identity] = {}
        with write_unit(self.services.engine) as session:
            company = Company(
                uscc="91449999MA5DEM0028", name="深圳市示例电力设备有限公司", state="unlisted",
                created_at=NOW,
            )  # fmt: skip
            session.add(company)
            session.flush()
            session.add(
                Case(
                    kind="filing", reference="BA-2026-0001", company_id=company.company_id,
                    title="示例", state="draft", form=b"", opened_at=NOW, changed_at=NOW,
                )
            )  # fmt: skip
            for login, role in STAFF.items():
                row = Account(
                    login=login, display=b"", role=role.value, district="",
                    staff_number=login.upper(), company_id=None, password="!", password_at=NOW,
                    created_at=NOW,
                )  # fmt: skip
                session.add(row)
                session.flush()
                self.people[login] = Identity(
                    account_id=AccountId(row.account_id), login=login, role=role
                )
        self.number = stock.certificates()[0].number

    def approved(self, kind: str, cause: str, changes: dict[str, str]) -> str:
        """Bring a request to the approver and have it approved for later."""
        clerk, chief = self.people["clerk"], self.people["approver"]
        context = self.services.context
        tools = deciding.Tools(
            signer=self.services.record_signer,
            before_signing=self.services.require_head,
            drawable=lambda _c: True,
            today=context.clock.now().date(),
            context=context,
        )
        wish = making.Wish(
            number=self.number, kind=kind, cause=cause, changes=changes, reason="登记有误"
        )
        with write_unit(self.services.engine) as session:
            row = making.ask(session, wish, by=clerk, drawable=tools.drawable, context=context)
            number, doing = row.request_id, Doing(by=clerk, version=1, note="齐全")
            deciding.check(
                session, number, cause, changes, doing,
                drawable=tools.drawable, today=tools.today, context=context,
            )  # fmt: skip
            deciding.take(session, number, "prepare", replace(doing, version=2), context=context)
            deciding.approve(
                session, number, Doing(by=chief, version=3, note="同意"), tools, now=False
            )
        return reference(number)

    def state(self, name: str) -> str:
        with read_unit(self.services.engine) as session:
            return str(find_request(session, int(name[2:])).state)


@pytest.fixture
def procedure(stock: Any) -> Iterator[Procedure]:
    made = Procedure(stock)
    yield made
    made.services.engine.dispose()


@pytest.mark.parametrize(
    "words",
    [
        ("revoke", "fraud"),
        ("suspend", "disputed"),
        ("reinstate", "cleared"),
        ("reissue", "lost"),
        ("correct", "data-error"),
    ],
)
def test_one_person_at_the_machine_changes_nothing(
    procedure: Procedure, words: tuple[str, str]
) -> None:
    verb, reason = words
    file = procedure.desk.folder / "changes.json"
    file.write_text(json.dumps({"direction": "设备维修"}), "utf-8")
    more = ("--changes", str(file)) if verb == "correct" else ()
    before = procedure.desk.certificates()
    ran = procedure.desk(verb, procedure.number, "--reason", reason, *more)
    assert ran.status == 1
    assert "[change-needs-approval]" in ran.line
    assert "--approved" in ran.line
    after = procedure.desk.certificates()
    assert [(row.number, row.state) for row in after] == [(row.number, row.state) for row in before]


def test_an_approved_correction_is_carried_out_once(procedure: Procedure) -> None:
    name = procedure.approved("correction", "data-error", {"direction": "设备维修"})
    desk, number = procedure.desk, procedure.number
    ran = desk("revoke", number, "--approved", name)
    assert (ran.status, "another change" in ran.line) == (1, True)
    other = desk.certificates()[1].number
    assert desk("correct", other, "--approved", name).status == 1
    assert desk("correct", number, "--approved", name, "--reason", "data-error").status == 1
    assert procedure.state(name) == "approved"
    ran = desk("correct", number, "--approved", name, "--json")
    assert (ran.status, ran.facts["edition"]) == (0, 2)
    assert procedure.state(name) == "carried-out"
    assert desk("correct", number, "--approved", name).status == 1
    assert desk("anchor").status == 0
    assert desk("log", "fsck").status == 0


def test_what_is_not_there_or_not_approved_is_refused(procedure: Procedure) -> None:
    for name in ("R-000099", "nonsense", "R-", "-1", "9" * 30):
        ran = procedure.desk("revoke", procedure.number, f"--approved={name}")
        assert (ran.status, "[not-found]" in ran.line) == (1, True)


def test_an_approved_revocation_says_its_own_reason(procedure: Procedure) -> None:
    name = procedure.approved("withdrawal", "issued-in-error", {})
    ran = procedure.desk("revoke", procedure.number, "--approved", name.lower(), "--json")
    assert (ran.status, ran.facts["reason"]) == (0, "误发")
