"""The office asks its witnesses: honest, away, lying and ahead, over real connections."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from registry.ledger.asking import Outcome, witnessed_heads
from registry.ledger.cosigning import WitnessAlarm, newest_cosigned, refuse_alarm
from registry.ledger.witness.wire import format_request, parse_request
from registry.ledger.witness.wsgi import WitnessApp
from registry.store.base import read_unit
from registry.store.log import Cosignature
from signing.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from signing.tlog.note import parse_note

Serve = Any


def test_cosignatures_are_collected_kept_and_published(
    office: Any, witnesses: Any, council: Any, serve: Serve
) -> None:
    started = [witnesses(name) for name in ("p", "q")]
    places = [serve(WitnessApp(one.witness)) for one in started]
    both = [
        council.listed(one, f"{name}{key}", place, key)
        for one, name, place in zip(started, "pq", places, strict=True)
        for key in (0, 1)
    ]
    table = council(office, *both, quorum=4)
    asked = table.anchor(3)
    assert [(one.witness, one.outcome) for one in asked] == [
        ("p0, p1", Outcome.COSIGNED),
        ("q0, q1", Outcome.COSIGNED),
    ]
    opened = open_checkpoint(table.read(), table.log.policy)
    assert opened.signed_by == {"p0", "p1", "q0", "q1"}
    assert table.read("checkpoint.witnessed") == table.read()
    size = opened.checkpoint.size
    with read_unit(office.engine) as session:
        found = newest_cosigned(session, office.origin, started[1].vkeys[1])
    assert found == (size, office.clock.now())
    # Nothing new: nobody is asked, nothing is written.
    assert table.cosign() == ()
    # A later head needs a proof from where each witness stands; the old rows go.
    assert all(one.outcome is Outcome.COSIGNED for one in table.anchor(2, offset=5))
    assert {row.size for row in office.rows(Cosignature)} == {office.head().size}
    assert table.alarms() == []
    refuse_alarm(table.log, office.head().size, asked)
    office.publish()
    office.audit()


def test_a_witness_that_was_away_is_asked_from_where_it_stands(
    office: Any, witnesses: Any, council: Any, serve: Serve
) -> None:
    started = witnesses("p")
    place = serve(WitnessApp(started.witness))
    table = council(office, council.listed(started, "p", place))
    assert table.anchor()[0].outcome is Outcome.COSIGNED
    away = council(office, council.listed(started, "p", "http://127.0.0.1:1"))
    (silent,) = away.anchor(1, offset=2)
    assert (silent.outcome, silent.alarm, silent.url) == (
        Outcome.UNREACHABLE,
        False,
        "http://127.0.0.1:1",
    )
    assert away.cosign(resting={silent.url}) == ()
    assert table.cosign()[0].outcome is Outcome.COSIGNED
    # Rows lost with an older database: the witness tells its size and is asked once more.
    with read_unit(office.engine) as session:
        session.connection().exec_driver_sql("DELETE FROM cosignatures")
        session.commit()
    assert table.cosign()[0].outcome is Outcome.COSIGNED


def test_the_quorum_decides_what_counts_as_witnessed(
    office: Any, witnesses: Any, council: Any, serve: Serve
) -> None:
    first, second = witnesses("p"), witnesses("q")
    place = serve(WitnessApp(first.witness))
    here = council.listed(first, "p", place)
    table = council(office, here, council.listed(second, "q", "http://127.0.0.1:1"), quorum=2)
    table.anchor()
    assert parse_note(table.read()).signatures[-1].name == "p.example"
    with pytest.raises(FileNotFoundError):
        table.read("checkpoint.witnessed")
    back = council(
        office, here, council.listed(second, "q", serve(WitnessApp(second.witness))), quorum=2
    )
    (asked,) = back.cosign()
    assert asked.witness == "q"
    witnessed = back.read("checkpoint.witnessed")
    assert witnessed == back.read()
    # The next head lacks one: what was witnessed stays for those who ask for a quorum.
    table.anchor(1, offset=3)
    assert table.read("checkpoint.witnessed") == witnessed
    assert table.read() != witnessed


def test_a_lie_in_an_answer_is_no_cosignature(
    office: Any, witnesses: Any, council: Any, serve: Serve
) -> None:
    started, other = witnesses("p"), witnesses("q")
    honest = WitnessApp(started.witness)

    def bent(environ: Any, start_response: Any) -> list[bytes]:
        (body,) = honest(environ, start_response)
        return [body.replace(b"A", b"B")]

    def strangers(environ: Any, start_response: Any) -> Any:
        return WitnessApp(other.witness)(environ, start_response)

    for app in (bent, strangers, council.says("200 OK", b""), council.says("200 OK", b"\n\n\n")):
        table = council(office, council.listed(started, "p", serve(app)))
        (asked,) = table.anchor()
        assert (asked.outcome, asked.lines) == (Outcome.REFUSED, ())
        assert "no good signature" in asked.detail
        assert table.read() == office.head().note
    assert office.rows(Cosignature) == []


SIZE = "text/x.tlog.size"
REFUSALS = [
    ("403 Forbidden", b"", "text/plain", False, "must add the keys"),
    ("404 Not Found", b"", "text/plain", False, "does not know this log"),
    ("500 Oops", b"<h1>", "text/html", False, "answered with status 500"),
    ("302 Found", b"", "text/html", False, "answered with status 302"),
    ("777 Odd", b"", "text/html", False, "answered with status 777"),
    ("409 Conflict", b"0\n", SIZE, False, "asked again later"),
    ("409 Conflict", b"99999\n", "text/x.tlog.size; charset=utf-8", True, "99999 entries"),
    ("409 Conflict", b"99999", SIZE, True, "another history"),
    ("409 Conflict", b"", "text/plain", True, "another history"),
    ("422 Unprocessable Entity", b"", "text/plain", True, "do not continue"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal[0])
def test_what_each_refusal_means(
    office: Any,
    witnesses: Any,
    council: Any,
    serve: Serve,
    refusal: tuple[str, bytes, str, bool, str],
) -> None:
    status, body, kind, alarm, detail = refusal
    started = witnesses("p")
    table = council(office, council.listed(started, "p", serve(council.says(status, body, kind))))
    for _ in range(2):
        office.anchor(table.log)
        (asked,) = table.cosign() if office.head().size else table.anchor()
        assert (asked.outcome, asked.alarm, asked.code) == (
            Outcome.REFUSED,
            alarm,
            int(status[:3]),
        )
        assert detail in asked.detail
    # What was said once is not said again each minute.
    assert [asked.detail in line for line in table.alarms()] == [True] * alarm
    if alarm:
        with pytest.raises(WitnessAlarm, match=r"witness p has signed|witness p knows") as raised:
            refuse_alarm(table.log, office.head().size, [asked])
        assert f"the database has {office.head().size} entries" in str(raised.value)


def test_a_fork_of_this_log_is_an_alarm(
    office: Any, witnesses: Any, council: Any, serve: Serve
) -> None:
    started = witnesses("p")
    table = council(office, council.listed(started, "p", serve(WitnessApp(started.witness))))
    # The other history, signed by the same key: what an attacker or a restored copy has made.
    other = Checkpoint(origin=office.origin, size=2, root=b"\x07" * 32)
    body = parse_request(b"old 0\n\n" + sign_checkpoint(other, [office.log_key]))
    assert started.witness.add_checkpoint(format_request(body)).status == 200
    (asked,) = table.anchor(3)
    assert (asked.alarm, asked.code) == (True, 422)
    assert witnessed_heads(table.log, timeout=5) == [("p", 2, b"\x07" * 32)]


def test_a_head_another_round_has_signed_meanwhile_is_no_alarm(
    office: Any, witnesses: Any, council: Any, serve: Serve
) -> None:
    started = witnesses("p")
    honest = WitnessApp(started.witness)
    table = council(office, council.listed(started, "p", serve(honest)))
    table.anchor()

    def overtaken(environ: Any, start_response: Any) -> Any:
        # While the first request is under way, a second sequencer has a later head signed.
        later = council(office, council.listed(started, "p", serve(honest)))
        assert later.anchor(2, offset=4)[0].outcome is Outcome.COSIGNED
        return honest(environ, start_response)

    slow = council(office, council.listed(started, "p", serve(overtaken)))
    (asked,) = slow.anchor(1, offset=2)
    assert (asked.code, asked.alarm) == (409, False)
    assert slow.alarms() == []
    opened = open_checkpoint(slow.read(), slow.log.policy)
    assert (opened.checkpoint.size, opened.signed_by) == (office.head().size, {"p"})


def test_two_processes_may_keep_the_same_heads_lines(
    office: Any, witnesses: Any, council: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = witnesses("p")
    place = serve(WitnessApp(started.witness))
    council(office, council.listed(started, "p", place)).anchor()
    table = council(
        office, council.listed(started, "p", place), council.listed(started, "pq", place, 1)
    )
    with monkeypatch.context() as patched:
        # The other's row was not there yet when this one looked.
        patched.setattr(Session, "get", hide(Session.get, Cosignature))
        assert table.cosign()[0].outcome is Outcome.COSIGNED
    assert [row.lines.count(b"\n") for row in office.rows(Cosignature)] == [1]
    table.cosign()
    assert [row.lines.count(b"\n") for row in office.rows(Cosignature)] == [2]


def hide(get: Any, kind: type) -> Any:
    return lambda session, wanted, *more, **named: (
        None if wanted is kind else get(session, wanted, *more, **named)
    )
