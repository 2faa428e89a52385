"""The small log as it goes on: later status entries, and the status files published with them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from signing.statusfile import StatusFile, status_file_of
from signing.tlog.entry import State, Status, StatusChange, encode_entry
from signing.tlog.status import StatusPages, blank_pages, set_state

COUNT = 5


def go_on(log: Any, states: dict[int, State], time: str, count: int = COUNT) -> Any:
    """Return the log with changes to `states` and a status entry of this time at its end."""
    later = copy.copy(log)
    later.leaves = list(log.leaves)
    for index, state in states.items():
        change = StatusChange(index=index, link="", reason="test", state=state)
        later.leaves.append(encode_entry(change))
    pages = blank_pages(count)
    for index, state in states.items():
        set_state(pages, index, state)
    later.pages = StatusPages(bytes(pages))
    later.status_index = len(later.leaves)
    entry = Status(before=later.status_index, count=count, root=later.pages.root().hex(), time=time)
    later.leaves.append(encode_entry(entry))
    later.note = later.sign()
    return later


@pytest.fixture(scope="session")
def make_later() -> Callable[..., Any]:
    """The log gone on; see `go_on`."""
    return go_on


@pytest.fixture(scope="session")
def file_of() -> Callable[..., StatusFile]:
    """The status file that a log publishes now; `note` stands in for its checkpoint."""

    def make(log: Any, note: bytes = b"", page: int = 0) -> StatusFile:
        return status_file_of(log.staple(4096 * page), note or log.note)

    return make
