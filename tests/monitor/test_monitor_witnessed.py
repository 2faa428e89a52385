"""A log whose newest checkpoint no quorum has signed: what is its fault then, and what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keys.model import Algorithm
from keys.policy import PolicyLog, PolicyWitness
from keys.vkey import SignatureType, VerifierKey
from signing.tlog import note as note_module
from signing.tlog.checkpoint import Checkpoint
from signing.tlog.cosignature import join_timestamp
from signing.tlog.note import NoteSignature, format_note, parse_note

ORIGIN = "127.0.0.1:8000/log"


def found(report: Any) -> list[tuple[str, str]]:
    return [(kept.finding.kind.value, kept.finding.where) for kept in report.findings]


@pytest.fixture
def no_ml_dsa(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(note_module, "can_verify", lambda kind: kind is not Algorithm.ML_DSA_44)


def test_a_signed_head_without_tiles_is_named_and_both_notes_are_kept(
    site: Any, eye: Any, make: Any
) -> None:
    old = make.honest().files(witnessed=True)
    made_up = make.sign(Checkpoint(origin=ORIGIN, size=337, root=b"r" * 32))
    site.files = old | {"checkpoint.witnessed": old["checkpoint"], "checkpoint": made_up}
    report = eye.look(policy=make.policy(witnessed=True))
    (kept,) = report.findings
    assert str(kept.finding) == (
        "unconnected: checkpoint: the tiles do not show that what is signed for 337 entries goes "
        "on from what the witnesses signed for 332: damaged, or a fork; evidence: "
        f"{evidence(eye, old['checkpoint'])} and {evidence(eye, made_up)}"
    )
    # What the witnesses vouch for is read all the same.
    assert (report.size, report.obstacle) == (332, "")


def evidence(eye: Any, note: bytes) -> str:
    (name,) = (f.name for f in (eye.folder / "evidence").iterdir() if f.read_bytes() == note)
    return str(name)


def test_a_tile_lost_between_the_two_heads_is_named_too(site: Any, eye: Any, make: Any) -> None:
    book = make.honest()
    old = book.files(witnessed=True)
    book.issue(30).status()
    site.files = old | book.files() | {"checkpoint.witnessed": old["checkpoint"]}
    policy = make.policy(witnessed=True)
    assert eye.found(policy=policy) == []
    del site.files[f"tile/0/001.p/{len(book.leaves) - 256}"]
    assert eye.found(policy=policy) == [("unconnected", "checkpoint")]


def test_a_witnessed_checkpoint_of_too_few_is_nothing_against_the_log(
    site: Any, eye: Any, make: Any
) -> None:
    # The office asks for fewer witnesses, or others, than this monitor's owner does.
    site.files = make.honest().files()
    site.files["checkpoint.witnessed"] = site.files["checkpoint"]
    report = eye.look(policy=make.policy(witnessed=True))
    assert found(report) == []
    assert "too few witnesses" in report.obstacle


def test_a_false_signature_on_the_witnessed_checkpoint_is_named(
    site: Any, eye: Any, make: Any
) -> None:
    book = make.honest()
    site.files = book.files()
    note = book.files(witnessed=True)["checkpoint"]
    letter = b"B" if note[-10:-9] == b"A" else b"A"
    site.files["checkpoint.witnessed"] = note[:-10] + letter + note[-9:]
    report = eye.look(policy=make.policy(witnessed=True))
    assert found(report) == [("checkpoint", "checkpoint.witnessed")]


# Where ML-DSA-44 cannot be verified no more than a line's length is looked at.
def unverifiable(name: str) -> VerifierKey:
    return VerifierKey(name=name, type=SignatureType.ML_DSA_44_COSIGNATURE, public_key=bytes(1312))


def line(name: str) -> NoteSignature:
    signature = join_timestamp(0, bytes(2420))
    return NoteSignature(name=name, key_id=unverifiable(name).key_id, signature=signature)


@pytest.mark.parametrize("name", ["checkpoint", "checkpoint.witnessed"])
@pytest.mark.usefixtures("no_ml_dsa")
def test_witnesses_that_cannot_be_checked_here_are_nothing_against_the_log(
    site: Any, eye: Any, make: Any, name: str
) -> None:
    book, policy = make.honest(), make.policy(witnessed=True)
    witness = PolicyWitness(name="w", key=unverifiable("w.example"))
    site.files = book.files()
    note = parse_note(site.files["checkpoint"])
    site.files[name] = format_note(replace(note, signatures=(*note.signatures, line("w.example"))))
    report = eye.look(policy=replace(policy, witnesses=(witness,)))
    assert found(report) == []
    assert "signatures of the witnesses are of a kind that this machine cannot" in report.obstacle
    assert report.size == len(book.leaves)


@pytest.mark.parametrize("name", ["checkpoint", "checkpoint.witnessed"])
@pytest.mark.usefixtures("no_ml_dsa")
def test_a_log_that_cannot_be_checked_here_is_not_accused(
    site: Any, eye: Any, make: Any, name: str
) -> None:
    policy = make.policy(witnessed=True)
    site.files = make.honest().files()
    note = parse_note(site.files["checkpoint"])
    site.files[name] = format_note(replace(note, signatures=(line(ORIGIN),)))
    report = eye.look(
        policy=replace(policy, logs=(*policy.logs, PolicyLog(key=unverifiable(ORIGIN))))
    )
    assert found(report) == []
    assert "signatures of the log are of a kind that this machine cannot" in report.obstacle
