"""The page after an issuer's key was revoked: by the place in the log, and facts only then."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from keys.model import KeyState
from signing.bundle import bundle_file
from signing.qr import qr_payload, qr_url, to_digits
from signing.qr_image import write_qr

REVOKED = {"state": KeyState.REVOKED, "revoked_at": datetime(2026, 11, 23, 9, tzinfo=UTC)}
GOOD, FALSE, UNSURE = "有效", "无效", "暂无法确认"


def word_of(text: str) -> str:
    found = re.search(r'<h1 id="state">([^<]+)</h1>', text)
    assert found is not None, text
    return found[1]


def sent(client: FlaskClient, data: bytes) -> str:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n'
    body = head + data + b"\r\n--x--\r\n"
    return client.post("/verify", data=body, content_type="multipart/form-data; boundary=x").text


def picture(text: str) -> bytes:
    matrix, output = write_qr(text), io.BytesIO()
    shades = matrix.modules.translate(bytes([255]) + bytes(255))
    sheet = Image.new("L", (matrix.size + 8, matrix.size + 8), 255)
    sheet.paste(Image.frombytes("L", (matrix.size, matrix.size), shades), (4, 4))
    sheet.resize((sheet.width * 4, sheet.height * 4), Image.Resampling.NEAREST).save(output, "PNG")
    return output.getvalue()


@pytest.mark.parametrize(
    ("facts", "past", "word"),
    [
        (REVOKED, 1, GOOD),
        (REVOKED, 0, FALSE),
        (REVOKED, -1, FALSE),
        (REVOKED, None, UNSURE),
        ({"state": KeyState.RETIRED}, 1, GOOD),
        ({"state": KeyState.RETIRED}, 0, FALSE),
        ({"state": KeyState.RETIRED}, None, GOOD),
    ],
)
def test_pages_and_files_go_by_the_place(
    *, world: Any, client: FlaskClient, facts: dict[str, Any], past: int | None, word: str
) -> None:
    place = world.entries["valid"].index
    world.write_trust(**facts, ended_leaf=None if past is None else place + past)
    name = world.records["valid"].name
    for text in (
        client.get(f"/v/{world.token('valid')}").text,
        sent(client, bundle_file(world.evidence("valid"))),
    ):
        assert word_of(text) == word
        # Whose facts these are is known only where the signature was judged good.
        assert (name in text) == (word == GOOD)


def test_a_picture_of_the_code_goes_by_the_register(world: Any, client: FlaskClient) -> None:
    place = world.entries["valid"].index
    payload = to_digits(qr_payload(world.records["valid"], world.issuer))
    data = picture(qr_url("http://127.0.0.1:8155", world.token("valid"), payload))
    before = sent(client, data)
    assert (word_of(before), "二维码的签名有效" in before) == (GOOD, True)
    world.write_trust(**REVOKED, ended_leaf=place + 1)
    after = sent(client, data)
    assert (word_of(after), "后已吊销" in after, "二维码的签名有效" in after) == (GOOD, True, False)
    world.write_trust(**REVOKED, ended_leaf=place)
    assert word_of(sent(client, data)) == FALSE


def test_a_revoked_keys_code_that_nothing_stands_behind_is_not_green(
    world: Any, client: FlaskClient
) -> None:
    payload = to_digits(qr_payload(world.records["valid"], world.issuer))
    data = picture(qr_url("http://127.0.0.1:8155", "q7" * 8, payload))
    world.write_trust(**REVOKED, ended_leaf=world.entries["valid"].index + 1)
    assert word_of(sent(client, data)) == UNSURE
