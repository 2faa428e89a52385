"""``certreg witness``: the witnesses (见证方) of this office's log, and a witness's own program."""

from __future__ import annotations

from dataclasses import replace

import click

from keys.policy import NO_QUORUM, Policy, PolicyWitness, join_policy
from keys.vkey import SignatureType, parse_vkey
from registry.cli.base import home_option, json_option, show
from registry.cli.home import Home
from registry.cli.services import Services
from registry.cli.witness_serve import witness_serve_command
from registry.cli.witnesses import WITNESSES_FILE, add_witness, read_witnesses
from registry.errors import Refused
from registry.ledger.accepted import WITNESSED
from registry.ledger.cosigning import newest_cosigned, publish_cosigned
from registry.ledger.head import CHECKPOINT, load_head
from registry.ledger.local_storage import LocalStorage
from registry.ledger.witness.client import is_address
from registry.store.base import read_unit
from signing.errors import SigningError
from signing.tlog.checkpoint import open_checkpoint
from signing.tlog.entry import format_time


@click.group("witness")
def witness_group() -> None:
    """Witnesses (见证方): who vouches that the log only grows at its end."""


witness_group.add_command(witness_serve_command)


@witness_group.command("add")
@click.argument("name")
@click.argument("vkey")
@click.argument("url", default="")
@click.option(
    "--quorum",
    type=click.IntRange(min=0),
    metavar="K",
    help="So many witnesses must sign before a checkpoint counts, 0 for none; kept if not given. "
    "Raised only once they have signed.",
)
@home_option
@json_option
def witness_add_command(
    home: Home, name: str, vkey: str, url: str, quorum: int | None, *, as_json: bool
) -> None:
    """Add a witness by the key VKEY that its operator gave, asked at the address URL.

    NAME is for the policy file alone. A witness with two keys is added twice, under two names and
    with the same URL; it counts once. Run again, it changes the address or the quorum.
    """
    key = parse_vkey(vkey)
    if key.type is SignatureType.ED25519:
        raise Refused("this is a log's key, type 1: a witness's has type 4 or 6")
    if url and not is_address(url):
        raise Refused("URL takes an address such as https://witness.example.cn, without a query")
    services = Services.open(home)
    file = home.path / WITNESSES_FILE
    witness = PolicyWitness(name=name, key=key, url=url.rstrip("/"))
    edited = add_witness(read_witnesses(home), witness, quorum=quorum)
    policy = join_policy(services.policy.logs, edited.text)
    if edited.raised:
        _refuse_unsigned(services, policy)
    # Renamed into place: a crash leaves the old list or the new one. Before the trust folder, which
    # the next `anchor` writes in any case.
    LocalStorage(home.path).replace(WITNESSES_FILE, edited.text)
    opened = Services.open(home)
    opened.write_trust()
    show(
        {
            "witness": name,
            "signs as": key.name,
            "address": url or "none: it is never asked, its signatures count where they stand",
            "quorum": _quorum(opened),
            **({"groups": f"yours, left alone: edit {file} by hand"} if edited.by_hand else {}),
            "next": "run `certreg anchor`, then give the new public/trust to those who verify",
        },
        as_json=as_json,
    )


@witness_group.command("list")
@home_option
@json_option
def witness_list_command(home: Home, *, as_json: bool) -> None:
    """Show the witnesses, what each has signed last, and how far behind it is."""
    services = Services.open(home)
    facts: dict[str, object] = {"quorum": _quorum(services)}
    with read_unit(services.engine) as session:
        head = load_head(session, services.log.origin)
        for witness in services.policy.witnesses:
            found = newest_cosigned(session, services.log.origin, witness.key)
            behind = head.size - (found[0] if found else 0)
            signed = f"{found[0]} entries at {format_time(found[1])}" if found else "nothing yet"
            facts[witness.name] = [
                f"key {witness.key.key_id.hex()} of {witness.key.name}",
                witness.url or "no address",
                f"signed {signed}, {behind} entries behind",
            ]
    show(facts, as_json=as_json)


def _refuse_unsigned(services: Services, policy: Policy) -> None:
    """Refuse a policy that the public checkpoint does not satisfy: nothing could be verified by it.

    A witness may be away, or its key mistyped. Leaves ``checkpoint.witnessed`` written under the
    new policy: it stands in from the next round on, until the witnesses have signed that one too.
    """
    log = replace(services.log, policy=policy)
    publish_cosigned(services.engine, log)
    try:
        for name in (CHECKPOINT, WITNESSED):
            open_checkpoint(log.storage.read(name), policy)
    except (FileNotFoundError, SigningError):
        raise Refused(
            "the public checkpoint lacks signatures that this quorum asks for, so the site would "
            "answer nothing. Add the witnesses without --quorum, run `certreg anchor` until "
            "`certreg witness list` shows enough of them 0 entries behind, then give --quorum again"
        ) from None


def _quorum(services: Services) -> str:
    policy = services.policy
    if policy.quorum == NO_QUORUM:
        return "none: checkpoints count without a witness"
    for group in policy.groups:
        if group.name == policy.quorum:
            return f"{group.threshold} of {', '.join(group.members)}"
    return policy.quorum
