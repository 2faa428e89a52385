"""The trust folder: what is signed is read back; anything else is TrustBroken and no other."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keys.ceremony import make_seal_root
from keys.dsse import pae
from keys.errors import KeyRefused, TrustBroken
from keys.keyfile import new_private_key
from keys.model import Algorithm, KeyId, KeyInfo, KeyState, Purpose, key_id_of
from keys.policy import Policy, PolicyLog, format_policy
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from keys.strict import encode
from keys.trust import (
    ISSUERS_TYPE,
    MAX_ISSUERS,
    Trust,
    TrustedIssuer,
    TrustedKey,
    issuers_json,
    load_trust,
)
from keys.vkey import SignatureType, VerifierKey

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2031, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
ORIGIN = "127.0.0.1:8000/log"
URL = "http://127.0.0.1:8000"


def signer_of(seed: bytes, purpose: Purpose = Purpose.CHECKPOINT) -> PrivateKeySigner:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes_raw()
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=purpose,
        issuer="office",
        not_before=START,
        not_after=END,
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, key)


LOG = signer_of(b"L" * 32)


def trusted(
    algorithm: Algorithm = Algorithm.ED25519,
    purpose: Purpose = Purpose.RECORD,
    state: KeyState = KeyState.ACTIVE,
    **places: int,
) -> TrustedKey:
    public = public_bytes(new_private_key(algorithm))
    return TrustedKey(
        key_id=key_id_of(algorithm, public),
        algorithm=algorithm,
        purpose=purpose,
        public_key=public,
        not_before=START,
        not_after=END,
        state=state,
        revoked_at=NOW if state is KeyState.REVOKED else None,
        **places,
    )


ISSUERS = [
    TrustedIssuer(
        prefix="Y000044999001",
        name="演示精密制造有限公司",
        uscc="91440300MA5TEST00X",
        keys=(
            trusted(added_leaf=0),
            trusted(Algorithm.ECDSA_P256, Purpose.PDF, KeyState.RETIRED, added_leaf=7),
        ),
    ),
    TrustedIssuer(
        prefix="Y000044999002",
        name="Demo & Söhne “二” 公司",
        uscc="91440300MA5TEST01X",
        keys=(
            trusted(Algorithm.ML_DSA_44),
            trusted(state=KeyState.REVOKED, added_leaf=0, ended_leaf=(1 << 53) - 1),
            trusted(state=KeyState.RETIRED, ended_leaf=12),
        ),
    ),
]
ROOT = make_seal_root(new_private_key(Algorithm.ECDSA_P256), "演示市职业技能鉴定办公室", NOW)


def policy_of(*signers: PrivateKeySigner, name: str = ORIGIN) -> Policy:
    kind = SignatureType.ED25519
    keys = [VerifierKey(name=name, type=kind, public_key=s.info.public_key) for s in signers]
    return Policy(logs=tuple(PolicyLog(key=key) for key in keys))


def publish(signer: PrivateKeySigner = LOG, **changes: Any) -> bytes:
    facts = {"issuers": ISSUERS, "seal_root": ROOT, "base_url": URL, "issued_at": NOW}
    return issuers_json(**(facts | changes), signer=signer)


def payload() -> dict[str, Any]:
    found = json.loads(base64.b64decode(json.loads(publish())["payload"]))
    assert isinstance(found, dict)
    return found


def signed(content: bytes, kind: str = ISSUERS_TYPE) -> bytes:
    signature = base64.b64encode(LOG.sign(pae(kind, content))).decode()
    line = {"keyid": LOG.info.key_id, "sig": signature}
    body = base64.b64encode(content).decode()
    return encode({"payload": body, "payloadType": kind, "signatures": [line]})


Load = Callable[[bytes], Trust]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    (tmp_path / "log.policy").write_bytes(format_policy(policy_of(LOG)))

    def read(data: bytes) -> Trust:
        (tmp_path / "issuers.json").write_bytes(data)
        return load_trust(tmp_path)

    return read


def test_what_is_published_is_read_back(load: Load) -> None:
    trust = load(publish())
    assert list(trust.issuers.values()) == ISSUERS
    assert (trust.seal_root, trust.base_url, trust.issued_at) == (ROOT, URL, NOW)
    assert trust.log_origin == ORIGIN
    assert load(publish(seal_root=None, issuers=[])).seal_root is None
    with pytest.raises(TypeError):
        trust.issuers["Y000044999003"] = ISSUERS[0]  # type: ignore[index]


def test_a_record_key_is_the_issuers_own_and_for_records(load: Load) -> None:
    trust = load(publish())
    record, seal = ISSUERS[0].keys
    assert trust.record_key("Y000044999001", record.key_id) == record
    assert trust.record_key("Y000044999001", seal.key_id) is None
    assert trust.record_key("Y000044999002", record.key_id) is None
    assert trust.record_key("Y000044999009", record.key_id) is None
    assert trust.record_key("Y000044999001", KeyId("0" * 16)) is None
    revoked = ISSUERS[1].keys[1]
    assert trust.record_key("Y000044999002", revoked.key_id) == revoked


def test_only_the_log_of_the_policy_may_sign(load: Load) -> None:
    with pytest.raises(TrustBroken, match="not signed by the log"):
        load(publish(signer_of(b"M" * 32)))
    with pytest.raises(KeyRefused):
        publish(signer_of(b"L" * 32, Purpose.RECORD))
    forged = json.loads(publish(signer_of(b"M" * 32)))
    forged["signatures"][0]["keyid"] = LOG.info.key_id
    with pytest.raises(TrustBroken, match="not signed by the log"):
        load(encode(forged))


def test_both_keys_of_a_log_count_while_it_changes_them(load: Load, tmp_path: Path) -> None:
    new = signer_of(b"N" * 32)
    (tmp_path / "log.policy").write_bytes(format_policy(policy_of(LOG, new)))
    assert load(publish()).issuers == load(publish(new)).issuers


def test_two_logs_or_none_are_refused(load: Load, tmp_path: Path) -> None:
    other = policy_of(signer_of(b"N" * 32), name="example.test/log")
    both = replace(other, logs=policy_of(LOG).logs + other.logs)
    for policy in (both, Policy(logs=())):
        (tmp_path / "log.policy").write_bytes(format_policy(policy))
        with pytest.raises(TrustBroken, match="one log"):
            load(publish())


@pytest.mark.parametrize("policy", [b"", b"quorum none", b"log x\nquorum none\n", b"\xff\n"])
def test_a_broken_policy_is_trust_broken(load: Load, tmp_path: Path, policy: bytes) -> None:
    (tmp_path / "log.policy").write_bytes(policy)
    with pytest.raises(TrustBroken):
        load(publish())


def test_missing_and_oversized_files_say_what_to_do(load: Load, tmp_path: Path) -> None:
    with pytest.raises(TrustBroken, match="longer than 8388608 bytes"):
        load(b" " * (MAX_ISSUERS + 1))
    (tmp_path / "issuers.json").unlink()
    with pytest.raises(TrustBroken, match="get the trust folder again"):
        load_trust(tmp_path)
    with pytest.raises(TrustBroken, match=r"log\.policy"):
        load_trust(tmp_path / "none")


KEY: list[dict[str, Any]] = [
    *({"algorithm": name} for name in ("rsa", "ml-dsa-44")),
    {"id": "0" * 16},
    {"public": base64.b64encode(bytes(31)).decode()},
    {"public": "***"},
    {"public": ""},
    {"purpose": "everything"},
    {"state": "asleep"},
    {"state": "revoked"},
    {"revoked_at": "2026-01-01T00:00:00Z"},
    {"revoked_at": None},
    *({"not_before": time} for time in ("2026-13-01T00:00:00Z", "2026-01-01", 1)),
    *({"not_before": f"2026-01-01T00:00:{end}"} for end in ("00+00:00", "60Z")),
    *({"not_before": f"{year}-01-01T00:00:00Z"} for year in ("0000", "２026", "2031")),
    *({"added": leaf} for leaf in (0, None, "00", "-1", "1 ", "１", str(1 << 53), "9" * 40_000)),
    {"ended": "9"},
    *({"ended": leaf, "state": "retired", "added": "1"} for leaf in ("0", "1")),
    {"extra": 1},
]
ISSUER: list[dict[str, Any]] = [
    {"prefix": "Y00004499900"},
    {"prefix": "office"},
    {"prefix": "Y000044999002"},
    {"name": ""},
    {"name": "a\nb"},
    {"name": "x" * 201},
    {"uscc": "91440300MA5TEST00"},
    {"uscc": ""},
    *({"keys": keys} for keys in ({}, [1], None)),
]
WHOLE: list[dict[str, Any]] = [
    *({"v": version} for version in (0, 1, 3, "2", True, 2.0)),
    {"extra": ""},
    {"issuers": "x"},
    *({"base_url": f"http://{host}"} for host in ("127.0.0.1/", "a@b", "a\n")),
    {"base_url": "ftp://127.0.0.1"},
    {"issued_at": ""},
    {"seal_root": "AAAA"},
    {"seal_root": None},
]


def refused(load: Load, found: dict[str, Any]) -> None:
    content = json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(TrustBroken):
        load(signed(content))


@pytest.mark.parametrize("change", KEY)
def test_a_wrong_key_is_refused_though_signed(load: Load, change: dict[str, Any]) -> None:
    found = payload()
    found["issuers"][0]["keys"][0].update(change)
    refused(load, found)


@pytest.mark.parametrize("change", ISSUER)
def test_a_wrong_issuer_is_refused_though_signed(load: Load, change: dict[str, Any]) -> None:
    found = payload()
    found["issuers"][0].update(change)
    refused(load, found)


@pytest.mark.parametrize("change", WHOLE)
def test_a_wrong_list_is_refused_though_signed(load: Load, change: dict[str, Any]) -> None:
    refused(load, payload() | change)


@pytest.mark.parametrize("name", ["v", "issuers", "base_url", "issued_at", "seal_root"])
def test_a_missing_part_is_refused_though_signed(load: Load, name: str) -> None:
    found = payload()
    del found[name]
    refused(load, found)


def test_the_same_key_under_two_issuers_is_refused(load: Load) -> None:
    found = payload()
    found["issuers"][1]["keys"].append(found["issuers"][0]["keys"][0])
    refused(load, found)
    found = payload()
    found["issuers"][0]["keys"].append(found["issuers"][0]["keys"][0])
    refused(load, found)


def test_nothing_is_published_that_would_not_be_read() -> None:
    faults: list[dict[str, Any]] = [
        {"base_url": "http://127.0.0.1/"},
        {"issuers": [ISSUERS[0], ISSUERS[0]]},
        {"seal_root": b"no certificate"},
        {"issued_at": NOW.replace(tzinfo=None)},
    ]
    for change in faults:
        with pytest.raises(TrustBroken, match="cannot be published"):
            publish(**change)


def test_another_form_of_the_same_facts_is_refused(load: Load) -> None:
    good = publish()
    load(good)
    content = base64.b64decode(json.loads(good)["payload"])
    loose = json.dumps(json.loads(good)).encode()
    twice = good.replace(b'{"payload":', b'{"payload":"","payload":', 1)
    for data in (good + b"\n", b" " + good, b"\xef\xbb\xbf" + good, loose, twice):
        with pytest.raises(TrustBroken):
            load(data)
    for wrong in (content + b" ", content.replace(b'{"base_url":', b'{"base_url":"","base_url":')):
        with pytest.raises(TrustBroken):
            load(signed(wrong))
    with pytest.raises(TrustBroken):
        load(signed(content, "application/vnd.certreg.record.v1+json"))


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"[" * 200_000, b'{"a":' * 200_000, b"9" * 5000, b'"\\ud800"', b"\xff"],
)
def test_hostile_json_is_trust_broken(load: Load, content: bytes) -> None:
    for data in (content, signed(content)):
        with pytest.raises(TrustBroken):
            load(data)


def test_a_lone_surrogate_is_trust_broken(load: Load) -> None:
    content = base64.b64decode(json.loads(publish())["payload"])
    with pytest.raises(TrustBroken):
        load(signed(content.replace("演示".encode(), b"\\ud800")))


fuzz = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@fuzz
@given(data=st.data())
def test_damage_anywhere_is_trust_broken(load: Load, data: st.DataObject) -> None:
    good = publish()
    content = base64.b64decode(json.loads(good)["payload"])
    inside = data.draw(st.booleans())
    kept = content if inside else good
    place = data.draw(st.integers(0, len(kept) - 1))
    cut = data.draw(st.integers(0, 6))
    insert = data.draw(st.binary(max_size=4) | st.sampled_from([b"null", b"{}", b"[]", b'""']))
    damaged = kept[:place] + insert + kept[place + cut :]
    try:
        trust = load(signed(damaged) if inside else damaged)
    except TrustBroken:
        return
    # Signed by the log and well-formed (another name, say): then it is what it says it is.
    assert inside or damaged == good
    assert trust.log_origin == ORIGIN


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@fuzz
@given(data=st.data(), value=JSON)
def test_any_value_anywhere_is_trust_broken_or_read(
    load: Load, data: st.DataObject, value: object
) -> None:
    found = payload()
    places: list[Any] = [found, found["issuers"][0], found["issuers"][0]["keys"][0]]
    place = data.draw(st.sampled_from(places))
    place[data.draw(st.sampled_from(sorted(place)))] = value
    content = json.dumps(found, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    try:
        load(signed(content.encode()))
    except TrustBroken:
        return


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(str.isprintable)


@fuzz
@given(
    found=st.dictionaries(st.from_regex("[A-Z][0-9]{12}", fullmatch=True), names, max_size=4),
    at=st.datetimes(datetime(1000, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 -- hypothesis adds the zone
)
def test_any_proper_list_is_read_back(load: Load, found: Mapping[str, str], at: datetime) -> None:
    issuers = [
        TrustedIssuer(prefix=prefix, name=name, uscc="91440300MA5TEST00X", keys=(trusted(),))
        for prefix, name in found.items()
    ]
    trust = load(publish(issuers=issuers, issued_at=at))
    assert list(trust.issuers.values()) == issuers
    assert timedelta() <= at - trust.issued_at < timedelta(seconds=1)
