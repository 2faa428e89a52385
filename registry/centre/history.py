"""Whether a city's log has one history (一致性): each package's tree goes on from the one held.

Three-valued. The same tree, or a consistency proof from it: valid. Another root at its size, or a
proof that does not hold: invalid, refused for good, and both signed checkpoints are kept for a
person. No proof from it: cannot say. That is taken, and listed, from a city that has never proven
anything (an older program, or a first checkpoint is all there is) and where a person let a gap
pass; a city that has proven once must go on proving, for whoever leaves the proof out has a reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from msgspec import UNSET
from sqlalchemy import select
from sqlalchemy.orm import Session

from registry.centre.store import City, Head, Parted, Submission
from signing.errors import SigningError
from signing.report import Answer
from signing.tlog.entry import format_time
from signing.tlog.merkle import verify_consistency
from signing.tlog.treehead import Checkpoint
from signing.upload.manifest import Manifest


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
    """Hold a city to its history and move on to this tree; the code of what is in the way, or "".

    Puts down, within the transaction, a tree that is not of one history with the one held.
    """
    head = session.get(Head, (city.name, tree.origin))
    if head is None:
        head = Head(city=city.name, origin=tree.origin, proven=True, proves=False)
        session.add(head)
        _move(head, tree, manifest)
        return ""
    answer, code = compare(Held(size=head.size, root=head.root), tree, manifest)
    match answer:
        case Answer.VALID:
            # The same tree again proves nothing new of a head that was not proven.
            if tree.size != head.size:
                head.proven = head.proves = True
        case Answer.CANNOT_SAY:
            if head.proves and not city.pass_over:
                return code
            head.proven = False
        case Answer.INVALID:
            session.add(
                Parted(
                    city=city.name,
                    upload=manifest.upload,
                    code=code,
                    held=head.checkpoint,
                    shown=manifest.checkpoint,
                    at=format_time(now),
                )
            )
            return code
    _move(head, tree, manifest)
    return ""


def open_matters(session: Session) -> Iterator[str]:
    """Yield what waits for a person, a line each."""
    for one in session.scalars(select(Parted).order_by(Parted.id)):
        yield (
            f"{one.city}：上报批 {one.upload} 的检查点与省中心所存的不属于同一公开日志历史"
            f"（{one.code}，{one.at[:10]}），两份签名检查点均已留存，请向该市查明 (log parted)"
        )
    for head in session.scalars(select(Head).where(Head.proven.is_(False))):
        yield (
            f"{head.city}：公开日志 {head.origin} 到 {head.size} 条，未附与前次检查点一致的证明，"
            "不能判断是否同一历史 (history not proven: cannot say)"
        )
    waiting = select(Submission).where(Submission.code == History.UNPROVEN)
    for sent in session.scalars(waiting):
        yield (
            f"{sent.city}：上报包 {sent.package[:16]} 缺一致性证明，未接收；向该市查明后可用 "
            f"`certreg centre city pass {sent.city}` 放行一次 (no proof: not taken)"
        )


def _move(head: Head, tree: Checkpoint, manifest: Manifest) -> None:
    head.size, head.root = tree.size, tree.root.hex()
    head.checkpoint = manifest.checkpoint
