"""A milestone's facts and the file that proves one: their one form, and noise."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from keys.policy import format_policy
from keys.trust import issuers_json
from signing.bundle import proof_file
from signing.certverify import main
from signing.errors import MalformedMilestone
from signing.milestone import (
    MilestoneKind,
    facts_bytes,
    facts_commitment,
    is_milestone_file,
    milestone_file,
    parse_facts,
    read_milestone_file,
)
from signing.report import Verdict
from signing.tlog.proof import format_proof


def test_the_bytes_of_facts_and_commitment_never_change(make_facts: Any) -> None:
    data = (
        '{"date":"2026-11-19","document":"' + "5e" * 32 + '","kind":"plan",'
        '"note":"计划备案表","subject":"JH-2026-0001","v":1}'
    ).encode()
    assert facts_bytes(make_facts()) == data
    commit = "0bc35efe7af36cd0e6e1a3f52b81dd4eea9303f8be8095f71f5934df60005e79"
    assert facts_commitment(bytes(range(32)), data).hex() == commit


@given(
    date=st.dates().map(str),
    document=st.one_of(st.just(""), st.binary(min_size=32, max_size=32).map(bytes.hex)),
    kind=st.sampled_from(MilestoneKind),
    note=st.text("表备案 a〔〕", max_size=60).map(str.strip),
    subject=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128),
)
def test_what_is_written_as_facts_is_read(make_facts: Any, **values: Any) -> None:
    facts = make_facts(**values)
    assert parse_facts(facts_bytes(facts)) == facts


def test_facts_are_canonical_json_in_the_order_of_their_keys(make_facts: Any) -> None:
    facts = make_facts()
    assert facts_bytes(facts) == rfc8785.dumps(msgspec.to_builtins(facts))
    assert parse_facts(facts_bytes(facts)) == facts


@pytest.mark.parametrize(
    "change",
    [
        {"date": "2026-02-30"},
        {"date": "20261119"},
        {"date": "2026-11-1"},
        {"date": "２０２６-11-19"},
        {"document": "5E" * 32},
        {"document": "5" * 63},
        {"note": " 表"},
        {"note": "表" * 61},
        {"note": "表\u202e"},
        {"subject": ""},
        {"subject": "计划一"},
        {"subject": "a b"},
        {"subject": "a" * 129},
        {"kind": "party"},
        {"v": 2},
    ],
)
def test_facts_of_another_form_are_neither_written_nor_read(
    change: dict[str, Any], make_facts: Any
) -> None:
    facts = msgspec.structs.replace(make_facts(), **change)
    with pytest.raises(MalformedMilestone):
        facts_bytes(facts)
    with pytest.raises(MalformedMilestone):
        parse_facts(msgspec.json.encode(facts))


@given(st.binary(max_size=200))
def test_noise_is_no_facts_and_no_file(data: bytes) -> None:
    assert not is_milestone_file(data)
    for read in (parse_facts, read_milestone_file):
        with pytest.raises(MalformedMilestone):
            read(data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["entry", "milestone", "opening", "x"]), inner)
        ),
        max_leaves=8,
    )
)
def test_an_extra_of_any_shape_ends_in_the_typed_error(good: Any, value: object) -> None:
    data = format_proof(replace(good.proof, extra=msgspec.json.encode(value)))
    assert is_milestone_file(data) is (isinstance(value, dict) and "milestone" in value)
    with pytest.raises(MalformedMilestone):
        read_milestone_file(data)


def test_what_is_written_is_read(good: Any) -> None:
    data = milestone_file(good)
    assert is_milestone_file(data)
    assert read_milestone_file(data) == good


def test_a_certificates_proof_is_not_taken_for_a_milestones(log: Any) -> None:
    assert not is_milestone_file(proof_file(log.evidence(), with_record=True))


def test_no_bit_of_the_file_can_be_changed(check: Any, make_proof: Any) -> None:
    data = milestone_file(make_proof())
    assert check(read_milestone_file(data)).verdict is Verdict.VALID
    for at in range(len(data) * 8):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        try:
            proof = read_milestone_file(bytes(changed))
        except MalformedMilestone:
            continue
        assert check(proof).verdict is not Verdict.VALID, at


@pytest.fixture
def run(
    tmp_path: Path, trust: Any, log_signer: Any, now: datetime, capsys: Any
) -> Callable[..., tuple[int, str, str]]:
    (tmp_path / "log.policy").write_bytes(format_policy(trust.policy))
    issuers = issuers_json(
        issuers=trust.issuers.values(),
        seal_root=None,
        base_url=trust.base_url,
        issued_at=trust.issued_at,
        signer=log_signer,
    )
    (tmp_path / "issuers.json").write_bytes(issuers)

    class Standing:
        def now(self) -> datetime:
            return now

    def command(data: bytes, *options: str) -> tuple[int, str, str]:
        (tmp_path / "file").write_bytes(data)
        arguments = [str(tmp_path / "file"), "--trust", str(tmp_path), *options]
        code = main(arguments, clock=Standing())
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_the_command_tells_a_milestone_by_what_lies_in_it(
    run: Any, make_proof: Any, tmp_path: Path, make_facts: Any
) -> None:
    data = milestone_file(make_proof(make_facts(document="")))
    code, out, err = run(data)
    assert (code, err) == (0, "")
    assert out.startswith("有效  Valid\n")
    document = tmp_path / "plan.pdf"
    document.write_bytes(b"plan")
    code, out, err = run(milestone_file(make_proof()), "--document", str(document), "--json")
    assert (code, err.count("\n")) == (1, 1)
    assert "6." in err
    assert json.loads(out)["verdict"] == "invalid"
    code, out, err = run(milestone_file(make_proof()))
    assert (code, err.count("\n")) == (2, 1)
    assert "--document" in err
    code, _, err = run(data, "--document", str(tmp_path / "missing"))
    assert (code, "cannot read the document" in err) == (2, True)


def test_a_document_goes_with_a_milestone_only(run: Any, log: Any, tmp_path: Path) -> None:
    proof = proof_file(log.evidence(), with_record=True)
    code, _, err = run(proof, "--document", str(tmp_path / "file"))
    assert (code, "milestone" in err) == (2, True)
