"""``certreg centre city``: the cities (地市) whose uploads the centre takes."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy import Engine

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
from registry.centre.history import settle
from registry.centre.home import CentreHome
from registry.centre.publish import publish_all
from registry.centre.store import City, Head, open_database, read_unit, write_unit
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
    extra = {"attention": claims} if claims else {}
    show({**_facts(engine, home, city), **extra}, as_json=as_json)


@city_group.command("list")
@centre_option
@json_option
def list_command(home: CentreHome, *, as_json: bool) -> None:
    """List the cities, their chain and their keys."""
    engine = open_database(home.ready().database)
    with read_unit(engine) as session:
        found = all_cities(session)
    cities = {city.name: _facts(engine, home, city) for city in found}
    if as_json:
        show({"cities": list(cities.values())}, as_json=True)
    else:
        show({name: _lines(facts) for name, facts in cities.items()}, as_json=False)


@city_group.command("end")
@click.argument("name")
@centre_option
@json_option
def end_command(home: CentreHome, name: str, *, as_json: bool) -> None:
    """Take no more of a city (停止接收). What was accepted stays; `add` takes it in again.

    Then its log may be another one; its uploads go on with the next sequence.
    """
    engine = open_database(home.ready().database)
    with write_unit(engine) as session:
        city = end_city(session, name, who=who(), now=CLOCK.now())
    show(_facts(engine, home, city), as_json=as_json)


@city_group.command("pass")
@click.argument("name")
@centre_option
@json_option
def pass_command(home: CentreHome, name: str, *, as_json: bool) -> None:
    """Let the city's next upload pass (放行一次), once you have asked the city what happened.

    What the upload that waits lacks is allowed, and nothing more: that one before it is missing,
    for instance signed by a key revoked since, or that it does not prove its log's history. Where
    none waits, it may leave a gap. What is taken without a proof is listed until it is settled.
    """
    engine = open_database(home.ready().database)
    with write_unit(engine) as session:
        city = pass_over(session, name, who=who(), now=CLOCK.now())
    show({**_facts(engine, home, city), "allowed": _allowed(city)}, as_json=as_json)


@city_group.command("settle")
@click.argument("name")
@click.option("--reason", required=True, help="What was found out, in 100 characters; no names.")
@centre_option
@json_option
def settle_command(home: CentreHome, name: str, reason: str, *, as_json: bool) -> None:
    """Clear what `centre check` lists of the city's log (查明), once you have looked into it.

    Both signed checkpoints stay in the database. Was the city's last upload refused for its log's
    history, the next one may be without a proof, once.
    """
    engine = open_database(home.ready().database)
    with write_unit(engine) as session:
        settled = settle(session, name, reason, who=who(), now=CLOCK.now())
        city = get_city(session, name)
    facts = _facts(engine, home, city)
    show({**facts, "settled": settled, "allowed": _allowed(city)}, as_json=as_json)


@city_group.command("move")
@click.argument("prefix")
@click.argument("name")
@centre_option
@json_option
def move_command(home: CentreHome, prefix: str, name: str, *, as_json: bool) -> None:
    """Give the organisation PREFIX to the city NAME from now on (移交)."""
    chosen = check_prefix(prefix)
    engine = open_database(home.ready().database)
    with write_unit(engine) as session:
        move_prefix(session, home.cities, chosen, name, who=who(), now=CLOCK.now())
        city = get_city(session, name)
    show({"prefix": chosen, **_facts(engine, home, city)}, as_json=as_json)


def _facts(engine: Engine, home: CentreHome, city: City) -> dict[str, object]:
    found = trust_of(home.cities, city)
    with read_unit(engine) as session:
        head = session.get(Head, (city.name, city.origin))
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
        "tree": head.size if head else 0,
        "history": _history(head),
        "ended": city.ended_at or "",
        "gap allowed": city.pass_over,
        "no proof allowed": city.pass_history,
    }


def _history(head: Head | None) -> str:
    if head is None:
        return "没有所存的检查点 (no tree is held)"
    if head.proven:
        return "已接收的各批均已证明 (of all that was taken, proven)"
    return "已接收的有未证明的 (not of all that was taken: cannot say)"


def _allowed(city: City) -> list[str]:
    said = (
        (city.pass_over, "下一份清单可以跳号，限一次 (a gap)"),
        (
            city.pass_history,
            "下一份清单可以不附一致性证明，限一次，接收后列为不能判断 (no proof of history)",
        ),
    )
    return [words for given, words in said if given]


def _lines(facts: dict[str, object]) -> list[str]:
    state = f"已停止接收 ended {facts['ended']}" if facts["ended"] else "接收中 taken"
    return [
        f"{facts['title']}  {state}  {facts['log']}",
        f"{facts['organisations']} organisations, trust of {facts['trust of']}",
        f"last upload {facts['sequence']}, {facts['receipts']} receipts"
        + (", a gap is allowed" if facts["gap allowed"] else "")
        + (", a missing proof is allowed" if facts["no proof allowed"] else ""),
        f"log of {facts['tree']} entries: {facts['history']}",
    ]
