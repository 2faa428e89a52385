"""`certreg pdf`, `copy`, `layout` and `timestamps`, and what certverify says of the results."""

from __future__ import annotations

import json
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from registry.cli.base import CLOCK
from registry.documents.template import SHIPPED_FILE
from signing.annotation import ANNOTATION_NAME
from signing.pdf import read_pdf

PREFIX = "Y000044999001"
TODAY = CLOCK.now() + timedelta(hours=8)
UNTIL = f"{TODAY + timedelta(days=30):%Y-%m-%d}"
WISHES = ("--purpose", "办理入职手续", "--recipient", "深圳市另一示例（科技）有限公司")


@pytest.fixture
def number(stock: Any) -> str:
    return next(row.number for row in stock.certificates() if row.number.startswith(PREFIX))


def verdict(ran: Any) -> tuple[int, str, str]:
    report = json.loads(ran.out)
    return ran.status, report["verdict"], report["steps"][-1]["reason"]


def test_an_annotated_copy_is_made_and_told_apart(stock: Any, number: str, tmp_path: Path) -> None:
    original, copy = tmp_path / "one.pdf", tmp_path / "copy.pdf"
    assert stock("pdf", number, "-o", str(original)).status == 0
    made = stock("copy", number, "-o", str(copy), "--until", UNTIL, *WISHES)
    assert (made.status, UNTIL in made.out) == (0, True)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert ANNOTATION_NAME in read_pdf(copy.read_bytes()).attachments
    assert verdict(stock.verify(original, "--json")) == (0, "valid", "copy-original")
    assert verdict(stock.verify(copy, "--json")) == (0, "valid", "copy-annotated")
    named = ("--recipient", "深圳市另一示例(科技)有限公司")
    assert verdict(stock.verify(copy, "--json", *named)) == (0, "valid", "copy-named")
    other = stock.verify(copy, "--recipient", "甲公司")
    assert other.status == 1
    assert "副本非供本单位使用" in other.line
    told = stock.verify(copy).out
    for words in ("办理入职手续", "深圳市另一示例（科技）有限公司", UNTIL):
        assert words in told


def test_recipient_goes_with_a_pdf_alone(stock: Any, number: str, tmp_path: Path) -> None:
    proof = tmp_path / "one.tlog-proof"
    assert stock("prove", number, "-o", str(proof)).status == 0
    assert "--recipient" in stock.verify(proof, "--recipient", "甲公司").line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--until": f"{TODAY - timedelta(days=2):%Y-%m-%d}"}, "有效期至"),
        ({"--until": "2026/12/31"}, "until"),
        ({"--purpose": ""}, "用途"),
        ({"--recipient": "甲\u202e乙"}, "接收单位"),
        ({"--recipient": "甲\U0001f600"}, "接收单位"),
    ],
)
def test_what_a_copy_cannot_be_made_for_is_refused(
    stock: Any, number: str, tmp_path: Path, change: dict[str, str], words: str
) -> None:
    wishes = {**dict(zip(WISHES[::2], WISHES[1::2], strict=True)), "--until": UNTIL, **change}
    given = [part for pair in wishes.items() for part in pair]
    out = tmp_path / "copy.pdf"
    refused = stock("copy", number, "-o", str(out), *given)
    assert refused.status in {1, 2}
    assert words in refused.line
    assert not out.exists()


def test_the_same_certificate_gives_the_same_file(stock: Any, number: str, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.pdf", "b.pdf")]
    for file in files:
        assert stock("pdf", number, "-o", str(file)).status == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def _photo(ground: str) -> bytes:
    picture = Image.new("RGB", (295, 413), ground)
    ImageDraw.Draw(picture).ellipse((95, 90, 200, 250), fill="#333333")
    target = BytesIO()
    picture.save(target, "JPEG")
    return target.getvalue()


def test_a_photo_is_put_on_the_page(stock: Any, number: str, tmp_path: Path) -> None:
    photo, out = tmp_path / "photo.jpg", tmp_path / "one.pdf"
    photo.write_bytes(_photo("white"))
    assert stock("pdf", number, "-o", str(out), "--photo", str(photo)).status == 0
    assert verdict(stock.verify(out, "--json"))[:2] == (0, "valid")
    photo.write_bytes(_photo("blue"))
    refused = stock("pdf", number, "-o", str(tmp_path / "two.pdf"), "--photo", str(photo))
    assert "底色" in refused.line


def test_a_company_gets_a_look_of_its_own(stock: Any, number: str, tmp_path: Path) -> None:
    before = tmp_path / "before.pdf"
    assert stock("pdf", number, "-o", str(before)).status == 0
    assert "layout new" in stock("layout", "check", PREFIX).line
    made = stock("layout", "new", PREFIX)
    assert made.status == 0
    assert "there already" in stock("layout", "new", PREFIX).line
    file = stock.home / "templates" / f"{PREFIX}.typ"
    assert file.read_bytes() == SHIPPED_FILE.read_bytes()
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('red: rgb("#b3141b")', 'red: rgb("#14417a")'), encoding="utf-8")
    samples = tmp_path / "samples"
    samples.mkdir()
    checked = stock("layout", "check", PREFIX, "--samples", str(samples))
    assert checked.status == 0
    assert len(list(samples.glob("*.pdf"))) == len(checked.out.splitlines()) == 5
    after = tmp_path / "after.pdf"
    assert stock("pdf", number, "-o", str(after)).status == 0
    assert after.read_bytes() != before.read_bytes()
    assert verdict(stock.verify(after, "--json"))[:2] == (0, "valid")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('text: rgb("#1d1a17")', 'text: rgb("#fefefe")', "too pale"),
        ("#qr-code(..layout.qr)", "", "qr-code"),
        ("// Foot.", '#import "@preview/x:1.0.0"', "import"),
        ("#annotation-note(..layout.note, paint: ink.red)", "", "does not read back"),
    ],
)
def test_a_look_that_hides_something_is_found_before_it_spoils_one(
    stock: Any, old: str, new: str, words: str
) -> None:
    assert stock("layout", "new", "default").status == 0
    file = stock.home / "templates" / "default.typ"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    assert words in stock("layout", "check", "default").line


@pytest.mark.parametrize("name", ["Y1", "../x", "DEFAULT"])
def test_a_look_has_a_companys_name_or_everybodys(stock: Any, name: str) -> None:
    assert "default" in stock("layout", "new", name).line


def test_timestamps_are_off_until_they_are_set(stock: Any) -> None:
    ran = stock("timestamps")
    assert ran.status == 0
    assert "authority.toml" in ran.out


def test_an_authority_that_is_away_stops_the_pdf_or_is_told(
    stock: Any, number: str, tmp_path: Path
) -> None:
    folder = stock.home / "timestamps"
    folder.mkdir()
    settings = 'url = "http://127.0.0.1:9/tsa"\nlevel = "B-T"\nwithout = "{}"\n'
    (folder / "authority.toml").write_text(settings.format("refuse"))
    out = tmp_path / "one.pdf"
    assert "root" in stock("pdf", number, "-o", str(out)).line
    # any certificate will do for one that never answers
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from keys.trust import load_trust

    root = load_trust(stock.trust).seal_root
    assert root is not None
    pem = x509.load_der_x509_certificate(root).public_bytes(Encoding.PEM)
    (folder / "root.pem").write_bytes(pem)
    refused = stock("pdf", number, "-o", str(out))
    assert (refused.status, "时间戳" in refused.line, out.exists()) == (1, True, False)
    assert "时间戳" in stock("timestamps").line
    (folder / "authority.toml").write_text(settings.format("plain"))
    ran = stock.process("pdf", number, "-o", str(out))
    _, said = ran.communicate(timeout=60)
    assert (ran.returncode, out.exists()) == (0, True)
    assert "made without a timestamp" in said
    assert verdict(stock.verify(out, "--json"))[:2] == (0, "valid")
    assert stock("anchor").status == 0
    assert load_trust(stock.trust).stamp_roots == (root,)
