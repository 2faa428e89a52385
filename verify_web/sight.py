"""One verified certificate as a visitor is to see it, and the texts of its page that are its own.

Only of what is proven, whichever way: doubts and forgeries are rare, and the template alone tells
them. The functions that say how a field is shown are those of the whole page (`verify_web.views`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from signing.record import mask_id
from signing.report import Answer, StepCode, Verdict
from verify_web.catalogue import NOTHING
from verify_web.display import Language
from verify_web.expert import draw
from verify_web.numbers import number_groups, year_words
from verify_web.times import clock_words, date_words, machine_time
from verify_web.views import detail_of, trusted_record
from verify_web.wording_page import CHAIN

if TYPE_CHECKING:
    from datetime import datetime

    from signing.mirror import MirrorEntry
    from signing.record import Record
    from signing.report import Report
    from signing.tlog.proof import TlogProof
    from signing.wording import Words
    from verify_web.display import Display
    from verify_web.evidence import Weighed
    from verify_web.public import Snapshot

_FRAMED: Final = frozenset({Verdict.VALID, Verdict.REVOKED, Verdict.SUSPENDED, Verdict.CORRECTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A verified certificate, and how and when it is shown."""

    report: Report
    record: Record
    entry: MirrorEntry
    proof: TlogProof
    snapshot: Snapshot
    reissued: bool
    now: datetime
    display: Display

    @property
    def onward(self) -> str:
        """Token of the edition to go on to, "" if none."""
        return self.entry.superseded_by if self.report.verdict is Verdict.CORRECTED else ""

    def say(self, text: Words) -> str:
        """Give a text in the language of the page."""
        return text.en if self.display.language is Language.ENGLISH else text.zh


def sight_of(
    entry: MirrorEntry, weighed: Weighed, *, reissued: bool, display: Display
) -> Sight | None:
    """Take what a page is made of; None where its report is not one that frames are for."""
    report, proof = weighed.report, weighed.evidence.proof
    record = trusted_record(report)
    included = report.step(StepCode.INCLUSION).answer is Answer.VALID
    if report.verdict not in _FRAMED or record is None or proof is None or not included:
        return None
    # A row of its own below the steps (不再上报), on few pages.
    if entry.chain.ended:
        return None
    return Sight(
        report=report,
        record=record,
        entry=entry,
        proof=proof,
        snapshot=weighed.snapshot,
        reissued=reissued,
        now=weighed.now,
        display=display,
    )


def own_texts(sight: Sight) -> list[str]:
    """List the texts of this certificate alone; `verify_web.marking` has them in the same order."""
    record, chain, proof = sight.record, sight.entry.chain, sight.proof
    inclusion = sight.report.step(StepCode.INCLUSION)
    drawing = draw(proof.index, int(inclusion.facts["size"]), len(proof.path))
    issued = date_words(record.issued)
    days = [getattr(chain, code) for code, _ in CHAIN]
    return [
        sight.entry.token,
        sight.onward,
        *_now_texts(sight.now.replace(microsecond=0), sight.display.language),
        record.name,
        mask_id(record.id_number),
        record.occupation,
        record.direction,
        record.issuer,
        record.issued,
        issued.zh,
        issued.en,
        record.number,
        sight.say(year_words(f"20{record.number[13:15]}")),
        sight.say(detail_of(inclusion) or NOTHING),
        msgspec.json.format(sight.entry.entry, indent=1).decode(),
        str(proof.index),
        drawing.lines,
        drawing.boxes,
        *number_groups(record.number),
        *[sight.say(date_words(day)) if day else "" for day in days],
        *[each.hex() for each in proof.path],
    ]


@lru_cache(maxsize=16)
def _now_texts(now: datetime, language: Language | None) -> tuple[str, str]:
    """Tell a second, for people and for machines; the pages of one second share it."""
    told = clock_words(now)
    return told.en if language is Language.ENGLISH else told.zh, machine_time(now)
