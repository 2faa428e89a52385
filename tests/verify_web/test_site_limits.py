"""Token buckets in a file: exact, shared by processes, kept over a restart, telling nothing."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify_web.errors import ServiceTrouble
from verify_web.limits import Draw, Limits, Rate, TooMany

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
PEPPER = bytes(range(32))
THREE = Rate(name="three", burst=3, every=60)
ONE = Rate(name="one", burst=1, every=600)
ROOT = Path(__file__).resolve().parent.parent.parent


class Clock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    def on(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "site" / "site.db"


@pytest.fixture
def limits(file: Path, clock: Clock) -> Limits:
    return Limits(file, PEPPER, clock)


def tries(limits: Limits, draw: Draw, most: int = 50) -> int:
    """Draw until it is refused; give how many there were."""
    for made in range(most):
        try:
            limits.take((draw,))
        except TooMany:
            return made
    return most


def rows(file: Path) -> list[tuple[bytes, float]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT bucket, full_at FROM buckets").fetchall()


def test_a_burst_and_then_one_each_interval(limits: Limits, clock: Clock) -> None:
    draw = Draw(rate=THREE, value="a")
    assert tries(limits, draw) == 3
    clock.on(59)
    assert tries(limits, draw) == 0
    clock.on(1)
    assert tries(limits, draw) == 1
    clock.on(3 * 60)
    assert tries(limits, draw) == 3
    clock.on(30 * 24 * 3600)
    assert tries(limits, draw) == 3


def test_values_and_rates_have_buckets_of_their_own(limits: Limits) -> None:
    assert tries(limits, Draw(rate=THREE, value="a")) == 3
    assert tries(limits, Draw(rate=THREE, value="b")) == 3
    assert tries(limits, Draw(rate=ONE, value="a")) == 1


@given(st.lists(st.integers(min_value=0, max_value=200), max_size=20))
def test_never_more_than_burst_and_interval_allow(
    tmp_path_factory: pytest.TempPathFactory, pauses: list[int]
) -> None:
    clock = Clock()
    limits = Limits(tmp_path_factory.mktemp("limits") / "site.db", PEPPER, clock)
    moments = []
    for pause in pauses:
        clock.on(pause)
        try:
            limits.take((Draw(rate=THREE, value="a"),))
        except TooMany:
            continue
        moments.append(clock.moment)
    for first, start in enumerate(moments):
        for last, end in enumerate(moments[first:], first):
            passed = (end - start).total_seconds()
            assert last - first + 1 <= THREE.burst + passed // THREE.every


def test_a_wait_is_told_in_whole_minutes_and_is_true(limits: Limits, clock: Clock) -> None:
    draw = Draw(rate=THREE, value="a")
    tries(limits, draw)
    clock.on(10)
    with pytest.raises(TooMany) as refused:
        limits.take((draw,))
    assert refused.value.wait == pytest.approx(50)
    assert refused.value.retry_after == 60
    clock.on(refused.value.retry_after)
    limits.take((draw,))


def test_all_or_none(limits: Limits) -> None:
    three, one = Draw(rate=THREE, value="a"), Draw(rate=ONE, value="a")
    limits.take((three, one))
    for _ in range(5):
        with pytest.raises(TooMany) as refused:
            limits.take((three, one))
    assert refused.value.wait == pytest.approx(600)
    assert tries(limits, three) == 2


def test_what_is_put_back_can_be_drawn_again(limits: Limits) -> None:
    draw = Draw(rate=ONE, value="a")
    for _ in range(5):
        limits.put_back(limits.take((draw,)))
    assert tries(limits, draw) == 1


def test_the_reserve_is_drawn_where_the_bucket_is_empty(limits: Limits) -> None:
    own = Draw(rate=ONE, value="mine", reserve=Draw(rate=THREE, value="mine"))
    assert tries(limits, own) == 1 + 3
    with pytest.raises(TooMany) as refused:
        limits.take((own,))
    assert refused.value.wait == pytest.approx(60)


def test_a_restart_empties_nothing(file: Path, clock: Clock) -> None:
    draw = Draw(rate=THREE, value="a")
    assert tries(Limits(file, PEPPER, clock), draw) == 3
    assert tries(Limits(file, PEPPER, clock), draw) == 0


def test_processes_share_the_buckets(file: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime;"
        "from verify_web.limits import *;"
        "clock = type('C', (), {'now': lambda self: datetime(2026, 11, 23, tzinfo=UTC)})();"
        "limits = Limits(Path(sys.argv[1]), bytes(32), clock); made = 0\n"
        "for _ in range(40):\n"
        "    try: limits.take((Draw(rate=Rate(name='r', burst=50, every=60), value='a'),))\n"
        "    except TooMany: break\n"
        "    made += 1\n"
        "print(made)"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(file)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    made = [int(one.communicate()[0]) for one in running]
    assert sum(made) == 50


def test_a_clock_that_was_set_back_shuts_nobody_out_for_long(limits: Limits, clock: Clock) -> None:
    draw = Draw(rate=THREE, value="a")
    clock.on(365 * 24 * 3600)
    tries(limits, draw)
    clock.moment = NOW
    with pytest.raises(TooMany) as refused:
        limits.take((draw,))
    assert refused.value.wait <= THREE.every


def test_the_file_names_nobody_and_nobody_else_may_read_it(limits: Limits, file: Path) -> None:
    value = "id-number|440301190001010019"
    limits.take((Draw(rate=THREE, value=value),))
    everything = b"".join(each.read_bytes() for each in file.parent.iterdir())
    assert value.encode() not in everything
    assert b"440301" not in everything
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [len(bucket) for bucket, _ in rows(file)] == [16]


def test_another_pepper_has_other_buckets(file: Path, clock: Clock) -> None:
    draw = Draw(rate=ONE, value="a")
    for pepper in (bytes(32), PEPPER):
        assert tries(Limits(file, pepper, clock), draw) == 1
    assert len(rows(file)) == 2


def test_full_buckets_are_forgotten(limits: Limits, clock: Clock, file: Path) -> None:
    for number in range(150):
        limits.take((Draw(rate=THREE, value=str(number)),))
    clock.on(3600)
    for _ in range(3):
        limits.take((Draw(rate=THREE, value="last"),))
    assert len(rows(file)) <= 150 - 2 * 64 + 1


@pytest.mark.parametrize("how", ["damaged", "folder", "unwritable"])
def test_a_file_that_cannot_be_used_is_trouble(file: Path, clock: Clock, how: str) -> None:
    file.parent.mkdir()
    match how:
        case "damaged":
            file.write_bytes(b"no database" * 1000)
        case "folder":
            file.mkdir()
        case _:
            file = Path("/proc/nobody/site.db")
    with pytest.raises(ServiceTrouble):
        Limits(file, PEPPER, clock).take((Draw(rate=ONE, value="a"),))


def test_a_file_that_is_taken_away_is_made_again(limits: Limits, file: Path) -> None:
    draw = Draw(rate=ONE, value="a")
    assert tries(limits, draw) == 1
    for each in file.parent.iterdir():
        each.unlink()
    assert tries(limits, draw) == 1
