"""The `successor` note of a frozen log (日志接续公告): where its history goes on.

A C2SP signed note beside the frozen log's checkpoint, signed by the frozen log's own keys:

    certreg/log-successor/v1
    <origin of the frozen log>
    <size of its last checkpoint>
    <root of its last checkpoint, base64>
    <vkey of the log that follows>

The log that follows points back by the `succession` entry that is its first leaf. Both must
agree; a note alone could have been made by whoever stole the frozen log's key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keys.errors import KeysError
from keys.vkey import VerifierKey, format_vkey, parse_vkey
from signing.errors import MalformedCheckpoint, UntrustedCheckpoint
from signing.tlog.note import Note, format_note, parse_note, sign_note, verify_note
from signing.tlog.treehead import Checkpoint, format_checkpoint, parse_checkpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keys.policy import Policy
    from keys.signer import Signer

MAX_SUCCESSOR: Final = 1 << 16
"""Longest note read, in bytes."""

_HEADER: Final = "certreg/log-successor/v1\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """`last` is the frozen log's final checkpoint, `key` the Ed25519 key of the log after it."""

    last: Checkpoint
    key: VerifierKey


def sign_successor(successor: Successor, signers: Sequence[Signer]) -> bytes:
    """Write the note, signed by the frozen log's Ed25519 keys. Raises MalformedCheckpoint."""
    text = f"{_HEADER}{format_checkpoint(successor.last)}{format_vkey(successor.key)}\n"
    origin = successor.last.origin
    lines = tuple(sign_note(text, origin, signer) for signer in signers)
    return format_note(Note(text=text, signatures=lines))


def open_successor(data: bytes, policy: Policy) -> Successor:
    """Read the note and accept it under the frozen log's `policy`.

    Raises MalformedNote, MalformedCheckpoint, UntrustedNote or UntrustedCheckpoint.
    """
    if len(data) > MAX_SUCCESSOR:
        raise MalformedCheckpoint(f"the successor note is longer than {MAX_SUCCESSOR} bytes")
    note = parse_note(data)
    head, found, key = note.text.removeprefix(_HEADER)[:-1].rpartition("\n")
    if not note.text.startswith(_HEADER) or not found:
        raise MalformedCheckpoint("this is not the note of a log's successor")
    last = parse_checkpoint(f"{head}\n")
    try:
        successor = Successor(last=last, key=parse_vkey(key))
    except KeysError:
        raise MalformedCheckpoint("the successor's key is damaged") from None
    logs = {log.key for log in policy.logs}
    if not any(key.name == last.origin for key in verify_note(note, logs) & logs):
        raise UntrustedCheckpoint("the frozen log has not signed the note of its successor")
    return successor
