"""A server that stalls, drips, breaks off or points elsewhere: nothing is said of the log then."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from registry.ledger.monitor.errors import LogUnreachable
from registry.ledger.monitor.source import HttpSource


@pytest.fixture
def seen(site: Any, eye: Any, make: Any) -> Any:
    """Give an honest log that the monitor has read."""
    book = make.honest()
    site.files = book.files()
    assert eye.found() == []
    return book


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(1 << 16))


def endless_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    while True:
        handler.wfile.write(b"X: y\r\n" * 1000)


def dripping(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(30):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)


def dripping_headers(handler: BaseHTTPRequestHandler) -> None:
    for _ in range(30):
        handler.wfile.write(b"H")
        handler.wfile.flush()
        time.sleep(0.1)


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x" * 10)
    handler.close_connection = True


def silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1)
    handler.close_connection = True


def elsewhere(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "http://127.0.0.2:1/log/checkpoint")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def broken(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(503)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


UNREACHABLE = {
    "endless-headers": (endless_headers, 1),
    "dripping": (dripping, 3),
    "dripping-headers": (dripping_headers, 3),
    "cut-off": (cut_off, 3),
    "silent": (silent, 3),
    "elsewhere": (elsewhere, 1),
    "broken": (broken, 3),
}


@pytest.mark.parametrize("way", UNREACHABLE)
def test_a_server_that_gives_no_whole_answer_is_left_after_a_bounded_time(
    site: Any, way: str
) -> None:
    site.answers["checkpoint"], asked = UNREACHABLE[way]
    source = HttpSource(site.url, silence=0.3, patience=0.6, pauses=(0.0, 0.0))
    with pytest.raises(LogUnreachable):
        source.read("checkpoint", 5000)
    assert site.asked.count("checkpoint") >= asked
    source.close()


def test_an_endless_answer_is_a_finding_of_bounded_memory(site: Any, eye: Any, make: Any) -> None:
    site.files = make.honest(900).files()
    site.answers["tile/entries/001"] = endless
    site.answers["tile/0/002"] = endless
    assert eye.found() == [
        ("bundle", "tile/entries/001"),
        ("tile", "tile/0/002"),
        ("root", "checkpoint"),
    ]


def test_an_answer_that_comes_at_the_third_time_is_taken(site: Any, eye: Any, make: Any) -> None:
    site.files = make.honest().files()
    left = [cut_off, broken]

    def at_last(handler: BaseHTTPRequestHandler) -> None:
        if left:
            left.pop()(handler)
            return
        data = site.files["checkpoint"]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    site.answers["checkpoint"] = at_last
    report = eye.look()
    assert (report.findings, report.obstacle) == ((), "")


def test_a_server_that_goes_away_midway_is_no_finding_and_old_ones_stay(
    site: Any, eye: Any, make: Any, seen: Any
) -> None:
    site.files["checkpoint"] = seen.files(150)["checkpoint"]
    eye.look()
    seen.issue(300).status()
    site.files = seen.files()
    site.answers["tile/entries/001"] = broken
    report = eye.look()
    assert [kept.finding.kind.value for kept in report.findings] == ["stale-checkpoint"]
    assert "HTTP status 503" in report.obstacle


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://127.0.0.1/log", "http:///log", "https://h/log?x=1", "http://h:x/log"),
        *("http://h:99999/log", "http://示例/log", "http://user:word@h/log", "http://[::1/log"),
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(LogUnreachable, match="no address"):
        HttpSource(url)


def test_nobody_there_is_no_finding(eye: Any, tmp_path: Path) -> None:
    source = HttpSource("http://127.0.0.1:9/log", pauses=())
    report = eye.look(source=source)
    assert report.findings == ()
    assert "ConnectionRefusedError" in report.obstacle
