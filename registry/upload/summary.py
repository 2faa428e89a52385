"""The facts of the summary sheet (表5 汇总表) that goes along with an upload, for stamping.

Counts only: the sheet names no person. It carries the snapshot's digest, so that the stamped paper
is bound to the very rows it speaks of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from registry.rules.levels import BY_SYMBOL
from registry.store.outbox import UploadKind
from signing.record import Record

KINDS = (
    UploadKind.NEW,
    UploadKind.CORRECTION,
    UploadKind.SUPPLEMENT,
    UploadKind.WITHDRAWAL,
)
"""The kinds in the order of the sheet's columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryLine:
    """One occupation (职业、工种) at one level, with the rows of each kind in `KINDS`' order."""

    occupation: str
    direction: str
    level: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What stands on the sheet.

    ``body`` is the organisation's name: that on what is issued now, else that it is filed under.
    ``batch`` is the authority's batch number, "" before it is given; ``frozen_at`` an aware time;
    ``snapshot`` the SHA-256 of the rows in hex; ``template`` the table's title and mapping.
    """

    office: str
    body: str
    prefix: str
    upload_id: str
    batch: str
    frozen_at: datetime
    template: str
    snapshot: str
    lines: tuple[SummaryLine, ...]

    @property
    def totals(self) -> tuple[int, ...]:
        """Rows of each kind, in `KINDS`' order."""
        return tuple(map(sum, zip(*(line.counts for line in self.lines), strict=True)))


def summary_lines(rows: Iterable[tuple[UploadKind, Record]]) -> tuple[SummaryLine, ...]:
    """Count rows by occupation and level: occupations in order, the highest level last."""
    found: dict[tuple[str, str, str, str], Counter[UploadKind]] = {}
    for kind, record in rows:
        place = (record.occupation_code, record.occupation, record.direction, record.level)
        found.setdefault(place, Counter())[kind] += 1
    return tuple(
        SummaryLine(
            occupation=occupation,
            direction=direction,
            level=BY_SYMBOL[level].printed if level in BY_SYMBOL else level,
            counts=tuple(counts[kind] for kind in KINDS),
        )
        for (_, occupation, direction, level), counts in sorted(found.items(), key=_in_order)
    )


def _in_order(
    item: tuple[tuple[str, str, str, str], Counter[UploadKind]],
) -> tuple[str, str, str, int, str]:
    code, occupation, direction, level = item[0]
    rank = BY_SYMBOL[level].rank if level in BY_SYMBOL else 0
    return code, occupation, direction, rank, level
