"""Factory for a WSGI server: `granian --interface wsgi --factory verify_web.wsgi:create`.

`CERTREG_PUBLIC` names the published directory, `CERTREG_PEPPER_FILE` a file of 32 bytes that
nobody else may read, `CERTREG_SITE_STATE` the file in which the limits stand (else `site.db` beside
the pepper). `exchange.key` beside the pepper opens the
holder's page. `CERTREG_TRUSTED_PROXIES` lists addresses or networks, parted by commas, whose
`X-Forwarded-For` is believed; none by default. The public address is the trust file's, so the
two cannot disagree.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from keys.errors import KeyFileExposed, KeysError
from keys.trust import load_trust
from signing.exchange import KEY_FILE
from signing.mirror import PEPPER_BYTES
from verify_web.app import create_app
from verify_web.clients import parse_networks
from verify_web.config import SiteConfig
from verify_web.errors import ServiceTrouble
from verify_web.limits import Limits

if TYPE_CHECKING:
    from flask import Flask

    from verify_web.clients import Network


class BadEnvironment(KeysError):
    """A setting is missing or its file is not what it must be; the message says which."""

    code = "bad-environment"


def create() -> Flask:
    """Build the site from the environment. Raises BadEnvironment, KeyFileExposed, TrustBroken."""
    public = Path(_setting("CERTREG_PUBLIC"))
    pepper_file = Path(_setting("CERTREG_PEPPER_FILE"))
    named = os.environ.get("CERTREG_SITE_STATE")
    config = SiteConfig(
        public_dir=public,
        pepper=read_pepper(pepper_file),
        base_url=load_trust(public / "trust").base_url,
        state_file=Path(named) if named else pepper_file.with_name("site.db"),
        trusted_proxies=_proxies(os.environ.get("CERTREG_TRUSTED_PROXIES", "")),
        exchange_key=_exchange_key(pepper_file.with_name(KEY_FILE)),
    )
    try:
        Limits(config.state, config.pepper, config.clock).check()
    except ServiceTrouble:
        raise BadEnvironment(
            f"cannot write {config.state}: the site keeps its limits there; give its folder to the"
            " site's user, or name another file in CERTREG_SITE_STATE"
        ) from None
    return create_app(config)


def _proxies(text: str) -> tuple[Network, ...]:
    try:
        return parse_networks(text.split(","))
    except ValueError:
        raise BadEnvironment(
            "CERTREG_TRUSTED_PROXIES must list addresses or networks, parted by commas"
        ) from None


def read_pepper(file: Path) -> bytes:
    """Read the mirror's pepper or the exchange key: 32 bytes, in a file of mode 0600 or less."""
    try:
        with file.open("rb") as handle:
            # Of the open file, not of the path: that could be another file a moment later.
            mode = os.fstat(handle.fileno()).st_mode
            pepper = handle.read(PEPPER_BYTES + 1)
    except OSError as error:
        raise BadEnvironment(f"cannot read {file} ({error.strerror})") from None
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileExposed(f"{file} can be read by others: run chmod 600 {file}")
    if len(pepper) != PEPPER_BYTES:
        raise BadEnvironment(f"{file} must hold exactly {PEPPER_BYTES} bytes")
    return pepper


def _exchange_key(file: Path) -> bytes | None:
    # Not all sites have a registry's worker on the same machine.
    return read_pepper(file) if file.is_file() else None


def _setting(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise BadEnvironment(f"the environment variable {name} is not set")
    return value
