"""Cities taken in and ended, and the check of what the centre keeps."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keys.errors import TrustBroken
from registry.centre.checks import Checked, check_centre
from registry.centre.cities import (
    add_city,
    all_cities,
    claimed_of_others,
    end_city,
    move_prefix,
    pass_over,
)
from registry.centre.errors import CentreNotReady, CityRefused, PackageNotTaken
from registry.centre.home import SETTINGS, Settings
from registry.centre.store import open_database, read_unit, write_unit


def checked(province: Any) -> Checked:
    centre = province.centre
    with read_unit(centre.engine) as session:
        return check_centre(session, centre.packages, province.keys(), province.clock.now())


def brought(province: Any, city: Any, *rows: Any, **change: Any) -> str:
    """Keep the package's bytes as the API does, and take it; give its digest."""
    data = city.package(*rows, **change)
    digest = hashlib.sha256(data).hexdigest()
    province.centre.packages.append(city.name, digest, 0, data)
    province.centre.packages.close(city.name, digest)
    province.take(city, data)
    return digest


@pytest.fixture
def busy(province: Any, shizhou: Any, lizhou: Any) -> str:
    """Give a centre that has taken three packages of two cities; the last one's digest."""
    new = shizhou.issue(1)
    brought(province, shizhou, new, shizhou.issue(2))
    brought(province, lizhou, lizhou.issue(1))
    return brought(province, shizhou, shizhou.correct(new))


def test_what_is_kept_in_order_has_no_fault(province: Any, busy: str) -> None:
    found = checked(province)
    assert (found.receipts, found.numbers) == (3, 3)
    assert (found.faults, found.open) == ((), ())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE certificates SET edition = 7 WHERE edition = 2", "not as the receipts say"),
        ("UPDATE certificates SET withdrawn = 1", "not as the receipts say"),
        ("DELETE FROM certificates WHERE edition = 2", "not as the receipts say"),
        ("UPDATE receipts SET envelope = substr(envelope, 1, 99)", "is damaged"),
        ("DELETE FROM receipts WHERE city = 'shizhou' AND place = 1", "does not follow"),
        ("UPDATE cities SET receipt = ''", "last receipt is not"),
    ],
)
def test_a_hand_in_the_database_is_found(province: Any, busy: str, change: str, words: str) -> None:
    with closing(sqlite3.connect(province.centre.home.database)) as database:
        database.execute(change)
        database.commit()
    assert any(words in fault for fault in checked(province).faults)


def test_a_package_that_is_gone_is_found(province: Any, busy: str) -> None:
    shutil.rmtree(province.centre.home.packages / "shizhou" / busy)
    (fault,) = checked(province).faults
    assert fault == "shizhou receipt 2: its package is missing or damaged"


def test_what_waits_for_a_person_is_listed(
    province: Any, shizhou: Any, lizhou: Any, busy: str
) -> None:
    lizhou.lists(shizhou.prefix)
    province.clock.moment += timedelta(minutes=1)
    province.add(lizhou, issued_at=province.clock.now())
    claim = lizhou.issue(1, prefix=shizhou.prefix)
    brought(province, lizhou, claim, organisation=shizhou.prefix)
    with write_unit(province.centre.engine) as session:
        pass_over(session, "shizhou", who="test", now=province.clock.now())
    found = checked(province)
    assert found.faults == ()
    assert len(found.open) == 2
    assert claim.number in found.open[0]
    assert "shizhou 已接收，lizhou 又报" in found.open[0]


def add(province: Any, name: str, folder: Path, title: str = "某市") -> Any:
    with write_unit(province.centre.engine) as session:
        return add_city(
            session,
            province.centre.home.cities,
            name,
            folder,
            title=title,
            who="test",
            now=province.clock.now(),
        )


def test_a_city_is_taken_in_once_and_by_its_newest_folder(province: Any, shizhou: Any) -> None:
    folder = shizhou.folder
    assert add(province, "shizhou", folder).trust == add(province, "shizhou", folder).trust
    shizhou.trust(issued_at=province.clock.now() - timedelta(days=1))
    with pytest.raises(CityRefused, match="信任文件比现用的旧"):
        add(province, "shizhou", folder)
    shizhou.trust(issued_at=province.clock.now() + timedelta(minutes=1))
    newer = add(province, "shizhou", folder)
    assert newer.title == "某市"
    with read_unit(province.centre.engine) as session:
        assert [city.name for city in all_cities(session)] == ["lizhou", "shizhou"]


@pytest.mark.parametrize("name", ["", "Shizhou", "../x", "a b", "x" * 40, "1st"])
def test_names_that_could_not_be_folders(province: Any, shizhou: Any, name: str) -> None:
    with pytest.raises(CityRefused):
        add(province, name, shizhou.folder)


def test_folders_that_are_not_a_city_s(province: Any, shizhou: Any, make_city: Any) -> None:
    with pytest.raises(CityRefused, match="that of the city shizhou"):
        add(province, "third", shizhou.folder)
    stranger = make_city("yuanzhou", "Y000044999003")
    stranger.trust()
    with pytest.raises(CityRefused, match="另一个公开日志"):
        add(province, "shizhou", stranger.folder)
    # Another log that lists this city's upload key would answer for it.
    stranger.upload_signer = shizhou.upload_signer
    stranger.trust()
    with pytest.raises(CityRefused, match="that of the city shizhou"):
        add(province, "yuanzhou", stranger.folder)
    (stranger.folder / "issuers.json").write_bytes((shizhou.folder / "issuers.json").read_bytes())
    with pytest.raises(TrustBroken):
        add(province, "yuanzhou", stranger.folder)
    (stranger.folder / "office.json").unlink()
    with pytest.raises(TrustBroken):
        add(province, "yuanzhou", stranger.folder)
    with read_unit(province.centre.engine) as session:
        assert len(all_cities(session)) == 2


def test_a_prefix_is_the_first_city_s_until_it_is_moved(
    province: Any, shizhou: Any, lizhou: Any
) -> None:
    lizhou.lists(shizhou.prefix)
    province.clock.moment += timedelta(minutes=1)
    province.add(lizhou, issued_at=province.clock.now())
    cities = province.centre.home.cities
    with write_unit(province.centre.engine) as session:
        ours, theirs = all_cities(session)[1], all_cities(session)[0]
        assert claimed_of_others(session, cities, theirs) == {shizhou.prefix: "shizhou"}
        assert claimed_of_others(session, cities, ours) == {}
        named: dict[str, Any] = {"who": "test", "now": province.clock.now()}
        move_prefix(session, cities, shizhou.prefix, "lizhou", **named)
        assert claimed_of_others(session, cities, ours) == {shizhou.prefix: "lizhou"}
        with pytest.raises(CityRefused, match="没有地市登记过"):
            move_prefix(session, cities, "Y000044999009", "lizhou", **named)
        with pytest.raises(CityRefused, match="没有列出"):
            move_prefix(session, cities, lizhou.prefix, "shizhou", **named)
        end_city(session, "shizhou", **named)
        with pytest.raises(CityRefused, match="已停止接收"):
            move_prefix(session, cities, shizhou.prefix, "shizhou", **named)


def test_an_ended_city_comes_back_with_another_log_and_goes_on_in_its_place(
    province: Any, shizhou: Any
) -> None:
    new = shizhou.issue(1)
    first = province.take(shizhou, shizhou.package(new))
    shizhou.origin = "shizhou.example.cn/log2"
    province.clock.moment += timedelta(minutes=1)
    with pytest.raises(CityRefused, match="另一个公开日志"):
        province.add(shizhou, issued_at=province.clock.now())
    with write_unit(province.centre.engine) as session:
        end_city(session, "shizhou", who="test", now=province.clock.now())
    province.add(shizhou, issued_at=province.clock.now())
    receipt = province.answered(shizhou, shizhou.correct(new))
    assert (receipt.city, receipt.accepted) == (shizhou.origin, 1)
    assert receipt.previous == first.digest
    # An office that counts from 1 again is not the one that the centre knows.
    shizhou.sequence, shizhou.previous = 0, ""
    with pytest.raises(PackageNotTaken, match="sequence-taken"):
        province.take(shizhou, shizhou.package(shizhou.issue(2)))


def test_homes_that_are_not_whole(province: Any, tmp_path: Path) -> None:
    home = province.centre.home
    good = (home.path / SETTINGS).read_bytes()
    for text in (b"", b"name = 1\n", b"\xff", good.replace(b'"44"', b'"4"')):
        (home.path / SETTINGS).write_bytes(text)
        with pytest.raises(CentreNotReady):
            home.settings()
    (home.path / SETTINGS).write_bytes(good)
    assert home.settings().province == "44"
    for name in ("", " x", "a\nb", "x" * 101):
        with pytest.raises(CentreNotReady):
            Settings(name=name, province="44", url="")
    with pytest.raises(CentreNotReady):
        Settings(name="x", province="44", url="ftp://x")
    with pytest.raises(CentreNotReady, match="missing"):
        open_database(tmp_path / "none.db")
    with closing(sqlite3.connect(home.database)) as database:
        database.execute("PRAGMA user_version = 9")
    with pytest.raises(CentreNotReady, match="version 9"):
        open_database(home.database)
