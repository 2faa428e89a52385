"""The desks put together over one home: what a WSGI server starts.

The processes hold the whole home open: database, field keys, and the companies' signing keys,
since an approved batch is issued from a page. A module of its own, so that no other command loads
the pages.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from keys.clock import Clock
from registry.cli.base import CLOCK
from registry.cli.desks import URL_VARIABLE
from registry.cli.home import Home
from registry.cli.services import Services
from registry.cli.setup import enrol
from registry.office.document_files import Scanner
from registry.office.sessions import identifier
from registry.office.unit import Desk
from registry.web.app import create_desks

ALL_LEVELS: Final = "5,4,3,2,1"
SCAN_SECONDS: Final = 60


def create() -> Flask:
    """Build the desks from ``CERTREG_HOME`` and ``CERTREG_DESK_URL``: a WSGI server's factory."""
    home = Home(path=Path(os.environ["CERTREG_HOME"]), environ=os.environ)
    return create_application(Services.open(home), os.environ[URL_VARIABLE])


def create_application(services: Services, address: str, clock: Clock = CLOCK) -> Flask:
    """Put the desks together over one home."""
    desk = make_desk(services, address, clock)
    app = create_desks(desk, secret=services.ring.secret("desk-cookie"), identify=identifier(desk))
    command = services.settings.document_scanner
    if command:
        app.config["DOCUMENT_SCANNER"] = Scanner(command=command, seconds=SCAN_SECONDS)
    if urlsplit(address).scheme == "https":
        # The proxy that ends TLS adds the address it was asked from; one such step is believed.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    return app


def make_desk(services: Services, address: str, clock: Clock = CLOCK) -> Desk:
    """Return what the desks' pages are given to work with."""
    context = services.context

    def enrol_company(name: str, uscc: str, prefix: str) -> None:
        enrol(services, name=name, uscc=uscc, prefix=prefix, levels=ALL_LEVELS)

    return Desk(
        engine=services.engine,
        clock=clock,
        field_key=context.field_key,
        index_key=context.index_key,
        random=context.random,
        documents=services.home.path / "documents",
        office_name=services.settings.office,
        base_url=address,
        record_signer=services.record_signer,
        enrol=enrol_company,
        before_signing=services.require_head,
    )
