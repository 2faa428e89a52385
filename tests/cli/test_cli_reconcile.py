"""``certreg reconcile`` over a real registry, real packages and receipts signed by a centre."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import openpyxl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys import sealed
from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from keys.trust import TrustedKey
from registry.cli import reconcile
from registry.cli.base import CLOCK
from registry.cli.services import Services
from registry.cli.upload_kit import make_kit
from registry.upload.kit import Kit
from signing.envelope import to_json
from signing.tlog.entry import format_time
from signing.upload.centre_card import CENTRE_FILE, Centre, sign_card
from signing.upload.manifest import open_manifest
from signing.upload.package import MANIFEST_NAME, open_package
from signing.upload.receipt import Receipt, ReceiptRow, sign_receipt
from signing.upload.rows import read_rows

PREFIX = "Y000044999001"
REFUSED = 3


@pytest.fixture(scope="module", autouse=True)
def _one_stretch_a_passphrase() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sealed, "stretch", cache(sealed.stretch))
        yield


def centre_key(name: bytes) -> PrivateKeySigner:
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name).digest())
    public, now = public_bytes(private), CLOCK.now()
    info = KeyInfo(
        key_id=key_id_of(Algorithm.ED25519, public),
        algorithm=Algorithm.ED25519,
        purpose=Purpose.RECEIPT,
        issuer="office",
        not_before=(now - timedelta(days=1)).replace(microsecond=0),
        not_after=(now + timedelta(days=400)).replace(microsecond=0),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A city whose 25 rows went out as one upload and were answered, the third refused."""

    desk: Any
    folder: Path
    receipt: bytes
    package: Path

    def __call__(self, *more: str) -> Any:
        return self.desk("reconcile", str(self.folder), "--json", *more)

    def database(self, statement: str) -> None:
        with closing(sqlite3.connect(self.desk.home / "registry.db")) as database:
            database.execute(statement)
            database.commit()


def answer(
    package: Path, signer: PrivateKeySigner, change: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    with open_package(package) as opened:
        signed = open_manifest(opened.read(MANIFEST_NAME))
        with opened.open("rows.jsonl") as file:
            rows = tuple(
                ReceiptRow(
                    accepted=row.row != REFUSED,
                    edition=row.edition,
                    kind=row.kind,
                    number=row.number,
                    reason="code-unknown" if row.row == REFUSED else "",
                    row=row.row,
                )
                for row in read_rows(file)
            )
    manifest = signed.manifest
    values: dict[str, Any] = {
        "batch": manifest.batch,
        "centre": "省职业技能服务指导中心",
        "city": manifest.city,
        "manifest": signed.digest,
        "previous": "",
        "received": format_time(CLOCK.now()),
        "rows": rows,
        "snapshot": manifest.snapshot,
        "upload": manifest.upload,
    }
    values |= change
    accepted = sum(row.accepted for row in values["rows"])
    receipt = Receipt(accepted=accepted, refused=len(values["rows"]) - accepted, **values)
    return to_json(sign_receipt(receipt, signer))


@pytest.fixture
def reported(stock: Any) -> Reported:
    assert stock("anchor").status == 0
    assert stock("upload", "prepare", PREFIX).status == 0
    assert stock("upload", "freeze", "U00000001", "--batch", "GD-1").status == 0
    package = stock.folder / "U00000001.zip"
    assert stock("upload", "package", "U00000001", "-o", str(package)).status == 0
    signer = centre_key(b"centre")
    key = TrustedKey(
        key_id=signer.info.key_id,
        algorithm=signer.info.algorithm,
        purpose=signer.info.purpose,
        public_key=signer.info.public_key,
        not_before=signer.info.not_before,
        not_after=signer.info.not_after,
        state=signer.info.state,
    )
    card = Centre(name="省职业技能服务指导中心", url="", keys=(key,), number=1)
    known = stock.folder / "centre.json"
    known.write_bytes(sign_card(card, signer))
    assert stock("upload", "centre", str(known)).status == 0
    receipt = answer(package, signer)
    folder: Path = stock.folder / "receipts"
    folder.mkdir()
    file = folder / "U00000001.json"
    file.write_bytes(receipt)
    assert stock("upload", "sent", "U00000001").status == 0
    assert stock("upload", "receipt", str(file)).status == 0
    return Reported(desk=stock, folder=folder, receipt=receipt, package=package)


def test_what_agrees_ends_with_0(reported: Reported) -> None:
    ran = reported()
    assert ran.status == 0, ran
    assert (ran.facts["uploads"], ran.facts["rows"], ran.facts["receipts"]) == (1, 25, 1)
    assert {ran.facts[kind] for kind in ("missing", "extra", "different", "late")} == {0}
    # The package is made anew from the database where its file is lost, and compared all the same.
    (kept,) = (reported.desk.home / "uploads").glob("*.sealed")
    kept.unlink()
    assert reported().status == 0


def test_a_refused_row_that_is_reported_again_is_no_difference(reported: Reported) -> None:
    assert reported.desk("upload", "row", "U00000001", "3", "--again").status == 0
    ran = reported()
    assert ran.status == 0, ran
    assert reported.desk("upload", "prepare", PREFIX).status == 0
    ran = reported()
    assert (ran.status, ran.facts["uploads"]) == (0, 2), ran


def test_what_differs_ends_with_1_and_stands_in_the_workbook(reported: Reported) -> None:
    reported.database("UPDATE upload_rows SET state = 'accepted', reason = '' WHERE row = 3")
    reported.database("DELETE FROM upload_rows WHERE row = 7")
    reported.database("UPDATE uploads SET snapshot = 'x'")
    out = reported.desk.folder / "differences.xlsx"
    ran = reported("-o", str(out))
    assert (ran.status, ran.facts["missing"], ran.facts["extra"]) == (1, 1, 1), ran
    book = openpyxl.load_workbook(out)
    numbers = [row.number for row in reported.desk.certificates()]
    (owed,) = list(book["缺失"].iter_rows(min_row=2, values_only=True))
    assert (owed[2], owed[5]) == (numbers[6], "证书没有上报行")
    (extra,) = list(book["多出"].iter_rows(min_row=2, values_only=True))
    assert extra[:3] == ("U00000001", "7", numbers[6])
    different = [row[5] for row in book["不一致"].iter_rows(min_row=2, values_only=True)]
    assert different == [
        "上报数据的摘要与定稿时不同",
        "回执所答复的数据不是本批的数据",
        "本系统记录的答复与回执不同",
    ]


def test_a_record_that_was_sent_otherwise_is_found(reported: Reported) -> None:
    """A certificate's sealed text is put in another's place: neither opens any more."""
    reported.database(
        "UPDATE certificates SET sealed = (SELECT sealed FROM certificates WHERE status_index = 1)"
        " WHERE status_index = 0"
    )
    ran = reported()
    assert (ran.status, ran.facts["cannot-say"]) == (2, 1), ran


def test_a_damaged_package_is_made_again_and_one_that_cannot_be_ends_with_2(
    reported: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept,) = (reported.desk.home / "uploads").glob("*.sealed")
    kept.write_bytes(kept.read_bytes()[:-1])
    assert reported().status == 0

    def renamed(services: Services) -> Kit:
        """Draw the sheet for an office of another name: the same bytes cannot come again."""
        return replace(make_kit(services), office="示例市另一办公室")

    monkeypatch.setattr(reconcile, "make_kit", renamed)
    kept.unlink()
    ran = reported()
    assert (ran.status, ran.facts["cannot-say"]) == (2, 1), ran
    assert "-o FILE.xlsx" in ran.line


def test_without_the_centres_card_nothing_is_taken_for_a_receipt(reported: Reported) -> None:
    (reported.desk.home / CENTRE_FILE).unlink()
    ran = reported()
    # Twice: the file's and the imported one. What the registry says of answers rests on nothing.
    assert (ran.status, ran.facts["receipts"], ran.facts["cannot-say"]) == (1, 0, 2), ran


def test_what_is_no_receipt_and_what_another_signed_are_told(reported: Reported) -> None:
    (reported.folder / "page.json").write_bytes(b"<html>200 OK</html>")
    ran = reported()
    assert (ran.status, ran.facts["cannot-say"]) == (2, 1), ran
    stranger = answer(reported.package, centre_key(b"stranger"))
    (reported.folder / "page.json").write_bytes(stranger)
    assert reported().facts["cannot-say"] == 1
    forged = reported.receipt.replace(b'"sig":"', b'"sig":"AAAA')[: len(reported.receipt) + 4]
    (reported.folder / "page.json").write_bytes(forged)
    ran = reported()
    assert ran.status in {1, 2}
    assert ran.facts["receipts"] == 1


def test_receipts_of_other_uploads_cities_and_chains_are_told(reported: Reported) -> None:
    cases: tuple[tuple[dict[str, str], dict[str, int]], ...] = (
        ({"upload": "U00000077"}, {"extra": 1, "different": 1}),
        ({"city": "other.example/log"}, {"missing": 1, "extra": 2, "different": 1}),
        ({"previous": "e" * 64}, {"missing": 2, "extra": 1}),
    )
    for change, expected in cases:
        other = answer(reported.package, centre_key(b"centre"), change)
        (reported.folder / "other.json").write_bytes(other)
        ran = reported()
        told = {
            kind: ran.facts[kind]
            for kind in ("missing", "extra", "different", "late", "cannot-say")
            if ran.facts[kind]
        }
        assert (ran.status, told) == (1, expected), change


def test_a_receipt_on_one_side_alone_is_missing_on_the_other(reported: Reported) -> None:
    (reported.folder / "U00000001.json").unlink()
    assert reported().facts["missing"] == 1
    (reported.folder / "U00000001.json").write_bytes(reported.receipt)
    reported.database("DELETE FROM upload_receipts")
    assert reported().facts["missing"] == 1


def test_what_is_owed_past_its_term_is_late(stock: Any) -> None:
    folder = stock.folder / "receipts"
    folder.mkdir()
    assert stock("reconcile", str(folder), "--json").status == 0
    with closing(sqlite3.connect(stock.home / "registry.db")) as database:
        database.execute("UPDATE event_groups SET at = '2026-01-05 00:00:00.000000'")
        database.commit()
    ran = stock("reconcile", str(folder), "--json")
    assert (ran.status, ran.facts["late"]) == (1, 25), ran
