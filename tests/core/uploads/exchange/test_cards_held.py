"""The card a city holds: nothing older takes its place, whoever brings it, and the desk is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keys.model import KeyState
from registry.centre.cards import revoke_key, rotate_key
from registry.centre.publish import publish_card
from registry.cli import upload_exchange
from registry.errors import Refused
from registry.office.almanac import read_almanac
from registry.office.upload_due import UploadTask, upload_matters
from registry.store.audit import AuditLine
from registry.store.base import read_unit
from registry.upload.asking import Raw
from registry.upload.problems import Problem
from signing.upload.centre_card import CENTRE_FILE, Centre, parse_centre, sign_card


@dataclass
class City:
    """A city's home; mutable, because its card changes."""

    exchange: Any
    services: Any
    folder: Path

    @property
    def public(self) -> Path:
        return self.exchange.centre.home.public / CENTRE_FILE

    def held(self) -> Centre:
        return parse_centre((self.services.home.path / CENTRE_FILE).read_bytes())

    def set(self, file: Path | None = None) -> Centre:
        return upload_exchange.set_centre(self.services, file or self.public)

    def follow(self) -> str:
        return upload_exchange.take_newer_card(self.services, self.exchange.sender.client)

    def changed(self, act: Any, *given: Any) -> Centre:
        """Change the centre's keys by a command beside its server."""
        office = self.exchange.centre.keys()
        try:
            card: Centre = act(office, *given, self.exchange.office.clock.now())
            publish_card(office.engine, self.exchange.centre.home.public)
        finally:
            office.engine.dispose()
        return card

    def brought(self, card: Centre, signer: Any) -> Path:
        file = self.folder / f"card-{card.number}.json"
        file.write_bytes(sign_card(card, signer))
        return file

    def due(self) -> list[str]:
        with read_unit(self.exchange.office.engine) as session:
            day = self.exchange.office.clock.now().date()
            found = upload_matters(session, read_almanac(session), today=day)
        return [one.note for one in found if one.task is UploadTask.CARD]

    def told(self) -> list[str]:
        rows = self.exchange.office.rows(AuditLine)
        return [row.action for row in rows if row.action.startswith("upload-centre")]


@pytest.fixture
def city(exchange: Any, tmp_path: Path) -> City:
    home = tmp_path / "city"
    home.mkdir()
    office = exchange.office
    services = SimpleNamespace(
        home=SimpleNamespace(path=home), engine=office.engine, context=office.context
    )
    made = City(exchange=exchange, services=services, folder=tmp_path)
    made.set()
    return made


def test_a_card_brought_while_another_is_fetched_stays(city: City) -> None:
    city.changed(rotate_key)
    second = city.exchange.centre.card().signing_key
    came: list[int] = []

    def meanwhile(ask: Callable[[], Raw], _method: str, target: str) -> Raw:
        raw = ask()
        if "/cards" in target and not came:
            # The answer with card 2 is on its way; its key is revoked, and card 3 comes by hand.
            city.changed(revoke_key, second)
            came.append(city.set().number)
        return raw

    city.exchange.wire.spoil = meanwhile
    assert city.follow() == ""
    assert came == [3]
    assert (city.held().number, city.held().keys[1].state) == (3, KeyState.REVOKED)
    assert city.follow() == ""
    assert city.held().number == 3
    assert city.told() == ["upload-centre"] * 2
    assert city.due() == []


def test_two_who_bring_cards_take_turns(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    old = city.folder / "old.json"
    old.write_bytes(city.public.read_bytes())
    city.changed(rotate_key)
    look = upload_exchange.held_card
    turn = []

    def waiting(home: Any) -> Any:
        # Between the look and the writing nobody else gets in.
        lock = (home.path / "uploads" / ".card").open("rb")
        with lock, pytest.raises(BlockingIOError):
            upload_exchange.fcntl.flock(
                lock, upload_exchange.fcntl.LOCK_EX | upload_exchange.fcntl.LOCK_NB
            )
        turn.append(home)
        return look(home)

    monkeypatch.setattr(upload_exchange, "held_card", waiting)
    assert city.set().number == 2
    with pytest.raises(Refused, match="早于现用版本"):
        city.set(old)
    assert (city.held().number, len(turn)) == (2, 2)


@pytest.mark.parametrize("first", ["same", "other"])
def test_a_key_that_was_ended_does_not_come_back_without_a_word(
    city: City, receipt_signer: Any, first: str
) -> None:
    thief = receipt_signer(city.exchange)
    begun = city.exchange.centre.card()
    city.changed(rotate_key)
    city.changed(revoke_key, begun.signing_key)
    honest = city.set()
    newest = receipt_signer(city.exchange)
    keys = begun.keys if first == "same" else (honest.keys[1], *begun.keys)
    for number in (honest.number, honest.number + 5):
        file = city.brought(replace(begun, keys=keys, number=number), thief)
        before = city.exchange.office.contents()
        with pytest.raises(Refused) as found:
            city.set(file)
        said = str(found.value)
        assert f"第 {number} 号" in said
        assert f"{thief.info.key_id} active" in said
        assert str(city.services.home.path / CENTRE_FILE) in said
        assert city.held() == honest
        assert city.exchange.office.contents() == before
    # The same card again, and a newer one that keeps every key, go on as before.
    assert city.set() == honest
    newer = city.brought(replace(honest, number=honest.number + 1), newest)
    assert city.set(newer).number == honest.number + 1


def test_by_the_centres_own_word_the_file_is_removed_first(city: City, receipt_signer: Any) -> None:
    signer = receipt_signer(city.exchange)
    begun = city.exchange.centre.card()
    city.changed(rotate_key)
    city.set()
    file = city.brought(replace(begun, number=9), signer)
    with pytest.raises(Refused, match="缺少现用版本所列的密钥"):
        city.set(file)
    (city.services.home.path / CENTRE_FILE).unlink()
    assert city.set(file).number == 9


def test_a_refused_card_is_on_the_due_list_until_one_is_taken(city: City) -> None:
    assert city.due() == []
    (key,) = city.held().keys
    city.changed(revoke_key, key.key_id)
    assert city.follow() == Problem.CARD_REFUSED
    (note,) = city.due()
    assert "未予采用" in note
    before = city.exchange.office.contents()
    assert city.follow() == Problem.CARD_REFUSED
    assert city.exchange.office.contents() == before
    # Whoever keeps it back again settles nothing.
    lines = {"content-type": "application/jsonl"}
    city.exchange.wire.spoil = lambda *_: Raw(status=200, headers=lines, body=b"")
    assert city.follow() == ""
    assert city.due() == [note]
    city.set()
    assert city.due() == []
    assert city.told() == ["upload-centre", "upload-centre-refused", "upload-centre"]
    # The next one is told anew.
    city.exchange.wire.spoil = lambda ask, _method, _target: ask()
    city.changed(revoke_key, city.held().signing_key)
    assert city.follow() == Problem.CARD_REFUSED
    assert len(city.due()) == 1
