"""Any bit flipped in any file of a log, and any bytes in its place: never green, never endless."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ledger.monitor import reading
from registry.ledger.monitor.errors import AnswerTooLong
from signing.tlog.checkpoint import Checkpoint


class Files:
    """A source in memory."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked = 0

    def read(self, path: str, limit: int) -> bytes:
        self.asked += 1
        if path not in self.files:
            raise FileNotFoundError(path)
        if len(self.files[path]) > limit:
            raise AnswerTooLong(path)
        return self.files[path]

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def files(make: Any) -> dict[str, bytes]:
    honest: dict[str, bytes] = make.honest(300).files()
    return honest


@pytest.fixture
def eyes(eye: Any) -> Iterator[Any]:
    """Give monitors, each with a state of its own."""
    return (type(eye)(eye.folder.with_name(f"state-{n}"), eye.url) for n in count())


@given(data=st.data())
def test_any_flipped_bit_of_any_file_is_noticed(
    files: dict[str, bytes], eyes: Any, data: Any
) -> None:
    path = data.draw(st.sampled_from(sorted(files)))
    changed = bytearray(files[path])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    report = next(eyes).look(source=Files(files | {path: bytes(changed)}))
    assert report.findings != () or report.obstacle


@given(data=st.data())
def test_no_bytes_whatever_stop_the_monitor(files: dict[str, bytes], eyes: Any, data: Any) -> None:
    path = data.draw(st.sampled_from(sorted(files)))
    start = data.draw(st.integers(0, len(files[path])))
    other = files[path][:start] + data.draw(st.binary(max_size=60))
    report = next(eyes).look(source=Files(files | {path: other}))
    assert (report.findings == ()) == (other == files[path])


def test_a_size_beyond_all_files_ends(make: Any, eye: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FOUND_AT_MOST", 50)
    head = Checkpoint(origin="127.0.0.1:8000/log", size=2**60, root=b"r" * 32)
    source = Files({"checkpoint": make.sign(head)})
    report = eye.look(source=source)
    assert {kept.finding.kind.value for kept in report.findings} == {"missing-file", "root"}
    assert len(report.findings) == 51
    assert source.asked < 200
