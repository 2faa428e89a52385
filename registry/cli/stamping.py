"""The timestamp authority (时间戳机构) of the home's folder `timestamps/`, asked by RFC 3161.

authority.toml   url, level ("B-T" or "B-LTA"), and without ("refuse" or "plain"): what happens to
                 a PDF when no timestamp is had; without this file nothing is timestamped
*.pem            roots of the authorities whose timestamps count; they go into the trust folder
*.crl            revocation lists (DER) to be kept in PDFs of level B-LTA
"""

from __future__ import annotations

import http.client
import secrets
import socket
import threading
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography.x509 import load_der_x509_crl

from registry.cli.home import Home
from registry.cli.stamp_roots import FOLDER, stamp_roots
from registry.errors import HomeNotReady
from signing.errors import StampFailed
from signing.pdf import Stamping, StampLevel
from signing.pdf.stamp import MAX_TOKEN_BYTES

SETTINGS_FILE: Final = "authority.toml"
TIMEOUT: Final = 10.0
"""Seconds for the whole exchange; authorities answer in one or two."""

_KEYS: Final = ("url", "level", "without")
_MAX_ANSWER: Final = MAX_TOKEN_BYTES + 4096
_REPLY: Final = "application/timestamp-reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """What `authority.toml` says; `plain` is whether a PDF goes out without a timestamp."""

    stamping: Stamping
    url: str
    plain: bool


def read_authority(home: Home) -> Authority | None:
    """Read the settings; None where there are none. Raises HomeNotReady, which names the fault."""
    file = home.path / FOLDER / SETTINGS_FILE
    if not file.is_file():
        return None
    told = _told(file)
    if told is None:
        msg = (
            f'{file}: needs url = "https://…", level = "B-T" or "B-LTA", and without = "refuse" '
            'or "plain", and nothing else'
        )
        raise HomeNotReady(msg)
    roots = stamp_roots(home)
    if not roots:
        msg = f"{file.parent} holds no root certificate of the authority: put it there as a .pem"
        raise HomeNotReady(msg)
    url, level, without = told
    stamping = Stamping(
        ask=partial(_ask, url),
        roots=roots,
        level=StampLevel(level),
        random=secrets.token_bytes,
        crls=_crls(home),
    )
    return Authority(stamping=stamping, url=url, plain=without == "plain")


def _told(file: Path) -> tuple[str, str, str] | None:
    """Read url, level and without; None if they are not as they must be."""
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return None
    url, level, without = (str(told.get(key, "")) for key in _KEYS)
    good = level in set(StampLevel) and without in {"refuse", "plain"} and _is_address(url)
    return (url, level, without) if good and told.keys() == set(_KEYS) else None


def _crls(home: Home) -> tuple[bytes, ...]:
    lists = []
    for file in sorted((home.path / FOLDER).glob("*.crl")):
        data = file.read_bytes()
        try:
            load_der_x509_crl(data)
        except ValueError:
            raise HomeNotReady(f"{file} is no revocation list in DER: remove it") from None
        lists.append(data)
    return tuple(lists)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and parts.port != 0  # reading the port is what checks it
    except ValueError:
        return False
    plain = not (parts.fragment or parts.username or parts.password)
    return parts.scheme in {"http", "https"} and whole and plain and url.isascii()


def _ask(url: str, request: bytes) -> bytes:
    """Send a request and return the answer; bounded in bytes and time, no redirects."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
    # A socket's timeout is for each read: one who sends a byte now and then would hold us for ever.
    watch: threading.Timer | None = None
    try:
        connection.connect()
        watch = threading.Timer(TIMEOUT, _hang_up, (connection.sock,))
        watch.daemon = True
        watch.start()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Content-Type": "application/timestamp-query", "Accept": _REPLY}
        connection.request("POST", path, request, headers)
        with connection.getresponse() as answer:
            data = answer.read(_MAX_ANSWER + 1)
            media = answer.getheader("Content-Type", "").partition(";")[0].strip().lower()
            if answer.status != http.client.OK:
                raise StampFailed(_failed(f"HTTP status {answer.status}"))
            if media != _REPLY or len(data) > _MAX_ANSWER or answer.length:
                raise StampFailed(_failed("its answer is no timestamp reply, or was cut off"))
            return data
    except (OSError, http.client.HTTPException, ValueError) as fault:
        raise StampFailed(_failed(f"no answer ({type(fault).__name__})")) from fault
    finally:
        if watch is not None:
            watch.cancel()
        connection.close()


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _failed(what: str) -> str:
    return (
        f"no timestamp (时间戳) was had: {what}. Try again, or see `{FOLDER}/{SETTINGS_FILE}` in "
        "the home"
    )
