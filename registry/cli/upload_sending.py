"""``certreg upload send`` and what goes with it: the trusted centre, receipts, decisions.

centre FILE             trust the centre of this centre.json
send                    push what is due, fetch receipts and visibility; --follow as a service
sent, receipt           the way by hand: the package was carried, the receipt was brought back
again, give-back, row   a person's decision about what did not go through
set-aside               a receipt that a thief of the centre's key wrote
seen, sample            spot checks of the national lookup
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import SystemRandom
from typing import Final

import click
from sqlalchemy.exc import InterfaceError, OperationalError

from keys.errors import KeysError
from registry.cli.anchoring import until_signalled
from registry.cli.base import CLOCK, Exit, home_option, json_option, number_argument, show
from registry.cli.home import Home
from registry.cli.services import Services
from registry.cli.upload_exchange import (
    make_reception,
    make_sender,
    set_centre,
    take_newer_card,
    trusted_centre,
)
from registry.cli.upload_kit import FOLDER, make_doing
from registry.errors import Refused, RegistryError
from registry.office.due import china_day
from registry.store.base import read_unit, write_unit
from registry.store.uploads import Upload
from registry.upload.by_hand import give_back, mark_sent, owe_again, send_again, withdraw_row
from registry.upload.collecting import Collected, collect
from registry.upload.outbox import get_upload
from registry.upload.problems import Problem, next_step
from registry.upload.receiving import import_receipt
from registry.upload.sending import Outcome, Sent, send_due
from registry.upload.setting_aside import set_aside
from registry.upload.visible import mark_seen, sample_unseen
from signing.tlog.entry import format_time
from signing.upload.receipt import MAX_RECEIPT_BYTES

INTERVAL: Final = 5.0
"""Seconds between two looks for what is due."""

COLLECT: Final = 300.0
"""Seconds between two fetchings of receipts and visibility."""

_OF_KEYS: Final = frozenset({Problem.RECEIPT_UNKNOWN_KEY, Problem.RECEIPT_KEY_REVOKED})
_PASSING: Final = (RegistryError, KeysError, OperationalError, InterfaceError, OSError)
_NEXT: Final = "run `certreg anchor`: the public pages then show it"
_BY_TELEPHONE: Final = (
    "请与省中心电话核对 centre.json 的编号和各密钥的指纹、状态"
    " (compare number and keys with the centre by telephone)"
)
_upload = click.argument("upload_id", metavar="UPLOAD")
_day = click.option(
    "--on",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day on which it was seen (China); today if not said.",
)


@click.command("centre")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@home_option
@json_option
def centre_command(home: Home, file: Path, *, as_json: bool) -> None:
    """Trust the centre of FILE, a centre.json that you had from it by a way you trust."""
    centre = set_centre(Services.open(home), file)
    show(
        {
            "centre": centre.name,
            "card": centre.number or "unsigned",
            "address": centre.url or "packages by hand only",
            "keys": [f"{key.key_id} {key.state}" for key in centre.keys],
            "next": _BY_TELEPHONE,
        },
        as_json=as_json,
    )


@click.command("send")
@click.option("--follow", "as_service", is_flag=True, help="Go on as a service until SIGTERM.")
@home_option
@json_option
def send_command(home: Home, *, as_service: bool, as_json: bool) -> int:
    """Push frozen uploads in their order, and fetch receipts and national visibility."""
    services = Services.open(home)
    with _alone(home):
        if as_service:
            return _serve(services)
        services.require_head()
        card = take_newer_card(services, make_sender(services).client)
        sender = make_sender(services)
        done = send_due(sender, all_now=True)
        came = collect(sender)
    problems = sorted({*(one.problem for one in done), came.problem, card} - {""})
    show(
        {
            "uploads": [_sent_line(one) for one in done] or "none due",
            "receipts": came.receipts,
            "visible": came.visible,
            **({"next": [next_step(code) for code in problems]} if problems else {"next": _NEXT}),
        },
        as_json=as_json,
    )
    return Exit.CANNOT_SAY if problems else Exit.DONE


@click.command("sent")
@_upload
@home_option
@json_option
def sent_command(home: Home, upload_id: str, *, as_json: bool) -> None:
    """Say that the package of UPLOAD was carried to the centre (手工报送)."""
    services = Services.open(home)
    with write_unit(services.engine) as session:
        upload = mark_sent(session, upload_id, make_doing(services))
    show({**_facts(upload), "next": "certreg upload receipt FILE"}, as_json=as_json)


@click.command("receipt")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@home_option
@json_option
def receipt_command(home: Home, file: Path, *, as_json: bool) -> None:
    """Take in the receipt FILE that the centre gave (回执)."""
    services = Services.open(home)
    services.require_head()
    with file.open("rb") as opened:
        data = opened.read(MAX_RECEIPT_BYTES + 1)
    with write_unit(services.engine) as session:
        done = import_receipt(session, data, make_reception(services), make_doing(services))
        upload = get_upload(session, done.upload_id)
    show(
        {
            "receipt": done.digest,
            "taken": done.taken.value,
            "accepted": done.accepted,
            "refused": done.refused,
            **_facts(upload),
            "next": _NEXT,
        },
        as_json=as_json,
    )


@click.command("again")
@_upload
@home_option
@json_option
def again_command(home: Home, upload_id: str, *, as_json: bool) -> None:
    """Take UPLOAD off the dead-letter list: `send` tries it again (重新发送)."""
    services = Services.open(home)
    with write_unit(services.engine) as session:
        upload = send_again(session, upload_id, make_doing(services))
    show(_facts(upload), as_json=as_json)


@click.command("give-back")
@_upload
@home_option
@json_option
def give_back_command(home: Home, upload_id: str, *, as_json: bool) -> None:
    """Owe the rows of UPLOAD again, which the centre has refused as a whole (退回重报)."""
    services = Services.open(home)
    with write_unit(services.engine) as session:
        upload = give_back(session, upload_id, make_doing(services))
    show(_facts(upload), as_json=as_json)


@click.command("set-aside")
@_upload
@click.option(
    "-o",
    "output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A new file for the receipt: evidence for the centre.",
)
@home_option
@json_option
def set_aside_command(home: Home, upload_id: str, output: Path, *, as_json: bool) -> None:
    """Take the receipt of UPLOAD out of force that the centre never gave (撤下回执)."""
    services = Services.open(home)
    with write_unit(services.engine) as session:
        data = set_aside(session, upload_id, trusted_centre(home), make_doing(services))
        upload = get_upload(session, upload_id)
        # Before the commit: afterwards it is nowhere else.
        _write_new(output, data)
    show({**_facts(upload), "file": str(output), "next": "certreg upload send"}, as_json=as_json)


@click.command("row")
@_upload
@click.argument("row", type=click.IntRange(min=1))
@click.option("--again", "again", is_flag=True, help="Report it again in a later upload.")
@click.option("--withdraw", "why", default="", metavar="REASON", help="Report it no more.")
@home_option
@json_option
def row_command(
    home: Home, upload_id: str, row: int, *, again: bool, why: str, as_json: bool
) -> None:
    """Decide about refused ROW of UPLOAD: --again, or --withdraw with the reason."""
    if again == bool(why):
        raise Refused("say either --again or --withdraw REASON")
    services = Services.open(home)
    with write_unit(services.engine) as session:
        doing = make_doing(services)
        if again:
            owe_again(session, upload_id, row, doing)
        else:
            withdraw_row(session, upload_id, row, why, doing)
        upload = get_upload(session, upload_id)
    show({"row": row, **_facts(upload)}, as_json=as_json)


@click.command("sample")
@click.option("--size", default=10, show_default=True, type=click.IntRange(1, 100))
@home_option
@json_option
def sample_command(home: Home, size: int, *, as_json: bool) -> None:
    """Draw accepted certificates at random, to be looked up nationally by hand (抽查)."""
    services = Services.open(home)
    with read_unit(services.engine) as session:
        drawn = sample_unseen(session, SystemRandom(), size=size)
    lines = [f"{one.number}  第 {one.edition} 版  省接收 {one.accepted_on}" for one in drawn]
    show({"look up": lines or "none", "next": "certreg upload seen NUMBER"}, as_json=as_json)


@click.command("seen")
@number_argument
@_day
@home_option
@json_option
def seen_command(home: Home, number: str, day: date | None, *, as_json: bool) -> None:
    """Say that NUMBER was seen in the national lookup by hand (全国联网可查)."""
    services = Services.open(home)
    doing = make_doing(services)
    chosen = date(day.year, day.month, day.day) if day else china_day(doing.now)
    with write_unit(services.engine) as session:
        new = mark_seen(session, number, chosen, doing)
    show({"number": number, "seen": str(chosen), "new": new, "next": _NEXT}, as_json=as_json)


def _write_new(file: Path, data: bytes) -> None:
    try:
        with file.open("xb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
    except FileExistsError:
        msg = f"文件 {file} 已存在，请另选文件名 (the file is there already: choose another name)"
        raise Refused(msg) from None


def _serve(services: Services) -> int:
    with until_signalled() as wait:
        _tell(event="start", home=str(services.home.path))
        pause, left = 0.0, 0.0
        while not wait(pause):
            pause = INTERVAL
            left -= INTERVAL
            try:
                left = _round(services, left)
            except _PASSING as fault:
                # What is missing may come: a key, the centre's card, the database.
                _tell(event="fault", **_fault(fault))
                pause = 30.0
                if isinstance(fault, KeysError):
                    services = Services.open(services.home)
        _tell(event="end")
    return Exit.DONE


def _round(services: Services, left: float) -> float:
    # Opened anew: keys, the centre's card and the log may have changed since.
    fresh = replace(services)
    fresh.require_head()
    sender = make_sender(fresh)
    if left <= 0:
        # Keys that were revoked are learned of before more receipts are taken.
        card = take_newer_card(fresh, sender.client)
        sender = make_sender(fresh)
        if card:
            _tell(event="card", problem=card, next=next_step(card))
    done = send_due(sender)
    for one in done:
        if one.outcome is not Outcome.WAITING:
            _tell(event="upload", **_sent_facts(one))
    if left > 0:
        # A key that is not on the card may be on a newer one.
        unknown = any(one.problem in _OF_KEYS for one in done)
        return 0.0 if unknown else left
    came = collect(sender)
    if came != Collected():
        _tell(event="collect", receipts=came.receipts, visible=came.visible, problem=came.problem)
    return COLLECT


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Keep a second sender of this home away; the lock dies with its holder."""
    folder = home.path / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / ".send", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = "另一个上报程序正在运行，本次没有发送 (another `certreg upload send` is at work)"
            raise Refused(msg) from None
        yield
    finally:
        os.close(descriptor)


def _fault(fault: Exception) -> dict[str, str]:
    match fault:
        case RegistryError() | KeysError():
            return {"code": fault.code, "what": str(fault)}
        case _:
            # A driver's message may quote a row.
            return {"code": type(fault).__name__}


def _sent_facts(one: Sent) -> dict[str, str]:
    facts = {"upload": one.upload_id, "outcome": one.outcome.value}
    if one.problem:
        facts |= {"problem": one.problem, "next": next_step(one.problem)}
    return facts


def _sent_line(one: Sent) -> str:
    return f"{one.upload_id}  {one.outcome.value}  {one.problem}".rstrip()


def _facts(upload: Upload) -> dict[str, object]:
    return {
        "upload": upload.upload_id,
        "state": upload.state,
        "sent": format_time(upload.sent_at) if upload.sent_at else None,
        "problem": upload.last_problem,
    }


def _tell(**facts: object) -> None:
    line = {"at": format_time(CLOCK.now()), **facts}
    click.echo(json.dumps(line, ensure_ascii=False))


SENDING_COMMANDS: Final = (
    centre_command,
    send_command,
    sent_command,
    receipt_command,
    again_command,
    give_back_command,
    set_aside_command,
    row_command,
    sample_command,
    seen_command,
)
