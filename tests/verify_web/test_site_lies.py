"""A lying mirror, log or status list never ends in green, and never as 未找到."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

_SPEC = importlib.util.spec_from_file_location(
    "site_lies", Path(__file__).with_name("site_lies.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
lies: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(lies)
LIES, UNSURE, INVALID = lies.LIES, lies.UNSURE, lies.INVALID
change = msgspec.structs.replace


def word_of(text: str) -> str:
    found = re.search(r'<h1 id="state">([^<]+)</h1>', text)
    assert found is not None, text
    return found[1]


@pytest.mark.parametrize(
    ("name", "word", "tell"), LIES, ids=[function.__name__ for _, _, function in LIES]
)
def test_no_lie_ends_in_green(
    world: Any, client: FlaskClient, name: str, word: str, tell: Any
) -> None:
    tell(world)
    answer = client.get(f"/v/{world.token(name)}")
    assert word_of(answer.text) == word
    assert 'class="verdict good"' not in answer.text
    assert answer.status_code == (503 if word == UNSURE else 200)
    report = client.get(f"/v/{world.token(name)}", headers={"Accept": "application/json"})
    assert report.status_code == answer.status_code
    assert report.get_json().get("verdict") != "valid"

    record = world.records[name]
    listed = client.post("/lookup", data={"name": record.name, "number": record.number})
    assert listed.status_code in (200, 503)
    assert 'class="answer good"' not in listed.text
    if word != INVALID:
        # A record the liar changed may rightly be found under the changed facts only.
        assert "未找到" not in listed.text


def test_what_failed_does_not_look_official(world: Any, client: FlaskClient) -> None:
    lies.the_name_was_changed_after_signing(world)
    text = client.get(f"/v/{world.token('valid')}").text
    assert "上官" not in text
    assert text.count('class="answer bad"') >= 1


def test_a_mended_tile_is_noticed(world: Any, client: FlaskClient) -> None:
    file = next((world.public / "log/tile/0/001.p").iterdir())
    lies.flip(file, at=32 * 40)
    assert client.get(f"/v/{world.token('valid')}").status_code == 503
    lies.flip(file, at=32 * 40)
    assert client.get(f"/v/{world.token('valid')}").status_code == 200


def test_a_certificate_newer_than_the_status_list_is_unsure(
    world: Any, client: FlaskClient
) -> None:
    record = change(world.records["valid"], number="Y000044999001263000009")
    world.records["late"] = record
    world.issue("late", record, len(world.records) - 1)
    world.write_log()
    world.write_mirror()
    assert word_of(client.get(f"/v/{world.token('late')}").text) == UNSURE
    assert word_of(client.get(f"/v/{world.token('second')}").text) == "有效"
