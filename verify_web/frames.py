"""Result pages of one state of the log, ready but for what is one certificate's own.

A *frame* is the page as the template gives it, in bytes, cut where one certificate's texts stand.
It is learnt from a page that was rendered whole: the same page is rendered with marks in the place
of those texts, cut, filled again, and kept only if the bytes are the whole page's.

Frames are kept for one `Snapshot` at a time, and a page is filled only into a frame of the very
snapshot it was verified by: what a frame says of log, policy and issuer cannot be of another state.
They are told apart by all that steers the template (`_shape`), answers first, so the word on a page
is the word for its own report. No name or number of a certificate is in a frame or its key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from markupsafe import escape

from signing.record import mask_id
from signing.report import StepCode
from verify_web.marking import marked, signed_by
from verify_web.sight import own_texts
from verify_web.views import detail_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from signing.report import Step
    from verify_web.public import Snapshot
    from verify_web.sight import Sight
    from verify_web.skeleton import ResultPage

MOST_FRAMES: Final = 512
"""Kept for one snapshot, the newest; about 20 KB each."""

_BETWEEN: Final = "\x1d"
_MARK: Final = re.compile("\x1e(\\d+)\x1f")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """A page cut at its own texts: every second piece makes room for the one `pick` takes."""

    pieces: list[bytes]
    pick: Callable[[list[bytes]], tuple[bytes, ...]]


class Frames:
    """The frames of the newest snapshot. Safe to share between threads."""

    def __init__(self) -> None:
        # Replaced as one: a thread that still holds the old pair fills the old snapshot's frames.
        self._kept: tuple[Snapshot | None, dict[Hashable, _Frame | None]] = (None, {})

    def fill(self, sight: Sight) -> bytes | None:
        """Give the page's bytes; None where its frame is not known."""
        of, frames = self._kept
        frame = frames.get(_shape(sight)) if of is sight.snapshot else None
        return None if frame is None else _filled(frame, own_texts(sight))

    def learn(
        self, sight: Sight, page: ResultPage, whole: str, render: Callable[[ResultPage], str]
    ) -> None:
        """Make the frame of a page that `render` rendered as `whole`, if it has none yet.

        A page whose bytes would differ in any place gets none.
        """
        of, frames = self._kept
        if of is not sight.snapshot:
            frames = {}
            self._kept = (sight.snapshot, frames)
        shape = _shape(sight)
        if shape not in frames:
            frame = _cut(render(marked(page, sight)))
            good = _filled(frame, own_texts(sight)) == whole.encode()
            good = good and not _names_one(frame, sight)
            # One at a time: were all let go, a city with more shapes would learn without end.
            while len(frames) >= MOST_FRAMES:
                frames.pop(next(iter(frames)), None)
            frames[shape] = frame if good else None


def _shape(sight: Sight) -> Hashable:
    """All that steers the template, and each text that `own_texts` does not have.

    The rest of a page is told by the snapshot. The first seven characters of the number are
    explained on the page: kind of body, first filing, province.
    """
    record, chain = sight.record, sight.entry.chain
    filed_as = sight.report.step(StepCode.SIGNATURE).facts["registered_name"]
    return (
        sight.display,
        sight.reissued,
        sight.report.verdict,
        tuple([_told(step, record.issuer) for step in sight.report.steps]),
        "" if filed_as == record.issuer else filed_as,
        record.id_type,
        record.level,
        record.edition,
        record.number[:7],
        record.direction == "",
        sight.onward == "",
        chain.filed == "",
        chain.reported == "",
        chain.accepted == "",
        chain.listed == "",
        len(sight.proof.path),
    )


def _told(step: Step, issuer: str) -> Hashable:
    # What a step says of this certificate alone is one of `own_texts`: the log's step all of it,
    # the signature's step the issuer, where the name on file is the certificate's.
    detail = None
    if step.code is StepCode.SIGNATURE and step.facts["registered_name"] == issuer:
        detail = signed_by(step, "\x1e")
    elif step.code is not StepCode.INCLUSION:
        detail = detail_of(step)
    return step.answer, step.reason, step.as_of, detail


def _names_one(frame: _Frame, sight: Sight) -> bool:
    """Whether a piece holds what only this certificate's page may say: a mark was forgotten."""
    record, page = sight.record, b"\x1e".join(frame.pieces)
    own = (sight.entry.token, record.name, record.number, mask_id(record.id_number))
    return any(str(escape(text)).encode() in page for text in own)


def _filled(frame: _Frame, own: list[str]) -> bytes | None:
    # Escaped all at once; a text that holds the mark between two would put the rest out of place.
    texts = str(escape(_BETWEEN.join(own))).encode().split(_BETWEEN.encode())
    if len(texts) != len(own):
        return None
    parts = frame.pieces.copy()
    parts[1::2] = frame.pick(texts)
    return b"".join(parts)


def _cut(marked: str) -> _Frame:
    parts = _MARK.split(marked)
    # Times and token stand on every page: there are always two texts or more.
    return _Frame(
        pieces=[part.encode() for part in parts],
        pick=itemgetter(*map(int, parts[1::2])),
    )
