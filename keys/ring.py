"""The key ring: a folder of encrypted key files under one passphrase.

    ring.json            salt and costs of scrypt, and the sealed root (32 random bytes)
    <key id>.key.json    one key: its facts in clear, its private half sealed under the root

The passphrase opens the root; from the root come the key that seals the key files and the
named secrets. Every fact of a key, its state too, is bound to the sealing, and a change of
state seals the file anew under a fresh nonce.

What someone with write access to the folder, but without the passphrase, can gain: delete keys
(restore the backup), or put an older copy of a key file back, so that this program would sign
with a key that was retired or revoked. They cannot read a key, nor change its purpose, issuer
or validity, nor add a key of their own. An issuer's key is not safe by its state here but by the
database and the ledger: the registry signs with no key whose end stands there, whatever the ring
says, and verifiers learn of the end from the trust file. Where the folder was open to others,
revoke.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, Self, assert_never

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import load_der_x509_certificate

from keys import sealed, strict
from keys.errors import (
    KeyExpired,
    KeyFileBroken,
    KeyNotFound,
    KeyRefused,
    PassphraseMissing,
    PassphraseWrong,
    RingExists,
    StateRefused,
)
from keys.keyfile import new_private_key, open_key, seal_key
from keys.model import (
    LATER,
    Algorithm,
    KeyId,
    KeyInfo,
    KeyState,
    Purpose,
    key_id_of,
)
from keys.sealed import ScryptParams
from keys.signer import PrivateKey, PrivateKeySigner, public_bytes, software_signer

RING_FILE: Final = "ring.json"
_SUFFIX: Final = ".key.json"
_KIND: Final = "ring"
_RESTORE: Final = "restore the key folder from its backup"


class KeyRing:
    """An open key ring; made by `create` or `open`, safe to use from many threads.

    It reads the folder when it is opened: what another process adds later is seen by the next
    `open`. A change of state starts from the file, so it never undoes another process's.
    """

    def __init__(self, directory: Path, root: bytes) -> None:
        self._directory = directory
        self._root = root
        self._file_key = sealed.subkey(root, "key-files")
        self._lock = threading.RLock()
        self._signers: dict[KeyId, PrivateKeySigner] = {}
        self._keys: dict[KeyId, KeyInfo] = {}

    @classmethod
    def create(
        cls, directory: Path, passphrase: bytes, *, scrypt: ScryptParams | None = None
    ) -> Self:
        """Make a new, empty ring. Raises RingExists, PassphraseMissing for an empty one.

        `scrypt` is the cost of guessing the passphrase; leave it out but in tests.
        """
        if not passphrase:
            raise PassphraseMissing("a key ring needs a passphrase: an empty one protects nothing")
        costs = scrypt or ScryptParams()
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        sealed.refuse_shared_folder(directory)
        if any(directory.glob(f"*{_SUFFIX}")):
            # Keys without ring.json: a half-restored backup, which a new root would make useless.
            raise RingExists(f"{directory} holds keys of another ring: {_RESTORE}")
        salt, root = secrets.token_bytes(sealed.SALT_BYTES), secrets.token_bytes(sealed.KEY_BYTES)
        public = {
            "kdf": "scrypt",
            "n": costs.n,
            "p": costs.p,
            "r": costs.r,
            "salt": strict.to_base64(salt),
            "v": 1,
        }
        data = sealed.seal(sealed.stretch(passphrase, salt, costs), _KIND, public, root)
        try:
            sealed.write_private(directory / RING_FILE, data, replace=False)
        except FileExistsError:
            raise RingExists(f"a key ring stands in {directory} already: open it instead") from None
        return cls(directory, root)

    @classmethod
    def open(cls, directory: Path, passphrase: bytes) -> Self:
        """Open a ring, checking every key file in it.

        Raises PassphraseWrong, KeyFileExposed, or KeyFileBroken naming the file.
        """
        file = directory / RING_FILE
        data = _read(file)
        sealed.refuse_shared_folder(directory)
        try:
            root = _open_root(data, passphrase)
        except (ValueError, KeyRefused) as fault:
            raise KeyFileBroken(f"{file} is damaged ({fault}): {_RESTORE}") from None
        if root is None:
            raise PassphraseWrong(
                f"the passphrase does not open {file}. Check the passphrase; if it is surely "
                f"right, the file was changed: {_RESTORE}. Without the passphrase the keys are "
                "lost: make a new ring and announce its keys as new ones"
            )
        ring = cls(directory, root)
        for found in sorted(directory.glob(f"*{_SUFFIX}")):
            info, _ = ring._load(KeyId(found.name.removesuffix(_SUFFIX)))
            ring._keys[info.key_id] = info
        return ring

    def keys(self) -> tuple[KeyInfo, ...]:
        """Give the public facts of all keys, oldest first."""
        with self._lock:
            return tuple(sorted(self._keys.values(), key=_age))

    def generate(
        self,
        *,
        algorithm: Algorithm,
        purpose: Purpose,
        issuer: str,
        not_before: datetime,
        not_after: datetime,
        certificate: Callable[[PrivateKey], bytes] | None = None,
    ) -> KeyInfo:
        """Make a key; it is on disk when this returns. Times are cut to the second.

        `certificate` is called with the new private key and gives the key's own certificate
        (DER). Raises KeyRefused for facts that do not fit together.
        """
        if purpose is Purpose.PDF and algorithm is not Algorithm.ECDSA_P256:
            raise KeyRefused("a PDF seal needs a P-256 key: PDF readers know no other of ours")
        private_key = new_private_key(algorithm)
        public_key = public_bytes(private_key)
        info = KeyInfo(
            key_id=key_id_of(algorithm, public_key),
            algorithm=algorithm,
            purpose=purpose,
            issuer=issuer,
            not_before=strict.whole_second(not_before),
            not_after=strict.whole_second(not_after),
            state=KeyState.ACTIVE,
            public_key=public_key,
            certificate=_certified(private_key, certificate(private_key)) if certificate else None,
        )
        self._store(info, private_key, new=True)
        return info

    def signer(
        self,
        purpose: Purpose,
        issuer: str,
        at: datetime,
        *,
        algorithm: Algorithm | None = None,
        only: KeyId | None = None,
    ) -> PrivateKeySigner:
        """Give the signer of the newest active key of this purpose and issuer valid at `at`.

        `algorithm` defaults to the purpose's usual one: P-256 for PDF, else Ed25519. `only` takes
        that key and no other: which is an issuer's newest, the ledger says. Raises
        KeyNotFound, or KeyExpired if there are such keys but none is in force. Each key is
        decrypted once, so later calls are cheap.
        """
        wanted = algorithm or _usual(purpose)
        with self._lock:
            known = [
                info
                for info in self._keys.values()
                if (info.purpose, info.issuer, info.algorithm) == (purpose, issuer, wanted)
                and only in {None, info.key_id}
            ]
            usable = [i for i in known if i.state is KeyState.ACTIVE and i.valid_at(at)]
            if not known and only is not None:
                raise KeyNotFound(
                    f"this ring has no key {only}, which signs for {issuer}: {_RESTORE}. If it is "
                    "lost, announce its end and a new key"
                )
            if not known:
                raise KeyNotFound(f"no {purpose} key ({wanted}) for {issuer}: generate one first")
            if not usable:
                raise KeyExpired(
                    f"no {purpose} key ({wanted}) for {issuer} is active and valid at "
                    f"{strict.to_time(at)}: generate a new one and announce it"
                )
            chosen = max(usable, key=_age)
            if chosen.key_id not in self._signers:
                info, private_key = self._load(chosen.key_id)
                if info != chosen:
                    raise KeyFileBroken(f"key {chosen.key_id} has changed on disk: open anew")
                self._signers[chosen.key_id] = software_signer(info, private_key)
            return self._signers[chosen.key_id]

    def set_state(self, key_id: KeyId, state: KeyState) -> KeyInfo:
        """Retire or revoke a key. Raises KeyNotFound, or StateRefused for a way back.

        Signers handed out before keep signing until they are dropped.
        """
        with self._lock:
            if key_id not in self._keys:
                raise KeyNotFound(f"this ring holds no key {key_id}")
            info, private_key = self._load(key_id)
            if LATER[state] < LATER[info.state]:
                raise StateRefused(
                    f"key {key_id} is {info.state} and cannot become {state}: generate a new key"
                )
            changed = replace(info, state=state)
            if changed != info:
                self._store(changed, private_key, new=False)
            self._keys[key_id] = changed
            return changed

    def secret(self, name: str) -> bytes:
        """Give the ring's secret of this name: 32 bytes, the same each time.

        Derived from the sealed root, so it cannot be lost alone, nor made twice by two
        processes: what is encrypted under it stays readable as long as ring.json is.
        """
        return sealed.subkey(self._root, f"secret/{name}")

    def _file(self, key_id: KeyId) -> Path:
        return self._directory / f"{key_id}{_SUFFIX}"

    def _store(self, info: KeyInfo, private_key: PrivateKey, *, new: bool) -> None:
        data = seal_key(self._file_key, info, private_key)
        with self._lock:
            sealed.write_private(self._file(info.key_id), data, replace=not new)
            self._keys[info.key_id] = info
            self._signers.pop(info.key_id, None)

    def _load(self, key_id: KeyId) -> tuple[KeyInfo, PrivateKey]:
        file = self._file(key_id)
        data = _read(file)
        try:
            info, private_key = open_key(self._file_key, data)
        except (ValueError, KeyRefused) as fault:
            raise KeyFileBroken(f"{file} cannot be used ({fault}): {_RESTORE}") from None
        if info.key_id != key_id:
            raise KeyFileBroken(f"{file} was renamed: {_RESTORE}")
        return info, private_key


def _open_root(data: bytes, passphrase: bytes) -> bytes | None:
    """Decrypt the root, or None if the passphrase (or what was edited) does not fit."""
    public = sealed.public_part(data)
    if public.get("kdf") != "scrypt" or public.get("v") != 1:
        raise ValueError("it was written by a later program: update this one")
    n, r, p = (strict.number_of(public, name) for name in ("n", "r", "p"))
    costs, salt = ScryptParams(n=n, r=r, p=p), strict.bytes_of(public, "salt")
    return sealed.open_sealed(sealed.stretch(passphrase, salt, costs), _KIND, data)


def _read(file: Path) -> bytes:
    try:
        return sealed.read_private(file)
    except OSError as fault:
        raise KeyFileBroken(f"cannot read {file} ({fault.strerror}): {_RESTORE}") from None


def _usual(purpose: Purpose) -> Algorithm:
    match purpose:
        case Purpose.PDF:
            return Algorithm.ECDSA_P256
        case Purpose.RECORD | Purpose.CHECKPOINT | Purpose.UPLOAD | Purpose.CHECK | Purpose.RECEIPT:
            return Algorithm.ED25519
        case _:
            assert_never(purpose)


def _age(info: KeyInfo) -> tuple[datetime, KeyId]:
    return info.not_before, info.key_id


def _certified(private_key: PrivateKey, certificate: bytes) -> bytes:
    try:
        certified = load_der_x509_certificate(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRefused("the new key's certificate cannot be read: nothing was written") from None
    if certified != private_key.public_key():
        raise KeyRefused("the certificate is not the new key's: nothing was written")
    return certificate
