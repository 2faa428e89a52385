"""Which certificates' public entries are to be written anew, since their reporting has gone on.

The rows are put down in the transaction of the change and removed by the publisher once the entry
is durable; a crash between the two has the entry written twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from registry.store.outbox import UploadRow
from registry.store.uploads import ChainChange

_CHANGES: Final = ChainChange.metadata.tables["chain_changes"]


def upload_changed(session: Session, upload_id: str) -> None:
    """Put down every certificate of an upload."""
    chosen = select(UploadRow.status_index).where(UploadRow.upload_id == upload_id)
    session.connection().execute(insert(_CHANGES).from_select(["status_index"], chosen))


def certificates_changed(session: Session, indices: Iterable[int]) -> None:
    """Put down these certificates, by status index."""
    rows = [{"status_index": index} for index in indices]
    if rows:
        session.connection().execute(insert(_CHANGES), rows)
