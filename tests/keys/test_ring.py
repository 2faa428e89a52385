"""The key ring: what it signs with, what it refuses, and what it says then."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keys.errors import (
    KeyExpired,
    KeyFileBroken,
    KeyFileExposed,
    KeyNotFound,
    KeyRefused,
    KeysError,
    PassphraseMissing,
    PassphraseWrong,
    RingExists,
    StateRefused,
)
from keys.model import Algorithm, KeyId, KeyInfo, KeyState, Purpose, verify_signature
from keys.ring import KeyRing
from keys.sealed import ScryptParams

ISSUER = "Y000044999001"
Make = Callable[..., KeyInfo]
Reopen = Callable[[], KeyRing]


def key_file(tmp_path: Path, info: KeyInfo) -> Path:
    return tmp_path / "keys" / f"{info.key_id}.key.json"


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_key_survives_a_restart_and_signs(
    ring: KeyRing, generate: Make, reopen: Reopen, now: datetime, algorithm: Algorithm
) -> None:
    info = generate(algorithm=algorithm)
    again = reopen()
    assert again.keys() == ring.keys() == (info,)
    signature = again.signer(Purpose.RECORD, ISSUER, now, algorithm=algorithm).sign(b"hello")
    assert verify_signature(algorithm, info.public_key, b"hello", signature)
    assert not verify_signature(algorithm, info.public_key, b"hellp", signature)


def test_the_files_are_the_owners_alone_and_hold_no_key_in_clear(
    ring: KeyRing, generate: Make, tmp_path: Path, now: datetime
) -> None:
    info = generate()
    signer = ring.signer(Purpose.RECORD, ISSUER, now)
    secret = signer.private_key.private_bytes_raw()  # type: ignore[union-attr]
    files = list((tmp_path / "keys").iterdir())
    assert {file.name for file in files} == {"ring.json", f"{info.key_id}.key.json"}
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
        assert secret not in file.read_bytes()
        assert secret.hex().encode() not in file.read_bytes()
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_the_newest_active_key_in_force_signs(ring: KeyRing, generate: Make, now: datetime) -> None:
    old = generate()
    new = generate(start=timedelta(days=10))
    generate(issuer="Y000044999002")
    generate(purpose=Purpose.UPLOAD)
    generate(algorithm=Algorithm.ML_DSA_44, start=timedelta(days=5))

    def chosen(day: int) -> KeyId:
        return ring.signer(Purpose.RECORD, ISSUER, now + timedelta(days=day)).info.key_id

    assert chosen(0) == old.key_id
    assert chosen(9) == old.key_id
    assert chosen(10) == new.key_id
    ring.set_state(new.key_id, KeyState.RETIRED)
    assert chosen(10) == old.key_id
    with pytest.raises(KeyExpired, match="generate a new one"):
        ring.signer(Purpose.RECORD, ISSUER, now + timedelta(days=365))
    with pytest.raises(KeyNotFound, match="generate one first"):
        ring.signer(Purpose.RECORD, "Y000044999003", now)


def test_a_pdf_signer_is_p256_unless_said_otherwise(
    ring: KeyRing, generate: Make, now: datetime
) -> None:
    info = generate(purpose=Purpose.PDF, algorithm=Algorithm.ECDSA_P256)
    assert ring.signer(Purpose.PDF, ISSUER, now).info == info
    with pytest.raises(KeyRefused, match="P-256"):
        generate(purpose=Purpose.PDF)


def test_a_key_is_decrypted_once(
    ring: KeyRing, generate: Make, now: datetime, tmp_path: Path
) -> None:
    info = generate()
    first = ring.signer(Purpose.RECORD, ISSUER, now)
    key_file(tmp_path, info).unlink()
    assert ring.signer(Purpose.RECORD, ISSUER, now) is first


def test_validity_is_kept_to_the_second(ring: KeyRing, now: datetime, reopen: Reopen) -> None:
    info = ring.generate(
        algorithm=Algorithm.ED25519,
        purpose=Purpose.CHECKPOINT,
        issuer="office",
        not_before=now + timedelta(microseconds=999_999),
        not_after=now + timedelta(days=1),
    )
    assert info.not_before == now
    assert reopen().keys() == (info,)


@pytest.mark.parametrize(
    "issuer", ["", "Office", "Y00004499900", "y000044999001", "Y00004499900１"]
)
def test_an_issuer_out_of_form_is_refused(generate: Make, issuer: str, tmp_path: Path) -> None:
    with pytest.raises(KeyRefused):
        generate(issuer=issuer)
    assert [file.name for file in (tmp_path / "keys").iterdir()] == ["ring.json"]


def test_validity_must_end_after_it_begins(generate: Make) -> None:
    with pytest.raises(KeyRefused):
        generate(days=0)


@pytest.mark.parametrize("passphrase", [b"", b"battery", b"correct horse\n", b"Correct horse"])
def test_a_wrong_passphrase_opens_nothing(ring: KeyRing, tmp_path: Path, passphrase: bytes) -> None:
    with pytest.raises(PassphraseWrong, match="Check the passphrase") as caught:
        KeyRing.open(tmp_path / "keys", passphrase)
    if passphrase:
        assert passphrase.decode().strip() not in str(caught.value)


def test_an_empty_passphrase_makes_no_ring(tmp_path: Path) -> None:
    with pytest.raises(PassphraseMissing):
        KeyRing.create(tmp_path / "keys", b"")
    assert not (tmp_path / "keys").exists()


def test_a_ring_is_never_made_over_another(
    ring: KeyRing, generate: Make, reopen: Reopen, tmp_path: Path, cheap: ScryptParams
) -> None:
    generate()
    with pytest.raises(RingExists):
        KeyRing.create(tmp_path / "keys", b"other", scrypt=cheap)
    assert len(reopen().keys()) == 1
    (tmp_path / "keys" / "ring.json").unlink()
    with pytest.raises(RingExists, match="backup"):
        KeyRing.create(tmp_path / "keys", b"other", scrypt=cheap)


def test_an_empty_ring_is_not_made_anew(ring: KeyRing, tmp_path: Path, cheap: ScryptParams) -> None:
    before = (tmp_path / "keys" / "ring.json").read_bytes()
    with pytest.raises(RingExists, match="open it instead"):
        KeyRing.create(tmp_path / "keys", b"other", scrypt=cheap)
    assert (tmp_path / "keys" / "ring.json").read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
@pytest.mark.parametrize("name", ["ring.json", "key"])
def test_a_file_others_may_touch_is_refused(
    generate: Make, reopen: Reopen, tmp_path: Path, mode: int, name: str
) -> None:
    info = generate()
    file = key_file(tmp_path, info) if name == "key" else tmp_path / "keys" / name
    file.chmod(mode)
    with pytest.raises(KeyFileExposed) as caught:
        reopen()
    assert f"chmod 600 {file}" in str(caught.value)
    file.chmod(0o600)
    assert reopen().keys() == (info,)


def test_a_folder_others_may_write_in_is_refused(
    ring: KeyRing, reopen: Reopen, tmp_path: Path, cheap: ScryptParams
) -> None:
    (tmp_path / "keys").chmod(0o770)
    with pytest.raises(KeyFileExposed, match="chmod 700"):
        reopen()
    (tmp_path / "other").mkdir()
    (tmp_path / "other").chmod(0o777)
    with pytest.raises(KeyFileExposed):
        KeyRing.create(tmp_path / "other", b"x", scrypt=cheap)


def test_a_missing_ring_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyFileBroken, match="restore the key folder"):
        KeyRing.open(tmp_path / "keys", b"x")


EDITS: list[tuple[str, object]] = [
    ("purpose", "checkpoint"),
    ("issuer", "Y000044999002"),
    ("not_after", "2099-01-01T00:00:00Z"),
    ("not_before", "2020-01-01T00:00:00Z"),
    ("state", "active"),
    ("algorithm", "ecdsa-p256-sha256"),
    ("certificate", "AAAA"),
    ("public", "A" * 43 + "="),
    ("id", "0123456789abcdef"),
    ("v", 2),
    ("extra", "field"),
]


@pytest.mark.parametrize(("field", "value"), EDITS)
def test_edited_facts_of_a_key_are_refused(
    ring: KeyRing, generate: Make, tmp_path: Path, field: str, value: object
) -> None:
    info = generate()
    ring.set_state(info.key_id, KeyState.RETIRED)
    file = key_file(tmp_path, info)
    found = json.loads(file.read_bytes())
    assert found["public"].get(field) != value
    found["public"][field] = value
    file.write_text(json.dumps(found, sort_keys=True, separators=(",", ":")))
    with pytest.raises(KeyFileBroken, match="edited") as caught:
        KeyRing.open(tmp_path / "keys", b"correct horse")
    assert str(file) in str(caught.value)


def test_facts_swapped_between_two_keys_are_refused(
    generate: Make, reopen: Reopen, tmp_path: Path
) -> None:
    one, other = generate(), generate(issuer="Y000044999002")
    files = key_file(tmp_path, one), key_file(tmp_path, other)
    first, second = (json.loads(file.read_bytes()) for file in files)
    first["sealed"], second["sealed"] = second["sealed"], first["sealed"]
    for file, value in zip(files, (first, second), strict=True):
        file.write_text(json.dumps(value, sort_keys=True, separators=(",", ":")))
    with pytest.raises(KeyFileBroken, match="edited"):
        reopen()


def test_a_renamed_file_and_one_of_another_ring_are_refused(
    generate: Make, reopen: Reopen, tmp_path: Path, cheap: ScryptParams
) -> None:
    one, other = generate(), generate(issuer="Y000044999002")
    kept = key_file(tmp_path, one).read_bytes()
    key_file(tmp_path, one).write_bytes(key_file(tmp_path, other).read_bytes())
    with pytest.raises(KeyFileBroken, match="renamed"):
        reopen()
    key_file(tmp_path, one).write_bytes(kept)
    foreign = KeyRing.create(tmp_path / "foreign", b"correct horse", scrypt=cheap)
    infos = reopen().keys()
    for info in infos:
        target = tmp_path / "foreign" / f"{info.key_id}.key.json"
        target.write_bytes(key_file(tmp_path, info).read_bytes())
        target.chmod(0o600)
    assert foreign.keys() == ()
    with pytest.raises(KeyFileBroken, match="another ring"):
        KeyRing.open(tmp_path / "foreign", b"correct horse")


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_raises_only_errors_of_keys(
    ring: KeyRing, generate: Make, tmp_path: Path, data: st.DataObject
) -> None:
    if not ring.keys():
        generate()
    names = ["ring.json", f"{ring.keys()[0].key_id}.key.json"]
    file = tmp_path / "keys" / data.draw(st.sampled_from(names))
    kept = file.read_bytes()
    place = data.draw(st.integers(0, len(kept) - 1))
    cut = data.draw(st.integers(0, 3))
    damaged = kept[:place] + data.draw(st.binary(max_size=4)) + kept[place + cut :]
    if damaged == kept:
        return
    file.write_bytes(damaged)
    try:
        with pytest.raises(KeysError):
            KeyRing.open(tmp_path / "keys", b"correct horse")
    finally:
        file.write_bytes(kept)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 1 << 40),
        ("n", 3),
        ("n", -2),
        ("r", 1 << 30),
        ("p", 1 << 30),
        ("n", True),
        ("kdf", "x"),
    ],
)
def test_absurd_costs_in_ring_json_do_not_exhaust_the_machine(
    ring: KeyRing, reopen: Reopen, tmp_path: Path, name: str, value: object
) -> None:
    file = tmp_path / "keys" / "ring.json"
    found = json.loads(file.read_bytes())
    found["public"][name] = value
    file.write_text(json.dumps(found, sort_keys=True, separators=(",", ":")))
    with pytest.raises(KeyFileBroken):
        reopen()


def test_states_go_one_way_and_last(
    ring: KeyRing, generate: Make, reopen: Reopen, now: datetime
) -> None:
    info = generate()
    ring.signer(Purpose.RECORD, ISSUER, now)
    assert ring.set_state(info.key_id, KeyState.RETIRED) == replace(info, state=KeyState.RETIRED)
    with pytest.raises(KeyExpired):
        ring.signer(Purpose.RECORD, ISSUER, now)
    with pytest.raises(StateRefused):
        ring.set_state(info.key_id, KeyState.ACTIVE)
    ring.set_state(info.key_id, KeyState.REVOKED)
    ring.set_state(info.key_id, KeyState.REVOKED)
    kept = reopen().keys()
    assert [key.state for key in kept] == [KeyState.REVOKED]
    with pytest.raises(StateRefused):
        ring.set_state(info.key_id, KeyState.RETIRED)
    with pytest.raises(KeyNotFound):
        ring.set_state(KeyId("0" * 16), KeyState.RETIRED)


def test_another_process_cannot_be_undone(ring: KeyRing, generate: Make, reopen: Reopen) -> None:
    info = generate()
    reopen().set_state(info.key_id, KeyState.REVOKED)
    assert ring.keys()[0].state is KeyState.ACTIVE
    with pytest.raises(StateRefused):
        ring.set_state(info.key_id, KeyState.RETIRED)


def test_a_key_revoked_by_another_process_is_not_used(
    ring: KeyRing, generate: Make, reopen: Reopen, now: datetime
) -> None:
    info = generate()
    reopen().set_state(info.key_id, KeyState.REVOKED)
    with pytest.raises(KeyFileBroken, match="open"):
        ring.signer(Purpose.RECORD, ISSUER, now)


def test_each_sealing_has_its_own_nonce(ring: KeyRing, generate: Make, tmp_path: Path) -> None:
    info = generate()
    before = json.loads(key_file(tmp_path, info).read_bytes())["sealed"]
    ring.set_state(info.key_id, KeyState.RETIRED)
    after = json.loads(key_file(tmp_path, info).read_bytes())["sealed"]
    assert before[:16] != after[:16]


def test_secrets_are_the_same_after_a_restart_and_apart_by_name_and_ring(
    ring: KeyRing, reopen: Reopen, tmp_path: Path, cheap: ScryptParams
) -> None:
    other = KeyRing.create(tmp_path / "other", b"correct horse", scrypt=cheap)
    found = [ring.secret("field"), ring.secret("index"), other.secret("field")]
    assert len(set(found)) == 3
    assert all(len(secret) == 32 for secret in found)
    assert reopen().secret("field") == found[0]


def test_many_threads_share_a_ring(ring: KeyRing, generate: Make, now: datetime) -> None:
    info = generate()
    bad: list[bytes] = []

    def work(number: int) -> None:
        for turn in range(50):
            message = b"%d/%d" % (number, turn)
            signature = ring.signer(Purpose.RECORD, ISSUER, now).sign(message)
            if not verify_signature(info.algorithm, info.public_key, message, signature):
                bad.append(message)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bad == []


def test_the_default_cost_is_the_recommended_one(tmp_path: Path) -> None:
    KeyRing.create(tmp_path / "keys", b"x")
    public = json.loads((tmp_path / "keys" / "ring.json").read_bytes())["public"]
    assert (public["n"], public["r"], public["p"]) == (1 << 15, 8, 1)
    assert KeyRing.open(tmp_path / "keys", b"x").keys() == ()
