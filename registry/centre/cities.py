"""The cities (地市) that report to the centre, and what each of them is believed by.

A city's trust folder is had by a way the centre trusts and copied under its digest; the database
says which is in force. So a new one takes effect in one commit, and a crash before it leaves the
old. An older folder than the one in force is refused: under it a key revoked since would be good.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from keys.errors import KeysError
from keys.office_keys import OFFICE_KEYS_FILE, load_office_keys
from keys.trust import ISSUERS_FILE, POLICY_FILE, Trust, TrustedKey, load_trust
from registry.centre.errors import CityRefused
from registry.centre.store import City, Prefix, note
from registry.centre.waiting import first_waiting
from signing.tlog.entry import format_time

FILES: Final = (ISSUERS_FILE, POLICY_FILE, OFFICE_KEYS_FILE)
_MAX_TITLE: Final = 50
_NAME = re.compile("[a-z][a-z0-9-]{0,31}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CityTrust:
    """What a city's package is checked by: its trust folder and its upload keys."""

    trust: Trust
    upload_keys: tuple[TrustedKey, ...]


@lru_cache(maxsize=64)
def load_city_trust(folder: Path) -> CityTrust:
    """Read a copied trust folder, which never changes. Raises TrustBroken."""
    trust = load_trust(folder)
    return CityTrust(trust=trust, upload_keys=load_office_keys(folder, trust.policy))


def trust_of(cities: Path, city: City) -> CityTrust:
    """Return the trust in force of a city. Raises TrustBroken."""
    return load_city_trust(cities / city.name / city.trust)


def all_cities(session: Session) -> list[City]:
    """Return all cities, ended ones too, by name."""
    return list(session.scalars(select(City).order_by(City.name)))


def get_city(session: Session, name: str) -> City:
    """Return a city by name; CityRefused if there is none."""
    city = session.get(City, name)
    if city is None:
        raise CityRefused("没有这个地市，见 `certreg centre city list` (no such city)")
    return city


def city_of_key(session: Session, cities: Path, key_id: str) -> tuple[City, TrustedKey] | None:
    """Find the upload key of this id among all cities, ended ones too; None if nobody has it."""
    for city in all_cities(session):
        try:
            keys = trust_of(cities, city).upload_keys
        except KeysError:
            # A damaged folder must shut out its own city alone.
            continue
        for key in keys:
            if key.key_id == key_id:
                return city, key
    return None


def add_city(
    session: Session,
    cities: Path,
    name: str,
    folder: Path,
    *,
    title: str,
    who: str,
    now: datetime,
) -> City:
    """Take a city in, or its newer trust folder; taking the same again changes nothing.

    A city that is ended may come back with another log. Its manifests and receipts go on where
    they stood: the next sequence, naming the manifest before it.

    Raises CityRefused, or TrustBroken for a folder that cannot be believed.
    """
    if not _NAME.fullmatch(name):
        raise CityRefused("a city's name has small letters, digits and `-`, such as shenzhen")
    if not 0 < len(title) <= _MAX_TITLE or not title.isprintable() or title != title.strip():
        raise CityRefused("a city's title has 1 to 50 printable characters, such as 深圳市")
    trust = load_trust(folder)
    found = CityTrust(trust=trust, upload_keys=_keys(folder, trust))
    known = session.get(City, name)
    if known is not None:
        _check_newer(trust_of(cities, known), found, ended=known.ended_at is not None)
    _check_alone(session, cities, name, found)
    digest = _copy(folder, cities / name)
    if known is None:
        known = City(name=name, added_at=format_time(now))
        session.add(known)
    known.title = title
    known.origin, known.trust = found.trust.log_origin, digest
    known.site, known.ended_at = found.trust.base_url, None
    note(session, at=format_time(now), who=who, what="city-add", subject=name, outcome=digest[:16])
    session.flush()
    _assign(session, known, found.trust.issuers)
    return known


def end_city(session: Session, name: str, *, who: str, now: datetime) -> City:
    """Take no more of a city; what was accepted stays."""
    city = get_city(session, name)
    city.ended_at = city.ended_at or format_time(now)
    note(session, at=format_time(now), who=who, what="city-end", subject=name)
    return city


def pass_over(session: Session, name: str, *, who: str, now: datetime) -> City:
    """Let a city's next manifest have what the waiting one lacks, and nothing more.

    A place in the chain, a proof of the log's history, or both; the centre's clerk has asked what
    became of it. Where none waits, it may leave a gap. The city's marks say what is allowed.
    """
    city = get_city(session, name)
    waiting = first_waiting(session, city)
    city.pass_over = waiting is None or waiting.wants_place
    city.pass_history = waiting is not None and waiting.wants_history
    allowed = {"place": city.pass_over, "history": city.pass_history}
    outcome = " ".join(what for what, given in allowed.items() if given)
    note(session, at=format_time(now), who=who, what="city-pass", subject=name, outcome=outcome)
    return city


def move_prefix(
    session: Session, cities: Path, prefix: str, name: str, *, who: str, now: datetime
) -> None:
    """Give an organisation's prefix to another city, which must list it (移交).

    What was accepted stays the first city's, and is corrected and withdrawn by it alone. Raises
    CityRefused where nobody could report the organisation afterwards; TrustBroken.
    """
    city, known = get_city(session, name), session.get(Prefix, prefix)
    if known is None:
        raise CityRefused("没有地市登记过这个机构编码 (no city has listed this prefix)")
    if city.ended_at is not None:
        raise CityRefused("已停止接收该地市上报，不能移交给它 (the city is ended)")
    if prefix not in trust_of(cities, city).trust.issuers:
        raise CityRefused(
            "该地市的信任文件没有列出这个机构编码，请先用 `certreg centre city add` 换成新的"
            " (the city does not list this prefix: take its newest trust folder first)"
        )
    known.city = city.name
    note(session, at=format_time(now), who=who, what="prefix-move", subject=prefix, outcome=name)


def claimed_of_others(session: Session, cities: Path, city: City) -> dict[str, str]:
    """Return the prefixes that this city lists and another one has, with that city's name."""
    ours = trust_of(cities, city).trust.issuers.keys()
    owned = session.scalars(select(Prefix).where(Prefix.city != city.name).order_by(Prefix.prefix))
    return {one.prefix: one.city for one in owned if one.prefix in ours}


def _assign(session: Session, city: City, prefixes: Iterable[str]) -> None:
    """Give the city what no city has: the first that lists a prefix has it, a later one asks."""
    known = set(session.scalars(select(Prefix.prefix)))
    session.add_all(Prefix(prefix=one, city=city.name) for one in sorted(set(prefixes) - known))


def _keys(folder: Path, trust: Trust) -> tuple[TrustedKey, ...]:
    keys = load_office_keys(folder, trust.policy)
    if not keys:
        raise CityRefused("the trust folder lists no upload key: the city runs `certreg anchor`")
    return keys


def _check_newer(old: CityTrust, new: CityTrust, *, ended: bool) -> None:
    before, after = old.trust, new.trust
    if after.issued_at < before.issued_at:
        raise CityRefused("这份信任文件比现用的旧，未予采用 (older than the one in force)")
    follows = before.log_origin in {after.log_origin, *after.predecessors}
    # Ended first, then taken in again: a person has said twice that it is this city.
    if not follows and not ended:
        raise CityRefused("这份信任文件属于另一个公开日志 (of another log: end the city first)")


def _check_alone(session: Session, cities: Path, name: str, new: CityTrust) -> None:
    """Refuse a log or an upload key that is another city's: who sends must be one city."""
    ids = {key.key_id for key in new.upload_keys}
    for other in all_cities(session):
        if other.name == name:
            continue
        theirs = {key.key_id for key in trust_of(cities, other).upload_keys}
        if other.origin == new.trust.log_origin or ids & theirs:
            raise CityRefused(f"this log or upload key is that of the city {other.name}")


def _copy(folder: Path, target: Path) -> str:
    """Copy the three files under their digest, durably; return the digest."""
    contents = {file: (folder / file).read_bytes() for file in FILES}
    joined = b"".join(hashlib.sha256(data).digest() for data in contents.values())
    digest = hashlib.sha256(joined).hexdigest()
    place, part = target / digest, target / f".{digest}"
    if place.is_dir():
        return digest
    # What a crash left.
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700, parents=True)
    for file, data in contents.items():
        with (part / file).open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
    try:
        # The copy is what will be believed, whatever happens to the original meanwhile.
        load_city_trust.__wrapped__(part)
    except KeysError:
        shutil.rmtree(part)
        raise
    part.rename(place)
    _sync([place, target])
    return digest


def _sync(folders: Iterable[Path]) -> None:
    for folder in folders:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
