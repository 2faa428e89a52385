"""What can go wrong with keys, one class per thing the operator does about it.

Every class carries a stable `code`; messages say what to do next. No message ever holds a
passphrase, a private key or decrypted bytes.
"""

from __future__ import annotations

from typing import ClassVar


class KeysError(Exception):
    """Base of this family; `code` is stable and may be shown, logged and translated."""

    code: ClassVar[str] = "keys"


class PassphraseMissing(KeysError):
    """No passphrase was given, neither by the environment nor by its file."""

    code: ClassVar[str] = "passphrase-missing"


class PassphraseWrong(KeysError):
    """The passphrase does not open this ring."""

    code: ClassVar[str] = "passphrase-wrong"


class KeyFileExposed(KeysError):
    """A secret file can be read or replaced by other users of the machine."""

    code: ClassVar[str] = "key-file-exposed"


class KeyFileBroken(KeysError):
    """A file of the ring is missing, damaged or was edited."""

    code: ClassVar[str] = "key-file-broken"


class RingExists(KeysError):
    """A ring would be created where one already stands."""

    code: ClassVar[str] = "ring-exists"


class KeyNotFound(KeysError):
    """The ring holds no key for this purpose and issuer, or none by this id."""

    code: ClassVar[str] = "key-not-found"


class KeyExpired(KeyNotFound):
    """There are keys for this purpose and issuer, but none in force at the time asked for."""

    code: ClassVar[str] = "key-expired"


class KeyRefused(KeysError):
    """A key's facts do not fit together, or this machine cannot use such a key."""

    code: ClassVar[str] = "key-refused"


class StateRefused(KeysError):
    """A key state may not change this way: a revoked key stays revoked."""

    code: ClassVar[str] = "state-refused"


class SignerUnsound(KeysError):
    """A signing library gave a signature that another library does not accept."""

    code: ClassVar[str] = "signer-unsound"


class TrustBroken(KeysError):
    """The trust files are missing, malformed, or not signed by the policy's log."""

    code: ClassVar[str] = "trust-broken"
