"""The fault report (问题表) of a rejected upload, kept sealed until the next upload of the case.

It holds persons in clear so that the company can correct its own rows and hand the file in again;
so it is encrypted, bound to its case, overwritten by the next one and gone once a roster is taken.
Losing it costs one more upload, so it is not made to survive a power cut. Reports of tables of
existing certificates (补录) stand among them by the clerk's account; a day ends them, as no case
does.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from registry.errors import NotFound
from registry.office.context import Context
from registry.office.due import china_day
from registry.store.fields import NONCE_LENGTH, FieldCipher

PLACE: Final = "fault-reports"
IMPORT_REPORTS: Final = 1 << 32
"""Reports of imports stand from this number on; no case has one so large."""

IMPORT_REPORT_DAYS: Final = 30
"""Days for which such a report is kept: time to correct a table. It proves nothing that a rule
wants kept, and what holds persons is kept as short as can be (个人信息保护法第十九条)."""

_NONE: Final = "没有可以下载的问题表：请重新上传名册"


def keep_report(folder: Path, case_id: int, data: bytes, context: Context) -> None:
    """Put a report in the place of the one before."""
    place = _file(folder, case_id)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sealed = _cipher(context).seal(case_id, context.random(NONCE_LENGTH), data)
    handle, part = tempfile.mkstemp(dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(sealed)
        # Its day is counted by the office's clock, as all days here are.
        now = context.clock.now().timestamp()
        os.utime(part, (now, now))
        Path(part).replace(place)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def read_report(folder: Path, case_id: int, context: Context) -> bytes:
    """Return the report of a case the caller was allowed to see. Raises ``NotFound``."""
    try:
        sealed = _file(folder, case_id).read_bytes()
    except FileNotFoundError:
        raise NotFound(_NONE) from None
    return _cipher(context).open(case_id, sealed)


def has_report(folder: Path, case_id: int) -> bool:
    """Say whether there is a report to read."""
    return _file(folder, case_id).is_file()


def drop_report(folder: Path, case_id: int) -> None:
    """Remove the report of a case, if there is one."""
    _file(folder, case_id).unlink(missing_ok=True)


def drop_old_import_reports(folder: Path, *, today: date) -> int:
    """Remove the reports of imports whose days are over; return how many."""
    count = 0
    for file in sorted((folder / PLACE).glob("*")):
        if not file.name.isdecimal() or int(file.name) < IMPORT_REPORTS:
            continue
        try:
            kept = china_day(datetime.fromtimestamp(file.stat().st_mtime, UTC))
        except FileNotFoundError:
            # A clerk's next table took it meanwhile.
            continue
        if kept + timedelta(days=IMPORT_REPORT_DAYS) < today:
            file.unlink(missing_ok=True)
            count += 1
    return count


def _file(folder: Path, case_id: int) -> Path:
    return folder / PLACE / str(case_id)


def _cipher(context: Context) -> FieldCipher:
    return FieldCipher(context.field_key, PLACE)
