"""Lines of what was given out (个人信息的提供): who took which paper of which case.

A page on the screen masks persons; a file, or a list in clear, carries them out of the office. Its
line is written before the first byte goes out: what left no line was not given.
"""

from __future__ import annotations

from enum import StrEnum

from registry.office.cases import audit
from registry.office.identity import Identity
from registry.office.unit import Desk


class Disclosed(StrEnum):
    """What was given out, as the line's action says it."""

    DOCUMENT = "document-download"
    """A document of a case."""
    REQUEST_PAPER = "request-paper-download"
    """The paper of a change request."""
    APPLICATION = "application-print"
    """A filing's form with its persons."""
    SCORES_TEMPLATE = "scores-template-download"
    """The plan's persons in clear, to be filled in."""
    SCORES_REPORT = "scores-report-download"
    ROSTER_REPORT = "roster-report-download"
    """Faulty rows in clear."""
    PUBLICITY_LIST = "publicity-list-print"
    """A batch's whole list for the notice board."""
    SUBSIDY = "subsidy-list-download"
    """Who may still claim the subsidy, by name."""
    VISIBILITY = "visibility-list"
    """Certificates with names, to be looked up nationally by hand."""
    POOL = "pool-list"
    """Experts and supervisors by name."""
    IMPORT_ROWS = "import-rows-list"
    """A page of a prepared import's rows in clear, to be compared with the originals."""
    IMPORT_REPORT = "import-report-download"
    """Faulty rows of existing certificates in clear."""


def note_disclosure(
    desk: Desk, what: Disclosed, subject: str, by: Identity, *, number: int | None = None
) -> None:
    """Leave the line, in a transaction of its own: it stands before anything is sent.

    ``subject`` is a case's reference, ``number`` a document's or a page's; never a name.
    """
    with desk.write() as session:
        line = audit(what.value, subject, by, desk.context(by))
        line.detail = "" if number is None else f"number {number}"
        session.add(line)
