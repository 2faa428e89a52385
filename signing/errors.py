"""The error family of `signing`: one class per kind of input that can be refused.

Each class has a stable `code` that programs and pages may rely on; the message tells a
clerk what is wrong with the file. No message ever holds a value of a person.
"""

from __future__ import annotations

from typing import ClassVar


class SigningError(Exception):
    """Base of everything `signing` raises on bad input."""

    code: ClassVar[str] = "signing-error"


class MalformedJson(SigningError):
    """Not canonical JSON (RFC 8785 subset) of the shape asked for."""

    code = "malformed-json"


class MalformedRecord(SigningError):
    """Not a canonical certificate record (证书记录), or its parts disagree."""

    code = "malformed-record"


class MalformedEnvelope(SigningError):
    """Not a DSSE envelope with exactly one signature."""

    code = "malformed-envelope"


class MalformedNote(SigningError):
    """Not a C2SP signed note."""

    code = "malformed-note"


class UntrustedNote(SigningError):
    """A well-formed note without a good signature of a known key, or with a bad one."""

    code = "untrusted-note"


class MalformedCheckpoint(SigningError):
    """A note whose text is not a C2SP tlog-checkpoint."""

    code = "malformed-checkpoint"


class UntrustedCheckpoint(SigningError):
    """A checkpoint of another log, or without the quorum of witnesses the policy asks for."""

    code = "untrusted-checkpoint"


class UncheckableCheckpoint(UntrustedCheckpoint):
    """Nothing false, but signatures the policy asks for are of a kind this machine cannot check."""

    code = "uncheckable-checkpoint"


class MalformedProof(SigningError):
    """A proof of the wrong length, with hashes of the wrong size, or not a .tlog-proof."""

    code = "malformed-proof"


class ProofMismatch(SigningError):
    """A well-formed proof that leads to another root."""

    code = "proof-mismatch"


class MalformedEntry(SigningError):
    """Not a log entry (日志条目) of a known type in canonical form."""

    code = "malformed-entry"


class MalformedTile(SigningError):
    """A tile or entry bundle of the wrong size, or a bad tile path."""

    code = "malformed-tile"


class MissingTile(SigningError):
    """A tile the proof needs cannot be read: nothing can be said, nothing is disproved."""

    code = "missing-tile"


class MalformedMilestone(SigningError):
    """Not a milestone's facts (程序节点) in canonical form, or not a milestone's proof."""

    code = "malformed-milestone"


class MalformedStatus(SigningError):
    """Not a status page or status staple (状态证明), or an index out of its range."""

    code = "malformed-status"


class MalformedQr(SigningError):
    """Not a certificate's QR address or payload."""

    code = "malformed-qr"


class UnreadablePicture(SigningError):
    """A picture without one readable QR symbol, or too large to look at."""

    code = "unreadable-picture"


class MalformedBundle(SigningError):
    """Not a verification bundle (验证包), or over its size limit."""

    code = "malformed-bundle"


class UnreadableFile(SigningError):
    """A file that cannot be read, is too large, or is of no kind `certverify` knows."""

    code = "unreadable-file"


class MalformedPdf(SigningError):
    """Not a PDF that can be read within the limits, or without the attachments."""

    code = "malformed-pdf"


class MalformedAnnotation(SigningError):
    """Not the annotation (加注) of a copy: a text or a day out of form, or damaged."""

    code = "malformed-annotation"


class MalformedRelease(SigningError):
    """Not the statement that a file was let out (发出登记), or damaged."""

    code = "malformed-release"


class MalformedReceipt(SigningError):
    """Not the receipt of a bulk check (批量查验凭证), or damaged; or not its spreadsheet."""

    code = "malformed-receipt"


class SealFailed(SigningError):
    """The seal (电子签章) could not be put on the PDF."""

    code = "seal-failed"


class StampFailed(SigningError):
    """No timestamp (时间戳) was to be had, or none that readers could trust."""

    code = "stamp-failed"


class MalformedMirror(SigningError):
    """A row of the public mirror that does not open under the key made from the factors."""

    code = "malformed-mirror"


class MalformedExchange(SigningError):
    """The exchange of site and registry (`exchange.db`) is not to be read or written."""

    code = "malformed-exchange"
