"""Why a witness does not start, or cannot read a request: one class per thing to be done."""

from __future__ import annotations

from typing import ClassVar

from registry.errors import RegistryError


class WitnessStateLost(RegistryError):
    """State and keys of a witness do not belong together: one of them is lost or another's."""

    code: ClassVar[str] = "witness-state-lost"


class NoLogToWitness(RegistryError):
    """The policy names no log, so there is nothing that this witness may sign."""

    code: ClassVar[str] = "no-log-to-witness"


class MalformedRequest(RegistryError):
    """A body that is not of the form C2SP tlog-witness gives for it."""

    code: ClassVar[str] = "malformed-request"
