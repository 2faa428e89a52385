"""The public site's commands: its key, its work, its accounts, its audit lines."""

from __future__ import annotations

import io
import json
import os
import secrets
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from keys.policy import parse_policy
from keys.trust_site import load_site_keys
from registry.cli.base import run
from registry.cli.home import Home, Settings
from registry.cli.main import certreg
from registry.cli.serve import site_environment, working
from registry.cli.setup import init_home
from registry.cli.site import _desk
from verify_web.bulk.accounts import employer_of_key, send_code
from verify_web.bulk.jobs import Asked, Purpose, accept
from verify_web.bulk.quota import Employer, Kind
from verify_web.bulk.rows import AskedRow


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(path=tmp_path / "home", environ={})
    init_home(
        home,
        Settings(office="示例市鉴定办", base_url="http://127.0.0.1:8000", database="sqlite"),
    )
    return home


def certreg_says(home: Home, *words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        run(certreg, [*words, "--home", str(home.path)])
    return int(ended.value.code or 0), out.getvalue(), err.getvalue()


def announced(home: Home) -> dict[str, str]:
    trust = home.public / "trust"
    policy = parse_policy((trust / "log.policy").read_bytes())
    return {key.key_id: key.state.value for key in load_site_keys(trust, policy)}


def test_a_new_home_has_an_announced_key_that_the_web_process_is_not_told_of(home: Home) -> None:
    file = home.path / "site" / "receipt.key"
    assert len(file.read_bytes()) == 32
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(announced(home).values()) == ["active"]
    assert not any("receipt" in value for value in site_environment(home).values())


def test_a_key_is_changed_or_revoked_and_the_trust_folder_says_so(home: Home) -> None:
    before = (home.path / "site" / "receipt.key").read_bytes()
    for flag, state in (("--change", "retired"), ("--revoke", "revoked")):
        active = [key for key, its in announced(home).items() if its == "active"]
        status, out, _ = certreg_says(home, "site", "key", flag, "--json")
        assert status == 0
        assert announced(home)[active[0]] == state
        assert list(announced(home).values()).count("active") == 1
        assert len(json.loads(out)["keys"]) == len(announced(home))
        after = (home.path / "site" / "receipt.key").read_bytes()
        assert after != before
        before = after


def test_a_lost_copy_of_the_key_comes_back_from_the_ring(home: Home) -> None:
    file = home.path / "site" / "receipt.key"
    kept, known = file.read_bytes(), announced(home)
    file.unlink()
    status, _, err = certreg_says(home, "site", "work", "--once", "--console")
    assert (status, "certreg site key" in err) == (1, True)
    assert certreg_says(home, "site", "key")[0] == 0
    assert file.read_bytes() == kept
    assert announced(home) == known


def test_an_organisation_is_added_listed_and_ended(home: Home) -> None:
    status, out, _ = certreg_says(home, "employer", "add", "示例用人单位", "--json")
    assert status == 0
    made = json.loads(out)
    assert employer_of_key(_desk(home), made["key"]) is not None
    assert "示例用人单位" in certreg_says(home, "employer", "list")[1]
    assert made["key"] not in certreg_says(home, "employer", "list")[1]
    assert certreg_says(home, "employer", "end", made["employer"])[0] == 0
    assert employer_of_key(_desk(home), made["key"]) is None
    assert certreg_says(home, "employer", "end", made["employer"])[0] == 1
    assert "ended" in certreg_says(home, "employer", "list")[1]
    assert certreg_says(home, "employer", "add", " ")[0] == 1


def test_audit_lines_are_checked(home: Home) -> None:
    desk = _desk(home)
    for _ in range(2):
        row = AskedRow(place=2, number="Y000044999001263000001", name="示例", last_six="")
        asked = Asked(
            rows=[row], purpose=Purpose.STAFF, asker="示例", request=secrets.token_bytes(16)
        )
        accept(desk, Employer(employer="Eaaaaaaaa", kind=Kind.KEY), asked)
    assert certreg_says(home, "site", "audit", "verify")[0] == 0
    with desk.state.transaction() as connection:
        connection.execute("UPDATE audit SET body = body || x'20' WHERE line = 2")
    status, _, err = certreg_says(home, "site", "audit", "verify")
    assert status == 1
    assert "audit line 2" in err


def test_settings_of_mail_that_cannot_work_are_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERTREG_SMTP_HOST", "mail.example.com")
    status, _, err = certreg_says(home, "site", "work", "--once")
    assert status == 1
    assert "CERTREG_SMTP_FROM" in err


def test_without_mail_nothing_is_printed_and_nothing_starts(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("CERTREG_SMTP_")]:
        monkeypatch.delenv(name)
    # Enough to wait in the outbox: what is refused must not have taken it.
    send_code(_desk(home), "hr@example.com")
    status, out, err = certreg_says(home, "site", "work", "--once")
    assert status == 1
    assert "CERTREG_SMTP_HOST" in err
    assert "hr@example.com" not in out + err


@pytest.mark.parametrize("console", [True, False])
def test_the_site_has_its_messages_printed_only_where_that_is_asked_for(
    home: Home, monkeypatch: pytest.MonkeyPatch, console: bool
) -> None:
    begun: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str], **_: object) -> None:
            begun.append(command)

        def terminate(self) -> None:
            pass

        def wait(self, timeout: float) -> None:
            pass

    monkeypatch.setattr("registry.cli.serve.subprocess.Popen", Process)
    with working(home, {}, console=console):
        pass
    assert [("--console" in command) for command in begun] == [console]
