"""P5: the result page, uncached and with its proof, beside an empty Flask view on the same server.

One granian worker with one blocking thread serves both: the public site over a register of
`SIZE` certificates, and a bare Flask application with one view that answers nothing. A client on
this machine asks for pages of different certificates, so that nothing is asked for twice. Figures
are the worker's CPU (from the kernel's account of it) beside the client's wall time. Every page is
checked: 200, the word, and its own number; the bytes are those that the template alone gives.
"""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from measure import PREFIX, make_services, ratio, today
from sqlalchemy import select

from registry.cli.base import CLOCK
from registry.cli.batches import CHINA, check_file
from registry.cli.demo_people import demo_people
from registry.cli.demo_sheets import row_of, write_xlsx
from registry.cli.services import Services
from registry.ledger.sequencer import anchor
from registry.office.issuing import IssueOrder, issue_batch
from registry.publish import publish
from registry.store.base import read_unit, write_unit
from registry.store.certificates import Certificate

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")
ROUNDS = 6


def create() -> Callable[..., Iterable[bytes]]:
    """Give granian both applications: the site, and beside it the empty view under /empty."""
    from verify_web.wsgi import create as create_site  # noqa: PLC0415 -- the client needs none of it

    site, bare = create_site(), Flask("bare")
    bare.get("/empty")(lambda: "")

    def serve(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        return (bare if environ["PATH_INFO"] == "/empty" else site).wsgi_app(environ, start)

    return serve


def fill(folder: Path, count: int) -> tuple[Services, list[str]]:
    """Issue and publish ``count`` certificates; return their QR tokens."""
    services = make_services(folder)
    services.anchor()
    issued = today().astimezone(CHINA).date() - timedelta(days=3)
    people = demo_people(count, offset=0, issued=issued)
    sheet = folder / "list.xlsx"
    write_xlsx(sheet, (row_of(number, person) for number, person in enumerate(people, 1)))
    roster = check_file(services, sheet, PREFIX, today()).roster
    assert roster is not None
    order = IssueOrder(
        prefix=PREFIX,
        approval="深技鉴备〔2026〕第001号",
        digest=roster.digest,
        tally=roster.tally,
        candidates=roster.candidates,
    )
    signer = services.record_signer(PREFIX)
    with write_unit(services.engine) as session:
        issue_batch(session, order, signer=signer, context=services.context)
    anchor(services.engine, services.log, clock=CLOCK)
    publish(services.engine, services.log, services.site, services.context)
    with read_unit(services.engine) as session:
        return services, [each.token for each in session.scalars(select(Certificate))]


class Server:
    """One granian worker over the published directory."""

    def __init__(self, services: Services) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "1"),
            *("--blocking-threads", "1", "--no-access-log", "--log-level", "error"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--factory", "page:create"),
        ]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parent))),
            "CERTREG_PUBLIC": str(services.site.public),
            "CERTREG_PEPPER_FILE": str(services.home.pepper_file),
        }
        self.process = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
        for _ in range(300):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.1)
        raise SystemExit("the server did not start")

    def cpu(self) -> float:
        """CPU seconds of the server and its worker so far."""
        total = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError, ValueError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[2]) == self.process.pid:
                    total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def ask(self, paths: list[str], expect: Callable[[bytes], None]) -> tuple[float, float]:
        """Ask for ``paths`` over one connection; return CPU and wall seconds of one."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        bodies = []
        cpu, wall = self.cpu(), time.perf_counter()
        for path in paths:
            connection.request("GET", path, headers={"Accept": "text/html"})
            response = connection.getresponse()
            bodies.append(response.read())
            assert response.status == 200, path
        spent = self.cpu() - cpu, time.perf_counter() - wall
        for body in bodies:
            expect(body)
        connection.close()
        return spent[0] / len(paths), spent[1] / len(paths)

    def stop(self) -> None:
        """End the server and its worker."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


def main() -> None:
    """Measure both sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    piece = 150 if parser.parse_args().quick else 1_000
    with tempfile.TemporaryDirectory() as name:
        services, tokens = fill(Path(name), piece * (ROUNDS + 1))
        server = Server(services)
        try:
            run(server, tokens, piece)
        finally:
            server.stop()


def is_page(body: bytes) -> None:
    """Check that this is the page of a certificate in force, with its proof."""
    assert '<h1 id="state">有效'.encode() in body
    assert b'class="boxes"' in body


def is_empty(body: bytes) -> None:
    """Check that nothing was answered."""
    assert body == b""


def run(server: Server, tokens: list[str], piece: int) -> None:
    """Take the rounds and print the table."""
    sides: dict[str, list[tuple[float, float]]] = {"page": [], "empty": []}
    server.ask([f"/v/{token}" for token in tokens[:piece]], is_page)
    for turn in range(ROUNDS):
        fresh = tokens[piece * (turn + 1) : piece * (turn + 2)]
        asked = {
            "page": ([f"/v/{t}" for t in fresh], is_page),
            "empty": (["/empty"] * piece, is_empty),
        }
        for side in sides if turn % 2 else reversed(sides):
            sides[side].append(server.ask(*asked[side]))
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"{piece} pages a round, {ROUNDS} rounds, load average {load}")
    print(f"{'side':<10}{'µs CPU each':>12}{'µs wall':>10}")
    for side, rounds in sides.items():
        cpu, wall = (statistics.median(each[at] for each in rounds) * 1e6 for at in (0, 1))
        print(f"{side:<10}{cpu:>12.0f}{wall:>10.0f}")
    page, empty = ([each[0] for each in sides[side]] for side in ("page", "empty"))
    print(f"P5 page / empty view              {ratio(page, empty)}  (bar 1.5)")


if __name__ == "__main__":
    main()
