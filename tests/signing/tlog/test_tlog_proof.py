"""`.tlog-proof` files: the specification's form and nothing else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.errors import MalformedProof
from signing.tlog.proof import MAX_PATH, MAX_PROOF, TlogProof, format_proof, parse_proof

HASH = base64.b64encode(bytes(32)).decode()
NOTE = f"log.example\n9\n{HASH}\n\n\u2014 log.example AAAAAAA=\n"
HEAD = "c2sp.org/tlog-proof@v1\n"


def test_a_file_is_read_as_the_specification_says() -> None:
    text = f"{HEAD}extra ZXh0cmE=\nindex 5\n{HASH}\n{HASH}\n\n{NOTE}"
    proof = parse_proof(text.encode())
    assert proof == TlogProof(
        index=5, path=(bytes(32), bytes(32)), checkpoint_note=NOTE.encode(), extra=b"extra"
    )
    assert format_proof(proof) == text.encode()


def test_the_shortest_file() -> None:
    text = f"{HEAD}index 0\n\n{NOTE}"
    assert parse_proof(text.encode()).path == ()
    assert parse_proof(text.encode()).extra is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD,
        f"{HEAD}index 0\n",
        f"{HEAD}index 0\n\n",
        f"{HEAD}\n{NOTE}",
        f"index 0\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v2\nindex 0\n\n{NOTE}",
        f"{HEAD}index\n\n{NOTE}",
        f"{HEAD}index 01\n\n{NOTE}",
        f"{HEAD}index -1\n\n{NOTE}",
        f"{HEAD}index {2**63}\n\n{NOTE}",
        f"{HEAD}index {'9' * 5000}\n\n{NOTE}",
        f"{HEAD}index 0\r\n\n{NOTE}",
        f"{HEAD}index 0\nextra AAAA\n\n{NOTE}",
        f"{HEAD}extra AAAA\n\n{NOTE}",
        f"{HEAD}extra\nindex 0\n\n{NOTE}",
        f"{HEAD}extra \nindex 0\n\n{NOTE}",
        f"{HEAD}extra AAAB=\nindex 0\n\n{NOTE}",
        f"{HEAD}extra AAAA\nextra AAAA\nindex 0\n\n{NOTE}",
        f"{HEAD}index 0\nAAAA\n\n{NOTE}",
        f"{HEAD}index 0\n {HASH}\n\n{NOTE}",
        f"{HEAD}index 0\n{HASH[:-2]}B=\n\n{NOTE}",
        f"{HEAD}index 0\n{f'{HASH}{chr(10)}' * (MAX_PATH + 1)}\n{NOTE}",
        f"{HEAD}index \u0661\n\n{NOTE}",
        f"{HEAD}extra {'A' * MAX_PROOF}\nindex 0\n\n{NOTE}",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(MalformedProof):
        parse_proof(text.encode())


proofs = st.builds(
    TlogProof,
    index=st.integers(0, 2**63 - 1),
    path=st.lists(st.binary(min_size=32, max_size=32), max_size=MAX_PATH).map(tuple),
    checkpoint_note=st.binary(min_size=1, max_size=300),
    extra=st.none() | st.binary(min_size=1, max_size=300),
)


@given(proofs)
def test_what_is_written_is_read(proof: TlogProof) -> None:
    assert parse_proof(format_proof(proof)) == proof


pieces = st.sampled_from(
    [HEAD, "index 0\n", "index 7", "extra AAAA\n", f"{HASH}\n", "\n", NOTE, "index ", "extra ", "é"]
)


@given(st.binary(max_size=200) | st.lists(pieces, max_size=9).map(lambda p: "".join(p).encode()))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        proof = parse_proof(data)
    except MalformedProof:
        return
    assert format_proof(proof) == data


@pytest.mark.parametrize(
    "proof",
    [
        TlogProof(index=-1, path=(), checkpoint_note=b"x"),
        TlogProof(index=0, path=(b"short",), checkpoint_note=b"x"),
        TlogProof(index=0, path=(), checkpoint_note=b""),
        TlogProof(index=0, path=(), checkpoint_note=b"x", extra=b""),
        TlogProof(index=0, path=(bytes(32),) * 64, checkpoint_note=b"x"),
        TlogProof(index=0, path=(), checkpoint_note=bytes(MAX_PROOF)),
    ],
)
def test_what_cannot_be_written_is_refused(proof: TlogProof) -> None:
    with pytest.raises(MalformedProof):
        format_proof(proof)
