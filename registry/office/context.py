"""What every use case of the office is handed: actor, clock, keys of the store, randomness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NewType

from keys.clock import Clock
from registry.store.fields import FieldCipher

Actor = NewType("Actor", str)
"""Who acts: an account's name or ``cli:<system user>``; stands in the audit line."""

SEALED = "certificates.sealed"
"""The place that binds a sealed record to its column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The surroundings of one use case.

    ``field_key`` and ``index_key`` are 32 bytes each; ``random(n)`` returns n random bytes.
    """

    actor: Actor
    clock: Clock
    field_key: bytes
    index_key: bytes
    random: Callable[[int], bytes]

    def sealed_records(self) -> FieldCipher:
        """Return the cipher of the certificates' sealed column."""
        return FieldCipher(self.field_key, SEALED)
