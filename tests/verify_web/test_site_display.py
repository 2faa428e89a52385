"""One language a page, and how it is chosen: address, cookie, browser; large type, contrast."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from verify_web.display import Display, Language, own_path, preferred, read_cookie

CHINESE = re.compile("[\u4e00-\u9fff]")
ENGLISH_HEADER = {"Accept-Language": "en-GB,en;q=0.9,zh;q=0.8"}
VOID = {"meta", "link", "input", "br", "path", "circle"}


class Texts(HTMLParser):
    """Gives each text of a page with the language it is in (the nearest `lang`)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = [("", "")]
        self.found: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        language = told.get("lang") or self.open[-1][1]
        for name in ("aria-label", "data-of", "title", "alt", "placeholder"):
            if told.get(name):
                # A column's heading repeated in a cell is in the page's language (CSS shows it).
                here = self.open[-1][1] if name == "data-of" else language
                self.found.append((here, str(told[name])))
        if tag not in VOID:
            self.open.append((tag, language))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.found.append((self.open[-1][1], data.strip()))


@pytest.fixture
def pages(world: Any) -> dict[str, Callable[[FlaskClient], Any]]:
    """Each page of the site, by the way to it."""

    def get(path: str) -> Callable[[FlaskClient], Any]:
        return lambda client: client.get(path)

    def look_up(**facts: str) -> Callable[[FlaskClient], Any]:
        form = {name.replace("_", "-"): value for name, value in facts.items()}
        return lambda client: client.post("/lookup", data=form)

    def send(data: bytes) -> Callable[[FlaskClient], Any]:
        return lambda client: client.post("/verify", data={"file": (BytesIO(data), "x")})

    record = world.records["valid"]
    paths = ("/", "/lookup", "/verify", "/log", "/offline", "/draws", "/nothing", "/v/" + "z" * 16)
    states = ("valid", "old", "new", "revoked", "suspended")
    return {
        **{path: get(path) for path in paths},
        **{name: get(f"/v/{world.token(name)}") for name in states},
        "found": look_up(number=record.number, name=record.name),
        "unnamed": look_up(number=record.number, id_number=record.id_number),
        "fault": look_up(number="Y"),
        "old-number": look_up(name="某人", number="1544000000300001"),
        "other-province": look_up(name="某人", number="Y000023999001263000001"),
        "id-as-number": look_up(name="某人", number="440999199001010019"),
        "short-number": look_up(name="某人", number="Y0000"),
        "no-file": send(b""),
        "unknown-kind": send(b"hello"),
        "not-allowed": lambda client: client.post("/log"),
        "cross-site": lambda client: client.post(
            "/lookup", headers={"Sec-Fetch-Site": "cross-site"}
        ),
    }


NAMES = (
    *("/", "/lookup", "/verify", "/log", "/offline", "/draws", "/nothing", "/v/" + "z" * 16),
    *("valid", "old", "new", "revoked", "suspended"),
    *("found", "unnamed", "fault", "old-number", "other-province", "id-as-number"),
    *("short-number", "no-file", "unknown-kind", "not-allowed", "cross-site"),
)


def english(world: Any) -> FlaskClient:
    client = world.app().test_client()
    client.set_cookie("display", "en")
    return client


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_in_one_language(world: Any, client: FlaskClient, pages: Any, name: str) -> None:
    zh, en = pages[name](client), pages[name](english(world))
    assert zh.status_code == en.status_code
    for answer, tag in ((zh, "zh-Hans"), (en, "en")):
        assert answer.headers["Content-Language"] == tag
        assert {"Accept-Language", "Cookie"} <= set(answer.vary)
        assert f'<html lang="{tag}">' in answer.text
    texts = Texts(en.text).found
    assert [text for lang, text in texts if lang == "en" and CHINESE.search(text)] == []
    # What is said to be Chinese is: names, fields as printed, and the language's own name.
    printed = [text for lang, text in texts if lang == "zh-Hans"]
    assert "中文" in printed
    # On a Chinese page the switch alone is in English.
    assert [text for lang, text in Texts(zh.text).found if lang == "en"] == ["English"]


def test_printed_fields_are_the_same_on_both_pages(world: Any, client: FlaskClient) -> None:
    form = r'<dd data-fact="(\w+)"[^>]*>(.*?)(?: <span class="aside".*?)?</dd>'
    path = f"/v/{world.token('valid')}"
    zh = re.findall(form, client.get(path).text)
    en = re.findall(form, english(world).get(path).text)
    assert len(zh) == 10
    assert zh == en


def test_what_was_printed_is_explained_in_english(world: Any) -> None:
    text = english(world).get(f"/v/{world.token('valid')}").text
    for words in ("Resident identity card", "Level 3, senior worker", "20 November 2026"):
        assert f'lang="en">{words}</span>' in text
    assert '<time datetime="2026-11-23T16:02:00+08:00">23 November 2026, 16:02</time>' in text
    assert "(Beijing time)" in text
    assert "<td>Guangdong</td>" in text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "zh"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("en-GB,en;q=0.9,zh-CN;q=0.8", "en"),
        ("zh-CN,zh;q=0.9,en-US;q=0.8,en;q=0.7", "zh"),
        ("zh,en-US;q=0.5", "zh"),
        ("fr,en;q=0.9", "zh"),
        ("zh,en", "zh"),
        ("*", "zh"),
        ("en;q=0", "zh"),
        (";;q=x,,", "zh"),
        ("english", "zh"),
    ],
)
def test_english_only_where_it_is_wanted_first(header: str, language: str) -> None:
    assert preferred(parse_accept_header(header, LanguageAccept)) == language


def test_a_choice_counts_more_than_the_browsers_languages(world: Any) -> None:
    client = world.app().test_client()
    assert '<html lang="en">' in client.get("/", headers=ENGLISH_HEADER).text
    client.set_cookie("display", "zh")
    assert '<html lang="zh-Hans">' in client.get("/", headers=ENGLISH_HEADER).text


@given(st.sampled_from([None, *Language]), st.booleans(), st.booleans(), st.text(max_size=20))
def test_a_choice_is_read_as_it_was_written(
    language: Language | None, large: bool, contrast: bool, more: str
) -> None:
    choice = Display(language=language, large=large, contrast=contrast)
    assert read_cookie(choice.cookie()) == choice
    # Twelve values in all: whatever else comes is no choice, and is never kept.
    if more:
        read = read_cookie(choice.cookie() + more)
        assert read == Display() or read.cookie() == choice.cookie() + more


def test_the_switches_come_back_to_the_page_and_keep_what_was_chosen(world: Any) -> None:
    client = world.app().test_client()
    path = f"/v/{world.token('valid')}"
    chosen = []
    for switch in ("en", "large", "contrast", "large-off", "zh"):
        page = client.get(path).text
        assert f'href="?display={switch}"' in page
        answer = client.get(f"{path}?display={switch}")
        assert (answer.status_code, answer.headers["Location"]) == (303, path)
        assert answer.headers["Cache-Control"] == "no-store"
        cookie = answer.headers["Set-Cookie"]
        assert {"HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=31536000"} <= set(cookie.split("; "))
        chosen.append(cookie.partition(";")[0].removeprefix("display="))
    assert chosen == ["en", "en.large", "en.large.contrast", "en.contrast", "zh.contrast"]
    assert '<html lang="zh-Hans" class="contrast">' in client.get(path).text


def test_the_cookie_is_for_https_alone_where_the_site_is(world: Any) -> None:
    site = world.app(base_url="https://cx.example.invalid")
    assert "Secure" in site.test_client().get("/?display=en").headers["Set-Cookie"]
    assert "Secure" not in world.app().test_client().get("/?display=en").headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("//example.invalid/x", "/example.invalid/x"),
        ("/\\example.invalid", "/"),
        ("//", "/"),
        ("/x//example.invalid", "/x//example.invalid"),
        ("/a\r\nSet-Cookie: x=y", "/a%0D%0ASet-Cookie:%20x=y"),
        ("/没有", "/%E6%B2%A1%E6%9C%89"),
    ],
)
def test_a_switch_leads_nowhere_else(client: FlaskClient, path: str, back: str) -> None:
    # As a server passes it on, which a client would have tidied up.
    raw = {"PATH_INFO": path.encode().decode("latin-1")}
    answer = client.get("/?display=en", environ_overrides=raw)
    assert (answer.status_code, answer.headers["Location"]) == (303, back)


@given(st.text(max_size=40))
def test_an_address_to_come_back_to_is_of_this_site(text: str) -> None:
    address = own_path("/" + text)
    assert re.fullmatch(r"/(?:[!$&'()*+,:;=@~/._A-Za-z0-9-]|%[0-9A-F]{2})*", address)
    assert not address.startswith("//")


def test_any_other_value_is_no_switch(client: FlaskClient) -> None:
    for value in ("", "fr", "EN", "http://example.invalid", "large-on"):
        answer = client.get("/", query_string={"display": value})
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers


def test_nothing_is_kept_of_whoever_chose_nothing(client: FlaskClient, pages: Any) -> None:
    for way in pages.values():
        assert "Set-Cookie" not in way(client).headers


def test_programs_are_told_in_the_language_they_ask_for(client: FlaskClient) -> None:
    json = {"Accept": "application/json"}
    zh = client.get("/v/zzzzzzzzzzzzzzzz", headers=json)
    en = client.get("/v/zzzzzzzzzzzzzzzz", headers=json | ENGLISH_HEADER)
    assert (zh.get_json()["title"], en.get_json()["title"]) == ("未找到", "Not found")
    assert zh.get_json()["code"] == en.get_json()["code"]
    assert {"Accept-Language", "Cookie"} <= set(en.vary)
    assert en.headers["Content-Language"] == "en"


def test_each_display_has_its_own_skeleton(world: Any) -> None:
    client = world.app().test_client()
    path = f"/v/{world.token('valid')}"
    pages = []
    for cookie in ("zh", "en", "en.large", "zh.large.contrast"):
        client.set_cookie("display", cookie)
        pages.append(client.get(path).text)
        assert client.get(path).text == pages[-1]
    assert len(set(pages)) == 4
