"""Writing a workbook for a clerk: private while written, whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

# Its three classes are named here once for the whole room.
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Format", "Workbook", "Worksheet", "new_workbook"]


@contextmanager
def new_workbook(path: Path) -> Iterator[Workbook]:
    """Write a workbook that only its owner can read, and put it at ``path`` when complete.

    It grows in a private directory beside ``path``, with XlsxWriter's own scratch files, which
    hold persons' data too: none goes to a shared directory, and none is left after a fault. A
    crash leaves the old file as it was.
    """
    with TemporaryDirectory(dir=path.parent, prefix=".workbook-") as directory:
        part = Path(directory, "part.xlsx")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            workbook = Workbook(stream, {"constant_memory": True, "tmpdir": directory})
            try:
                yield workbook
            finally:
                workbook.close()
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
