"""``certreg upload key``: the office's upload keys, announced and ended in the log (上报密钥).

    add       a new key signs from the next `certreg anchor` on; the old one stays good
    retire    an old key signs no more; what it signed stays good
    revoke    what it signed from now on is not trusted

The ledger's event comes first, and the ring follows it: a crash in between is set right when the
trust folder is written the next time.
"""

from __future__ import annotations

import click

from keys.model import OFFICE, Algorithm, KeyState, Purpose
from registry.cli.base import CLOCK, home_option, json_option, show
from registry.cli.home import Home
from registry.cli.key_terms import LIFETIME, SKEW
from registry.cli.services import Services
from registry.office.office_keys import (
    PlacedOfficeKey,
    announce_office_keys,
    end_office_key,
    placed_office_keys,
)
from registry.store.base import read_unit, write_unit

_WORDS = {
    KeyState.ACTIVE: "使用中 active",
    KeyState.RETIRED: "已停用 retired",
    KeyState.REVOKED: "已吊销 revoked",
}
_NEXT = "run `certreg anchor`: the change is then in the public log"


@click.group("key")
def upload_key_group() -> None:
    """Add, retire (停用), revoke (吊销) or list the keys that sign uploads."""


@upload_key_group.command("add")
@home_option
@json_option
def add_command(home: Home, *, as_json: bool) -> None:
    """Make a new upload key, which signs once it is in the log."""
    services = Services.open(home)
    now = CLOCK.now()
    with read_unit(services.engine) as session:
        known = {key.row.key_id for key in placed_office_keys(session)}
    held = services.ring.keys()
    waiting = [
        key
        for key in held
        if (key.issuer, key.purpose) == (OFFICE, Purpose.UPLOAD)
        and key.state is KeyState.ACTIVE
        and key.key_id not in known
    ]
    # One that a crash left unannounced signs nothing: it is the one to take.
    if not waiting:
        services.ring.generate(
            algorithm=Algorithm.ED25519,
            purpose=Purpose.UPLOAD,
            issuer=OFFICE,
            not_before=now - SKEW,
            not_after=now + LIFETIME,
        )
    with write_unit(services.engine) as session:
        announce_office_keys(session, services.ring.keys(), context=services.context)
    services.write_trust()
    _tell(services, as_json=as_json)


@upload_key_group.command("retire")
@click.argument("key_id", metavar="KEY")
@home_option
@json_option
def retire_command(home: Home, key_id: str, *, as_json: bool) -> None:
    """End a key in order: what it signed stays good."""
    _end(Services.open(home), key_id, KeyState.RETIRED, as_json=as_json)


@upload_key_group.command("revoke")
@click.argument("key_id", metavar="KEY")
@home_option
@json_option
def revoke_command(home: Home, key_id: str, *, as_json: bool) -> None:
    """End a key that was lost or stolen: nothing it signs from now on is trusted."""
    _end(Services.open(home), key_id, KeyState.REVOKED, as_json=as_json)


@upload_key_group.command("list")
@home_option
@json_option
def list_command(home: Home, *, as_json: bool) -> None:
    """List the upload keys, oldest first."""
    _tell(Services.open(home), as_json=as_json, changed=False)


def _end(services: Services, key_id: str, state: KeyState, *, as_json: bool) -> None:
    with write_unit(services.engine) as session:
        end_office_key(session, key_id, state, context=services.context)
    services.write_trust()
    _tell(services, as_json=as_json)


def _tell(services: Services, *, as_json: bool, changed: bool = True) -> None:
    with read_unit(services.engine) as session:
        placed = placed_office_keys(session)
    keys = [_facts(key) if as_json else _line(key) for key in placed]
    show({"keys": keys, **({"next": _NEXT} if changed else {})}, as_json=as_json)


def _facts(key: PlacedOfficeKey) -> dict[str, object]:
    return {
        "key": key.row.key_id,
        "state": key.row.state,
        "added": key.added,
        "ended": key.ended,
    }


def _line(key: PlacedOfficeKey) -> str:
    place = "not in the log yet" if key.added is None else f"from leaf {key.added}"
    if key.row.ended_group is not None:
        end = ", its end not in the log yet" if key.ended is None else f" to leaf {key.ended}"
        place += end
    return f"{key.row.key_id}  {_WORDS[KeyState(key.row.state)]}  {place}"
