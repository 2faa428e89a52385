"""Faults of a form that was filled in (填报有误): which field, and what to do about it.

The texts never hold what was typed: they stand in answers of the API too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from registry.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFault:
    """One fault: the field by its name in the form, and what to do, in Chinese."""

    field: str
    text: str


class FormFaults(Refused):
    """A form has faults, all of which are in ``faults``; nothing of it was stored."""

    code = "form-faults"

    def __init__(self, faults: Iterable[FieldFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("；".join(fault.text for fault in self.faults))
