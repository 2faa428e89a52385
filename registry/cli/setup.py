"""``certreg init`` and ``certreg issuer add``: a home from nothing, and companies in it."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime

import click

from keys.ceremony import make_seal_root
from keys.model import Algorithm, Purpose
from keys.passphrase import VARIABLE, read_passphrase
from keys.ring import RING_FILE, KeyRing
from registry.cli.base import CLOCK, home_option, json_option, make_context, show
from registry.cli.checkpoint_keys import complete_pair
from registry.cli.exchange_key import complete_exchange_key
from registry.cli.home import SETTINGS, Home, Settings, is_base_url, write_private, write_settings
from registry.cli.issuer_keys import key_group
from registry.cli.key_making import unannounced_key
from registry.cli.key_terms import LIFETIME, ROOT_LIFETIME, SKEW
from registry.cli.services import OFFICE, Services
from registry.cli.site_keys import complete_receipt_key
from registry.documents.fonts import drawable_codepoints, font_set
from registry.errors import Refused
from registry.office.direct import open_direct_filing
from registry.office.issuers import add_issuer, is_known
from registry.office.key_places import adopt_keys
from registry.office.office_keys import announce_office_keys
from registry.rules.levels import MINTED
from registry.rules.organisations import check_prefix, is_uscc, normalise_uscc
from registry.store.base import open_engine, read_unit, write_unit
from registry.store.organisations import Issuer
from registry.store.schema import migrate
from signing.mirror import PEPPER_BYTES

LONGEST_NAME = 60


@click.command("init")
@home_option
@click.option("--office", default="市职业技能鉴定指导办公室", show_default=True, metavar="NAME")
@click.option(
    "--base-url",
    default="http://127.0.0.1:8000",
    show_default=True,
    metavar="URL",
    help="The public site's address, as it stands in every QR code. It cannot be changed later.",
)
@click.option(
    "--database",
    default="sqlite",
    show_default=True,
    metavar="URL",
    help="`sqlite` (a file in the home) or an SQLAlchemy address such as postgresql+psycopg://…",
)
@click.option(
    "--direct",
    is_flag=True,
    help="Issue from files (`certreg issue FILE`): the procedure is carried elsewhere. On the "
    "record, and over with the first case of a company.",
)
@json_option
def init_command(
    home: Home, office: str, base_url: str, database: str, *, direct: bool, as_json: bool
) -> None:
    """Make a home: keys, database, trust folder. Run again, it only does what is missing."""
    url = base_url.rstrip("/")
    settings = init_home(
        home, Settings(office=office, base_url=url, database=database, direct=direct)
    )
    show(
        {
            "home": str(home.path.resolve()),
            "log": settings.origin,
            "public site": settings.base_url,
            "trust": str(home.public / "trust"),
            "certificates": "from files, directly" if settings.direct else "from approved batches",
        },
        as_json=as_json,
    )


def init_home(home: Home, settings: Settings) -> Settings:
    """Make what a home needs, in an order that a crash can interrupt anywhere; return settings."""
    opened = False
    if (home.path / SETTINGS).is_file():
        known = home.settings()
        opened = known.direct
        settings = replace(known, direct=opened or settings.direct)
        home.engine()
    elif not is_base_url(settings.base_url):
        # Whatever is written once stands in every QR code and cannot be taken back.
        msg = "--base-url takes an address such as https://cert.example.cn, in lower case"
        raise Refused(msg)
    # 0711: other users' programs may reach public/, and list nothing.
    home.path.mkdir(mode=0o711, parents=True, exist_ok=True)
    if (home.path / SETTINGS).is_file():
        # A complete home that lacks a secret has lost it: a new one would open nothing, and a new
        # pepper would answer "not found" to every printed QR code.
        home.pepper()
    else:
        if VARIABLE not in home.environ:
            write_private(home.passphrase_file, secrets.token_urlsafe(32).encode() + b"\n")
        write_private(home.pepper_file, secrets.token_bytes(PEPPER_BYTES))
    complete_exchange_key(home)
    ring = _ring(home)
    now = CLOCK.now()
    _office_keys(ring, settings.office, now)
    complete_receipt_key(ring, home.pepper_file.parent, now)
    url = settings.database
    if url == "sqlite":
        # SQLite's side files take the mode of the file it finds: it holds every QR token.
        write_private(home.path / "registry.db", b"")
        url = f"sqlite:///{home.path / 'registry.db'}"
    engine = open_engine(url)
    migrate(engine)
    if settings.direct and not opened:
        # Before the settings: whoever finds the home opened finds that on the record too.
        with write_unit(engine) as session:
            open_direct_filing(session, make_context(ring))
    engine.dispose()
    write_settings(home, settings)
    services = Services.open(home)
    with write_unit(services.engine) as session:
        adopt_keys(session, services.ring.keys(), context=services.context)
    with write_unit(services.engine) as session:
        announce_office_keys(session, services.ring.keys(), context=services.context)
    services.write_trust()
    return settings


def _ring(home: Home) -> KeyRing:
    directory = home.path / "keys"
    passphrase = read_passphrase(environ=home.environ, file=home.passphrase_file)
    if (directory / RING_FILE).is_file():
        return KeyRing.open(directory, passphrase)
    return KeyRing.create(directory, passphrase)


def _office_keys(ring: KeyRing, office: str, now: datetime) -> None:
    known = ring.keys()
    made = {(key.purpose, key.issuer) for key in known}
    start, end = now - SKEW, now + LIFETIME
    complete_pair(ring, now)
    if (Purpose.UPLOAD, OFFICE) not in made:
        ring.generate(
            algorithm=Algorithm.ED25519,
            purpose=Purpose.UPLOAD,
            issuer=OFFICE,
            not_before=start,
            not_after=end,
        )
    if (Purpose.PDF, OFFICE) not in made:
        ring.generate(
            algorithm=Algorithm.ECDSA_P256,
            purpose=Purpose.PDF,
            issuer=OFFICE,
            not_before=start,
            # As long as its certificate: under an expired root no seal could be made or checked.
            not_after=start + ROOT_LIFETIME,
            certificate=lambda key: make_seal_root(key, office, start),
        )


@click.group("issuer")
def issuer_group() -> None:
    """Companies that issue certificates (备案企业)."""


issuer_group.add_command(key_group)


@issuer_group.command("add")
@home_option
@click.option("--name", required=True, help="The company's name as filed (企业名称).")
@click.option("--uscc", required=True, help="Unified social credit code (统一社会信用代码), 18.")
@click.option("--prefix", required=True, help="13-character body code given by the province.")
@click.option(
    "--levels",
    default="5,4,3,2,1",
    show_default=True,
    help="Levels it may issue (等级范围), as symbols separated by commas.",
)
@json_option
def issuer_add_command(
    home: Home, name: str, uscc: str, prefix: str, levels: str, *, as_json: bool
) -> None:
    """Record a filed company, with keys for its records and its PDF seal."""
    issuer = enrol(Services.open(home), name=name, uscc=uscc, prefix=prefix, levels=levels)
    show(
        {
            "prefix": issuer.prefix,
            "name": issuer.name,
            "levels": ",".join(issuer.levels),
            "next": "run `certreg anchor`: the company's key is then in the public log",
        },
        as_json=as_json,
    )


def enrol(services: Services, *, name: str, uscc: str, prefix: str, levels: str) -> Issuer:
    """Check the facts, make the company's keys, record it and publish the trust folder.

    Raises ``Refused`` naming the wrong fact, or the rule's ``PrefixError``.
    """
    check_prefix(prefix)
    code = normalise_uscc(uscc)
    symbols = "".join(part.strip() for part in levels.split(","))
    if not is_uscc(code):
        msg = "the social credit code is wrong (18 characters, check character): compare it again"
        raise Refused(msg)
    if not symbols or set(symbols) - MINTED or len(set(symbols)) != len(symbols):
        msg = f"--levels takes each of {', '.join(sorted(MINTED))} at most once"
        raise Refused(msg)
    drawable = drawable_codepoints(font_set())
    if not name.strip() or len(name) > LONGEST_NAME or not drawable.issuperset(map(ord, name)):
        msg = f"--name takes 1 to {LONGEST_NAME} characters that the certificate's fonts have"
        raise Refused(msg)
    with read_unit(services.engine) as session:
        known = is_known(session, prefix=prefix, uscc=code)
    if known:
        # A crash may have come between the record and the trust folder.
        services.write_trust()
        msg = f"prefix {prefix} or this social credit code is recorded already"
        raise Refused(msg)
    issuer = Issuer(prefix=prefix, name=name.strip(), uscc=code, levels=symbols)
    keys = [unannounced_key(services, issuer, item) for item in (Purpose.RECORD, Purpose.PDF)]
    with write_unit(services.engine) as session:
        add_issuer(session, issuer, keys=keys, context=services.context)
    services.write_trust()
    return issuer
