"""Factory for a WSGI server: `granian --interface wsgi --factory verify_web.wsgi:create`.

`CERTREG_PUBLIC` names the published directory, `CERTREG_PEPPER_FILE` a file of 32 bytes that
nobody else may read. The public address is the trust file's, so the two cannot disagree.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from keys.errors import KeyFileExposed, KeysError
from keys.trust import load_trust
from signing.mirror import PEPPER_BYTES
from verify_web.app import create_app
from verify_web.config import SiteConfig

if TYPE_CHECKING:
    from flask import Flask


class BadEnvironment(KeysError):
    """A setting is missing or its file is not what it must be; the message says which."""

    code = "bad-environment"


def create() -> Flask:
    """Build the site from the environment. Raises BadEnvironment, KeyFileExposed, TrustBroken."""
    public = Path(_setting("CERTREG_PUBLIC"))
    return create_app(
        SiteConfig(
            public_dir=public,
            pepper=read_pepper(Path(_setting("CERTREG_PEPPER_FILE"))),
            base_url=load_trust(public / "trust").base_url,
        )
    )


def read_pepper(file: Path) -> bytes:
    """Read the mirror's pepper, 32 bytes, from a file of mode 0600 or less."""
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


def _setting(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise BadEnvironment(f"the environment variable {name} is not set")
    return value
