"""The fault report (问题表) of a rejected upload, kept sealed until the next upload of the case.

It holds persons in clear so that the company can correct its own rows and hand the file in again;
so it is encrypted, bound to its case, overwritten by the next one and gone once a roster is taken.
Losing it costs one more upload, so it is not made to survive a power cut.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from registry.errors import NotFound
from registry.office.context import Context
from registry.store.fields import NONCE_LENGTH, FieldCipher

PLACE: Final = "fault-reports"
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


def _file(folder: Path, case_id: int) -> Path:
    return folder / PLACE / str(case_id)


def _cipher(context: Context) -> FieldCipher:
    return FieldCipher(context.field_key, PLACE)
