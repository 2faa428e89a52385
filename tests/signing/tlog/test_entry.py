"""Log entries: canonical by an outside oracle, strict when read, silent about persons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.errors import MalformedEntry
from signing.tlog.entry import (
    BatchClose,
    Entry,
    Import,
    Issue,
    Key,
    Milestone,
    State,
    Status,
    StatusChange,
    Succession,
    encode_entry,
    encode_issue,
    format_time,
    parse_entry,
    parse_time,
)

TIME = "2026-11-23T01:02:03Z"
ISSUE = Issue(
    batch="B-2026-0001",
    commit="ab" * 32,
    edition=1,
    number="Y000044999001263000001",
    prefix="Y000044999001",
    status=70_000,
)
EXAMPLES: list[Entry] = [
    ISSUE,
    StatusChange(index=70_000, link="", reason="wrong-name", state=1),
    StatusChange(index=70_000, link="70001", reason="corrected", state=State.SUPERSEDED),
    BatchClose(
        batch="B-2026-0001", count=3, filing="某人社函〔2026〕12号", first=7, last=9, root="0f" * 32
    ),
    Status(before=12, count=70_001, root="00" * 32, time=TIME),
    Key(
        action="add",
        alg="ed25519",
        issuer="Y000044999001",
        key="0123456789abcdef",
        public="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        time=TIME,
    ),
    Milestone(commit="11" * 32, kind="plan", subject="P-2026-0001", time=TIME),
    Succession(origin="127.0.0.1:8000/log", root="5a" * 32, size=12, time=TIME),
    Import(
        batch="Y000044999001-20261127-0001",
        commit="ab" * 32,
        edition=1,
        number="Y000044999001213000007",
        prefix="Y000044999001",
        status=70_002,
    ),
]


@pytest.mark.parametrize("entry", EXAMPLES, ids=lambda entry: entry.t)
def test_entries_are_canonical_json(entry: Entry) -> None:
    from rfc8785 import dumps

    data = encode_entry(entry)
    assert data == dumps(msgspec.to_builtins(entry))
    assert parse_entry(data) == entry
    assert f'"t":"{entry.t}"'.encode() in data
    assert b'"v":1' in data


def test_the_hot_path_gives_the_same_bytes() -> None:
    assert encode_issue(ISSUE) == encode_entry(ISSUE)
    assert encode_issue(ISSUE).startswith(b'{"batch":"B-2026-0001","commit":"abab')


@pytest.mark.parametrize("entry", EXAMPLES, ids=lambda entry: entry.t)
def test_every_flipped_bit_is_refused_or_another_entry(entry: Entry) -> None:
    data = encode_entry(entry)
    for at in range(len(data) * 8):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        try:
            found = parse_entry(bytes(changed))
        except MalformedEntry:
            continue
        assert found != entry
        assert encode_entry(found) == changed


WRONG: list[tuple[Entry, dict[str, object]]] = [
    (ISSUE, {"edition": 0}),
    (ISSUE, {"status": -1}),
    (ISSUE, {"status": 2**53}),
    (ISSUE, {"commit": "AB" * 32}),
    (ISSUE, {"commit": "ab" * 32 + "\n"}),
    (ISSUE, {"commit": "ab" * 31}),
    (ISSUE, {"number": ""}),
    (ISSUE, {"number": "张三"}),
    (ISSUE, {"number": "a b"}),
    (ISSUE, {"number": "x" * 129}),
    (ISSUE, {"v": 2}),
    (ISSUE, {"t": "status"}),
    (EXAMPLES[1], {"state": 4}),
    (EXAMPLES[1], {"link": "07"}),
    (EXAMPLES[1], {"link": "\u0667"}),
    (EXAMPLES[1], {"reason": "Wrong name"}),
    (EXAMPLES[3], {"count": 4}),
    (EXAMPLES[3], {"count": 0, "last": 6}),
    (EXAMPLES[3], {"filing": "x" * 257}),
    (EXAMPLES[4], {"time": "2026-13-23T01:02:03Z"}),
    (EXAMPLES[4], {"time": "2026-02-30T01:02:03Z"}),
    (EXAMPLES[4], {"time": "2026-11-23T01:02:03+00:00"}),
    (EXAMPLES[4], {"time": "2026-11-23 01:02:03Z"}),
    (EXAMPLES[5], {"action": "lose"}),
    (EXAMPLES[5], {"key": "0123456789ABCDEF"}),
    (EXAMPLES[5], {"public": "not base64"}),
    (EXAMPLES[6], {"kind": ""}),
]


@pytest.mark.parametrize(("entry", "change"), WRONG)
def test_wrong_values_are_neither_written_nor_read(entry: Entry, change: dict[str, object]) -> None:
    wrong = msgspec.structs.replace(entry, **change)
    with pytest.raises(MalformedEntry):
        encode_entry(wrong)
    with pytest.raises(MalformedEntry):
        parse_entry(msgspec.json.encode(wrong))


GOOD = encode_issue(ISSUE)
FIRST = datetime(1000, 1, 1, tzinfo=UTC).replace(tzinfo=None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"issue"',
        b'{"t":"issue"}',
        b'{"t":"unheard-of","v":1}',
        b'{"t":1}',
        GOOD[:-1],
        GOOD + b"\n",
        b" " + GOOD,
        GOOD.replace(b":1,", b":1.0,"),
        GOOD.replace(b":1,", b":1e0,"),
        GOOD.replace(b'"v":1', b'"v":"1"'),
        GOOD.replace(b'"v":1', b'"v":1,"w":1'),
        GOOD.replace(b'"v":1', b'"v":1,"v":1'),
        GOOD.replace(b'"batch"', b'"\\u0062atch"'),
        GOOD.replace(b'"t":"issue","v":1', b'"v":1,"t":"issue"'),
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        GOOD + b" " * 70_000,
        b"\xff\xfe",
    ],
)
def test_other_spellings_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedEntry) as caught:
        parse_entry(data)
    assert "Y0000" not in str(caught.value)


@given(
    st.binary(max_size=120)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.dictionaries(st.sampled_from(["t", "v", "batch", "root"]), inner)
            | st.lists(inner, max_size=3)
        ),
        max_leaves=8,
    ).map(msgspec.json.encode)
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        entry = parse_entry(data)
    except MalformedEntry:
        return
    assert encode_entry(entry) == data


def test_no_entry_has_a_field_for_a_person() -> None:
    allowed = {
        *("action", "alg", "batch", "before", "commit", "count", "edition", "filing", "first"),
        *("index", "issuer", "key", "kind", "last", "link", "number", "prefix", "public", "reason"),
        *("origin", "root", "size", "state", "status", "subject", "t", "time", "v"),
    }
    for entry in EXAMPLES:
        assert set(entry.__struct_fields__) <= allowed


def test_times_are_written_in_utc_and_whole_seconds() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert format_time(datetime(2026, 11, 23, 9, 2, 3, 999_999, tzinfo=shanghai)) == TIME
    assert parse_time(TIME) == datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)


@given(st.datetimes(min_value=FIRST, timezones=st.just(UTC)))
def test_times_are_read_as_written(at: datetime) -> None:
    assert parse_time(format_time(at)) == at.replace(microsecond=0)
