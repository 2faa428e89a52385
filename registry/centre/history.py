"""Whether a city's log has one history (一致性): each package's tree goes on from the one held.

Three-valued. The same tree, or a consistency proof from it: valid. Another root at its size, or a
proof that does not hold: invalid, refused for good. No proof from it: cannot say. That is taken
from a city that has never proven anything (an older program), from one whose tree an older program
of the centre did not hold, and where a person let it pass; a city that has proven once must go on
proving, for whoever leaves the proof out has a reason.

Each step that is invalid or not proven is put down with both signed checkpoints, and stays until a
person has looked into it (`settle`): a proof that comes later leads from a tree that nobody proved.
The largest tree is held; from a smaller one nobody can tell, and it never takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Final

from msgspec import UNSET
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.centre.cities import get_city
from registry.centre.errors import CityRefused
from registry.centre.store import City, Head, Judged, Parted, StoredReceipt, note
from registry.centre.waiting import waiting_matters
from signing.errors import SigningError
from signing.report import Answer
from signing.tlog.entry import format_time
from signing.tlog.merkle import verify_consistency
from signing.tlog.treehead import Checkpoint
from signing.upload.manifest import Manifest

_MAX_REASON: Final = 100
_NAMED: Final = 3
"""As many uploads are named in a line."""


class History(StrEnum):
    """Why a package does not go on from what its city showed before."""

    OTHER_ROOT = "log-other-root"
    """The log signed two trees of one size."""
    INCONSISTENT = "log-inconsistent"
    """The proof does not lead from the tree held to this one."""
    UNPROVEN = "log-unproven"
    """There is no proof from the tree held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The tree that the centre holds of a log; `root` in lower-case hex."""

    size: int
    root: str


def compare(held: Held, tree: Checkpoint, manifest: Manifest) -> tuple[Answer, str]:
    """Hold a package's tree to the one held; the code is "" if it goes on from it. Pure."""
    stated = manifest.consistency
    if tree.size == held.size:
        same = tree.root.hex() == held.root
        return (Answer.VALID, "") if same else (Answer.INVALID, History.OTHER_ROOT)
    if stated is UNSET or stated.size != held.size:
        return Answer.CANNOT_SAY, History.UNPROVEN
    if stated.root != held.root:
        # The city's own signature says that its log had another tree of that size.
        return Answer.INVALID, History.OTHER_ROOT
    try:
        old = bytes.fromhex(held.root)
        verify_consistency(held.size, tree.size, old, tree.root, stated.hashes)
    except SigningError:
        return Answer.INVALID, History.INCONSISTENT
    return Answer.VALID, ""


def hold_to(
    session: Session, city: City, tree: Checkpoint, manifest: Manifest, *, now: datetime
) -> str:
    """Hold a city to its history and move on to a larger tree; the code of what is in the way.

    "" if nothing is. Puts down, within the transaction, each step that is not proven to be of one
    history with the tree held.
    """
    head = session.get(Head, (city.name, tree.origin))
    if head is None:
        first = not _reported_unheld(session, city)
        head = Head(city=city.name, origin=tree.origin, proven=first, proves=False)
        session.add(head)
        _move(head, tree, manifest)
        if not first:
            _put_down(session, city, manifest, code=History.UNPROVEN, held="", now=now)
        return ""
    answer, code = compare(Held(size=head.size, root=head.root), tree, manifest)
    match answer:
        case Answer.VALID:
            # The same tree again is no proof.
            head.proves = head.proves or tree.size > head.size
        case Answer.CANNOT_SAY:
            if head.proves and not city.pass_history:
                return code
            head.proven = False
            _put_down(session, city, manifest, code=code, held=head.checkpoint, now=now)
        case Answer.INVALID:
            _put_down(session, city, manifest, code=code, held=head.checkpoint, now=now)
            return code
    # A checkpoint of long ago would make the tree held forget what came after it.
    if tree.size > head.size:
        _move(head, tree, manifest)
    return ""


def lacks_proof(session: Session, city: City, tree: Checkpoint, manifest: Manifest) -> bool:
    """Whether, as things are, this package could only be taken by a person's leave."""
    head = session.get(Head, (city.name, tree.origin))
    if head is None or not head.proves:
        return False
    answer, _ = compare(Held(size=head.size, root=head.root), tree, manifest)
    return answer is Answer.CANNOT_SAY


def settle(session: Session, name: str, reason: str, *, who: str, now: datetime) -> list[str]:
    """Clear a city's steps that a person has looked into; return what they were, a line each.

    Was the last manifest refused for its history, the next one may be without a proof: it can
    only prove from the tree that was refused. ``reason`` has 1 to 100 characters, names no person
    and stands in the audit line. Raises CityRefused.
    """
    city = get_city(session, name)
    if not 0 < len(reason.strip()) <= _MAX_REASON or not reason.isprintable():
        raise CityRefused(
            "请写明查明的情况，1 至 100 个字，不写姓名和证件号码 (say what was found)"
        )
    steps = [one for one in _open_steps(session) if one.city == name]
    if not steps:
        raise CityRefused("该市没有待查明的公开日志事项 (nothing of this city waits to be settled)")
    lines = list(_lines(steps))
    for one in steps:
        one.settled_at = format_time(now)
    last = session.get(Judged, (name, city.manifest))
    if last is not None and last.code in {History.OTHER_ROOT, History.INCONSISTENT}:
        city.pass_history = True
    said = reason.strip()
    note(session, at=format_time(now), who=who, what="city-settle", subject=name, outcome=said)
    return lines


def open_matters(session: Session) -> Iterator[str]:
    """Yield what waits for a person: refusals, a city's unproven steps, packages not taken."""
    yield from _lines(_open_steps(session))
    yield from waiting_matters(session)


def _open_steps(session: Session) -> list[Parted]:
    query = select(Parted).where(Parted.settled_at.is_(None)).order_by(Parted.city, Parted.id)
    return list(session.scalars(query))


def _lines(steps: Iterable[Parted]) -> Iterator[str]:
    for city, of_city in groupby(steps, key=lambda one: one.city):
        unproven: list[str] = []
        for one in of_city:
            if one.code == History.UNPROVEN:
                unproven.append(one.upload)
                continue
            yield (
                f"{city}：上报批 {one.upload} 的检查点与省中心所存的不属于同一公开日志历史"
                f"（{one.code}，{one.at[:10]}），未接收，两份签名检查点均已留存；请向该市查明，"
                f"查明后用 `certreg centre city settle {city}` 注明 (log parted)"
            )
        if unproven:
            more = f" 等 {len(unproven)} 批" if len(unproven) > _NAMED else " "
            named = "、".join(unproven[:_NAMED])
            yield (
                f"{city}：上报批 {named}{more}未证明其检查点与省中心所存的一致，"
                "不能判断是否同一公开日志历史，有关签名检查点已留存；请向该市查明，"
                f"查明后用 `certreg centre city settle {city}` 注明 "
                "(history not proven: cannot say)"
            )


def _reported_unheld(session: Session, city: City) -> bool:
    """Whether the city reported before and no tree of it is held: an older program took that.

    A city that goes on with another log has one, of the log before.
    """
    held = select(Head.origin).where(Head.city == city.name).limit(1)
    taken = select(StoredReceipt.place).where(StoredReceipt.city == city.name).limit(1)
    return session.scalar(held) is None and session.scalar(taken) is not None


def _put_down(
    session: Session, city: City, manifest: Manifest, *, code: str, held: str, now: datetime
) -> None:
    session.add(
        Parted(
            city=city.name,
            upload=manifest.upload,
            code=code,
            held=held,
            shown=manifest.checkpoint,
            at=format_time(now),
        )
    )


def _move(head: Head, tree: Checkpoint, manifest: Manifest) -> None:
    head.size, head.root = tree.size, tree.root.hex()
    head.checkpoint = manifest.checkpoint
