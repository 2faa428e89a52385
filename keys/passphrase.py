"""Where the key ring's passphrase comes from: the environment, else a file with mode 0600.

Never from the command line, where every user of the machine could read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from keys.errors import PassphraseMissing
from keys.sealed import read_private

VARIABLE: Final = "CERTREG_PASSPHRASE"

_MAX_PASSPHRASE: Final = 4096


def read_passphrase(*, environ: Mapping[str, str], file: Path) -> bytes:
    """Give the passphrase: `CERTREG_PASSPHRASE` if it is set, else what stands in `file`.

    Line ends at the end do not count, so both ways give the same bytes. Raises
    PassphraseMissing, and KeyFileExposed or KeyFileBroken for a file that must not be used.
    """
    given = environ.get(VARIABLE)
    if given is not None:
        passphrase, where = given.encode("utf-8", "surrogateescape"), f"{VARIABLE} is empty"
    else:
        passphrase, where = _read(file), f"{file} is empty"
    passphrase = passphrase.rstrip(b"\r\n")
    if not passphrase:
        raise PassphraseMissing(f"{where}: {_advice(file)}")
    return passphrase


def _read(file: Path) -> bytes:
    try:
        return read_private(file, limit=_MAX_PASSPHRASE)
    except OSError as fault:
        raise PassphraseMissing(
            f"no passphrase ({file}: {fault.strerror}): {_advice(file)}"
        ) from None


def _advice(file: Path) -> str:
    return (
        f"write the key ring's passphrase into {file} (chmod 600) or set {VARIABLE}. "
        "Without the passphrase the keys cannot be used by anyone"
    )
