"""The signed record: DSSE over the exact bytes, and a JSON form with one spelling."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.dsse import pae
from keys.model import KeyId, verify_signature
from keys.signer import PrivateKeySigner
from signing.envelope import (
    MAX_ENVELOPE_BYTES,
    MAX_SIGNATURE_BYTES,
    RECORD_TYPE,
    Envelope,
    from_json,
    sign_record,
    to_json,
)
from signing.errors import MalformedEnvelope
from signing.record import Record, canonical

envelopes = st.builds(
    Envelope,
    payload_type=st.text(st.characters(codec="utf-8"), max_size=40),
    payload=st.binary(max_size=100),
    key_id=st.from_regex("[0-9a-f]{16}", fullmatch=True).map(KeyId),
    signature=st.binary(min_size=1, max_size=80),
)


def test_the_signature_covers_type_and_bytes(
    make_record: Callable[..., Record], record_signer: PrivateKeySigner
) -> None:
    data = canonical(make_record())
    envelope = sign_record(data, record_signer)
    info = record_signer.info

    def good(message: bytes) -> bool:
        return verify_signature(info.algorithm, info.public_key, message, envelope.signature)

    assert (envelope.key_id, envelope.payload, len(envelope.signature)) == (info.key_id, data, 64)
    assert good(b"DSSEv1 %d %s %d %s" % (len(RECORD_TYPE), RECORD_TYPE.encode(), len(data), data))
    assert not good(data)
    assert not good(pae("application/json", data))


def test_the_json_is_what_dsse_says(
    make_record: Callable[..., Record], record_signer: PrivateKeySigner
) -> None:
    envelope = sign_record(canonical(make_record()), record_signer)
    assert json.loads(to_json(envelope)) == {
        "payload": base64.b64encode(envelope.payload).decode(),
        "payloadType": RECORD_TYPE,
        "signatures": [
            {
                "keyid": envelope.key_id,
                "sig": base64.b64encode(envelope.signature).decode(),
            }
        ],
    }


@given(envelopes)
def test_json_round_trip(envelope: Envelope) -> None:
    assert from_json(to_json(envelope)) == envelope


_GOOD = (
    b'{"payload":"e30=","payloadType":"t","signatures":[{"keyid":"0123456789abcdef","sig":"AA=="}]}'
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"e30="', b'"e30"'),  # no padding
        (b'"e30="', b'"e31="'),  # bits left over
        (b'"AA=="', b'"AB=="'),
        (b'"AA=="', b'""'),
        (b'"AA=="', b'"AA==\\n"'),
        (b'"AA=="', b'"%s"' % base64.b64encode(bytes(MAX_SIGNATURE_BYTES + 1))),
        (b"0123456789abcdef", b"0123456789ABCDEF"),
        (b"0123456789abcdef", b"0123456789abcdef\\n"),
        (b"0123456789abcdef", b"0123456789abcde"),
        (b'[{"keyid":"0123456789abcdef","sig":"AA=="}]', b"[]"),
        (b'AA=="}]', b'AA=="},{"keyid":"0123456789abcdef","sig":"AA=="}]'),
        (b'"AA=="}', b'"AA==","x":""}'),
        (b'"payload":"e30=",', b""),
        (b'"t"', b"null"),
        (b'{"payload"', b'{ "payload"'),
    ],
)
def test_any_other_json_is_refused(old: bytes, new: bytes) -> None:
    assert from_json(_GOOD).payload == b"{}"
    assert old in _GOOD
    with pytest.raises(MalformedEnvelope):
        from_json(_GOOD.replace(old, new))


def test_no_long_input_is_looked_at() -> None:
    with pytest.raises(MalformedEnvelope, match="longer"):
        from_json(b"{" + b" " * MAX_ENVELOPE_BYTES)


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_parser(data: bytes) -> None:
    with pytest.raises(MalformedEnvelope):
        from_json(data)
