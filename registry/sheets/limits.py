"""What reading one file may cost: a hostile spreadsheet must hurt nobody but itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MEBIBYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one file: bytes as uploaded and unpacked, rows, the worker's memory and time.

    ``table_bytes`` bounds what the parent keeps of the rows it is sent.
    """

    file_bytes: int = 64 * MEBIBYTE
    unpacked_bytes: int = 512 * MEBIBYTE
    rows: int = 200_000
    memory_bytes: int = 1024 * MEBIBYTE
    cpu_seconds: int = 60
    wall_seconds: float = 120.0
    table_bytes: int = 128 * MEBIBYTE


DEFAULT_LIMITS: Final = Limits()
