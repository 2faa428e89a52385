"""The public mirror: nothing readable without the factors, nothing found by one of them."""

from __future__ import annotations

import itertools
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.signer import PrivateKeySigner
from signing.envelope import sign_record
from signing.errors import MalformedMirror
from signing.mirror import (
    SCHEMA,
    Factor,
    MirrorEntry,
    MirrorRows,
    entry_id_of,
    normalise,
    open_entry,
    open_index,
    pairs,
    seal_rows,
    tag_and_key,
)
from signing.record import Record, canonical

MakeRecord = Callable[..., Record]

PEPPER = bytes(range(32))
TOKEN = "abcdefgh234567aa"


@pytest.fixture(scope="module")
def entry(make_record: MakeRecord, record_signer: PrivateKeySigner) -> MirrorEntry:
    return _entry(make_record(), record_signer, TOKEN)


def _entry(record: Record, signer: PrivateKeySigner, token: str) -> MirrorEntry:
    return MirrorEntry(
        envelope=sign_record(canonical(record), signer),
        opening=bytes(32),
        entry=b'{"batch":"B-2026-000001","commit":"' + b"0" * 64 + b'","edition":1}',
        index=7,
        status_index=3,
        token=token,
        superseded_by="",
        batch="B-2026-000001",
    )


def _find(rows: MirrorRows, factors: Mapping[Factor, str], pepper: bytes = PEPPER) -> MirrorEntry:
    """What a reader does: one tag, its rows, the entry."""
    tag, wrapping = tag_and_key(pepper, factors)
    (wrapped,) = [row for stored, row in rows.index_rows if stored == tag]
    entry_id, key = open_index(wrapping, tag, wrapped)
    assert entry_id == rows.entry_id
    return open_entry(entry_id, key, rows.sealed)


def test_found_by_token_and_by_every_two_facts(entry: MirrorEntry, make_record: MakeRecord) -> None:
    rows = seal_rows(PEPPER, entry, secrets.token_bytes)
    record = make_record()
    assert len(rows.index_rows) == 8
    assert rows.entry_id == entry_id_of(PEPPER, TOKEN)
    for factors in ({Factor.TOKEN: TOKEN}, *pairs(record)):
        assert _find(rows, factors) == entry


def test_the_last_six_of_the_id_number_find_nothing_but_with_the_number(
    entry: MirrorEntry, make_record: MakeRecord
) -> None:
    rows = seal_rows(PEPPER, entry, secrets.token_bytes)
    record = make_record()
    pair = {Factor.LAST_SIX: record.id_number[-6:].lower(), Factor.NUMBER: record.number}
    assert _find(rows, pair) == entry
    for factor, value in {Factor.NAME: record.name, Factor.ADMISSION: record.admission}.items():
        with pytest.raises(MalformedMirror):
            tag_and_key(PEPPER, {Factor.LAST_SIX: pair[Factor.LAST_SIX], factor: value})
    with pytest.raises(MalformedMirror):
        tag_and_key(PEPPER, {Factor.LAST_SIX: pair[Factor.LAST_SIX]})
    wrong = {**pair, Factor.LAST_SIX: "000000"}
    assert tag_and_key(PEPPER, wrong)[0] not in dict(rows.index_rows)


def test_three_pairs_without_an_admission_number(
    make_record: MakeRecord, record_signer: PrivateKeySigner
) -> None:
    record = make_record(admission="")
    rows = seal_rows(PEPPER, _entry(record, record_signer, TOKEN), secrets.token_bytes)
    assert len(rows.index_rows) == 5
    assert all(Factor.ADMISSION not in factors for factors in pairs(record))


def test_as_people_type_it(entry: MirrorEntry) -> None:
    rows = seal_rows(PEPPER, entry, secrets.token_bytes)
    typed = {Factor.NUMBER: " y００００44999001 263000001 ", Factor.NAME: "张 示例"}
    assert _find(rows, typed) == entry
    assert _find(rows, {Factor.TOKEN: f" {TOKEN.upper()}"}) == entry


@pytest.mark.parametrize(
    "factors",
    [
        {Factor.NUMBER: "Y000044999001263000001", Factor.NAME: "李示例"},
        {Factor.NUMBER: "Y000044999001263000002", Factor.NAME: "张示例"},
        {Factor.NAME: "440300199001010011", Factor.ID_NUMBER: "张示例"},
        {Factor.TOKEN: "abcdefgh234567ab"},
    ],
)
def test_wrong_facts_match_no_row_and_open_none(
    entry: MirrorEntry, factors: Mapping[Factor, str]
) -> None:
    rows = seal_rows(PEPPER, entry, secrets.token_bytes)
    tag, wrapping = tag_and_key(PEPPER, factors)
    assert tag not in dict(rows.index_rows)
    for stored, wrapped in rows.index_rows:
        with pytest.raises(MalformedMirror):
            open_index(wrapping, stored, wrapped)


def test_nothing_opens_under_another_pepper(entry: MirrorEntry, make_record: MakeRecord) -> None:
    rows = seal_rows(PEPPER, entry, secrets.token_bytes)
    other = bytes(32)
    for factors in ({Factor.TOKEN: TOKEN}, *pairs(make_record())):
        tag, wrapping = tag_and_key(other, factors)
        assert tag not in dict(rows.index_rows)
        for stored, wrapped in rows.index_rows:
            with pytest.raises(MalformedMirror):
                open_index(wrapping, stored, wrapped)


def test_a_lookup_by_one_fact_cannot_even_be_asked(make_record: MakeRecord) -> None:
    record = make_record()
    values = {
        Factor.TOKEN: TOKEN,
        Factor.NUMBER: record.number,
        Factor.NAME: record.name,
        Factor.ID_NUMBER: record.id_number,
        Factor.ADMISSION: record.admission,
        Factor.LAST_SIX: record.id_number[-6:],
    }
    allowed = 0
    for count in range(7):
        for kinds in itertools.combinations(Factor, count):
            asked = {kind: values[kind] for kind in kinds}
            two = count == 2 and not {Factor.TOKEN, Factor.LAST_SIX} & set(kinds)
            if kinds == (Factor.TOKEN,) or two or kinds == (Factor.NUMBER, Factor.LAST_SIX):
                tag_and_key(PEPPER, asked)
                allowed += 1
            else:
                with pytest.raises(MalformedMirror):
                    tag_and_key(PEPPER, asked)
    assert allowed == 8


def test_an_empty_fact_or_short_pepper_is_refused() -> None:
    with pytest.raises(MalformedMirror):
        tag_and_key(PEPPER, {Factor.NAME: " ", Factor.NUMBER: "Y"})
    with pytest.raises(MalformedMirror):
        tag_and_key(b"short", {Factor.TOKEN: TOKEN})
    with pytest.raises(MalformedMirror):
        entry_id_of(b"", TOKEN)


def test_the_order_of_the_facts_is_indifferent_and_their_border_is_not() -> None:
    one = tag_and_key(PEPPER, {Factor.NAME: "张", Factor.NUMBER: "Y1"})
    assert one == tag_and_key(PEPPER, {Factor.NUMBER: "Y1", Factor.NAME: "张"})
    assert one != tag_and_key(PEPPER, {Factor.NAME: "张Y", Factor.NUMBER: "1"})
    assert (len(one[0]), len(one[1])) == (16, 32)


def test_rows_changed_or_swapped_do_not_open(
    entry: MirrorEntry, make_record: MakeRecord, record_signer: PrivateKeySigner
) -> None:
    rows = seal_rows(PEPPER, entry, secrets.token_bytes)
    other_entry = _entry(make_record(name="李示例"), record_signer, "abcdefgh234567ab")
    other = seal_rows(PEPPER, other_entry, secrets.token_bytes)
    tag, wrapping = tag_and_key(PEPPER, {Factor.TOKEN: TOKEN})
    wrapped = dict(rows.index_rows)[tag]
    entry_id, key = open_index(wrapping, tag, wrapped)
    for bad in (wrapped[:-1], wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"", wrapped + b"\0"):
        with pytest.raises(MalformedMirror):
            open_index(wrapping, tag, bad)
    with pytest.raises(MalformedMirror):
        open_index(wrapping, other.index_rows[0][0], wrapped)
    for bad in (other.sealed, rows.sealed[:-1], rows.sealed[:20], b"", bytes(20_000)):
        with pytest.raises(MalformedMirror):
            open_entry(entry_id, key, bad)
    with pytest.raises(MalformedMirror):
        open_entry(other.entry_id, key, rows.sealed)


@given(st.binary(max_size=200), st.binary(min_size=76, max_size=76))
def test_no_row_crashes_the_reader(sealed: bytes, wrapped: bytes) -> None:
    with pytest.raises(MalformedMirror):
        open_entry(bytes(16), bytes(32), sealed)
    with pytest.raises(MalformedMirror):
        open_index(bytes(32), bytes(16), wrapped)


def test_the_bytes_hold_nothing_of_the_person(entry: MirrorEntry, make_record: MakeRecord) -> None:
    rows = seal_rows(PEPPER, entry, secrets.token_bytes)
    stored = rows.entry_id + rows.sealed + b"".join(map(b"".join, rows.index_rows))
    values = [*map(str, msgspec.to_builtins(make_record()).values()), TOKEN, entry.batch]
    for value in values:
        for form in (value.encode(), value.encode("utf-16-le"), value.encode()[:6]):
            assert len(form) < 4 or form not in stored


def test_equal_people_show_in_tags_only_and_lengths_hide_names(
    entry: MirrorEntry, make_record: MakeRecord, record_signer: PrivateKeySigner
) -> None:
    again = seal_rows(PEPPER, entry, secrets.token_bytes)
    rows = seal_rows(PEPPER, entry, secrets.token_bytes)
    assert again.sealed != rows.sealed
    assert [tag for tag, _ in again.index_rows] == [tag for tag, _ in rows.index_rows]
    assert not {key for _, key in again.index_rows} & {key for _, key in rows.index_rows}
    longer = _entry(make_record(name="欧阳示例"), record_signer, "abcdefgh234567ab")
    assert len(seal_rows(PEPPER, longer, secrets.token_bytes).sealed) == len(rows.sealed)


def test_an_entry_too_long_is_refused(entry: MirrorEntry) -> None:
    big = msgspec.structs.replace(entry, entry=bytes(16_384))
    with pytest.raises(MalformedMirror, match="too long"):
        seal_rows(PEPPER, big, secrets.token_bytes)


def test_under_three_kilobytes_a_certificate_in_the_file(
    tmp_path: Path, entry: MirrorEntry, make_record: MakeRecord, record_signer: PrivateKeySigner
) -> None:
    path = tmp_path / "mirror.db"
    count = 400
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA)
        for serial in range(count):
            record = make_record(
                number=f"Y00004499900126300{serial:04d}",
                id_number=f"44030019900101{serial:04d}",
                admission=f"20261123{serial:05d}",
                issuer="深圳市很长名称的示例精密机械设备制造股份有限公司",
                occupation="工业机器人系统操作员",
            )
            token = f"abcdefgh{serial:08d}".translate(str.maketrans("0189", "wxyz"))
            rows = seal_rows(PEPPER, _entry(record, record_signer, token), secrets.token_bytes)
            connection.execute("INSERT INTO entries VALUES (?, ?)", (rows.entry_id, rows.sealed))
            connection.executemany("INSERT INTO tags VALUES (?, ?)", rows.index_rows)
        tags = connection.execute("SELECT count(*) FROM tags").fetchone()[0]
    connection.close()
    assert tags == 8 * count
    assert path.stat().st_size / count < 3000


@given(st.sampled_from(Factor), st.text("0９a ｘX\u3000张•·\u0301\xb4é9", max_size=20))
def test_normalising_twice_changes_nothing(factor: Factor, text: str) -> None:
    once = normalise(factor, text)
    assert normalise(factor, once) == once


@pytest.mark.parametrize(
    ("factor", "typed", "form"),
    [
        (Factor.NAME, " 买买提 • 吐尔逊", "买买提·吐尔逊"),
        (Factor.NAME, "买买提‧吐尔逊", "买买提·吐尔逊"),
        (Factor.NAME, "买买提･吐尔逊", "买买提·吐尔逊"),
        (Factor.NAME, "Jose\u0301", "Jos\u00e9"),
        (Factor.ID_NUMBER, "４４０３００１９９００１０１００1x", "44030019900101001X"),
        (Factor.ADMISSION, " 2026 11 ", "202611"),
        (Factor.TOKEN, " ABCDEFGH234567AA", "abcdefgh234567aa"),
    ],
)
def test_normal_forms(factor: Factor, typed: str, form: str) -> None:
    assert normalise(factor, typed) == form
