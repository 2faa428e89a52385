"""Files of the trust folder that the log's Ed25519 checkpoint key signs: one DSSE envelope each.

`issuers.json`, `site-keys.json` and `office.json` differ by type and payload alone. A reader takes
exactly the bytes that a writer makes.
"""

from __future__ import annotations

from collections.abc import Mapping

from keys import strict
from keys.dsse import pae
from keys.model import Algorithm, KeyId, key_id_of, verify_signature
from keys.policy import Policy
from keys.signer import Signer
from keys.vkey import SignatureType


def sign_file(payload: bytes, payload_type: str, signer: Signer) -> bytes:
    """Return the envelope around a payload; that the signer is the log's is the caller's check."""
    signature = signer.sign(pae(payload_type, payload))
    return _envelope(payload, payload_type, signer.info.key_id, signature)


def log_keys_of(policy: Policy) -> dict[KeyId, bytes]:
    """Return the Ed25519 keys of the policy's logs: two at once while a key is changed."""
    keys = [log.key for log in policy.logs if log.key.type is SignatureType.ED25519]
    return {key_id_of(Algorithm.ED25519, key.public_key): key.public_key for key in keys}


def signed_payload(data: bytes, payload_type: str, log_keys: Mapping[KeyId, bytes]) -> bytes:
    """Give the payload, unread, once its form and signature are found good; else ValueError."""
    envelope = strict.decode(data)
    signatures = strict.objects_of(envelope, "signatures")
    if len(signatures) != 1:
        raise ValueError("there must be one signature")
    payload = strict.bytes_of(envelope, "payload")
    key_id = KeyId(strict.text_of(signatures[0], "keyid"))
    signature = strict.bytes_of(signatures[0], "sig")
    if _envelope(payload, payload_type, key_id, signature) != data:
        raise ValueError("not an envelope of this kind, in the form it is written in")
    if key_id not in log_keys or not verify_signature(
        Algorithm.ED25519, log_keys[key_id], pae(payload_type, payload), signature
    ):
        raise ValueError("not signed by the log of log.policy")
    return payload


def _envelope(payload: bytes, payload_type: str, key_id: KeyId, signature: bytes) -> bytes:
    return strict.encode(
        {
            "payload": strict.to_base64(payload),
            "payloadType": payload_type,
            "signatures": [{"keyid": key_id, "sig": strict.to_base64(signature)}],
        }
    )
