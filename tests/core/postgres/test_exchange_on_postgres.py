"""The exchange with the centre on PostgreSQL: issued, frozen, packed, answered, changed, compared.

The other tests of the exchange run on SQLite; its statements must serve both.
"""

from __future__ import annotations

import importlib.util
import sqlite3
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry.office import change_deciding as deciding
from registry.office import change_making as making
from registry.office.almanac import read_almanac
from registry.office.cases import Doing
from registry.office.chain import chain_of_number
from registry.office.change_due import changes_due
from registry.office.change_list import list_requests
from registry.office.due import china_day
from registry.office.identity import AccountId, Identity, Role
from registry.office.upload_due import UploadTask, upload_matters
from registry.store.accounts import Account
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Certificate
from registry.store.holders import ChangeRequest
from registry.upload.by_hand import mark_sent, owe_again, withdraw_row
from registry.upload.collecting import collect
from registry.upload.reconcile import reconcile
from registry.upload.reconcile_read import Judging, read_sides
from registry.upload.visible import mark_seen, sample_unseen, unseen_count
from signing.report import Answer


def _beside(path: str) -> Any:
    # Test folders are no packages: the exchange's fixtures are loaded by path.
    file = Path(__file__).parents[1] / "uploads" / path
    spec = importlib.util.spec_from_file_location(f"{file.parent.name}_on_postgres", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


outbox_of = _beside("conftest.py").outbox_of
_EXCHANGE = _beside("exchange/conftest.py")
exchange_of, exchange = _EXCHANGE.exchange_of, _EXCHANGE.exchange


class City:
    """The city office's desk over the exchange; two persons, by their accounts."""

    def __init__(self, exchange: Any) -> None:
        self.exchange, self.office = exchange, exchange.office
        self.staff = {"clerk": Role.CLERK, "approver": Role.APPROVER}
        with write_unit(self.office.engine) as session:
            for number, (login, role) in enumerate(self.staff.items(), 1):
                session.add(
                    Account(
                        account_id=number, login=login, display=b"", role=role.value,
                        district="", staff_number=f"GH-{number}", company_id=None, password="!",
                        password_at=self.office.clock.now(), created_at=self.office.clock.now(),
                    )
                )  # fmt: skip

    def who(self, login: str) -> Identity:
        number = list(self.staff).index(login) + 1
        return Identity(
            account_id=AccountId(number), login=login, role=self.staff[login], district="",
            company_id=None, source="127.0.0.1",
        )  # fmt: skip

    def today(self) -> Any:
        return china_day(self.office.clock.now())

    def doing(self, request: int, login: str) -> Doing:
        with read_unit(self.office.engine) as session:
            version = session.get_one(ChangeRequest, request).version
        return Doing(by=self.who(login), version=version, note="核对无误")

    def act(self, act: Any, *given: Any, **named: Any) -> Any:
        with write_unit(self.office.engine) as session:
            return act(session, *given, **named)

    def tools(self) -> Any:
        return deciding.Tools(
            signer=lambda prefix: self.office.record_keys[prefix],
            before_signing=lambda: None,
            drawable=lambda _character: True,
            today=self.today(),
            context=self.office.context,
        )

    def correct(self, number: str) -> None:
        """Ask for a correction, check, prepare and approve it, each in a transaction of its own."""
        changes, context = {"direction": "数控车工"}, self.office.context
        wish = making.Wish(
            number=number, kind="correction", cause="data-error", changes=changes, reason="登记有误"
        )
        who, plain = self.who("clerk"), {"context": context}
        drawable = {"drawable": lambda _character: True}
        request = self.act(making.ask, wish, by=who, **drawable, **plain).request_id
        assert self.waiting() == {"clerk": 1, "approver": 0}
        self.act(
            deciding.check, request, "data-error", changes, self.doing(request, "clerk"),
            **drawable, today=self.today(), **plain,
        )  # fmt: skip
        self.act(deciding.take, request, "prepare", self.doing(request, "clerk"), **plain)
        assert self.waiting() == {"clerk": 0, "approver": 1}
        doing = self.doing(request, "approver")
        self.act(deciding.approve, request, doing, self.tools(), now=True)
        assert self.waiting() == {"clerk": 0, "approver": 0}
        with read_unit(self.office.engine) as session:
            (listed,), total = list_requests(session, who)
        assert (listed.state, total) == ("carried-out", 1)

    def waiting(self) -> dict[str, int]:
        with read_unit(self.office.engine) as session:
            almanac = read_almanac(session)
            return {
                login: changes_due(session, self.who(login), almanac, today=self.today()).total
                for login in self.staff
            }

    def chain(self, number: str) -> Any:
        with read_unit(self.office.engine) as session:
            almanac = read_almanac(session)
            return chain_of_number(session, number, almanac, today=self.today())

    def due(self) -> set[UploadTask]:
        with read_unit(self.office.engine) as session:
            found = upload_matters(session, read_almanac(session), today=self.today())
        return {one.task for one in found}

    def compared(self, folder: Path) -> Any:
        """Reconcile database, packages and the centre's receipts."""
        files = []
        for place, receipt in enumerate(self.exchange.centre.receipts()):
            files.append(folder / f"receipt-{place}.json")
            files[-1].write_bytes(receipt.envelope)
        judging = Judging(
            kit=self.exchange.outbox.kit(),
            today=self.today(),
            signer=lambda _signed: Answer.VALID,
            report_by=lambda _moment: None,
            answer_by=lambda _moment: None,
        )
        sides = read_sides(self.office.engine, files, judging)
        return reconcile(sides.uploads, sides.rest)


@pytest.fixture
def city(exchange: Any) -> City:
    return City(exchange)


def test_from_issue_to_receipts_with_a_change_between(city: City, tmp_path: Path) -> None:
    exchange, office = city.exchange, city.office
    exchange.issue(5)
    assert city.due() == {UploadTask.REPORT}
    numbers = [row.number for row in office.rows(Certificate)]
    first = exchange.frozen(batch="GD-1")
    city.act(mark_sent, first, exchange.outbox.doing)
    assert city.due() == {UploadTask.RECEIPT}
    exchange.receive(exchange.by_hand(first), first)
    assert exchange.states() == ["accepted"] * 5
    assert city.compared(tmp_path).equal is True

    exchange.later(days=1)
    city.correct(numbers[0])
    office.revoke(numbers[1])
    office.run()
    assert city.due() == {UploadTask.REPORT}
    second = exchange.frozen()
    (sent,) = exchange.send()
    assert (sent.upload_id, sent.problem) == (second, "")
    assert exchange.states() == ["accepted"] * 7
    new, old = city.chain(numbers[0])
    assert (new.edition, old.edition) == (2, 1)
    assert new.steps[3].day == city.today()
    report = city.compared(tmp_path)
    assert (report.equal, report.uploads, report.rows, report.receipts) == (True, 2, 7, 2)
    with read_unit(office.engine) as session:
        assert unseen_count(session) == 4
        assert len(sample_unseen(session, exchange.chance, size=3)) == 3
    assert city.act(mark_seen, numbers[0], city.today(), exchange.outbox.doing)
    assert city.chain(numbers[0])[0].steps[4].day == city.today()
    office.run()
    office.audit()


def test_what_the_centre_refuses_is_decided_row_by_row(city: City) -> None:
    exchange = city.exchange
    exchange.issue(2)
    upload = exchange.frozen()
    numbers = [row.number for row in city.office.rows(Certificate)]
    # The centre has had both numbers from elsewhere, with other contents.
    with closing(sqlite3.connect(exchange.centre.home.database)) as centre, centre:
        centre.executemany(
            "INSERT INTO certificates (number, city, edition, record, withdrawn, received, receipt)"
            " VALUES (?, 'shizhou', 1, ?, 0, '2026-11-01T00:00:00Z', 77)",
            [(number, "0" * 64) for number in numbers],
        )
    exchange.send()
    assert exchange.states() == ["refused"] * 2
    assert city.due() == {UploadTask.MEND}
    city.act(owe_again, upload, 1, exchange.outbox.doing)
    city.act(withdraw_row, upload, 2, "编号归属待核实", exchange.outbox.doing)
    (ended,) = city.chain(numbers[1])
    assert (ended.ended, ended.ended_on) == (True, city.today())
    city.office.clock.moment += timedelta(days=1)
    assert collect(exchange.sender).problem == ""
    assert city.due() == {UploadTask.REPORT}
