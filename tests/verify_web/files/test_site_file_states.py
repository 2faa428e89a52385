"""Files that were saved anew, tampered with, signed by others, scanned, or sent too often."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pikepdf
import pypdfium2
import pytest
from PIL import Image

from keys.trust import load_trust
from signing.bundle import bundle_file
from signing.pdf import check
from signing.pdf_verify import seal_step
from signing.qr import qr_payload, qr_url, to_digits
from signing.qr_image import write_qr
from signing.report import Answer, Reason
from verify_web import allowance
from verify_web.lookup import Mirror

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
RECIPIENT = "深圳市示例电力设备有限公司"
change = msgspec.structs.replace


def resaved(pdf: bytes, *, unsealed: bool = False) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as document:
        if unsealed:
            del document.Root.AcroForm
            del document.Root.Perms
            del document.pages[0].Annots
        document.save(out)
    return out.getvalue()


@pytest.mark.parametrize("how", ["saved", "unsealed", "appended", "updated"])
def test_a_file_saved_anew_is_no_original(desk: Any, send: Callable[..., Any], how: str) -> None:
    pdf = desk.pdf()
    match how:
        case "saved":
            data = resaved(pdf)
        case "unsealed":
            data = resaved(pdf, unsealed=True)
        case "appended":
            data = pdf + b"\n%more\n"
        case _:
            start = int(pdf.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
            more = b"99 0 obj\n<<>>\nendobj\n"
            table = b"xref\n99 1\n%010d 00000 n \n" % len(pdf)
            trailer = b"trailer\n<</Size 100/Root 1 0 R/Prev %d>>\n" % start
            data = pdf + more + table + trailer
            data += b"startxref\n%d\n%%%%EOF\n" % (len(pdf) + len(more))
    answer = send(data)
    assert (answer.word, answer.tone) == ("非原始文件", "warn")
    assert answer.badges[:5] == ["good"] * 5
    assert answer.badges[5] != "good"
    assert "状态截至" not in answer.text
    assert "原始文件" in answer.text


def test_one_changed_bit_is_tampering(desk: Any, send: Callable[..., Any]) -> None:
    pdf = desk.pdf()
    place = pdf.index(b"/MediaBox") + 14
    changed = pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :]
    answer = send(changed)
    assert (answer.word, answer.tone) == ("已被篡改", "bad")
    assert 'class="facts"' not in answer.text
    assert "向市职业技能鉴定指导办公室" in answer.text


def test_a_check_that_did_not_end_is_a_doubt(
    desk: Any, send: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(*args: object, **kwargs: object) -> None:
        raise MemoryError

    monkeypatch.setattr(check, "async_validate_pdf_signature", burst)
    found = check.check_seal(desk.pdf(), desk.seals.root, NOW)
    assert found.reason == "unchecked"
    trust = load_trust(desk.world.public / "trust")
    step = seal_step(desk.pdf(), trust, "Y000044999001", now=NOW)
    assert (step.answer, step.reason) == (Answer.CANNOT_SAY, Reason.SEAL_UNCHECKED)


def test_the_seals_time_is_told_as_such(desk: Any, send: Callable[..., Any]) -> None:
    text = send(desk.pdf()).text
    seal = text[text.index('data-step="seal"') : text.index('data-step="copy"')]
    assert "签章所载时间" in seal
    assert "截至" not in seal


def test_a_whole_signature_of_somebody_else_is_not_ours(
    desk: Any, send: Callable[..., Any], seals_of: Any
) -> None:
    answer = send(seals_of().seal({}))
    assert (answer.word, answer.tone) == ("非本站签发", "warn")
    assert "zscx.osta.org.cn" in answer.text
    # Under our own root, and still no certificate.
    assert send(desk.seals.seal({})).status == 422


def test_a_bundle_of_another_registry_is_not_ours(world: Any, send: Callable[..., Any]) -> None:
    data = bundle_file(world.evidence("valid"))
    world.issuer = world.stranger
    world.office = world.stranger
    record = change(
        world.records["valid"],
        prefix="Y000044999009",
        number="Y000044999009263000001",
    )
    world.records, world.states, world.leaves = {"valid": record}, {}, []
    world.entries.clear()
    world.issue("valid", record, 0)
    elsewhere = world.public.parent / "elsewhere"
    here, world.public = world.public, elsewhere
    elsewhere.mkdir()
    world.write_log(status_time=NOW - timedelta(hours=1))
    theirs = bundle_file(world.evidence("valid"))
    world.public = here
    assert send(data).word == "有效"
    answer = send(theirs)
    assert (answer.word, answer.tone) == ("非本站签发", "warn")


def page_with_code(text: str) -> bytes:
    matrix = write_qr(text)
    symbol = Image.frombytes(
        "L", (matrix.size, matrix.size), matrix.modules.translate(bytes([255]) + bytes(255))
    )
    sheet = Image.new("L", (1200, 1700), 255)
    sheet.paste(symbol.resize((matrix.size * 5,) * 2, Image.Resampling.NEAREST), (60, 60))
    out = io.BytesIO()
    sheet.save(out, "PDF", resolution=150)
    return out.getvalue()


def test_a_scan_is_looked_up_by_its_code_and_is_no_original(
    world: Any, send: Callable[..., Any]
) -> None:
    payload = qr_payload(world.records["valid"], world.issuer)
    code = qr_url("http://127.0.0.1:8155", world.token("valid"), to_digits(payload))
    answer = send(page_with_code(code))
    assert (answer.word, answer.tone) == ("非原始文件", "warn")
    assert answer.badges == ["good"] * 5
    assert "欧阳示例" in answer.text
    assert "首页上二维码" in answer.text
    forged = qr_url("http://127.0.0.1:8155", world.token("second"), to_digits(payload))
    assert send(page_with_code(forged)).tone == "bad"
    assert send(page_with_code("http://198.51.100.1/")).status == 422


def test_a_drawn_page_has_the_size_that_was_meant() -> None:
    document = pypdfium2.PdfDocument(page_with_code("x"))
    try:
        width, height = document[0].get_size()
        assert (round(width), round(height)) == (576, 816)
    finally:
        document.close()


def test_files_for_the_worker_are_counted(
    desk: Any, send: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = allowance.Rate(name="few", burst=2, every=60)
    monkeypatch.setattr(allowance, "UPLOADS", few)
    known, unknown = desk.pdf(), desk.pdf("second")
    desk.publish(known)
    assert [send(unknown).status for _ in range(2)] == [200, 200]
    refused = send(unknown)
    assert refused.status == 429
    assert "提交文件过于频繁" in refused.text
    assert send(known).status == 200
    bundle = bundle_file(desk.world.evidence("valid"))
    assert send(bundle).status == 200


def test_a_guess_that_nobody_signed_is_not_looked_up(
    world: Any, send: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the time of the answer would tell, uncounted, which number goes with which name."""
    asked: list[object] = []
    genuine = Mirror.by_facts
    monkeypatch.setattr(
        Mirror, "by_facts", lambda self, facts: asked.append(facts) or genuine(self, facts)
    )
    evidence = world.evidence("valid")
    for envelope in (
        change(evidence.envelope, signature=bytes(64)),
        change(evidence.envelope, key_id="0" * 16),
    ):
        send(bundle_file(replace(evidence, envelope=envelope)))
    assert asked == []
    send(bundle_file(evidence))
    assert len(asked) == 1


def test_a_name_that_is_too_long_is_a_fault_of_the_form(send: Callable[..., Any]) -> None:
    answer = send(b"x", "甲" * 61)
    assert answer.status == 422
    assert 'href="#recipient"' in answer.text
    assert "甲甲" not in answer.text
