"""Canonical JSON: byte-equal to rfc8785's output, and one byte string per object."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from signing.canonical import (
    MAX_INTEGER,
    Canonical,
    decode,
    decode_tree,
    decoder_for,
    encode,
    encode_tree,
)
from signing.errors import MalformedJson

LIMIT = 1 << 16

integers = st.integers(-MAX_INTEGER, MAX_INTEGER)
texts = st.text(st.characters(codec="utf-8"))
keys = st.text(st.characters(max_codepoint=0x7F), max_size=8)
trees = st.recursive(
    st.booleans() | integers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


class Pair(Canonical, frozen=True, kw_only=True):
    a: str
    b: int
    c: str | msgspec.UnsetType = msgspec.UNSET


PAIR = decoder_for(Pair)


@given(trees)
def test_trees_equal_the_oracle_and_come_back(tree: Any) -> None:
    data = encode_tree(tree)
    assert data == rfc8785.dumps(tree)
    assert decode_tree(data, limit=LIMIT * 16) == tree


@given(texts, integers)
def test_structs_equal_the_oracle_and_come_back(a: str, b: int) -> None:
    data = encode(Pair(a=a, b=b))
    assert data == rfc8785.dumps({"a": a, "b": b})
    assert decode(data, PAIR, limit=LIMIT) == Pair(a=a, b=b)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":"x", "b":1}',  # white space
        b'{"b":1,"a":"x"}',  # order
        b'{"a":"\\u0041","b":1}',  # needless escape
        b'{"a":"\\/","b":1}',
        b'{"a":"x","b":1}\n',
        b'{"a":"x","a":"x","b":1}',  # duplicate key
        b'{"a":"x","b":1.0}',  # float
        b'{"a":"x","b":1e0}',
        b'{"a":"x","b":01}',
        b'{"a":"x","b":-0}',
        b'{"a":"x","b":"1"}',  # type
        b'{"a":"x","b":null}',
        b'{"a":"x","b":1,"c":null}',
        b'{"a":"x","b":1,"d":""}',  # unknown
        b'{"a":"x"}',
        b'{"a":"\xff","b":1}',
        b'{"a":"\xed\xa0\x80","b":1}',  # surrogate
        b'{"a":"\\ud800","b":1}',
        b'\xef\xbb\xbf{"a":"x","b":1}',  # byte order mark
        b"",
        b"[" * 50_000,
    ],
)
def test_any_second_spelling_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedJson):
        decode(data, PAIR, limit=LIMIT)


@pytest.mark.parametrize(
    "tree",
    [1.0, None, {"a": None}, [0.5], MAX_INTEGER + 1, -MAX_INTEGER - 1, {"é": 1}, {1: 2}, b"x"],
)
def test_what_json_here_never_holds_is_refused(tree: Any) -> None:
    with pytest.raises(MalformedJson):
        encode_tree(tree)


@pytest.mark.parametrize(
    "data", [b"1.0", b"null", b"9007199254740992", b'{"b":1,"a":2}', b"[" * 10 + b"]" * 10, b"[1 ]"]
)
def test_trees_of_that_kind_are_refused_when_read(data: bytes) -> None:
    with pytest.raises(MalformedJson):
        decode_tree(data, limit=LIMIT)


def test_lone_surrogates_cannot_be_written() -> None:
    with pytest.raises(MalformedJson):
        encode(Pair(a="\ud800", b=1))


def test_the_limit_holds() -> None:
    data = encode(Pair(a="x" * 100, b=1))
    assert decode(data, PAIR, limit=len(data)).b == 1
    with pytest.raises(MalformedJson, match="longer"):
        decode(data, PAIR, limit=len(data) - 1)
    with pytest.raises(MalformedJson, match="longer"):
        decode_tree(data, limit=len(data) - 1)


@given(st.binary(max_size=200) | trees.map(lambda tree: json.dumps(tree).encode()))
def test_any_bytes_are_refused_or_canonical(data: bytes) -> None:
    try:
        tree = decode_tree(data, limit=LIMIT)
    except MalformedJson:
        return
    assert rfc8785.dumps(tree) == data  # type: ignore[arg-type]
