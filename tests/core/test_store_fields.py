"""Encrypted fields and blind indexes: what is sealed opens in its own place and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from registry.office.certificates import open_certificate
from registry.store.base import write_unit
from registry.store.certificates import Certificate
from registry.store.fields import FieldCipher, FieldDamaged, blind_index

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
PLACE = "certificates.sealed"
NONCE = st.binary(min_size=12, max_size=12)
ROW = st.integers(0, 2**63 - 1)


@given(row=ROW, nonce=NONCE, plain=st.binary(max_size=400))
def test_what_is_sealed_opens_again_and_shows_nothing(row: int, nonce: bytes, plain: bytes) -> None:
    cipher = FieldCipher(KEY, PLACE)
    sealed = cipher.seal(row, nonce, plain)
    assert cipher.open(row, sealed) == plain
    assert len(sealed) == len(plain) + 28
    assert len(plain) < 4 or plain not in sealed[12:]


@given(row=ROW, other=ROW, nonce=NONCE, plain=st.binary(max_size=60))
def test_a_sealed_field_moved_elsewhere_does_not_open(
    row: int, other: int, nonce: bytes, plain: bytes
) -> None:
    sealed = FieldCipher(KEY, PLACE).seal(row, nonce, plain)
    places = [
        (FieldCipher(OTHER_KEY, PLACE), row),
        (FieldCipher(KEY, "certificates.other"), row),
        (FieldCipher(KEY, "other.sealed"), row),
        (FieldCipher(KEY, PLACE), other if other != row else row ^ 1),
    ]
    for cipher, place in places:
        with pytest.raises(FieldDamaged, match="does not open: restore"):
            cipher.open(place, sealed)


@given(nonce=NONCE, plain=st.binary(max_size=60), data=st.data())
def test_any_changed_bit_or_missing_byte_is_noticed(
    nonce: bytes, plain: bytes, data: st.DataObject
) -> None:
    cipher = FieldCipher(KEY, PLACE)
    sealed = bytearray(cipher.seal(7, nonce, plain))
    short = bytes(sealed[: data.draw(st.integers(0, len(sealed) - 1))])
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    for damaged in (short, bytes(sealed)):
        with pytest.raises(FieldDamaged) as found:
            cipher.open(7, damaged)
        assert found.value.code == "field-damaged"
        assert found.value.__cause__ is None


def test_a_record_moved_to_another_row_of_the_database_does_not_open(office: Any) -> None:
    office.issue(office.people(2))
    first, second = office.rows(Certificate)
    with write_unit(office.engine) as session:
        session.execute(
            update(Certificate)
            .where(Certificate.status_index == first.status_index)
            .values(sealed=second.sealed)
        )
    moved, kept = office.rows(Certificate)
    assert open_certificate(kept, office.context).record.number == second.number
    with pytest.raises(FieldDamaged) as refused:
        open_certificate(moved, office.context)
    assert all(person.name not in str(refused.value) for person in office.people(2))


def test_no_person_stands_in_the_database_in_clear(office: Any) -> None:
    people = office.people(40)
    office.issue(people)
    office.run()
    office.close()
    files = [*office.home.rglob("*.db*"), *(office.site.public / "log").rglob("*")]
    everything = b"".join(file.read_bytes() for file in files if file.is_file())
    assert people[0].occupation_code.encode() in everything
    for person in people:
        assert person.name.encode() not in everything
        assert person.id_number.encode() not in everything
        assert person.admission.encode() not in everything


@given(value=st.text(min_size=1), other=st.text(min_size=1))
def test_the_blind_index_finds_equals_under_its_own_key_only(value: str, other: str) -> None:
    tag = blind_index(KEY, value)
    assert len(tag) == 16
    assert tag == blind_index(KEY, value)
    assert tag != blind_index(OTHER_KEY, value)
    assert (tag == blind_index(KEY, other)) == (value == other)
