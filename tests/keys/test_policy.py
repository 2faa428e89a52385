"""Trust policies: groups of groups, every rule broken once, and the quorum."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.policy import (
    MalformedPolicy,
    Policy,
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
    format_policy,
    join_policy,
    parse_policy,
)
from keys.vkey import PUBLIC_KEY_BYTES, SignatureType, VerifierKey, format_vkey

LOG, COSIGN, PQ = (
    SignatureType.ED25519,
    SignatureType.ED25519_COSIGNATURE,
    SignatureType.ML_DSA_44_COSIGNATURE,
)


def key(word: str, kind: SignatureType = COSIGN) -> VerifierKey:
    public = hashlib.shake_256(word.encode()).digest(PUBLIC_KEY_BYTES[kind])
    return VerifierKey(name=f"{word}.example", type=kind, public_key=public)


def vkey(word: str, kind: SignatureType = COSIGN) -> str:
    return format_vkey(key(word, kind))


EXAMPLE = f"""# Two offices of witnesses
log {vkey("log", LOG)} https://log.example/

witness N1 {vkey("n1")}
witness N2 {vkey("n2", PQ)}
\twitness  N3\t{vkey("n3")} \t
group north 2 N1 N2 N3

witness S1 {vkey("s1")}
witness S2 {vkey("s2")} https://s2.example/
witness S3 {vkey("s3")}
group south any S1 S2 S3

  # all of them
group both all north south
quorum both
"""


def test_the_example_is_read() -> None:
    policy = parse_policy(EXAMPLE.encode())
    assert policy.logs == (PolicyLog(key=key("log", LOG), url="https://log.example/"),)
    assert [witness.name for witness in policy.witnesses] == ["N1", "N2", "N3", "S1", "S2", "S3"]
    assert [group.threshold for group in policy.groups] == [2, 1, 2]
    assert policy.quorum == "both"
    assert parse_policy(format_policy(policy)) == policy


def test_the_quorum_is_two_of_the_north_and_one_of_the_south() -> None:
    policy = parse_policy(EXAMPLE.encode())
    names = [witness.name for witness in policy.witnesses]
    for count in range(len(names) + 1):
        for chosen in combinations(names, count):
            expected = (
                sum(name[0] == "N" for name in chosen) >= 2
                and sum(name[0] == "S" for name in chosen) >= 1
            )
            assert policy.satisfied(frozenset(chosen)) is expected


def test_a_group_name_is_no_witness() -> None:
    policy = parse_policy(EXAMPLE.encode())
    assert not policy.satisfied(frozenset({"north", "south", "both", "none"}))


def test_no_quorum_asks_for_nobody() -> None:
    policy = parse_policy(f"log {vkey('log', LOG)}\nquorum none\n".encode())
    assert policy.satisfied(frozenset())


def test_a_log_may_have_two_keys() -> None:
    lines = f"log {vkey('log', LOG)}\nlog {vkey('log', PQ)}\nquorum none\n"
    assert len(parse_policy(lines.encode()).logs) == 2


def test_names_are_octets() -> None:
    data = b"witness \xff\x80 " + vkey("w").encode() + b"\nquorum \xff\x80\n"
    policy = parse_policy(data)
    assert format_policy(policy) == data
    assert policy.satisfied(frozenset({policy.witnesses[0].name}))


W = f"witness W {vkey('w')}\n"
V = f"witness V {vkey('v')}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        W,
        "quorum none",
        "quorum none\r\n",
        "quorum none\x00\n",
        "quorum none\nquorum none\n",
        "quorum W\n" + W,
        "quorum\n",
        "quorum none none\n",
        "Quorum none\n",
        "log\nquorum none\n",
        "log nonsense\nquorum none\n",
        f"log {vkey('log', COSIGN)}\nquorum none\n",
        f"log {vkey('log', LOG)} a b\nquorum none\n",
        f"log {vkey('log', LOG)}\nlog {vkey('log', LOG)}\nquorum none\n",
        f"witness W {vkey('w', LOG)}\nquorum none\n",
        f"witness W {vkey('w')} a b\nquorum none\n",
        f"witness none {vkey('w')}\nquorum none\n",
        W + f"witness V {vkey('w')}\nquorum none\n",
        W + f"witness W {vkey('v')}\nquorum none\n",
        W + "group W any W\nquorum none\n",
        W + "group G any\nquorum none\n",
        W + "group none any W\nquorum none\n",
        W + "group G any none\nquorum none\n",
        W + "group G any G\nquorum none\n",
        W + "group G any W W\nquorum none\n",
        W + "group G any W\ngroup H any W\nquorum none\n",
        W + "group G 0 W\nquorum none\n",
        W + "group G 2 W\nquorum none\n",
        W + "group G 01 W\nquorum none\n",
        W + "group G +1 W\nquorum none\n",
        W + "group G \u0661 W\nquorum none\n",
        W + "group G most W\nquorum none\n",
        "group G any W\n" + W + "quorum none\n",
    ],
)
def test_every_rule_is_kept(text: str) -> None:
    with pytest.raises(MalformedPolicy):
        parse_policy(text.encode())


def test_the_fault_names_its_line_and_no_key() -> None:
    with pytest.raises(MalformedPolicy, match=r"^policy line 2: ") as caught:
        parse_policy(f"{W}witness V {vkey('w')}\nquorum none\n".encode())
    assert vkey("w") not in str(caught.value)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse_policy(data)
    except MalformedPolicy:
        return


words = st.sampled_from(
    [
        *("log", "witness", "group", "quorum", "none", "any", "all", "1", "2", "A", "B", "#", ""),
        *(vkey("a"), vkey("b"), vkey("l", LOG), "\u2028", "9" * 5000),
    ]
)


@given(st.lists(st.lists(words, max_size=5).map(" ".join), max_size=8))
def test_any_lines_are_read_or_refused(lines: list[str]) -> None:
    try:
        policy = parse_policy("".join(f"{line}\n" for line in lines).encode())
    except MalformedPolicy:
        return
    assert parse_policy(format_policy(policy)) == policy


def test_what_cannot_be_written_is_refused() -> None:
    witness = PolicyWitness(name="two words", key=key("w"))
    with pytest.raises(MalformedPolicy):
        format_policy(Policy(logs=(), witnesses=(witness,)))
    group = PolicyGroup(name="G", threshold=1, members=("W",))
    with pytest.raises(MalformedPolicy):
        format_policy(Policy(logs=(), groups=(group,)))


def test_ten_thousand_nested_groups_are_no_recursion() -> None:
    groups = "".join(f"group g{i + 1} any g{i}\n" for i in range(10_000))
    text = f"{W}group g0 any W\n{groups}quorum g10000\n"
    assert parse_policy(text.encode()).satisfied(frozenset({"W"}))


LOGS = (PolicyLog(key=key("log", LOG), url="https://log.example/"), PolicyLog(key=key("log", PQ)))


def test_a_log_is_joined_with_its_witnesses() -> None:
    lines = EXAMPLE.encode().split(b"\n", 2)[2]
    joined = join_policy(LOGS, lines)
    assert joined == replace(parse_policy(EXAMPLE.encode()), logs=LOGS)
    assert parse_policy(format_policy(joined)) == joined


def test_no_file_of_witnesses_asks_for_nobody() -> None:
    assert join_policy(LOGS, b"") == Policy(logs=LOGS)
    assert join_policy(LOGS, b"").satisfied(frozenset())


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (f"log {vkey('other', LOG)}\nquorum none\n", "no log lines"),
        (W, "no quorum line"),
        (f"{W}quorum W", "cut short"),
        (f"{W}quorum V\n", "line 2: the quorum must name"),
        (f"{W}quorun W\n", "line 2: not a log, witness"),
        (f"{W}{W}quorum W\n", "line 2: the witness's key stands in the file twice"),
    ],
)
def test_a_wrong_file_of_witnesses_is_refused(lines: str, says: str) -> None:
    with pytest.raises(MalformedPolicy, match=says):
        join_policy(LOGS, lines.encode())


@given(st.binary(max_size=200) | st.lists(words).map(lambda found: " ".join(found).encode()))
def test_any_file_of_witnesses_is_joined_or_refused(data: bytes) -> None:
    try:
        joined = join_policy(LOGS, data)
    except MalformedPolicy:
        return
    assert joined.logs == LOGS
