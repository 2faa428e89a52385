"""Milestones (程序节点): a dated step of the notice's procedure, and what proves it later.

The log holds kind, subject and HMAC-SHA256(opening, canonical facts); the office keeps facts and
opening. To whom it hands both, with the leaf's inclusion, it can show that the step was in the
register by the time witnesses signed a checkpoint over it. The carrier is a C2SP `.tlog-proof`
whose `extra` line is ours: {"entry","milestone","opening"}.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from signing.canonical import Canonical, decode, decoder_for, encode
from signing.errors import MalformedJson, MalformedMilestone, SigningError
from signing.record import OPENING_BYTES, is_plain
from signing.tlog.proof import MAX_PROOF, TlogProof, format_proof, parse_proof

MAX_FACTS_BYTES: Final = 1024
"""Facts take 150 to 400 bytes; nothing longer is looked at."""

MAX_NOTE: Final = 60
"""Longest note on the document, in characters."""


class MilestoneKind(StrEnum):
    """Steps of the notice's procedure that are dated."""

    FILING = "filing"
    """企业备案"""
    SCHEME = "scheme"
    """方案备案"""
    PLAN = "plan"
    """计划备案"""
    RESULTS = "results"
    """结果备案"""
    PUBLICITY = "publicity"
    """公示"""
    APPROVAL = "approval"
    """批准"""
    UPLOAD_RECEIPT = "upload-receipt"
    """省中心接收"""
    AUDIT_HEAD = "audit-head"
    """审计记录链"""
    SUPERVISION_DRAW = "supervision-draw"
    """督导抽取"""


class MilestoneFacts(Canonical, frozen=True, kw_only=True):
    """What is committed to; fields in the order of the canonical bytes. Never about a person.

    The constructor checks nothing: `check_facts` does.
    """

    date: str
    """Day on which the step took place, in China, `YYYY-MM-DD`."""
    document: str
    """Lower-case hex SHA-256 of the step's document, "" if there is none."""
    kind: MilestoneKind
    """Which step."""
    note: str
    """What kind of document it is, such as 计划备案表; "" if not said, ≤ 60 characters."""
    subject: str
    """The office's reference: a plan's number, a batch; 1–128 visible ASCII characters."""
    v: int = 1


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_DIGEST = re.compile(r"(?:[0-9a-f]{64})?", re.ASCII)
_SUBJECT = re.compile(r"[!-~]{1,128}", re.ASCII)


def check_facts(facts: MilestoneFacts) -> None:
    """Check every field. Raises MalformedMilestone naming the field, never its value."""
    day_of(facts)
    if not _DIGEST.fullmatch(facts.document):
        raise MalformedMilestone("field document must be a SHA-256 in lower-case hex, or empty")
    if facts.kind not in frozenset(MilestoneKind):
        raise MalformedMilestone("field kind is not a step of the procedure")
    if len(facts.note) > MAX_NOTE or not is_plain(facts.note):
        raise MalformedMilestone(f"field note must be plain, at most {MAX_NOTE} characters")
    if not _SUBJECT.fullmatch(facts.subject):
        raise MalformedMilestone("field subject must have 1 to 128 ASCII characters, no spaces")
    if facts.v != 1:
        raise MalformedMilestone("field v is not 1")


def day_of(facts: MilestoneFacts) -> date:
    """Day on which the step took place. Raises MalformedMilestone unless `YYYY-MM-DD`."""
    try:
        return date.fromisoformat(facts.date if _DATE.fullmatch(facts.date) else "")
    except ValueError:
        raise MalformedMilestone("field date must be a date YYYY-MM-DD") from None


def facts_bytes(facts: MilestoneFacts) -> bytes:
    """Canonical JSON of the facts: what is committed to. Raises MalformedMilestone."""
    check_facts(facts)
    return encode(facts)


_FACTS_DECODER = decoder_for(MilestoneFacts)


def parse_facts(data: bytes) -> MilestoneFacts:
    """Read what `facts_bytes` writes, and nothing else. Raises MalformedMilestone."""
    try:
        facts = decode(data, _FACTS_DECODER, limit=MAX_FACTS_BYTES)
    except MalformedJson as error:
        raise MalformedMilestone(f"the milestone's facts are damaged: {error}") from None
    check_facts(facts)
    return facts


def facts_commitment(opening: bytes, facts: bytes) -> bytes:
    """HMAC-SHA256(opening, canonical facts), 32 bytes: what the public log holds.

    `opening` is 32 random bytes: without them nobody can try dates or documents against the log.
    """
    return hmac.digest(opening, facts, "sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneProof:
    """What is laid before `signing.milestone_verify`; nothing in it is believed yet.

    `entry` is the leaf's data, `facts` the canonical facts as they came, `opening` 32 bytes.
    `proof` has no `extra`.
    """

    entry: bytes
    facts: bytes
    opening: bytes
    proof: TlogProof


_Opening = Annotated[bytes, msgspec.Meta(min_length=OPENING_BYTES, max_length=OPENING_BYTES)]


class _Extra(Canonical, frozen=True, kw_only=True):
    """The `extra` line's object. The facts stay raw: `parse_facts` checks them strictly."""

    entry: bytes
    milestone: msgspec.Raw
    opening: _Opening


class _Peek(msgspec.Struct, frozen=True):
    milestone: msgspec.Raw


_EXTRA_DECODER = decoder_for(_Extra)
_PEEK_DECODER = decoder_for(_Peek)


def milestone_file(proof: MilestoneProof) -> bytes:
    """Write the `.tlog-proof`. Raises MalformedMilestone if it would not be read back."""
    extra = _Extra(entry=proof.entry, milestone=msgspec.Raw(proof.facts), opening=proof.opening)
    try:
        data = format_proof(replace(proof.proof, extra=encode(extra)))
    except SigningError as error:
        raise MalformedMilestone(f"the milestone's proof cannot be written: {error}") from None
    if read_milestone_file(data) != proof:
        raise MalformedMilestone("the milestone's proof would not be read back the same")
    return data


def is_milestone_file(data: bytes) -> bool:
    """Whether this is a `.tlog-proof` that speaks of a milestone; a certificate's does not."""
    try:
        extra = parse_proof(data).extra
        _PEEK_DECODER.decode(extra or b"")
    except (SigningError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def read_milestone_file(data: bytes) -> MilestoneProof:
    """Read a file of at most MAX_PROOF bytes. Raises MalformedMilestone. Verifies nothing."""
    try:
        proof = parse_proof(data)
        extra = decode(proof.extra or b"", _EXTRA_DECODER, limit=MAX_PROOF)
    except SigningError as error:
        raise MalformedMilestone(f"the milestone's proof is damaged: {error}") from None
    return MilestoneProof(
        entry=extra.entry,
        facts=bytes(extra.milestone),
        opening=extra.opening,
        proof=replace(proof, extra=None),
    )
