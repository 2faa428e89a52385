"""The home's timestamp authority: its settings, and how it is asked over HTTP."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from registry.cli import stamping
from registry.cli.home import Home
from registry.cli.stamp_roots import FOLDER, stamp_roots
from registry.cli.stamping import SETTINGS_FILE, read_authority
from registry.errors import HomeNotReady
from signing.errors import StampFailed
from signing.pdf import StampLevel
from signing.pdf.stamp import ask_stamp

KIND = "application/timestamp-reply"
Serve = Callable[[Callable[[bytes], tuple[int, str, bytes]]], str]


def pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


@pytest.fixture
def home(tmp_path: Path, made_authority: Any) -> Home:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "root.pem").write_bytes(pem(made_authority.root))
    return Home(path=tmp_path, environ={})


def write(
    home: Home, url: str, level: str = "B-T", without: str = "refuse", more: str = ""
) -> Home:
    text = f'url = "{url}"\nlevel = "{level}"\nwithout = "{without}"\n{more}'
    (home.path / FOLDER / SETTINGS_FILE).write_text(text)
    return home


def test_without_settings_nothing_is_stamped(home: Home, tmp_path: Path) -> None:
    assert read_authority(home) is None
    assert read_authority(Home(path=tmp_path / "none", environ={})) is None
    assert stamp_roots(Home(path=tmp_path / "none", environ={})) == ()


def test_settings_are_read(home: Home, made_authority: Any) -> None:
    found = read_authority(write(home, "https://tsa.example/a?b=1", "B-LTA", "plain"))
    assert found is not None
    assert (found.url, found.plain) == ("https://tsa.example/a?b=1", True)
    assert found.stamping.level is StampLevel.ARCHIVE
    assert found.stamping.roots == (made_authority.root,)


@pytest.mark.parametrize(
    "change",
    [
        {"url": "ftp://tsa.example"},
        {"url": "tsa.example"},
        {"url": "https://"},
        {"url": "https://user:word@tsa.example"},
        {"url": "https://tsa.example:99999"},
        {"url": "https://tsa.例子"},
        {"level": "B-B"},
        {"level": ""},
        {"without": "silent"},
        {"more": 'user = "x"'},
        {"more": "]"},
    ],
)
def test_settings_out_of_form_are_refused(home: Home, change: dict[str, str]) -> None:
    with pytest.raises(HomeNotReady, match=r"authority\.toml"):
        read_authority(write(home, **{"url": "https://tsa.example", **change}))


def test_an_authority_without_its_root_is_refused(home: Home) -> None:
    (home.path / FOLDER / "root.pem").unlink()
    with pytest.raises(HomeNotReady, match="root"):
        read_authority(write(home, "https://tsa.example"))


@pytest.mark.parametrize(("name", "words"), [("x.pem", "PEM"), ("x.crl", "revocation list")])
def test_files_that_are_not_what_they_are_called_are_refused(
    home: Home, name: str, words: str
) -> None:
    (home.path / FOLDER / name).write_bytes(b"x")
    with pytest.raises(HomeNotReady, match=words):
        read_authority(write(home, "https://tsa.example"))


def test_an_authority_is_asked_over_http(home: Home, authority: Any, serve: Serve) -> None:
    url = serve(lambda request: (200, KIND, authority.answer(request)))
    found = read_authority(write(home, url))
    assert found is not None
    token = ask_stamp(found.stamping, b"\x01" * 32, authority.at)
    assert authority.root in token


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, KIND, b""), "status 500"),
        ((302, KIND, b""), "status 302"),
        ((200, "text/html", b"<html>"), "no timestamp reply"),
        ((200, KIND, bytes(64 * 1024)), "cut off"),
        ((200, KIND, b""), "cannot be read"),
    ],
)
def test_what_is_no_answer_is_refused(
    home: Home, authority: Any, serve: Serve, answer: tuple[int, str, bytes], words: str
) -> None:
    found = read_authority(write(home, serve(lambda _request: answer)))
    assert found is not None
    with pytest.raises(StampFailed, match=words):
        ask_stamp(found.stamping, bytes(32), authority.at)


def test_nobody_there_is_said_so(home: Home, authority: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = read_authority(write(home, f"http://127.0.0.1:{port}"))
    assert found is not None
    with pytest.raises(StampFailed, match="ConnectionRefusedError"):
        ask_stamp(found.stamping, bytes(32), authority.at)


def test_one_that_does_not_answer_in_time_is_hung_up_on(
    home: Home, authority: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamping, "TIMEOUT", 0.3)

    def slowly(_request: bytes) -> tuple[int, str, bytes]:
        time.sleep(1)
        return 200, KIND, b""

    found = read_authority(write(home, serve(slowly)))
    assert found is not None
    with pytest.raises(StampFailed, match="no answer"):
        ask_stamp(found.stamping, bytes(32), authority.at)
