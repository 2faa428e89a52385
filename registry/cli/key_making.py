"""Making a company's keys in the ring, before the ledger announces them.

Keys come first: a crash leaves a key that was never announced. It signs nothing, and is the one
that the next attempt takes.
"""

from __future__ import annotations

from keys.ceremony import make_seal_certificate
from keys.model import Algorithm, KeyInfo, KeyState, Purpose
from registry.cli.base import CLOCK
from registry.cli.key_terms import FIRST_DAY, LIFETIME, SKEW
from registry.cli.services import OFFICE, Services
from registry.office.key_places import placed_keys
from registry.store.base import read_unit
from registry.store.organisations import Issuer


def unannounced_key(services: Services, issuer: Issuer, purpose: Purpose) -> KeyInfo:
    """Return a key of the issuer's for records or seals that is not in the ledger; make one."""
    now, prefix = CLOCK.now(), issuer.prefix
    with read_unit(services.engine) as session:
        announced = {key.row.key_id for key in placed_keys(session, services.log.origin, prefix)}
    for key in reversed(services.ring.keys()):
        usable = key.state is KeyState.ACTIVE and key.valid_at(now)
        ours = (key.issuer, key.purpose) == (prefix, purpose)
        if ours and usable and key.key_id not in announced:
            return key
    end = now + LIFETIME
    if purpose is Purpose.RECORD:
        return services.ring.generate(
            algorithm=Algorithm.ED25519,
            purpose=purpose,
            issuer=prefix,
            not_before=FIRST_DAY,
            not_after=end,
        )
    root = services.ring.signer(Purpose.PDF, OFFICE, now)
    return services.ring.generate(
        algorithm=Algorithm.ECDSA_P256,
        purpose=purpose,
        issuer=prefix,
        not_before=now - SKEW,
        not_after=end,
        certificate=lambda key: make_seal_certificate(
            root.private_key,
            services.seal_root,
            key.public_key(),
            company=issuer.name,
            uscc=issuer.uscc,
            now=now,
        ),
    )
