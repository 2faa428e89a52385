"""P5: the result page, uncached and with its proof, beside an empty Flask view on the same server.

One granian worker with one blocking thread serves both: the public site, and a bare Flask
application with one view that answers nothing. A client on this machine asks for pages of different
certificates, so that nothing is asked for twice. Beside them nginx, with one worker, serves as
files the pages that the site gave a round before; where it is not installed it is left out.
Figures are the servers' CPU (from the kernel's account of their threads) beside the client's wall
time. Every page is checked: 200, the word, and its proof; a bare Ed25519 verification, which each
page must contain, is timed in the same rounds.
"""

from __future__ import annotations

import argparse
import getpass
import http.client
import os
import shutil
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

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from measure import PREFIX, make_services, ratio, timed, today
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
    """A server with its workers, in a session of its own, on a port of this machine."""

    def __init__(self, command: list[str], environment: dict[str, str], port: int) -> None:
        self.port = port
        self.process = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
        for _ in range(300):
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            time.sleep(0.1)
        raise SystemExit("the server did not start")

    def cpu(self) -> float:
        """CPU seconds of the server and its workers so far, to the nanosecond."""
        total = 0
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, ValueError):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                if int(fields[2]) == self.process.pid:
                    for thread in (process / "task").iterdir():
                        total += int((thread / "schedstat").read_text().split()[0])
        return total / 1e9

    def ask(self, paths: list[str]) -> tuple[float, float, list[bytes]]:
        """Ask for ``paths`` over one connection; return CPU and wall seconds of one, and all."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        bodies = []
        cpu, wall = self.cpu(), time.perf_counter()
        for path in paths:
            connection.request("GET", path, headers={"Accept": "text/html"})
            response = connection.getresponse()
            bodies.append(response.read())
            assert response.status == 200, path
        spent = self.cpu() - cpu, time.perf_counter() - wall
        connection.close()
        return spent[0] / len(paths), spent[1] / len(paths), bodies

    def stop(self) -> None:
        """End the server and its workers."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


def free_port() -> int:
    """Find a port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def start_site(services: Services) -> Server:
    """Start one granian worker over the published directory."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "1"),
        *("--blocking-threads", "1", "--no-access-log", "--log-level", "error"),
        *("--host", "127.0.0.1", "--port", str(port), "--factory", "page:create"),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(HERE), str(HERE.parent))),
        "CERTREG_PUBLIC": str(services.site.public),
        "CERTREG_PEPPER_FILE": str(services.home.pepper_file),
    }
    return Server(command, environment, port)


def start_nginx(folder: Path) -> Server | None:
    """Start nginx over ``folder / "pages"``; None where there is none."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        return None
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, port=port, user=getpass.getuser()))
    return Server([program, "-e", "stderr", "-c", str(file)], dict(os.environ), port)


NGINX = """\
daemon off;
user {user};
worker_processes 1;
error_log stderr crit;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    default_type "text/html; charset=utf-8";
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/t1;
    proxy_temp_path {folder}/t2;
    fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4;
    scgi_temp_path {folder}/t5;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/pages;
    }}
}}
"""


def main() -> None:
    """Measure all sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    piece = 150 if parser.parse_args().quick else 1_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pages" / "v").mkdir(parents=True)
        services, tokens = fill(folder, piece * (ROUNDS + 1))
        site, nginx = start_site(services), start_nginx(folder)
        try:
            run(site, nginx, folder, [f"/v/{token}" for token in tokens], piece)
        finally:
            for server in (site, nginx):
                if server is not None:
                    server.stop()


def is_page(body: bytes) -> bool:
    """Whether this is the page of a certificate in force, with its proof."""
    return '<h1 id="state">有效'.encode() in body and b'class="boxes"' in body


def run(site: Server, nginx: Server | None, folder: Path, paths: list[str], piece: int) -> None:
    """Take the rounds and print the table."""
    sides: dict[str, list[tuple[float, float]]] = {"page": [], "empty": [], "nginx": []}
    if nginx is None:
        print("nginx is not installed: without the page as a static file")
        del sides["nginx"]
    verifying = []
    paths_before, pages = paths[:piece], site.ask(paths[:piece])[2]
    for turn in range(ROUNDS):
        for path, page in zip(paths_before, pages, strict=True):
            (folder / "pages" / path[1:]).write_bytes(page)
        fresh = paths[piece * (turn + 1) : piece * (turn + 2)]
        for side in sides if turn % 2 else reversed(sides):
            match side:
                case "page":
                    *spent, pages = site.ask(fresh)
                    assert all(map(is_page, pages))
                case "empty":
                    *spent, bodies = site.ask(["/empty"] * piece)
                    assert not any(bodies)
                case _:
                    assert nginx is not None
                    *spent, bodies = nginx.ask(paths_before)
                    assert all(map(is_page, bodies))
            sides[side].append((spent[0], spent[1]))
        paths_before = fresh
        verifying.append(bare_verify(piece))
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"{piece} pages a round, {ROUNDS} rounds, load average {load}")
    print(f"{'side':<10}{'µs CPU each':>12}{'µs wall':>10}")
    for side, rounds in sides.items():
        cpu, wall = (statistics.median(each[at] for each in rounds) * 1e6 for at in (0, 1))
        print(f"{side:<10}{cpu:>12.0f}{wall:>10.0f}")
    print(f"{'Ed25519':<10}{statistics.median(verifying) * 1e6:>12.0f}")
    cost = {side: [each[0] for each in rounds] for side, rounds in sides.items()}
    print(f"P5 page / empty view              {ratio(cost['page'], cost['empty'])}  (bar 1.5)")
    if nginx is not None:
        print(f"   page / nginx, static file      {ratio(cost['page'], cost['nginx'])}")


def bare_verify(count: int) -> float:
    """CPU seconds of one Ed25519 verification of a message as long as a record."""
    private = Ed25519PrivateKey.generate()
    message = bytes(500)
    signature, public = private.sign(message), private.public_key()

    def verify() -> None:
        for _ in range(count):
            public.verify(signature, message)

    return timed(verify).cpu / count


if __name__ == "__main__":
    main()
