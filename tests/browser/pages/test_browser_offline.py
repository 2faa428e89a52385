"""With the network cut: a code scanned before, one never seen, a look-alike's, and a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from signing.qr import parse_qr_url

pytestmark = pytest.mark.browser

READER = """window.BarcodeDetector = class {
  async detect() { return window.inView ? [{ rawValue: window.inView }] : []; }
};"""
# The worker of a first visit sees nothing of that visit: it takes over at its end.
IN_CONTROL = """() => new Promise((done) => {
  const worker = navigator.serviceWorker;
  if (worker.controller) done(null);
  else worker.addEventListener("controllerchange", () => done(null), { once: true });
})"""
DAYS_ON = "() => { const now = Date.now; Date.now = () => now() + 8 * 864e5; }"


def picture() -> dict[str, Any]:
    """Any picture: what stands in it, the reader is told."""
    data = BytesIO()
    Image.new("L", (8, 8), 255).save(data, "PNG")
    return {"name": "photo.png", "mimeType": "image/png", "buffer": data.getvalue()}


def code_of(paper: Any) -> str:
    symbols = zxingcpp.read_barcodes(paper.picture(150))
    assert len(symbols) == 1
    return str(symbols[0].text)


class Device:
    """A browser of its own, which keeps what it is given and can lose the network."""

    def __init__(self, context: Any, base_url: str) -> None:
        self.context, self.base_url = context, base_url
        self.errors: list[str] = []
        context.set_default_timeout(10_000)
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, address: str) -> None:
        self.page.goto("about:blank")
        self.page.goto(address if "://" in address else self.base_url + address)
        self.page.wait_for_selector("html[data-checked]", state="attached")

    def visit(self, address: str) -> None:
        """Open a page while connected, and wait until the worker has kept all it needs."""
        self.open(address)
        self.page.evaluate(IN_CONTROL)

    def cut(self) -> None:
        self.context.set_offline(True)

    def type(self, symbol: str) -> None:
        self.page.fill("#address", symbol)
        self.page.locator("#typed button").click()
        self.page.wait_for_selector("#result:not([hidden])")

    @property
    def word(self) -> str:
        return str(self.page.locator("#state").inner_text()).split()[0]

    @property
    def tone(self) -> str:
        return str(self.page.locator("section.verdict").get_attribute("class")).split()[-1]

    @property
    def by(self) -> str:
        return str(self.page.locator("#by").inner_text())

    @property
    def facts(self) -> dict[str, str]:
        rows = [r.split("\n") for r in self.page.locator("#facts .facts > div").all_inner_texts()]
        return {row[0].strip(): row[-1].strip() for row in rows}

    @property
    def checks(self) -> list[str]:
        return [a.strip() for a in self.page.locator(".checks > li > .answer").all_inner_texts()]


@pytest.fixture
def device(browser: Any, office: Any) -> Iterator[Callable[..., Device]]:
    made: list[Device] = []

    def new(*, reads: bool = True) -> Device:
        context = browser.new_context(locale="zh-CN")
        if reads:
            context.add_init_script(READER)
        made.append(Device(context, office.base_url))
        return made[-1]

    yield new
    for one in made:
        one.context.close()
        assert one.errors == []


def test_a_code_seen_once_is_checked_again_without_a_network(office: Any, device: Any) -> None:
    here = device()
    for paper, word, tone in ((office.valid, "有效", "good"), (office.revoked, "已撤销", "bad")):
        here.context.set_offline(False)
        here.visit(code_of(paper))
        assert here.word == word
        here.cut()
        here.open(code_of(paper))
        assert here.page.title().startswith(word)
        assert (here.word, here.tone) == (word, tone)
        assert "离线核验" in here.by
        assert here.facts["姓名"] == paper.person.name
        assert here.facts["证书编号"] == paper.number
        # How old the status is stands beside the word.
        assert re.search(r"状态截至 \d{4}年\d+月\d+日 \d\d:\d\d", here.page.inner_text(".verdict"))


def test_a_code_never_seen_has_its_signature_checked_and_no_more(office: Any, device: Any) -> None:
    here = device()
    here.visit("/offline")
    here.cut()
    here.open(code_of(office.other_company))
    assert (here.word, here.tone) == ("暂无法确认", "unsure")
    assert here.checks == ["通过", "通过", "无法确认", "无法确认", "无法确认"]
    assert here.facts["姓名"] == office.other_company.person.name
    assert "须联网查验" in here.by


def test_a_status_grows_too_old(office: Any, device: Any) -> None:
    here = device()
    here.visit(code_of(office.valid))
    here.cut()
    here.page.add_init_script(f"({DAYS_ON})()")
    here.open(code_of(office.valid))
    assert (here.word, here.tone) == ("暂无法确认", "unsure")
    assert here.checks == ["通过"] * 4 + ["无法确认"]


def test_a_look_alikes_code_is_refused_in_red_and_not_opened(office: Any, device: Any) -> None:
    here = device()
    here.visit("/offline")
    here.cut()
    here.open("/offline")
    for base in ("http://127.0.0.1.example:8155", "https://" + office.base_url[7:]):
        here.type(code_of(office.valid).replace(office.base_url, base))
        assert (here.word, here.tone) == ("网址不符", "bad")
        assert base in here.by
        assert here.page.locator(f"a[href^='{base}']").count() == 0
        assert here.page.locator("#facts").is_visible() is False


def test_a_forged_or_foreign_code_is_never_green(office: Any, device: Any) -> None:
    here = device()
    here.visit("/offline")
    here.cut()
    here.open("/offline")
    good = code_of(office.valid)
    assert parse_qr_url(good)[2].name == office.valid.person.name
    at = good.index("#") + 60
    changed = good[:at] + str((int(good[at]) + 1) % 10) + good[at + 1 :]
    for symbol in (changed, good[:-2], "https://example.invalid/", "hello", ""):
        here.type(symbol)
        assert here.word in ("无效", "暂无法确认")
        assert here.tone != "good"


def test_the_camera_and_a_photo_are_read_where_the_browser_can(office: Any, device: Any) -> None:
    here = device()
    here.visit("/offline")
    here.cut()
    here.open("/offline")
    assert here.page.locator("#camera").is_visible()
    assert here.page.locator("#no-reader").is_visible() is False
    here.page.evaluate("symbol => { window.inView = symbol; }", code_of(office.other_company))
    here.page.set_input_files("#file", files=[picture()])
    here.page.wait_for_selector("#result:not([hidden])")
    assert here.facts["证书编号"] == office.other_company.number


def test_a_browser_that_reads_no_codes_says_what_to_do(office: Any, device: Any) -> None:
    here = device(reads=False)
    here.visit("/offline")
    assert here.page.locator("#camera").is_visible() is False
    assert "请用手机自带的相机扫描" in here.page.locator("#no-reader").inner_text()
    here.page.set_input_files("#file", files=[picture()])
    here.page.wait_for_selector("#result:not([hidden])")
    assert here.word == "暂无法确认"


def test_a_file_of_evidence_is_checked_without_a_network(office: Any, device: Any) -> None:
    here = device()
    here.visit("/offline")
    here.cut()
    here.open("/offline")
    file = {"name": "x.tlog-proof", "mimeType": "text/plain", "buffer": office.proof}
    here.page.set_input_files("#file", files=[file])
    here.page.wait_for_selector("#result:not([hidden])")
    assert (here.word, here.tone) == ("有效", "good")
    assert here.facts["证件号码"].count("*") == 11
    assert here.checks == ["通过"] * 5


def test_any_other_page_becomes_the_offline_page(office: Any, device: Any) -> None:
    here = device()
    here.visit("/offline")
    here.cut()
    here.open("/lookup")
    assert "离线核验" in here.page.locator("main").inner_text()
    assert here.page.locator("#kept-policy").inner_text() != "—"


def test_without_a_network_the_page_is_in_the_language_chosen_last(
    office: Any, device: Any
) -> None:
    here = device()
    here.visit(code_of(office.valid))
    # Through the worker, which sees the redirection pass.
    with here.page.expect_navigation():
        here.page.get_by_role("link", name="English").click()
    here.page.wait_for_selector("html[data-checked]", state="attached")
    assert here.page.url == code_of(office.valid)
    assert here.word == "Valid"
    here.cut()
    here.open(code_of(office.valid))
    assert (here.word, here.tone) == ("Valid", "good")
    assert here.by.startswith("Offline: ")
    assert here.facts["Name"] == office.valid.person.name
    assert re.search(r"Status as of \d+ \w+ \d{4}, \d\d:\d\d", here.page.inner_text(".verdict"))
    # What is read aloud next is the answer.
    assert here.page.evaluate("document.activeElement.id") == "state"
    # Without a network the switch cannot change the page; it loses nothing either.
    with here.page.expect_navigation():
        here.page.get_by_role("link", name="中文").click()
    here.page.wait_for_selector("html[data-checked]", state="attached")
    assert here.word == "Valid"


def test_nothing_that_names_a_person_is_kept(office: Any, device: Any) -> None:
    here = device()
    here.visit(code_of(office.valid))
    kept = here.page.evaluate("""async () => {
      const all = [];
      for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const each of await cache.keys())
          all.push(each.url + "\\n" + await (await cache.match(each)).text());
      }
      return all;
    }""")
    assert any("tlog-proof" in each for each in kept)
    assert [v for v in office.private for each in kept if v in each] == []
    assert office.valid.page.split("#")[0] not in [each.split("\n")[0] for each in kept]
