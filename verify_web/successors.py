"""Tells a reissue (补发) from a correction (更正): by the signed records of both editions.

The status pages know one state for both. Where the following edition is at hand and verified, its
record names this one by its digest; equal facts then mean that only the paper was replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from signing.record import canonical, edition_digest
from signing.report import Verdict
from verify_web.errors import ServiceTrouble
from verify_web.evidence import check_entry
from verify_web.views import trusted_record

if TYPE_CHECKING:
    from signing.report import Report
    from verify_web.site import Site


def is_reissued(site: Site, report: Report, following: str) -> bool:
    """Whether the edition under the token `following` repeats the facts of the report's record.

    False also where that cannot be told: it chooses between two words for one verdict.
    """
    if report.verdict is not Verdict.CORRECTED or not following:
        return False
    ours = trusted_record(report)
    if ours is None:
        return False
    try:
        entry = site.mirror.by_token(following)
        record = None if entry is None else trusted_record(check_entry(site, entry))
    except ServiceTrouble:
        return False
    if record is None:
        return False
    same = replace(ours, edition=record.edition, previous=edition_digest(canonical(ours)))
    return record == same
