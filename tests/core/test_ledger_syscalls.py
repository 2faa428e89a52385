"""An append that is killed, or refused by the disk, at any file-system call it makes (strace).

The worker is a fork that waits until strace has taken hold of it. The log, the database and what
readers saw are held against each other after every single fault.
"""

from __future__ import annotations

import ctypes
import os
import random
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from registry.errors import RegistryError

# What touches files. Not the memory's calls, and not those that only ask the kernel for facts
# about the process.
CALLS = (
    "openat,close,read,pread64,write,pwrite64,lseek,fsync,fdatasync,ftruncate,link,linkat,unlink,"
    "unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,flock,fcntl,stat,lstat,newfstatat,"
    "fstat,getdents64,utimensat,fchmod,fchown,access"
)
PR_SET_PTRACER, ANYBODY = 0x59616D61, ctypes.c_ulong(-1)
REFUSED, SURPRISED = 3, 4


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk() -> None:
    """Sync for once: to be refused an fsync is part of the matter."""


def work(office: Any) -> None:
    """Anchor once strace is there; end with what came of it."""
    # Where only parents may trace (Yama), allow it to anybody: nothing secret is in here.
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
    signal.sigwait([signal.SIGUSR1])
    status = SURPRISED
    try:
        office.anchor()
        status = 0
    except (RegistryError, SQLAlchemyError, OSError):
        status = REFUSED
    finally:
        os._exit(status)


def traced(office: Any, *options: str) -> int:
    """Run an append in a process of its own under strace; return how it ended."""
    office.close()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    worker = get_context("fork").Process(target=work, args=(office,))
    worker.start()
    try:
        command = ["strace", "-p", str(worker.pid), *options]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            told = strace.stderr.readline()
            if "attached" not in told:
                pytest.skip(f"strace may not trace here: {told.strip()}")
            os.kill(worker.pid or 0, signal.SIGUSR1)
            worker.join(60)
        assert worker.exitcode is not None
        return worker.exitcode
    finally:
        worker.kill()
        worker.join()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])


@pytest.fixture(scope="module")
def template(founded: Path, tmp_path_factory: Any, open_office: Any) -> Path:
    """Give a home whose next round fills a tile, and this process with all modules at hand."""
    if shutil.which("strace") is None:
        pytest.skip("no strace here; .ci/run installs it")
    home: Path = tmp_path_factory.mktemp("syscalls") / "home"
    shutil.copytree(founded, home)
    office = open_office(home)
    office.issue(office.people(250))
    office.run()
    office.issue(office.people(3, offset=400))
    office.revoke(f"{office.prefix}263000001")
    office.close()
    return home


def put_back(office: Any, template: Path) -> None:
    office.close()
    shutil.rmtree(office.home)
    shutil.copytree(template, office.home)
    office.seen.clear()
    office.note_checkpoint()


def points(office: Any, template: Path, trace: Path) -> list[tuple[str, int]]:
    """Return every call that an append makes, as (name, how many of that name come before)."""
    put_back(office, template)
    assert traced(office, "-o", str(trace), "-e", f"trace={CALLS}") == 0
    names = re.findall(r"^([a-z0-9_]+)\(", trace.read_text(), re.MULTILINE)
    assert office.head().size > office.seen[0].size
    return [(name, at) for name, count in Counter(names).items() for at in range(1, count + 1)]


def strike(office: Any, template: Path, what: str, places: list[tuple[str, int]]) -> Iterator[int]:
    for name, at in places:
        put_back(office, template)
        fault = f"inject={name}:{what}:when={at}"
        yield traced(office, "-o", "/dev/null", "-e", f"trace={name}", "-e", fault)
        # Nothing that anybody saw is taken back, and the next plain run makes all of it good.
        office.note_checkpoint()
        office.run()
        office.audit()


def strike_all(office: Any, template: Path, what: str, places: list[tuple[str, int]]) -> None:
    ends = Counter(strike(office, template, what, places))
    wanted = {-signal.SIGKILL} if "KILL" in what else {0, REFUSED}
    # A call or two fewer than in the run that was counted: then the fault strikes nobody.
    assert ends.keys() <= wanted | {0}
    assert sum(ends[end] for end in wanted - {0}) > len(places) // 3


FAULTS = ["error=EIO", "signal=KILL"]


@pytest.mark.parametrize("what", FAULTS)
def test_an_append_is_struck_at_some_calls(
    office: Any, template: Path, tmp_path: Path, chance: random.Random, what: str
) -> None:
    places = points(office, template, tmp_path / "trace")
    writing = [place for place in places if place[0] in {"fsync", "link", "linkat", "mkdir"}]
    strike_all(office, template, what, chance.sample(writing, 4) + chance.sample(places, 5))


@pytest.mark.soak
@pytest.mark.parametrize("what", FAULTS)
def test_an_append_is_struck_at_every_call(
    office: Any, template: Path, tmp_path: Path, what: str
) -> None:
    strike_all(office, template, what, points(office, template, tmp_path / "trace"))
