"""Fifty faults of all kinds in one log of 20,000 entries, through the real commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_each_of_fifty_planted_faults_is_named(root: Path) -> None:
    # The benchmark's short form: it fails by itself when a fault has no line that names it.
    command = [sys.executable, str(root / "bench" / "fsck.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert re.search(r"^monitor .*: 26 lies, all named", lines[1])
    assert re.search(r"^log fsck .*: 50 faults, all named", lines[3])
