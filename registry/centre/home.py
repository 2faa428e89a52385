"""The centre's home directory: where everything of one provincial centre lies.

centre.toml   settings: name, province, public address
centre.db     cities, receipts, numbers and their editions; names no person
keys/         the key ring with the receipt key (secret, encrypted)
secrets/      the passphrase, when it is not in the environment (secret, 0600)
cities/       each city's trust folders, every version under its digest
packages/     packages as they were sent, sealed (they name persons)
public/       centre.json for the cities, lookup.db for the lookup page
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from keys.passphrase import read_passphrase
from keys.ring import KeyRing
from registry.centre.errors import CentreNotReady

SETTINGS: Final = "centre.toml"
_PROVINCE = re.compile("[0-9]{2}", re.ASCII)
_URL = re.compile(r"(?:https?://[a-z0-9.\-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~\-]{1,64}){0,8})?")
_MAX_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What ``centre.toml`` says. Raises CentreNotReady for values out of form.

    ``province`` is the two digits of GB/T 2260 that its numbers have (统一编码 第6–7位).
    """

    name: str
    province: str
    url: str
    """Where the cities reach it, without a final slash; "" where packages come by hand alone."""
    mapping: str = "guangdong-certificates"
    """The centre's table (上报模板): whose codes it takes."""

    def __post_init__(self) -> None:
        name = self.name
        if not 0 < len(name) <= _MAX_NAME or not name.isprintable() or name != name.strip():
            raise CentreNotReady("the centre's name has 1 to 100 printable characters")
        if not _PROVINCE.fullmatch(self.province):
            raise CentreNotReady("the province is the two digits of GB/T 2260, such as 44")
        if not _URL.fullmatch(self.url):
            raise CentreNotReady("the address is http(s)://, lower case, without a final slash")


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreHome:
    """Paths and openers of one centre's home."""

    path: Path
    environ: Mapping[str, str]

    @property
    def public(self) -> Path:
        """The directory that any static server may serve."""
        return self.path / "public"

    @property
    def database(self) -> Path:
        """The database file."""
        return self.path / "centre.db"

    @property
    def cities(self) -> Path:
        """The folder of the cities' trust folders."""
        return self.path / "cities"

    @property
    def packages(self) -> Path:
        """The folder of sealed packages."""
        return self.path / "packages"

    @property
    def passphrase_file(self) -> Path:
        """The key ring's passphrase, unless ``CERTREG_PASSPHRASE`` gives it."""
        return self.path / "secrets" / "passphrase"

    def ready(self) -> Self:
        """Return this home; ``CentreNotReady`` unless `certreg centre init` was run here."""
        if not (self.path / SETTINGS).is_file():
            command = f"certreg centre init --home {self.path}"
            raise CentreNotReady(f"{self.path} is no centre's home: run `{command}` first")
        return self

    def settings(self) -> Settings:
        """Read the settings; ``CentreNotReady`` names what is wrong in the file."""
        file = self.ready().path / SETTINGS
        try:
            data = tomllib.loads(file.read_text(encoding="utf-8"))
            values = {key: str(data[key]) for key in ("name", "province", "url", "mapping")}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError) as error:
            msg = f"{file} is damaged or incomplete ({error}): restore it from a backup"
            raise CentreNotReady(msg) from None
        return Settings(**values)

    def ring(self) -> KeyRing:
        """Open the key ring with the passphrase at hand."""
        passphrase = read_passphrase(environ=self.environ, file=self.passphrase_file)
        return KeyRing.open(self.path / "keys", passphrase)


def settings_text(settings: Settings) -> bytes:
    """Return the bytes of ``centre.toml``."""
    values = {
        "name": settings.name,
        "province": settings.province,
        "url": settings.url,
        "mapping": settings.mapping,
    }
    # A JSON string is a TOML basic string.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return ("\n".join(lines) + "\n").encode()
