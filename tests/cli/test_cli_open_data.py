"""``certreg desk daily`` writes the open data once a quarter, and not twice for the same one."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any


def test_a_quarters_figures_are_written_once(stock: Any) -> None:
    folder = stock.home / "public" / "open"
    with closing(sqlite3.connect(stock.home / "registry.db")) as database:
        database.execute("UPDATE certificates SET issued = '2026-01-05'")
        database.execute(
            "INSERT INTO visibility_checks (status_index, source, seen_on, seen_by)"
            " SELECT status_index, 'centre', '2026-02-02', 'centre' FROM certificates"
        )
        database.commit()
    ran = stock("desk", "daily", "--json")
    assert (ran.status, ran.facts["open data"][:6]) == (0, "as of "), ran
    written = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert sorted(written) == [
        "certificates-by-district.csv",
        "certificates-by-month.csv",
        "certificates-by-occupation.csv",
        "certificates.json",
    ]
    assert json.loads(written["certificates.json"])["total"] == 25
    number = stock.certificates()[0].number
    assert stock("revoke", number, "--reason", "fraud").status == 0
    assert stock("desk", "daily", "--json").facts["open data"] == "not due yet"
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == written
    # A damaged file is made anew, as a missing one is.
    (folder / "certificates.json").write_bytes(written["certificates.json"][:-1])
    assert stock("desk", "daily", "--json").facts["open data"] == ran.facts["open data"]
    assert json.loads((folder / "certificates.json").read_bytes())["total"] == 24
