"""The home directory (``--home``, ``CERTREG_HOME``): where everything of one office lies.

certreg.toml     settings: office, public address, origin of the log
registry.db      the database (secret: names, ID numbers and openings, encrypted)
keys/            the key ring (secret, encrypted)
secrets/         the passphrase, when it is not in the environment (secret, 0600)
site/pepper      the one secret of the public site (0600)
site/site.db     what the public site remembers: its limits (0600)
templates/       layouts of certificates by the office's designers, if there are any
timestamps/      the timestamp authority's address and roots, if there is one
public/          what everybody may read: log, trust, status, mirror
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy import Engine

from keys.passphrase import read_passphrase
from keys.ring import KeyRing
from keys.sealed import read_private
from registry.errors import HomeNotReady
from registry.store.base import open_engine
from signing.mirror import PEPPER_BYTES

SETTINGS = "certreg.toml"
TEMPLATES = "templates"
"""Folder with the designers' layouts of certificates."""

# As narrow as the trust folder's: what passes here must never fail there.
_BASE_URL = re.compile(r"https?://[a-z0-9.\-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~\-]{1,64}){0,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What ``certreg.toml`` says. ``base_url`` is the public site's address, without a slash."""

    office: str
    base_url: str
    database: str
    log_storage: str = ""
    """``s3://bucket/prefix`` for the log's files; empty: the directory ``public/log``."""
    document_scanner: tuple[str, ...] = ()
    """A virus scanner's command for companies' documents; it gets the file's path as last word."""
    direct: bool = False
    """Whether results lists are issued from files; no company's case is handled in such a home."""
    trusted_proxies: tuple[str, ...] = ()
    """Proxies before the public site, by address or network, whose ``X-Forwarded-For`` is true."""

    @property
    def origin(self) -> str:
        """The log's origin and key name: its address without the scheme (C2SP tlog-checkpoint)."""
        return self.base_url.split("://", 1)[-1] + "/log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Paths and openers of one home directory."""

    path: Path
    environ: Mapping[str, str]

    @property
    def public(self) -> Path:
        """The directory that any static server may serve."""
        return self.path / "public"

    @property
    def pepper_file(self) -> Path:
        """The public site's secret: 32 bytes, readable by its owner only."""
        return self.path / "site" / "pepper"

    @property
    def passphrase_file(self) -> Path:
        """The key ring's passphrase, unless ``CERTREG_PASSPHRASE`` gives it."""
        return self.path / "secrets" / "passphrase"

    def ready(self) -> Self:
        """Return this home; ``HomeNotReady`` unless `certreg init` was run here."""
        if not (self.path / SETTINGS).is_file():
            msg = f"{self.path} is no certreg home: run `certreg init --home {self.path}` first"
            raise HomeNotReady(msg)
        return self

    def settings(self) -> Settings:
        """Read the settings; ``HomeNotReady`` names what is wrong in the file."""
        file = self.ready().path / SETTINGS
        try:
            data = tomllib.loads(file.read_text(encoding="utf-8"))
            settings = Settings(
                office=str(data["office"]),
                base_url=str(data["base_url"]),
                database=str(data["database"]),
                log_storage=str(data.get("log_storage", "")),
                document_scanner=tuple(map(str, data.get("document_scanner", ()))),
                direct=data.get("direct", False) is True,
                trusted_proxies=tuple(map(str, data.get("trusted_proxies", ()))),
            )
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError) as error:
            msg = f"{file} is damaged or incomplete ({error}): restore it from a backup"
            raise HomeNotReady(msg) from None
        return settings

    def engine(self) -> Engine:
        """Open the database that the settings name (relative SQLite files lie in the home)."""
        url = self.settings().database
        if url == "sqlite":
            file = self.path / "registry.db"
            # Opening would make an empty one, which would give every number away a second time.
            if not file.is_file():
                raise HomeNotReady(f"{file} is missing: restore it from a backup")
            url = f"sqlite:///{file}"
        return open_engine(url)

    def ring(self) -> KeyRing:
        """Open the key ring with the passphrase at hand."""
        passphrase = read_passphrase(environ=self.environ, file=self.passphrase_file)
        return KeyRing.open(self.path / "keys", passphrase)

    def pepper(self) -> bytes:
        """Return the public site's secret (32 bytes)."""
        try:
            pepper = read_private(self.pepper_file)
        except FileNotFoundError:
            pepper = b""
        if len(pepper) != PEPPER_BYTES:
            msg = f"{self.pepper_file} is missing or damaged: restore it from a backup"
            raise HomeNotReady(msg)
        return pepper


def is_base_url(text: str) -> bool:
    """Say whether ``text`` can be the public site's address: http(s), lower case, no end slash."""
    return _BASE_URL.fullmatch(text) is not None


def write_private(file: Path, content: bytes) -> None:
    """Create ``file`` (0600) with ``content``, durably; an existing file is left as it is."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    # A link appears whole or not at all, and takes no other file's place.
    with suppress(FileExistsError):
        file.hardlink_to(part)
    part.unlink()
    _sync_folder(file.parent)


def write_settings(home: Home, settings: Settings) -> None:
    """Write ``certreg.toml`` last of all: its presence says that the home is complete."""
    # A JSON string is a valid TOML basic string.
    lines = [
        f"office = {json.dumps(settings.office, ensure_ascii=False)}",
        f"base_url = {json.dumps(settings.base_url)}",
        f"database = {json.dumps(settings.database)}",
    ]
    if settings.log_storage:
        lines.append(f"log_storage = {json.dumps(settings.log_storage)}")
    if settings.document_scanner:
        lines.append(f"document_scanner = {json.dumps(list(settings.document_scanner))}")
    if settings.direct:
        lines.append("direct = true")
    if settings.trusted_proxies:
        lines.append(f"trusted_proxies = {json.dumps(list(settings.trusted_proxies))}")
    file = home.path / SETTINGS
    temporary = file.with_suffix(".tmp")
    # A database's address may hold its password.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write("\n".join(lines) + "\n")
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(file)
    _sync_folder(home.path)


def _sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable: a lost passphrase file would be a lost key ring."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
