"""Uploaded files: the same checks, the newest status, and nothing kept."""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from signing.bundle import Evidence, bundle_file, proof_file
from signing.pdf import RECORD_NAME
from signing.qr import qr_payload, qr_url, to_digits
from signing.qr_image import write_qr
from signing.tlog.entry import State

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
change = msgspec.structs.replace


def send(client: FlaskClient, data: bytes, name: str = "file") -> TestResponse:
    """Send a form as a browser does (the test client's own way makes temporary files)."""
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + data + b"\r\n--x--\r\n"
    return client.post("/verify", data=body, content_type="multipart/form-data; boundary=x")


def word_of(answer: TestResponse) -> str:
    found = re.search(r'<h1 id="state">([^<]+)</h1>', answer.text)
    assert found is not None, answer.text
    return found[1]


def badges(answer: TestResponse) -> list[str]:
    return re.findall(r'class="answer (\w+)"', answer.text)


@pytest.mark.parametrize("kind", ["bundle", "proof"])
def test_a_good_file(world: Any, client: FlaskClient, kind: str) -> None:
    evidence = world.evidence("valid")
    data = bundle_file(evidence) if kind == "bundle" else proof_file(evidence, with_record=True)
    answer = send(client, data)
    assert answer.status_code == 200
    assert word_of(answer) == "有效"
    assert badges(answer) == ["good"] * 5
    assert "取自本站现行公布的状态清单" in answer.text
    assert world.records["valid"].id_number not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_file_from_before_the_revocation_is_shown_revoked(
    world: Any, client: FlaskClient
) -> None:
    data = bundle_file(world.evidence("valid"))
    world.change_state("valid", State.REVOKED)
    world.write_log(status_time=NOW - timedelta(minutes=5))
    answer = send(client, data)
    assert word_of(answer) == "已撤销"
    assert "取自本站现行公布的状态清单" in answer.text


def test_a_leaf_the_public_log_does_not_hold_is_a_forked_log(
    world: Any, client: FlaskClient
) -> None:
    honest = list(world.leaves)
    place = world.entries["valid"].index
    record = change(world.records["valid"], number="Y000044999001263000077")
    world.records["valid"] = record
    world.issue("valid", record, 0)
    world.leaves[place] = world.leaves.pop()
    world.entries["valid"] = change(world.entries["valid"], index=place)
    world.write_log(status_time=NOW - timedelta(hours=1))
    shown_to_one = bundle_file(world.evidence("valid"))
    world.leaves = honest
    world.write_log(status_time=NOW - timedelta(hours=1))
    answer = send(client, shown_to_one)
    assert word_of(answer) == "无效"
    assert badges(answer)[2] == "bad"


def test_a_site_put_back_does_not_hide_what_the_file_proves(
    world: Any, client: FlaskClient, tmp_path: Path
) -> None:
    shutil.copytree(world.public, tmp_path / "before")
    world.change_state("suspended", State.VALID)
    world.change_state("valid", State.REVOKED)
    world.write_log(status_time=NOW - timedelta(minutes=5))
    data = bundle_file(world.evidence("valid"))
    shutil.rmtree(world.public)
    shutil.copytree(tmp_path / "before", world.public)
    assert word_of(send(client, data)) == "已撤销"


def test_a_file_from_before_the_correction_points_on(world: Any, client: FlaskClient) -> None:
    answer = send(client, bundle_file(world.evidence("old")))
    assert word_of(answer) == "已更正"
    assert f'href="/v/{world.token("new")}"' in answer.text


def test_without_the_log_no_file_is_green_by_its_own_word(world: Any, client: FlaskClient) -> None:
    # Its certificate may have been revoked in just those leaves that the site cannot see.
    data = bundle_file(world.evidence("valid"))
    (world.public / "status" / "latest.json").unlink()
    assert word_of(send(client, data)) == "暂无法确认"
    gone = bundle_file(world.evidence("revoked"))
    assert word_of(send(client, gone)) == "已撤销"


def test_an_old_file_is_good_by_the_present_status(world: Any, client: FlaskClient) -> None:
    world.write_log(status_time=NOW - timedelta(days=30))
    data = bundle_file(world.evidence("valid"))
    assert word_of(send(client, data)) == "暂无法确认"
    world.write_log(status_time=NOW - timedelta(hours=1))
    assert word_of(send(client, data)) == "有效"


def test_what_a_file_lacks_comes_from_the_register(world: Any, client: FlaskClient) -> None:
    evidence = replace(world.evidence("valid"), proof=None, staple=None, opening=None, entry=None)
    answer = send(client, bundle_file(evidence))
    assert word_of(answer) == "有效"


def test_an_unregistered_record_is_unsure(world: Any, client: FlaskClient) -> None:
    evidence = replace(world.evidence("valid"), proof=None, staple=None, opening=None, entry=None)
    world.entries.pop("valid")
    world.write_mirror()
    assert word_of(send(client, bundle_file(evidence))) == "暂无法确认"


def forged(evidence: Evidence, how: str) -> Evidence:
    envelope, staple = evidence.envelope, evidence.staple
    match how:
        case "name":
            payload = envelope.payload.replace("欧阳".encode(), "上官".encode())
            return replace(evidence, envelope=change(envelope, payload=payload))
        case "signature":
            return replace(evidence, envelope=change(envelope, signature=bytes(64)))
        case "opening":
            return replace(evidence, opening=bytes(32))
        case "path":
            path = (bytes(32), *evidence.proof.path[1:])
            return replace(evidence, proof=replace(evidence.proof, path=path))
        case "page":
            return replace(evidence, staple=change(staple, page=bytes([1]) + staple.page[1:]))
        case _:
            return replace(evidence, staple=change(staple, index=1))


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ("name", "已被篡改"),
        ("signature", "已被篡改"),
        ("opening", "已被篡改"),
        ("page", "已被篡改"),
        ("index", "已被篡改"),
        # Of a false path nobody can tell whether the file or the log it came from is to blame.
        ("path", "无效"),
    ],
)
def test_a_forged_file_is_refused_and_the_failed_check_named(
    world: Any, client: FlaskClient, how: str, word: str
) -> None:
    answer = send(client, bundle_file(forged(world.evidence("valid"), how)))
    assert word_of(answer) == word
    assert 'class="verdict bad"' in answer.text
    assert badges(answer).count("bad") >= 1
    assert 'class="facts"' not in answer.text
    assert "上官" not in answer.text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "请选择一个文件"),
        (b"hello", "无法识别该文件"),
        (b"{}", "文件已损坏"),
        (b"c2sp.org/tlog-proof@v1\nindex x\n\nnote", "文件已损坏"),
        (b"%PDF-1.7 nothing", "PDF 无法读取"),
        (b"\x89PNG\r\n\x1a\nnothing", "没有可识别的二维码"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_fault_of_the_form(
    client: FlaskClient, data: bytes, said: str
) -> None:
    answer = send(client, data)
    assert answer.status_code == 422
    assert said in answer.text
    assert 'role="alert"' in answer.text


def test_no_file_field_at_all(client: FlaskClient) -> None:
    assert "请选择一个文件" in client.post("/verify").text


def test_a_file_over_the_limit_is_refused(client: FlaskClient) -> None:
    answer = send(client, bytes(16 * 1024 * 1024 + 70_000))
    assert answer.status_code == 413
    assert "16 MB" in answer.text


def test_an_upload_never_touches_the_disk(
    world: Any, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    def refuse(*args: object, **kwargs: object) -> None:
        pytest.fail("a temporary file was made")

    for name in ("TemporaryFile", "SpooledTemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", refuse)
    assert send(client, b"x" * 2_000_000).status_code == 422


def picture(*texts: str) -> bytes:
    sheets = []
    for text in texts:
        matrix = write_qr(text)
        inner = Image.frombytes(
            "L", (matrix.size, matrix.size), matrix.modules.translate(bytes([255]) + bytes(255))
        )
        sheet = Image.new("L", (matrix.size + 8, matrix.size + 8), 255)
        sheet.paste(inner, (4, 4))
        sheets.append(sheet.resize((sheet.width * 4, sheet.height * 4), Image.Resampling.NEAREST))
    whole = Image.new("L", (sum(s.width for s in sheets), max(s.height for s in sheets)), 255)
    for at, sheet in enumerate(sheets):
        whole.paste(sheet, (at * sheets[0].width, 0))
    output = io.BytesIO()
    whole.save(output, "PNG")
    return output.getvalue()


def symbol(world: Any, name: str, *, token: str = "", base: str = "http://127.0.0.1:8155") -> str:
    payload = qr_payload(world.records[name], world.issuer)
    return qr_url(base, token or world.token(name), to_digits(payload))


def test_a_picture_of_the_code_is_looked_up_and_compared(world: Any, client: FlaskClient) -> None:
    answer = send(client, picture(symbol(world, "valid")))
    assert word_of(answer) == "有效"
    assert "与登记信息一致" in answer.text


def test_a_genuine_token_beside_other_facts_is_a_forgery(world: Any, client: FlaskClient) -> None:
    answer = send(client, picture(symbol(world, "second", token=world.token("valid"))))
    assert word_of(answer) == "无效"
    assert "疑为拼接伪造" in answer.text
    assert "登记信息 <span" not in answer.text


def test_a_code_signed_by_nobody_known_is_invalid(world: Any, client: FlaskClient) -> None:
    world.issuer, genuine = world.stranger, world.issuer
    payload = bytearray(qr_payload(world.records["valid"], genuine))
    payload[-1] ^= 1
    text = qr_url("http://127.0.0.1:8155", world.token("valid"), to_digits(bytes(payload)))
    assert word_of(send(client, picture(text))) == "无效"


def test_a_code_for_another_site_is_not_vouched_for(world: Any, client: FlaskClient) -> None:
    text = symbol(world, "valid", base="http://zs.example.cn")
    answer = send(client, picture(text))
    assert word_of(answer) == "网址不符"
    assert 'class="verdict bad"' in answer.text
    assert "登记信息 <span" not in answer.text


def test_an_unregistered_code_is_unsure(world: Any, client: FlaskClient) -> None:
    answer = send(client, picture(symbol(world, "valid", token="z" * 16)))
    assert word_of(answer) == "暂无法确认"
    assert "没有与该二维码对应的登记" in answer.text


def test_other_codes_and_several_at_once_are_refused(world: Any, client: FlaskClient) -> None:
    assert "不是职业技能等级证书" in send(client, picture("https://example.cn/")).text
    both = picture(symbol(world, "valid"), symbol(world, "second"))
    assert "多份证书" in send(client, both).text


def test_a_sealed_pdf_has_two_more_checks(world: Any, client: FlaskClient, seals_of: Any) -> None:
    seals = seals_of()
    world.write_trust(seal_root=seals.root)
    answer = send(client, seals.seal(seals_of.attachments(world.evidence("valid"))), "证书.pdf")
    assert word_of(answer) == "有效"
    assert badges(answer) == ["good"] * 7
    assert "电子签章" in answer.text


def test_pdfs_that_were_tampered_with(world: Any, client: FlaskClient, seals_of: Any) -> None:
    seals = seals_of()
    world.write_trust(seal_root=seals.root)
    good = seals_of.attachments(world.evidence("valid"))
    appended = seals.seal(good) + b"\n%more"
    answer = send(client, appended)
    assert word_of(answer) == "非原始文件"
    assert badges(answer) == ["good"] * 5 + ["bad", "unsure"]
    assert 'class="facts"' not in answer.text

    answer = send(client, seals.seal(good | {RECORD_NAME: b"{}"}))
    assert word_of(answer) == "已被篡改"
    assert badges(answer)[0] == "bad"

    answer = send(client, seals_of().seal(good))
    assert word_of(answer) == "无效"

    answer = send(client, seals.seal({}))
    assert answer.status_code == 422
    assert "没有签名记录" in answer.text


def test_another_companys_seal_is_a_forgery(world: Any, client: FlaskClient, seals_of: Any) -> None:
    seals = seals_of(uscc="91440300MA00000099")
    world.write_trust(seal_root=seals.root)
    answer = send(client, seals.seal(seals_of.attachments(world.evidence("valid"))))
    assert word_of(answer) == "无效"
    assert "另一机构" in answer.text
