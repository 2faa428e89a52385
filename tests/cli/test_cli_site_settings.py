"""What the public site's processes are told of the home, and what they are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from registry.cli.home import Home, Settings, write_settings
from registry.cli.serve import site_environment
from registry.cli.setup import init_home

SETTINGS = Settings(office="示例市鉴定办", base_url="http://127.0.0.1:8000", database="sqlite")


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
