"""The desks put together over one home: what a WSGI server starts.

The processes hold the whole home open: database, field keys, and the companies' signing keys,
since an approved batch is issued from a page. A module of its own, so that no other command loads
the pages.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from keys.clock import Clock
from registry.cli.base import CLOCK
from registry.cli.desk_unit import make_desk
from registry.cli.desks import URL_VARIABLE
from registry.cli.home import Home
from registry.cli.services import Services
from registry.cli.upload_exchange import make_exchange
from registry.office.document_files import Scanner
from registry.office.sessions import identifier
from registry.web.app import create_desks
from registry.web.exchange import EXCHANGE

SCAN_SECONDS: Final = 60


def create() -> Flask:
    """Build the desks from ``CERTREG_HOME`` and ``CERTREG_DESK_URL``: a WSGI server's factory."""
    home = Home(path=Path(os.environ["CERTREG_HOME"]), environ=os.environ)
    app = create_application(Services.open(home), os.environ[URL_VARIABLE])
    settle()
    return app


def settle() -> None:
    """Take all that is there now out of the garbage collector's rounds: it stays for good.

    Modules and tables are some 150,000 objects; a round over them takes as long as a hundred
    pages, and one that makes many rows of its own would set it off.
    """
    gc.collect()
    gc.freeze()


def create_application(services: Services, address: str, clock: Clock = CLOCK) -> Flask:
    """Put the desks together over one home."""
    desk = make_desk(services, address, clock)
    app = create_desks(desk, secret=services.ring.secret("desk-cookie"), identify=identifier(desk))
    app.config[EXCHANGE] = make_exchange(services)
    command = services.settings.document_scanner
    if command:
        app.config["DOCUMENT_SCANNER"] = Scanner(command=command, seconds=SCAN_SECONDS)
    if urlsplit(address).scheme == "https":
        # The proxy that ends TLS adds the address it was asked from; one such step is believed.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    return app
