"""The browser module and `signing.verify` give the same answers to the same bytes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keys.trust import Trust
from signing.bundle import bundle_file, read_bundle_file
from signing.errors import MalformedBundle, MalformedQr
from signing.qr import from_digits, parse_payload, qr_payload, to_digits
from signing.report import Report, Verdict
from signing.statusfile import format_status_file
from signing.tlog.entry import State
from signing.verify import verify, verify_qr

pytestmark = pytest.mark.browser

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
MONTH = timedelta(days=30)
REFUSED = {"refused": "Malformed"}


def stamp(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)


def said(report: Report) -> dict[str, Any]:
    """What both sides must say alike."""
    return {
        "verdict": report.verdict.value,
        "as_of": stamp(report.as_of),
        "steps": [(s.number, s.code.value, s.answer.value, s.reason.value) for s in report.steps],
    }


def heard(found: dict[str, Any]) -> dict[str, Any]:
    if "refused" in found:
        return found
    steps = [(s["number"], s["code"], s["answer"], s["reason"]) for s in found["steps"]]
    return {"verdict": found["verdict"], "as_of": found["asOf"], "steps": steps}


@pytest.fixture(scope="session")
def case(trust_files: Callable[[Trust], dict[str, str]]) -> Callable[..., dict[str, Any]]:
    def make(trust: Trust, now: datetime = NOW, **more: Any) -> dict[str, Any]:
        usual = {"now": stamp(now), "max_age": MONTH.total_seconds() * 1000}
        return trust_files(trust) | usual | more

    return make


def python(data: bytes, trust: Trust, now: datetime = NOW) -> Any:
    try:
        evidence = read_bundle_file(data)
    except MalformedBundle:
        return REFUSED
    return said(verify(evidence, trust, now=now, max_age=MONTH))


def test_every_lie_of_the_procedure_gets_the_same_answer(
    *, lies: Any, log: Any, trust: Trust, ask: Any, case: Any, loose_bundle: Any
) -> None:
    told = {name: getattr(lies, name)() for name in vars(type(lies)) if not name.startswith("_")}
    told |= {f"honest {at}": log.evidence(at) for at in range(5)}
    pairs = {
        name: one if isinstance(one, tuple) else (one, trust)
        for name, one in told.items()
        # A leaf that was written over is no text at all, and has no place in a JSON file.
    }
    files = {
        name: (loose_bundle(evidence), believed) for name, (evidence, believed) in pairs.items()
    }
    answers = ask([case(believed, bundle=data.decode()) for data, believed in files.values()])
    expected = {name: python(data, believed) for name, (data, believed) in files.items()}
    assert {name: heard(one) for name, one in zip(files, answers, strict=True)} == expected
    assert len(expected) >= 70
    green = [name for name, one in expected.items() if one.get("verdict") == "valid"]
    assert green == [f"honest {at}" for at in range(5)]


@pytest.mark.parametrize("state", list(State))
def test_states_are_told_alike(
    make_log: Any, trust: Trust, ask: Any, case: Any, state: State
) -> None:
    data = bundle_file(make_log(states={2: state}).evidence())
    [answer] = ask([case(trust, bundle=data.decode())])
    assert heard(answer) == python(data, trust)


def test_any_changed_byte_is_judged_alike(log: Any, trust: Trust, ask: Any, case: Any) -> None:
    good = bundle_file(log.evidence())
    dice = random.Random(5)
    changed = []
    for _ in range(300):
        data = bytearray(good)
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(7)
        changed.append(bytes(data))
    answers = ask([case(trust, bundle=data.decode()) for data in changed])
    for data, answer in zip(changed, answers, strict=True):
        assert heard(answer) == python(data, trust)
        assert answer.get("verdict") != "valid"


def test_status_files_are_weighed_alike(
    *, make_log: Any, make_later: Any, file_of: Any, trust: Trust, ask: Any, case: Any
) -> None:
    early = make_log()
    times = ("2026-11-24T01:30:00Z", "2026-11-24T00:30:00Z", "2026-10-01T00:00:00Z")
    files = [
        file_of(make_later(make_log(states=before), after, time))
        for before in ({}, {2: State.REVOKED}, {2: State.SUSPENDED})
        for after in ({}, {2: State.REVOKED}, {2: State.SUSPENDED}, {2: State.SUPERSEDED})
        for time in times
    ]
    unwitnessed = replace(files[0].proof, checkpoint_note=early.sign(witnessed=False))
    files += [replace(files[0], page=bytes([1]) * 1024), replace(files[0], proof=unwitnessed)]
    bundles = [
        make_log(states=states).evidence()
        for states in ({}, {2: State.REVOKED}, {2: State.SUSPENDED})
    ]
    bundles.append(replace(bundles[0], staple=None))
    pairs = [(evidence, file) for evidence in bundles for file in files]
    answers = ask(
        [
            case(
                trust,
                bundle=bundle_file(evidence).decode(),
                status=format_status_file(file).decode(),
            )
            for evidence, file in pairs
        ]
    )
    for (evidence, file), answer in zip(pairs, answers, strict=True):
        report = verify(evidence, trust, now=NOW, max_age=MONTH, status=file)
        assert heard(answer) == said(report)
    assert {report["verdict"] for report in answers} == {
        "valid",
        "revoked",
        "suspended",
        "corrected",
        "cannot-say",
    }


def test_qr_codes_are_judged_alike(
    *, make_record: Any, record_signer: Any, other_signer: Any, trust: Trust, ask: Any, case: Any
) -> None:
    good = qr_payload(make_record(), record_signer)
    payloads = [
        good,
        qr_payload(make_record(direction="", name="示例·买买提"), record_signer),
        qr_payload(make_record(), other_signer),
        qr_payload(make_record(level="1"), record_signer),
        qr_payload(make_record(issued="2026-12-01"), record_signer),
        good[:-1] + bytes([good[-1] ^ 1]),
        good[:60] + bytes([good[60] ^ 1]) + good[61:],
        good + b"\0",
        good[:-1],
        b"",
    ]
    dice = random.Random(7)
    for _ in range(150):
        data = bytearray(good)
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        payloads.append(bytes(data))
    digits = [to_digits(payload) for payload in payloads]
    # What no writer writes: a group too large, a group cut short, letters.
    digits += [digits[0][:-1], "9" * 17 + digits[0][17:], "12a45", digits[0] + "00", "٣" * 17]
    asked = [{"digits": one or "x", "base_url": trust.base_url} for one in digits]
    asked += [{"digits": digits[0], "base_url": "https://zs.example.com"}]
    answers = ask([case(trust) | one for one in asked])
    for one, answer in zip(asked, answers, strict=True):
        try:
            payload = parse_payload(from_digits(one["digits"]))
            report = verify_qr(payload, trust, now=NOW, base_url=one["base_url"])
        except MalformedQr:
            assert answer == REFUSED, one
        else:
            assert heard(answer) == said(report)
            assert report.verdict is not Verdict.VALID
