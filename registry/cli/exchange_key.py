"""The key and the file by which site and registry speak (`signing.exchange`): beside the pepper."""

from __future__ import annotations

import secrets

from keys.sealed import read_private
from registry.cli.home import Home, write_private
from registry.errors import HomeNotReady
from signing.exchange import FILE, KEY_BYTES, KEY_FILE, Exchange


def complete_exchange_key(home: Home) -> None:
    """Make the key that site and worker share, if there is none.

    Lost, it is made anew: nothing lasting is sealed under it.
    """
    write_private(home.pepper_file.with_name(KEY_FILE), secrets.token_bytes(KEY_BYTES))


def open_exchange(home: Home) -> Exchange:
    """Open the exchange of this home. Raises ``HomeNotReady`` without its key."""
    file = home.pepper_file.with_name(KEY_FILE)
    try:
        key = read_private(file)
    except FileNotFoundError:
        raise HomeNotReady(f"{file} is missing: run `certreg init` in this home again") from None
    return Exchange(home.pepper_file.with_name(FILE), key, secrets.token_bytes)
