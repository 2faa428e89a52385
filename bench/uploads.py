"""Uploads: rows a second to build, verify, send and acknowledge, beside XlsxWriter's bare writing.

Build is `certreg upload freeze` (rows with proofs, both tables, summary sheet, signature, sealed
package, durable commit), verify what a centre does with the package (every record's signature,
commitment and leaf, range proofs, digests). Send is `certreg upload send` up to the receipt's
bytes: the sealed package opened, signed requests, and all that the centre does, its verifying and
its database with it, in this process and without a network; acknowledge is the receipt taken in
(signature, every row compared, one durable commit). The yardstick writes the table's own cells
with bare XlsxWriter in its streaming mode. The sides alternate, in an order that is reversed each
round; send and acknowledge come after them.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import statistics
import tempfile
import zipfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import xlsxwriter
from measure import PREFIX, Spent, make_services, ratio, timed, today
from memory import stream

from keys.office_keys import load_office_keys
from keys.trust import load_trust
from registry.centre.api import create_app
from registry.centre.rate import Buckets
from registry.centre.worker import Worker
from registry.cli.batches import CHINA
from registry.cli.demo_centre import InProcess, found_centre
from registry.cli.services import Services
from registry.cli.upload_exchange import make_sender
from registry.cli.upload_kit import make_doing, make_kit
from registry.office.issuing import IssueOrder, issue_batch
from registry.store.base import write_unit
from registry.store.uploads import UploadState
from registry.upload.asking import ReceiptCame
from registry.upload.freezing import freeze, write_frozen
from registry.upload.outbox import assemble
from registry.upload.receiving import Taken, import_receipt
from registry.upload.sending import Sender
from signing.report import Answer
from signing.upload.check import check_package

SIDES = ("build", "verify", "bare")
AFTER = ("send", "acknowledge")


def issue(services: Services, rows: int) -> None:
    """Issue and anchor ``rows`` certificates of one company."""
    issued = today().astimezone(CHINA).date() - timedelta(days=3)
    order = IssueOrder(
        prefix=PREFIX,
        approval="深技鉴备〔2026〕第001号",
        digest="0" * 64,
        tally=Counter((person.issued.year, person.level) for person in stream(rows, issued)),
        candidates=stream(rows, issued),
    )
    signer = services.record_signer(PREFIX)
    with write_unit(services.engine) as session:
        issue_batch(session, order, signer=signer, context=services.context)
    services.anchor()


def join_centre(services: Services, stack: ExitStack) -> Sender:
    """Found a centre beside the city, and give the sender that reaches it in this process."""
    centre = found_centre(services.home, "http://127.0.0.1:8200")
    stack.callback(centre.engine.dispose)
    worker = Worker(centre)
    stack.callback(worker.end)
    app = create_app(centre, worker, buckets=Buckets(burst=10**6), wait=600.0)
    sender = make_sender(services)
    return replace(sender, client=replace(sender.client, transport=InProcess(app=app)))


def send(services: Services, sender: Sender, upload_id: str) -> bytes:
    """Bring a frozen upload to the centre; give the receipt's bytes."""
    out = io.BytesIO()
    upload = write_frozen(services.engine, upload_id, sender.kit, out)
    assert sender.client.send(str(upload.package), out.getvalue()) is None
    answered = sender.client.hand_in(str(upload.package))
    assert isinstance(answered, ReceiptCame), answered
    return answered.data


def acknowledge(services: Services, sender: Sender, receipt: bytes, rows: int) -> None:
    """Take the receipt in."""
    with write_unit(services.engine) as session:
        done = import_receipt(session, receipt, sender.reception, make_doing(services))
    assert (done.taken, done.accepted) == (Taken.IMPORTED, rows)


def bare(cells: list[list[str]], file: Path) -> None:
    """Write the same cells with bare XlsxWriter, and sync the file as the product does."""
    with xlsxwriter.Workbook(str(file), {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(cells):
            for at, cell in enumerate(row):
                sheet.write_string(number, at, cell)
    with file.open("rb") as done:
        os.fsync(done.fileno())


def run(folder: Path, rows: int, rounds: int) -> dict[str, list[Spent]]:
    """Measure all sides on the same rows; each round freezes a part of its own."""
    services = make_services(folder)
    issue(services, rows * (rounds + 1))
    kit, trust_folder = make_kit(services), services.home.public / "trust"
    trust = load_trust(trust_folder)
    keys = load_office_keys(trust_folder, trust.policy)
    spent: dict[str, list[Spent]] = {side: [] for side in (*SIDES, *AFTER)}
    package, cells = b"", list[list[str]]()
    stack = ExitStack()
    sender = join_centre(services, stack)
    for turn in range(rounds + 1):
        with write_unit(services.engine) as session:
            upload_id = assemble(session, PREFIX, make_doing(services), limit=rows).upload_id

        def build(upload_id: str = upload_id) -> None:
            doing = make_doing(services)
            frozen = freeze(services.engine, upload_id, kit, doing)
            assert (frozen.state, frozen.row_count) == (UploadState.FROZEN, rows)

        def verify(package: bytes = package) -> None:
            check = check_package(package, trust, keys, now=today())
            assert (check.answer, dict(check.rows)) == (Answer.VALID, {Answer.VALID: rows})

        works = {
            "build": build,
            "verify": verify,
            "bare": lambda cells=cells: bare(cells, folder / "bare.xlsx"),
        }
        # The first round makes what the others measure with, and is not counted.
        for side in SIDES[:1] if turn == 0 else SIDES[:: 1 if turn % 2 else -1]:
            took = timed(works[side])
            if turn:
                spent[side].append(took)
        receipts: list[bytes] = []
        took = timed(lambda at=upload_id, to=receipts: to.append(send(services, sender, at)))
        known = timed(lambda got=receipts: acknowledge(services, sender, got[0], rows))
        if turn:
            spent["send"].append(took)
            spent["acknowledge"].append(known)
        if turn == 0:
            out = io.BytesIO()
            write_frozen(services.engine, upload_id, kit, out)
            package = out.getvalue()
            with zipfile.ZipFile(out) as archive:
                text = archive.read("table.csv").decode("utf-8-sig")
            cells = list(csv.reader(io.StringIO(text)))
            assert len(cells) == rows + 1
    stack.close()
    print(f"{rows:,} rows a package, {len(package) / rows:,.0f} bytes a row, {rounds} rounds")
    return spent


def main() -> None:
    """Print rows a second of each side, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    quick = parser.parse_args().quick
    rows, rounds = (500, 2) if quick else (5_000, 5)
    with tempfile.TemporaryDirectory() as name:
        spent = run(Path(name), rows, rounds)
    cpu = {side: [one.cpu for one in spent[side]] for side in spent}
    for side in spent:
        wall = statistics.median(one.wall for one in spent[side])
        rate = rows / statistics.median(cpu[side])
        print(
            f"{side:<12}{rate:10,.0f} rows a CPU second {rows / wall:10,.0f} a second of wall time"
        )
    print(f"build / bare XlsxWriter   {ratio(cpu['build'], cpu['bare'])}")
    print(f"verify / bare XlsxWriter  {ratio(cpu['verify'], cpu['bare'])}")


if __name__ == "__main__":
    main()
