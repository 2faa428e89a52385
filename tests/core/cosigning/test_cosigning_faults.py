"""Witnesses that stall, damaged tiles, heads that are not public: nothing false follows."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from registry.ledger.asking import Outcome, witnessed_heads
from registry.ledger.storage import StorageFailed
from registry.ledger.witness.wsgi import WitnessApp

Serve = Any


def full(*_: object) -> None:
    raise StorageFailed("the disk is full")


def test_a_head_that_is_not_public_is_shown_to_nobody(
    office: Any, witnesses: Any, council: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = witnesses("p")
    table = council(office, council.listed(started, "p", serve(WitnessApp(started.witness))))
    office.issue(office.people(2))
    # Killed between the commit and the placing of the files.
    with monkeypatch.context() as patched:
        patched.setattr(type(table.log.storage), "place", full)
        with pytest.raises(StorageFailed):
            office.anchor(table.log)
    assert office.head().size > 0
    assert table.cosign() == ()
    office.anchor(table.log)
    assert table.cosign()[0].outcome is Outcome.COSIGNED


def test_damaged_tiles_are_no_alarm_against_the_witness(
    office: Any, witnesses: Any, council: Any, serve: Serve
) -> None:
    started = witnesses("p")
    table = council(office, council.listed(started, "p", serve(WitnessApp(started.witness))))
    table.anchor(2)
    office.issue(office.people(2, 5))
    office.anchor(table.log)
    for tile in (office.site.public / "log" / "tile" / "0").rglob("*"):
        if tile.is_file():
            tile.write_bytes(bytes(len(tile.read_bytes())))
    (asked,) = table.cosign()
    assert (asked.outcome, asked.alarm, asked.code) == (Outcome.REFUSED, False, None)
    assert "certreg log fsck" in asked.detail


@pytest.mark.parametrize("way", ["silent", "dripping", "endless", "cut off", "babble"])
def test_a_server_that_stalls_or_never_ends_is_given_up(
    office: Any, witnesses: Any, council: Any, way: str
) -> None:
    ended = threading.Event()

    def answer(line: socket.socket) -> None:
        with line:
            line.settimeout(5)
            try:
                if way == "cut off":
                    line.recv(9)
                    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf")
                while way == "endless":
                    line.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 65536)
                while way == "dripping" and not ended.wait(0.05):
                    line.sendall(b"H")
                if way == "babble":
                    line.sendall(b"\xff\xfe nothing of HTTP\r\n\r\n")
                if way == "silent":
                    ended.wait(5)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            answer(server.accept()[0])

        thread = threading.Thread(target=listen)
        thread.start()
        place = f"http://127.0.0.1:{server.getsockname()[1]}"
        table = council(office, council.listed(witnesses("p"), "p", place))
        office.issue(office.people(1))
        office.anchor(table.log)
        (asked,) = table.cosign(timeout=0.4)
        ended.set()
        thread.join()
    assert (asked.outcome, asked.alarm, asked.lines) == (Outcome.UNREACHABLE, False, ())


def test_heads_that_the_witnesses_have(
    office: Any, witnesses: Any, council: Any, serve: Serve
) -> None:
    started = {name: witnesses(name) for name in "pq"}
    table = council(
        office,
        council.listed(started["p"], "p", serve(WitnessApp(started["p"].witness))),
        council.listed(started["q"], "away", "http://127.0.0.1:1"),
    )
    assert witnessed_heads(table.log, timeout=5) == []
    table.anchor(2)
    head = office.head()
    assert witnessed_heads(table.log, timeout=5) == [("p", head.size, head.root)]
    # Signed by the log alone, or by a witness of another name: nothing is believed.
    for note in (head.note, b"junk", table.read().replace(b"p.example", b"x.example")):
        liar = council(
            office, council.listed(started["q"], "q", serve(council.says("200 OK", note)))
        )
        assert witnessed_heads(liar.log, timeout=5) == []
