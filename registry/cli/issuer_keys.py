"""``certreg issuer key``: a company's keys, announced and ended in the ledger (密钥变更)."""

from __future__ import annotations

import click

from keys.model import KeyState, Purpose
from registry.cli.base import home_option, json_option, show
from registry.cli.home import Home
from registry.cli.key_making import unannounced_key
from registry.cli.services import Services
from registry.office.issuer_keys import add_key, end_key
from registry.office.issuers import get_issuer
from registry.office.key_places import PlacedKey, placed_keys
from registry.store.base import read_unit, write_unit
from registry.store.issuer_keys import IssuerKey

STATES = {
    KeyState.ACTIVE: "使用中 active",
    KeyState.RETIRED: "已停用 retired",
    KeyState.REVOKED: "已吊销 revoked",
}
PURPOSES = {Purpose.RECORD: "证书签名 record", Purpose.PDF: "电子签章 pdf"}
_NEXT = "run `certreg anchor`: the change is then in the public log"

_prefix = click.argument("prefix")
_key = click.argument("key_id", metavar="KEY")


@click.group("key")
def key_group() -> None:
    """Add, retire (停用), revoke (吊销) or list a company's keys."""


@key_group.command("add")
@_prefix
@click.option(
    "--purpose",
    type=click.Choice([purpose.value for purpose in PURPOSES]),
    default=Purpose.RECORD.value,
    show_default=True,
    help="What it signs: certificates' records and QR codes, or PDF seals.",
)
@home_option
@json_option
def key_add_command(home: Home, prefix: str, purpose: str, *, as_json: bool) -> None:
    """Make company PREFIX a further key, which signs from now on; older ones stay good."""
    services = Services.open(home)
    services.require_head()
    with read_unit(services.engine) as session:
        issuer = get_issuer(session, prefix)
    key = unannounced_key(services, issuer, Purpose(purpose))
    with write_unit(services.engine) as session:
        row = add_key(session, prefix, key, context=services.context)
    services.write_trust()
    _tell(row, _NEXT, as_json=as_json)


@key_group.command("retire")
@_key
@home_option
@json_option
def key_retire_command(home: Home, key_id: str, *, as_json: bool) -> None:
    """Retire KEY: it signs no more; all that it signed before stays good."""
    _end(home, key_id, KeyState.RETIRED, as_json=as_json)


@key_group.command("revoke")
@_key
@home_option
@json_option
def key_revoke_command(home: Home, key_id: str, *, as_json: bool) -> None:
    """Revoke KEY, which others may have: only what the log had before stays good."""
    _end(home, key_id, KeyState.REVOKED, as_json=as_json)


def _end(home: Home, key_id: str, state: KeyState, *, as_json: bool) -> None:
    services = Services.open(home)
    services.require_head()
    with write_unit(services.engine) as session:
        row = end_key(session, key_id, state, context=services.context)
    # Ends the key in the ring as well.
    services.write_trust()
    _tell(row, _NEXT, as_json=as_json)


@key_group.command("list")
@_prefix
@home_option
@json_option
def key_list_command(home: Home, prefix: str, *, as_json: bool) -> None:
    """List company PREFIX's keys with their places in the log, oldest first."""
    services = Services.open(home)
    with read_unit(services.engine) as session:
        issuer = get_issuer(session, prefix)
        keys = placed_keys(session, services.log.origin, prefix)
    show(
        {
            "prefix": prefix,
            "name": issuer.name,
            "keys": [_facts(key) if as_json else _line(key) for key in keys] or "none",
        },
        as_json=as_json,
    )


def _tell(row: IssuerKey, then: str, *, as_json: bool) -> None:
    show(
        {
            "prefix": row.prefix,
            "key": row.key_id,
            "purpose": PURPOSES[Purpose(row.purpose)],
            "state": STATES[KeyState(row.state)],
            "next": then,
        },
        as_json=as_json,
    )


def _facts(key: PlacedKey) -> dict[str, object]:
    return {
        "key": key.row.key_id,
        "purpose": key.row.purpose,
        "algorithm": key.row.algorithm,
        "state": key.row.state,
        "added": key.added,
        "ended": None if key.pending else key.ended,
    }


def _line(key: PlacedKey) -> str:
    row = key.row
    words = f"{PURPOSES[Purpose(row.purpose)]}  {STATES[KeyState(row.state)]}"
    place = "not in the log yet" if key.added is None else f"from leaf {key.added}"
    if key.ended is not None:
        place += ", its end not in the log yet" if key.pending else f" to leaf {key.ended}"
    return f"{row.key_id}  {words}  {place}"
