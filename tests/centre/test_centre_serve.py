"""Whose requests count together, with a front server before the centre and without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from registry.centre.api import create_app
from registry.centre.rate import Buckets
from registry.centre.worker import Worker
from registry.cli import centre_serve


@pytest.fixture
def queue(province: Any) -> Iterator[Worker]:
    queue = Worker(province.centre)
    yield queue
    queue.end()


def few(burst: int) -> Buckets:
    return Buckets(burst=burst, each_second=0)


@pytest.mark.parametrize(
    ("url", "statuses"),
    [
        ("https://sheng.example.cn", [200, 200, 429, 429]),
        # Nobody stands before it: what a stranger says of himself is not believed.
        ("http://sheng.example.cn", [200, 429, 429, 429]),
        ("", [200, 429, 429, 429]),
    ],
)
def test_the_address_that_the_front_server_adds_counts(
    province: Any, queue: Worker, monkeypatch: pytest.MonkeyPatch, url: str, statuses: list[int]
) -> None:
    monkeypatch.setattr(centre_serve, "Buckets", lambda: few(1))
    settings = replace(province.centre.settings, url=url)
    client = centre_serve.application(replace(province.centre, settings=settings), queue)
    asked = []
    for said in ("10.0.0.1", "10.0.0.2", "10.0.0.1", "made-up, 10.0.0.2"):
        answer = client.test_client().get("/lookup", headers={"X-Forwarded-For": said})
        asked.append(answer.status_code)
    assert asked == statuses


def test_the_lookup_and_the_cities_are_counted_apart(province: Any, queue: Worker) -> None:
    client = create_app(province.centre, queue, buckets=few(2)).test_client()
    number = "/api/v1/lookup?number=Y000044999001263000001"
    public = [client.get(path).status_code for path in ("/", number, "/lookup", number)]
    assert public == [200, 404, 429, 429]
    cities = [client.get("/api/v1/receipts").status_code for _ in range(3)]
    assert cities == [401, 401, 429]
