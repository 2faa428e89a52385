"""What a certificate's event owes to the provincial centre (上报): one row, in the same commit.

Every use case that issues, corrects, reissues or revokes calls this, or inserts its rows in bulk
(`issuing`). A reissue (补发) is reported as a correction (更正): the number stays, the edition and
its record are new, and the centre's table has no kind of its own for it. Suspension and
reinstatement are not reported: the table knows neither.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from registry.store.outbox import UploadKind, UploadRow


def owe(session: Session, kind: UploadKind, *, status_index: int, batch_id: str) -> None:
    """Put one row down as owed, about the edition of ``status_index``."""
    session.add(UploadRow(status_index=status_index, kind=kind.value, batch_id=batch_id))
