"""The centre's API: who may ask, what is answered, and that nothing sent is said again."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from keys.model import KeyState
from registry.centre import worker as worker_module
from registry.centre.api import create_app
from registry.centre.cities import end_city, load_city_trust
from registry.centre.intake import submit
from registry.centre.packages import MAX_PIECE
from registry.centre.rate import Buckets
from registry.centre.store import Nonce, Submission, write_unit
from registry.centre.visibility import load_visible
from registry.centre.worker import Worker
from signing.httpsig import Request, sign_request
from signing.upload.receipt import open_receipt

BINARY, JSON = "application/octet-stream", "application/json"


@dataclass(kw_only=True)
class Caller:
    """A city's program."""

    client: FlaskClient
    city: Any
    clock: Any

    def ask(self, method: str, path: str, body: bytes = b"", **change: Any) -> Any:
        """Send a signed request; `headers` go along, `nonce`, `ahead` and `signer` differ."""
        bare, _, query = path.partition("?")
        headers = dict(change.get("headers", {}))
        signed = sign_request(
            Request(method=method, path=bare, query=query, headers=headers),
            body,
            change.get("signer", self.city.upload_signer),
            nonce=change.get("nonce") or secrets.token_hex(16),
            now=self.clock.now() + change.get("ahead", timedelta()),
        )
        sent = {**headers, **signed, **change.get("after", {})}
        sent = {name: value for name, value in sent.items() if value is not None}
        return self.client.open(
            change.get("sent_path", path),
            method=method,
            data=change.get("sent_body", body),
            headers=sent,
        )

    def put(self, digest: str, body: bytes, at: int, *, last: bool, **change: Any) -> Any:
        headers = {
            "content-type": BINARY,
            "upload-offset": str(at),
            "upload-complete": "?1" if last else "?0",
        }
        headers |= change.pop("headers", {})
        return self.ask("PUT", f"/api/v1/packages/{digest}", body, headers=headers, **change)

    def push(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        answer = self.put(digest, data, 0, last=True)
        assert answer.status_code == 204, answer.data
        return digest

    def submit(self, digest: str, **change: Any) -> Any:
        body = json.dumps({"package": digest}).encode()
        headers = {"content-type": JSON, "idempotency-key": digest}
        headers |= change.pop("headers", {})
        return self.ask("POST", "/api/v1/submissions", body, headers=headers, **change)


def code_of(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.data
    assert answer.content_type == "application/problem+json"
    body = answer.get_json(force=True)
    signed = {"refusal"} if status == 422 else set()
    assert set(body) == {"type", "title", "status", "detail", "code", "later"} | signed
    assert body["status"] == status
    return str(body["code"])


@pytest.fixture
def queue(province: Any) -> Iterator[Worker]:
    queue = Worker(province.centre)
    yield queue
    queue.end()


@pytest.fixture
def client(province: Any, queue: Worker) -> FlaskClient:
    return create_app(province.centre, queue, buckets=Buckets(), wait=30.0).test_client()


@pytest.fixture
def caller(province: Any, client: FlaskClient, shizhou: Any) -> Caller:
    return Caller(client=client, city=shizhou, clock=province.clock)


@pytest.fixture
def other(province: Any, client: FlaskClient, lizhou: Any) -> Caller:
    return Caller(client=client, city=lizhou, clock=province.clock)


def test_pieces_submission_receipt_and_the_list_of_receipts(caller: Caller) -> None:
    data = caller.city.package(caller.city.issue(1))
    digest = hashlib.sha256(data).hexdigest()
    head = caller.ask("HEAD", f"/api/v1/packages/{digest}")
    assert (head.status_code, head.headers["Upload-Offset"]) == (204, "0")
    assert caller.put(digest, data[:300], 0, last=False).headers["Upload-Offset"] == "300"
    assert code_of(caller.submit(digest), 409) == "package-incomplete"
    again = caller.put(digest, data[:300], 0, last=False)
    assert code_of(again, 409) == "upload-offset"
    assert again.headers["Upload-Offset"] == "300"
    done = caller.put(digest, data[300:], 300, last=True)
    assert (done.status_code, done.headers["Upload-Complete"]) == (204, "?1")
    first = caller.submit(digest)
    assert first.status_code == 201
    receipt = open_receipt(first.data).receipt
    assert (receipt.accepted, receipt.city) == (1, caller.city.origin)
    assert caller.submit(digest).data == first.data
    assert caller.ask("GET", f"/api/v1/submissions/{digest}").data == first.data
    second = caller.submit(caller.push(caller.city.package(caller.city.issue(2))))
    assert caller.ask("GET", "/api/v1/receipts?after=0").data == b"".join(
        (first.data, b"\n", second.data, b"\n")
    )
    assert caller.ask("GET", "/api/v1/receipts?after=1").data == second.data + b"\n"
    assert caller.ask("GET", "/api/v1/receipts?after=2").data == b""


def test_a_city_sees_nothing_of_another_one(caller: Caller, other: Caller) -> None:
    data = caller.city.package(caller.city.issue(1))
    digest = caller.push(data)
    assert other.ask("HEAD", f"/api/v1/packages/{digest}").headers["Upload-Offset"] == "0"
    assert code_of(other.submit(digest), 409) == "package-incomplete"
    assert caller.submit(digest).status_code == 201
    assert code_of(other.ask("GET", f"/api/v1/submissions/{digest}"), 404) == "http-404"
    assert other.ask("GET", "/api/v1/receipts?after=0").data == b""
    # Brought by the other city it is the other city's package, which it did not sign.
    assert other.push(data) == digest
    assert code_of(other.submit(digest), 422) == "manifest-other-city"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"after": {"signature": None}}, 401, "signature-missing"),
        ({"after": {"signature-input": "garbage"}}, 401, "signature-malformed"),
        ({"after": {"signature": f"sig1=:{'A' * 86}==:"}}, 401, "signature-false"),
        ({"sent_path": "/api/v1/receipts?after=1"}, 401, "signature-false"),
        ({"after": {"upload-offset": "3"}}, 401, "signature-incomplete"),
        ({"after": {"date": None}}, 401, "signature-malformed"),
        ({"ahead": timedelta(minutes=6)}, 401, "clock-skew"),
        ({"ahead": timedelta(minutes=-6)}, 401, "clock-skew"),
        ({"nonce": "short"}, 401, "signature-incomplete"),
    ],
)
def test_requests_that_are_nobody_s(
    caller: Caller, province: Any, change: dict[str, Any], status: int, code: str
) -> None:
    answer = caller.ask("GET", "/api/v1/receipts?after=0", **change)
    assert code_of(answer, status) == code
    assert province.count(Nonce) == 0


def test_the_words_for_clock_skew_say_what_to_do(caller: Caller) -> None:
    answer = caller.ask("GET", "/api/v1/receipts", ahead=timedelta(hours=1))
    assert "校准" in answer.get_json(force=True)["detail"]
    for edge in (timedelta(minutes=5), timedelta(minutes=-5)):
        assert caller.ask("GET", "/api/v1/receipts", ahead=edge).status_code == 200


def test_a_request_is_taken_once_as_long_as_its_date_is(caller: Caller, province: Any) -> None:
    nonce = "n" * 20
    ahead = timedelta(minutes=5)
    assert caller.ask("GET", "/api/v1/receipts", nonce=nonce, ahead=ahead).status_code == 200
    assert code_of(caller.ask("GET", "/api/v1/receipts", nonce=nonce), 401) == "nonce-used"
    province.clock.moment += timedelta(minutes=10)
    # Another request throws away what is out of the window; this one is not, by its date.
    assert caller.ask("GET", "/api/v1/receipts").status_code == 200
    late = caller.ask("GET", "/api/v1/receipts", nonce=nonce, ahead=-timedelta(minutes=5))
    assert code_of(late, 401) == "nonce-used"
    province.clock.moment += timedelta(minutes=6)
    assert caller.ask("GET", "/api/v1/receipts").status_code == 200
    assert province.count(Nonce) == 2


def test_a_body_other_than_the_signed_one(caller: Caller) -> None:
    digest = "0" * 64
    for body in (b"other", b"piec", b"<!doctype html><title>502</title>"):
        answer = caller.put(digest, b"piece", 0, last=False, sent_body=body)
        assert code_of(answer, 400) == "content-digest-differs"
    assert caller.ask("HEAD", f"/api/v1/packages/{digest}").headers["Upload-Offset"] == "0"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"state": KeyState.REVOKED}, "key-revoked"),
        ({"state": KeyState.RETIRED}, "key-retired"),
        ({"not_after": "soon"}, "key-not-in-force"),
    ],
)
def test_a_key_that_is_over(
    caller: Caller, province: Any, change: dict[str, Any], code: str
) -> None:
    province.clock.moment += timedelta(minutes=1)
    now = province.clock.now()
    if change.get("state") is KeyState.REVOKED:
        change = {**change, "revoked_at": now}
    if "not_after" in change:
        change = {"not_after": now}
    province.add(caller.city, issued_at=now, **change)
    assert code_of(caller.ask("GET", "/api/v1/receipts"), 403) == code


def test_strangers_and_ended_cities(caller: Caller, province: Any, make_city: Any) -> None:
    stranger = make_city("shizhou")
    signer = stranger.issuers[stranger.prefix]
    assert code_of(caller.ask("GET", "/api/v1/receipts", signer=signer), 401) == (
        "signature-unknown-key"
    )
    with write_unit(province.centre.engine) as session:
        end_city(session, "shizhou", who="test", now=province.clock.now())
    assert code_of(caller.ask("GET", "/api/v1/receipts"), 403) == "city-ended"


def test_a_city_s_damaged_trust_folder_shuts_nobody_else_out(
    caller: Caller, other: Caller, province: Any
) -> None:
    for file in (province.centre.home.cities / "lizhou").rglob("office.json"):
        file.unlink()
    load_city_trust.cache_clear()
    assert caller.ask("GET", "/api/v1/receipts").status_code == 200
    assert code_of(other.ask("GET", "/api/v1/receipts"), 401) == "signature-unknown-key"


@pytest.mark.parametrize(
    "body",
    [
        b" ",
        b"{",
        b"null",
        b"[]",
        b'{"package": 1}',
        b'{"package": "ab"}',
        b'{"package": "' + b"0" * 64 + b'", "x": 1}',
        b"<!doctype html><p>504 Gateway Time-out</p>",
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_garbage_for_a_submission(caller: Caller, province: Any, body: bytes) -> None:
    headers = {"content-type": JSON, "idempotency-key": "0" * 64}
    answer = caller.ask("POST", "/api/v1/submissions", body, headers=headers)
    assert code_of(answer, 400) == "http-400"
    assert b"Gateway" not in answer.data
    assert province.count(Submission) == 0


def test_other_forms_are_refused(caller: Caller) -> None:
    digest, zero = "0" * 64, "1" * 64
    named = {"content-type": "text/html"}
    assert code_of(caller.submit(digest, headers=named), 415) == "http-415"
    assert code_of(caller.submit(digest, headers={"idempotency-key": zero}), 400) == "http-400"
    assert code_of(caller.put(digest, b"x", 0, last=False, headers=named), 415) == "http-415"
    for offset in ("", "-1", "00", "1e3", "１"):
        sent = {"upload-offset": offset}
        with_offset = caller.put(digest, b"x", 0, last=False, after=sent)
        assert with_offset.status_code in {400, 401}
    assert code_of(caller.ask("GET", "/api/v1/submissions/zz"), 404) == "http-404"
    assert code_of(caller.ask("GET", "/api/v1/receipts?after=x"), 400) == "http-400"
    assert code_of(caller.ask("GET", "/api/v1/receipts?other=1"), 400) == "http-400"
    assert code_of(caller.ask("DELETE", f"/api/v1/packages/{digest}"), 405) == "http-405"
    assert code_of(caller.ask("GET", "/api/v1/nothing"), 404) == "http-404"


def test_too_long_and_without_a_length(caller: Caller, client: FlaskClient) -> None:
    digest = "0" * 64
    assert code_of(caller.put(digest, bytes(MAX_PIECE + 1), 0, last=False), 413) == "http-413"
    answer = client.put(f"/api/v1/packages/{digest}", headers={"Content-Type": BINARY})
    assert answer.status_code in {401, 411}


def test_a_whole_package_of_another_digest_is_thrown_away(caller: Caller) -> None:
    digest = "0" * 64
    assert code_of(caller.put(digest, b"piece", 0, last=True), 409) == "package-other-digest"
    assert caller.ask("HEAD", f"/api/v1/packages/{digest}").headers["Upload-Offset"] == "0"


def test_a_gap_is_later_and_a_refusal_is_not(caller: Caller) -> None:
    first = caller.city.package(caller.city.issue(1))
    second = caller.push(caller.city.package(caller.city.issue(2)))
    waits = caller.submit(second)
    assert code_of(waits, 409) == "sequence-gap"
    assert waits.get_json(force=True)["later"] is True
    assert "Retry-After" in waits.headers
    assert caller.submit(caller.push(first)).status_code == 201
    assert caller.submit(second).status_code == 201
    garbage = caller.push(b"no package")
    refused = caller.submit(garbage)
    assert code_of(refused, 422) == "container-malformed"
    assert refused.get_json(force=True)["later"] is False
    state = caller.ask("GET", f"/api/v1/submissions/{garbage}")
    assert code_of(state, 422) == "container-malformed"


def test_what_takes_long_is_answered_later(
    caller: Caller, province: Any, queue: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    go = threading.Event()
    work = worker_module.take

    def slow(*arguments: Any, **named: Any) -> Any:
        go.wait(30)
        return work(*arguments, **named)

    monkeypatch.setattr(worker_module, "take", slow)
    app = create_app(province.centre, queue, buckets=Buckets(), wait=0.01)
    caller.client = app.test_client()
    digest = caller.push(caller.city.package(caller.city.issue(1)))
    for _ in range(2):
        answer = caller.submit(digest)
        assert (answer.status_code, answer.get_json()) == (202, {"state": "submitted"})
        assert answer.headers["Location"] == f"/api/v1/submissions/{digest}"
    state = caller.ask("GET", f"/api/v1/submissions/{digest}")
    assert state.status_code == 202
    go.set()
    queue.end()
    answer = caller.ask("GET", f"/api/v1/submissions/{digest}")
    assert (answer.status_code, open_receipt(answer.data).receipt.accepted) == (200, 1)


def test_one_that_nobody_judges_is_taken_up_when_its_sender_asks(
    caller: Caller, province: Any, queue: Worker
) -> None:
    digest = caller.push(caller.city.package(caller.city.issue(1)))
    with write_unit(province.centre.engine) as session:
        submit(session, "shizhou", digest, now=province.clock.now())
    assert caller.ask("GET", f"/api/v1/submissions/{digest}").status_code == 202
    queue.end()
    assert caller.ask("GET", f"/api/v1/submissions/{digest}").status_code == 200


def test_visibility_of_a_city_s_own_numbers(caller: Caller, other: Caller, province: Any) -> None:
    numbers = []
    for one in (caller, other):
        row = one.city.issue(1)
        numbers.append(row.number)
        province.take(one.city, one.city.package(row))
    table = "证书编号,全国联网可查日期\n" + "".join(f"{number},2026-11-24\n" for number in numbers)
    with write_unit(province.centre.engine) as session:
        now = province.clock.now()
        assert load_visible(session, table.encode(), who="test", now=now) == 2
    found = caller.ask("GET", "/api/v1/visibility?after=0").get_json()
    assert found["visible"] == [{"number": numbers[0], "seen_on": "2026-11-24"}]
    after = caller.ask("GET", f"/api/v1/visibility?after={found['next']}").get_json()
    assert after == {"visible": [], "next": found["next"]}


def test_who_asks_too_much_waits(province: Any, queue: Worker, shizhou: Any) -> None:
    buckets = Buckets(burst=3, each_second=1)
    client = create_app(province.centre, queue, buckets=buckets).test_client()
    caller = Caller(client=client, city=shizhou, clock=province.clock)
    for _ in range(3):
        assert caller.ask("GET", "/api/v1/receipts").status_code == 200
    assert code_of(caller.ask("GET", "/api/v1/receipts"), 429) == "http-429"
    province.clock.moment += timedelta(seconds=1)
    assert caller.ask("GET", "/api/v1/receipts").status_code == 200


def test_the_path_of_the_public_address_is_the_one_that_is_signed(
    province: Any, queue: Worker, shizhou: Any
) -> None:
    url = "https://sheng.example.cn/jianding"
    settings = replace(province.centre.settings, url=url)
    centre = replace(province.centre, settings=settings)
    client = create_app(centre, queue, buckets=Buckets()).test_client()
    caller = Caller(client=client, city=shizhou, clock=province.clock)
    named = {"sent_path": "/api/v1/receipts"}
    assert caller.ask("GET", "/jianding/api/v1/receipts", **named).status_code == 200
    assert code_of(caller.ask("GET", "/api/v1/receipts"), 401) == "signature-false"


def test_every_answer_forbids_what_a_browser_could_do_with_it(client: FlaskClient) -> None:
    for path in ("/", "/api/v1/receipts", "/centre.json", "/api/v1/lookup?number=x"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
