"""``certreg log key``: changing the keys that sign the log, with an overlap (公开日志签名密钥更换).

    add       a new pair signs beside the old one; the policy file lists both
    (wait)    readers and witnesses take up the new trust/log.policy
    retire    an old key signs no more; who still has the old policy must get the new one

A crash at any point leaves either the keys as they were or more of them, which sign: run the same
command again.
"""

from __future__ import annotations

import click

from keys.model import KeyId, KeyInfo, KeyState
from registry.cli.base import CLOCK, home_option, json_option, show
from registry.cli.checkpoint_keys import add_pair, checkpoint_keys, keys_in_force, retirable
from registry.cli.home import Home
from registry.cli.services import Services
from registry.errors import Refused
from registry.store.audit import AuditLine
from registry.store.base import write_unit
from signing.tlog.entry import format_time


@click.group("key")
def log_key_group() -> None:
    """Add, retire (停用) or list the keys that sign the log's checkpoints."""


@log_key_group.command("add")
@home_option
@json_option
def add_command(home: Home, *, as_json: bool) -> None:
    """Make a new pair of keys, which signs beside the old ones until those are retired."""
    services = Services.open(home)
    # Asks for no head that is safe to sign: where all keys have ended, this is the way out.
    made = add_pair(services.ring, CLOCK.now())
    _record(services, "log-key-add", [key.key_id for key in made])
    services.write_trust()
    show(
        {
            "log": services.era.origin,
            "made": [_facts(services, key) if as_json else _line(services, key) for key in made],
            "next": "the next checkpoint carries these signatures too: hand out trust/log.policy "
            "to readers and witnesses, give them time, then `certreg log key retire` the old keys",
        },
        as_json=as_json,
    )


@log_key_group.command("retire")
@click.argument("key_id", metavar="KEY")
@home_option
@json_option
def retire_command(home: Home, key_id: str, *, as_json: bool) -> None:
    """Retire KEY: it signs no more; the checkpoints that it signed stay good."""
    services = Services.open(home)
    services.require_head()
    key = retirable(services.ring, key_id, CLOCK.now())
    if key is None:
        msg = (
            f"key {key_id} is the last of its algorithm that signs: make others with `certreg log "
            "key add`, run `certreg anchor` and hand out trust/log.policy first"
        )
        raise Refused(msg)
    # Written down before it is done: a crash leaves a line too many, never an end without one.
    _record(services, "log-key-retire", [key.key_id])
    ended = services.ring.set_state(KeyId(key_id), KeyState.RETIRED)
    services.write_trust()
    show(
        {
            "log": services.era.origin,
            "retired": _facts(services, ended) if as_json else _line(services, ended),
            "next": "from the next checkpoint on, whoever has a trust/log.policy from before the "
            "new keys is told to get the trust folder again",
        },
        as_json=as_json,
    )


@log_key_group.command("list")
@home_option
@json_option
def list_command(home: Home, *, as_json: bool) -> None:
    """List the log's keys, oldest first."""
    services = Services.open(home)
    keys = checkpoint_keys(services.ring)
    warnings = services.key_warnings()
    show(
        {
            "log": services.era.origin,
            "keys": [_facts(services, key) if as_json else _line(services, key) for key in keys],
            **({"warning": warnings} if warnings else {}),
        },
        as_json=as_json,
    )


def _record(services: Services, action: str, key_ids: list[KeyId]) -> None:
    line = AuditLine(
        at=CLOCK.now(),
        actor=services.context.actor,
        action=action,
        subject=services.era.origin[:80],
        detail=", ".join(key_ids),
    )
    with write_unit(services.engine) as session:
        session.add(line)


def _facts(services: Services, key: KeyInfo) -> dict[str, object]:
    return {
        "key": key.key_id,
        "algorithm": key.algorithm.value,
        "state": key.state.value,
        "signs": key in keys_in_force(services.ring, CLOCK.now()),
        "not_before": format_time(key.not_before),
        "not_after": format_time(key.not_after),
    }


def _line(services: Services, key: KeyInfo) -> str:
    if key in keys_in_force(services.ring, CLOCK.now()):
        state = "使用中 signs"
    elif key.state is KeyState.ACTIVE:
        state = "已到期 out of force"
    else:
        state = "已停用 retired" if key.state is KeyState.RETIRED else "已吊销 revoked"
    term = f"{format_time(key.not_before)} to {format_time(key.not_after)}"
    return f"{key.key_id}  {key.algorithm.value:<9}  {state}  {term}"
