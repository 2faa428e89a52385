"""The page before the application: the application's own bytes, and never of another state."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient

from keys.model import KeyState
from signing.envelope import sign_record
from signing.mirror import Chain
from signing.record import canonical, edition_digest
from signing.report import StepCode
from signing.tlog.entry import State
from verify_web.clients import Client
from verify_web.frames import Frames
from verify_web.front import Front
from verify_web.marking import marked
from verify_web.sight import Sight, sight_of
from verify_web.skeleton import ResultPage

_SPEC = importlib.util.spec_from_file_location(
    "front_lies", Path(__file__).with_name("site_lies.py")
)
assert _SPEC is not None
assert _SPEC.loader is not None
lies: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(lies)

change = msgspec.structs.replace
NAMES = ("valid", "revoked", "old", "new", "suspended", "second")
COOKIES = [
    ".".join(filter(None, each))
    for each in itertools.product(("", "zh", "en"), ("", "large"), ("", "contrast"))
]
REVOKED = {"state": KeyState.REVOKED, "revoked_at": datetime(2026, 11, 23, 9, tzinfo=UTC)}


class Both:
    """One site, asked through the front and past it."""

    def __init__(self, app: Flask) -> None:
        served: Any = app.wsgi_app
        self.front: Front = served.__self__
        self.client: FlaskClient = app.test_client(use_cookies=False)
        self.passed_on = 0
        inner = self.front._inner

        def count(environ: Any, start: Any) -> Any:
            self.passed_on += 1
            return inner(environ, start)

        self.front._inner = count
        past = Flask("past")
        past.wsgi_app = inner  # type: ignore[method-assign]
        self.past = past.test_client(use_cookies=False)

    def get(self, token: str, **headers: str) -> Any:
        """Ask the front; the answer must be the application's, to the last header."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        own = self.client.get(f"/v/{token}", headers=told)
        other = self.past.get(f"/v/{token}", headers=told)
        assert own.data == other.data
        assert own.status == other.status
        assert sorted(own.headers) == sorted(other.headers)
        return own

    def warm(self, *tokens: str) -> None:
        """Ask for pages until the front answers them by itself."""
        for token in tokens:
            self.get(token)
            before = self.passed_on
            self.get(token)
            assert self.passed_on == before


@pytest.fixture
def both(world: Any) -> Both:
    return Both(world.app())


@pytest.mark.parametrize("name", NAMES)
def test_every_state_in_every_display_has_the_applications_bytes(
    world: Any, both: Both, name: str
) -> None:
    for cookie, language in itertools.product(COOKIES, ("", "en", "zh-CN,en;q=0.5")):
        headers = {"Cookie": f"display={cookie}"} if cookie else {}
        first = both.get(world.token(name), Accept_Language=language, **headers)
        before = both.passed_on
        assert both.get(world.token(name), Accept_Language=language, **headers).data == first.data
        assert both.passed_on == before, (cookie, language)


def test_a_reissue_is_told_from_a_correction(world: Any, both: Both) -> None:
    old = world.records["old"]
    both.warm(world.token("old"))
    again = change(old, edition=2, previous=edition_digest(canonical(old)))
    world.records["again"] = again
    world.issue("again", again, len(world.records) - 1)
    world.entries["old"] = change(world.entries["old"], superseded_by=world.token("again"))
    world.write_log(status_time=datetime(2026, 11, 23, 9, tzinfo=UTC))
    world.write_mirror()
    both.warm(world.token("old"))
    assert "已补发" in both.get(world.token("old")).text


AWKWARD: dict[str, dict[str, Any]] = {
    "plain": {},
    "marks": {"name": "<b>&amp;\"'{{ x }}</b>", "occupation": "%(time)s & {size}"},
    "no direction": {"direction": ""},
    "dashes": {"direction": "--"},
    "another issuer's name": {"issuer": "示例精密制造有限公司（原名）<i>"},
    "another day": {"issued": "2026-01-02"},
    "short ID number": {"id_number": "X1900", "id_type": "passport"},
    "later edition": {"edition": 12, "previous": "ab" * 32},
}


def test_frames_take_any_certificates_texts(world: Any, both: Both) -> None:
    for place, (name, facts) in enumerate(AWKWARD.items()):
        number = f"{world.records['valid'].number[:16]}00{place + 100:04}"
        world.records[name] = change(world.records["valid"], number=number, **facts)
        world.issue(name, world.records[name], len(world.records) - 1)
    world.write_log(status_time=datetime(2026, 11, 23, 9, tzinfo=UTC))
    chains = [Chain(), Chain(filed="2026-11-18"), Chain(listed="2026-11-22", accepted="2026-11-21")]
    for chain, order in zip(chains, itertools.permutations(AWKWARD), strict=False):
        world.write_mirror(**{name: change(world.entries[name], chain=chain) for name in AWKWARD})
        for name in (*order, *reversed(order)):
            for language in ("zh", "en"):
                both.get(world.token(name), Accept_Language=language)
    _, frames = both.front._frames._kept
    assert len(frames) > len(AWKWARD)
    # Every shape has its frame: else this would show that the application equals itself.
    assert None not in frames.values()


def test_a_frame_whose_bytes_differ_is_not_used(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mark(page: ResultPage, sight: Sight) -> ResultPage:
        return replace(marked(page, sight), policy="x")

    monkeypatch.setattr("verify_web.frames.marked", mark)
    both = Both(world.app())
    for _ in range(2):
        assert 'class="verdict good"' in both.get(world.token("valid")).text
    assert both.passed_on == 2


def test_nothing_of_a_person_is_kept(world: Any, both: Both) -> None:
    both.warm(*(world.token(name) for name in NAMES))
    _, frames = both.front._frames._kept
    kept = repr(list(frames.items())).encode() + b"".join(
        piece for frame in frames.values() if frame for piece in frame.pieces
    )
    for name in NAMES:
        record = world.records[name]
        for own in (record.name, record.number, record.id_number[:3] + "*", world.token(name)):
            assert own.encode() not in kept
            assert repr(own).strip("'").encode() not in kept


UNREAD = {
    "a_tile_of_leaves_is_damaged",
    "a_tile_above_is_damaged",
    "a_tile_is_missing",
    "the_status_pages_are_missing",
    "the_status_page_says_valid",
}
"""Lies in files that were read and proven for this very checkpoint, and are not read again."""


@pytest.mark.parametrize(
    ("name", "word", "tell"), lies.LIES, ids=[function.__name__ for _, _, function in lies.LIES]
)
def test_a_lie_told_between_two_requests_is_found(
    world: Any, both: Both, name: str, word: str, tell: Callable[[Any], None]
) -> None:
    both.warm(world.token(name))
    true = both.get(world.token(name)).data
    tell(world)
    for _ in range(2):
        answer = both.get(world.token(name))
        if tell.__name__ in UNREAD:
            assert answer.data == true
        else:
            assert f'<h1 id="state">{word}</h1>' in answer.text
            assert 'class="verdict good"' not in answer.text


def test_the_next_page_is_of_the_next_state(world: Any, both: Both) -> None:
    token = world.token("valid")
    both.warm(token)
    policy = (world.public / "trust" / "log.policy").read_bytes()
    (world.public / "trust" / "log.policy").write_bytes(policy + b"# another\n")
    digests = {both.get(token).text.partition('id="policy">')[2][:64] for _ in range(2)}
    assert len(digests) == 1
    world.write_trust()
    both.warm(token)
    world.change_state("valid", State.SUSPENDED)
    world.write_log(status_time=datetime(2026, 11, 23, 9, 30, tzinfo=UTC))
    assert "已暂停" in both.get(token).text
    both.warm(token)
    place = world.entries["valid"].index
    world.write_trust(**REVOKED, ended_leaf=place)
    assert "无效" in both.get(token).text
    world.write_trust(**REVOKED, ended_leaf=place + 1)
    assert 'data-reason="signature-before-revocation"' in both.get(token).text
    both.warm(token)


def test_a_state_that_grows_too_old_is_not_shown_from_a_frame(world: Any) -> None:
    class Moving:
        moment = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)

        def now(self) -> datetime:
            return self.moment

    clock = Moving()
    both = Both(world.app(clock=clock, max_age=timedelta(days=1)))
    both.warm(world.token("valid"))
    clock.moment += timedelta(minutes=61)
    assert "2026年11月23日 19:03" in both.get(world.token("valid")).text
    clock.moment += timedelta(days=1)
    answer = both.get(world.token("valid"))
    assert (answer.status_code, 'class="verdict good"' in answer.text) == (503, False)


def test_what_is_out_of_the_ordinary_is_passed_on(world: Any, both: Both) -> None:
    token = world.token("valid")
    both.warm(token)
    asked: list[tuple[str, str, dict[str, str]]] = [
        ("HEAD", f"/v/{token}", {}),
        ("POST", f"/v/{token}", {}),
        ("GET", f"/v/{token}?display=en", {}),
        ("GET", f"/v/{token}/", {}),
        ("GET", f"/v/{token}.tlog-proof", {}),
        ("GET", f"/v/{token.upper()}", {}),
        ("GET", "/v/zzzzzzzzzzzzzzzz", {}),
        ("GET", f"/v/{token}", {"Accept": "application/json"}),
        ("GET", f"/v/{token}", {"Accept": "text/html;q=0.9," * 20}),
        ("GET", f"/v/{token}", {"Cookie": "display=en; other=1"}),
        ("GET", f"/v/{token}", {"Cookie": "display=large.en"}),
        ("GET", f"/v/{token}", {"Accept-Language": "en," * 80}),
        ("GET", "/lookup", {}),
    ]
    for number, (method, path, headers) in enumerate(asked, 1):
        own = both.client.open(path, method=method, headers=headers)
        assert both.passed_on == 1 + number, path
        other = both.past.open(path, method=method, headers=headers)
        assert (own.status, own.data) == (other.status, other.data)


def test_false_codes_are_counted_once_and_shut_out(world: Any, both: Both) -> None:
    counted: list[object] = []
    allowance = both.front._site.allowance
    real = allowance.token_missed

    def count(client: Client) -> None:
        counted.append(client)
        real(client)

    allowance.token_missed = count  # type: ignore[method-assign]
    assert both.client.get("/v/zzzzzzzzzzzzzzzz").status_code == 404
    assert len(counted) == 1
    both.warm(world.token("valid"))
    allowance._shut_out("127.0.0.1/32", 60)
    for _ in range(2):
        assert both.client.get(f"/v/{world.token('valid')}").status_code == 429


def test_threads_get_their_own_pages_while_the_files_are_replaced(world: Any, both: Both) -> None:
    tokens = {name: world.token(name) for name in NAMES}
    both.warm(*tokens.values())
    expected = {name: both.get(token).data for name, token in tokens.items()}
    app = both.client.application

    def ask(turn: int) -> bool:
        name = NAMES[turn % len(NAMES)]
        if turn % 40 == 0:
            copy = world.public / f"mirror.{turn}"
            copy.write_bytes((world.public / "mirror.db").read_bytes())
            copy.rename(world.public / "mirror.db")
            (world.public / "status" / "latest.json").touch()
        return bool(app.test_client().get(f"/v/{tokens[name]}").data == expected[name])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(400)))


def test_a_page_that_another_record_signed_is_not_shown_in_its_frame(
    world: Any, both: Both
) -> None:
    both.warm(world.token("valid"))
    other = change(world.records["valid"], name="示例丁")
    forged = change(world.entries["valid"], envelope=sign_record(canonical(other), world.issuer))
    world.write_mirror(valid=forged)
    text = both.get(world.token("valid")).text
    assert "示例丁" not in text
    assert '<h1 id="state">无效</h1>' in text


def test_another_body_s_certificate_goes_into_the_same_frame(
    world: Any, both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Sight] = []

    def keep(*arguments: Any, **named: Any) -> Any:
        seen.append(sight_of(*arguments, **named))
        return seen[-1]

    monkeypatch.setattr("verify_web.front.sight_of", keep)
    both.warm(world.token("valid"))
    both.get(world.token("valid"))
    sight, other = seen[-1], "示例&另一机构"
    steps = tuple(
        replace(step, facts={**step.facts, "registered_name": other})
        if step.code is StepCode.SIGNATURE
        else step
        for step in sight.report.steps
    )
    moved = replace(
        sight,
        record=change(sight.record, issuer=other),
        report=replace(sight.report, steps=steps),
    )
    body = both.front._frames.fill(moved)
    assert body is not None
    assert sight.record.issuer not in body.decode()
    assert body.decode().count("示例&amp;另一机构") == both.front._frames.fill(
        sight
    ).decode().count(sight.record.issuer)


def test_frames_are_bounded(monkeypatch: pytest.MonkeyPatch, world: Any) -> None:
    monkeypatch.setattr("verify_web.frames.MOST_FRAMES", 3)
    both = Both(world.app())
    for name in NAMES:
        both.get(world.token(name))
        assert len(both.front._frames._kept[1]) <= 3
    assert isinstance(both.front._frames, Frames)
