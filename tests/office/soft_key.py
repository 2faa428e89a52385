"""A passkey in software (W3C WebAuthn): what an honest authenticator answers, and a lying one."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


class SoftKey:
    """One key pair; `count` grows with each signature unless a test holds it."""

    def __init__(self, host: str, origin: str) -> None:
        self.host, self.origin, self.count = host, origin, 0
        self.id = secrets.token_bytes(16)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def make(self, options: str) -> str:
        """Answer the options of a registration."""
        numbers = self._key.public_key().public_numbers()
        public = {
            1: 2,
            3: -7,
            -1: 1,
            -2: numbers.x.to_bytes(32),
            -3: numbers.y.to_bytes(32),
        }
        held = bytes(16) + len(self.id).to_bytes(2) + self.id + cbor2.dumps(public)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(0x45) + held}
        return self._credential(
            attestationObject=b64(cbor2.dumps(attestation)),
            clientDataJSON=b64(self._client("webauthn.create", options)),
        )

    def show(self, options: str) -> str:
        """Answer the options of a sign-in."""
        self.count += 1
        client, data = self._client("webauthn.get", options), self._data(0x05)
        signed = data + hashlib.sha256(client).digest()
        return self._credential(
            authenticatorData=b64(data),
            clientDataJSON=b64(client),
            signature=b64(self._key.sign(signed, ec.ECDSA(SHA256()))),
        )

    def _data(self, flags: int) -> bytes:
        host = hashlib.sha256(self.host.encode()).digest()
        return host + bytes([flags]) + self.count.to_bytes(4)

    def _client(self, kind: str, options: str) -> bytes:
        challenge = json.loads(options)["challenge"]
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _credential(self, **response: Any) -> str:
        return json.dumps(
            {
                "id": b64(self.id),
                "rawId": b64(self.id),
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
            }
        )
