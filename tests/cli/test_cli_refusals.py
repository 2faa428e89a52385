"""What an operator is told when something is not right: one line, a status, and what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from registry.cli.main import certreg
from signing.mirror import PEPPER_BYTES

COMMANDS = (
    *((name,) for name in sorted(certreg.commands)),
    ("issuer", "add"),
    ("log", "fsck"),
)
NOBODYS = "Y000044999001261999999"
COMPANY = ("--name", "甲公司", "--uscc", "91449999MA5DEM003B", "--prefix", "Y000044999003")


def refused(ran: Any, *words: str, status: int = 1) -> None:
    assert ran.status == status, ran
    for word in words:
        assert word in ran.line


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_says_what_the_command_is_for(empty: Any, command: tuple[str, ...]) -> None:
    ran = empty(*command, "--help")
    assert ran.status == 0
    assert ran.out.startswith(f"Usage: certreg {' '.join(command)} [OPTIONS]")
    summary = ran.out.split("\n\n")[1].strip()
    assert len(summary) > 25
    assert not empty.home.exists()


@pytest.mark.parametrize("words", [(), ("issuer",), ("log",)], ids=["certreg", "issuer", "log"])
def test_without_a_command_the_help_is_shown(empty: Any, words: tuple[str, ...]) -> None:
    ran = empty(*words)
    assert ran.status == 1
    assert "Commands:" in ran.out
    assert "name one of the commands" in ran.line


NEEDS_A_HOME: dict[str, tuple[str, ...]] = {
    "issuer": ("issuer", "add", *COMPANY),
    "check": ("check", "LIST", "--issuer", "Y000044999001"),
    "issue": ("issue", "LIST", "--issuer", "Y000044999001", "--approval", "x"),
    "import": ("import", "LIST", "--prefix", "Y000044999001"),
    "anchor": ("anchor",),
    "show": ("show", NOBODYS),
    "prove": ("prove", NOBODYS, "-o", "OUT"),
    "pdf": ("pdf", NOBODYS, "-o", "OUT"),
    "revoke": ("revoke", NOBODYS, "--reason", "fraud"),
    "correct": ("correct", NOBODYS, "--reason", "data-error", "--changes", "LIST"),
    "upload": ("upload-file", "batch", "-o", "OUT"),
    "fsck": ("log", "fsck"),
    "serve": ("serve",),
}


@pytest.fixture
def fill(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    (tmp_path / "list").write_text("{}")
    places = {"LIST": str(tmp_path / "list"), "OUT": str(tmp_path / "out.xlsx")}
    return lambda name: tuple(places.get(word, word) for word in NEEDS_A_HOME[name])


@pytest.mark.parametrize("name", NEEDS_A_HOME)
def test_an_unknown_home(empty: Any, fill: Any, name: str) -> None:
    refused(empty(*fill(name)), f"certreg init --home {empty.home}", "[home-not-ready]")
    assert not empty.home.exists()


@pytest.mark.parametrize(
    "name", ["revoke", "correct", "prove", "pdf", "show", "upload", "check", "issue", "import"]
)
def test_what_the_registry_does_not_hold(desk: Any, fill: Any, name: str) -> None:
    words = [word.replace("Y000044999001", "Y000044999009") for word in fill(name)]
    refused(desk(*words), "[not-found]")
    assert not (desk.folder / "out.xlsx").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nonsense",), "nonsense"),
        (("show",), "NUMBER"),
        (("show", "12"), "22"),
        (("show", "Y00004499900126100000O"), "22"),
        (("show", "Y000044999001261000000"), "000001"),
        (("show", "1234567890123456"), "16"),
        (("prove", "\udcff", "-o", "x"), "22"),
        (("upload-file", "\udcff", "-o", "x.csv"), "UTF-8"),
        (("revoke", NOBODYS), "--reason"),
        (("revoke", NOBODYS, "--reason", "data-error"), "fraud"),
        (("correct", NOBODYS, "--reason", "fraud", "--changes", "-"), "data-error"),
        (("anchor", "--jsn"), "--jsn"),
        (("serve", "--public-port", "0"), "1<=x<=65535"),
        (("template", "results", "-o", "/nowhere/x.xlsx"), "no folder /nowhere"),
        (("template", "results", "-o", "/"), "directory"),
        (("template", "people", "-o", "x.xlsx"), "results"),
        (("prove", NOBODYS, "-o", "/nowhere/x"), "no folder /nowhere"),
        (("pdf", NOBODYS, "-o", "/nowhere/x"), "no folder /nowhere"),
        (("upload-file", "b", "-o", "/nowhere/x.csv"), "no folder /nowhere"),
        (("check", "/nowhere/list.xlsx", "--issuer", "Y000044999001"), "does not exist"),
        (("check", "/dev", "--issuer", "Y000044999001"), "directory"),
    ],
)
def test_words_that_are_no_command(desk: Any, words: tuple[str, ...], told: str) -> None:
    refused(desk(*words), told)


def test_a_number_typed_in_another_way_is_the_same(stock: Any) -> None:
    number = stock.certificates()[0].number
    wide = "".join(chr(ord(char) + 0xFEE0) for char in number)
    spaced = f" {number[:13].lower()} {number[13:]}"
    assert stock("show", wide).out == stock("show", spaced).out == stock("show", number).out


# --- companies


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--uscc", "91449999MA5DEM003A", "social credit code"),
        ("--uscc", "9144", "social credit code"),
        ("--uscc", "91449999MA5DEM0015", "recorded already"),
        ("--prefix", "Y000044999001", "recorded already"),
        ("--prefix", "Y00004499900", "13 characters"),
        ("--prefix", "y0000449990030", "13 characters"),
        ("--prefix", "Y00004499９003", "13 characters"),
        ("--levels", "", "--levels"),
        ("--levels", "5,5", "--levels"),
        ("--levels", "5,6", "--levels"),
        ("--levels", "三", "--levels"),
        ("--name", "", "--name"),
        ("--name", " ", "--name"),
        ("--name", "甲\n乙", "--name"),
        ("--name", "甲\ue001", "--name"),
        ("--name", "\udcff", "--name"),
        ("--name", "长" * 61, "--name"),
    ],
    ids=range(17),
)
def test_a_company_whose_facts_are_wrong(desk: Any, option: str, value: str, told: str) -> None:
    words = list(COMPANY)
    if option in words:
        words[words.index(option) + 1] = value
    else:
        words += [option, value]
    keys = sorted(file.name for file in (desk.home / "keys").iterdir())
    refused(desk("issuer", "add", *words), told)
    assert sorted(file.name for file in (desk.home / "keys").iterdir()) == keys


@pytest.mark.parametrize("reference", ["", "  ", "一\n二", "长" * 81, "\udcff"], ids=range(5))
def test_an_approval_that_could_not_stand_in_the_log(desk: Any, reference: str) -> None:
    # It goes into a public leaf: one that nobody can parse would spoil the log for ever.
    file = desk.sheet(desk.rows(2))
    ran = desk("issue", str(file), "--issuer", desk.prefix, "--approval", reference)
    refused(ran, "--approval")
    assert desk.certificates() == []


def test_the_longest_approval_goes_through_the_log(desk: Any) -> None:
    file = desk.sheet(desk.rows(2))
    ran = desk("issue", str(file), "--issuer", desk.prefix, "--approval", "长" * 80)
    assert ran.status == 0
    assert desk("anchor").status == 0
    assert desk("log", "fsck").status == 0


# --- secrets


def test_a_wrong_and_an_empty_passphrase(desk: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("CERTREG_PASSPHRASE", "not-the-one")
    ran = desk("anchor")
    refused(ran, "passphrase does not open", "[passphrase-wrong]")
    assert "not-the-one" not in ran.err
    monkeypatch.setenv("CERTREG_PASSPHRASE", "")
    refused(desk("anchor"), "CERTREG_PASSPHRASE is empty", "[passphrase-missing]")


def test_the_passphrase_from_the_environment(desk: Any, monkeypatch: Any) -> None:
    file = desk.home / "secrets" / "passphrase"
    monkeypatch.setenv("CERTREG_PASSPHRASE", file.read_text().strip())
    file.unlink()
    assert desk("anchor").status == 0


def test_a_lost_passphrase_file(desk: Any) -> None:
    (desk.home / "secrets" / "passphrase").unlink()
    refused(desk("anchor"), "CERTREG_PASSPHRASE", "chmod 600", "[passphrase-missing]")


@pytest.mark.parametrize("name", ["secrets/passphrase", "keys/ring.json", "keys/*.key.json"])
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_secret_that_others_can_read(desk: Any, name: str, mode: int) -> None:
    file = next(desk.home.glob(name))
    file.chmod(mode)
    refused(desk("anchor"), f"chmod 600 {file}", "[key-file-exposed]")


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [
        (None, 0o600, "restore it from a backup"),
        (b"", 0o600, "restore it from a backup"),
        (b"short", 0o600, "restore it from a backup"),
        (bytes(PEPPER_BYTES), 0o644, "chmod 600"),
    ],
)
def test_a_pepper_that_is_lost_or_exposed(
    desk: Any, content: bytes | None, mode: int, told: str
) -> None:
    file = desk.home / "site" / "pepper"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
        file.chmod(mode)
    refused(desk("anchor"), str(file), told)


def test_a_key_file_that_was_changed_or_lost(desk: Any) -> None:
    file = next((desk.home / "keys").glob("*.key.json"))
    file.write_bytes(file.read_bytes().replace(b"active", b"revoke"))
    refused(desk("anchor"), file.name, "restore")
    (desk.home / "keys" / "ring.json").unlink()
    refused(desk("anchor"), "ring.json", "backup")


# --- the home


def test_settings_that_are_damaged(desk: Any) -> None:
    (desk.home / "certreg.toml").write_text("office = ", encoding="utf-8")
    refused(desk("anchor"), "certreg.toml", "backup")
    (desk.home / "certreg.toml").write_text('office = "x"\n', encoding="utf-8")
    refused(desk("anchor"), "base_url")


def test_a_lost_database_is_not_begun_anew(stock: Any) -> None:
    # An empty one would give every number out a second time.
    file = stock.home / "registry.db"
    for leftover in stock.home.glob("registry.db*"):
        leftover.unlink()
    for command in (("anchor",), ("init",), ("show", NOBODYS)):
        refused(stock(*command), "registry.db", "backup")
        assert not file.exists()


def test_a_damaged_database(stock: Any) -> None:
    for leftover in stock.home.glob("registry.db-*"):
        leftover.unlink()
    file = stock.home / "registry.db"
    file.write_bytes(b"garbage " * 4096)
    refused(stock("show", NOBODYS), "database", "backup", status=2)


def test_a_database_of_another_version(stock: Any) -> None:
    import sqlite3

    with sqlite3.connect(stock.home / "registry.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    refused(stock("anchor"), "9999", "[schema-mismatch]")


@pytest.mark.parametrize(
    ("address", "told", "status"),
    [
        ("nonsense", "--database", 1),
        ("nonsense://secret@x/y", "--database", 1),
        ("mysql://root:secret@127.0.0.1/x", "missing", 1),
        ("sqlite:////nowhere/at/all.db", "unable to open", 2),
    ],
)
def test_an_address_of_no_database(empty: Any, address: str, told: str, status: int) -> None:
    ran = empty("init", "--database", address)
    refused(ran, told, status=status)
    assert "secret" not in ran.err
    # Nothing that a later run could not put right was left.
    assert empty("init").status == 0
    assert empty("anchor").status == 0


@pytest.mark.parametrize(
    "address", ["cert.example.cn", "ftp://x", "https://UPPER.cn", "https://a b", "http://x/?q", ""]
)
def test_an_address_that_no_trust_folder_takes(empty: Any, address: str) -> None:
    refused(empty("init", "--base-url", address), "--base-url")
    assert not (empty.home / "certreg.toml").exists()
    assert empty("init", "--base-url", "https://cert.example.cn/skills/").status == 0


def test_a_home_where_no_folder_can_be(empty: Any) -> None:
    empty.home.write_text("a file")
    refused(empty("init"), str(empty.home))


def test_a_published_log_that_lost_files(stock: Any) -> None:
    shutil.rmtree(stock.home / "public" / "log" / "tile" / "0")
    ran = stock("log", "fsck", "--json")
    refused(ran, "do not sign", "backup")
    assert any("tile/0" in fault for fault in ran.facts["faults"])
    stock.issued(stock.rows(2, offset=900))
    refused(stock("anchor"), "log fsck")


@pytest.mark.parametrize(
    "changes",
    [
        "no json",
        "[" * 100_000,
        '["name"]',
        '{"name": 1}',
        "{}",
        '{"level": "1"}',
        '{"nonsense": ""}',
    ],
)
def test_changes_that_are_none(stock: Any, changes: str) -> None:
    file = stock.folder / "changes.json"
    file.write_text(changes, encoding="utf-8")
    number = stock.certificates()[0].number
    refused(stock("correct", number, "--reason", "data-error", "--changes", str(file)))
    file.write_bytes(b'{"name": "\xff"}')
    refused(stock("correct", number, "--reason", "data-error", "--changes", str(file)), "JSON")
    assert {c.edition for c in stock.certificates()} == {1}


def test_a_terminal_without_rare_characters(stock: Any) -> None:
    certificates = stock.certificates()
    number = certificates[4].number  # a rare name
    process = stock.process("show", number, PYTHONIOENCODING="gb2312", PYTHONUTF8="0")
    process.stdout.reconfigure(encoding="gb2312")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "有效" in out
    assert "?" in out


def test_a_real_process_says_it_in_one_line(stock: Any) -> None:
    process = stock.process("show", NOBODYS)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert err.startswith("certreg: no certificate with this number")
    assert err.count("\n") == 1


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-m", "signing.certverify", "--help"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0
    assert "--trust" in ran.stdout
