"""Signers, key ids, verifying, DSSE's encoding, the clock and where the passphrase comes from."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.clock import SystemClock
from keys.dsse import pae
from keys.errors import (
    KeyFileBroken,
    KeyFileExposed,
    KeyRefused,
    PassphraseMissing,
    SignerUnsound,
)
from keys.keyfile import new_private_key
from keys.model import (
    PUBLIC_KEY_BYTES,
    Algorithm,
    KeyInfo,
    KeyState,
    Purpose,
    key_id_of,
    verify_signature,
)
from keys.passphrase import read_passphrase
from keys.signer import PrivateKey, Signer, algorithm_of, public_bytes, software_signer

# RFC 8032 section 7.1, test 3.
SEED = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
PUBLIC = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
SIGNATURE = bytes.fromhex(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)


def info_of(private_key: PrivateKey) -> KeyInfo:
    algorithm, public = algorithm_of(private_key), public_bytes(private_key)
    return KeyInfo(
        key_id=key_id_of(algorithm, public),
        algorithm=algorithm,
        purpose=Purpose.RECORD,
        issuer="office",
        not_before=datetime(2026, 1, 1, tzinfo=UTC),
        not_after=datetime(2027, 1, 1, tzinfo=UTC),
        state=KeyState.ACTIVE,
        public_key=public,
    )


@pytest.fixture(params=["accelerated", "plain"])
def speed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "nacl.bindings", None)
    else:
        pytest.importorskip("nacl.bindings")
    return str(request.param)


def test_ed25519_signs_as_the_rfc_says(speed: str) -> None:
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    assert public_bytes(key) == PUBLIC
    signer: Signer = software_signer(info_of(key), key)
    assert isinstance(signer, Signer)
    assert signer.sign(b"\xaf\x82") == SIGNATURE
    assert verify_signature(Algorithm.ED25519, PUBLIC, b"\xaf\x82", SIGNATURE)


@given(message=st.binary(max_size=2000))
def test_the_accelerator_gives_the_same_bytes(message: bytes) -> None:
    pytest.importorskip("nacl.bindings")
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    assert software_signer(info_of(key), key).sign(message) == key.sign(message)


def test_the_accelerator_is_used_when_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    bindings = pytest.importorskip("nacl.bindings")
    calls = []

    def crypto_sign(message: bytes, secret: bytes) -> bytes:
        calls.append(message)
        return bytes(bindings.crypto_sign(message, secret))

    fake = SimpleNamespace(crypto_sign=crypto_sign)
    monkeypatch.setitem(sys.modules, "nacl.bindings", fake)  # type: ignore[arg-type]
    key = Ed25519PrivateKey.generate()
    software_signer(info_of(key), key).sign(b"hello")
    assert calls[1:] == [b"hello"]


def test_an_accelerator_that_signs_wrongly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(crypto_sign=lambda message, secret: bytes(64) + message)
    monkeypatch.setitem(sys.modules, "nacl.bindings", fake)  # type: ignore[arg-type]
    key = Ed25519PrivateKey.generate()
    with pytest.raises(SignerUnsound, match="reinstall"):
        software_signer(info_of(key), key)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_every_signer_works_from_threads(algorithm: Algorithm, speed: str) -> None:
    key = new_private_key(algorithm)
    signer = software_signer(info_of(key), key)
    messages = [b"%d" % number for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        signatures = list(pool.map(signer.sign, messages))
    public = signer.info.public_key
    for message, signature in zip(messages, signatures, strict=True):
        assert verify_signature(algorithm, public, message, signature)
        assert not verify_signature(algorithm, public, message + b"x", signature)


def test_a_signer_refuses_anothers_private_key_and_shows_none() -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    with pytest.raises(KeyRefused):
        software_signer(info_of(key), other)
    with pytest.raises(KeyRefused):
        software_signer(info_of(key), new_private_key(Algorithm.ECDSA_P256))
    with pytest.raises(KeyRefused):
        algorithm_of(ec.generate_private_key(ec.SECP384R1()))
    signer = software_signer(info_of(key), key)
    assert repr(signer) == f"PrivateKeySigner({signer.info.key_id})"


@pytest.mark.parametrize("algorithm", list(Algorithm))
@settings(max_examples=60, deadline=None)
@given(public=st.binary(max_size=80), signature=st.binary(max_size=80), message=st.binary())
def test_verifying_never_raises(
    algorithm: Algorithm, public: bytes, signature: bytes, message: bytes
) -> None:
    assert not verify_signature(algorithm, public, message, signature)
    padded = (public * 1312)[: PUBLIC_KEY_BYTES[algorithm]].ljust(PUBLIC_KEY_BYTES[algorithm], b"4")
    verify_signature(algorithm, padded, message, signature)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_signature_of_another_length_is_not_good(algorithm: Algorithm) -> None:
    key = new_private_key(algorithm)
    public, signature = public_bytes(key), software_signer(info_of(key), key).sign(b"m")
    for wrong in (b"", signature[:-1], signature + b"\0", signature * 2, signature[::-1]):
        assert not verify_signature(algorithm, public, b"m", wrong)
    for wrong in (b"", public[:-1], public + b"\0", bytes(len(public))):
        assert not verify_signature(algorithm, wrong, b"m", signature)


def test_a_p256_key_has_one_form_only() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    signature = key.sign(b"m", ec.ECDSA(SHA256()))
    short = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    # The same key in another form would have another id, and pass for another key.
    assert verify_signature(Algorithm.ECDSA_P256, public_bytes(key), b"m", signature)
    assert not verify_signature(Algorithm.ECDSA_P256, short, b"m", signature)


def test_a_key_id_is_the_hash_of_algorithm_and_key() -> None:
    digest = hashlib.sha256(b"ed25519\0" + PUBLIC).hexdigest()
    assert key_id_of(Algorithm.ED25519, PUBLIC) == digest[:16]
    assert key_id_of(Algorithm.ML_DSA_44, PUBLIC) != digest[:16]


def test_key_facts_that_disagree_are_refused() -> None:
    good = info_of(Ed25519PrivateKey.generate())
    facts = {name: getattr(good, name) for name in KeyInfo.__dataclass_fields__}
    naive = datetime(2026, 6, 1)  # noqa: DTZ001 -- what is refused
    changes: list[dict[str, object]] = [
        {"public_key": b"x" * 32},
        {"public_key": b"x" * 31},
        {"key_id": "0" * 16},
        {"algorithm": Algorithm.ML_DSA_44},
        {"not_before": good.not_after},
        {"not_before": naive},
        {"issuer": "someone"},
    ]
    for change in changes:
        with pytest.raises(KeyRefused):
            KeyInfo(**(facts | change))
    assert good.valid_at(good.not_before)
    assert not good.valid_at(good.not_after)
    assert not good.valid_at(good.not_before - timedelta(seconds=1))


def test_dsse_encodes_as_its_protocol_says() -> None:
    # The example of the DSSE protocol's own page.
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("类", b"") == "DSSEv1 3 类 0 ".encode()


@given(one=st.tuples(st.text("ab 1"), st.binary()), two=st.tuples(st.text("ab 1"), st.binary()))
def test_dsse_keeps_different_things_apart(one: tuple[str, bytes], two: tuple[str, bytes]) -> None:
    assert (pae(*one) == pae(*two)) == (one == two)


def test_the_clock_tells_utc() -> None:
    assert SystemClock().now().tzinfo is UTC


@pytest.fixture
def file(tmp_path: Path) -> Path:
    target = tmp_path / "passphrase"
    target.write_bytes(b"from the file\r\n")
    target.chmod(0o600)
    return target


def test_the_environment_comes_before_the_file(file: Path) -> None:
    assert read_passphrase(environ={}, file=file) == b"from the file"
    given_ = {"CERTREG_PASSPHRASE": "口令 \n"}
    assert read_passphrase(environ=given_, file=file) == "口令 ".encode()
    assert read_passphrase(environ={"CERTREG_PASSPHRASE": "\udcff"}, file=file) == b"\xff"


@pytest.mark.parametrize("environ", [{}, {"CERTREG_PASSPHRASE": ""}, {"CERTREG_PASSPHRASE": "\n"}])
def test_without_a_passphrase_the_message_says_what_to_do(
    environ: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(PassphraseMissing) as caught:
        read_passphrase(environ=environ, file=tmp_path / "none")
    for word in ("CERTREG_PASSPHRASE", str(tmp_path / "none"), "chmod 600"):
        assert word in str(caught.value)


def test_an_empty_file_is_no_passphrase(file: Path) -> None:
    file.write_bytes(b"\n")
    with pytest.raises(PassphraseMissing, match="is empty"):
        read_passphrase(environ={}, file=file)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o610])
def test_a_passphrase_file_others_may_touch_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(KeyFileExposed) as caught:
        read_passphrase(environ={}, file=file)
    assert f"chmod 600 {file}" in str(caught.value)
    assert "from the file" not in str(caught.value)


def test_what_is_no_plain_file_is_refused_without_waiting(file: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for odd in (tmp_path / "pipe", tmp_path):
        with pytest.raises((KeyFileBroken, PassphraseMissing)):
            read_passphrase(environ={}, file=odd)
    file.write_bytes(b"x" * 5000)
    with pytest.raises(KeyFileBroken, match="longer"):
        read_passphrase(environ={}, file=file)


def test_every_error_has_its_own_code() -> None:
    errors = importlib.import_module("keys.errors")
    family: Callable[[type], list[type]] = lambda kind: [  # noqa: E731 -- recursive
        kind,
        *(sub for child in kind.__subclasses__() for sub in family(child)),
    ]
    codes = [kind.__dict__["code"] for kind in family(errors.KeysError)]
    assert len(set(codes)) == len(codes)
