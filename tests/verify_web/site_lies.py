"""Lies of a mirror, log or status list: each function tells one, in a published directory.

Named by what it does; with the certificate it is about and the word that the site then says.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from signing.envelope import sign_record
from signing.record import canonical
from signing.tlog.checkpoint import Checkpoint, sign_checkpoint
from signing.tlog.entry import Issue, State, encode_entry, parse_entry
from signing.tlog.tiles import decode_bundle, encode_bundle

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
UNSURE, INVALID, REVOKED = "暂无法确认", "无效", "已撤销"
change = msgspec.structs.replace

Lie = Callable[..., None]
LIES: list[tuple[str, str, Lie]] = []


def lie(about: str, word: str) -> Callable[[Lie], Lie]:
    def take(function: Lie) -> Lie:
        LIES.append((about, word, function))
        return function

    return take


def flip(file: Path, at: int = 5) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)


def replace_entry(world: Any, name: str, **changes: object) -> None:
    world.write_mirror(**{name: change(world.entries[name], **changes)})


def mirror(world: Any, statement: str) -> None:
    with closing(sqlite3.connect(world.public / "mirror.db")) as connection, connection:
        connection.execute(statement)


def keep_old_status(world: Any, name: str) -> tuple[bytes, bytes]:
    """Revoke `name` in the log properly, then put the status list from before it back."""
    folder = world.public / "status"
    before = world.status_index
    old = (folder / "latest.json").read_bytes(), (folder / f"pages-{before}.bin").read_bytes()
    world.change_state(name, State.REVOKED)
    world.write_log(status_time=NOW - timedelta(hours=1))
    return old


@lie("valid", UNSURE)
def the_checkpoint_has_another_root(world: Any) -> None:
    head = Checkpoint(origin="127.0.0.1:8155/log", size=len(world.leaves), root=bytes(32))
    (world.public / "log" / "checkpoint").write_bytes(sign_checkpoint(head, [world.office]))


@lie("valid", UNSURE)
def a_stranger_signed_the_checkpoint(world: Any) -> None:
    world.write_log(signer=world.stranger)


@lie("valid", UNSURE)
def the_checkpoint_is_of_another_log(world: Any) -> None:
    head = Checkpoint(origin="else.example/log", size=len(world.leaves), root=bytes(32))
    (world.public / "log" / "checkpoint").write_bytes(sign_checkpoint(head, [world.office]))


@lie("valid", UNSURE)
def the_checkpoint_is_cut_short(world: Any) -> None:
    file = world.public / "log" / "checkpoint"
    file.write_bytes(file.read_bytes()[:60])


@lie("valid", UNSURE)
def the_checkpoint_is_gone(world: Any) -> None:
    (world.public / "log" / "checkpoint").unlink()


@lie("valid", UNSURE)
def the_log_is_shorter_than_the_mirror(world: Any) -> None:
    del world.leaves[290:]
    world.write_log()


@lie("valid", UNSURE)
def a_tile_of_leaves_is_damaged(world: Any) -> None:
    flip(next((world.public / "log/tile/0/001.p").iterdir()), at=32 * 40)


@lie("valid", UNSURE)
def a_tile_above_is_damaged(world: Any) -> None:
    flip(world.public / "log/tile/1/000.p/1")


@lie("valid", UNSURE)
def a_tile_is_missing(world: Any) -> None:
    next((world.public / "log/tile/0/001.p").iterdir()).unlink()


@lie("valid", UNSURE)
def the_status_head_is_missing(world: Any) -> None:
    (world.public / "status" / "latest.json").unlink()


@lie("valid", UNSURE)
def the_status_head_is_no_json(world: Any) -> None:
    (world.public / "status" / "latest.json").write_bytes(b"\xff{")


@lie("valid", UNSURE)
def the_status_pages_are_missing(world: Any) -> None:
    (world.public / "status" / f"pages-{world.status_index}.bin").unlink()


@lie("valid", UNSURE)
def the_status_list_is_too_old(world: Any) -> None:
    world.write_log(status_time=NOW - timedelta(days=8))


@lie("valid", UNSURE)
def the_status_list_is_from_the_future(world: Any) -> None:
    world.write_log(status_time=NOW + timedelta(days=1))


@lie("valid", UNSURE)
def the_status_entry_is_not_in_the_log(world: Any) -> None:
    del world.leaves[world.status_index]
    world.states["valid"] = State.VALID
    world.write_log()


@lie("valid", UNSURE)
def the_status_entry_lies_beyond_the_checkpoint(world: Any) -> None:
    file = world.public / "status" / "latest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"entry_index": 10_000}))


@lie("revoked", UNSURE)
def the_status_page_says_valid(world: Any) -> None:
    file = world.public / "status" / f"pages-{world.status_index}.bin"
    file.write_bytes(bytes(len(file.read_bytes())))


@lie("valid", UNSURE)
def the_pages_are_those_from_before_the_revocation(world: Any) -> None:
    _, pages = keep_old_status(world, "valid")
    (world.public / "status" / f"pages-{world.status_index}.bin").write_bytes(pages)


@lie("valid", UNSURE)
def the_whole_status_list_is_from_before_the_revocation(world: Any) -> None:
    latest, _ = keep_old_status(world, "valid")
    (world.public / "status" / "latest.json").write_bytes(latest)


@lie("valid", UNSURE)
def the_old_list_is_back_and_the_revocation_cut_out_of_the_bundle(world: Any) -> None:
    latest, _ = keep_old_status(world, "valid")
    (world.public / "status" / "latest.json").write_bytes(latest)
    for file in (world.public / "log/tile/entries/001.p").iterdir():
        entries = decode_bundle(file.read_bytes(), int(file.name))
        hidden = [
            entry.replace(b'"index":0', b'"index":9') if b"status-change" in entry else entry
            for entry in entries
        ]
        file.write_bytes(encode_bundle(hidden))


@lie("revoked", REVOKED)
def the_mirror_names_the_status_of_a_valid_one(world: Any) -> None:
    replace_entry(world, "revoked", status_index=world.entries["valid"].status_index)


@lie("revoked", INVALID)
def the_leaf_names_the_status_of_a_valid_one(world: Any) -> None:
    leaf = parse_entry(world.entries["revoked"].entry)
    assert isinstance(leaf, Issue)
    replace_entry(world, "revoked", entry=encode_entry(change(leaf, status=0)))


@lie("revoked", INVALID)
def another_certificates_record_stands_behind_the_token(world: Any) -> None:
    replace_entry(world, "revoked", envelope=world.entries["valid"].envelope)


@lie("revoked", INVALID)
def another_certificates_leaf_stands_behind_the_token(world: Any) -> None:
    other = world.entries["valid"]
    replace_entry(world, "revoked", entry=other.entry, index=other.index)


@lie("revoked", INVALID)
def the_mirror_points_at_another_leaf(world: Any) -> None:
    replace_entry(world, "revoked", index=world.entries["valid"].index)


@lie("valid", UNSURE)
def the_mirror_points_outside_the_log(world: Any) -> None:
    replace_entry(world, "valid", index=-1)


@lie("valid", INVALID)
def the_opening_is_another(world: Any) -> None:
    replace_entry(world, "valid", opening=bytes(32))


@lie("valid", INVALID)
def the_name_was_changed_after_signing(world: Any) -> None:
    envelope = world.entries["valid"].envelope
    payload = envelope.payload.replace("欧阳".encode(), "上官".encode())
    replace_entry(world, "valid", envelope=change(envelope, payload=payload))


@lie("valid", INVALID)
def the_issuer_signed_what_was_never_registered(world: Any) -> None:
    record = change(world.records["valid"], level="1", number="Y000044999001261000001")
    replace_entry(world, "valid", envelope=sign_record(canonical(record), world.issuer))


@lie("valid", INVALID)
def a_stranger_signed_under_the_issuers_key_id(world: Any) -> None:
    envelope = sign_record(world.entries["valid"].envelope.payload, world.stranger)
    envelope = change(envelope, key_id=world.issuer.info.key_id)
    replace_entry(world, "valid", envelope=envelope)


@lie("valid", UNSURE)
def an_unknown_key_signed(world: Any) -> None:
    envelope = sign_record(world.entries["valid"].envelope.payload, world.stranger)
    replace_entry(world, "valid", envelope=envelope)


@lie("valid", INVALID)
def the_payload_type_is_another(world: Any) -> None:
    envelope = change(world.entries["valid"].envelope, payload_type="text/plain")
    replace_entry(world, "valid", envelope=envelope)


@lie("valid", UNSURE)
def the_trust_file_was_edited(world: Any) -> None:
    file = world.public / "trust" / "issuers.json"
    envelope = json.loads(file.read_bytes())
    payload = base64.b64decode(envelope["payload"]).replace(b"Y000044999001", b"Y000044999002")
    envelope["payload"] = base64.b64encode(payload).decode()
    file.write_text(json.dumps(envelope, separators=(",", ":")))


@lie("valid", UNSURE)
def the_policy_names_a_strangers_key(world: Any) -> None:
    world.office = world.stranger
    issuers = (world.public / "trust" / "issuers.json").read_bytes()
    world.write_trust()
    (world.public / "trust" / "issuers.json").write_bytes(issuers)
    world.write_log(signer=world.stranger)


@lie("valid", UNSURE)
def the_trust_folder_is_gone(world: Any) -> None:
    (world.public / "trust" / "log.policy").unlink()


@lie("valid", UNSURE)
def the_mirror_is_gone(world: Any) -> None:
    (world.public / "mirror.db").unlink()


@lie("valid", UNSURE)
def the_mirror_is_no_database(world: Any) -> None:
    (world.public / "mirror.db").write_bytes(b"not a database" * 400)


@lie("valid", UNSURE)
def the_mirror_is_cut_short(world: Any) -> None:
    file = world.public / "mirror.db"
    file.write_bytes(file.read_bytes()[:5000])


@lie("valid", UNSURE)
def the_mirror_has_no_tables(world: Any) -> None:
    mirror(world, "DROP TABLE tags")


@lie("valid", UNSURE)
def the_mirrors_entries_were_deleted(world: Any) -> None:
    mirror(world, "DELETE FROM entries")


@lie("valid", UNSURE)
def the_mirrors_entries_were_swapped(world: Any) -> None:
    mirror(world, "UPDATE entries SET sealed = (SELECT max(sealed) FROM entries)")


@lie("valid", UNSURE)
def the_mirrors_index_was_changed(world: Any) -> None:
    mirror(world, "UPDATE tags SET wrapped = zeroblob(12) || substr(wrapped, 13)")
