"""Certificates of before the ledger (补录) in the demo: some taken in, some left to be decided."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from registry.cli.demo_cast import PRECISION, TURNER
from registry.cli.demo_people import DemoPerson, demo_people
from registry.cli.demo_walk import Walk
from registry.rules.levels import level_of
from registry.rules.people import ID_TYPE_NAMES, IdType
from registry.sheets.layout_import import IMPORT
from registry.sheets.template import write_empty

ISSUED: Final = date(2023, 6, 30)
_TAKEN: Final = 3
_WAITING: Final = 5
_OFFSET: Final = 20_000


def import_history(walk: Walk) -> str:
    """Take three certificates in, leave five before the approver; return the first one's number."""
    people = demo_people(_TAKEN + _WAITING, offset=_OFFSET, issued=ISSUED)
    rows = [_row(serial, person) for serial, person in enumerate(people, 1)]
    taken = _hand_in(walk, "补录-2023年第一批.xlsx", rows[:_TAKEN])
    approver = walk.staff("approver")
    said = "已与原发证记录核对，同意补录"
    fields = {"version": approver.get(taken).version, "note-approve": said}
    approver.send(f"{taken}/approve", fields)
    _hand_in(walk, "补录-2023年第二批.xlsx", rows[_TAKEN:])
    return rows[0]["number"]


def _hand_in(walk: Walk, name: str, rows: Iterable[dict[str, str]]) -> str:
    """Hand a table in as the clerk; return the import's address."""
    file = walk.sheets / name
    write_empty(file, IMPORT, {}, rows)
    files = [("table", name, file.read_bytes())]
    return walk.staff("clerk").send("/imports/new", {"prefix": PRECISION.prefix}, files).location


def _row(serial: int, person: DemoPerson) -> dict[str, str]:
    return {
        "name": person.name,
        "id_type": ID_TYPE_NAMES[IdType.RESIDENT_ID],
        "id_number": person.id_number,
        "number": f"{PRECISION.prefix}{ISSUED:%y}{person.level}{serial:06}",
        "occupation": TURNER.name,
        "occupation_code": TURNER.code,
        "direction": TURNER.direction,
        "level": level_of(person.level).printed,
        "issued": ISSUED.isoformat(),
    }
