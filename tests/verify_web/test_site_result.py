"""Behind the result page: the drawn path, the reporting, the log's end, and what is served."""

from __future__ import annotations

import base64
import gzip
import hashlib
import inspect
import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from signing.mirror import Chain, MirrorEntry
from signing.tlog.merkle import CompactRange, leaf_hash, root_of
from signing.tlog.paths import HashLevels, inclusion_path
from verify_web.display import Language
from verify_web.evidence import weigh_entry
from verify_web.expert import STEP, draw
from verify_web.result import _page as result_page
from verify_web.scripts import CORE, MAX_CORE
from verify_web.skeleton import Skeletons
from verify_web.skeleton import _rendered as rendered
from verify_web.wording_page import CHAIN, DETAILS, NOTES, SAY, words_json

change = msgspec.structs.replace
PLAIN = {"Accept-Encoding": "identity"}
CHINESE = re.compile("[\u4e00-\u9fff]")


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_the_drawn_path_has_its_siblings_on_their_sides(place: tuple[int, int]) -> None:
    index, size = place
    leaves = [leaf_hash(bytes([at % 256, at // 256])) for at in range(size)]
    path = inclusion_path(index, size, HashLevels(leaves))
    drawing = draw(index, size, len(path))
    xs = [int(x) for x in re.findall(r"M(\d+) \d+h", drawing.boxes)]
    assert len(xs) == len(path)
    assert drawing.height == (len(path) + 1) * STEP
    # Hash upwards by the drawn sides alone: that must lead to the root.
    node = leaves[index]
    for x, sibling in zip(xs, path, strict=True):
        pair = sibling + node if x < 60 else node + sibling
        node = hashlib.sha256(b"\x01" + pair).digest()
    assert node == root_of(leaves)


def test_an_entry_written_before_there_was_a_chain_is_read(world: Any) -> None:
    entry = world.entries["valid"]
    members = msgspec.msgpack.decode(msgspec.msgpack.encode(entry))
    old = msgspec.msgpack.encode(members[:-1])
    assert msgspec.msgpack.decode(old, type=MirrorEntry) == change(entry, chain=Chain())


def test_without_news_of_the_reporting_nothing_is_claimed(world: Any, client: FlaskClient) -> None:
    text = client.get(f"/v/{world.token('valid')}").text
    reach = text.partition('id="reach"')[2].partition("</section>")[0]
    assert "尚无全国联网记录" in reach
    assert reach.count("暂无法确认") == len(CHAIN)
    assert 'class="answer good"' not in reach


def test_the_reporting_is_shown_as_the_offices_word_and_never_as_checked(
    world: Any, client: FlaskClient
) -> None:
    chain = Chain(filed="2026-11-18", reported="2026-11-19", listed="2026-11-22")
    world.write_mirror(valid=change(world.entries["valid"], chain=chain))
    text = client.get(f"/v/{world.token('valid')}").text
    reach = text.partition('id="reach"')[2].partition("</section>")[0]
    assert "上报与全国联网" in reach
    for day in ("2026年11月18日", "2026年11月19日", "2026年11月22日"):
        assert day in reach
    assert reach.count("据备案机构登记") == 3
    assert reach.count("暂无法确认") == 1
    assert 'class="answer good"' not in reach


def test_what_is_reported_no_more_says_so_with_its_day(world: Any, client: FlaskClient) -> None:
    chain = Chain(filed="2026-11-18", reported="2026-11-19", ended="2026-11-24")
    world.write_mirror(valid=change(world.entries["valid"], chain=chain))
    reach = {}
    for language in ("zh", "en"):
        client.set_cookie("display", language)
        text = client.get(f"/v/{world.token('valid')}").text
        reach[language] = text.partition('id="reach"')[2].partition("</section>")[0]
    shown = reach["zh"]
    assert "不再上报</dt><dd>2026年11月24日" in shown
    assert "办公室已停止上报该证书数据" in shown
    assert "不表示没有办理" not in shown
    assert shown.count("暂无法确认") == 2
    assert "Reported no more</dt><dd>24 November 2026" in reach["en"]
    assert "so the national lookup may not find it" in reach["en"]


def test_a_chain_written_before_it_could_end_is_read() -> None:
    chain = Chain(filed="2026-11-18", listed="2026-11-22")
    days = msgspec.msgpack.decode(msgspec.msgpack.encode(chain))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(days[:4]), type=Chain) == chain


def test_the_logs_end_gives_the_root(world: Any, client: FlaskClient) -> None:
    size = len(world.leaves)
    root = root_of(map(leaf_hash, world.leaves))
    for start in (0, 1, size - 1, size - 7, 256):
        found = client.get(f"/tail/{start}/{size}").get_json()
        edge = [base64.b64decode(each) for each in found["edge"]]
        tree = CompactRange.from_hashes(start, edge)
        entries = [base64.b64decode(each) for each in found["entries"]]
        assert entries == world.leaves[start:]
        tree.extend(map(leaf_hash, entries))
        assert tree.root() == root
    for start, end in ((size, size), (0, size + 1), (5, 4)):
        assert client.get(f"/tail/{start}/{end}").status_code == 404


def test_a_damaged_log_has_no_end_to_give(world: Any, client: FlaskClient) -> None:
    size = len(world.leaves)
    next((world.public / "log/tile/entries/001.p").iterdir()).unlink()
    assert client.get(f"/tail/{size - 3}/{size}").status_code == 503


def assets(client: FlaskClient) -> list[str]:
    head = client.get("/sw.js").text.partition("\n")[0]
    return list(json.loads(head.removeprefix("const FILES = ").removesuffix(";")))


def test_the_worker_keeps_what_there_is(client: FlaskClient) -> None:
    answer = client.get("/sw.js")
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-cache"
    files = assets(client)
    assert "/offline" in files
    for file in files:
        with client.get(file) as got:
            assert got.status_code == 200, file


def test_files_are_the_same_packed_and_plain_and_only_of_this_version(client: FlaskClient) -> None:
    for file in (each for each in assets(client) if each.startswith("/assets/")):
        packed = client.get(file, headers={"Accept-Encoding": "gzip"})
        plain = client.get(file, headers=PLAIN)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.data) == plain.data
        for answer in (packed, plain):
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.headers["Vary"] == "Accept-Encoding"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
    name = next(each for each in assets(client) if each.endswith("verify.js"))
    for wrong in (name.replace("verify.js", "sw.js"), "/assets/0000000000000000/verify.js"):
        assert client.get(wrong).status_code == 404


def test_the_module_is_small_and_so_is_a_first_visit(world: Any, client: FlaskClient) -> None:
    sizes = {
        file.rpartition("/")[2]: len(client.get(file, headers={"Accept-Encoding": "gzip"}).data)
        for file in assets(client)
        if file.startswith("/assets/")
    }
    assert sum(sizes[name] for name in CORE) <= MAX_CORE == 10 * 1024
    scanner = {"offline.js", "statusfile.js"}
    # A page takes the texts of its own language alone: here the larger ones.
    scanner.add(min("words.zh.json", "words.en.json", key=sizes.__getitem__))
    page = max(
        len(client.get(f"/v/{world.token('valid')}", headers={"Accept-Language": one}).data)
        for one in ("zh", "en")
    )
    with client.get(assets(client)[-1]) as icon:
        other = len(icon.data)
    loaded = sum(size for name, size in sizes.items() if name not in scanner)
    assert page + loaded + other <= 50_000


def test_the_camera_is_for_the_offline_page_alone(client: FlaskClient) -> None:
    assert "camera=(self)" in client.get("/offline").headers["Permissions-Policy"]
    for path in ("/", "/verify", "/lookup"):
        assert "camera=()" in client.get(path).headers["Permissions-Policy"]


def test_the_manifest_can_be_installed(client: FlaskClient) -> None:
    address = re.findall(r'<link rel="manifest" href="([^"]+)"', client.get("/offline").text)[0]
    with client.get(address) as answer:
        assert answer.mimetype == "application/manifest+json"
        manifest = answer.get_json(force=True)
    assert manifest["start_url"] == "/offline"
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        with client.get(icon["src"]) as picture:
            assert picture.status_code == 200


def test_every_text_of_the_module_is_there(root: Path) -> None:
    words, english = (json.loads(words_json(timedelta(days=7), one)) for one in Language)
    folder = root / "verify_web" / "static"
    code = "".join((folder / f"{name}.js").read_text() for name in ("page", "offline", "view"))
    keys = re.findall(r'(?:Ended|reset|show)\(\s*"[^"]*", "([a-z0-9-]+)"', code)
    keys += re.findall(r"words\.say\.(\w+)", code)
    assert {"no-evidence", "other-paper", "adopt", "foreign-qr"} <= set(keys)
    assert [key for key in keys if key not in SAY] == []
    assert words["max_age"] == 7 * 24 * 3600
    assert set(words["details"]) == {str(code) for code in DETAILS}
    assert [key for key in NOTES if f'"{key}"' not in code] == []
    for texts in (words["say"], words["reasons"], words["notes"], words["fields"]):
        assert all(CHINESE.search(text) for text in texts.values())
    for texts in (english["say"], english["reasons"], english["notes"], english["fields"]):
        assert not any(CHINESE.search(text) for text in texts.values())
    # As the paper prints them, on every page.
    for name in ("levels", "id_types", "edition", "max_age"):
        assert words[name] == english[name]


@pytest.mark.parametrize("name", ["valid", "old", "revoked"])
def test_the_expert_sees_the_entry_and_the_way_to_the_root(
    world: Any, client: FlaskClient, name: str
) -> None:
    text = client.get(f"/v/{world.token(name)}").text
    expert = text.partition('id="expert"')[2]
    evidence = world.evidence(name)
    assert root_of(map(leaf_hash, world.leaves)).hex() in expert
    assert all(each.hex() in expert for each in evidence.proof.path)
    assert "&#34;t&#34;: &#34;issue&#34;" in expert
    assert f'href="/v/{world.token(name)}.tlog-proof"' in expert
    assert world.records[name].id_number not in text


AWKWARD = "<b>&\"'</b> {{ x }} \x1f1\x1f"


def test_a_page_filled_into_a_skeleton_is_what_the_template_gives(world: Any) -> None:
    app = world.app()
    skeletons = Skeletons()
    site = inspect.getclosurevars(app.view_functions["result.certificate"]).nonlocals["site"]
    chain = Chain(filed="2026-11-18", listed="2026-11-22")
    with app.test_request_context("/"):
        pages = []
        ended = change(world.entries["valid"], chain=change(chain, ended="2026-11-24", listed=""))
        with_chain = change(world.entries["valid"], chain=chain)
        for entry in (*world.entries.values(), with_chain, ended):
            page = result_page(site, entry, weigh_entry(site, entry))
            facts = tuple(replace(f, value=f.value + AWKWARD) for f in page.view.facts)
            pages += [page, replace(page, view=replace(page.view, facts=facts))]
        told = [skeletons.render(page) for page in pages]
        again = [skeletons.render(page) for page in pages]
        alone = [rendered(page) for page in pages]
    assert told == again == alone
    assert len(skeletons._kept) >= 5
    # Each shape has a skeleton: else this would show that the template equals itself.
    assert None not in skeletons._kept.values()
    assert "&lt;b&gt;&amp;&#34;&#39;" in alone[1]


def test_a_shape_whose_bytes_differ_gets_no_skeleton(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.app().test_client()
    expected = client.get(f"/v/{world.token('valid')}").text
    monkeypatch.setattr("verify_web.skeleton._texts", lambda page: ["wrong"] * 500)
    client = world.app().test_client()
    for _ in range(2):
        assert client.get(f"/v/{world.token('valid')}").text == expected
