"""How much one may ask: by address and by what is asked for; no picture puzzle (docs/threats.md).

A lookup is charged before it is made, and a hit gets the charge for a miss back: whoever brings
two right facts is not slowed, and a guess pays whether or not what it guesses exists. Where one
target's bucket is empty, a network that has not guessed at it yet may still try: so nobody can
shut a holder out by guessing at the holder's numbers from elsewhere.

QR checks cost nothing. Only tokens that lead nowhere are counted, and far more are allowed:
nobody guesses 80 random bits, while a worn label may be scanned many times.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from signing.mirror import Factor, normalise
from verify_web.clients import Client
from verify_web.errors import ServiceTrouble
from verify_web.limits import Draw, Rate, TooMany, TooManyCodes, TooManyFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from keys.clock import Clock
    from verify_web.limits import Drawn, Limits

LOOKUPS: Final = Rate(name="lookups", burst=60, every=10)
"""Of one address, hits included: a clerk who checks a pile by hand stays below it."""

MISSES: Final = Rate(name="misses", burst=10, every=60)
NETWORK_MISSES: Final = Rate(name="network-misses", burst=40, every=15)
PROVIDER_MISSES: Final = Rate(name="provider-misses", burst=200, every=3)
"""Misses of one address, of its /24 or /48, of its /16 or /32: many share a carrier's address."""

SITE_MISSES: Final = Rate(name="site", burst=2_000, every=1)
"""Misses of everybody: certificate numbers stand in the public log, so a crowd of addresses could
otherwise try common names on all of them."""

TARGET_MISSES: Final = Rate(name="target", burst=10, every=360)
NAME_MISSES: Final = Rate(name="name", burst=30, every=60)
"""Misses about one number, ID number or admission number, and about one name, from anywhere."""

OWN_TRIES: Final = Rate(name="own-tries", burst=2, every=24 * 3600)
"""What each network may still miss about a target, or at all, when others have emptied the bucket
for everybody."""

TOKEN_MISSES: Final = Rate(name="tokens", burst=300, every=2)
UPLOADS: Final = Rate(name="uploads", burst=30, every=6)
"""Files of one address that a worker must open."""

CODES: Final = Rate(name="codes", burst=5, every=600)
NETWORK_CODES: Final = Rate(name="network-codes", burst=15, every=200)
PROVIDER_CODES: Final = Rate(name="provider-codes", burst=60, every=50)
CODES_TO_ONE: Final = Rate(name="codes-to-one", burst=3, every=1200)
CODES_OF_ALL: Final = Rate(name="codes-of-all", burst=300, every=5)
"""One-time codes asked for by one address, network and provider, for one e-mail address, and by
everybody: nobody's letter box is filled from here, and the site's own mail is not taken for a
flood."""

OWN_CODES: Final = Rate(name="own-codes", burst=1, every=24 * 3600)
"""What each network may still have sent to an address, or at all, when others have emptied the
bucket for everybody: so nobody is shut out by codes that others ask for."""

MOST_CODES_TO_ONE: Final = Rate(name="most-codes-to-one", burst=20, every=3600)
"""Codes for one e-mail address, the networks' own included: a letter box has its end, too."""

SIGN_INS: Final = Rate(name="sign-ins", burst=20, every=30)

HOLDER_ASKS: Final = Rate(name="holder-asks", burst=60, every=2)
"""Asks of one address to the registry: a cookie or a link is easily made up, and each ask is work
for the registry's worker."""

_MOST_SHUT: Final = 10_000
"""Addresses remembered as shut out in one process; beyond it the oldest are asked anew."""


class Allowance:
    """What clients may still ask. Safe to share between threads."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._shut: dict[str, float] = {}

    def look_up(self, client: Client, facts: Mapping[Factor, str]) -> Sequence[Drawn]:
        """Charge one lookup as a miss; give `found` what this returns if it was none.

        Raises TooMany, and ServiceTrouble where nothing can be counted: an unlimited lookup
        would be worse than none.
        """
        misses = (
            Draw(rate=MISSES, value=client.host),
            Draw(rate=NETWORK_MISSES, value=client.network),
            Draw(rate=PROVIDER_MISSES, value=client.provider),
            _shared(SITE_MISSES, "", client),
            *(_target(client, factor, value) for factor, value in sorted(facts.items())),
        )
        return self._limits.take((Draw(rate=LOOKUPS, value=client.host), *misses))[1:]

    def look_up_rows(
        self, asker: str, rows: Iterable[Mapping[Factor, str]], *, own_tries: bool
    ) -> tuple[tuple[Drawn, ...] | None, ...]:
        """Charge each row of a bulk check as a miss about its two facts; None where too many were.

        From the same buckets as the lookup page's, everybody's included, with `asker` (an
        employer) in the place of the network. Without `own_tries` it has nothing of its own there:
        so many accounts, which cost nothing, have no more guesses at one number than one has. Give
        `found` what the hits were charged. Raises ServiceTrouble.
        """
        client = Client(host=asker, network=asker, provider=asker)
        groups = (
            (
                _shared(SITE_MISSES, "", client),
                *(
                    _target(client, factor, normalise(factor, value))
                    for factor, value in facts.items()
                ),
            )
            for facts in rows
        )
        return self._limits.take_each(
            group if own_tries else [replace(draw, reserve=None) for draw in group]
            for group in groups
        )

    def found(self, charged: Sequence[Drawn]) -> None:
        """Give back what a miss would have cost."""
        self._limits.put_back(charged)

    def refuse_token_guesser(self, client: Client) -> None:
        """Raise TooManyCodes for an address that has asked for too many false tokens.

        From memory alone: a scan of a real code must not wait for a disk.
        """
        until = self._shut.get(client.host)
        if until is not None and (wait := until - self._now()) > 0:
            raise TooManyCodes(wait)

    def token_missed(self, client: Client) -> None:
        """Count a token that leads nowhere. Raises TooManyCodes."""
        try:
            self._limits.take((Draw(rate=TOKEN_MISSES, value=client.host),))
        except TooMany as refused:
            self._shut_out(client.host, refused.wait)
            raise TooManyCodes(refused.wait) from None
        except ServiceTrouble:
            # "Not found" is true all the same, and 80 bits need no limit to be safe.
            return

    def upload(self, client: Client) -> None:
        """Charge one file that a worker must open. Raises TooManyFiles, ServiceTrouble."""
        try:
            self._limits.take((Draw(rate=UPLOADS, value=client.host),))
        except TooMany as refused:
            raise TooManyFiles(refused.wait) from None

    def send_code(self, client: Client, address: str) -> None:
        """Charge one code to be sent. Raises TooMany, ServiceTrouble."""
        own = Draw(rate=OWN_CODES, value=f"{client.network}|{address}")
        at_all = Draw(rate=OWN_CODES, value=f"{client.network}|")
        self._limits.take(
            (
                Draw(rate=CODES, value=client.host),
                Draw(rate=NETWORK_CODES, value=client.network),
                Draw(rate=PROVIDER_CODES, value=client.provider),
                Draw(rate=CODES_TO_ONE, value=address, reserve=own),
                Draw(rate=MOST_CODES_TO_ONE, value=address),
                Draw(rate=CODES_OF_ALL, value="", reserve=at_all),
            )
        )

    def ask_registry(self, client: Client) -> None:
        """Charge one ask of the holder's page. Raises TooMany, ServiceTrouble."""
        self._limits.take((Draw(rate=HOLDER_ASKS, value=client.host),))

    def sign_in(self, client: Client) -> None:
        """Charge one attempt to sign in. Raises TooMany, ServiceTrouble."""
        self._limits.take((Draw(rate=SIGN_INS, value=client.host),))

    def _shut_out(self, host: str, wait: float) -> None:
        with self._lock:
            self._shut.pop(host, None)
            while len(self._shut) >= _MOST_SHUT:
                del self._shut[next(iter(self._shut))]
            self._shut[host] = self._now() + wait

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _target(client: Client, factor: Factor, value: str) -> Draw:
    # The last six characters are shared by many people, as a name is.
    shared = factor in (Factor.NAME, Factor.LAST_SIX)
    rate = NAME_MISSES if shared else TARGET_MISSES
    return _shared(rate, f"{factor}|{value}", client)


def _shared(rate: Rate, value: str, client: Client) -> Draw:
    """Draw from a bucket that everybody shares, then from what each network has of its own."""
    own = Draw(rate=OWN_TRIES, value=f"{client.network}|{value}")
    return Draw(rate=rate, value=value, reserve=own)
