"""The verification bundle (验证包): all that a certificate's verification needs, in one file.

Two carriers of the same evidence: a JSON file (`*.certbundle.json`), and a C2SP `.tlog-proof`
whose `extra` line holds what is ours, so that other people's tools still read index, path
and checkpoint. The PDF holds the latter, with the signed record as an attachment beside it.
Reading checks form and size only; nothing here is believed before `signing.verify`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Final

import msgspec

from signing.canonical import Canonical, decode, decoder_for, encode
from signing.envelope import Envelope, from_json, to_json
from signing.errors import MalformedBundle, SigningError
from signing.record import OPENING_BYTES
from signing.tlog.proof import TlogProof, format_proof, parse_proof
from signing.tlog.status import StatusStaple, format_staple, parse_staple

MAX_BUNDLE_BYTES: Final = 65_536
"""A bundle takes 6–12 KB, most of it the checkpoint's ML-DSA signature and the status page."""

BUNDLE_SUFFIX: Final = ".certbundle.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is laid before `signing.verify`. A part that is None was not to be had."""

    envelope: Envelope
    opening: bytes | None
    """32 bytes that open the leaf's commitment; erased with the record on request."""
    entry: bytes | None
    """The issue entry's leaf bytes."""
    proof: TlogProof | None
    staple: StatusStaple | None
    link: str = ""
    """QR token of the edition that superseded this one, as the site has it; proves nothing
    and is not carried by files."""


_Opening = Annotated[bytes, msgspec.Meta(min_length=OPENING_BYTES, max_length=OPENING_BYTES)]


class _Extra(Canonical, frozen=True, kw_only=True):
    """The `extra` line's object. Nested JSON stays raw: its own parser checks it strictly."""

    entry: bytes | msgspec.UnsetType = msgspec.UNSET
    opening: _Opening | msgspec.UnsetType = msgspec.UNSET
    record: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    status: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Bundle(Canonical, frozen=True, kw_only=True):
    entry: bytes | msgspec.UnsetType = msgspec.UNSET
    opening: _Opening | msgspec.UnsetType = msgspec.UNSET
    proof: str | msgspec.UnsetType = msgspec.UNSET
    record: msgspec.Raw
    status: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    v: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1


_EXTRA_DECODER = decoder_for(_Extra)
_BUNDLE_DECODER = decoder_for(_Bundle)


def bundle_file(evidence: Evidence) -> bytes:
    """Write the JSON bundle. Raises MalformedBundle when it would not be read back."""
    return _limited(
        encode(
            _Bundle(
                entry=_or_unset(evidence.entry),
                opening=_or_unset(evidence.opening),
                proof=_proof_text(evidence.proof),
                record=msgspec.Raw(to_json(evidence.envelope)),
                status=_raw_staple(evidence.staple),
            )
        )
    )


def read_bundle_file(data: bytes) -> Evidence:
    """Parse a JSON bundle of at most 64 KiB strictly; raises MalformedBundle."""
    try:
        bundle = decode(data, _BUNDLE_DECODER, limit=MAX_BUNDLE_BYTES)
        envelope = from_json(bytes(bundle.record))
        proof = None if bundle.proof is msgspec.UNSET else parse_proof(bundle.proof.encode())
        staple = _staple(bundle.status)
    except SigningError as error:
        raise MalformedBundle(f"the verification bundle is damaged: {error}") from None
    if proof is not None and proof.extra is not None:
        raise MalformedBundle("the proof inside the bundle has an extra line")
    return Evidence(
        envelope=envelope,
        opening=_or_none(bundle.opening),
        entry=_or_none(bundle.entry),
        proof=proof,
        staple=staple,
    )


def proof_file(evidence: Evidence, *, with_record: bool) -> bytes:
    """Write the `.tlog-proof`; `with_record` puts the signed record in, for a lone file.

    Raises MalformedBundle when there is no inclusion proof to write, or it is too long.
    """
    if evidence.proof is None:
        raise MalformedBundle("there is no inclusion proof yet: the log has not taken this up")
    extra = _Extra(
        entry=_or_unset(evidence.entry),
        opening=_or_unset(evidence.opening),
        record=msgspec.Raw(to_json(evidence.envelope)) if with_record else msgspec.UNSET,
        status=_raw_staple(evidence.staple),
    )
    return _limited(format_proof(replace(evidence.proof, extra=encode(extra))))


def read_proof_file(data: bytes, envelope: Envelope | None = None) -> Evidence:
    """Parse a `.tlog-proof` of at most 64 KiB; raises MalformedBundle.

    `envelope` is the record from beside it (the PDF's attachment). A file that holds another
    record than that is refused: each would be checked and only one shown.
    """
    try:
        proof = parse_proof(_limited(data))
        extra = _Extra()
        if proof.extra is not None:
            extra = decode(proof.extra, _EXTRA_DECODER, limit=MAX_BUNDLE_BYTES)
        inside = None if extra.record is msgspec.UNSET else from_json(bytes(extra.record))
        staple = _staple(extra.status)
    except MalformedBundle:
        raise
    except SigningError as error:
        raise MalformedBundle(f"the proof file is damaged: {error}") from None
    if None not in (envelope, inside) and envelope != inside:
        raise MalformedBundle("the proof file is about another record than the one beside it")
    envelope = envelope or inside
    if envelope is None:
        raise MalformedBundle(
            "the proof file does not hold the record: check the PDF, or ask for a full bundle"
        )
    return Evidence(
        envelope=envelope,
        opening=_or_none(extra.opening),
        entry=_or_none(extra.entry),
        proof=replace(proof, extra=None),
        staple=staple,
    )


def _limited(data: bytes) -> bytes:
    if len(data) > MAX_BUNDLE_BYTES:
        raise MalformedBundle(f"the file is longer than {MAX_BUNDLE_BYTES} bytes")
    return data


def _proof_text(proof: TlogProof | None) -> str | msgspec.UnsetType:
    if proof is None:
        return msgspec.UNSET
    try:
        return format_proof(replace(proof, extra=None)).decode()
    except UnicodeDecodeError:
        raise MalformedBundle("the checkpoint of the proof is not text") from None


def _or_unset(data: bytes | None) -> bytes | msgspec.UnsetType:
    return msgspec.UNSET if data is None else data


def _or_none(data: bytes | msgspec.UnsetType) -> bytes | None:
    return None if data is msgspec.UNSET else data


def _raw_staple(staple: StatusStaple | None) -> msgspec.Raw | msgspec.UnsetType:
    return msgspec.UNSET if staple is None else msgspec.Raw(format_staple(staple))


def _staple(raw: msgspec.Raw | msgspec.UnsetType) -> StatusStaple | None:
    return None if raw is msgspec.UNSET else parse_staple(bytes(raw))
