"""Writing the open data (开放数据): once for each quarter, and never again for the same one.

Figures of one quarter that were written twice would differ by what was revoked in between, and the
difference of two is a small count.
"""

from __future__ import annotations

from datetime import date

from registry.cli.services import Services
from registry.ledger.local_storage import LocalStorage
from registry.office.open_data import (
    FOLDER,
    JSON_FILE,
    date_of,
    open_data,
    open_files,
    quarter_end,
)
from registry.store.base import read_unit


def publish_open_data(services: Services, *, today: date) -> date | None:
    """Write the figures of the last whole quarter, if they are not there; return its end if so.

    Raises ``StorageFailed``. A crash before the last file has all of them written again.
    """
    as_of = quarter_end(today)
    file = services.home.public / FOLDER / JSON_FILE
    written = date_of(file.read_bytes()) if file.is_file() else None
    if written is not None and written >= as_of:
        return None
    with read_unit(services.engine) as session:
        document = open_data(session, as_of=as_of)
    LocalStorage(services.home.public).write_all(open_files(document))
    return as_of
