"""A signed refusal: written and read in one form."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.model import Purpose
from signing.envelope import sign_payload, to_json
from signing.upload.errors import MalformedReceipt
from signing.upload.refusal import MAX_REFUSAL_BYTES, Refusal, open_refusal, sign_refusal

USUAL = Refusal(
    at=datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC),
    city="shizhou.example.cn/log",
    code="rows-malformed",
    package="ab" * 32,
)


@pytest.fixture
def signer(make_signer: Any) -> Any:
    return make_signer(20, Purpose.RECEIPT, "office")


def test_a_refusal_reads_back(signer: Any) -> None:
    found, envelope = open_refusal(sign_refusal(USUAL, signer))
    assert found == USUAL
    assert envelope.payload == (
        b'{"at":"2026-11-24T02:00:00Z","city":"shizhou.example.cn/log","code":"rows-malformed",'
        b'"package":"' + b"ab" * 32 + b'","v":1}'
    )
    assert envelope.key_id == signer.info.key_id


@pytest.mark.parametrize(
    "change",
    [{"code": ""}, {"code": "Rows"}, {"code": "x" * 61}, {"package": "ab"}, {"city": "a b"}],
)
def test_what_no_reader_takes_is_not_written(signer: Any, change: dict[str, str]) -> None:
    with pytest.raises(MalformedReceipt):
        sign_refusal(replace(USUAL, **change), signer)


def test_another_signed_file_is_no_refusal(signer: Any) -> None:
    _, envelope = open_refusal(sign_refusal(USUAL, signer))
    other = to_json(sign_payload("application/json", envelope.payload, signer))
    for data in (other, envelope.payload, b"", b"x" * (MAX_REFUSAL_BYTES + 1)):
        with pytest.raises(MalformedReceipt):
            open_refusal(data)


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_stumble(data: bytes) -> None:
    with pytest.raises(MalformedReceipt):
        open_refusal(data)
