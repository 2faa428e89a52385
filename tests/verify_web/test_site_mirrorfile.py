"""The mirror's kept connection: one state a transaction, and always the newest."""

from __future__ import annotations

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from verify_web.mirrorfile import MirrorFile

QUERY = "SELECT value, other FROM things"


def write(path: Path, value: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode=TRUNCATE")
        connection.execute("CREATE TABLE IF NOT EXISTS things (value, other)")
        connection.execute("DELETE FROM things")
        connection.execute("INSERT INTO things VALUES (?, ?)", (value, value))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "mirror.db"
    write(file, 0)
    return file


def read(file: MirrorFile) -> int:
    with file.reading() as cursor:
        value, other = cursor.execute(QUERY).fetchone()
    assert value == other
    return int(value)


def test_a_commit_within_the_file_is_seen(path: Path) -> None:
    file = MirrorFile(path)
    for value in range(20):
        write(path, value)
        assert read(file) == value
        # The clock of the file set back, as it is where two commits fall into one of its grains.
        os.utime(path, ns=(1, 1))
        assert read(file) == value


def test_a_file_put_in_its_place_is_seen(path: Path, tmp_path: Path) -> None:
    file = MirrorFile(path)
    times = path.stat().st_mtime_ns
    for value in range(1, 20):
        other = tmp_path / "new"
        write(other, value)
        os.utime(other, ns=(times, times))
        other.rename(path)
        assert read(file) == value


def test_a_file_written_over_is_seen(path: Path, tmp_path: Path) -> None:
    # As `cp` does: the same inode, the same change counter, other rows.
    file = MirrorFile(path)
    assert read(file) == 0
    other = tmp_path / "new"
    write(other, 7)
    data = other.read_bytes()
    assert len(data) == path.stat().st_size
    path.write_bytes(data)
    os.utime(path, ns=(5, 5))
    assert read(file) == 7


def test_a_connection_is_kept_while_the_file_is_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, real = [], sqlite3.connect

    def count(*args: object, **settings: object) -> sqlite3.Connection:
        opened.append(args)
        return real(*args, **settings)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr("verify_web.mirrorfile.sqlite3.connect", count)
    file = MirrorFile(path)
    for _ in range(5):
        read(file)
    assert len(opened) == 1
    with pytest.raises(sqlite3.Error), file.reading() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")
    assert read(file) == 0
    assert len(opened) == 2


def test_a_lost_or_broken_file_is_an_error_until_it_is_mended(path: Path) -> None:
    file = MirrorFile(path)
    read(file)
    good = path.read_bytes()
    path.unlink()
    with pytest.raises(sqlite3.Error):
        read(file)
    path.write_bytes(b"no database at all" * 300)
    with pytest.raises(sqlite3.Error):
        read(file)
    path.unlink()
    path.write_bytes(good)
    assert read(file) == 0


def test_nothing_can_be_written_and_nobody_is_kept_from_writing(path: Path) -> None:
    file = MirrorFile(path)
    with pytest.raises(sqlite3.OperationalError), file.reading() as cursor:
        cursor.execute("DELETE FROM things")
    with pytest.raises(IndexError), file.reading() as cursor:
        cursor.execute(QUERY).fetchone()[9]
    read(file)
    with closing(sqlite3.connect(path, timeout=0)) as connection, connection:
        connection.execute("INSERT INTO things VALUES (9, 9)")


def test_a_transaction_sees_one_state(path: Path, tmp_path: Path) -> None:
    file = MirrorFile(path)
    other = tmp_path / "new"
    write(other, 1)
    with file.reading() as cursor:
        before = cursor.execute(QUERY).fetchone()
        other.rename(path)
        assert cursor.execute(QUERY).fetchone() == before
    assert read(file) == 1


def test_threads_read_while_it_is_written(path: Path, tmp_path: Path) -> None:
    file, one_writer = MirrorFile(path), threading.Lock()

    def turn(number: int) -> int:
        with one_writer:
            if number % 25 == 0:
                write(path, number)
            if number % 60 == 0:
                other = tmp_path / f"new{number}"
                write(other, number)
                other.rename(path)
        return read(file)

    with ThreadPoolExecutor(4) as pool:
        seen = set(pool.map(turn, range(300)))
    assert seen <= set(range(300))
    assert len(seen) > 3
