"""``certreg centre city``: the cities (地市) whose uploads the centre takes."""

from __future__ import annotations

from pathlib import Path

import click

from registry.centre.cities import (
    add_city,
    all_cities,
    claimed_of_others,
    end_city,
    get_city,
    move_prefix,
    pass_over,
    trust_of,
)
from registry.centre.home import CentreHome
from registry.centre.publish import publish_all
from registry.centre.store import City, open_database, read_unit, write_unit
from registry.cli.base import CLOCK, json_option, show
from registry.cli.centre_home import centre_option, who
from registry.rules.organisations import check_prefix
from signing.tlog.entry import format_time


@click.group("city")
def city_group() -> None:
    """Cities (地市): who may report, and by which keys."""


@city_group.command("add")
@click.argument("name")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--title", default="", help="What people call it, such as 深圳市; kept if not given.")
@centre_option
@json_option
def add_command(home: CentreHome, name: str, folder: Path, title: str, *, as_json: bool) -> None:
    """Take a city in by FOLDER, its public/trust had by a way you trust; or its newer one.

    NAME is the short name for commands, such as shenzhen.
    """
    engine = open_database(home.ready().database)
    with write_unit(engine) as session:
        known = session.get(City, name)
        called = title or (known.title if known else "")
        now = CLOCK.now()
        city = add_city(session, home.cities, name, folder, title=called, who=who(), now=now)
        others = claimed_of_others(session, home.cities, city)
    publish_all(engine, home.public)
    claims = [f"{prefix} is {other}'s: its rows are refused" for prefix, other in others.items()]
    show({**_facts(home, city), **({"attention": claims} if claims else {})}, as_json=as_json)


@city_group.command("list")
@centre_option
@json_option
def list_command(home: CentreHome, *, as_json: bool) -> None:
    """List the cities, their chain and their keys."""
    with read_unit(open_database(home.ready().database)) as session:
        cities = all_cities(session)
    if as_json:
        show({"cities": [_facts(home, city) for city in cities]}, as_json=True)
    else:
        show({city.name: _lines(home, city) for city in cities}, as_json=False)


@city_group.command("end")
@click.argument("name")
@centre_option
@json_option
def end_command(home: CentreHome, name: str, *, as_json: bool) -> None:
    """Take no more of a city (停止接收). What was accepted stays; `add` takes it in again.

    Then its log may be another one; its uploads go on with the next sequence.
    """
    with write_unit(open_database(home.ready().database)) as session:
        city = end_city(session, name, who=who(), now=CLOCK.now())
    show(_facts(home, city), as_json=as_json)


@city_group.command("pass")
@click.argument("name")
@centre_option
@json_option
def pass_command(home: CentreHome, name: str, *, as_json: bool) -> None:
    """Let the city's next upload leave a gap, once you have asked what became of the missing one.

    Needed where an upload can never be taken, for instance signed by a key revoked since.
    """
    with write_unit(open_database(home.ready().database)) as session:
        city = pass_over(session, name, who=who(), now=CLOCK.now())
    show(_facts(home, city), as_json=as_json)


@city_group.command("move")
@click.argument("prefix")
@click.argument("name")
@centre_option
@json_option
def move_command(home: CentreHome, prefix: str, name: str, *, as_json: bool) -> None:
    """Give the organisation PREFIX to the city NAME from now on (移交)."""
    chosen = check_prefix(prefix)
    with write_unit(open_database(home.ready().database)) as session:
        move_prefix(session, home.cities, chosen, name, who=who(), now=CLOCK.now())
        city = get_city(session, name)
    show({"prefix": chosen, **_facts(home, city)}, as_json=as_json)


def _facts(home: CentreHome, city: City) -> dict[str, object]:
    found = trust_of(home.cities, city)
    return {
        "city": city.name,
        "title": city.title,
        "log": city.origin,
        "site": city.site,
        "trust of": format_time(found.trust.issued_at),
        "organisations": len(found.trust.issuers),
        "keys": [f"{key.key_id} {key.state}" for key in found.upload_keys],
        "sequence": city.sequence,
        "receipts": city.receipts,
        "ended": city.ended_at or "",
        "gap allowed": city.pass_over,
    }


def _lines(home: CentreHome, city: City) -> list[str]:
    facts = _facts(home, city)
    state = f"已停止接收 ended {city.ended_at}" if city.ended_at else "接收中 taken"
    return [
        f"{city.title}  {state}  {city.origin}",
        f"{facts['organisations']} organisations, trust of {facts['trust of']}",
        f"last upload {city.sequence}, {city.receipts} receipts"
        + (", a gap is allowed" if city.pass_over else ""),
    ]
