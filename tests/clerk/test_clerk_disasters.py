"""What must not happen after a restore, a crash or a lost file: a number twice, a new secret."""

from __future__ import annotations

import shutil
from typing import Any

from keys.model import Purpose
from keys.trust import load_trust
from registry.ledger.local_storage import LocalStorage
from signing.certverify import main as certverify

PREFIX = "Y000044999001"


def test_an_old_database_gives_no_number_away(office: Any, tmp_path: Any) -> None:
    office("anchor")
    for name in ("registry.db", "registry.db-wal"):
        if (office.home / name).exists():
            shutil.copy(office.home / name, tmp_path / name)
    first = office.issue(office.sheet(office.people(5)))
    office("anchor")
    number = first.facts["numbers"][0].split(" … ")[0]
    for side in office.home.glob("registry.db*"):
        side.unlink()
    for file in tmp_path.glob("registry.db*"):
        shutil.copy(file, office.home / file.name)
    again = office.issue(office.sheet(office.people(4)))
    assert again.status == 1
    assert "old copy" in again.err
    assert office("show", number).status == 1
    assert office("anchor").status == 1


def test_a_lost_pepper_is_not_made_anew(office: Any) -> None:
    (office.home / "site" / "pepper").unlink()
    ran = office("init")
    assert (ran.status, "backup" in ran.err) == (1, True)
    assert not (office.home / "site" / "pepper").exists()


def test_anchor_mends_the_trust_folder(office: Any, tmp_path: Any) -> None:
    # As a crash between recording a company and publishing it leaves things.
    issued = office.issue(office.sheet(office.people(5)))
    trust = office.home / "public" / "trust"
    (trust / "issuers.json").unlink()
    office("anchor")
    number = issued.facts["numbers"][0].split(" … ")[0]
    proof = tmp_path / "one.tlog-proof"
    office("prove", number, "-o", str(proof))
    assert certverify([str(proof), "--trust", str(trust)]) == 0


def test_what_is_secret_is_nobody_elses(office: Any) -> None:
    office.issue(office.sheet(office.people(2)))
    for name in ("registry.db", "certreg.toml", "site/pepper", "secrets/passphrase"):
        assert (office.home / name).stat().st_mode & 0o077 == 0, name
    for file in office.home.glob("registry.db-*"):
        assert file.stat().st_mode & 0o077 == 0, file


def test_the_trust_folder_names_seal_keys_too(office: Any) -> None:
    keys = load_trust(office.home / "public" / "trust").issuers[PREFIX].keys
    assert {key.purpose for key in keys} == {Purpose.RECORD, Purpose.PDF}


def test_one_publisher_at_a_time(office: Any) -> None:
    office.issue(office.sheet(office.people(2)))
    with LocalStorage(office.home / "public" / "status").exclusive():
        busy = office("anchor")
    assert busy.status == 2
    assert office("anchor", "--json").facts["entries published"] == 2
