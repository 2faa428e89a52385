"""The log's own keys on the command line: two of each checkpoint, changed with an overlap."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from keys import sealed
from keys.model import Algorithm, KeyState, Purpose
from keys.policy import parse_policy
from keys.ring import KeyRing
from keys.trust import load_trust
from keys.vkey import SignatureType, VerifierKey, format_vkey
from registry.cli import checkpoint_keys
from registry.cli.checkpoint_keys import checkpoint_signers, complete_pair, near_their_end
from registry.cli.home import Home
from registry.cli.services import Services
from registry.store.audit import AuditLine
from registry.store.base import read_unit
from signing.tlog.note import parse_note, verify_note

PAIR = ["ed25519", "ml-dsa-44"]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module", autouse=True)
def _one_stretch_a_passphrase() -> Iterator[None]:
    # Opening a ring is most of a short command, and there are many of them here.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sealed, "stretch", cache(sealed.stretch))
        yield


def keys(desk: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk("log", "key", "list", "--json").facts["keys"]
    return found


def log_lines(trust: Path) -> list[VerifierKey]:
    return [log.key for log in parse_policy((trust / "log.policy").read_bytes()).logs]


def signers(desk: Any) -> set[VerifierKey]:
    """Tell which of the policy's keys have signed the public checkpoint; all its lines count."""
    note = parse_note((desk.home / "public" / "log" / "checkpoint").read_bytes())
    found = verify_note(note, log_lines(desk.trust))
    assert len(found) == len(note.signatures)
    return set(found)


def proof_of_a_new_one(desk: Any, offset: int) -> Path:
    """Issue a certificate, anchor it, and take its proof file."""
    number = desk.issued(desk.rows(1, offset=offset))[0]
    assert desk("anchor").status == 0
    return prove(desk, number)


def prove(desk: Any, number: str) -> Path:
    file: Path = desk.folder / f"{number}.tlog-proof"
    assert desk("prove", number, "-o", str(file)).status == 0
    return file


def judged(desk: Any, file: Path, trust: Path | None = None) -> tuple[str, str, dict[str, str]]:
    """Give the verdict, and the checkpoint step's reason and facts."""
    report = desk.verify(file, "--json", trust=trust).facts
    (step,) = [step for step in report["steps"] if step["code"] == "checkpoint"]
    return report["verdict"], step["reason"], step["facts"]


def ring_of(desk: Any) -> KeyRing:
    return Home(path=desk.home, environ=os.environ).ring()


def audit(desk: Any) -> list[tuple[str, str]]:
    engine = Home(path=desk.home, environ=os.environ).engine()
    with read_unit(engine) as session:
        rows = session.scalars(select(AuditLine).order_by(AuditLine.line_id))
        found = [(row.action, row.detail) for row in rows if row.action.startswith("log-key")]
    engine.dispose()
    return found


def test_a_new_home_signs_every_checkpoint_twice(stock: Any) -> None:
    made = keys(stock)
    assert [(key["algorithm"], key["state"], key["signs"]) for key in made] == [
        (algorithm, "active", True) for algorithm in PAIR
    ]
    assert made[0]["not_before"] == made[1]["not_before"]
    types = [key.type for key in log_lines(stock.trust)]
    assert types == [SignatureType.ED25519, SignatureType.ML_DSA_44_COSIGNATURE]
    assert signers(stock) == set(log_lines(stock.trust))
    verdict, reason, facts = judged(stock, prove(stock, stock.certificates()[0].number))
    assert (verdict, reason) == ("valid", "checkpoint-good")
    assert facts["signatures"] == "ed25519, ml-dsa-44"


def test_the_keys_are_changed_with_an_overlap(stock: Any) -> None:
    first = prove(stock, stock.certificates()[0].number)
    before = shutil.copytree(stock.trust, stock.folder / "before")
    old = log_lines(before)

    added = stock("log", "key", "add", "--json")
    assert added.status == 0
    assert [key["algorithm"] for key in added.facts["made"]] == PAIR
    assert [key["signs"] for key in keys(stock)] == [True] * 4
    both = log_lines(stock.trust)
    assert both[:2] == old
    # What was signed before, the new policy accepts; what is signed now, the old one does, too.
    assert judged(stock, first)[:2] == ("valid", "checkpoint-good")
    second = proof_of_a_new_one(stock, 40)
    assert signers(stock) == set(both)
    for trust in (before, None):
        assert judged(stock, second, trust)[:2] == ("valid", "checkpoint-good")
    # An old policy reads the new list of issuers.
    shutil.copy(stock.trust / "issuers.json", before)
    assert load_trust(before).issuers

    ids = [key["key"] for key in keys(stock)]
    for key_id in ids[:2]:
        assert stock("log", "key", "retire", key_id).status == 0
    assert [key["state"] for key in keys(stock)] == ["retired"] * 2 + ["active"] * 2
    assert [key["signs"] for key in keys(stock)] == [False] * 2 + [True] * 2
    third = proof_of_a_new_one(stock, 50)
    assert signers(stock) == set(both[2:])
    assert log_lines(stock.trust) == both
    for file in (first, second, third):
        assert judged(stock, file)[:2] == ("valid", "checkpoint-good")
    assert stock("log", "fsck").status == 0

    # Who still has the old policy is told to get the new one.
    assert judged(stock, third, before)[:2] == ("invalid", "checkpoint-untrusted")
    assert "信任文件" in stock.verify(third, trust=before).line
    shutil.copy(stock.trust / "issuers.json", before)
    refused = stock.verify(third, trust=before)
    assert refused.status == 2
    assert "get the trust folder again" in refused.line
    assert audit(stock) == [
        ("log-key-add", ", ".join(ids[2:])),
        ("log-key-retire", ids[0]),
        ("log-key-retire", ids[1]),
    ]


def test_the_last_key_of_its_kind_cannot_be_retired(stock: Any) -> None:
    first = keys(stock)
    for key in first:
        assert "last of its algorithm" in stock("log", "key", "retire", key["key"]).line
    assert stock("log", "key", "add").status == 0
    assert stock("log", "key", "retire", first[0]["key"]).status == 0
    # One of each is left but for the old ML-DSA key, which may go.
    new = keys(stock)[2:]
    assert "last of its algorithm" in stock("log", "key", "retire", new[0]["key"]).line
    assert stock("log", "key", "retire", new[1]["key"]).status == 0
    assert "last of its algorithm" in stock("log", "key", "retire", first[1]["key"]).line
    assert [key["state"] for key in keys(stock)] == ["retired", "active", "active", "retired"]


def test_what_is_no_key_of_the_log_cannot_be_retired(stock: Any) -> None:
    known = ring_of(stock).keys()
    others = [key for key in known if key.purpose is not Purpose.CHECKPOINT]
    assert {key.purpose for key in others} == set(Purpose) - {Purpose.CHECKPOINT, Purpose.RECEIPT}
    for key_id in ("0" * 16, *(key.key_id for key in others)):
        assert "[key-not-found]" in stock("log", "key", "retire", key_id).line
    assert stock("log", "key", "add").status == 0
    gone = keys(stock)[0]["key"]
    assert stock("log", "key", "retire", gone).status == 0
    assert "retired already" in stock("log", "key", "retire", gone).line
    after = ring_of(stock).keys()
    assert set(others) <= {key for key in after if key.state is KeyState.ACTIVE}


def test_a_pair_that_a_crash_left_half_made_is_completed(stock: Any, monkeypatch: Any) -> None:
    generate = KeyRing.generate

    def killed(ring: KeyRing, *, algorithm: Algorithm, **rest: Any) -> Any:
        if algorithm is Algorithm.ML_DSA_44:
            raise Killed
        return generate(ring, algorithm=algorithm, **rest)

    with monkeypatch.context() as patched:
        patched.setattr(KeyRing, "generate", killed)
        with pytest.raises(Killed):
            stock("log", "key", "add")
    assert [key["algorithm"] for key in keys(stock)] == [*PAIR, "ed25519"]
    # It signs already, and readers can check it.
    proof_of_a_new_one(stock, 60)
    assert len(signers(stock)) == len([*PAIR, "ed25519"])
    made = stock("log", "key", "add", "--json").facts["made"]
    assert [key["algorithm"] for key in made] == ["ml-dsa-44"]
    found = keys(stock)
    assert [key["algorithm"] for key in found] == PAIR * 2
    assert found[2]["not_before"] == found[3]["not_before"]


def test_a_home_from_before_there_were_pairs_gets_its_second_key(stock: Any) -> None:
    first, second = keys(stock)
    (stock.home / "keys" / f"{second['key']}.key.json").unlink()
    assert [key["key"] for key in keys(stock)] == [first["key"]]
    assert stock("init").status == 0
    found = keys(stock)
    assert [key["algorithm"] for key in found] == PAIR
    assert found[0] == first
    assert found[1]["not_after"] == first["not_after"]
    assert stock("init").status == 0
    assert keys(stock) == found
    proof_of_a_new_one(stock, 70)
    assert signers(stock) == set(log_lines(stock.trust))


def test_pairs_made_at_once_keep_their_order(stock: Any) -> None:
    for _ in range(2):
        assert stock("log", "key", "add").status == 0
    found = keys(stock)
    assert [key["algorithm"] for key in found] == PAIR * 3
    begins = [key["not_before"] for key in found]
    assert begins == sorted(begins)
    assert len(set(begins)) == len(found) / len(PAIR)
    signer = checkpoint_signers(ring_of(stock), datetime.now(UTC))[0]
    assert signer.info.key_id == found[0]["key"]


def test_a_key_near_its_end_is_told(stock: Any, monkeypatch: Any) -> None:
    assert "warning" not in stock("anchor", "--json").facts
    monkeypatch.setattr(checkpoint_keys, "NEAR_END", timedelta(days=6 * 365))
    for command in (("anchor",), ("log", "key", "list")):
        told = stock(*command, "--json").facts["warning"]
        assert [line.split()[3] for line in told] == PAIR
        assert all("certreg log key add" in line for line in told)


def test_the_warning_is_about_the_last_key_in_force(tmp_path: Path) -> None:
    ring = KeyRing.create(tmp_path / "keys", b"secret")
    now = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
    first = complete_pair(ring, now)
    end = first[0].not_after
    soon = end - checkpoint_keys.NEAR_END
    assert near_their_end(ring, soon) == []
    assert len(near_their_end(ring, soon + timedelta(seconds=1))) == len(PAIR)
    checkpoint_keys.add_pair(ring, soon)
    assert near_their_end(ring, end - timedelta(seconds=1)) == []
    # The first pair has ended by itself: the second signs, and the first is trusted still.
    assert len(checkpoint_signers(ring, end)) == len(PAIR)
    assert len(checkpoint_keys.policy_logs(ring, "a.example/log", "")) == len(PAIR) * 2


def test_where_all_keys_have_ended_new_ones_can_be_made(desk: Any) -> None:
    ring, now = ring_of(desk), datetime.now(UTC)
    for key in keys(desk):
        (desk.home / "keys" / f"{key['key']}.key.json").unlink()
        ring.generate(
            algorithm=Algorithm(key["algorithm"]),
            purpose=Purpose.CHECKPOINT,
            issuer="office",
            not_before=now - timedelta(days=9),
            not_after=now - timedelta(days=1),
        )
    assert desk("log", "key", "list").out.count("已到期 out of force") == len(PAIR)
    assert "[key-expired]" in desk("anchor").line
    assert desk("log", "key", "add").status == 0
    assert [key["signs"] for key in keys(desk)] == [False] * 2 + [True] * 2
    assert desk("anchor").status == 0
    assert signers(desk) == set(log_lines(desk.trust)[2:])


def test_who_writes_the_trust_folder_last_knows_the_newest_keys(
    stock: Any, monkeypatch: Any
) -> None:
    """Another process changes the keys after this one read them and before it writes."""
    write = Services._write_trust
    done: list[bool] = []

    def interrupted(services: Services, *rest: Any) -> None:
        if not done:
            done.append(True)
            assert stock("log", "key", "add").status == 0
        write(services, *rest)

    monkeypatch.setattr(Services, "_write_trust", interrupted)
    assert stock("anchor").status == 0
    assert len(log_lines(stock.trust)) == len(PAIR) * 2


def test_the_witnesses_file_goes_into_the_policy(stock: Any) -> None:
    file = stock.home / "witnesses.policy"
    key = VerifierKey(
        name="w.example.org", type=SignatureType.ED25519_COSIGNATURE, public_key=bytes(range(32))
    )
    line = f"witness w {format_vkey(key)}\n"
    file.write_text(f"# by hand\n{line}group one any w\nquorum none\n")
    assert stock("anchor").status == 0
    policy = parse_policy((stock.trust / "log.policy").read_bytes())
    assert [log.key for log in policy.logs] == log_lines(stock.trust)
    assert ([one.name for one in policy.witnesses], policy.quorum) == (["w"], "none")
    assert [group.members for group in policy.groups] == [("w",)]
    good = (stock.trust / "log.policy").read_bytes()
    for wrong in (
        f"{line}quorum v\n",
        f"{line}",
        f"log {format_vkey(log_lines(stock.trust)[0])}\n",
    ):
        file.write_text(wrong)
        refused = stock("anchor")
        assert refused.status == 1
        assert str(file) in refused.line
        assert "Correct the file" in refused.line
        assert "[malformed-policy]" in refused.line
    assert (stock.trust / "log.policy").read_bytes() == good
    file.unlink()
    assert stock("anchor").status == 0
    assert parse_policy((stock.trust / "log.policy").read_bytes()).witnesses == ()


def test_the_lists_are_for_people_too(stock: Any) -> None:
    added = stock("log", "key", "add")
    assert json.dumps(added.out, ensure_ascii=False).count("使用中 signs") == len(PAIR)
    assert "hand out trust/log.policy" in added.out
    assert stock("log", "key", "retire", keys(stock)[0]["key"]).status == 0
    listed = stock("log", "key", "list").out
    assert listed.count("已停用 retired") == 1
    assert listed.count("使用中 signs") == len(PAIR) * 2 - 1
