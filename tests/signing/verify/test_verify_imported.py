"""A certificate that was taken in (补录): valid in words of its own, never by an old reader."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keys.model import Algorithm, KeyState, Purpose, key_id_of
from keys.policy import Policy, PolicyLog
from keys.trust import Trust, TrustedIssuer, TrustedKey
from keys.vkey import SignatureType, VerifierKey
from signing.bundle import Evidence, bundle_file, read_bundle_file
from signing.certtext import as_text
from signing.report import Answer, Reason, StepCode, Verdict
from signing.tlog import entry as entries
from signing.tlog.entry import Import, Issue, encode_entry, imported_on, parse_entry
from signing.verify import verify
from signing.wording import words

GOLDEN = Path(__file__).with_name("golden_import")
PREFIX, ORIGIN = "Y000044999001", "log.example.cn/log"
BATCH = f"{PREFIX}-20261127-0001"
NOW = datetime(2026, 11, 27, 2, tzinfo=UTC)
MONTH = timedelta(days=30)


def public(seed: int) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32).public_key().public_bytes_raw()


@pytest.fixture
def golden_trust() -> Trust:
    key = TrustedKey(
        key_id=key_id_of(Algorithm.ED25519, public(1)),
        algorithm=Algorithm.ED25519,
        purpose=Purpose.RECORD,
        public_key=public(1),
        not_before=datetime(2018, 12, 31, 16, tzinfo=UTC),
        not_after=datetime(2028, 1, 1, tzinfo=UTC),
        state=KeyState.ACTIVE,
    )
    issuer = TrustedIssuer(
        prefix=PREFIX, name="深圳市示例精密制造有限公司", uscc="91440300EXAMPLE001", keys=(key,)
    )
    log = VerifierKey(name=ORIGIN, type=SignatureType.ED25519, public_key=public(2))
    return Trust(
        policy=Policy(logs=(PolicyLog(key=log),)),
        issuers={PREFIX: issuer},
        seal_root=None,
        base_url="https://log.example.cn",
        issued_at=NOW,
    )


@pytest.fixture
def golden() -> Evidence:
    return read_bundle_file((GOLDEN / "imported.certbundle.json").read_bytes())


def test_the_golden_import_is_valid_and_says_what_it_is(
    golden: Evidence, golden_trust: Trust
) -> None:
    report = verify(golden, golden_trust, now=NOW, max_age=MONTH)
    assert report.verdict is Verdict.VALID
    assert [step.reason for step in report.steps] == [
        Reason.RECORD_GOOD,
        Reason.SIGNATURE_IMPORTED,
        Reason.INCLUSION_IMPORTED,
        Reason.CHECKPOINT_ED25519_ONLY,
        Reason.STATUS_IN_FORCE,
    ]
    facts = report.step(StepCode.INCLUSION).facts
    assert (facts["batch"], facts["imported"]) == (BATCH, "2026-11-27")
    assert bundle_file(golden) == (GOLDEN / "imported.certbundle.json").read_bytes()


def test_the_golden_leaf_is_written_again_to_the_byte(golden: Evidence) -> None:
    leaf = (GOLDEN / "leaf.json").read_bytes().removesuffix(b"\n")
    assert golden.entry == leaf
    read = parse_entry(leaf)
    assert type(read) is Import
    assert encode_entry(read) == leaf


def test_the_golden_files_are_what_their_maker_writes(tmp_path: Path) -> None:
    copy = tmp_path / "make_import.py"
    copy.write_bytes((GOLDEN / "make_import.py").read_bytes())
    subprocess.run([sys.executable, copy], check=True)
    for name in ("imported.certbundle.json", "leaf.json"):
        assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes()


def test_the_words_promise_nothing_of_the_time_before(
    golden: Evidence, golden_trust: Trust
) -> None:
    report = verify(golden, golden_trust, now=NOW, max_age=MONTH)
    said = words(Reason.INCLUSION_IMPORTED)
    assert said.zh == (
        "补录：本证书由评价机构此前颁发，后补录入库；公开日志只证明补录之后未被更改。"
    )
    text = as_text(report)
    assert said.zh in text
    assert said.en in text
    assert "补录日期" in text
    assert "2026-11-27" in text
    assert words(Reason.SIGNATURE_GOOD).zh not in text


def test_a_verifier_from_before_the_kind_never_says_valid(
    golden: Evidence, golden_trust: Trust, monkeypatch: Any
) -> None:
    monkeypatch.delitem(entries._DECODERS, "import")
    report = verify(golden, golden_trust, now=NOW, max_age=MONTH)
    assert report.verdict is Verdict.INVALID
    assert report.step(StepCode.INCLUSION).reason is Reason.INCLUSION_OTHER_ENTRY


def imported(log: Any, at: int = 2, **change: Any) -> Any:
    """Put an import leaf in the place of one issue leaf."""
    issue = log.issue(at)
    facts = {name: getattr(issue, name) for name in issue.__struct_fields__ if name != "t"}
    log.leaves[1 + at] = encode_entry(Import(**facts | {"batch": BATCH} | change))
    log.note = log.sign()
    return log


def test_an_import_is_held_to_everything_an_issue_is(make_log: Any, check: Any) -> None:
    log = imported(make_log())
    assert check(log.evidence()).verdict is Verdict.VALID
    for change, reason in (
        ({"number": f"{PREFIX}263000009"}, Reason.INCLUSION_OTHER_CERTIFICATE),
        ({"edition": 2}, Reason.INCLUSION_OTHER_CERTIFICATE),
        ({"commit": "00" * 32}, Reason.INCLUSION_COMMITMENT_DIFFERS),
    ):
        report = check(imported(make_log(), **change).evidence())
        assert report.verdict is Verdict.INVALID
        assert report.step(StepCode.INCLUSION).reason is reason
    other = check(imported(make_log(), status=4).evidence())
    assert other.step(StepCode.STATUS).reason is Reason.STATUS_OTHER_CERTIFICATE


def test_an_issue_leaf_cannot_be_shown_as_an_import_nor_the_other_way(
    make_log: Any, check: Any
) -> None:
    issued, taken = make_log(), imported(make_log())
    for here, there in ((issued, taken), (taken, issued)):
        report = check(replace(here.evidence(), entry=there.leaves[3]))
        assert report.verdict is Verdict.INVALID
        assert report.step(StepCode.INCLUSION).reason is Reason.INCLUSION_PATH_FALSE


def test_only_a_proven_leaf_says_when_it_was_signed(make_log: Any, check: Any) -> None:
    log = imported(make_log())
    report = check(replace(log.evidence(), opening=None))
    assert report.step(StepCode.INCLUSION).answer is Answer.CANNOT_SAY
    assert report.step(StepCode.SIGNATURE).reason is Reason.SIGNATURE_GOOD


def test_what_is_said_without_a_proven_place_holds_of_imports_too() -> None:
    """Whether it was taken in is not known there: its key may be younger than the day of issue."""
    good = words(Reason.SIGNATURE_GOOD)
    assert (good.zh, good.en) == (
        "由该评价机构登记的密钥签名，内容未被改动。",
        "Signed with a key registered to this issuer; nothing was changed.",
    )


def test_a_key_is_held_to_its_places_all_the_same(make_log: Any, lies: Any, check: Any) -> None:
    log = imported(make_log())
    for key, reason in (
        ({"added_leaf": 4}, Reason.SIGNATURE_KEY_NOT_ANNOUNCED),
        ({"state": KeyState.RETIRED, "ended_leaf": 3}, Reason.SIGNATURE_KEY_ENDED),
        ({"not_before": datetime(2026, 11, 24, tzinfo=UTC)}, Reason.SIGNATURE_KEY_NOT_IN_FORCE),
        (
            {"state": KeyState.REVOKED, "ended_leaf": 4, "revoked_at": NOW},
            Reason.SIGNATURE_BEFORE_REVOCATION,
        ),
    ):
        _, trust = lies._trust(**key)
        assert check(log.evidence(), trust=trust).step(StepCode.SIGNATURE).reason is reason


@pytest.mark.parametrize(
    ("batch", "day"),
    [
        (f"{PREFIX}-20261124-0001", date(2026, 11, 24)),
        (f"{PREFIX}-20000229-99999", date(2000, 2, 29)),
        (f"{PREFIX}-20260229-0001", None),
        (f"{PREFIX}-19991231-0001", None),
        (f"{PREFIX}-2026-0001", None),
        (f"{PREFIX}-20261332-0001", None),
        (f"{PREFIX}-20261127-001", None),
        ("B-1", None),
    ],
)
def test_the_day_is_the_one_the_batch_names(
    make_log: Any, check: Any, batch: str, day: date | None
) -> None:
    log = imported(make_log(), batch=batch)
    leaf = parse_entry(log.leaves[3])
    assert isinstance(leaf, Import)
    assert imported_on(leaf) == day
    step = check(log.evidence()).step(StepCode.INCLUSION)
    assert step.reason is Reason.INCLUSION_IMPORTED
    assert step.facts.get("imported") == (day.isoformat() if day else None)
    facts = {name: getattr(leaf, name) for name in leaf.__struct_fields__ if name != "t"}
    assert imported_on(Issue(**facts)) is None
    assert msgspec.to_builtins(leaf)["t"] == "import"


@pytest.mark.parametrize(
    ("time", "told"),
    [
        ("2026-11-24T01:00:00Z", "2026-11-24"),
        ("2026-11-23T16:00:00Z", "2026-11-24"),  # midnight in China
        ("2026-11-23T15:59:59Z", None),
        ("2020-01-01T00:00:00Z", None),
        ("9998-12-31T23:59:59Z", "2026-11-24"),
    ],
)
def test_a_day_that_the_log_s_own_time_is_before_is_not_told(
    make_log: Any, check: Any, time: str, told: str | None
) -> None:
    log = imported(make_log(status_time=time), batch=f"{PREFIX}-20261124-0001")
    report = check(log.evidence())
    step = report.step(StepCode.INCLUSION)
    assert step.reason is Reason.INCLUSION_IMPORTED
    assert step.facts.get("imported") == told
    assert ("补录日期" in as_text(report)) == (told is not None)


def test_a_day_without_a_status_is_not_told(make_log: Any, check: Any) -> None:
    log = imported(make_log(), batch=f"{PREFIX}-20261124-0001")
    step = check(replace(log.evidence(), staple=None)).step(StepCode.INCLUSION)
    assert step.reason is Reason.INCLUSION_IMPORTED
    assert "imported" not in step.facts
