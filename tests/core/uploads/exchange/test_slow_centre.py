"""A centre that answers 202 and judges later: its word is heard, and no package goes twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from registry.centre import worker as centre_worker
from registry.centre.api import create_app
from registry.centre.rate import Buckets
from registry.centre.store import City
from registry.centre.store import write_unit as write_centre
from registry.store.base import write_unit
from registry.store.certificates import Certificate
from registry.store.uploads import ChainChange, UploadEvent
from registry.upload.asking import Raw
from registry.upload.by_hand import give_back, send_again
from registry.upload.problems import Problem
from registry.upload.sending import MOST_TRIES, Outcome

JSON = {"content-type": "application/json", "retry-after": "2"}
WAITING = Raw(status=202, headers=JSON, body=b"{}")


@pytest.fixture
def slow(exchange: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the centre judge only once its sender was answered; give what lets it judge."""
    waiting: list[Callable[[], None]] = []
    worker = exchange.centre.worker
    monkeypatch.setattr(worker, "_enqueue", lambda *given: _Never(waiting, worker, given))
    opened, buckets = exchange.centre.opened, Buckets(burst=10**6)
    exchange.centre.app = create_app(opened, worker, buckets=buckets, wait=0.0)

    def judge() -> None:
        while waiting:
            waiting.pop(0)()

    return judge


class _Never:
    """The future of a package that is not judged in time."""

    def __init__(self, waiting: list[Callable[[], None]], worker: Any, given: Any) -> None:
        waiting.append(lambda: worker._run(*given))

    def result(self, _wait: float) -> None:
        raise centre_worker.NotYet


def sequence(exchange: Any, number: int) -> None:
    """Let the centre have had so many of the city's manifests."""
    with write_centre(exchange.centre.opened.engine) as session:
        session.get_one(City, "shizhou").sequence = number


def asked(exchange: Any) -> Counter[str]:
    found = Counter(method for method, _ in exchange.wire.asked)
    exchange.wire.asked.clear()
    return found


def act(exchange: Any, done: Any, upload: str) -> Any:
    with write_unit(exchange.office.engine) as session:
        return done(session, upload, exchange.outbox.doing)


def kinds(exchange: Any, upload: str) -> list[str]:
    rows = exchange.office.rows(UploadEvent)
    return [row.kind for row in rows if row.upload_id == upload]


def test_a_receipt_made_later_is_fetched(exchange: Any, slow: Callable[[], None]) -> None:
    exchange.frozen(2)
    assert exchange.send()[0].outcome is Outcome.WAITING
    assert exchange.send()[0].outcome is Outcome.WAITING
    slow()
    assert asked(exchange)["PUT"] == 1
    assert exchange.send()[0].outcome is Outcome.ACKNOWLEDGED


def test_a_refusal_made_later_ends_the_upload_and_its_rows_go_on(
    exchange: Any, slow: Callable[[], None]
) -> None:
    upload = exchange.frozen(2)
    sequence(exchange, 5)
    assert exchange.send()[0].outcome is Outcome.WAITING
    slow()
    asked(exchange)
    (sent,) = exchange.send()
    assert (sent.outcome, sent.problem) == (Outcome.DEAD, "sequence-taken")
    assert asked(exchange) == {"GET": 1}
    assert exchange.send() == []
    assert kinds(exchange, upload)[-3:] == ["send", "sent", "refuse"]


def test_a_refusal_after_202_can_be_given_back(exchange: Any, refusal_of: Any) -> None:
    upload = exchange.frozen(2)
    exchange.wire.spoil = lambda ask, method, _target: WAITING if method == "POST" else ask()
    assert exchange.send()[0].outcome is Outcome.WAITING
    exchange.office.run()
    assert exchange.office.rows(ChainChange) == []
    refusal = refusal_of(upload, "rows-malformed")
    exchange.wire.spoil = lambda ask, _method, to: refusal if "/submissions/" in to else ask()
    assert exchange.send()[0].problem == "rows-malformed"
    act(exchange, give_back, upload)
    assert exchange.states() == ["owed"] * 2
    # The public pages said that they were reported.
    owed = {row.status_index for row in exchange.office.rows(Certificate)}
    assert {row.status_index for row in exchange.office.rows(ChainChange)} == owed


def test_what_nobody_signed_at_the_question_is_a_try_in_vain(exchange: Any) -> None:
    upload = exchange.frozen(2)
    exchange.wire.spoil = lambda ask, method, _target: WAITING if method == "POST" else ask()
    exchange.send()
    problem = {"content-type": "application/problem+json"}
    lie = Raw(status=422, headers=problem, body=b'{"code": "rows-malformed", "later": false}')
    exchange.wire.spoil = lambda *_: lie
    asked(exchange)
    for _ in range(MOST_TRIES - 1):
        assert exchange.send()[0].outcome is Outcome.LATER
    assert exchange.send()[0].outcome is Outcome.DEAD
    assert asked(exchange) == {"GET": MOST_TRIES}
    assert kinds(exchange, upload)[-1] == "dead"


def test_what_is_put_off_is_judged_anew_and_each_time_counted(
    exchange: Any, slow: Callable[[], None]
) -> None:
    upload = exchange.frozen(2)
    with write_centre(exchange.centre.opened.engine) as session:
        session.get_one(City, "shizhou").sequence = -1
    assert exchange.send()[0].outcome is Outcome.WAITING
    asked(exchange)
    for tries in range(1, 5):
        slow()
        (sent,) = exchange.send()
        assert (sent.outcome, sent.problem) == (Outcome.LATER, "sequence-gap")
        assert exchange.upload(upload).tries == tries
    # The centre has the bytes, and gets none of them again.
    assert asked(exchange) == {"GET": 4, "HEAD": 4, "POST": 4}
    sequence(exchange, 0)
    slow()
    assert exchange.send()[0].outcome is Outcome.ACKNOWLEDGED


def test_a_centre_that_forgets_what_it_had_is_not_fed_for_ever(exchange: Any) -> None:
    exchange.frozen(2)
    gone = Raw(status=404, headers={"content-type": "application/problem+json"}, body=b"{}")
    nothing = Raw(status=204, headers={"upload-offset": "0", "upload-complete": "?0"}, body=b"")

    def forget(ask: Any, method: str, _target: str) -> Raw:
        match method:
            case "GET":
                return gone
            case "HEAD":
                return nothing
            case "POST":
                return WAITING
            case _:
                whole = len(exchange.outbox.package("U00000001"))
                headers = {"upload-offset": str(whole), "upload-complete": "?1"}
                return Raw(status=204, headers=headers, body=b"")

    exchange.wire.spoil = forget
    assert exchange.send()[0].outcome is Outcome.WAITING
    (sent,) = exchange.send()
    assert (sent.outcome, sent.problem) == (Outcome.LATER, Problem.BUSY)
    for _ in range(MOST_TRIES - 1):
        (sent,) = exchange.send()
    assert sent.outcome is Outcome.DEAD
    assert asked(exchange)["PUT"] == MOST_TRIES + 1


def test_a_persons_word_brings_a_refused_package_once_more(
    exchange: Any, slow: Callable[[], None]
) -> None:
    upload = exchange.frozen(2)
    sequence(exchange, 5)
    exchange.send()
    slow()
    assert exchange.send()[0].outcome is Outcome.DEAD
    act(exchange, send_again, upload)
    asked(exchange)
    # The network fails first: the word stays good until the package was handed in.
    spoil, away = exchange.wire.spoil, Raw(status=503, headers={}, body=b"")
    exchange.wire.spoil = lambda ask, method, _target: away if method == "HEAD" else ask()
    assert exchange.send()[0].outcome is Outcome.LATER
    exchange.wire.spoil = spoil
    assert exchange.send()[0].outcome is Outcome.WAITING
    assert asked(exchange)["PUT"] == 1
    # Refused again: that is the answer to it, and it is not brought a third time.
    slow()
    assert exchange.send()[0].outcome is Outcome.DEAD
    assert asked(exchange) == {"GET": 1}
    assert kinds(exchange, upload)[-4:] == ["again", "problem", "sent", "refuse"]
    act(exchange, send_again, upload)
    sequence(exchange, 0)
    exchange.send()
    slow()
    assert exchange.send()[0].outcome is Outcome.ACKNOWLEDGED
