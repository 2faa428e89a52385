"""A server in between that lies: only what the centre signed, to this city, ends an upload."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from registry.store.base import write_unit
from registry.store.uploads import Upload
from registry.upload.asking import Raw
from registry.upload.by_hand import give_back, may_give_back
from registry.upload.collecting import collect
from registry.upload.errors import UploadStateRefused
from registry.upload.problems import Problem, next_step
from registry.upload.sending import MOST_TRIES, Outcome
from signing.envelope import to_json
from signing.upload.receipt import open_receipt, sign_receipt

JSON = {"content-type": "application/json"}
LINES = {"content-type": "application/jsonl"}
PROBLEM = {"content-type": "application/problem+json"}


def signed_by(signer: Any, data: bytes, **change: Any) -> bytes:
    receipt = msgspec.structs.replace(open_receipt(data).receipt, **change)
    return to_json(sign_receipt(receipt, signer))


def lie(exchange: Any, method: str, target: str, answer: Raw) -> None:
    """Let `answer` come to requests of this method whose target has this part."""
    exchange.wire.spoil = lambda ask, asked, to: (
        answer if asked == method and target in to else ask()
    )


def honest(exchange: Any) -> None:
    exchange.wire.spoil = lambda ask, _method, _target: ask()


def two_on_the_way(exchange: Any) -> tuple[str, str]:
    """Bring two uploads to the centre without their receipts."""
    uploads = exchange.frozen(2), exchange.frozen(2, offset=10)
    waiting = Raw(status=202, headers=JSON | {"retry-after": "5"}, body=b"{}")
    lie(exchange, "POST", "/submissions", waiting)
    exchange.send()
    honest(exchange)
    assert [exchange.upload(one).state for one in uploads] == ["sent", "sent"]
    return uploads


def facts(exchange: Any) -> list[tuple[Any, ...]]:
    rows = exchange.office.rows(Upload)
    return [(row.upload_id, row.state, row.tries, row.last_problem, row.sent_at) for row in rows]


@pytest.mark.parametrize("change", [{}, {"snapshot": "0" * 64}, {"manifest": "0" * 64}])
def test_a_list_of_false_receipts_changes_no_upload(exchange: Any, change: dict[str, str]) -> None:
    first, _ = two_on_the_way(exchange)
    false = signed_by(exchange.outbox.signer, exchange.by_hand(first), **change)
    lie(exchange, "GET", "/receipts", Raw(status=200, headers=LINES, body=false + b"\n"))
    before = exchange.office.contents()
    assert collect(exchange.sender).problem == Problem.RECEIPT_UNKNOWN_KEY
    assert exchange.office.contents() == before
    honest(exchange)
    assert collect(exchange.sender).receipts == 1


def test_a_turned_signature_changes_no_upload(exchange: Any) -> None:
    first, _ = two_on_the_way(exchange)
    good = open_receipt(exchange.by_hand(first)).envelope
    turned = bytes([good.signature[0] ^ 1]) + good.signature[1:]
    bad = to_json(msgspec.structs.replace(good, signature=turned))
    lie(exchange, "GET", "/receipts", Raw(status=200, headers=LINES, body=bad + b"\n"))
    before = exchange.office.contents()
    assert collect(exchange.sender).problem == Problem.RECEIPT_SIGNATURE
    assert exchange.office.contents() == before


def test_another_citys_receipt_of_the_same_upload_number_changes_nothing(
    exchange: Any, receipt_signer: Any
) -> None:
    first, _ = two_on_the_way(exchange)
    theirs = signed_by(
        receipt_signer(exchange),
        exchange.by_hand(first),
        city="elsewhere.example.cn/log",
        manifest="1" * 64,
        snapshot="1" * 64,
    )
    lie(exchange, "GET", "/receipts", Raw(status=200, headers=LINES, body=theirs + b"\n"))
    before = exchange.office.contents()
    assert collect(exchange.sender).problem == Problem.RECEIPT_OTHER_CITY
    assert exchange.office.contents() == before


def test_what_the_centre_did_sign_wrongly_is_a_dead_letter(
    exchange: Any, receipt_signer: Any
) -> None:
    first, second = two_on_the_way(exchange)
    wrong = signed_by(receipt_signer(exchange), exchange.by_hand(first), snapshot="0" * 64)
    lie(exchange, "GET", "/receipts", Raw(status=200, headers=LINES, body=wrong + b"\n"))
    assert collect(exchange.sender).problem == Problem.RECEIPT_OTHER_BATCH
    assert exchange.upload(first).state == "dead"
    assert exchange.upload(second).state == "sent"


def test_an_answer_that_names_another_upload_leaves_that_one_alone(exchange: Any) -> None:
    first, second = two_on_the_way(exchange)
    other = exchange.by_hand(first)
    lie(exchange, "GET", "/submissions", Raw(status=200, headers=JSON, body=other))
    before = {row[0]: row for row in facts(exchange)}[first]
    sent = {one.upload_id: one for one in exchange.send()}[second]
    assert (sent.outcome, sent.problem) == (Outcome.LATER, Problem.RECEIPT_OTHER_UPLOAD)
    found = exchange.upload(second)
    assert (found.state, found.tries) == ("sent", 1)
    assert next_step(found.last_problem)
    # The first got its own receipt, by the centre's signature, whoever brought it.
    assert before[1] == "sent"
    assert exchange.upload(first).state == "acknowledged"


def answers(exchange: Any, refusal_of: Any, upload: str, code: str, stranger: Any) -> list[Raw]:
    """Give refusals that are not the centre's word on this package, now."""
    now = exchange.office.clock.now()
    made = [
        refusal_of(upload, code, signer=stranger),
        refusal_of(upload, code, package="0" * 64),
        refusal_of(upload, code, city="elsewhere.example.cn/log"),
        refusal_of(upload, code, at=now - timedelta(minutes=6)),
        refusal_of(upload, code, at=now + timedelta(minutes=6)),
    ]
    other_code = refusal_of(upload, code).body.replace(b'"rows-malformed"', b'"sequence-taken"')
    bare = b'{"code": "rows-malformed", "later": false}'
    broken = b'{"code": "rows-malformed", "refusal": "%s"}'
    bodies = [other_code, bare, *(broken % text for text in (b"", b"AAAA", b"\xc3\xa4", b"1"))]
    bodies.append(b'{"code": "rows-malformed", "refusal": {"payload": ""}}')
    return made + [Raw(status=422, headers=PROBLEM, body=body) for body in bodies]


def test_a_refusal_that_the_centre_did_not_sign_now_is_only_a_try_in_vain(
    exchange: Any, refusal_of: Any
) -> None:
    upload = exchange.frozen(2)
    lies = answers(exchange, refusal_of, upload, "rows-malformed", exchange.outbox.signer)
    for tries, answer in enumerate(lies, 1):
        lie(exchange, "POST", "/submissions", answer)
        (sent,) = exchange.send()
        assert sent.outcome is Outcome.LATER, tries
        assert exchange.upload(upload).tries == tries
        assert exchange.upload(upload).last_problem in {"rows-malformed", "sequence-taken"}
    honest(exchange)
    assert exchange.send()[0].outcome is Outcome.ACKNOWLEDGED


def test_a_lie_told_for_ever_asks_a_human_and_owes_nothing_twice(exchange: Any) -> None:
    upload, other = exchange.frozen(2), exchange.frozen(2, offset=10)
    body = b'{"code": "rows-malformed", "later": false}'
    lie(exchange, "POST", "/submissions", Raw(status=422, headers=PROBLEM, body=body))
    for _ in range(MOST_TRIES):
        (sent,) = exchange.send()
    assert (sent.outcome, sent.problem) == (Outcome.DEAD, "rows-malformed")
    with pytest.raises(UploadStateRefused), write_unit(exchange.office.engine) as session:
        give_back(session, upload, exchange.outbox.doing)
    assert exchange.states() == ["in_upload"] * 4
    assert exchange.upload(other).state == "frozen"


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("rows-malformed", True),
        # After a person at the centre has settled it, the rows come in the next upload.
        ("log-inconsistent", True),
        ("log-other-root", False),
        ("sequence-taken", False),
        ("previous-differs", False),
    ],
)
def test_rows_are_owed_again_unless_the_books_differ(
    exchange: Any, refusal_of: Any, code: str, given: bool
) -> None:
    upload = exchange.frozen(2)
    lie(exchange, "POST", "/submissions", refusal_of(upload, code))
    (sent,) = exchange.send()
    assert (sent.outcome, sent.problem) == (Outcome.DEAD, code)
    with write_unit(exchange.office.engine) as session:
        assert may_give_back(session, exchange.upload(upload)) is given
        if given:
            give_back(session, upload, exchange.outbox.doing)
    assert exchange.states() == (["owed"] if given else ["in_upload"]) * 2


def test_the_centres_own_refusal_comes_through(exchange: Any) -> None:
    exchange.frozen(2)
    from registry.centre.store import City
    from registry.centre.store import write_unit as write_centre

    with write_centre(exchange.centre.opened.engine) as session:
        session.get_one(City, "shizhou").sequence = 5
    (sent,) = exchange.send()
    assert (sent.outcome, sent.problem) == (Outcome.DEAD, "sequence-taken")


def test_an_honest_city_proves_its_history_to_the_centre(exchange: Any) -> None:
    from registry.centre.store import Head
    from registry.centre.store import read_unit as read_centre

    for offset in (0, 10, 20):
        exchange.frozen(2, offset=offset)
        assert exchange.send()[0].outcome is Outcome.ACKNOWLEDGED
    with read_centre(exchange.centre.opened.engine) as session:
        (head,) = session.query(Head)
        assert (head.origin, head.proven, head.proves) == (exchange.office.origin, True, True)
        assert head.size == exchange.office.head().size
