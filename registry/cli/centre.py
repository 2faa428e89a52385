"""``certreg centre``: the provincial centre (省中心) that takes the cities' uploads."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

import click
from sqlalchemy import select

from keys.passphrase import VARIABLE, read_passphrase
from keys.ring import RING_FILE, KeyRing
from registry.centre.cards import ensure_card, make_receipt_key, newest_card
from registry.centre.checks import check_centre
from registry.centre.cities import get_city
from registry.centre.errors import PackageNotTaken
from registry.centre.home import SETTINGS, CentreHome, Settings, settings_text
from registry.centre.intake import receipt_at, submit, take
from registry.centre.packages import MAX_PIECE
from registry.centre.publish import LOOKUP_FILE, publish_all, publish_card, publish_new
from registry.centre.room import drop_refused
from registry.centre.starting import Opened
from registry.centre.store import (
    StoredReceipt,
    make_database,
    open_database,
    read_unit,
    write_unit,
)
from registry.centre.visibility import load_visible
from registry.cli.base import CLOCK, Exit, json_option, out_option, show, stop, write_for_holder
from registry.cli.centre_cities import city_group
from registry.cli.centre_home import centre_option, opened, who
from registry.cli.centre_keys import centre_key_group
from registry.cli.centre_serve import centre_serve_command
from registry.cli.home import write_private
from registry.errors import NotFound, Refused
from registry.ledger.local_storage import LocalStorage
from registry.upload.mapping import load_mapping
from signing.upload.centre_card import CENTRE_FILE, parse_centre
from signing.upload.package import MAX_PACKAGE_BYTES


@click.group("centre")
def centre_group() -> None:
    """Run a provincial centre (省中心): take uploads, answer by signed receipts."""


centre_group.add_command(city_group)
centre_group.add_command(centre_key_group)
centre_group.add_command(centre_serve_command)


@centre_group.command("init")
@click.option("--name", required=True, help="The centre's name, in every receipt.")
@click.option("--province", required=True, metavar="NN", help="GB/T 2260 digits, such as 44.")
@click.option("--url", default="", help="Where cities reach it; empty if packages come by hand.")
@centre_option
@json_option
def init_command(home: CentreHome, name: str, province: str, url: str, *, as_json: bool) -> None:
    """Make a centre's home: database, receipt key, and centre.json for the cities.

    Run again after a crash it goes on; a home that is complete is left alone.
    """
    settings = Settings(name=name, province=province, url=url)
    load_mapping(settings.mapping)
    if (home.path / SETTINGS).is_file():
        if home.settings() != settings:
            raise Refused(f"{home.path} is a centre already, with other settings: edit {SETTINGS}")
    else:
        make_centre(home, settings)
    card = home.public / CENTRE_FILE
    facts = {"home": str(home.path), "centre": name, "card": str(card)}
    show({**facts, "next": "certreg centre city add NAME FOLDER --title …"}, as_json=as_json)


def make_centre(home: CentreHome, settings: Settings) -> None:
    """Make a centre's home; the settings file comes last and says that it is complete."""
    home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if VARIABLE not in os.environ:
        write_private(home.passphrase_file, secrets.token_urlsafe(32).encode() + b"\n")
    passphrase = read_passphrase(environ=os.environ, file=home.passphrase_file)
    keys = home.path / "keys"
    ring = (KeyRing.open if (keys / RING_FILE).is_file() else KeyRing.create)(keys, passphrase)
    make_receipt_key(ring, CLOCK.now())
    for folder in (home.packages, home.cities):
        folder.mkdir(mode=0o700, exist_ok=True)
    make_database(home.database)
    engine = open_database(home.database)
    ensure_card(engine, settings, ring, CLOCK.now())
    publish_card(engine, home.public)
    publish_all(engine, home.public)
    # Last of all: its presence says that the home is complete.
    LocalStorage(home.path).replace(SETTINGS, settings_text(settings))


@centre_group.command("receive")
@click.argument("city")
@click.argument("package", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@out_option("RECEIPT")
@centre_option
@json_option
def receive_command(
    home: CentreHome, city: str, package: Path, out: Path, *, as_json: bool
) -> None:
    """Take a PACKAGE that CITY brought by hand, and write its receipt to give back."""
    centre = opened(home)
    data = _read(package)
    digest = hashlib.sha256(data).hexdigest()
    with write_unit(centre.engine) as session:
        get_city(session, city)
        submit(session, city, digest, now=CLOCK.now())
    _keep(centre, city, digest, data)
    try:
        stored = take(centre.desk, city, data, who=who(), now=CLOCK.now())
    except PackageNotTaken:
        drop_refused(centre.engine, centre.packages, city, digest)
        raise
    publish_new(centre.engine, home.public)
    write_for_holder(out, stored.envelope)
    show({"receipt": str(out), **_facts(stored)}, as_json=as_json)


def _read(package: Path) -> bytes:
    with package.open("rb") as file:
        data = file.read(MAX_PACKAGE_BYTES + 1)
    if not 0 < len(data) <= MAX_PACKAGE_BYTES:
        raise Refused(f"上报包为空，或者超过 {MAX_PACKAGE_BYTES} 字节 (empty or too long)")
    return data


def _keep(centre: Opened, city: str, digest: str, data: bytes) -> None:
    size, whole = centre.packages.kept(city, digest)
    if not whole:
        # What was pushed of it before, or by a run that was cut off, is the same bytes.
        for at in range(size, len(data), MAX_PIECE):
            centre.packages.append(city, digest, at, data[at : at + MAX_PIECE])
        centre.packages.close(city, digest)


@centre_group.command("receipts")
@click.argument("city")
@click.option("--place", type=click.IntRange(min=1), help="Write this one, to -o FILE.")
@click.option("-o", "out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@centre_option
@json_option
def receipts_command(
    home: CentreHome, city: str, place: int | None, out: Path | None, *, as_json: bool
) -> None:
    """List a city's receipts, or write one again, the very same."""
    with read_unit(open_database(home.ready().database)) as session:
        found = get_city(session, city)
        if place is not None and out is not None:
            if place > found.receipts:
                raise NotFound("没有这份回执 (no such receipt)")
            stored = receipt_at(session, city, place)
            write_for_holder(out, stored.envelope)
            show({"receipt": str(out), **_facts(stored)}, as_json=as_json)
            return
        if place is not None or out is not None:
            raise Refused("--place and -o go together")
        query = select(StoredReceipt).where(StoredReceipt.city == city)
        listed = list(session.scalars(query.order_by(StoredReceipt.place)))
    lines: list[object] = [_facts(one) if as_json else _line(one) for one in listed]
    show({"receipts": lines}, as_json=as_json)


@centre_group.command("visible")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@centre_option
@json_option
def visible_command(home: CentreHome, file: Path, *, as_json: bool) -> None:
    """Load FILE.csv (证书编号,全国联网可查日期): since when numbers are seen nationally."""
    engine = open_database(home.ready().database)
    with write_unit(engine) as session:
        new = load_visible(session, file.read_bytes(), who=who(), now=CLOCK.now())
    publish_new(engine, home.public)
    show({"new": new}, as_json=as_json)


@centre_group.command("mirror")
@centre_option
@json_option
def mirror_command(home: CentreHome, *, as_json: bool) -> None:
    """Write the lookup file of all cities' numbers anew (public/lookup.db)."""
    count = publish_all(open_database(home.ready().database), home.public)
    show({"file": str(home.public / LOOKUP_FILE), "numbers": count}, as_json=as_json)


@centre_group.command("check")
@centre_option
@json_option
def check_command(home: CentreHome, *, as_json: bool) -> int:
    """Check receipts, numbers and packages against each other; list what waits for a person."""
    centre = opened(home)
    with read_unit(centre.engine) as session:
        keys = parse_centre(newest_card(session).data).keys
        found = check_centre(session, centre.packages, keys, CLOCK.now())
    show(
        {
            "receipts": found.receipts,
            "numbers": found.numbers,
            "faults": list(found.faults),
            "for a person": list(found.open),
        },
        as_json=as_json,
    )
    if found.faults:
        stop(Exit.REFUSED, f"{len(found.faults)} faults: compare with the backup")
    return Exit.DONE


def _facts(stored: StoredReceipt) -> dict[str, object]:
    return {
        "city": stored.city,
        "place": stored.place,
        "upload": stored.upload,
        "received": stored.received,
        "accepted": stored.accepted,
        "refused": stored.refused,
        "package": stored.package,
    }


def _line(stored: StoredReceipt) -> str:
    counts = f"接收 {stored.accepted} 退回 {stored.refused}"
    return f"{stored.place}  {stored.received}  {stored.upload}  {counts}"
