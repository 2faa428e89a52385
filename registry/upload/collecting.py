"""Fetching what the centre has for this city beside single answers: receipts, national visibility.

Receipts are fetched after the last one that counts, in the centre's order; so one that was lost on
the way, or belongs to an upload carried by hand, comes in of itself. A wrong one stops the
fetching; only if the centre signed it to this city (`ENDS`) does it put the upload that it names on
the dead-letter list. Nothing that somebody in between could have written changes an upload.
"""

from __future__ import annotations

from dataclasses import dataclass

from registry.store.base import read_unit, write_unit
from registry.store.standing import Mark, standing
from registry.store.uploads import Upload, UploadState
from registry.upload.agreeing import compare_last
from registry.upload.asking import Denied, Later, NotAnAnswer, Unreachable, Visibility
from registry.upload.outbox import note
from registry.upload.problems import ENDS, Problem, ReceiptRefused
from registry.upload.receipt_chain import chain_of
from registry.upload.receiving import Taken, import_receipt
from registry.upload.sending import Sender
from registry.upload.visible import load_visibility, visibility_cursor
from signing.upload.receipt import open_receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What came in: new receipts, new days of visibility; ``problem`` is "" if all went well."""

    receipts: int = 0
    visible: int = 0
    problem: str = ""


def collect(sender: Sender) -> Collected:
    """Fetch receipts, then visibility, until there is no more; compare the last receipt held.

    Raises nothing of the network.
    """
    receipts = visible = 0
    try:
        receipts, problem = _collect_receipts(sender)
        if not problem:
            visible, problem = _collect_visibility(sender)
        problem = problem or compare_last(sender)
    except Unreachable:
        problem = Problem.UNREACHABLE.value
    except NotAnAnswer:
        problem = Problem.NOT_AN_ANSWER.value
    return Collected(receipts=receipts, visible=visible, problem=problem)


def _collect_receipts(sender: Sender) -> tuple[int, str]:
    new = 0
    with read_unit(sender.engine) as session:
        place = len(chain_of(session, sender.reception.centre))
    while True:
        found = sender.client.receipts(place)
        if isinstance(found, Later | Denied):
            return new, found.code
        before = new
        for line in found:
            try:
                with write_unit(sender.engine) as session:
                    done = import_receipt(session, line, sender.reception, sender.doing)
            except ReceiptRefused as refused:
                if refused.problem in ENDS:
                    _set_aside(sender, line, refused.problem)
                return new, refused.problem.value
            new += done.taken is Taken.IMPORTED
        if new == before:
            # Nothing, or what is known: whoever repeats it must not keep this going.
            return new, ""
        place += len(found)


def _set_aside(sender: Sender, line: bytes, problem: Problem) -> None:
    """Put the upload that a receipt of the centre's names on the dead-letter list, if it waits."""
    named = open_receipt(line).receipt.upload
    with write_unit(sender.engine) as session:
        upload = session.get(Upload, named, with_for_update=True)
        if upload is not None and upload.state in {UploadState.SENDING, UploadState.SENT}:
            upload.state, upload.next_try_at = UploadState.DEAD.value, None
            upload.last_problem = problem.value
            note(session, upload, "dead", sender.doing, problem.value)


def _collect_visibility(sender: Sender) -> tuple[int, str]:
    centre, new = sender.reception.centre, 0
    while True:
        with read_unit(sender.engine) as session:
            after = visibility_cursor(session, centre)
        found = sender.client.visibility(after)
        if not isinstance(found, Visibility):
            return new, found.code
        if found.next == after or not found.visible:
            if not found.visible:
                _settle_ahead(sender, after)
            return new, ""
        with write_unit(sender.engine) as session:
            new += load_visibility(session, found, centre, sender.doing).new
            if visibility_cursor(session, centre) == after:
                # A day to come: the rest another time.
                return new, ""


def _settle_ahead(sender: Sender, after: int) -> None:
    """Go on where nothing is left to read: the day to come was taken out of the list."""
    with read_unit(sender.engine) as session:
        if standing(session, Mark.LISTED_AHEAD) is None:
            return
    with write_unit(sender.engine) as session:
        nothing = Visibility(visible=[], next=after)
        load_visibility(session, nothing, sender.reception.centre, sender.doing)
