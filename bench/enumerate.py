"""What 100,000 guesses of numbers, names, ID numbers and tokens learn from a running site.

Real HTTP against `certreg serve`, from one address and from many (the benchmark is the site's
trusted proxy and names them). Of each kind: how many guesses were answered at all, how many were
refused (429), how many hit, and whether any two answers to misses differ. Then, among answered
misses, whether their time tells an existing target from one that does not exist.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from urllib.parse import urlencode

from measure import PREFIX, make_services, today

from registry.cli.batches import CHINA, check_file, issue_file
from registry.cli.demo_people import DemoPerson, demo_people
from registry.cli.demo_sheets import row_of, write_csv
from registry.cli.home import write_settings
from registry.cli.services import Services

HOST = "127.0.0.1"
PEOPLE = 20_000
SEED = 20_261_123


@dataclass(kw_only=True, slots=True)  # mutable: it counts
class Tally:
    """What became of one kind of guess."""

    kind: str
    statuses: Counter[int] = field(default_factory=Counter)
    misses: set[str] = field(default_factory=set)
    hits: int = 0
    seconds: float = 0.0

    def row(self) -> str:
        """Return the table's row."""
        made = sum(self.statuses.values())
        answered = self.statuses[200] + self.statuses[404]
        return (
            f"{self.kind:44} {made:7,} {answered:8,} {self.statuses[429]:8,}"
            f" {made - answered - self.statuses[429]:6} {self.hits:5} {len(self.misses):8}"
            f" {made / self.seconds:8,.0f}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """One request: the facts of a lookup, or a token; and whom it is to come from."""

    address: str
    facts: dict[str, str] | None = None
    token: str = ""


class Asker:
    """Kept connections to the site, one for each thread."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._kept = threading.local()

    def __call__(self, guess: Guess) -> tuple[int, bytes, float]:
        """Send it; return status, body and the seconds until the answer was there."""
        if not hasattr(self._kept, "connection"):
            self._kept.connection = http.client.HTTPConnection(HOST, self._port, timeout=60)
        connection = self._kept.connection
        headers = {"X-Forwarded-For": guess.address}
        begin = time.perf_counter()
        if guess.facts is None:
            connection.request("GET", f"/v/{guess.token}", headers=headers)
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request("POST", "/lookup", urlencode(guess.facts), headers)
        response = connection.getresponse()
        body = response.read()
        return response.status, body, time.perf_counter() - begin


def tally(kind: str, asker: Asker, guesses: Iterable[Guess]) -> Tally:
    """Make one kind of guess, eight at a time, and count the answers."""
    found = Tally(kind=kind)
    begin = time.perf_counter()
    with ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(asker, guesses))
    for status, body, _seconds in answers:
        found.statuses[status] += 1
        if status == 200 and "查到".encode() in body:
            found.hits += 1
        elif status in (200, 404):
            found.misses.add(hashlib.sha256(body).hexdigest())
    found.seconds = time.perf_counter() - begin
    return found


def guessed_numbers(dice: random.Random, people: list[DemoPerson]) -> Iterator[str]:
    """Give the register's own numbers in any order: they stand in the public log."""
    serials: Counter[str] = Counter()
    known = []
    for person in people:
        serials[person.level] += 1
        known.append(f"{PREFIX}{person.issued:%y}{person.level}{serials[person.level]:06}")
    while True:
        yield from dice.sample(known, len(known))


def guessed_ids(dice: random.Random) -> Iterator[str]:
    while True:
        yield f"44030119{dice.randrange(60, 100)}{dice.randrange(10**8):08}"


def guessed_tokens(dice: random.Random) -> Iterator[str]:
    while True:
        yield base64.b32encode(dice.randbytes(10)).decode().lower()


def addresses(hosts: int, networks: int) -> list[str]:
    """Give so many addresses, evenly over so many /24s, each of which is in a /16 of its own."""
    return [
        f"{11 + place % networks % 200}.{place % networks // 200}.7.{1 + place // networks}"
        for place in range(hosts)
    ]


@contextmanager
def served(folder: Path, count: int) -> Iterator[tuple[int, list[DemoPerson]]]:
    """Serve a register of so many people; give the port and the people."""
    services = make_services(folder)
    people = _fill(services, folder, count)
    write_settings(services.home, replace(services.settings, trusted_proxies=(HOST,)))
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-c", "from registry.cli.main import main; main()", "serve"),
        *("--home", str(services.home.path), "--public-port", str(port), "--workers", "2"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 -- our own program
    try:
        _wait(port)
        yield port, people
    finally:
        process.terminate()
        process.wait()


def _fill(services: Services, folder: Path, count: int) -> list[DemoPerson]:
    now = today()
    issued = now.astimezone(CHINA).date() - timedelta(days=3)
    people = demo_people(count, offset=0, issued=issued)
    file = folder / "people.csv"
    write_csv(file, [row_of(number, person) for number, person in enumerate(people, 1)])
    if issue_file(services, check_file(services, file, PREFIX, now), "enumerate") is None:
        raise SystemExit("the list was refused")
    services.anchor()
    return people


def _wait(port: int) -> None:
    for _ in range(600):
        with closing(socket.socket()) as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("the site did not start")


def guess(port: int, people: list[DemoPerson], total: int) -> list[Tally]:
    """Make all guesses; the shares are those of somebody who wants to know one person's record."""
    dice = random.Random(SEED)
    victim = people[len(people) // 2]
    numbers, ids, tokens = guessed_numbers(dice, people), guessed_ids(dice), guessed_tokens(dice)
    asker = Asker(port)
    share = total // 20
    many = addresses(share, max(share // 20, 1))
    one = ("198.51.100.7", "198.51.101.7", "198.51.102.7", "198.51.103.7")
    name, known = {"name": victim.name}, {"id-number": victim.id_number}
    print(f"the register holds {len(people):,} certificates; guesses are drawn by seed {SEED}")

    def lookups(address: str, facts: Iterable[dict[str, str]]) -> Iterator[Guess]:
        return (Guess(address=address, facts=each) for each in facts)

    real = {"number": next(guessed_numbers(dice, people))}
    return [
        tally(
            "numbers, one name, one address",
            asker,
            lookups(one[0], ({**name, "number": n} for n in islice(numbers, share * 4))),
        ),
        tally(
            "numbers, one ID number, one address",
            asker,
            lookups(one[1], ({**known, "number": n} for n in islice(numbers, share * 3))),
        ),
        tally(
            "names, one real number, one address",
            asker,
            lookups(one[2], ({**real, "name": f"无此人{n}"} for n in range(share * 2))),
        ),
        tally(
            "ID numbers, one name, one address",
            asker,
            lookups(one[3], ({**name, "id-number": n} for n in islice(ids, share * 2))),
        ),
        tally(
            f"numbers, one ID number, {share // 20:,} networks",
            asker,
            (
                Guess(address=a, facts={**known, "number": n})
                for a, n in zip(many, numbers, strict=False)
            ),
        ),
        tally(
            f"numbers and names at random, {share // 20:,} networks",
            asker,
            (
                Guess(address=many[at % len(many)], facts={"number": n, "name": f"某{at}"})
                for at, n in enumerate(islice(numbers, share * 2))
            ),
        ),
        tally(
            "tokens, one address",
            asker,
            (Guess(address=one[0], token=t) for t in islice(tokens, share * 6)),
        ),
    ]


def tell_apart(port: int, people: list[DemoPerson], pairs: int) -> str:
    """Whether the time of a miss tells an existing ID number from one that does not exist.

    Give the chance that the one for the existing target took longer: one half says nothing.
    """
    dice = random.Random(SEED + 1)
    asker = Asker(port)
    ids = guessed_ids(dice)
    seen: tuple[list[float], list[float]] = ([], [])
    for place in range(pairs):
        real = people[place % len(people)].id_number
        for side, target in sorted(enumerate((real, next(ids))), key=lambda _: dice.random()):
            # Every ask from a network of its own, so that none is refused.
            address = f"{20 + place % 180}.{place // 180 + 100 * side}.9.9"
            facts = {"id-number": target, "name": f"无此人{place}"}
            status, _body, seconds = asker(Guess(address=address, facts=facts))
            if status == 200:
                seen[side].append(seconds)
    wins = sum(one > other for one, other in zip(*seen, strict=False))
    count = min(map(len, seen))
    chance, margin = wins / count, 1.96 * (0.25 / count) ** 0.5
    medians = [statistics.median(side) * 1e6 for side in seen]
    return (
        f"{count:,} pairs of misses, existing against not: median {medians[0]:.0f} and"
        f" {medians[1]:.0f} µs; the existing one took longer in {chance:.3f} of them"
        f" (0.5 ± {margin:.3f} says nothing)"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 guesses")
    total, pairs = (2_000, 200) if parser.parse_args().quick else (100_000, 2_000)
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder), PEOPLE) as (port, people),
    ):
        kinds = guess(port, people, total)
        print(
            f"{'guesses':44} {'made':>7} {'answered':>8} {'refused':>8} {'other':>6} {'hits':>5}"
            f" {'answers':>8} {'a second':>8}"
        )
        for kind in kinds:
            print(kind.row())
        made = sum(sum(kind.statuses.values()) for kind in kinds)
        answered = sum(kind.statuses[200] + kind.statuses[404] for kind in kinds)
        print(f"of {made:,} guesses {answered:,} were answered, {sum(k.hits for k in kinds)} hit")
        print("'answers': how many different pages the misses got; one says nothing")
        print(tell_apart(port, people, pairs))


if __name__ == "__main__":
    main()
