"""Existing certificates of the small office, to be imported under the numbers they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from keys.signer import software_signer
from registry.cli.key_terms import FIRST_DAY
from registry.office.change_deciding import Tools
from registry.office.importing import import_directly
from registry.office.importing_checks import CheckedImport
from registry.office.issuing import IssuedBatch
from registry.rules.findings import Findings
from registry.rules.imported import ImportRow, import_digest
from registry.store.base import write_unit

TODAY = date(2026, 11, 23)


class Importing:
    """An office that imports."""

    def __init__(self, office: Any) -> None:
        self.office = office
        # As `certreg issuer add` makes them: good for every day the unified code allows.
        for prefix, signer in office.record_keys.items():
            info = replace(signer.info, not_before=FIRST_DAY)
            office.record_keys[prefix] = software_signer(info, signer.private_key)

    def rows(self, serials: Sequence[int], offset: int = 300, **values: Any) -> list[ImportRow]:
        """Give one row a serial: level 3 of 2021, of persons from `offset` on."""
        issued = values.pop("issued", date(2021, 6, 30))
        assessor, prefix = values.pop("assessor", ""), values.pop("prefix", self.office.prefix)
        facts = {"level": "3", "issued": issued, **values}
        people = self.office.people(len(serials), offset=offset, **facts)
        return [
            ImportRow(
                candidate=person,
                number=f"{prefix}{issued.year % 100:02}{person.level}{serial:06}",
                assessor=assessor,
            )
            for person, serial in zip(people, serials, strict=True)
        ]

    def checked(self, rows: Sequence[ImportRow], prefix: str = "") -> CheckedImport:
        where = prefix or self.office.prefix
        return CheckedImport(
            prefix=where,
            rows=rows,
            digest=import_digest(where, rows),
            form=Findings(),
            values=Findings(),
        )

    def tools(self, **change: Any) -> Tools:
        usual = Tools(
            signer=lambda prefix: self.office.record_keys[prefix],
            before_signing=lambda: None,
            drawable=lambda _character: True,
            today=TODAY,
            context=self.office.context,
        )
        return replace(usual, **change)

    def run(self, rows: Sequence[ImportRow], prefix: str = "") -> IssuedBatch | None:
        """Import at once, as in a home for direct filing."""
        with write_unit(self.office.engine) as session:
            return import_directly(session, self.checked(rows, prefix), self.tools())

    def findings(self, rows: Sequence[ImportRow]) -> list[tuple[str, int | None, str | None]]:
        """Import what must not be imported; say what was found, and that nothing was left."""
        before, checked = self.office.contents(), self.checked(rows)
        with write_unit(self.office.engine) as session:
            assert import_directly(session, checked, self.tools()) is None
            session.rollback()
        assert self.office.contents() == before
        listed = checked.findings.listed
        return [(one.code.value, one.where.row, one.where.column) for one in listed]
