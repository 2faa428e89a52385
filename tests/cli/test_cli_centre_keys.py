"""`certreg centre key` beside a running server, and a city that takes the cards by itself."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from keys import sealed
from keys.model import Purpose
from registry.centre.home import CentreHome
from signing.envelope import to_json
from signing.tlog.entry import parse_time
from signing.upload.centre_card import Centre as Card
from signing.upload.centre_card import parse_centre
from signing.upload.receipt import open_receipt, sign_receipt

PREFIX, OTHER = "Y000044999001", "Y000044999002"


@pytest.fixture(scope="module", autouse=True)
def _one_stretch_a_passphrase() -> Iterator[None]:
    # Opening a ring is most of a short command, and there are many of them here.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sealed, "stretch", cache(sealed.stretch))
        yield


@dataclass
class Province:
    """A city and its centre with a server; mutable: the server is started and ended."""

    desk: Any
    home: Path
    port: int
    process: Any = field(default=None)

    def __call__(self, *arguments: str) -> Any:
        return self.desk("centre", *arguments, "--home", str(self.home))

    def start(self) -> None:
        where = ("--home", str(self.home), "--port", str(self.port))
        self.process = self.desk.process("centre", "serve", *where)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except ConnectionRefusedError:
                assert self.process.poll() is None, self.process.communicate()
                time.sleep(0.05)
            else:
                return

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.communicate(timeout=30)

    def card(self) -> Card:
        return parse_centre((self.home / "public" / "centre.json").read_bytes())

    def held(self) -> Card:
        """Give the card that the city trusts."""
        return parse_centre((self.desk.home / "centre.json").read_bytes())

    def keys(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self("key", "list", "--json").facts["keys"]
        return found

    def frozen(self, prefix: str) -> str:
        upload: str = self.desk("upload", "prepare", prefix, "--json").facts["upload"]
        assert self.desk("upload", "freeze", upload).status == 0
        return upload

    def actions(self) -> list[str]:
        with closing(sqlite3.connect(self.desk.home / "registry.db")) as database:
            rows = database.execute("SELECT action FROM audit_lines").fetchall()
        return [row[0] for row in rows]


@pytest.fixture
def province(stock: Any, tmp_path: Path) -> Iterator[Province]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    one = Province(desk=stock, home=tmp_path / "centre", port=port)
    named = ("--name", "示例省职业技能鉴定指导中心", "--province", "44")
    made = one("init", *named, "--url", f"http://127.0.0.1:{port}")
    assert made.status == 0, made
    assert one("city", "add", "shizhou", str(stock.trust), "--title", "示州市").status == 0
    card = str(one.home / "public" / "centre.json")
    assert stock("upload", "centre", card, "--json").facts["card"] == 1
    yield one
    one.end()


def test_keys_change_beside_the_server_and_the_city_follows(province: Province) -> None:
    stock = province.desk
    first_card = stock.folder / "old.json"
    first_card.write_bytes((province.home / "public" / "centre.json").read_bytes())
    (old,) = province.keys()
    assert (old["state"], old["ended"]) == ("active", "")
    province.start()
    one = province.frozen(PREFIX)
    assert stock("upload", "send").status == 0
    rotated = province("key", "rotate", "--json")
    assert [key["state"] for key in rotated.facts["keys"]] == ["retired", "active"]
    stock.issued(stock.rows(3, offset=100, level="四级/中级工"), OTHER)
    assert stock("anchor").status == 0
    two = province.frozen(OTHER)
    # The server signs by the new key at once, and the city has taken the card before.
    sent = stock("upload", "send", "--json")
    assert (sent.status, sent.facts["receipts"]) == (0, 0)
    assert province.held() == province.card()
    for upload in (one, two):
        assert stock("upload", "show", upload, "--json").facts["state"] == "acknowledged"
    revoked = province("key", "revoke", old["key"], "--json")
    assert [key["state"] for key in revoked.facts["keys"]] == ["revoked", "active"]
    assert "certreg upload centre" not in revoked.facts["next"]
    assert province("key", "revoke", old["key"], "--json").facts["next"] == revoked.facts["next"]
    assert stock("upload", "send").status == 0
    assert province.held().keys[0].revoked_at is not None
    # The centre's books and the city's agree still: what the old key signed was signed anew.
    assert province("check").status == 0
    folder = stock.folder / "receipts"
    folder.mkdir()
    with closing(sqlite3.connect(stock.home / "registry.db")) as database:
        for digest, data in database.execute("SELECT digest, envelope FROM upload_receipts"):
            (folder / f"{digest}.json").write_bytes(data)
    assert stock("reconcile", str(folder), "--json").facts["result"].endswith("equal")
    line = stock("upload", "centre", str(first_card)).line
    assert "[refused]" in line
    assert "早于现用版本，未予采用" in line
    assert "centre.json" in line
    assert province.held().number == 3
    assert province.actions().count("upload-centre") == 3


def test_the_signing_key_is_revoked_and_the_card_comes_by_hand(province: Province) -> None:
    stock = province.desk
    (old,) = province.keys()
    before = province.held()
    assert "[centre-key]" in province("key", "revoke", "0" * 16).line
    said = province("key", "revoke", old["key"], "--json").facts
    assert [key["state"] for key in said["keys"]] == ["revoked", "active"]
    assert "certreg upload centre" in said["next"]
    # Run again, after a crash or by another person, it still says what is to be done.
    again = province("key", "revoke", old["key"], "--json").facts
    assert (again["next"], again["card"]) == (said["next"], said["card"])
    province.start()
    upload = province.frozen(PREFIX)
    ran = stock.process("upload", "send", "--json")
    out, _ = ran.communicate(timeout=60)
    assert ran.returncode == 2
    assert any("电话核实" in step for step in json.loads(out)["next"])
    assert province.held() == before
    assert stock("upload", "show", upload, "--json").facts["state"] != "dead"
    taken = stock("upload", "centre", str(province.home / "public" / "centre.json"), "--json").facts
    listed = province.keys()
    assert (taken["card"], taken["keys"]) == (2, [f"{k['key']} {k['state']}" for k in listed])
    assert "电话核对" in taken["next"]
    assert stock("upload", "send").status == 0
    assert stock("upload", "show", upload, "--json").facts["state"] == "acknowledged"


def test_a_stolen_keys_receipt_is_found_and_set_aside(province: Province) -> None:
    stock, folder = province.desk, province.desk.folder
    (old,) = province.keys()
    upload = province.frozen(PREFIX)
    package, true, false = (folder / name for name in ("p.zip", "true.json", "false.json"))
    assert stock("upload", "package", upload, "-o", str(package)).status == 0
    assert province("receive", "shizhou", str(package), "-o", str(true)).status == 0
    thief = CentreHome(path=province.home, environ=os.environ).ring()
    receipt = open_receipt(true.read_bytes()).receipt
    no = (
        msgspec.structs.replace(row, accepted=False, reason="code-differs") for row in receipt.rows
    )
    lie = msgspec.structs.replace(
        receipt, rows=tuple(no), accepted=0, refused=receipt.accepted, batch="GD-66"
    )
    signer = thief.signer(Purpose.RECEIPT, "office", parse_time(receipt.received))
    false.write_bytes(to_json(sign_receipt(lie, signer)))
    assert stock("upload", "receipt", str(false), "--json").facts["state"] == "refused"
    aside = ("upload", "set-aside", upload, "-o")
    line = stock(*aside, str(folder / "evidence.json")).line
    assert "[upload-state]" in line
    assert province("key", "revoke", old["key"]).status == 0
    assert stock("upload", "centre", str(province.home / "public" / "centre.json")).status == 0
    province.start()
    ran = stock.process("upload", "send", "--json")
    out, _ = ran.communicate(timeout=60)
    assert ran.returncode == 2
    assert any("全部回执核对" in step for step in json.loads(out)["next"])
    assert not (folder / "evidence.json").exists()
    assert "已存在" in stock(*aside, str(false)).line
    assert stock(*aside, str(folder / "evidence.json"), "--json").facts["state"] == "sent"
    assert (folder / "evidence.json").read_bytes() == false.read_bytes()
    assert stock("upload", "send").status == 0
    assert stock("upload", "show", upload, "--json").facts["state"] == "acknowledged"
    assert province("check").status == 0


def test_a_new_name_makes_a_new_card(province: Province) -> None:
    settings = province.home / "centre.toml"
    text = settings.read_text(encoding="utf-8").replace("鉴定指导", "评价服务")
    settings.write_text(text, encoding="utf-8")
    assert province("check").status == 0
    card = province.card()
    assert (card.number, card.name) == (2, "示例省职业技能评价服务中心")
    assert card.keys == province.held().keys
    assert province("check").status == 0
    assert province.card() == card


def test_a_home_of_an_older_program_gets_its_tables_and_a_card(province: Province) -> None:
    with closing(sqlite3.connect(province.home / "centre.db")) as database:
        for table in ("cards", "heads", "parted"):
            database.execute(f"DROP TABLE {table}")
        database.execute("PRAGMA user_version = 1")
        database.commit()
    (province.home / "public" / "centre.json").unlink()
    assert province("check").status == 0
    assert province.card() == province.held()
    with closing(sqlite3.connect(province.home / "centre.db")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (3,)
        names = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    assert {"cards", "heads", "parted", "cities"} <= names
