"""`certverify --status`: a fresh status file beside a certificate, as a person would use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from keys.policy import format_policy
from keys.trust import issuers_json
from signing.bundle import bundle_file, proof_file
from signing.certverify import main
from signing.statusfile import format_status_file
from signing.tlog.entry import State

LATER = "2026-11-24T01:30:00Z"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: Any, trust: Any, log_signer: Any) -> Path:
    directory = Path(tmp_path_factory.mktemp("trust"))
    (directory / "log.policy").write_bytes(format_policy(trust.policy))
    issuers = issuers_json(
        issuers=trust.issuers.values(),
        seal_root=None,
        base_url=trust.base_url,
        issued_at=trust.issued_at,
        signer=log_signer,
    )
    (directory / "issuers.json").write_bytes(issuers)
    return directory


@pytest.fixture
def run(trusted: Path, tmp_path: Path, now: datetime, capsys: Any) -> Run:
    class Clock:
        def now(self) -> datetime:
            return now

    def verify(data: bytes, status: bytes | None = None, *options: str) -> tuple[int, str, str]:
        file, beside = tmp_path / "file", tmp_path / "status.tlog-proof"
        file.write_bytes(data)
        if status is not None:
            beside.write_bytes(status)
            options = ("--status", str(beside), *options)
        code = main([str(file), "--trust", str(trusted), *options], clock=Clock())
        output = capsys.readouterr()
        return code, output.out, output.err

    return verify


@pytest.fixture
def old(make_log: Any) -> Any:
    """A log whose papers carry a status of October."""
    return make_log(status_time="2026-10-01T00:00:00Z")


def test_a_fresh_file_makes_an_old_paper_speak(
    run: Run, old: Any, make_later: Any, file_of: Any
) -> None:
    evidence = old.evidence()
    for data in (bundle_file(evidence), proof_file(evidence, with_record=True)):
        code, out, err = run(data)
        assert code == 2
        assert err.count("\n") == 1
        # What is wanting, and where it is to be had: by the trust file's own address.
        row = "最新状态证明  Fresh status file       https://zs.example.cn/status/0.tlog-proof"
        assert row in out.splitlines()
        for state, wanted in ((State.VALID, 0), (State.REVOKED, 1), (State.SUSPENDED, 1)):
            fresh = format_status_file(file_of(make_later(old, {2: state}, LATER)))
            code, out, err = run(data, fresh)
            assert code == wanted
            assert "状态截至      Status as of            2026-11-24 09:30:00" in out
            assert "Fresh status file" not in out


def test_how_old_it_may_be_is_the_verifier_s_to_say(
    run: Run, log: Any, make_later: Any, file_of: Any
) -> None:
    data = bundle_file(log.evidence())
    fresh = format_status_file(file_of(make_later(log, {}, LATER)))
    assert run(data, fresh, "--max-age", "1")[0] == 0
    code, out, _ = run(data, fresh, "--max-age", "0", "--json")
    assert (code, json.loads(out)["steps"][4]["reason"]) == (2, "status-too-old")
    aged = format_status_file(file_of(make_later(log, {}, "2026-11-01T00:00:00Z")))
    assert run(bundle_file(replace(log.evidence(), staple=None)), aged, "--max-age", "20")[0] == 2


def test_a_corrected_paper_names_the_edition_to_see(
    run: Run, log: Any, make_later: Any, file_of: Any
) -> None:
    fresh = format_status_file(file_of(make_later(log, {2: State.SUPERSEDED}, LATER)))
    data = bundle_file(log.evidence())
    code, out, err = run(data, fresh)
    assert code == 1
    assert out.startswith("已更正")
    row = "请以此版为准  See instead             第 2 版或其后各版 edition 2 or later"
    assert row in out.splitlines()
    assert "edition 2" in err
    assert err.count("\n") == 1
    assert json.loads(run(data, fresh, "--json")[1])["see_edition"] == 2
    assert json.loads(run(data, None, "--json")[1])["see_edition"] is None


def test_a_file_that_is_no_status_file_is_one_line(run: Run, log: Any, tmp_path: Path) -> None:
    data = bundle_file(log.evidence())
    for other in (b"", data, proof_file(log.evidence(), with_record=True), bytes(100)):
        code, out, err = run(data, other, "--json")
        assert (code, err.count("\n")) == (2, 1)
        assert json.loads(out)["error"]["code"] == "malformed-status"
        assert json.loads(out)["see_edition"] is None
    code, out, err = run(data, None, "--status", str(tmp_path / "none"))
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_status_file_alone_is_no_certificate(
    run: Run, log: Any, make_later: Any, file_of: Any
) -> None:
    fresh = format_status_file(file_of(make_later(log, {}, LATER)))
    code, out, err = run(fresh)
    assert (code, out) == (2, "")
    assert "--status" in err


def test_it_does_not_go_with_a_picture(run: Run, log: Any, make_later: Any, file_of: Any) -> None:
    fresh = format_status_file(file_of(make_later(log, {}, LATER)))
    code, out, err = run(b"\x89PNG\r\n\x1a\n", fresh)
    assert (code, out) == (2, "")
    assert "QR code" in err
