"""An imported certificate on the public site: found, checked in bulk, handed in, and revoked."""

from __future__ import annotations

import re
import secrets
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask.testing import FlaskClient

from registry.cli.demo_people import demo_people
from registry.sheets.layout_import import IMPORT
from signing.receipt_table import read_receipt_table
from signing.receiptkey import read_receipt_key
from verify_web.app import create_app
from verify_web.bulk.accounts import add_organisation
from verify_web.bulk.jobs import Asked, Purpose, accept, read_file
from verify_web.bulk.quota import Employer, Kind
from verify_web.bulk.rows import AskedRow
from verify_web.config import SiteConfig
from verify_web.work import make_bench, work_once

PREFIX = "Y000044999001"
NUMBERS = [f"{PREFIX}213000007", f"{PREFIX}213000120"]
TOLD = ("有效", "已撤销")
TAKEN_IN = "补录：本证书由评价机构此前颁发"


class Site:
    """The public site over a home with two imported certificates, the second of them revoked."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.people = demo_people(2, offset=200, issued=date(2021, 6, 30))
        assert desk("import", str(self._table()), "--prefix", PREFIX).status == 0
        assert desk("anchor").status == 0
        # Made while it was good: what the holder has of it stays as it is.
        self.files = {number: self._files(number) for number in NUMBERS}
        assert desk("revoke", NUMBERS[1], "--reason", "issued-in-error").status == 0
        assert desk("anchor").status == 0
        self.config = SiteConfig(
            public_dir=desk.home / "public",
            pepper=(desk.home / "site" / "pepper").read_bytes(),
            base_url="http://127.0.0.1:8000",
        )
        self.client: FlaskClient = create_app(self.config).test_client()

    def _table(self) -> Path:
        book = openpyxl.Workbook()
        book.worksheets[0].append([column.header for column in IMPORT.columns])
        for place, (person, number) in enumerate(zip(self.people, NUMBERS, strict=True), 1):
            cells = {
                "sequence": str(place),
                "name": person.name,
                "id_type": "居民身份证",
                "id_number": person.id_number,
                "number": number,
                "occupation": person.occupation,
                "occupation_code": person.occupation_code,
                "direction": person.direction,
                "level": "三级/高级工",
                "issued": "2021-06-30",
                "admission": "",
                "assessor": "",
            }
            book.worksheets[0].append([cells[column.key] for column in IMPORT.columns])
        file: Path = self.desk.file()
        book.save(file)
        return file

    def _files(self, number: str) -> dict[str, bytes]:
        made = {}
        for command, ending in (("pdf", "pdf"), ("prove", "tlog-proof")):
            file = self.desk.folder / f"{number}.{ending}"
            assert self.desk(command, number, "-o", str(file)).status == 0
            made[ending] = file.read_bytes()
        return made

    def handed_in(self, data: bytes) -> str:
        """Send a form as a browser does; give the page's state."""
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n'
        answer = self.client.post(
            "/verify",
            data=head + data + b"\r\n--x--\r\n",
            content_type="multipart/form-data; boundary=x",
        )
        assert answer.status_code == 200
        return answer.text


def state(text: str) -> str:
    found = re.search(r'<h1 id="state">([^<]+)</h1>', text)
    assert found is not None, text
    return found[1]


@pytest.fixture
def site(desk: Any) -> Site:
    return Site(desk)


def test_two_facts_find_each_with_its_state(site: Site) -> None:
    for person, number, told in zip(site.people, NUMBERS, TOLD, strict=True):
        for facts in (
            {"number": number, "name": person.name},
            {"number": number, "id-number": person.id_number},
            {"name": person.name, "id-number": person.id_number},
        ):
            text = site.client.post("/lookup", data=facts).text
            (first, *_steps) = re.findall(r'class="answer \w+">.*?</svg>(\S+?)</span>', text)
            assert (text.count('<h2 id="c'), first) == (1, told)
            assert person.id_number not in text
    text = site.client.post("/lookup", data={"number": NUMBERS[0], "name": "无此人"}).text
    assert "未找到" in text


def test_pdf_and_proof_handed_in_are_told_by_the_state_of_today(site: Site) -> None:
    for number, told in zip(NUMBERS, TOLD, strict=True):
        for ending, data in site.files[number].items():
            text = site.handed_in(data)
            assert (ending, state(text)) == (ending, told)
            assert TAKEN_IN in text


def test_the_pages_and_the_proofs_of_the_site(site: Site) -> None:
    for each, told in zip(site.desk.certificates(), TOLD, strict=True):
        page = site.client.get(f"/v/{each.token}").text
        assert (state(page), TAKEN_IN in page) == (told, True)
        proof = site.client.get(f"/v/{each.token}.tlog-proof").data
        file = site.desk.folder / "from-the-site.tlog-proof"
        file.write_bytes(proof)
        # Without the record nobody can say *valid*: the log has taken the leaf, that is all.
        ran = site.desk.verify(file)
        assert ran.status == 2, ran.out


def test_a_row_of_a_bulk_check(site: Site) -> None:
    key = read_receipt_key(site.desk.home / "site" / "receipt.key")
    bench = make_bench(site.config, key)
    employer, _key = add_organisation(bench.desk, "示例用人单位有限公司")
    asker = Employer(employer=employer, kind=Kind.KEY)
    first, second = site.people
    rows = [
        AskedRow(place=place, number=number, name=person.name, last_six=last_six)
        for place, (number, person, last_six) in enumerate(
            (
                (NUMBERS[0], first, ""),
                (NUMBERS[1], second, ""),
                (NUMBERS[0], first, first.id_number[-6:]),
                (NUMBERS[1], second, second.id_number[-6:]),
                (NUMBERS[0], second, ""),
            ),
            2,
        )
    ]
    asked = Asked(rows=rows, purpose=Purpose.STAFF, asker="示例", request=secrets.token_bytes(16))
    job = accept(bench.desk, asker, asked)
    assert work_once(bench, Nobody()) >= 1
    sheet = read_file(bench.desk, employer, job, receipt=False)
    words = [row.word for _, row in read_receipt_table(sheet).rows]
    assert words == ["有效", "已撤销", "有效", "已撤销", "未找到或不符"]


class Nobody:
    """A channel that sends nothing."""

    def send(self, message: object) -> None:
        raise AssertionError(message)
