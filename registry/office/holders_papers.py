"""A holder's papers that were not taken in (未予接收的材料): counted, so that looking has an end.

Looking into one may take the worker most of a minute, and nothing is put down that the holder's
other limits would count: whoever sent one such paper after the other would keep all others waiting.
A paper about which the virus scan gave no answer counts too: it has cost the most.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from registry.errors import Refused
from registry.office.auditing import REFUSED
from registry.office.context import Context
from registry.office.holders_lines import holder_line
from registry.store.holders import HolderPaper

MOST_A_DAY: Final = 10
"""Papers of one holder within 24 hours that are looked into in vain."""

DAY: Final = timedelta(hours=24)


class TooManyPapers(Refused):
    """So many papers of the holder were not taken in that no further one is looked into today."""

    code = "too-many-papers"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("24 小时内未能接收的材料过多，请 24 小时后再试，或者到窗口办理")


def refuse_further(session: Session, id_tag: bytes, context: Context) -> None:
    """Raise ``TooManyPapers`` where no further paper of this holder is looked into now."""
    vain = select(func.count(HolderPaper.paper_id)).where(
        HolderPaper.id_tag == id_tag, HolderPaper.looked_at > context.clock.now() - DAY
    )
    if (session.scalar(vain) or 0) >= MOST_A_DAY:
        raise TooManyPapers


def note_not_taken(
    session: Session, id_tag: bytes, number: str, code: str, *, context: Context
) -> None:
    """Count a paper that was not taken in, with its line: certificate, and the refusal's code."""
    now = context.clock.now()
    session.execute(delete(HolderPaper).where(HolderPaper.looked_at <= now - DAY))
    session.add(HolderPaper(id_tag=id_tag, looked_at=now))
    session.add(holder_line("request-paper", number, context, detail=code, result=REFUSED))
