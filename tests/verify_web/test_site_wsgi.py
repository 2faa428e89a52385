"""The factory for the WSGI server: its settings, and a pepper nobody else may read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from keys.errors import KeyFileExposed, KeysError
from verify_web import wsgi


@pytest.fixture
def environment(world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pepper = tmp_path / "pepper"
    pepper.write_bytes(bytes(range(32)))
    pepper.chmod(0o600)
    monkeypatch.setenv("CERTREG_PUBLIC", str(world.public))
    monkeypatch.setenv("CERTREG_PEPPER_FILE", str(pepper))
    return pepper


def test_the_site_comes_up_from_the_environment(world: Any, environment: Path) -> None:
    client = wsgi.create().test_client()
    assert client.get("/healthz").status_code == 200
    assert "http://127.0.0.1:8155" in client.get("/").text


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o666])
def test_a_pepper_others_can_read_is_refused(environment: Path, mode: int) -> None:
    environment.chmod(mode)
    with pytest.raises(KeyFileExposed, match="chmod 600"):
        wsgi.create()


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_pepper_of_another_length_is_refused(environment: Path, size: int) -> None:
    environment.write_bytes(bytes(size))
    with pytest.raises(KeysError, match="32 bytes"):
        wsgi.create()


def test_what_is_missing_is_named(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment.unlink()
    with pytest.raises(KeysError, match="pepper"):
        wsgi.create()
    monkeypatch.delenv("CERTREG_PUBLIC")
    with pytest.raises(KeysError, match="CERTREG_PUBLIC"):
        wsgi.create()


def test_without_trust_files_the_site_does_not_start(world: Any, environment: Path) -> None:
    (world.public / "trust" / "log.policy").unlink()
    with pytest.raises(KeysError):
        wsgi.create()


def test_the_limits_stand_beside_the_pepper_unless_named(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wsgi.create()
    assert (tmp_path / "site.db").is_file()
    monkeypatch.setenv("CERTREG_SITE_STATE", str(tmp_path / "state" / "limits.db"))
    wsgi.create()
    assert (tmp_path / "state" / "limits.db").is_file()


def test_a_site_that_cannot_count_does_not_start(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("CERTREG_SITE_STATE", str(tmp_path / "file" / "site.db"))
    with pytest.raises(KeysError, match="CERTREG_SITE_STATE"):
        wsgi.create()


@pytest.mark.parametrize("trusted", [False, True])
def test_a_proxy_is_believed_only_where_it_is_named(
    environment: Path, monkeypatch: pytest.MonkeyPatch, *, trusted: bool
) -> None:
    if trusted:
        monkeypatch.setenv("CERTREG_TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1")
    client = wsgi.create().test_client()
    answers = [
        client.post(
            "/lookup",
            data={"name": f"某{place}", "number": f"N{place}"},
            headers={"X-Forwarded-For": f"198.51.{place}.1"},
        ).status_code
        for place in range(14)
    ]
    assert (429 in answers) is not trusted


def test_a_proxy_that_is_no_address_is_refused(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CERTREG_TRUSTED_PROXIES", "proxy.example.cn")
    with pytest.raises(KeysError, match="CERTREG_TRUSTED_PROXIES"):
        wsgi.create()
