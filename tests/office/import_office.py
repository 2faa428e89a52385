"""What imports of existing certificates need in the small office: a company, its key, tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import func, select

from keys.signer import software_signer
from registry.cli.demo_people import demo_people
from registry.cli.key_terms import FIRST_DAY
from registry.office import importing
from registry.office.cases import Doing
from registry.office.change_deciding import Tools
from registry.office.identity import AccountId, Identity, Role
from registry.office.importing_checks import CheckedImport, check_table
from registry.rules.findings import Findings
from registry.rules.people import ID_TYPE_NAMES, IdType
from registry.rules.text import Cell
from registry.store.accounts import Account
from registry.store.audit import AuditLine
from registry.store.certificates import Certificate, Counter
from registry.store.imports import CertificateImport, ImportEvent
from registry.store.log import EventGroup, EventPage
from registry.store.outbox import UploadRow

PREFIX = "Y000044999001"


class Importing:
    """An office that has listed company 1 and issued three certificates to its people."""

    def __init__(self, small: Any, supervised: Any, key: Any) -> None:
        self.small = small
        supervised.list_company(1)
        supervised.issue(3)
        info = replace(key.info, not_before=FIRST_DAY)
        small.signer = software_signer(info, key.private_key)

    def tools(self, login: str, **change: Any) -> Tools:
        """Give what carries an import out."""
        usual = Tools(
            signer=self.small.desk.record_signer,
            before_signing=self.small.desk.before_signing,
            drawable=lambda _character: True,
            today=self.small.desk.today(),
            context=self.small.context(login),
        )
        return replace(usual, **change)

    def cells(self, serials: Sequence[int], offset: int = 100) -> list[dict[str, Cell]]:
        """Give rows of a table as they are read: level 3 of 2021, of persons from `offset` on."""
        people = demo_people(len(serials), offset=offset, issued=date(2021, 6, 30))
        return [
            {
                "name": person.name,
                "id_type": ID_TYPE_NAMES[IdType.RESIDENT_ID],
                "id_number": person.id_number,
                "number": f"{PREFIX}213{serial:06}",
                "occupation": person.occupation,
                "occupation_code": person.occupation_code,
                "direction": person.direction,
                "level": "三级/高级工",
                "issued": "2021-06-30",
                "admission": "",
                "assessor": "",
            }
            for person, serial in zip(people, serials, strict=True)
        ]

    def checked(self, serials: Sequence[int] = (7, 8), offset: int = 100) -> CheckedImport:
        """Run the row checks over a table."""
        return check_table(
            enumerate(self.cells(serials, offset), 2),
            PREFIX,
            today=self.small.desk.today(),
            drawable=lambda _character: True,
            form=Findings(),
        )

    def prepare(self, login: str = "clerk", **given: Any) -> importing.PreparedImport:
        """Hand a table in."""
        with self.small.write() as session:
            return importing.prepare(
                session,
                self.checked(**given),
                by=self.small.who(login),
                today=self.small.desk.today(),
                context=self.small.context(login),
            )

    def prepared(self, **given: Any) -> int:
        """Hand a table in that has no fault; its id."""
        done = self.prepare(**given)
        assert done.import_id is not None
        return done.import_id

    def row(self, import_id: int) -> CertificateImport:
        """Read an import."""
        with self.small.read() as session:
            return session.get_one(CertificateImport, import_id)

    def sealed(self, import_id: int) -> bytes:
        """Read the sealed rows as they are stored."""
        query = select(CertificateImport.sealed).where(CertificateImport.import_id == import_id)
        with self.small.read() as session:
            return bytes(session.scalar(query) or b"")

    def doing(
        self, import_id: int, login: str, note: str = "理由", by: Identity | None = None
    ) -> Doing:
        """Say who acts, on the import as it is."""
        who = by or self.small.who(login)
        return Doing(by=who, version=self.row(import_id).version, note=note)

    def take(self, import_id: int, event: str, login: str, note: str = "理由") -> None:
        """Take a step with a remark."""
        with self.small.write() as session:
            doing, context = self.doing(import_id, login, note), self.small.context(login)
            importing.take(session, import_id, event, doing, context=context)

    def approve(self, import_id: int, login: str = "approver", *, now: bool = True) -> Any:
        """Approve."""
        with self.small.write() as session:
            doing = self.doing(import_id, login)
            return importing.approve(session, import_id, doing, self.tools(login), now=now)

    def carry_out(self, import_id: int, login: str = "clerk") -> Any:
        """Carry out what was approved."""
        with self.small.write() as session:
            doing = self.doing(import_id, login)
            return importing.carry_out(session, import_id, doing, self.tools(login))

    def standing(self) -> dict[str, int]:
        """Count all that an import may leave behind."""
        tables = (
            *(Certificate, EventGroup, EventPage, UploadRow),
            *(CertificateImport, ImportEvent, AuditLine, Counter),
        )
        with self.small.read() as session:
            return {
                table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
                for table in tables
            }

    def account(self, login: str, role: Role, staff_number: str) -> Identity:
        """Add an account of the office; the same staff number is the same person's."""
        now = self.small.clock.now()
        with self.small.write() as session:
            row = Account(
                login=login, display=b"", role=role.value, district="", disabled=True,
                staff_number=staff_number, company_id=None, password="!", password_at=now,
                created_at=now,
            )  # fmt: skip
            session.add(row)
            session.flush()
            number = AccountId(row.account_id)
        return Identity(account_id=number, login=login, role=role, source="127.0.0.1")
