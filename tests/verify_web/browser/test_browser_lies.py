"""Lies told to the page: a server that calls everything valid, and a browser that does not.

The page says 有效 whatever is the case, and the evidence behind it is handed out unchecked. What
the visitor's browser then says is what its own checks found. All outcomes stand in the table of
docs/threats.md, and only there.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

HERE = Path(__file__).parent
PEPPER = bytes(range(32))
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| (\S+) \| (\S+) \| (\S+) \|$", re.MULTILINE)
BY_SITE = "采信本站"


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


lies = _load(HERE.parent / "site_lies.py")
blind = _load(HERE / "blind.py")
TOLD = {tell.__name__: (name, word, tell) for name, word, tell in lies.LIES}
CONTENT = [
    name for name in TOLD if name.startswith(("an_", "a_stranger_signed_under", "the_opening"))
]


@pytest.fixture(scope="session")
def table(root: Path) -> dict[str, tuple[str, ...]]:
    """Each lie's outcomes: at the site, in the browser with the paper, and by a link alone."""
    text = (root / "docs" / "threats.md").read_text("utf-8")
    return {row[0]: row[1:] for row in ROW.findall(text)}


@pytest.fixture(scope="session")
def rosy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[type, str], bytes]:
    """Give the page of a certificate from a world in which nothing was ever revoked."""
    pages: dict[str, bytes] = {}

    def page(kind: type, name: str) -> bytes:
        if name not in pages:
            world: Any = kind(tmp_path_factory.mktemp("rosy") / "public", states={})
            world.build()
            pages[name] = world.app().test_client().get(f"/v/{world.token(name)}").data
        return pages[name]

    return page


def test_the_table_has_every_lie_and_what_the_site_says(table: dict[str, tuple[str, ...]]) -> None:
    assert {name: row[0] for name, row in table.items()} == {n: t[1] for n, t in TOLD.items()}
    assert len(table) >= 30
    assert {word for row in table.values() for word in row} == {
        "无效", "暂无法确认", "已撤销", BY_SITE,
    }  # fmt: skip


def hear(world: Any, sit: Any, rosy: Any, lie: str, fragment: str) -> Any:
    """Tell the lie to a browser; give the seat from which it was heard."""
    name, _, tell = TOLD[lie]
    token, page = world.token(name), rosy(type(world), name)
    assert b"verdict good" in page
    tell(world)
    given = blind.files(world, token, PEPPER)

    def twist(path: str, answer: Any) -> Any:
        if path == f"/v/{token}":
            answer.status, answer.body = 200, page
        elif path.startswith(f"/v/{token}."):
            body = given.get(path.removeprefix(f"/v/{token}"))
            answer.status, answer.body = (200, body) if body else (503, b"")
        return answer

    seat = sit()
    seat.twist = twist
    seat.open(f"/v/{token}{fragment}")
    return seat


@pytest.mark.parametrize("lie", TOLD)
def test_no_lie_ends_in_green_before_somebody_with_the_paper(
    *, world: Any, sit: Any, digits: Any, rosy: Any, table: Any, lie: str
) -> None:
    seat = hear(world, sit, rosy, lie, f"#{digits(TOLD[lie][0])}")
    assert seat.word == table[lie][1]
    assert seat.tone != "good"


def _by_link(world: Any, sit: Any, rosy: Any, table: Any, lie: str) -> None:
    seat = hear(world, sit, rosy, lie, "")
    if table[lie][2] == BY_SITE:
        # What the browser has not seen it does not vouch for: the page says whose word it is.
        assert seat.word == "有效"
        assert "证书内容和评价机构签名采信本站的核验结果" in seat.by
        assert "本站核验" in seat.reasons["record"] + seat.reasons["signature"]
    else:
        assert seat.word == table[lie][2]
        assert seat.tone != "good"


@pytest.mark.parametrize("lie", [*CONTENT, "the_checkpoint_has_another_root"])
def test_a_link_alone_leaves_the_content_to_the_sites_word(
    *, world: Any, sit: Any, rosy: Any, table: Any, lie: str
) -> None:
    _by_link(world, sit, rosy, table, lie)


@pytest.mark.soak
@pytest.mark.parametrize("lie", TOLD)
def test_every_lie_is_told_by_a_link_too(
    *, world: Any, sit: Any, rosy: Any, table: Any, lie: str
) -> None:
    _by_link(world, sit, rosy, table, lie)
