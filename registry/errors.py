"""The registry's one error family: stable codes, messages that tell a clerk what to do.

Every room below the desks raises a subclass; the command line and the pages turn them into words,
problem+json and exit statuses in one place each. No message carries a person's name or ID number.
"""

from __future__ import annotations

from typing import ClassVar


class RegistryError(Exception):
    """Something was refused: ``code`` is stable, the message says what to do next."""

    code: ClassVar[str] = "registry"


class NotFound(RegistryError):
    """A certificate, batch or issuer that the registry does not hold."""

    code = "not-found"


class Refused(RegistryError):
    """The request is understood and the rules forbid it."""

    code = "refused"


class Overtaken(Refused):
    """Somebody else stored the same at the same moment; nothing of this was done."""

    code = "overtaken"


class SerialsExhausted(Refused):
    """A (prefix, year, level) has no free serial left below 999999."""

    code = "serials-exhausted"


class AlreadyHeld(Refused):
    """Somebody in the batch already holds a certificate of that occupation and level."""

    code = "already-held"


class HomeNotReady(RegistryError):
    """The home directory is missing, not initialised, or of another version."""

    code = "home-not-ready"
