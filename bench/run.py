"""Benchmarks of the main path (`make bench`): ratios measured in one run, CPU time first.

Sides of a ratio alternate in short pieces on the same records, in an order that is reversed each
round; no ratio is printed when a side's slowest round took more than twice its fastest.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PARTS = (
    "path",
    "memory",
    "pieces",
    "documents",
    "ledger",
    "proofs",
    "files",
    "fsck",
    "desks",
    "page",
    "bulk",
    "uploads",
)


def main() -> int:
    """Run the parts asked for, each in a process of its own, and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    options = parser.parse_args()
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    python = platform.python_version()
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {python}, load average {load}")
    for part in options.parts or PARTS:
        print(f"\n## {part}", flush=True)
        command = [sys.executable, str(HERE / f"{part}.py")]
        subprocess.run([*command, *(["--quick"] if options.quick else [])], check=True)  # noqa: S603
    return 0


if __name__ == "__main__":
    sys.exit(main())
