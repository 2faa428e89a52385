"""``certreg witness serve``: a witness (见证方) behind granian. Needs no home and no database.

One worker process: what is asked is little, and each answer waits for the disk. Several threads,
so that a client that sends slowly keeps only its own thread; a front server with time limits
belongs before it (docs/witness.md).
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

import click

from keys.passphrase import VARIABLE, read_passphrase
from keys.policy import Policy, parse_policy
from keys.ring import RING_FILE
from keys.vkey import format_vkey
from registry.cli.base import CLOCK
from registry.cli.home import write_private
from registry.cli.serving import run_granian
from registry.ledger.witness.starting import Started, start_witness
from registry.ledger.witness.wsgi import WitnessApp

STATE, NAME, POLICY = (f"CERTREG_WITNESS_{part}" for part in ("STATE", "NAME", "POLICY"))
THREADS = 16


@click.command("serve")
@click.option(
    "--state", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Its own folder."
)
@click.option(
    "--name",
    required=True,
    help="The name it signs under: an address of yours without the scheme. For good.",
)
@click.option(
    "--policy",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The log.policy had from the office by another way than its site; only `log` lines count.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8100, show_default=True, type=click.IntRange(1, 65535))
def witness_serve_command(state: Path, name: str, policy: Path, host: str, port: int) -> int:
    """Witness the logs that the policy names, until interrupted.

    The first start makes the state and the keys; every start prints the keys, which the office
    adds by `certreg witness add`.
    """
    passphrase_file = state / "secrets" / "passphrase"
    if VARIABLE not in os.environ and not (state / "keys" / RING_FILE).is_file():
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(passphrase_file, secrets.token_urlsafe(32).encode() + b"\n")
    started = _start(state, name, policy)
    click.echo(f"witness: {name}")
    for log in sorted({log.key.name for log in _policy(policy).logs}):
        click.echo(f"log: {log}")
    for vkey in started.vkeys:
        click.echo(f"key: {format_vkey(vkey)}")
    if started.forks:
        _tell(f"ALARM: {started.forks} proof(s) that a log lied are in {state / 'forks'}")
    click.echo(f"address: http://{host}:{port}  (Ctrl-C ends it)")
    sys.stdout.flush()
    environ = {
        **os.environ,
        STATE: str(state.absolute()),
        NAME: name,
        POLICY: str(policy.absolute()),
    }
    return run_granian(
        "registry.cli.witness_serve:create",
        environ,
        host=host,
        port=port,
        workers=1,
        threads=THREADS,
        options=("--log-level", "error"),
    )


def create() -> WitnessApp:
    """Make the WSGI application from the environment (granian's ``--factory``)."""
    environ = os.environ
    started = _start(Path(environ[STATE]), environ[NAME], Path(environ[POLICY]))
    return WitnessApp(started.witness)


def _start(state: Path, name: str, policy: Path) -> Started:
    return start_witness(
        state,
        name=name,
        policy=_policy(policy),
        passphrase=read_passphrase(environ=os.environ, file=state / "secrets" / "passphrase"),
        clock=CLOCK,
        tell=_tell,
    )


def _policy(file: Path) -> Policy:
    return parse_policy(file.read_bytes())


def _tell(line: str) -> None:
    click.echo(f"certreg: {line}", err=True)
