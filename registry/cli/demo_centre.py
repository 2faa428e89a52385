"""The demo's provincial centre: a home beside the city's, one upload to it and back.

The first upload goes through the centre's own application in this process, so that the demo needs
no port for it; what is prepared at the desks later is pushed by the net.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from registry.centre.api import create_app
from registry.centre.cities import add_city
from registry.centre.home import CentreHome, Settings
from registry.centre.publish import publish_new
from registry.centre.rate import Buckets
from registry.centre.starting import Opened, open_centre
from registry.centre.store import write_unit as write_centre
from registry.centre.visibility import HEADERS, load_visible
from registry.centre.worker import Worker
from registry.cli.base import CLOCK
from registry.cli.centre import make_centre
from registry.cli.home import Home
from registry.cli.services import Services
from registry.cli.upload_exchange import make_sender, set_centre
from registry.cli.upload_kit import make_doing, make_kit
from registry.errors import Refused
from registry.office.due import china_day
from registry.store.base import write_unit
from registry.upload.asking import Raw
from registry.upload.collecting import collect
from registry.upload.freezing import freeze
from registry.upload.outbox import assemble
from registry.upload.sending import Outcome, send_due
from signing.upload.centre_card import CENTRE_FILE

CENTRE_NAME: Final = "示例省技能服务指导中心"
CITY: Final = "shizhou"
CITY_TITLE: Final = "示州市"
BATCH: Final = "GD-DEMO-0001"
FOLDER: Final = "centre"


def demo_centre_home(home: Home) -> CentreHome:
    """Return the centre's home of a demo."""
    return CentreHome(path=home.path / FOLDER, environ=os.environ)


def play_centre(services: Services, centre_url: str, prefix: str, listed: str) -> str:
    """Found the centre, report the organisation ``prefix`` to it, and take its receipt.

    The centre then says that the number ``listed`` is seen nationally. Returns the upload's id.
    """
    centre = found_centre(services, centre_url)
    doing = make_doing(services)
    with write_unit(services.engine) as session:
        upload = assemble(session, prefix, doing, batch=BATCH)
    freeze(services.engine, upload.upload_id, make_kit(services), doing)
    worker = Worker(centre)
    try:
        app = create_app(centre, worker, buckets=Buckets())
        sender = make_sender(services)
        sender = replace(sender, client=replace(sender.client, transport=InProcess(app=app)))
        (sent,) = send_due(sender)
        if sent.outcome is not Outcome.ACKNOWLEDGED:
            raise Refused(f"the demo's upload was not acknowledged: {sent.problem}")
        _tell_listed(centre, listed)
        collect(sender)
    finally:
        worker.end()
        centre.engine.dispose()
    return upload.upload_id


def found_centre(services: Services, url: str) -> Opened:
    """Found a centre beside the city, which each then trusts."""
    home = services.home
    at = demo_centre_home(home)
    make_centre(at, Settings(name=CENTRE_NAME, province="44", url=url))
    centre = open_centre(at, clock=CLOCK, random=secrets.token_bytes)
    with write_centre(centre.engine) as session:
        trust = home.public / "trust"
        now = CLOCK.now()
        add_city(session, at.cities, CITY, trust, title=CITY_TITLE, who="demo", now=now)
    set_centre(services, at.public / CENTRE_FILE)
    return centre


def _tell_listed(centre: Opened, number: str) -> None:
    day = china_day(CLOCK.now())
    table = f"{','.join(HEADERS)}\n{number},{day}\n".encode()
    with write_centre(centre.engine) as session:
        load_visible(session, table, who="demo", now=CLOCK.now())
    publish_new(centre.engine, centre.home.public)


@dataclass(frozen=True, slots=True, kw_only=True)
class InProcess:
    """A way to the centre's application in this process."""

    app: Any

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Raw:
        """Ask the application; nothing can be lost on the way."""
        client = self.app.test_client()
        answer = client.open(target, method=method, headers=dict(headers), data=body or None)
        found = {name.lower(): value for name, value in answer.headers}
        return Raw(status=answer.status_code, headers=found, body=answer.data)
