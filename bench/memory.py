"""P9: peak memory of issuing 10^6 beside 10^4, and of checking a file, per row.

Issuing streams its people; checking reads a real workbook in the limited worker, whose memory is
counted with the parent's. Each figure is the peak of a process of its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from measure import PREFIX, make_services, today

from registry.cli.batches import CHINA, check_file
from registry.cli.demo_people import demo_people
from registry.cli.demo_sheets import row_of, write_xlsx
from registry.office.issuing import IssueOrder, issue_batch
from registry.rules.candidate import Candidate
from registry.store.base import write_unit

PIECE = 5_000


def stream(count: int, issued: date) -> Iterator[Candidate]:
    """Yield ``count`` people without holding them."""
    for start in range(0, count, PIECE):
        for place, person in enumerate(demo_people(PIECE, offset=start, issued=issued)):
            if start + place < count:
                yield Candidate(
                    row=start + place,
                    name=person.name,
                    id_type="resident-id",
                    id_number=person.id_number,
                    admission=person.admission,
                    occupation=person.occupation,
                    occupation_code=person.occupation_code,
                    direction=person.direction,
                    level=person.level,
                    issued=person.issued,
                )


def issue(count: int) -> None:
    """Issue and anchor ``count`` certificates."""
    with tempfile.TemporaryDirectory() as name:
        services = make_services(Path(name))
        issued = today().astimezone(CHINA).date() - timedelta(days=3)
        order = IssueOrder(
            prefix=PREFIX,
            approval="深技鉴备〔2026〕第001号",
            digest="0" * 64,
            tally=Counter((person.issued.year, person.level) for person in stream(count, issued)),
            candidates=stream(count, issued),
        )
        signer = services.record_signer(PREFIX)
        with write_unit(services.engine) as session:
            issue_batch(session, order, signer=signer, context=services.context)
        services.anchor()


def check(count: int) -> None:
    """Write and check a workbook of ``count`` people."""
    with tempfile.TemporaryDirectory() as name:
        services = make_services(Path(name))
        file = Path(name) / "list.xlsx"
        issued = today().astimezone(CHINA).date() - timedelta(days=3)
        rows = (
            row_of(start + place, person)
            for start in range(0, count, PIECE)
            for place, person in enumerate(demo_people(PIECE, offset=start, issued=issued))
        )
        write_xlsx(file, rows)
        assert check_file(services, file, PREFIX, today()).findings.errors == 0


def peak(what: str, count: int) -> float:
    """Run ``what`` for ``count`` people in a process of its own; return its peak in MiB."""
    command = [sys.executable, __file__, "--child", what, "--count", str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return float(done.stdout)


def main() -> None:
    """Print the table, or be the child that is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--child", choices=["issue", "check"])
    parser.add_argument("--count", type=int, default=0)
    options = parser.parse_args()
    if options.child:
        (issue if options.child == "issue" else check)(options.count)
        used = sum(
            resource.getrusage(who).ru_maxrss
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        print(used / 1024)
        return
    large = 50_000 if options.quick else 1_000_000
    small_peak, large_peak = peak("issue", 10_000), peak("issue", large)
    print(f"issue + anchor + publish 10,000   {small_peak:8.0f} MiB")
    print(f"issue + anchor + publish {large:<9,}{large_peak:8.0f} MiB")
    print(f"P9 ratio {large_peak / small_peak:.2f}  (bar 2.0)")
    low, high = peak("check", 10_000), peak("check", 50_000 if options.quick else 100_000)
    rows = (50_000 if options.quick else 100_000) - 10_000
    print(f"check 10,000: {low:.0f} MiB, {rows + 10_000:,}: {high:.0f} MiB")
    each = (high - low) * 1024 * 1024 / rows
    print(f"growth {each:,.0f} bytes a row, worker included (bar 1,024)")


if __name__ == "__main__":
    main()
