"""Imports that nobody decides or carries out end by themselves (补录逾期失效).

The sealed rows of a waiting import hold persons. When the term of keeping is over, counted from
the last step that anybody took, the import lapses by the machine's table and its rows are deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from registry.office.context import Context
from registry.office.due import china_day
from registry.office.importing_rows import forget_rows
from registry.office.importing_steps import take_step
from registry.rules.importing import IMPORT
from registry.store.imports import CertificateImport, ImportEvent

LAPSE: Final = "lapse"


def lapse_imports(session: Session, is_over: Callable[[date], bool], context: Context) -> int:
    """End the waiting imports whose term ``is_over``, counted from a day; return how many.

    Each leaves its own audit line, as every step does.
    """
    waiting = (
        select(CertificateImport)
        .where(CertificateImport.state.not_in(sorted(IMPORT.final)))
        .order_by(CertificateImport.import_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    count = 0
    for row in session.scalars(waiting).all():
        last = select(func.max(ImportEvent.at)).where(ImportEvent.import_id == row.import_id)
        if is_over(china_day(session.scalar(last) or row.prepared_at)):
            take_step(session, row, LAPSE, doing=None, context=context)
            forget_rows(row)
            count += 1
    return count
