"""``certreg centre key``: the centre's receipt keys (回执密钥), on the card that the cities keep.

    rotate    a new key signs from now on; the old one's receipts stay good
    revoke    nothing that the key signed is taken from now on; standing receipts are signed anew

A server that runs beside it signs by the new key from its next receipt on. The cities take the
card by the net; one that they cannot follow by itself is said to be brought by hand.
"""

from __future__ import annotations

import click

from keys.model import KeyState
from registry.centre.cards import Office, goes_by_hand, revoke_key, rotate_key
from registry.centre.home import CentreHome
from registry.centre.publish import publish_card
from registry.centre.store import Card, read_unit
from registry.cli.base import CLOCK, json_option, show
from registry.cli.centre_home import centre_option, opened, who
from signing.tlog.entry import format_time
from signing.upload.centre_card import CENTRE_FILE, Centre, parse_centre

_WORDS = {
    KeyState.ACTIVE: "使用中 active",
    KeyState.RETIRED: "已停用 retired",
    KeyState.REVOKED: "已吊销 revoked",
}
_FOLLOWED = "the cities take the card by the net; give centre.json to those that send by hand"
_BY_HAND = (
    "请把 centre.json 经可信途径送达每个地市，由其运行 `certreg upload centre centre.json` "
    "(bring centre.json to every city by a way it trusts: none can take it by the net)"
)


@click.group("key")
def centre_key_group() -> None:
    """Change (更换), revoke (吊销) or list the keys that sign receipts."""


@centre_key_group.command("list")
@centre_option
@json_option
def list_command(home: CentreHome, *, as_json: bool) -> None:
    """List the receipt keys, oldest first."""
    _tell(home, "", as_json=as_json)


@centre_key_group.command("rotate")
@centre_option
@json_option
def rotate_command(home: CentreHome, *, as_json: bool) -> None:
    """Sign by a new key from now on; the old one is retired, its receipts stay good."""
    office = _office(home)
    rotate_key(office, CLOCK.now())
    publish_card(office.engine, home.public)
    _tell(home, _FOLLOWED, as_json=as_json)


@centre_key_group.command("revoke")
@click.argument("key_id", metavar="KEY")
@centre_option
@json_option
def revoke_command(home: CentreHome, key_id: str, *, as_json: bool) -> None:
    """End a key that others may have: nothing it signed is taken from now on.

    Is it the one that signs, a new one does, and the cities have to be brought the card by hand.
    """
    office = _office(home)
    revoke_key(office, key_id, CLOCK.now())
    publish_card(office.engine, home.public)
    with read_unit(office.engine) as session:
        # By the cards, and not by what this run did: it may be the second.
        by_hand = goes_by_hand(session, key_id)
    _tell(home, _BY_HAND if by_hand else _FOLLOWED, as_json=as_json)


def _office(home: CentreHome) -> Office:
    centre = opened(home)
    return Office(engine=centre.engine, settings=centre.settings, ring=home.ring(), who=who())


def _tell(home: CentreHome, then: str, *, as_json: bool) -> None:
    with read_unit(opened(home).engine) as session:
        cards = list(session.query(Card).order_by(Card.number))
    newest = parse_centre(cards[-1].data)
    listed = _since(cards)
    facts = [_facts(newest, at, listed) for at in range(len(newest.keys))]
    lines = [
        f"{one['key']}  {_WORDS[KeyState(one['state'])]}  from {one['listed']}"
        + (f" to {one['ended']}" if one["ended"] else "")
        for one in facts
    ]
    show(
        {
            "card": newest.number,
            "keys": facts if as_json else lines,
            "file": str(home.public / CENTRE_FILE),
            **({"next": then} if then else {}),
        },
        as_json=as_json,
    )


def _since(cards: list[Card]) -> dict[tuple[str, KeyState], str]:
    """Return when each key came to each state, by the first card that says so."""
    found: dict[tuple[str, KeyState], str] = {}
    for card in cards:
        for key in parse_centre(card.data).keys:
            found.setdefault((key.key_id, key.state), card.at)
    return found


def _facts(card: Centre, at: int, since: dict[tuple[str, KeyState], str]) -> dict[str, str]:
    key = card.keys[at]
    ended = "" if key.state is KeyState.ACTIVE else since[key.key_id, key.state]
    if key.revoked_at is not None:
        ended = format_time(key.revoked_at)
    listed = min(since[key.key_id, state] for state in KeyState if (key.key_id, state) in since)
    return {"key": key.key_id, "state": key.state.value, "listed": listed, "ended": ended}
