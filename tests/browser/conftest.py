"""A real office, filled through the command line and served by `certreg serve` on this machine.

`CERTREG_SHOTS=DIR pytest tests/browser` leaves a picture of every page in DIR.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from io import BytesIO
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from click.testing import CliRunner
from PIL import Image

from registry.cli.base import CLOCK
from registry.cli.batches import CHINA
from registry.cli.demo_people import DemoPerson, demo_people
from registry.cli.demo_sheets import row_of, write_xlsx
from registry.cli.main import certreg

# Read when this file is loaded: the settings of whoever runs the tests are forgotten afterwards.
SHOTS = os.environ.get("CERTREG_SHOTS")

HOST = "127.0.0.1"
COMPANIES = (
    ("Y000044999001", "深圳市示例精密制造有限公司", "91449999MA5DEM0015"),
    ("Y000044999002", "深圳市示例电力设备有限公司", "91449999MA5DEM0028"),
)
START_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A certificate as its holder has it: the number, the person, the QR's page and the PDF."""

    number: str
    person: DemoPerson
    issuer: str
    page: str
    pdf: bytes

    @property
    def path(self) -> str:
        return "/v/" + self.page.rsplit("/", 1)[-1]

    def picture(self, dpi: int) -> Image.Image:
        """Draw the page as a printer or a screen does."""
        document = pypdfium2.PdfDocument(self.pdf)
        try:
            return document[0].render(scale=dpi / 72).to_pil()
        finally:
            document.close()


class Office:
    """One home, filled through the command line, and what was issued from it."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.public = home / "public"
        self.port = port
        self.base_url = f"http://{HOST}:{port}"
        self.output = home / "serve.log"
        self.issued = CLOCK.now().astimezone(CHINA).date() - timedelta(days=3)
        self.people = (
            demo_people(15, offset=0, issued=self.issued),
            demo_people(5, offset=1_000, issued=self.issued),
        )

    def certreg(self, *args: object, stdin: str | None = None) -> str:
        words = [*map(str, args), "--home", str(self.home)]
        result = CliRunner().invoke(certreg, words, input=stdin, standalone_mode=False)
        if result.exception is not None:
            raise result.exception
        assert not result.return_value, result.output
        return result.stdout

    def fill(self) -> None:
        self.certreg("init", "--direct", "--base-url", self.base_url)
        for (prefix, name, code), people in zip(COMPANIES, self.people, strict=True):
            self.certreg("issuer", "add", "--prefix", prefix, "--name", name, "--uscc", code)
            sheet = self.home / f"{prefix}.xlsx"
            write_xlsx(sheet, [row_of(number, person) for number, person in enumerate(people, 1)])
            self.certreg(
                "issue", sheet, "--issuer", prefix, "--approval", "深技鉴备〔2026〕第001号"
            )
        self.certreg("anchor")
        # The papers are made before the office changes its mind about two of them.
        self.valid = self.paper(0, 13)
        self.old_edition = self.paper(0, 0)
        self.revoked = self.paper(0, 5)
        self.other_company = self.paper(1, 2)
        self.copy = self.annotated()
        self.new_direction = "设备维修"
        changes = json.dumps({"direction": self.new_direction})
        number = self.old_edition.number
        self.certreg("correct", number, "--reason", "data-error", "--changes", "-", stdin=changes)
        self.certreg("revoke", self.revoked.number, "--reason", "fraud")
        self.certreg("anchor")
        self.new_edition = self.paper(0, 0)
        proof = self.home / "valid.tlog-proof"
        self.certreg("prove", self.valid.number, "-o", proof)
        self.proof = proof.read_bytes()

    def paper(self, company: int, place: int) -> Paper:
        """Make the PDF of one person's current edition."""
        prefix, issuer, _code = COMPANIES[company]
        people = self.people[company]
        person = people[place]
        serial = sum(other.level == person.level for other in people[: place + 1])
        number = f"{prefix}{self.issued:%y}{person.level}{serial:06}"
        shown = json.loads(self.certreg("show", number, "--json"))
        assert shown["name"] == person.name
        file = self.home / "paper.pdf"
        self.certreg("pdf", number, "-o", file)
        pdf = file.read_bytes()
        file.unlink()
        return Paper(number=number, person=person, issuer=issuer, page=shown["page"], pdf=pdf)

    def annotated(self) -> bytes:
        """Make an annotated copy of the valid one, good for a month, for another company."""
        file = self.home / "copy.pdf"
        until = CLOCK.now().astimezone(CHINA).date() + timedelta(days=30)
        made_for = ("--purpose", "入职审核", "--recipient", COMPANIES[1][1])
        self.certreg("copy", self.valid.number, *made_for, "--until", until, "-o", file)
        data = file.read_bytes()
        file.unlink()
        return data

    @cached_property
    def private(self) -> frozenset[str]:
        """What belongs to a person: never in an address, never in the server's output."""
        people = [person for company in self.people for person in company]
        values = ((one.name, one.id_number, one.admission) for one in people)
        return frozenset(value for group in values for value in group)

    @cached_property
    def tampered(self) -> bytes:
        """The valid PDF, one bit flipped in what its page draws; its attachments are untouched."""
        pdf = self.valid.pdf
        with pikepdf.open(BytesIO(pdf)) as document:
            drawing = document.pages[0].Contents.read_raw_bytes()
        assert pdf.count(drawing) == 1
        at = pdf.index(drawing) + len(drawing) // 2
        return pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :]

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Take one published file away for a while."""
        file, aside = self.public / name, self.home / "aside"
        file.rename(aside)
        try:
            yield
        finally:
            aside.replace(file)

    @contextmanager
    def damaged(self, name: str) -> Iterator[None]:
        """Put one published file back with one byte changed, for a while."""
        data = bytearray((self.public / name).read_bytes())
        data[len(data) // 2] ^= 1
        with self.without(name):
            (self.public / name).write_bytes(data)
            yield

    def get(self, path: str, accept: str = "*/*") -> tuple[int, dict[str, str], bytes]:
        """Fetch as a monitor does, without a browser."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Accept": accept})
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return response.status, headers, response.read()
        finally:
            connection.close()

    @contextmanager
    def served(self) -> Iterator[None]:
        """Run `certreg serve` until the block ends; a second of patience, then by force."""
        command = [
            str(Path(sysconfig.get_path("scripts")) / "certreg"),
            *("serve", "--home", str(self.home), "--public-port", str(self.port)),
        ]
        with self.output.open("wb") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                self._wait(process)
                yield
                process.send_signal(signal.SIGINT)
                assert process.wait(timeout=START_SECONDS) == 0, self.output.read_text()
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < end:
            with suppress(OSError):
                status, _headers, body = self.get("/healthz")
                assert status == 200, body
                return
            time.sleep(0.05)
        pytest.fail(f"the site did not start: {self.output.read_text()}")


@pytest.fixture(scope="session")
def office(
    needs: Callable[..., None],
    tmp_path_factory: pytest.TempPathFactory,
    cheap_passphrases: Callable[[], AbstractContextManager[None]],
) -> Iterator[Office]:
    needs(program="chromium", package="chromium")
    needs(module="playwright", package="requirements-dev.txt")
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    office = Office(tmp_path_factory.mktemp("office") / "home", port)
    with cheap_passphrases():
        office.fill()
    with office.served():
        yield office
    said = office.output.read_text()
    assert [value for value in office.private if value in said] == []


@pytest.fixture(scope="session")
def shots() -> Path | None:
    """Give the folder for pictures of all pages, if any are wanted."""
    if not SHOTS:
        return None
    folder = Path(SHOTS)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
