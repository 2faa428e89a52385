"""`centre.json`: written and read in one form; a newer one follows by the keys of the last one."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.model import KeyState, Purpose
from signing.envelope import from_json, sign_payload, to_json
from signing.upload.centre_card import (
    CARD_TYPE,
    MAX_CENTRE_BYTES,
    CardNotFollowed,
    Centre,
    MalformedCentre,
    follow,
    keeps_keys,
    parse_centre,
    revives,
    sign_card,
)

DAY = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def signers(make_signer: Any) -> list[Any]:
    return [make_signer(seed, Purpose.RECEIPT, "office") for seed in (20, 21, 22, 23)]


@pytest.fixture
def keys(signers: list[Any], trusted_key: Any) -> list[Any]:
    return [trusted_key(signer) for signer in signers]


def ended(key: Any, state: KeyState = KeyState.RETIRED) -> Any:
    return replace(key, state=state, revoked_at=DAY if state is KeyState.REVOKED else None)


@pytest.fixture
def card(keys: list[Any]) -> Centre:
    url = "https://sheng.example.cn/jianding"
    revoked = ended(keys[1], KeyState.REVOKED)
    name = "示例省职业技能鉴定指导中心"
    return Centre(name=name, url=url, keys=(revoked, keys[0]), number=7)


def test_a_card_reads_back(card: Centre, signers: list[Any]) -> None:
    data = sign_card(card, signers[0])
    assert parse_centre(data) == card
    payload = b64decode(json.loads(data)["payload"])
    assert payload.startswith(b'{"keys":[{"algorithm":"ed25519","id":"')
    assert (card.first_key, card.signing_key) == (card.keys[0].key_id, card.keys[1].key_id)
    by_hand = replace(card, url="")
    assert parse_centre(sign_card(by_hand, signers[0])) == by_hand
    assert replace(card, keys=card.keys[:1]).signing_key is None


def unsigned(card: Centre, signers: list[Any]) -> bytes:
    """Give the form of before cards had numbers."""
    payload = json.loads(b64decode(json.loads(sign_card(card, signers[0]))["payload"]))
    del payload["number"]
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def test_a_card_of_before_there_were_numbers_is_number_0(card: Centre, signers: list[Any]) -> None:
    data = unsigned(card, signers)
    assert parse_centre(data) == replace(card, number=0)
    # And it can be followed: its key signs the first that has a number.
    assert follow(parse_centre(data), sign_card(card, signers[0])) == card
    with pytest.raises(CardNotFollowed):
        follow(replace(card, number=0), data)


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
        {"number": 0},
        {"number": 100_000_000},
    ],
)
def test_what_no_reader_takes_is_not_written(
    card: Centre, signers: list[Any], change: dict[str, Any]
) -> None:
    with pytest.raises(MalformedCentre):
        sign_card(replace(card, **change), signers[0])


def test_keys_of_another_purpose_or_twice(
    card: Centre, signers: list[Any], make_signer: Any, trusted_key: Any
) -> None:
    upload = trusted_key(make_signer(20, Purpose.UPLOAD, "office"))
    for keys in ((upload,), (card.keys[1], card.keys[1])):
        with pytest.raises(MalformedCentre):
            sign_card(replace(card, keys=keys), signers[0])


def test_a_card_is_signed_by_a_key_that_it_lists_and_does_not_revoke(
    card: Centre, signers: list[Any]
) -> None:
    for signer in (signers[1], signers[2]):
        with pytest.raises(MalformedCentre):
            sign_card(card, signer)
    envelope = from_json(sign_card(card, signers[0]), limit=MAX_CENTRE_BYTES)
    turned = bytes([envelope.signature[0] ^ 1]) + envelope.signature[1:]
    other_type = sign_payload("application/json", envelope.payload, signers[0])
    for bad in (msgspec.structs.replace(envelope, signature=turned), other_type):
        with pytest.raises(MalformedCentre):
            parse_centre(to_json(bad))
    assert sign_payload(CARD_TYPE, envelope.payload, signers[0]) == envelope


def test_a_longest_list_of_keys_fits(make_signer: Any, trusted_key: Any) -> None:
    signers = [make_signer(seed, Purpose.RECEIPT, "office") for seed in range(64)]
    keys = tuple(ended(trusted_key(one), KeyState.REVOKED) for one in signers[:-1])
    last = trusted_key(signers[-1])
    card = Centre(name="中" * 100, url="", keys=(*keys, last), number=64)
    assert len(sign_card(card, signers[-1])) <= MAX_CENTRE_BYTES


def test_a_change_of_key_is_followed(keys: list[Any], signers: list[Any]) -> None:
    first = Centre(name="甲", url="", keys=(keys[0],), number=1)
    second = replace(first, name="乙", keys=(ended(keys[0]), keys[1]), number=2)
    assert follow(first, sign_card(second, signers[0])) == second
    # The old key may be revoked later, by the new one's word.
    third = replace(second, keys=(ended(keys[0], KeyState.REVOKED), keys[1]), number=3)
    assert follow(second, sign_card(third, signers[1])) == third
    # Cards between may be missing, as long as a key in use signed.
    assert follow(first, sign_card(replace(second, number=9), signers[0])).number == 9


def test_what_does_not_follow_is_refused(keys: list[Any], signers: list[Any]) -> None:
    first = Centre(name="甲", url="", keys=(keys[0],), number=1)
    second = replace(first, keys=(ended(keys[0]), keys[1]), number=2)
    third = replace(second, keys=(ended(keys[0], KeyState.REVOKED), keys[1]), number=3)
    later = replace(keys[0], not_before=keys[0].not_before + timedelta(days=1))
    refused = [
        # Played back, or the same number again.
        (second, first, signers[0]),
        (second, replace(second, name="乙"), signers[1]),
        # Signed by a key that the card in use does not know, or has ended.
        (first, second, signers[1]),
        (second, replace(second, number=3), signers[0]),
        (third, replace(second, number=4), signers[1]),
        # A key left out, in another place, changed, or brought back.
        (second, replace(second, keys=(keys[1],), number=3), signers[1]),
        (second, replace(second, keys=second.keys[::-1], number=3), signers[1]),
        (second, replace(second, keys=(keys[0], keys[1]), number=3), signers[1]),
        (first, replace(first, keys=(later,), number=2), signers[0]),
        (third, replace(third, keys=(ended(keys[0]), keys[1]), number=4), signers[1]),
        (
            third,
            replace(
                third,
                keys=(replace(third.keys[0], revoked_at=DAY + timedelta(days=1)), keys[1]),
                number=4,
            ),
            signers[1],
        ),
    ]
    for held, shown, signer in refused:
        with pytest.raises(CardNotFollowed):
            follow(held, sign_card(shown, signer))


def test_a_thief_of_a_revoked_key_leads_nobody_on(keys: list[Any], signers: list[Any]) -> None:
    """Whatever the thief of key 0 writes, a city that knows of the revocation does not follow."""
    held = Centre(name="甲", url="", keys=(ended(keys[0], KeyState.REVOKED), keys[1]), number=3)
    for theirs in (
        (keys[0], keys[1], keys[2]),
        (keys[0], ended(keys[1], KeyState.REVOKED), keys[2]),
        (ended(keys[0]), keys[1], keys[2]),
    ):
        with pytest.raises(CardNotFollowed):
            follow(held, sign_card(replace(held, keys=theirs, number=99), signers[0]))


@given(data=st.data())
def test_a_card_changed_anywhere_is_refused(
    card: Centre, signers: list[Any], data: st.DataObject
) -> None:
    whole = bytearray(sign_card(card, signers[0]))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(MalformedCentre):
        parse_centre(bytes(whole))


@given(data=st.data())
def test_an_unsigned_card_changed_anywhere_is_refused_or_says_something_else(
    card: Centre, signers: list[Any], data: st.DataObject
) -> None:
    whole = bytearray(unsigned(card, signers))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    try:
        found = parse_centre(bytes(whole))
    except MalformedCentre:
        return
    assert found != replace(card, number=0)
    # A key whose bytes were changed has another id, so only words and days can differ.
    assert {key.public_key for key in found.keys} == {key.public_key for key in card.keys}


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_stumble(data: bytes) -> None:
    for given_bytes in (data, b'{"payload":' + data, b'{"payload":"' + b64encode(data)):
        with pytest.raises(MalformedCentre):
            parse_centre(given_bytes)


@pytest.mark.parametrize("state", [KeyState.RETIRED, KeyState.REVOKED])
def test_the_term_of_a_key_ends_with_it_and_is_never_put_off(
    keys: list[Any], signers: list[Any], state: KeyState
) -> None:
    first = Centre(name="甲", url="", keys=(keys[0],), number=1)
    cut = replace(ended(keys[0], state), not_after=DAY + timedelta(days=1))
    by = signers[0] if state is KeyState.RETIRED else signers[1]
    second = Centre(name="甲", url="", keys=(cut, keys[1]), number=2)
    assert keeps_keys(first, second)
    if state is KeyState.RETIRED:
        assert follow(first, sign_card(second, by)) == second
    sooner = replace(cut, not_after=DAY)
    for key, kept in ((cut, True), (sooner, state is KeyState.RETIRED), (ended(keys[0]), False)):
        third = replace(second, keys=(key, keys[1]), number=3)
        assert keeps_keys(second, third) is kept
        assert revives(second, third) is not kept
    # Of a key that signs on, the term stays what it was.
    in_force = replace(second, keys=(cut, replace(keys[1], not_after=DAY + timedelta(days=9))))
    assert not keeps_keys(second, in_force)


def test_a_key_comes_back_wherever_it_stands(keys: list[Any]) -> None:
    held = Centre(name="甲", url="", keys=(ended(keys[0], KeyState.REVOKED), keys[1]), number=5)
    for listed in ((keys[0], keys[1]), (keys[2], keys[0]), (keys[1], ended(keys[0]))):
        assert revives(held, replace(held, keys=listed))
    # Another centre altogether, or one that lists it as ended, brings nothing back.
    for listed in ((keys[2],), (keys[2], held.keys[0]), held.keys):
        assert not revives(held, replace(held, keys=listed))
