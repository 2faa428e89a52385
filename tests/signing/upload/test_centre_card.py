"""`centre.json`: written and read in one form, and nothing else believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.model import KeyState, Purpose
from signing.upload.centre_card import Centre, MalformedCentre, centre_json, parse_centre

DAY = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def card(make_signer: Any, trusted_key: Any) -> Centre:
    keys = [trusted_key(make_signer(seed, Purpose.RECEIPT, "office")) for seed in (20, 21)]
    ended = replace(keys[1], state=KeyState.REVOKED, revoked_at=DAY)
    url = "https://sheng.example.cn/jianding"
    return Centre(name="示例省职业技能鉴定指导中心", url=url, keys=(keys[0], ended))


def test_a_card_reads_back(card: Centre) -> None:
    data = centre_json(card)
    assert parse_centre(data) == card
    assert data.startswith(b'{"keys":[{"algorithm":"ed25519","id":"')
    by_hand = replace(card, url="")
    assert parse_centre(centre_json(by_hand)) == by_hand


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": " x"},
        {"name": "a\u202eb"},
        {"url": "https://sheng.example.cn/"},
        {"url": "javascript:alert(1)"},
        {"keys": ()},
    ],
)
def test_what_no_reader_takes_is_not_written(card: Centre, change: dict[str, Any]) -> None:
    with pytest.raises(MalformedCentre):
        centre_json(replace(card, **change))


def test_keys_of_another_purpose_or_twice(card: Centre, make_signer: Any, trusted_key: Any) -> None:
    upload = trusted_key(make_signer(20, Purpose.UPLOAD, "office"))
    for keys in ((upload,), (card.keys[0], card.keys[0])):
        with pytest.raises(MalformedCentre):
            centre_json(replace(card, keys=keys))


@given(data=st.data())
def test_a_card_changed_anywhere_is_refused_or_says_something_else(
    card: Centre, data: st.DataObject
) -> None:
    whole = bytearray(centre_json(card))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    try:
        found = parse_centre(bytes(whole))
    except MalformedCentre:
        return
    assert found != card
    # A key whose bytes were changed has another id, so only words and days can differ.
    assert {key.public_key for key in found.keys} == {key.public_key for key in card.keys}


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_stumble(data: bytes) -> None:
    with pytest.raises(MalformedCentre):
        parse_centre(data)
