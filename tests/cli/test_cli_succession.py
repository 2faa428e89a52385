"""A log is frozen and succeeded from the command line: what holders, readers, clerks then see."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from keys.policy import parse_policy
from registry.cli import succession
from signing.tlog.successor import open_successor
from verify_web.app import create_app
from verify_web.config import SiteConfig

FREEZE = ("log", "freeze", "--reason", "两份签章不一致", "--yes")


class Killed(BaseException):
    """No Exception: nothing may catch it."""


def verdict(desk: Any, file: Path, trust: Path | None = None) -> tuple[int, str, str]:
    ran = desk.verify(file, "--json", trust=trust)
    report = json.loads(ran.out)
    step = next(step for step in report["steps"] if step["code"] == "checkpoint")
    return ran.status, report["verdict"], step["reason"]


def test_nothing_is_issued_under_a_frozen_log(stock: Any) -> None:
    assert stock(*FREEZE).status == 0
    frozen = stock.issue(stock.sheet(stock.rows(2, offset=50)))
    assert (frozen.status, "log-frozen" in frozen.line) == (1, True)
    assert "log-frozen" in stock("anchor").line
    number = stock.certificates()[0].number
    assert "log-frozen" in stock("revoke", number, "--reason", "fraud").line
    assert "frozen already" in stock(*FREEZE).line


def test_an_open_log_is_not_succeeded(stock: Any) -> None:
    assert "only a frozen log" in stock("log", "succeed").line


@pytest.mark.parametrize("reason", ["", "x" * 301])
def test_a_freeze_needs_a_reason(stock: Any, reason: str) -> None:
    refused = stock("log", "freeze", "--reason", reason, "--yes")
    assert (refused.status, "1 to 300" in refused.line) == (1, True)


def test_the_successor_serves_everybody(stock: Any) -> None:
    number = stock.certificates()[3].number
    old, old_trust = stock.folder / "old.tlog-proof", stock.folder / "old-trust"
    assert stock("prove", number, "-o", str(old)).status == 0
    shutil.copytree(stock.trust, old_trust)
    assert stock(*FREEZE).status == 0
    ran = stock("log", "succeed", "--json")
    assert (ran.status, ran.facts["log"]) == (0, "127.0.0.1:8000/log2")
    assert ran.facts["entries published"] == 25
    # An old proof is nobody's fault: with the new trust file a new one is asked for.
    assert verdict(stock, old) == (2, "cannot-say", "checkpoint-frozen-log")
    assert verdict(stock, old, old_trust)[:2] == (0, "valid")
    new = stock.folder / "new.tlog-proof"
    assert stock("prove", number, "-o", str(new)).status == 0
    assert verdict(stock, new)[:2] == (0, "valid")
    # Links in both directions, and both logs sound.
    public = Path(stock.home) / "public"
    policy = parse_policy((public / "log" / "log.policy").read_bytes())
    link = open_successor((public / "log" / "successor").read_bytes(), policy)
    assert link.key.name == "127.0.0.1:8000/log2"
    # Keys of its own: whoever stole one of the frozen log's cannot sign for the successor.
    followed = parse_policy((stock.trust / "log.policy").read_bytes())
    ours, theirs = ({log.key.public_key for log in p.logs} for p in (followed, policy))
    assert link.key.public_key in ours
    assert ours.isdisjoint(theirs)
    assert stock("log", "fsck").status == 0
    for log, trust in (("log", public / "log"), ("log2", stock.trust)):
        state = ("--state", str(stock.folder / f"monitor-{log}"))
        ran = stock("monitor", str(public / log), "--policy", str(trust / "log.policy"), *state)
        assert ran.status == 0, ran
    # Work goes on, with numbers that follow on.
    before = max(row.number for row in stock.certificates())
    stock.issued(stock.rows(1, offset=70, level="3"))
    assert stock("anchor").status == 0
    assert before not in {row.number for row in stock.certificates()[25:]}
    assert stock("log", "freeze", "--reason", "again", "--yes").status == 0
    assert stock("log", "succeed", "--json").facts["log"] == "127.0.0.1:8000/log3"
    assert stock("log", "fsck").status == 0


@pytest.mark.parametrize("name", ["add_pair", "sign_successor", "_public_entries", "succeed"])
@pytest.mark.parametrize("after", [False, True])
def test_a_succession_cut_off_goes_on(stock: Any, monkeypatch: Any, name: str, after: bool) -> None:
    assert stock(*FREEZE).status == 0
    whole = getattr(succession, name)

    def cut(*args: Any, **kwargs: Any) -> Any:
        if after:
            whole(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(succession, name, cut)
        with pytest.raises(Killed):
            stock("log", "succeed")
    assert stock("log", "succeed").status == 0
    assert stock("anchor").status == 0
    assert stock("log", "fsck").status == 0
    policy = parse_policy((stock.trust / "log.policy").read_bytes())
    assert {log.key.name for log in policy.logs} == {"127.0.0.1:8000/log2"}
    assert len(policy.logs) == 2
    number = stock.certificates()[3].number
    assert stock("prove", number, "-o", str(stock.folder / "p.tlog-proof")).status == 0
    assert verdict(stock, stock.folder / "p.tlog-proof")[:2] == (0, "valid")


def test_a_log_whose_files_are_gone_is_frozen_and_succeeded(stock: Any) -> None:
    shutil.rmtree(Path(stock.home) / "public" / "log")
    assert stock("anchor").status == 1
    assert stock(*FREEZE).status == 0
    ran = stock("log", "succeed", "--json")
    assert (ran.status, ran.facts["entries published"]) == (0, 25)
    assert stock("log", "fsck").status == 0


def test_the_public_site_follows_to_the_successor(stock: Any) -> None:
    token = stock.certificates()[3].token
    for verb, reason in (("suspend", "disputed"), ("reinstate", "cleared")) * 3:
        assert stock(verb, stock.certificates()[5].number, "--reason", reason).status == 0
        assert stock("anchor").status == 0
    pepper = (Path(stock.home) / "site" / "pepper").read_bytes()
    config = SiteConfig(
        public_dir=Path(stock.home) / "public", pepper=pepper, base_url="http://127.0.0.1:8000"
    )
    client = create_app(config).test_client()
    assert "有效" in client.get(f"/v/{token}").get_data(as_text=True)
    assert stock(*FREEZE).status == 0
    assert stock("log", "succeed").status == 0
    page = client.get(f"/v/{token}")
    assert (page.status_code, "有效" in page.get_data(as_text=True)) == (200, True)
    assert client.get("/log2/checkpoint").get_data().startswith(b"127.0.0.1:8000/log2\n")
    assert client.get("/log/checkpoint").get_data().startswith(b"127.0.0.1:8000/log\n")
    assert client.get("/log/successor").status_code == 200
    assert 'href="/log2/checkpoint"' in client.get("/log").text
    for outside in ("/trust2/checkpoint", "/log1/checkpoint", "/log2/successor", "/status/x"):
        assert client.get(outside).status_code == 404
