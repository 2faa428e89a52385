"""The error family of the rules: raised where a caller, not a roster's row, is at fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from registry.errors import RegistryError

if TYPE_CHECKING:
    from registry.rules.findings import Fault


class RulesError(RegistryError):
    """Base of the family; ``code`` is stable and may be shown to machines."""

    code: ClassVar[str] = "rules"


class NumberError(RulesError):
    """A text is no certificate number (证书编号); ``fault`` says why, for the wording."""

    code = "number-malformed"

    def __init__(self, fault: Fault) -> None:
        """Keep the fault; the message names its code only, never the number."""
        super().__init__(f"not a certificate number of the unified code: {fault.code.value}")
        self.fault = fault


class PrefixError(RulesError):
    """A text is no 13-character prefix of an assessing body (评价机构编码)."""

    code = "prefix-malformed"


class LevelError(RulesError):
    """A symbol is not one that certificates may be numbered with."""

    code = "level-unknown"


class CalendarError(RulesError):
    """A year's notice contradicts itself, or a term is no number of working days."""

    code = "calendar"


class NoRuleInForce(RulesError):
    """No rule of this name is in force on the day asked for."""

    code = "no-rule-in-force"


class ForbiddenStep(RulesError):
    """The procedure does not allow this actor this step from this state (程序不允许)."""

    code = "forbidden-step"
