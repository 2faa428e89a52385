"""Guessing is slowed by address and by target; who brings two right facts is not slowed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from verify_web import allowance

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
ID, NAME = "440301190001010019", "欧阳示例"
ME = {"name": NAME, "id-number": ID}
NUMBER = "Y000044999001263000001"
HOLDER = "198.51.100.20"
LETTERS = str.maketrans("0123456789", "qrstuvwxyz")


class Clock:
    moment = NOW

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(world: Any, clock: Clock) -> FlaskClient:
    proxies = (ip_network("127.0.0.1"),)
    return world.app(clock=clock, trusted_proxies=proxies).test_client()


def ask(client: FlaskClient, facts: dict[str, str], address: str = HOLDER) -> TestResponse:
    return client.post("/lookup", data=facts, headers={"X-Forwarded-For": address})


def scan(client: FlaskClient, token: str, address: str = HOLDER) -> TestResponse:
    return client.get(f"/v/{token}", headers={"X-Forwarded-For": address})


def numbers(count: int) -> list[str]:
    return [f"Y000044999001263{serial:06}" for serial in range(500_000, 500_000 + count)]


def addresses(networks: int) -> Iterator[str]:
    """Give one address in each of so many /24s, far apart."""
    return (f"100.{64 + place % 64}.{place // 64}.7" for place in range(networks))


def test_misses_of_one_address_are_slowed(client: FlaskClient, clock: Clock) -> None:
    answers = [
        ask(client, {"number": number, "name": f"无此人{place}"}).status_code
        for place, number in enumerate(numbers(40))
    ]
    assert answers == [200] * allowance.MISSES.burst + [429] * (40 - allowance.MISSES.burst)
    clock.moment += timedelta(seconds=allowance.MISSES.every)
    again = [ask(client, {"number": number, "name": "某"}).status_code for number in numbers(3)]
    assert again == [200, 429, 429]
    # Others are not.
    assert "未找到" in ask(client, {"number": NUMBER, "name": "某"}, "203.0.113.77").text


def test_hits_are_not(client: FlaskClient) -> None:
    answers = [ask(client, ME).status_code for _ in range(allowance.LOOKUPS.burst + 1)]
    assert answers == [200] * allowance.LOOKUPS.burst + [429]


def test_neighbours_share_what_they_may_miss(client: FlaskClient) -> None:
    asked = [
        ask(client, {"number": number, "name": f"某{place}"}, f"203.0.113.{place % 250}")
        for place, number in enumerate(numbers(60))
    ]
    answers = [answer.status_code for answer in asked]
    assert answers.count(200) == allowance.NETWORK_MISSES.burst


@pytest.mark.parametrize("fixed", [{"id-number": ID}, {"name": NAME}])
def test_many_networks_together_are_slowed_at_one_target(
    client: FlaskClient, fixed: dict[str, str]
) -> None:
    burst = (allowance.NAME_MISSES if "name" in fixed else allowance.TARGET_MISSES).burst
    answers = Counter()
    for address in addresses(25):
        for number in numbers(4):
            answers[ask(client, {**fixed, "number": number}, address).status_code] += 1
    # Beyond the common allowance each network has two tries of its own, and no more.
    assert answers[200] <= burst + 25 * allowance.OWN_TRIES.burst
    assert answers[429] >= 100 - burst - 25 * allowance.OWN_TRIES.burst


def test_a_target_that_exists_is_limited_as_one_that_does_not(world: Any, clock: Clock) -> None:
    patterns = []
    for number, name in ((ID, "无此人"), ("440301190009090019", "无此人")):
        (world.public.parent / "site" / "site.db").unlink(missing_ok=True)
        client = world.app(clock=clock, trusted_proxies=(ip_network("127.0.0.1"),)).test_client()
        answers = []
        for address in addresses(12):
            for _ in range(4):
                answer = ask(client, {"id-number": number, "name": name}, address)
                answers.append((answer.status_code, answer.get_data(), tuple(answer.headers)))
        patterns.append(answers)
    assert patterns[0] == patterns[1]


def test_guessing_at_a_holder_does_not_shut_the_holder_out(client: FlaskClient) -> None:
    for address in addresses(20):
        for number in numbers(3):
            ask(client, {"id-number": ID, "number": number}, address)
            ask(client, {"name": NAME, "number": number}, address)
    guess = ask(client, {"id-number": ID, "number": "Y000044999001263400000"}, "100.83.0.9")
    assert guess.status_code == 429
    for facts in (ME, {"id-number": ID, "number": NUMBER}, {"name": NAME, "number": NUMBER}):
        assert "电工 · 三级/高级工" in ask(client, facts).text
    # Also after a slip of the pen, and as often as needed.
    assert ask(client, {**ME, "name": "欧阳实例"}).status_code == 200
    for _ in range(5):
        assert ask(client, ME).status_code == 200


def test_a_refusal_is_the_same_page_for_everybody(client: FlaskClient) -> None:
    pages = set()
    for fixed in ({"id-number": ID}, {"id-number": "440301190009090019"}):
        for address in ("203.0.113.5", "192.0.2.5"):
            for number in numbers(60):
                answer = ask(client, {**fixed, "number": number}, address)
                if answer.status_code == 429:
                    break
            pages.add(re.sub(r"(\d+|a) (分钟|minutes?|小时|hours)", "", answer.text))
            assert int(answer.headers["Retry-After"]) % 60 == 0
            assert answer.headers["Cache-Control"] == "no-store"
    assert len(pages) == 1
    (page,) = pages
    assert "查询过于频繁" in page
    assert "二维码" in page
    assert ID not in page


def test_a_program_gets_problem_details_with_the_wait(client: FlaskClient) -> None:
    headers = {"X-Forwarded-For": HOLDER, "Accept": "application/problem+json"}
    for number in numbers(60):
        answer = client.post("/lookup", data={"number": number, "name": "某"}, headers=headers)
        if answer.status_code == 429:
            break
    assert answer.content_type == "application/problem+json"
    body = answer.get_json()
    assert (body["code"], body["status"]) == ("too-many", 429)
    assert body["retry_after"] == int(answer.headers["Retry-After"]) > 0


def test_scans_of_real_codes_cost_nothing(world: Any, client: FlaskClient) -> None:
    for number in numbers(12):
        ask(client, {"number": number, "name": "某"})
    answers = {scan(client, world.token("valid")).status_code for _ in range(120)}
    assert answers == {200}


def test_tokens_that_lead_nowhere_are_counted(
    world: Any, client: FlaskClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    burst = 25
    monkeypatch.setattr(allowance, "TOKEN_MISSES", replace(allowance.TOKEN_MISSES, burst=burst))
    tokens = (f"{place:016}".translate(LETTERS) for place in range(burst + 50))
    answers = [scan(client, token).status_code for token in tokens]
    assert answers == [404] * burst + [429] * 50
    refused = scan(client, world.token("valid"))
    assert refused.status_code == 429
    assert "暂无法确认" in refused.text
    assert scan(client, "q" * 16, "192.0.2.1").status_code == 404
    clock.moment += timedelta(seconds=10)
    assert scan(client, world.token("valid")).status_code == 200


def test_counting_tokens_needs_no_disk(world: Any, clock: Clock) -> None:
    state = world.public.parent / "site"
    state.write_bytes(b"")
    client = world.app(clock=clock).test_client()
    assert client.get(f"/v/{world.token('valid')}").status_code == 200
    assert client.get("/v/" + "q" * 16).status_code == 404


def test_a_lookup_that_cannot_be_counted_is_not_made(world: Any, clock: Clock) -> None:
    (world.public.parent / "site").write_bytes(b"")
    answer = world.app(clock=clock).test_client().post("/lookup", data=ME)
    assert answer.status_code == 503
    assert "暂无法确认" in answer.text


def test_a_form_with_a_fault_costs_nothing(client: FlaskClient) -> None:
    for _ in range(80):
        assert ask(client, {"number": NUMBER}).status_code == 200
    assert "查到" in ask(client, ME).text


def test_another_site_started_later_goes_on_counting(world: Any, clock: Clock) -> None:
    proxies = (ip_network("127.0.0.1"),)
    first, second = (
        world.app(clock=clock, trusted_proxies=proxies).test_client() for _ in range(2)
    )
    answers = [
        ask((first, second)[place % 2], {"number": number, "name": f"某{place}"}).status_code
        for place, number in enumerate(numbers(20))
    ]
    assert answers.count(200) == allowance.MISSES.burst


def test_nothing_stands_in_the_state_file(world: Any, client: FlaskClient) -> None:
    ask(client, ME)
    ask(client, {"number": NUMBER, "name": "无此人"})
    kept = b"".join(each.read_bytes() for each in (world.public.parent / "site").iterdir())
    for value in (ID, NAME, "无此人", NUMBER, HOLDER):
        assert value.encode() not in kept
