"""Golden vectors of issuers.json: both versions are read for ever, the newer alone is written."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import TrustBroken
from keys.model import Algorithm, KeyId, KeyState, Purpose
from keys.strict import encode
from keys.trust import Trust, TrustedKey, load_trust

# The log's key is the Ed25519 key of the seed b"L" * 32.
POLICY = (
    "log 127.0.0.1:8000/log+421f4372+AZJzCPU9Z2VQPStkwQOrWqRyBqs5UCz+j5hEL9tUMQC3\nquorum none\n"
)
LOG_KEY = "dd8621b31eef92ac"
HEAD = '{"base_url":"http://127.0.0.1:8000","issued_at":"2026-11-23T01:02:03Z","issuers":[{"keys":['
TAIL = (
    '],"name":"演示精密制造有限公司","prefix":"Y000044999001","uscc":"91440300MA5TEST00X"}],'
    '"seal_root":"","v":'
)
TIMES = '"not_after":"2031-01-01T00:00:00Z","not_before":"2026-01-01T00:00:00Z"'
PUBLIC = (
    ("d057ae82c699b7b7", "25lf4lFp0UHKubu6krqgH58uHs599MsqwFGQ83/MH50="),
    ("e8a25ae2d5424106", "IVL40Zt5HSRFMkLhXy6rbLfP+ntqXtMAl5YOBpiB2xI="),
    ("e7c1099828b47499", "Ivwpd5Lwtv/Av8/bftsMCqFOAlo2XsDjQuhuOCnLdLY="),
)
STATES = (("", "active"), ("", "retired"), ("2026-11-23T01:02:03Z", "revoked"))
PLACES = (("0", ""), ("3", "12"), ("", "9007199254740991"))
SIGNATURES = {
    1: "/iciWon7/FmQvfuw8bXvV29dujtWhBcckdT3JMLd8dMx6u0WODNBNpIW9KlJP6aHsk+zFAXnto5h+00DL37ECg==",
    2: "K2eNdT7VfrgxEreLh3yA896pj7bWxcbZL4OUPlLEOmRqr5gz7XjUokT6UGmFHk6JfGyfDuCqatSElKOPn9jKDQ==",
}


def payload(version: int) -> str:
    keys = []
    for (key_id, public), (revoked, state), (added, ended) in zip(
        PUBLIC, STATES, PLACES, strict=True
    ):
        first, second = (f'"added":"{added}",', f'"ended":"{ended}",') if version == 2 else ("", "")
        keys.append(
            f'{{{first}"algorithm":"ed25519",{second}"id":"{key_id}",{TIMES},"public":"{public}",'
            f'"purpose":"record","revoked_at":"{revoked}","state":"{state}"}}'
        )
    return f"{HEAD}{','.join(keys)}{TAIL}{version}}}"


def load(folder: Path, text: str, version: int) -> Trust:
    body = base64.b64encode(text.encode()).decode()
    kind = "application/vnd.certreg.issuers.v1+json"
    line = {"keyid": LOG_KEY, "sig": SIGNATURES[version]}
    (folder / "log.policy").write_text(POLICY)
    (folder / "issuers.json").write_bytes(
        encode({"payload": body, "payloadType": kind, "signatures": [line]})
    )
    return load_trust(folder)


@pytest.mark.parametrize("version", [1, 2])
def test_a_list_signed_long_ago_is_read(tmp_path: Path, version: int) -> None:
    trust = load(tmp_path, payload(version), version)
    keys = trust.issuers["Y000044999001"].keys
    assert [key.key_id for key in keys] == [key_id for key_id, _ in PUBLIC]
    assert [key.state for key in keys] == [state for _, state in STATES]
    assert keys[2].revoked_at == datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
    told = [(key.added_leaf, key.ended_leaf) for key in keys]
    assert (
        told
        == {
            1: [(None, None)] * 3,
            2: [(0, None), (3, 12), (None, (1 << 53) - 1)],
        }[version]
    )


def test_one_versions_signature_is_not_the_others(tmp_path: Path) -> None:
    for version in (1, 2):
        with pytest.raises(TrustBroken, match="not signed by the log"):
            load(tmp_path, payload(version), 3 - version)


STATE = st.sampled_from(KeyState)
LEAF = st.none() | st.integers(-2, 6) | st.sampled_from([(1 << 53) - 1, 1 << 53])


@given(state=STATE, revoked=st.booleans(), added=LEAF, ended=LEAF)
def test_a_key_ends_after_it_began_and_only_if_it_is_not_active(
    *, state: KeyState, revoked: bool, added: int | None, ended: int | None
) -> None:
    time = datetime(2026, 1, 1, tzinfo=UTC)

    def make() -> TrustedKey:
        return TrustedKey(
            key_id=KeyId(PUBLIC[0][0]),
            algorithm=Algorithm.ED25519,
            purpose=Purpose.RECORD,
            public_key=base64.b64decode(PUBLIC[0][1]),
            not_before=time,
            not_after=time.replace(year=2031),
            state=state,
            revoked_at=time if revoked else None,
            added_leaf=added,
            ended_leaf=ended,
        )

    agrees = (
        revoked == (state is KeyState.REVOKED)
        and (ended is None or state is not KeyState.ACTIVE)
        and all(leaf is None or 0 <= leaf < 1 << 53 for leaf in (added, ended))
        and (added is None or ended is None or added < ended)
    )
    if agrees:
        assert make().ended_leaf == ended
    else:
        with pytest.raises(ValueError, match=r"key|active"):
            make()
