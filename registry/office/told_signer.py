"""A record key that tells how far long work has come: each certificate is one signature."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from keys.model import KeyInfo
from keys.signer import Signer
from registry.office.unit import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A signer whose signatures are counted by ``made``."""

    signer: Signer
    tell: Callable[[int, int], None]
    total: int
    made: Iterator[int]

    @property
    def info(self) -> KeyInfo:
        """The key's public facts."""
        return self.signer.info

    def sign(self, message: bytes) -> bytes:
        """Sign, and tell."""
        signature = self.signer.sign(message)
        self.tell(next(self.made), self.total)
        return signature


def told_signers(desk: Desk, total: int) -> Callable[[str], Signer]:
    """Give the desk's record keys by prefix; the desk is told of each of ``total`` signatures."""

    def of(prefix: str) -> Signer:
        signer = desk.record_signer(prefix)
        return _Told(signer=signer, tell=desk.tell, total=total, made=count(1))

    return of
