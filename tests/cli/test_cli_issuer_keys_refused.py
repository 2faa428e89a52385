"""What `certreg issuer key` refuses, and the words it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from keys.model import LATER, KeyState
from registry.cli import issuer_keys
from registry.office.issuer_keys import PUBLIC_PURPOSES

PREFIX = "Y000044999001"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "Y000044999009"), "no issuer with prefix"),
        (("list", "Y000044999009"), "no issuer with prefix"),
        (("add", PREFIX, "--purpose", "checkpoint"), "'checkpoint' is not one of"),
        (("retire", "0" * 16), "no issuer has a key"),
        (("revoke", PREFIX), "no issuer has a key"),
        (("retire",), "Missing argument"),
    ],
)
def test_what_cannot_be_is_refused(desk: Any, arguments: tuple[str, ...], words: str) -> None:
    def ring() -> list[Path]:
        return list((desk.home / "keys").iterdir())

    before = len(ring())
    ran = desk("issuer", "key", *arguments)
    assert ran.status == 1
    assert words in ran.line
    assert len(ring()) == before


def test_the_states_have_words() -> None:
    assert set(issuer_keys.STATES) == set(KeyState) == set(LATER)
    assert set(issuer_keys.PURPOSES) == PUBLIC_PURPOSES
