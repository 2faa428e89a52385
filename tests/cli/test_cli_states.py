"""Suspension, its end, reissue and fresh status files, from the command line to certverify."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.vkey import SignatureType, VerifierKey, format_vkey


def status_file(desk: Any) -> Path:
    return Path(desk.home) / "public" / "status" / "0.tlog-proof"


def verdict(desk: Any, file: Path, *options: str) -> tuple[int, str, int | None]:
    ran = desk.verify(file, "--json", *options)
    report = json.loads(ran.out)
    return ran.status, report["verdict"], report["see_edition"]


def test_suspended_and_reinstated(stock: Any) -> None:
    number = stock.certificates()[3].number
    paper = stock.folder / "paper.pdf"
    assert stock("pdf", number, "-o", str(paper)).status == 0
    ran = stock("suspend", number, "--reason", "under-investigation", "--json")
    assert (ran.status, ran.facts["state"]) == (0, "已暂停 suspended")
    assert (ran.facts["reason"], ran.facts["edition"]) == ("正在核查", 1)
    assert stock("anchor").status == 0
    # The paper's own proof is of the day before; a fresh file says what has happened since.
    assert verdict(stock, paper) == (0, "valid", None)
    fresh = ("--status", str(status_file(stock)))
    assert verdict(stock, paper, *fresh) == (1, "suspended", None)
    assert "已暂停" in stock.verify(paper, *fresh).line
    assert stock("show", number, "--json").facts["editions"] == ["1: 已暂停 suspended"]
    assert "suspended" in stock("pdf", number, "-o", str(stock.folder / "no.pdf")).line
    for verb, reason in (("suspend", "disputed"), ("reissue", "lost")):
        ran = stock(verb, number, "--reason", reason)
        assert (ran.status, "only a valid one" in ran.line) == (1, True)
    kept = stock.folder / "kept.tlog-proof"
    shutil.copy(status_file(stock), kept)
    assert stock("reinstate", number, "--reason", "cleared").status == 0
    assert "only a suspended one" in stock("reinstate", number, "--reason", "cleared").line
    assert stock("anchor").status == 0
    assert verdict(stock, paper, *fresh) == (0, "valid", None)
    assert verdict(stock, paper, "--status", str(kept))[1] == "suspended"
    assert stock("log", "fsck").status == 0


def test_a_suspension_may_end_in_a_revocation(stock: Any) -> None:
    certificate = stock.certificates()[4]
    number = certificate.number
    assert stock("suspend", number, "--reason", "disputed").status == 0
    assert stock("revoke", number, "--reason", "fraud").status == 0
    assert "revoked" in stock("reinstate", number, "--reason", "cleared").line
    assert stock("anchor").status == 0
    out = stock.folder / "out.csv"
    facts = stock("upload-file", certificate.batch_id, "-o", str(out), "--json").facts
    assert (facts["rows"], facts["withdrawals to report by letter"]) == (25, 1)


def test_reissued(stock: Any) -> None:
    certificate = stock.certificates()[5]
    number = certificate.number
    lost, fresh = stock.folder / "lost.pdf", stock.folder / "fresh.pdf"
    assert stock("pdf", number, "-o", str(lost)).status == 0
    before = json.loads(stock.verify(lost, "--json").out)["record"]
    ran = stock("reissue", number, "--reason", "lost", "--json")
    assert (ran.status, ran.facts["edition"], ran.facts["reason"]) == (0, 2, "证书遗失")
    assert stock("anchor").status == 0
    assert stock("pdf", number, "-o", str(fresh)).status == 0
    after = json.loads(stock.verify(fresh, "--json").out)["record"]
    changed = {key for key in after if after[key] != before[key]}
    assert changed == {"edition", "previous"}
    shown = stock("show", number, "--json").facts
    assert shown["editions"] == ["1: 已补发 reissued", "2: 有效 valid"]
    status = ("--status", str(status_file(stock)))
    assert verdict(stock, lost, *status) == (1, "corrected", 2)
    assert verdict(stock, fresh, *status) == (0, "valid", None)
    assert "edition 2" in stock.verify(lost, *status).line
    out = stock.folder / "out.csv"
    facts = stock("upload-file", certificate.batch_id, "-o", str(out), "--json").facts
    # The new edition is reported too, as a correction: the centre must know the one in force.
    assert (facts["rows"], facts["withdrawals to report by letter"]) == (26, 0)
    # A correction after a reissue is told apart from it.
    changes = stock.folder / "changes.json"
    changes.write_text('{"direction": "设备维修"}', encoding="utf-8")
    words = ("correct", number, "--reason", "data-error", "--changes", str(changes))
    assert stock(*words).status == 0
    assert stock("show", number, "--json").facts["editions"] == [
        "1: 已补发 reissued",
        "2: 已更正 corrected",
        "3: 有效 valid",
    ]


@pytest.mark.parametrize(
    ("verb", "reasons"),
    [
        ("suspend", ("disputed", "under-investigation")),
        ("reinstate", ("cleared", "suspended-in-error")),
        ("reissue", ("damaged", "lost")),
    ],
)
def test_a_reason_is_asked_for_and_must_fit(
    stock: Any, verb: str, reasons: tuple[str, str]
) -> None:
    number = stock.certificates()[0].number
    for words in ((verb, number), (verb, number, "--reason", "fraud")):
        ran = stock(*words)
        assert ran.status == 1
        if "fraud" in words:
            assert all(reason in ran.line for reason in reasons)


@pytest.mark.parametrize(
    "words", [("suspend", "disputed"), ("reinstate", "cleared"), ("reissue", "lost")]
)
def test_nothing_is_changed_over_a_lost_head(
    stock: Any, monkeypatch: pytest.MonkeyPatch, words: tuple[str, str]
) -> None:
    """A database behind its public log gives no state away: the change would be made twice."""
    number = stock.certificates()[0].number
    old = stock.folder / "old"
    shutil.copytree(stock.home, old)
    assert stock("suspend", number, "--reason", "disputed").status == 0
    assert stock("anchor").status == 0
    shutil.rmtree(old / "public" / "log")
    shutil.copytree(Path(stock.home) / "public" / "log", old / "public" / "log")
    monkeypatch.setenv("CERTREG_HOME", str(old))
    restored = type(stock)(home=old, folder=stock.folder)
    ran = restored(words[0], number, "--reason", words[1])
    assert (ran.status, "old copy" in ran.line) == (1, True)


def test_no_paper_is_made_that_could_never_be_confirmed(stock: Any) -> None:
    number = stock.certificates()[0].number
    public = Ed25519PrivateKey.from_private_bytes(b"w" * 32).public_key().public_bytes_raw()
    key = VerifierKey(
        name="witness.example.org", type=SignatureType.ED25519_COSIGNATURE, public_key=public
    )
    policy = f"witness w {format_vkey(key)}\nquorum w\n"
    (Path(stock.home) / "witnesses.policy").write_text(policy)
    out = stock.folder / "out.pdf"
    ran = stock("pdf", number, "-o", str(out))
    assert (ran.status, "until the witnesses have signed" in ran.line) == (1, True)
    assert not out.exists()
    (Path(stock.home) / "witnesses.policy").unlink()
    assert stock("pdf", number, "-o", str(out)).status == 0
