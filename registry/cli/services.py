"""Rooms put together for one home: what a command needs, opened once.

The trust folder is written here because it joins what two rooms know: the issuers of the database
and the public halves of the key ring.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Self

from sqlalchemy import Engine

from keys.model import Purpose
from keys.office_keys import OFFICE_KEYS_FILE, office_keys_json
from keys.policy import MalformedPolicy, Policy, format_policy, join_policy
from keys.ring import KeyRing
from keys.signer import PrivateKeySigner
from keys.trust import ISSUERS_FILE, POLICY_FILE, TrustedIssuer, issuers_json
from keys.trust_site import SITE_KEYS_FILE, site_keys_json
from registry.cli.base import CLOCK, make_context
from registry.cli.checkpoint_keys import checkpoint_signers, near_their_end, policy_logs
from registry.cli.home import Home, Settings
from registry.cli.site_keys import announced
from registry.cli.stamp_roots import stamp_roots
from registry.cli.trusted import trusted_issuers, trusted_office_keys
from registry.cli.witnesses import WITNESSES_FILE, read_witnesses
from registry.ledger.asking import Asked, Outcome, witnessed_heads
from registry.ledger.audit_heads import logged_heads
from registry.ledger.cosigning import REST, TIMEOUT, cosign, refuse_alarm
from registry.ledger.guards import refuse_unsafe, refuse_witnessed_ahead
from registry.ledger.head import Log, load_head
from registry.ledger.local_storage import LocalStorage
from registry.ledger.sequencer import Anchored, anchor
from registry.ledger.storage import LogStorage
from registry.ledger.succession import Era, current_era, predecessors
from registry.office.audit_chain import SUBJECT
from registry.office.context import Context
from registry.office.directory import directory, directory_json
from registry.office.due import china_day
from registry.office.issuer_keys import signing_key
from registry.office.public_draws import public_draws
from registry.office.public_mark import public_mark
from registry.publish import Site, publish
from registry.store.base import read_unit
from registry.store.schema import require_current

OFFICE = "office"
DIRECTORY_FILE = "directory.json"
DRAWS_FOLDER = "draws"
LISTS_MARK = "lists.mark"
"""In the home: what the published lists were last made from."""


@dataclass(frozen=True, kw_only=True)  # no slots: cached_property keeps its values in __dict__
class Services:
    """One open home: settings, database, keys, log and site."""

    home: Home
    settings: Settings
    engine: Engine
    ring: KeyRing
    context: Context

    @classmethod
    def open(cls, home: Home) -> Self:
        """Open the home; raises the error that says what is missing."""
        settings = home.settings()
        engine = home.engine()
        require_current(engine)
        ring = home.ring()
        return cls(
            home=home, settings=settings, engine=engine, ring=ring, context=make_context(ring)
        )

    @cached_property
    def policy(self) -> Policy:
        """The trust policy: the log's own keys, and the witnesses of ``witnesses.policy``."""
        return self._policy_of(self.ring)

    @cached_property
    def era(self) -> Era:
        """The newest log: the first one, or the one that stands in a frozen one's place."""
        with read_unit(self.engine) as session:
            return current_era(session, self.settings.origin)

    def log_folder(self, origin: str) -> Path:
        """Return where the files of the log of this origin lie: ``public/log``, ``public/log2``."""
        return self.home.public / origin.rpartition("/")[2]

    def _policy_of(self, ring: KeyRing) -> Policy:
        origin = self.era.origin
        url = f"{self.settings.base_url}/{origin.rpartition('/')[2]}"
        logs = policy_logs(ring, origin, url)
        try:
            return join_policy(logs, read_witnesses(self.home))
        except MalformedPolicy as fault:
            file = self.home.path / WITNESSES_FILE
            msg = f"{file}: {fault}. Correct the file and run this again"
            raise MalformedPolicy(msg) from None

    @cached_property
    def log(self) -> Log:
        """The newest log with its files."""
        return Log(
            origin=self.era.origin,
            storage=self._log_storage(self.era.origin),
            signers=checkpoint_signers(self.ring, CLOCK.now()),
            policy=self.policy,
        )

    def logged_heads(self) -> frozenset[tuple[int, str]] | None:
        """Read the audit heads from the published files of all logs; None if unreadable."""
        with read_unit(self.engine) as session:
            origins = (*predecessors(session, self.era.origin), self.era.origin)
        return logged_heads((self._log_storage(origin) for origin in origins), SUBJECT)

    def _log_storage(self, origin: str) -> LogStorage:
        address = self.settings.log_storage
        if not address:
            return LocalStorage(self.log_folder(origin))
        # Only who has a bucket needs obstore.
        from registry.ledger.object_storage import open_bucket  # noqa: PLC0415

        return open_bucket(address + origin.removeprefix(self.settings.origin))

    @cached_property
    def site(self) -> Site:
        """Where publication goes."""
        return Site(public=self.home.public, pepper=self.home.pepper())

    @cached_property
    def seal_root(self) -> bytes:
        """The certificate (DER) under which all issuers' PDF seals stand."""
        certificate = self.ring.signer(Purpose.PDF, OFFICE, CLOCK.now()).info.certificate
        if certificate is None:
            raise AssertionError  # the ring refuses a PDF key without its certificate
        return certificate

    def record_signer(self, prefix: str) -> PrivateKeySigner:
        """Return the issuer's key for records and QR codes."""
        return self._issuer_signer(Purpose.RECORD, prefix)

    def seal_signer(self, prefix: str) -> PrivateKeySigner:
        """Return the issuer's key for PDF seals."""
        return self._issuer_signer(Purpose.PDF, prefix)

    def _issuer_signer(self, purpose: Purpose, prefix: str) -> PrivateKeySigner:
        # Which key signs, the database says: an old copy of the ring may hold ended ones.
        with read_unit(self.engine) as session:
            key_id = signing_key(session, prefix, purpose)
        return self.ring.signer(purpose, prefix, CLOCK.now(), only=key_id)

    def require_head(self) -> None:
        """Refuse if the log is frozen, the database an older copy, or the clock set back.

        Asked before anything is issued or changed: numbers given away by an old copy would be
        given away twice. Raises ``LogFrozen``, ``HeadLost``, ``ClockBehind``.
        """
        with read_unit(self.engine) as session:
            refuse_unsafe(session, self.log, now=CLOCK.now())

    def anchor(
        self, *, trust: bool = True, tell: Callable[[Asked], object] = lambda _asked: None
    ) -> tuple[Anchored, int]:
        """Run the sequencer once, ask the witnesses and publish.

        Return what was done and how many entries went out. ``trust`` is whether the trust folder
        is written anew, which opens the key ring; ``tell`` gets what each witness did. Raises
        ``WitnessAlarm`` once all is done if one knows another history.
        """
        self._refuse_witnessed_ahead()
        done = anchor(self.engine, self.log, clock=CLOCK)
        # A crash in `issuer add`, or two of them at once, can leave an issuer out of the file.
        if trust:
            self.write_trust()
            self._publish_directory()
        asked = self._cosign()
        for one in asked:
            tell(one)
        written = publish(self.engine, self.log, self.site, self.context)
        refuse_alarm(self.log, done.size, asked)
        return done, written

    def _publish_directory(self) -> None:
        today = china_day(CLOCK.now())
        kept = self.home.path / LISTS_MARK
        there = kept.is_file() and (self.home.public / DIRECTORY_FILE).is_file()
        written = kept.read_text("ascii") if there else ""
        with read_unit(self.engine) as session:
            mark = public_mark(session, on=today)
            if mark == written:
                return
            entries = directory(session, self.context)
            draws, index = public_draws(session, self.context, on=today)
        data = directory_json(entries, on=today)
        files = [(f"{DRAWS_FOLDER}/{reference}.json", file) for reference, file in draws.items()]
        # The index last: what it names is there.
        files += [(f"{DRAWS_FOLDER}/index.json", index), (DIRECTORY_FILE, data)]
        LocalStorage(self.home.public).write_all(files)
        # After the files: a crash before it has them written once more.
        LocalStorage(self.home.path).write_all([(LISTS_MARK, mark.encode())])

    def _cosign(self) -> tuple[Asked, ...]:
        now = time.monotonic()
        resting = {url for url, until in self._resting.items() if now < until}
        actor = self.context.actor
        asked = cosign(self.engine, self.log, clock=CLOCK, actor=actor, resting=resting)
        silent = (one.url for one in asked if one.outcome is Outcome.UNREACHABLE)
        self._resting.update(dict.fromkeys(silent, time.monotonic() + REST))
        return asked

    @cached_property
    def _resting(self) -> dict[str, float]:
        # A witness that is away would hold up every round of a service by its time limit.
        return {}

    def _refuse_witnessed_ahead(self) -> None:
        """Refuse with ``HeadLost`` if a witness has seen more than the database has."""
        if not self._witnessed:
            return
        with read_unit(self.engine) as session:
            refuse_witnessed_ahead(load_head(session, self.log.origin), self._witnessed)

    @cached_property
    def _witnessed(self) -> list[tuple[str, int, bytes]]:
        # Once for each opening: a database that was put back was put back while nobody was at work.
        return witnessed_heads(self.log, timeout=TIMEOUT)

    def write_trust(self) -> None:
        """Write ``public/trust`` from the database's issuers and keys; end the ring's with them."""
        keys, now = self.home.path / "keys", CLOCK.now()
        while True:
            # Opened anew: another process may have made or ended keys since. Each such change
            # shows in the folder's time.
            stamp = keys.stat().st_mtime_ns
            ring = self.home.ring()
            issuers = self._trusted_issuers(ring, now)
            self._write_trust(ring, issuers, now)
            # A process that read the database before a key was revoked may write after the one
            # that revoked it: whoever writes looks again, so the last to write is never behind.
            settled = self._trusted_issuers(ring, now) == issuers
            if settled and keys.stat().st_mtime_ns == stamp:
                return

    def key_warnings(self) -> list[str]:
        """Return one line for each kind of checkpoint key that ends soon; none as a rule."""
        return near_their_end(self.ring, CLOCK.now())

    def _trusted_issuers(self, ring: KeyRing, now: datetime) -> list[TrustedIssuer]:
        with read_unit(self.engine) as session:
            return trusted_issuers(session, self.log.origin, ring, now=now)

    def _predecessors(self) -> tuple[str, ...]:
        with read_unit(self.engine) as session:
            return predecessors(session, self.log.origin)

    def _write_trust(self, ring: KeyRing, issuers: list[TrustedIssuer], now: datetime) -> None:
        # The oldest: it is the one that readers with an old policy know.
        signer = checkpoint_signers(ring, now)[0]
        data = issuers_json(
            issuers=issuers,
            seal_root=self.seal_root,
            base_url=self.settings.base_url,
            issued_at=now,
            predecessors=self._predecessors(),
            stamp_roots=stamp_roots(self.home),
            signer=signer,
        )
        site_keys = site_keys_json(announced(ring), issued_at=now, signer=signer)
        with read_unit(self.engine) as session:
            office = trusted_office_keys(session, ring)
        keys = office_keys_json(office, issued_at=now, signer=signer)
        storage = LocalStorage(self.home.public / "trust")
        policy = format_policy(self._policy_of(ring))
        storage.write_all(
            [
                (POLICY_FILE, policy),
                (SITE_KEYS_FILE, site_keys),
                (ISSUERS_FILE, data),
                (OFFICE_KEYS_FILE, keys),
            ]
        )
