"""The error family of the sheets: a file that cannot be read at all, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from registry.errors import RegistryError
from registry.rules.findings import Fault, Finding, FindingCode, Where

if TYPE_CHECKING:
    from collections.abc import Mapping


class SheetError(RegistryError):
    """Base of the family. ``finding`` goes through the wording like any other finding."""

    code: ClassVar[str] = "sheet"

    def __init__(self, fault: Fault) -> None:
        """Keep the finding; the message has its code only, no content of the file."""
        super().__init__(f"the spreadsheet was not read: {fault.code.value}")
        self.finding = Finding(code=fault.code, where=Where(), facts=fault.facts)


class SheetRefused(SheetError):
    """A format, encoding or arrangement that the clerk can change by saving anew."""

    code = "sheet-refused"


class SheetTooLarge(SheetError):
    """A file beyond a limit: bytes, rows, or memory and time while reading."""

    code = "sheet-too-large"


class SheetDamaged(SheetError):
    """A file that claims a readable format and breaks it."""

    code = "sheet-damaged"


_TOO_LARGE = {
    FindingCode.FILE_TOO_LARGE,
    FindingCode.FILE_EXPANDS,
    FindingCode.FILE_TOO_MANY_ROWS,
}


def sheet_error(code: FindingCode, facts: Mapping[str, str] | None = None) -> SheetError:
    """Make the error of the family that belongs to a file's finding."""
    fault = Fault(code=code, facts=facts or {})
    if code in _TOO_LARGE:
        return SheetTooLarge(fault)
    return SheetDamaged(fault) if code is FindingCode.FILE_DAMAGED else SheetRefused(fault)
