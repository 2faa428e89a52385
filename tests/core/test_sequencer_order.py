"""What the order of writes is for: nothing unsigned at a tile's path, no second history."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keys.policy import PolicyWitness
from keys.vkey import SignatureType, VerifierKey
from registry.ledger import round as rounds
from registry.ledger import sequencer
from registry.ledger.head import HeadLost, HeadMoved
from registry.ledger.local_storage import LocalStorage
from registry.ledger.round import SelfCheckFailed
from registry.ledger.sequencer import settle
from registry.ledger.storage import StorageConflict, StorageFailed
from signing.tlog.checkpoint import Checkpoint, cosign_checkpoint, sign_checkpoint
from signing.tlog.note import Note, format_note, parse_note


def log_files(office: Any) -> dict[str, bytes]:
    folder = office.site.public / "log"
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def staged(office: Any) -> list[str]:
    return sorted(file.name for file in (office.site.public / "log" / ".staging").iterdir())


class Stopped(BaseException):
    """The process ends here."""


def stop(*_args: Any, **_heads: Any) -> None:
    raise Stopped


class Unplaced(LocalStorage):
    """A process that ends after its commit, before anything is placed."""

    __slots__ = ("started",)

    def place(self, round_id: str) -> None:
        if self.started:
            raise Stopped
        self.started = True
        super().place(round_id)


def commit_only(office: Any) -> None:
    """Run a round that ends right after its commit (the log has a head before it)."""
    storage = Unplaced(office.site.public / "log")
    storage.started = False
    with pytest.raises(Stopped):
        office.anchor(replace(office.log, storage=storage))


@pytest.mark.parametrize("more", [1, 3, 300], ids=["same-tile", "collides", "full-tile"])
@pytest.mark.parametrize("guarded", [True, False])
def test_tiles_give_an_old_database_away(
    office: Any, monkeypatch: Any, more: int, guarded: bool
) -> None:
    """An old database and its old checkpoint were put back together, over the newer tiles."""
    office.run()
    office.close()
    kept = office.home / "kept"
    kept.mkdir()
    shutil.copy(office.home / "registry.db", kept)
    shutil.copy(office.site.public / "log" / "checkpoint", kept)
    office.issue(office.people(more))
    office.anchor()
    newest = office.checkpoint().size
    office.close()
    for file in office.home.glob("registry.db-*"):
        file.unlink()
    shutil.copy(kept / "registry.db", office.home)
    shutil.copy(kept / "checkpoint", office.site.public / "log")
    office.issue(office.people(more, offset=400))
    before, rows = log_files(office), office.contents()
    if guarded:
        expected = pytest.raises(HeadLost, match=f"go on to {min(newest, 256)} entries at least")
    else:
        # The second line: what is staged would change a tile. Also before anything is signed.
        monkeypatch.setattr(sequencer, "_refuse_tiles_beyond", lambda *_args: None)
        expected = pytest.raises(StorageConflict, match="Stop issuing and signing")
    with expected:
        office.anchor()
    assert log_files(office) == before
    assert office.contents() == rows


def test_a_file_that_came_into_a_tiles_place_is_not_overwritten(office: Any) -> None:
    office.run()
    office.issue(office.people(3))
    commit_only(office)
    public = office.checkpoint()
    (name,) = (name for name in staged(office) if "tile+0+" in name)
    target = office.site.public / "log" / name.partition(".")[2].replace("+", "/")
    target.write_bytes(b"another history")
    for _ in range(2):
        with pytest.raises(StorageConflict, match=r"run `certreg log fsck`"):
            office.anchor()
        assert target.read_bytes() == b"another history"
        assert office.checkpoint() == public
    target.unlink()
    office.run()
    office.audit()


def test_a_committed_round_is_placed_by_the_next_start_and_only_then_public(office: Any) -> None:
    office.run()
    office.note_checkpoint()
    office.issue(office.people(3))
    before = {path for path in log_files(office) if not path.startswith(".staging")}
    commit_only(office)
    assert {path for path in log_files(office) if not path.startswith(".staging")} == before
    assert office.checkpoint() == office.seen[0]
    assert office.head().size == 3 + 3 + 1 + 1
    settle(office.log, office.head())
    assert office.checkpoint().size == office.head().size
    assert staged(office) == []
    office.run()
    office.audit()


def test_a_committed_head_whose_staged_files_are_lost_is_not_published(office: Any) -> None:
    office.run()
    office.issue(office.people(3))
    commit_only(office)
    public = log_files(office)["checkpoint"]
    kept = office.home / "kept"
    shutil.move(office.site.public / "log" / ".staging", kept)
    with pytest.raises(SelfCheckFailed, match="cannot be published"):
        office.anchor()
    assert log_files(office)["checkpoint"] == public
    shutil.copytree(kept, office.site.public / "log" / ".staging", dirs_exist_ok=True)
    office.run()
    office.audit()


def test_a_public_head_that_the_committed_one_does_not_continue_is_a_fork(
    office: Any, founded: Path, tmp_path: Path, open_office: Any
) -> None:
    shutil.copytree(founded, tmp_path / "other")
    other = open_office(tmp_path / "other")
    other.clock.moment = other.clock.moment.replace(hour=9)
    office.run()
    other.run()
    other.close()
    office.issue(office.people(3))
    office.anchor()
    # Smaller than ours, so not ahead, and of another tree.
    shutil.copy(other.site.public / "log" / "checkpoint", office.site.public / "log")
    with pytest.raises(HeadLost, match="two histories"):
        office.anchor()


def cosigned(office: Any) -> tuple[bytes, Any]:
    """Return the public checkpoint with a witness's line, and a log whose policy wants it."""
    signer = office.record_keys[office.prefix]
    key = VerifierKey(
        name="witness.example",
        type=SignatureType.ED25519_COSIGNATURE,
        public_key=signer.info.public_key,
    )
    note = parse_note(office.log.storage.read("checkpoint"))
    line = cosign_checkpoint(note.text, key.name, signer, now=office.clock.now())
    data = format_note(Note(text=note.text, signatures=(*note.signatures, line)))
    witness = PolicyWitness(name="w", key=key)
    policy = replace(office.policy, witnesses=(witness,), quorum="w")
    return data, replace(office.log, policy=policy)


def test_witnesses_lines_on_the_public_checkpoint_stay(office: Any) -> None:
    office.run()
    data, log = cosigned(office)
    office.log.storage.replace("checkpoint", data)
    office.anchor(log)
    assert office.log.storage.read("checkpoint") == data


def test_a_log_is_written_on_while_its_witnesses_are_away(office: Any) -> None:
    """The quorum is the readers' business: what the office signs must not wait for it."""
    office.run()
    _data, log = cosigned(office)
    office.issue(office.people(2))
    assert office.anchor(log).size == 3 + 2 + 1 + 1
    assert office.checkpoint().size == office.head().size
    office.publish()
    office.audit()


def test_a_damaged_signature_on_the_heads_own_checkpoint_is_mended(office: Any) -> None:
    office.run()
    data, _log = cosigned(office)
    lines = data.split(b"\n")
    whole = lines[4]
    lines[4] = lines[4][:-6] + (b"AAAA==" if lines[4][-6:] != b"AAAA==" else b"BBBB==")
    for damaged in (b"\n".join(lines), data.replace(whole + b"\n", b"")):
        (office.site.public / "log" / "checkpoint").write_bytes(damaged)
        office.anchor()
        assert office.log.storage.read("checkpoint") == office.head().note


def test_another_logs_checkpoint_is_not_taken_for_an_old_one(office: Any) -> None:
    office.run()
    other = "other.example/log"
    key = replace(office.policy.logs[0].key, name=other)
    policy = replace(
        office.policy, logs=(*office.policy.logs, replace(office.policy.logs[0], key=key))
    )
    note = sign_checkpoint(Checkpoint(origin=other, size=1, root=b"\1" * 32), office.log.signers)
    office.log.storage.replace("checkpoint", note)
    with pytest.raises(HeadLost, match="cannot be read"):
        office.anchor(replace(office.log, policy=policy))


def test_very_many_groups_take_several_rounds_and_one_call(office: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(sequencer, "GROUPS_AT_ONCE", 2)
    batches = [office.issue(office.people(1, offset=place)).batch_id for place in range(5)]
    done = office.anchor()
    # Two key leaves are groups too: seven in all, and each round has its status leaf.
    assert (done.old_size, done.size) == (0, 2 + 5 * 2 + 4)
    assert done.batches == tuple(batches)
    assert done.crosschecked
    office.publish()
    office.audit()


def test_a_large_round_is_staged_in_small_parts(office: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(rounds, "PAGES_AT_ONCE", 1)
    monkeypatch.setattr(rounds, "FILES_AT_ONCE", 3)
    sizes = []

    class Counting(LocalStorage):
        __slots__ = ()

        def stage(self, round_id: str, items: Any) -> None:
            listed = list(items)
            sizes.append(len(listed))
            super().stage(round_id, listed)

    office.issue(office.people(1500))
    office.anchor(replace(office.log, storage=Counting(office.site.public / "log")))
    # Each time what one more page, or the end of the round, has brought to the last two.
    assert sizes == [4, 4, 5]
    office.publish()
    office.audit()


@pytest.fixture
def unlocked(monkeypatch: Any) -> None:
    """Take the locks away, as a dead database connection and an object store would."""
    monkeypatch.setattr(sequencer, "turn", lambda _engine, _log: nullcontext())
    monkeypatch.setattr(LocalStorage, "exclusive", lambda _self: nullcontext())


@pytest.mark.parametrize("step", ["build", "_commit", "publish_head"])
def test_whoever_is_outrun_is_told_so_and_harms_nothing(
    office: Any, monkeypatch: Any, unlocked: None, step: str
) -> None:
    """The other one also removes what looks like the remains of a dead round."""
    office.run()
    office.note_checkpoint()
    office.issue(office.people(3))
    real = getattr(sequencer, step)

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(sequencer, step, real)
        office.clock.moment = office.clock.moment.replace(hour=9)
        office.issue(office.people(1, offset=70))
        office.anchor()
        return real(*args, **kwargs)

    def let_by(*_args: Any) -> None:
        monkeypatch.setattr(sequencer, step, overtaken)

    # `publish_head` is called at the start too, for what a crash may have left.
    monkeypatch.setattr(sequencer, step, let_by if step == "publish_head" else overtaken)
    with pytest.raises(HeadMoved, match="another sequencer"):
        office.anchor()
    office.run()
    office.audit()
    office.issue(office.people(1, offset=80))
    office.anchor()
    assert staged(office) == []


def test_a_round_that_fails_takes_its_staged_files_away(office: Any, monkeypatch: Any) -> None:
    office.run()
    office.issue(office.people(300))
    monkeypatch.setattr(rounds, "check", lambda *_args: (_ for _ in ()).throw(StorageFailed("no")))
    with pytest.raises(StorageFailed):
        office.anchor()
    assert staged(office) == []


def test_the_remains_of_a_killed_round_go_with_the_next_commit(
    office: Any, monkeypatch: Any
) -> None:
    office.run()
    office.issue(office.people(3))
    with monkeypatch.context() as patched:
        patched.setattr(sequencer, "_commit", stop)
        with pytest.raises(Stopped):
            office.anchor()
    assert len(staged(office)) == 2
    office.issue(office.people(1, offset=9))
    office.run()
    assert staged(office) == []
    office.audit()
