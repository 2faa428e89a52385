"""The site's working process: sends messages, works bulk checks off, tells of later changes.

It deletes what is over, too. It is apart from the web processes: no browser reaches it, and it
alone has the receipt key. Any number may run over one state file. `certreg site work` starts it
with the web processes' environment and `CERTREG_RECEIPT_KEY_FILE`.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from typing import TYPE_CHECKING, Final, NoReturn

from verify_web.allowance import Allowance
from verify_web.bulk.store import open_desk, purge
from verify_web.bulk.telling import tell_due
from verify_web.bulk.watching import compare
from verify_web.bulk.working import Bench, work_one
from verify_web.errors import ServiceTrouble
from verify_web.limits import Limits
from verify_web.lookup import Mirror
from verify_web.outbox import send_due
from verify_web.public import PublicDirectory
from verify_web.site import Site

if TYPE_CHECKING:
    from signing.receiptkey import ReceiptKey
    from verify_web.bulk.telling import Postman
    from verify_web.channels import Channel
    from verify_web.config import SiteConfig

PAUSE_SECONDS: Final = 0.5
PURGE_SECONDS: Final = 600.0
TELL_SECONDS: Final = 2.0

_LOG: Final = logging.getLogger("verify_web")


def make_bench(config: SiteConfig, signer: ReceiptKey) -> Bench:
    """Put the working process's surroundings together."""
    limits = Limits(config.state, config.pepper, config.clock)
    site = Site(
        config=config,
        public=PublicDirectory(config.public_dir),
        mirror=Mirror(config.public_dir / "mirror.db", config.pepper),
        allowance=Allowance(limits, config.clock),
    )
    desk = open_desk(config.state, config.pepper, config.clock, secrets.token_bytes)
    return Bench(site=site, desk=desk, signer=signer)


def work_once(bench: Bench, channel: Channel) -> int:
    """Do what there is to do now; return how many messages and jobs were done.

    Raises ServiceTrouble.
    """
    done = send_due(bench.desk, channel)
    while work_one(bench):
        done += 1
        done += send_due(bench.desk, channel)
    return done


def tell_once(bench: Bench, postman: Postman) -> int:
    """Compare what is watched with the published states, and tell; return the notices taken.

    Raises ServiceTrouble.
    """
    compare(bench.desk, bench.site.public.snapshot())
    return tell_due(bench.desk, postman)


def tell_on(bench: Bench, postman: Postman) -> NoReturn:
    """Go on telling; trouble is logged and tried again."""
    while True:
        try:
            tell_once(bench, postman)
        except ServiceTrouble as trouble:
            _LOG.error("%s: %s", trouble.code, trouble)
            time.sleep(TELL_SECONDS)
        time.sleep(TELL_SECONDS)


def work_on(bench: Bench, channel: Channel, postman: Postman) -> NoReturn:
    """Go on until interrupted; trouble is logged and tried again.

    Notices of changes go out beside: a receiver that lets us wait must hold up no sign-in code.
    """
    purged = -PURGE_SECONDS
    threading.Thread(target=tell_on, args=(bench, postman), daemon=True).start()
    while True:
        try:
            if time.monotonic() - purged > PURGE_SECONDS:
                purge(bench.desk)
                purged = time.monotonic()
            work_once(bench, channel)
        except ServiceTrouble as trouble:
            _LOG.error("%s: %s", trouble.code, trouble)
            time.sleep(10 * PAUSE_SECONDS)
        time.sleep(PAUSE_SECONDS)
