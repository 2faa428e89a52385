"""The main path at three sizes, and P1, P2, P10: issuing beside the bare floor of the same work.

Floor for one certificate: one Ed25519 signature by the same key and library, one AES-256-GCM-SIV
seal, one HMAC-SHA256, the record's canonical JSON, three SHA-256, one raw row into a durable SQLite
table. Issue is the product's own function for one batch: numbers, records, signatures, certificate
rows with their indexes, ledger events, upload rows, audit line, one commit. The floor's pieces and
bare `cryptography` signatures (P2's yardstick) run between the pieces of that same batch.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import secrets
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from measure import PREFIX, Spent, make_services, now, ratio, timed, today

from keys.signer import Signer
from registry.cli.base import CLOCK
from registry.cli.batches import CHINA, check_file
from registry.cli.demo_people import demo_people
from registry.cli.demo_sheets import row_of, write_xlsx
from registry.cli.services import Services
from registry.ledger.sequencer import anchor
from registry.office.issuing import IssueOrder, issue_batch
from registry.publish import publish
from registry.rules.candidate import Candidate
from registry.store.base import write_unit
from signing.canonical import encode
from signing.record import IdType, Record

PIECE = 5_000
STAGES = ("check", "issue", "anchor", "publish")


class Floor:
    """The bare work for the same people, in its own durable table."""

    def __init__(self, folder: Path, signer: Signer) -> None:
        self._signer = signer
        self._bare = Ed25519PrivateKey.generate()
        self._seal = AESGCMSIV(secrets.token_bytes(32))
        self._rows = sqlite3.connect(folder / "floor.db", isolation_level=None)
        self._rows.execute("PRAGMA journal_mode=WAL")
        self._rows.execute("PRAGMA synchronous=FULL")
        assert self._rows.execute("PRAGMA synchronous").fetchone() == (2,)
        self._rows.execute("CREATE TABLE floor (id INTEGER PRIMARY KEY, tag BLOB, sealed BLOB)")

    def work(self, people: Sequence[Candidate]) -> None:
        """Do the floor's work for ``people``."""
        sign, seal = self._signer.sign, self._seal.encrypt
        done = []
        for person in people:
            record = encode(_record(person))
            signature = sign(record)
            noise = os.urandom(44)
            digest = hmac.digest(noise[:32], record, "sha256")
            sealed = seal(noise[32:], noise[:32] + signature + record, b"place")
            for _ in range(3):
                digest = hashlib.sha256(digest).digest()
            done.append((digest, sealed))
        self._rows.execute("BEGIN IMMEDIATE")
        self._rows.executemany("INSERT INTO floor (tag, sealed) VALUES (?, ?)", done)
        self._rows.execute("COMMIT")

    def sign_bare(self, people: Sequence[Candidate]) -> None:
        """Make one bare signature by `cryptography` for each of ``people``."""
        sign, message = self._bare.sign, secrets.token_bytes(400)
        for _ in people:
            sign(message)


def _record(person: Candidate) -> Record:
    return Record(
        admission=person.admission,
        direction=person.direction,
        edition=1,
        id_number=person.id_number,
        id_type=IdType(person.id_type),
        issued="2026-11-20",
        issuer="深圳市示例精密制造有限公司",
        level=person.level,
        name=person.name,
        number="Y000044999001265000001",
        occupation=person.occupation,
        occupation_code=person.occupation_code,
        prefix=PREFIX,
        previous="",
    )


class Interleaved:
    """Feeds the batch to the product piece by piece, doing the other sides' work in between."""

    def __init__(self, people: Sequence[Candidate], sides: dict[str, Callable[..., None]]) -> None:
        self._people = people
        self._sides = sides
        self.rounds: dict[str, list[float]] = {name: [] for name in (*sides, "issue")}
        self.others = Spent(cpu=0.0, wall=0.0)
        self._last = now()

    def __iter__(self) -> Iterator[Candidate]:
        piece = min(PIECE, max(1, len(self._people) // 5))
        self._last = now()
        for turn, start in enumerate(range(0, len(self._people), piece)):
            people = self._people[start : start + piece]
            yield from people
            self._note(len(people))
            names = list(self._sides) if turn % 2 else list(reversed(self._sides))
            for name in names:
                spent = timed(lambda name=name, people=people: self._sides[name](people))
                self.rounds[name].append(spent.cpu / len(people))
                self.others += spent
            self._last = now()

    def _note(self, count: int) -> None:
        self.rounds["issue"].append((now() - self._last).cpu / count)


def run_size(count: int) -> None:
    """Run the whole path for ``count`` people and print its table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        services = make_services(folder)
        services.anchor()
        file = folder / "list.xlsx"
        issued = today().astimezone(CHINA).date() - timedelta(days=3)
        people = demo_people(count, offset=0, issued=issued)
        write_xlsx(file, (row_of(number, person) for number, person in enumerate(people, 1)))
        del people
        spent: dict[str, Spent] = {}
        before = now()
        checked = check_file(services, file, PREFIX, today())
        spent["check"] = now() - before
        assert checked.roster is not None
        assert checked.findings.errors == 0
        signer = services.record_signer(PREFIX)
        floor = Floor(folder, signer)
        feed = Interleaved(
            checked.roster.candidates, {"floor": floor.work, "signature": floor.sign_bare}
        )
        order = IssueOrder(
            prefix=PREFIX,
            approval="深技鉴备〔2026〕第001号",
            digest=checked.roster.digest,
            tally=checked.roster.tally,
            candidates=feed,
        )
        before = now()
        with write_unit(services.engine) as session:
            batch = issue_batch(session, order, signer=signer, context=services.context)
        spent["issue"] = now() - before - feed.others
        assert batch.count == count
        _finish(services, spent)
        _print(count, spent, feed)


def _finish(services: Services, spent: dict[str, Spent]) -> None:
    before = now()
    done = anchor(services.engine, services.log, clock=CLOCK)
    spent["anchor"] = now() - before
    assert done.crosschecked
    before = now()
    publish(services.engine, services.log, services.site, services.context)
    spent["publish"] = now() - before


def _print(count: int, spent: dict[str, Spent], feed: Interleaved) -> None:
    total = sum((spent[stage] for stage in STAGES), Spent(cpu=0.0, wall=0.0))
    print(f"\n{count:,} people: {count / total.cpu:,.0f} a CPU second, {count / total.wall:,.0f} a")
    print("second of wall time, for check + number + sign + store + anchor + publish")
    print(f"{'stage':<22}{'µs CPU each':>12}{'µs wall':>10}{'share of CPU':>14}")
    for stage in STAGES:
        each = spent[stage]
        print(
            f"{stage:<22}{each.cpu / count * 1e6:>12.1f}{each.wall / count * 1e6:>10.1f}"
            f"{each.cpu / total.cpu:>14.0%}"
        )
    core = spent["issue"] + spent["anchor"]
    per = core.cpu / count
    floor, signature = feed.rounds["floor"], feed.rounds["signature"]
    print(f"floor                 {sorted(floor)[len(floor) // 2] * 1e6:>12.1f}")
    print(f"bare signature        {sorted(signature)[len(signature) // 2] * 1e6:>12.1f}")
    print(f"P1 floor / (issue + anchor)       {ratio(floor, [per])}  (bar 0.70)")
    print(f"P2 (issue + anchor) / signature   {ratio([per], signature)}  (bar 1.6)")
    print(f"P10 certificates a CPU second     {1 / per:,.0f}  (bar 10,000)")


def main() -> None:
    """Run the sizes asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    sizes = (1_000,) if parser.parse_args().quick else (1_000, 10_000, 100_000)
    for count in sizes:
        run_size(count)
    print("\nbeside P10, figures of speed.md: OpenAttestation 1,433, W3C rdfc 400, Blockcerts 150")


if __name__ == "__main__":
    main()
