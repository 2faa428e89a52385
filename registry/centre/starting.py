"""Opening a centre from its home: keys, database, packages, and what the intake works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from keys.clock import Clock
from registry.centre.cards import CardSigner, ensure_card
from registry.centre.examine import Table
from registry.centre.home import CentreHome, Settings
from registry.centre.intake import Desk
from registry.centre.packages import Packages
from registry.centre.publish import publish_card
from registry.centre.store import open_database
from registry.upload.mapping import load_mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A centre at work. `random` gives that many unpredictable bytes."""

    home: CentreHome
    settings: Settings
    engine: Engine
    desk: Desk
    packages: Packages
    clock: Clock


def open_centre(home: CentreHome, *, clock: Clock, random: Callable[[int], bytes]) -> Opened:
    """Open the centre, with a card as its settings have it.

    Raises CentreNotReady, the ring's errors, MappingError.
    """
    settings = home.settings()
    ring = home.ring()
    engine = open_database(home.database)
    ensure_card(engine, settings, ring, clock.now())
    publish_card(engine, home.public)
    desk = Desk(
        home=home,
        engine=engine,
        name=settings.name,
        signer=CardSigner(ring, home.ring),
        table=Table(province=settings.province, mapping=load_mapping(settings.mapping)),
    )
    packages = Packages(folder=home.packages, key=ring.secret("packages"), random=random)
    return Opened(
        home=home, settings=settings, engine=engine, desk=desk, packages=packages, clock=clock
    )
