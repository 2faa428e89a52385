"""The tests of the procedure's use cases, all of them, on PostgreSQL instead of SQLite."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SQLITE_ALONE = (
    "test_a_line_taken_out_or_put_in_is_named",
    "test_links_without_their_lines",
    "test_a_number_is_one_active_account_s",
    "test_after_a_fault_the_next_reader_begins_anew",
)
"""Tests that speak to SQLite in its own words, or expect its kind of exception."""


@pytest.mark.soak
def test_the_whole_office_on_postgresql(root: Path, server: str) -> None:
    """The long form of `test_procedure_on_postgres`."""
    chosen = " and ".join(f"not {name}" for name in SQLITE_ALONE)
    command = [sys.executable, "-m", "pytest", "-p", "served_offices", "tests/office", "-k", chosen]
    here = str(Path(__file__).parent)
    environ = {**os.environ, "PYTHONPATH": here, "PG_SOCKET": server}
    done = subprocess.run(
        command, cwd=root, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]
