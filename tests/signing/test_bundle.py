"""Bundles and proof files: the same evidence in and out, strict, bounded."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.bundle import (
    MAX_BUNDLE_BYTES,
    Evidence,
    bundle_file,
    proof_file,
    read_bundle_file,
    read_proof_file,
)
from signing.errors import MalformedBundle
from signing.tlog.proof import format_proof, parse_proof

_PARTS = ("opening", "entry", "proof", "staple")


def _without(evidence: Evidence, *parts: str) -> Evidence:
    return replace(evidence, **dict.fromkeys(parts))


@given(missing=st.sets(st.sampled_from(_PARTS)))
def test_bundle_round_trip(missing: set[str], log: Any) -> None:
    evidence = _without(log.evidence(), *missing)
    assert read_bundle_file(bundle_file(evidence)) == evidence


@given(missing=st.sets(st.sampled_from([*{*_PARTS} - {"proof"}])), with_record=st.booleans())
def test_proof_round_trip(missing: set[str], with_record: bool, log: Any) -> None:
    evidence = _without(log.evidence(), *missing)
    data = proof_file(evidence, with_record=with_record)
    assert read_proof_file(data, evidence.envelope) == evidence
    if with_record:
        assert read_proof_file(data) == evidence


def test_the_proof_file_is_anybodys_tlog_proof(log: Any) -> None:
    evidence = log.evidence()
    data = proof_file(evidence, with_record=True)
    proof = parse_proof(data)
    assert replace(proof, extra=None) == evidence.proof
    extra = json.loads(proof.extra)
    assert sorted(extra) == ["entry", "opening", "record", "status"]
    assert base64.b64decode(extra["entry"]) == evidence.entry
    assert base64.b64decode(extra["opening"]) == evidence.opening
    assert extra["record"]["payloadType"] == "application/vnd.certreg.record.v1+json"


def test_the_site_hint_is_carried_by_no_file(log: Any) -> None:
    evidence = replace(log.evidence(), link="abcdefgh234567aa")
    assert read_bundle_file(bundle_file(evidence)).link == ""


def test_a_proof_file_without_its_record_says_so(log: Any) -> None:
    with pytest.raises(MalformedBundle, match="does not hold the record"):
        read_proof_file(proof_file(log.evidence(), with_record=False))
    bare = format_proof(log.evidence().proof)
    with pytest.raises(MalformedBundle, match="does not hold the record"):
        read_proof_file(bare)
    assert read_proof_file(bare, log.envelope(2)).entry is None


def test_two_records_are_refused(log: Any) -> None:
    data = proof_file(log.evidence(), with_record=True)
    with pytest.raises(MalformedBundle, match="another record"):
        read_proof_file(data, log.envelope(1))


def test_without_an_inclusion_proof_there_is_no_proof_file(log: Any) -> None:
    with pytest.raises(MalformedBundle, match="no inclusion proof"):
        proof_file(replace(log.evidence(), proof=None), with_record=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\n",
        lambda data: data.replace(b'"v":1', b'"v":2'),
        lambda data: data.replace(b'"v":1', b'"v":1,"w":1'),
        lambda data: data.replace(b'"record":{', b'"record": {'),
        lambda data: data.replace(b'"record":{"payload"', b'"record":{ "payload"'),
        lambda data: data.replace(b'"keyid"', b'"keyId"'),
        lambda data: data.replace(b'"pages":1', b'"pages":"1"'),
        lambda data: data.replace(b"tlog-proof@v1", b"tlog-proof@v2"),
        lambda data: data.replace(b'"opening":"', b'"opening":"AAAA'),
        lambda data: data.replace(b'"status"', b'"Status"'),
        lambda data: b"",
        lambda data: b"{}",
        lambda data: b'{"record":{},"v":1}',
        lambda data: b'{"record":null,"v":1}',
        lambda data: b"\xff\xfe",
        lambda data: b"[" * 60_000,
    ],
)
def test_any_other_bundle_is_refused(log: Any, change: Callable[[bytes], bytes]) -> None:
    good = bundle_file(log.evidence())
    assert change(good) != good
    with pytest.raises(MalformedBundle):
        read_bundle_file(change(good))


def test_a_proof_with_an_extra_line_inside_a_bundle_is_refused(log: Any) -> None:
    bundle = json.loads(bundle_file(log.evidence()))
    assert "extra" not in bundle["proof"]
    bundle["proof"] = proof_file(log.evidence(), with_record=False).decode()
    with pytest.raises(MalformedBundle, match="extra"):
        read_bundle_file(json.dumps(bundle, separators=(",", ":"), ensure_ascii=False).encode())


def test_the_sizes_are_bounded(log: Any) -> None:
    evidence = log.evidence()
    assert len(bundle_file(evidence)) < 8192
    for read in (read_bundle_file, read_proof_file):
        with pytest.raises(MalformedBundle, match="longer"):
            read(b"{" + b" " * MAX_BUNDLE_BYTES)
    big = replace(evidence, entry=bytes(MAX_BUNDLE_BYTES))
    with pytest.raises(MalformedBundle, match="longer"):
        bundle_file(big)
    with pytest.raises(MalformedBundle, match="longer"):
        proof_file(big, with_record=True)
    garbled = replace(evidence, proof=replace(evidence.proof, checkpoint_note=b"\xff\n"))
    with pytest.raises(MalformedBundle, match="not text"):
        bundle_file(garbled)


@given(st.binary(max_size=400) | st.binary(max_size=200).map(b"c2sp.org/tlog-proof@v1\n".__add__))
def test_no_bytes_crash_the_readers(data: bytes) -> None:
    for read in (read_bundle_file, read_proof_file):
        with pytest.raises(MalformedBundle):
            read(data)


@given(data=st.data())
def test_a_changed_byte_of_a_proof_file_never_reads_the_same(data: st.DataObject, log: Any) -> None:
    good = proof_file(log.evidence(), with_record=True)
    bad = bytearray(good)
    bad[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        evidence = read_proof_file(bytes(bad))
    except MalformedBundle:
        return
    assert evidence != log.evidence()
