"""The rooms, the arrows between them and the floors they stand on (docs/architecture.md).

Read from the syntax tree, so an import inside a function or under TYPE_CHECKING counts too: an
arrow is an arrow, whenever it is followed.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGES = ("keys", "signing", "registry", "verify_web")
NETWORK = frozenset(
    {"socket", "socketserver", "ssl", "asyncio", "ftplib", "smtplib", "xmlrpc"}
    | {"urllib.request", "http.client", "http.server", "requests", "httpx", "aiohttp", "urllib3"}
)
WEB = frozenset({"flask", "werkzeug", "jinja2", "granian", "gunicorn"})
DATABASE = frozenset({"sqlalchemy", "alembic", "psycopg", "sqlite3"})
PDF = frozenset({"pyhanko", "pyhanko_certvalidator", "pikepdf", "asn1crypto", "pypdfium2"})
PICTURE = frozenset({"zxingcpp", "PIL", "qrcode"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room: its floor (an arrow never goes up), what of ours it may import, and of others.

    `others` is the whole list of foreign packages where it is given; `never` are those refused
    where it is not. The standard library is free but for what `never` names.
    """

    floor: int
    ours: frozenset[str]
    others: frozenset[str] | None = None
    never: frozenset[str] = frozenset()


def room(
    floor: int, ours: str, *, others: str | None = None, never: frozenset[str] = frozenset()
) -> Room:
    """Write a room in one line: names parted by spaces."""
    allowed = None if others is None else frozenset(others.split())
    return Room(floor=floor, ours=frozenset(ours.split()), others=allowed, never=never)


SERVERS = DATABASE - {"sqlite3"}
PURE = NETWORK | DATABASE
# The longest name that fits a module is its room. registry.errors holds the one base class of the
# registry's errors and imports nothing: every room of the registry stands on it.
ROOMS = {
    "keys": room(1, "", others="cryptography nacl", never=PURE),
    "signing": room(2, "keys", others="cryptography msgspec cbor2", never=NETWORK | SERVERS),
    "registry": room(1, ""),
    "registry.errors": room(1, ""),
    "registry.confined": room(1, "", others="", never=PURE),
    "registry.rules": room(1, "", others="", never=PURE),
    "registry.wording": room(2, "registry.rules registry.sheets", others="", never=PURE),
    "registry.sheets": room(2, "registry.rules registry.confined", never=PURE | WEB),
    "registry.store": room(1, "registry.rules", never=NETWORK | WEB),
    "registry.office": room(3, "registry.rules registry.store signing keys", never=NETWORK | WEB),
    "registry.ledger": room(3, "registry.store signing keys", never=WEB),
    "registry.ledger.witness": room(3, "signing keys", never=WEB | SERVERS),
    "registry.ledger.monitor": room(3, "signing keys", never=WEB | SERVERS),
    "registry.upload": room(
        3, "registry.store registry.rules signing keys.model keys.signer", never=NETWORK | WEB
    ),
    "registry.documents": room(3, "signing keys registry.confined", never=PURE | WEB),
    "registry.publish": room(
        4, "registry.store registry.office registry.ledger signing keys", never=NETWORK | WEB
    ),
    "registry.centre": room(
        4, "registry.rules registry.upload.mapping signing keys", never=NETWORK
    ),
    "registry.web": room(
        4,
        "registry.office registry.upload registry.sheets registry.rules registry.wording"
        " registry.documents",
    ),
    "verify_web": room(3, "signing keys.trust keys.errors keys.clock", never=NETWORK | SERVERS),
    "registry.cli": room(
        5,
        "keys signing verify_web registry.rules registry.wording registry.sheets registry.store"
        " registry.office registry.ledger registry.upload registry.documents registry.publish"
        " registry.web registry.centre",
    ),
}
# Foreign packages that single modules may import beyond their room's list.
ALSO = {
    "signing.pdf": PDF,
    "signing.qr_image": PICTURE,
    "signing.certverify": PICTURE,
    "signing.receipt_table": frozenset({"python_calamine"}),  # on a verifier's own machine
    "verify_web.mail": frozenset({"smtplib", "ssl"}),  # in the working process alone
    "verify_web.callout": frozenset({"socket", "ssl"}),  # notices, in the working process alone
    "registry.upload.push": frozenset({"http", "ssl"}),  # the one way to the provincial centre
}
CLOCK_CALLS = {("datetime", name) for name in ("now", "utcnow", "today")}
CLOCK_CALLS |= {("date", "today"), ("time", "time"), ("time", "time_ns")}
CLOCK_ROOM = "keys.clock"
CLOCK_READERS = (
    *("keys.clock", "registry.cli", "signing.certverify", "verify_web.app", "verify_web.config"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module of ours, by its dotted name, with its syntax tree."""

    name: str
    package: str
    tree: ast.Module


def modules(top: Path) -> dict[str, Module]:
    """Read every module of the four packages below `top`."""
    found = {}
    for file in sorted(f for p in PACKAGES for f in (top / p).rglob("*.py")):
        parts = file.relative_to(top).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        package = name if is_package else name.rpartition(".")[0]
        found[name] = Module(name=name, package=package, tree=ast.parse(file.read_bytes()))
    return found


def within(name: str, room_name: str) -> bool:
    # A file that was split off a one-file room keeps the room's name before an underscore.
    return name == room_name or name.startswith((room_name + ".", room_name + "_"))


def room_of(name: str, rooms: dict[str, Room] = ROOMS) -> str:
    return max((r for r in rooms if within(name, r)), key=len)


def imports(module: Module, known: dict[str, Module]) -> Iterator[str]:
    """Yield what a module imports: of ours the module, of others the module and name."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.package.split(".")
                here = ".".join(parts for parts in parents[: len(parents) - node.level + 1])
                base = f"{here}.{base}" if base else here
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                ours = base.partition(".")[0] in PACKAGES
                yield base if ours and inner not in known else inner


def arrows(known: dict[str, Module]) -> Iterator[tuple[Module, str]]:
    for module in known.values():
        for target in sorted(set(imports(module, known))):
            yield module, target


def bad_arrows(known: dict[str, Module]) -> list[str]:
    """Find imports of ours that the table of rooms does not allow."""
    bad = []
    for module, target in arrows(known):
        if target.partition(".")[0] not in PACKAGES:
            continue
        here = room_of(module.name)
        # The outermost package's own file belongs to nobody's floor: it must import nothing.
        if within(target, here) and (here != "registry" or target == module.name):
            continue
        shared = target == "registry.errors" and within(here, "registry") and here != "registry"
        if not shared and not any(within(target, allowed) for allowed in ROOMS[here].ours):
            bad.append(f"{module.name} imports {target}: {here} may import {_list(ROOMS[here])}")
    return bad


def _list(of: Room) -> str:
    return ", ".join(sorted(of.ours)) or "nothing of ours"


def foreign_imports(known: dict[str, Module]) -> list[str]:
    """Find imports of other people's packages, or of the network, where they have no business."""
    bad = []
    for module, target in arrows(known):
        top = target.partition(".")[0]
        rules = ROOMS[room_of(module.name)]
        if top in PACKAGES or any(top in ALSO[m] for m in ALSO if within(module.name, m)):
            continue
        standard = top in sys.stdlib_module_names
        if any(within(target, banned) for banned in rules.never):
            bad.append(f"{module.name} imports {target}: never in this room")
        elif not standard and rules.others is not None and top not in rules.others:
            bad.append(f"{module.name} imports {target}: not among this room's packages")
    return bad


def circle(known: dict[str, Module]) -> list[str]:
    """Return one circle of modules, or nothing."""
    graph = {
        m.name: {t for t in imports(m, known) if t in known and t != m.name} for m in known.values()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as fault:
        return [str(name) for name in fault.args[1]]
    return []


def clock_readers(known: dict[str, Module]) -> list[str]:
    """Find who asks for the time instead of being told it."""
    bad = []
    for module in known.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute):
                owner = node.value
                name = getattr(owner, "id", getattr(owner, "attr", ""))
                if (name, node.attr) in CLOCK_CALLS and module.name != CLOCK_ROOM:
                    bad.append(f"{module.name}:{node.lineno} reads {name}.{node.attr}")
            if isinstance(node, ast.ImportFrom):
                named = {alias.name for alias in node.names}
                if node.module == "time" and named & {"time", "time_ns"}:
                    bad.append(f"{module.name}:{node.lineno} imports the clock from time")
                reader = any(within(module.name, r) for r in CLOCK_READERS)
                if "SystemClock" in named and not reader:
                    bad.append(f"{module.name}:{node.lineno} imports SystemClock")
    return bad


@pytest.fixture(scope="module")
def known(root: Path) -> dict[str, Module]:
    return modules(root)


def test_the_table_of_rooms_has_no_arrow_that_goes_up() -> None:
    for name, rules in ROOMS.items():
        for target in rules.ours:
            assert ROOMS[room_of(target)].floor <= rules.floor, f"{name} -> {target}"
            assert room_of(target) != "registry", f"{name} -> {target}: not a room"
    order = {n: {room_of(t) for t in r.ours} - {n} for n, r in ROOMS.items()}
    TopologicalSorter(order).prepare()
    assert {r.floor for r in ROOMS.values()} == {1, 2, 3, 4, 5}


def test_only_the_composition_root_knows_the_public_site() -> None:
    assert [n for n, r in ROOMS.items() if "verify_web" in r.ours] == ["registry.cli"]
    assert not any(t.startswith("registry") for t in ROOMS["verify_web"].ours)


def test_modules_import_what_their_room_may(known: dict[str, Module]) -> None:
    assert known
    assert bad_arrows(known) == []


def test_modules_use_the_packages_their_room_may(known: dict[str, Module]) -> None:
    assert foreign_imports(known) == []


def test_every_module_has_a_room(known: dict[str, Module]) -> None:
    assert [n for n in known if room_of(n) == "registry" and n != "registry"] == []


def test_there_is_no_circle(known: dict[str, Module]) -> None:
    assert circle(known) == []


def test_time_is_told_not_asked(known: dict[str, Module]) -> None:
    assert clock_readers(known) == []


def test_the_offline_verifier_starts_without_the_heavy_libraries(
    known: dict[str, Module], root: Path
) -> None:
    if "signing.certverify" not in known:
        pytest.skip("signing.certverify is not built yet")
    heavy = sorted(WEB | DATABASE | PDF | PICTURE)
    code = (
        "import sys, signing.certverify;"
        f"print([m for m in {heavy} if m in sys.modules], 'registry' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[] False"


def fake(top: Path, files: dict[str, str]) -> dict[str, Module]:
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return modules(top)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("keys/ring.py", "import signing"),
        ("keys/ring.py", "from signing import record"),
        ("signing/verify.py", "from registry.rules import numbers"),
        ("signing/verify.py", "def f():\n    import verify_web.app"),
        ("registry/rules/people.py", "from registry.store import base"),
        ("registry/rules/people.py", "import keys"),
        ("registry/store/base.py", "from ..office import issuing"),
        ("registry/store/base.py", "from registry import office"),
        ("registry/upload/workbook.py", "from keys import ring"),
        ("registry/ledger/monitor/replay.py", "from registry.ledger import sequencer"),
        ("registry/ledger/monitor/replay.py", "from registry.store import log"),
        ("registry/publish.py", "import registry.documents.face"),
        ("registry/office/issuing.py", "if TYPE_CHECKING:\n    from registry.upload import x"),
        ("registry/__init__.py", "from registry.rules import numbers"),
        ("verify_web/app.py", "from registry.rules import numbers"),
        ("verify_web/app.py", "from keys.ring import KeyRing"),
        ("registry/publish.py", "import verify_web"),
        ("registry/centre/intake.py", "from registry.upload import outbox"),
    ],
)
def test_a_wrong_arrow_is_found(tmp_path: Path, file: str, text: str) -> None:
    empty = {"registry/office/__init__.py": "", "registry/rules/numbers.py": ""}
    assert len(bad_arrows(fake(tmp_path, empty | {file: text}))) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("keys/ring.py", "from keys.model import KeyId"),
        ("signing/tlog/note.py", "from ..errors import MalformedNote\nimport keys.vkey"),
        ("registry/cli/demo.py", "import verify_web.app, registry.publish"),
        ("verify_web/app.py", "from keys.trust import Trust\nfrom signing import verify"),
        ("registry/upload/workbook.py", "from .errors import x\nfrom . import mapping"),
    ],
)
def test_a_right_arrow_is_let_be(tmp_path: Path, file: str, text: str) -> None:
    assert bad_arrows(fake(tmp_path, {file: text})) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("keys/ring.py", "import socket"),
        ("keys/ring.py", "import msgspec"),
        ("signing/record.py", "import flask"),
        ("signing/record.py", "from urllib.request import urlopen"),
        ("signing/record.py", "from http import client"),
        ("signing/record.py", "def f():\n    import PIL.Image"),
        ("signing/bundle.py", "from pyhanko.sign import signers"),
        ("signing/mirror.py", "import sqlalchemy"),
        ("registry/rules/people.py", "import stdnum.cn"),
        ("registry/office/issuing.py", "from flask import request"),
        ("verify_web/lookup.py", "import sqlalchemy"),
        ("registry/ledger/monitor/state.py", "from sqlalchemy import select"),
    ],
)
def test_a_foreign_package_out_of_place_is_found(tmp_path: Path, file: str, text: str) -> None:
    assert len(foreign_imports(fake(tmp_path, {file: text}))) == 1


@pytest.mark.parametrize(
    "file", ["signing/pdf.py", "signing/pdf_seal.py", "registry/documents/face.py"]
)
def test_pdf_libraries_are_let_be_where_pdf_is_made(tmp_path: Path, file: str) -> None:
    assert foreign_imports(fake(tmp_path, {file: "import pikepdf"})) == []


def test_parsing_an_address_is_no_network(tmp_path: Path) -> None:
    files = {"signing/qr.py": "from urllib.parse import urlsplit\nfrom http import HTTPStatus"}
    assert foreign_imports(fake(tmp_path, files)) == []


def test_a_circle_is_found(tmp_path: Path) -> None:
    files = {"keys/a.py": "import keys.b", "keys/b.py": "def f():\n    from . import a"}
    assert set(circle(fake(tmp_path, files))) == {"keys.a", "keys.b"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("keys/ring.py", "import datetime\ndatetime.datetime.now()"),
        ("keys/ring.py", "import time\ntime.time()"),
        ("signing/verify.py", "from time import time"),
        ("signing/certverify.py", "from datetime import datetime\nx = datetime.now"),
        ("registry/office/issuing.py", "from datetime import date\ndate.today()"),
        ("registry/office/issuing.py", "from keys.clock import SystemClock"),
    ],
)
def test_a_hidden_clock_is_found(tmp_path: Path, file: str, text: str) -> None:
    assert len(clock_readers(fake(tmp_path, {file: text}))) == 1


def test_clocks_are_let_be_at_the_edge(tmp_path: Path) -> None:
    files = {
        "keys/clock.py": "from datetime import datetime\ndatetime.now()",
        "registry/cli/demo.py": "from keys.clock import SystemClock",
        "registry/ledger/monitor.py": "import time\ntime.monotonic()",
    }
    assert clock_readers(fake(tmp_path, files)) == []
