"""Whether `certreg log fsck` names every fault in a log of a million entries, and what it takes.

The log is written by the tile arithmetic alone. Half of the fifty faults are lies that it signs
(what `certreg monitor` must name too), half are damage done to its files afterwards; their places
are seeded and far enough apart that none hides another. Printed: CPU, wall and peak memory of
each command, as a process of its own, and CPU per entry.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

from measure import make_services, timed, today
from planted import EXTRA, HEAD, LIES, LOSES, Damager, Maker, Planted, plan

from registry.cli.services import Services
from signing.canonical import encode
from signing.tlog.appender import TileAppender, TileFile
from signing.tlog.checkpoint import Checkpoint, sign_checkpoint
from signing.tlog.tiles import TILE_WIDTH, TileReader

SEED = 20261123


def write_log(services: Services, size: int) -> tuple[list[Planted], Callable[[], list[Planted]]]:
    """Write the lying log; return its lies, and the function that does the damage."""
    chance = random.Random(SEED)
    width, batches, faults = plan(size, chance)
    middle = HEAD + width // 2
    bundles = {at: (middle + at * (width + EXTRA)) // TILE_WIDTH for at in faults}
    maker = Maker(
        width=width,
        lies={at: fault for at, fault in faults.items() if fault in LIES},
        lost=frozenset(bundles[at] for at, fault in faults.items() if fault in LOSES),
        start=today() - timedelta(seconds=batches),
    )
    root = services.home.public / "log"
    nothing: dict[str, bytes] = {}
    appender = TileAppender(0, TileReader(nothing.__getitem__))

    def put(files: Iterable[TileFile]) -> None:
        for path, data in files:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)

    put(appender.append([encode(entry) for entry in maker.first_leaves()]).files)
    for number in range(batches):
        put(appender.append(maker.batch(number)).files)
        if number % 50 == 0:
            put(appender.finish())  # what a round leaves behind
    put(appender.finish())
    head = Checkpoint(origin=services.settings.origin, size=appender.size, root=appender.root())
    (root / "checkpoint").write_bytes(sign_checkpoint(head, services.log.signers))

    def damage() -> list[Planted]:
        damager = Damager(root=root, size=appender.size, chance=chance)
        for at, fault in sorted(faults.items()):
            if fault not in LIES:
                damager.do(fault, bundles[at])
        return damager.planted

    return maker.planted, damage


def command(*arguments: str) -> tuple[dict[str, list[str]], str]:
    """Run `certreg`; return what it printed as JSON, and what it took."""
    program = str(Path(sys.executable).with_name("certreg"))
    script = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "sys.stderr.write(f'{used.ru_utime + used.ru_stime} {used.ru_maxrss}')\n"
        "sys.stdout.buffer.write(done.stdout)\n"
        "sys.exit(done.returncode != 1)\n"
    )
    done: list[subprocess.CompletedProcess[str]] = []

    def work() -> None:
        run = subprocess.run(  # noqa: S603
            [sys.executable, "-c", script, program, *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        done.append(run)

    spent = timed(work)
    cpu, peak = done[0].stderr.split()[-2:]
    took = f"{float(cpu):7.1f} s CPU {spent.wall:7.1f} s wall {int(peak) / 1024:6.0f} MiB peak"
    facts = json.loads(done[0].stdout)
    size = facts["size"]
    return facts, f"{took}  {float(cpu) * 1e6 / size:6.1f} µs CPU an entry"


def unnamed(planted: list[Planted], lines: list[str]) -> list[Planted]:
    """Return what no line names."""
    places = {line.split(": ", 1)[1].split(": ")[0] + ": " for line in lines}
    return [fault for fault in planted if fault.named not in places]


def main() -> None:
    """Make the log, let both commands read it, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 entries")
    size = 20_000 if parser.parse_args().quick else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        services = make_services(Path(name))
        home = services.home
        made: list[tuple[list[Planted], Callable[[], list[Planted]]]] = []
        spent = timed(lambda: made.append(write_log(services, size)))
        lies, damage = made[0]
        print(f"made a log of about {size:,} entries in {spent.wall:.0f} s")
        services.write_trust()
        policy = str(home.public / "trust" / "log.policy")
        facts, took = command(
            "monitor", str(home.public / "log"), "--policy", policy, "--json",
            "--state", str(Path(name) / "state"),
        )  # fmt: skip
        assert not unnamed(
            lies, [f"{f['kind']}: {f['where']}: {f['what']}" for f in facts["findings"]]
        )
        print(f"monitor  {took}: {len(lies)} lies, all named, {len(facts['findings'])} findings")
        state = (Path(name) / "state" / "monitor.db").stat().st_size
        print(f"         state of {state:,} bytes, {state / facts['size']:.2f} an entry")
        planted = [*lies, *damage()]
        assert len(planted) == 50
        facts, took = command("log", "fsck", "--home", str(home.path), "--json")
        missed = unnamed(planted, facts["faults"])
        assert not missed, missed
        print(f"log fsck {took}: {len(planted)} faults, all named, {len(facts['faults'])} lines")


if __name__ == "__main__":
    os.environ.pop("CERTREG_HOME", None)
    main()
