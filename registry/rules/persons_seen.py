"""Who was in the roster already: the same person twice, or one ID number under two names.

A row costs one dictionary entry of two small integers (about 120 bytes), whatever the names'
lengths. Python's string hash is keyed anew in every process, so a file cannot be made to collide.
"""

from __future__ import annotations

from typing import Final

from registry.rules.findings import Fault, FindingCode

_HALF: Final = (1 << 32) - 1


class PersonsSeen:
    """Remembers ID numbers with the row, name and qualification they came with first."""

    def __init__(self) -> None:
        """Begin with nobody seen."""
        self._first: dict[int, int] = {}
        self._again: dict[int, int] = {}

    def add(
        self, row: int, *, id_number: str, name: str, qualification: tuple[str, str]
    ) -> tuple[Fault, ...]:
        """Note a row; ``qualification`` is (occupation code, level). Faults name the other row."""
        person = hash(id_number)
        named, qualified = hash(name) & _HALF, hash(qualification) & _HALF
        first = self._first.get(person)
        if first is None:
            self._first[person] = (row << 32 | named) << 32 | qualified
            return ()
        faults = []
        first_row, first_name, first_held = first >> 64, first >> 32 & _HALF, first & _HALF
        if named != first_name:
            faults.append(_fault(FindingCode.PERSON_OTHER_NAME, first_row))
        held = (person, qualified)
        if qualified == first_held:
            faults.append(_fault(FindingCode.PERSON_TWICE, first_row))
        elif (other := self._again.setdefault(hash(held), row)) != row:
            faults.append(_fault(FindingCode.PERSON_TWICE, other))
        return tuple(faults)


def _fault(code: FindingCode, other_row: int) -> Fault:
    return Fault(code=code, facts={"other_row": str(other_row)})
