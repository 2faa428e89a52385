"""What the desk's pages of imports need: an office that issues, and a table as a browser sends it.

The table is made by the very means of the blank form, so that the reader reads what a clerk sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import func, select

from keys.signer import software_signer
from registry.cli.demo_people import demo_people
from registry.cli.key_terms import FIRST_DAY
from registry.rules.levels import level_of
from registry.rules.people import ID_TYPE_NAMES, IdType
from registry.sheets.layout_import import IMPORT
from registry.sheets.template import write_empty
from registry.store.accounts import Account
from registry.store.audit import AuditLine
from registry.store.certificates import Certificate
from registry.store.imports import CertificateImport
from registry.store.registers import Occupation

PREFIX = "Y000044999001"
ISSUED = date(2023, 6, 30)


def cells(count: int, *, first: int = 1, offset: int = 500) -> list[dict[str, str]]:
    """Give faultless rows, numbered from ``first`` on, of persons from ``offset`` on."""
    return [
        {
            "name": person.name,
            "id_type": ID_TYPE_NAMES[IdType.RESIDENT_ID],
            "id_number": person.id_number,
            "number": f"{PREFIX}23{person.level}{serial:06}",
            "occupation": person.occupation,
            "occupation_code": person.occupation_code,
            "direction": person.direction,
            "level": level_of(person.level).printed,
            "issued": ISSUED.isoformat(),
        }
        for serial, person in enumerate(demo_people(count, offset=offset, issued=ISSUED), first)
    ]


def table(rows: Iterable[Mapping[str, str]], name: str = "补录.xlsx") -> tuple[BytesIO, str]:
    """Write rows into the form."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "table.xlsx")
        write_empty(path, IMPORT, {}, rows)
        return BytesIO(path.read_bytes()), name


class Desk:
    """An office that has issued three certificates of company 1 and knows the occupations."""

    def __init__(self, small: Any, changing: Any) -> None:
        self.small, self.changing = small, changing
        # As `certreg issuer add` makes them: good for every day the unified code allows.
        info = replace(small.signer.info, not_before=FIRST_DAY)
        small.signer = software_signer(info, small.signer.private_key)
        people = demo_people(10, offset=500, issued=ISSUED)
        jobs = {person.occupation_code: person.occupation for person in people}
        with small.write() as session:
            for code, name in jobs.items():
                session.add(
                    Occupation(edition=2022, code=code, name=name, levels="54321", national=False)
                )

    def rows(self) -> list[Any]:
        """Read all imports."""
        with self.small.read() as session:
            return list(session.scalars(select(CertificateImport)).all())

    def certificates(self) -> int:
        """Count the certificates."""
        with self.small.read() as session:
            return session.scalar(select(func.count()).select_from(Certificate)) or 0

    def actions(self) -> list[tuple[str, str, str]]:
        """Read who did what to which import, from the audit lines."""
        with self.small.read() as session:
            lines = session.scalars(select(AuditLine).order_by(AuditLine.line_id)).all()
            return [
                (line.actor.removeprefix("account:"), line.action, line.subject)
                for line in lines
                if line.action.startswith("import-")
            ]

    def same_person(self, login: str, other: str) -> None:
        """Give an account the staff number of another one, which is shut: both are one person's."""
        with self.small.write() as session:
            accounts = {one.login: one for one in session.scalars(select(Account))}
            accounts[other].disabled = True
            session.flush()
            accounts[login].staff_number = accounts[other].staff_number
