"""The public site's composition: configuration in, Flask application out.

No session, and no cookie but that of the display; nothing is written but the state file, where the
limits stand: any number of processes may serve the same directory. Uploads stay in memory.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from flask import Flask, Request, url_for

from signing.exchange import Exchange
from verify_web import (
    directory,
    display,
    draws,
    errors,
    log,
    lookups,
    open_data,
    pages,
    result,
    scripts,
    security,
    status,
    tail,
    uploads,
)
from verify_web.allowance import Allowance
from verify_web.bulk import api as bulk_api
from verify_web.bulk import pages as bulk_pages
from verify_web.bulk.store import open_desk
from verify_web.front import Front
from verify_web.holder import pages as holder_pages
from verify_web.holder.desk import HolderDesk
from verify_web.limits import Limits
from verify_web.lookup import Mirror
from verify_web.public import PublicDirectory
from verify_web.site import Site
from verify_web.times import clock_words, date_words, machine_time
from verify_web.wording_page import SAY

if TYPE_CHECKING:
    from verify_web.config import SiteConfig

MAX_UPLOAD: Final = 16 * 1024 * 1024
"""Bytes of one uploaded file."""

MULTIPART_ROOM: Final = 64 * 1024
"""Bytes of boundaries and part headers around it."""

MAX_PARTS: Final = 16

_YEAR: Final = 365 * 24 * 3600
_STATIC: Final = Path(__file__).parent / "static"


class MemoryRequest(Request):
    """Keeps uploaded files in memory: werkzeug would put larger ones into a temporary file."""

    def _get_file_stream(
        self,
        total_content_length: int | None,  # noqa: ARG002 -- the signature is werkzeug's
        content_type: str | None,  # noqa: ARG002
        filename: str | None = None,  # noqa: ARG002
        content_length: int | None = None,  # noqa: ARG002
    ) -> IO[bytes]:
        return io.BytesIO()


def create_app(config: SiteConfig) -> Flask:
    """Build the site over `config.public_dir`. Reads nothing yet, so it starts even if empty."""
    app = Flask(__name__)
    app.request_class = MemoryRequest
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_UPLOAD + MULTIPART_ROOM,
        MAX_FORM_PARTS=MAX_PARTS,
        SEND_FILE_MAX_AGE_DEFAULT=_YEAR,
    )
    app.jinja_env.filters.update(
        clock_time=lambda moment: display.told(clock_words(moment)),
        machine_time=machine_time,
        shown_date=lambda day: display.told(date_words(day)),
        grouped="{:,}".format,
    )
    versions = {file.name: _digest(file) for file in _STATIC.iterdir()}
    kept = tuple(f"/static/{name}?v={versions[name]}" for name in ("icon.svg",))
    module = scripts.load_scripts(config.max_age, kept)

    @app.context_processor
    def constants() -> dict[str, object]:
        return {
            "base_url": config.base_url,
            # A changed file gets a new address, so browsers may keep the old one for a year.
            "module": module,
            "holder": config.exchange_key is not None,
            "say": SAY,
            "asset": lambda name: url_for("static", filename=name, v=versions[name]),
        }

    limits = Limits(config.state, config.pepper, config.clock)
    site = Site(
        config=config,
        public=PublicDirectory(config.public_dir),
        mirror=Mirror(config.public_dir / "mirror.db", config.pepper),
        allowance=Allowance(limits, config.clock),
    )
    security.install(app, base_url=config.base_url)
    errors.install(app)
    display.install(app, secure=config.base_url.startswith("https:"))
    app.register_blueprint(pages.blueprint(site))
    rendering = result.Rendering()
    app.register_blueprint(result.blueprint(site, rendering))
    app.register_blueprint(scripts.blueprint(module))
    app.register_blueprint(lookups.blueprint(site))
    app.register_blueprint(uploads.blueprint(site))
    app.register_blueprint(log.blueprint(config.public_dir))
    app.register_blueprint(directory.blueprint(config.public_dir))
    app.register_blueprint(draws.blueprint(config.public_dir))
    app.register_blueprint(open_data.blueprint(config.public_dir))
    app.register_blueprint(status.blueprint(config.public_dir))
    app.register_blueprint(tail.blueprint(site))
    desk = open_desk(config.state, config.pepper, config.clock, secrets.token_bytes)
    app.register_blueprint(bulk_pages.blueprint(site, desk))
    app.register_blueprint(bulk_api.blueprint(site, desk))
    if config.exchange_key is not None:
        exchange = Exchange(config.exchange, config.exchange_key, secrets.token_bytes)
        holder_desk = HolderDesk(exchange, config.clock)
        app.register_blueprint(holder_pages.blueprint(site, holder_desk))
    front = Front(app.wsgi_app, site, rendering.frames)
    app.wsgi_app = front.serve  # type: ignore[method-assign]
    return app


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
