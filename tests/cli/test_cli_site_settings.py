"""What the public site's processes are told of the home, and what they are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry.cli.home import Home, Settings, write_settings
from registry.cli.serve import site_environment, working
from registry.cli.setup import init_home

SETTINGS = Settings(office="示例市鉴定办", base_url="http://127.0.0.1:8000", database="sqlite")


def test_the_web_processes_are_not_told_the_way_to_the_mail_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(path=tmp_path / "home", environ={})
    init_home(home, SETTINGS)
    monkeypatch.setenv("CERTREG_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("CERTREG_SMTP_PASSWORD", "x")
    monkeypatch.setenv("CERTREG_CODE_COMMAND", "/bin/true")
    told = site_environment(home)
    assert not [name for name in told if name.startswith(("CERTREG_SMTP", "CERTREG_CODE"))]
    begun: list[dict[str, str]] = []

    class Process:
        def __init__(self, _command: list[str], *, env: dict[str, str], **_named: object) -> None:
            begun.append(env)

        def terminate(self) -> None: ...

        def wait(self, timeout: float) -> None: ...

    monkeypatch.setattr("registry.cli.serve.subprocess.Popen", Process)
    with working(home, told, console=False):
        pass
    assert begun[0]["CERTREG_SMTP_HOST"] == "127.0.0.1"
    assert "CERTREG_PASSPHRASE" not in begun[0]


def test_the_site_is_told_its_proxies_and_where_its_state_lies(tmp_path: Path) -> None:
    home = Home(path=tmp_path / "home", environ={})
    init_home(home, SETTINGS)
    told = site_environment(home)
    assert told["CERTREG_TRUSTED_PROXIES"] == ""
    assert told["CERTREG_SITE_STATE"] == str(home.path.resolve() / "site" / "site.db")
    assert "CERTREG_PASSPHRASE" not in told
    proxies = ("127.0.0.1", "10.0.0.0/8")
    write_settings(home, replace(SETTINGS, trusted_proxies=proxies))
    assert home.settings().trusted_proxies == proxies
    assert site_environment(home)["CERTREG_TRUSTED_PROXIES"] == "127.0.0.1,10.0.0.0/8"
