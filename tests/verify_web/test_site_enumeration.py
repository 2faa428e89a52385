"""Guesses in bulk: next to none are answered, none hits, and all answers are the same page.

The long form asks a running site over HTTP (`bench/enumerate.py`, figures in docs/threats.md).
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from base64 import b32encode
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from verify_web import allowance

NAME, ID = "欧阳示例", "440301190001010019"


def pages(client: FlaskClient, guesses: list[dict[str, str]]) -> list[bytes]:
    """Ask for each; give the pages of those that were answered."""
    answers = [client.post("/lookup", data=guess) for guess in guesses]
    assert {answer.status_code for answer in answers} <= {200, 429}
    return [answer.get_data() for answer in answers if answer.status_code == 200]


def test_guesses_learn_nothing_and_are_slowed(world: Any) -> None:
    dice = random.Random(20261123)
    client = world.app().test_client()
    numbers = [f"Y00004499900126{dice.choice('12345')}{n:06}" for n in range(100_000, 100_080)]
    guesses: list[dict[str, str]] = [
        *({"name": NAME, "number": number} for number in numbers),
        *({"id-number": ID, "number": number} for number in numbers),
        *({"name": f"无此人{n}", "number": "Y000044999001263000001"} for n in range(80)),
        *({"name": NAME, "id-number": f"44030119000101{n:04}"} for n in range(1000, 1080)),
    ]
    dice.shuffle(guesses)
    answered = pages(client, guesses)
    assert len(answered) == allowance.MISSES.burst
    assert len(set(answered)) == 1
    assert "未找到".encode() in answered[0]


def test_tokens_cannot_be_guessed(world: Any) -> None:
    dice = random.Random(20261123)
    client = world.app().test_client()
    tokens = [b32encode(dice.randbytes(10)).decode().lower() for _ in range(80)]
    answers = [client.get(f"/v/{token}") for token in tokens]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.get_data() for answer in answers}) == 1


@pytest.mark.soak
def test_guesses_at_a_running_site(root: Path) -> None:
    command = [sys.executable, "bench/enumerate.py", "--quick"]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert re.search(r"of 2,000 guesses [0-9,]+ were answered, 0 hit", run.stdout), run.stdout
    rows = re.findall(
        r"^.{44} +([0-9,]+) +([0-9,]+) +([0-9,]+) +(\d+) +(\d+) +(\d+)", run.stdout, re.MULTILINE
    )
    assert len(rows) == 7
    for made, answered, refused, other, hits, answers in rows:
        counts = [int(value.replace(",", "")) for value in (made, answered, refused)]
        assert counts[0] == counts[1] + counts[2]
        assert (other, hits, answers) == ("0", "0", "1")
