"""The visitor's browser checks for itself: what it says in each state, and what it believes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from signing.bundle import bundle_file
from signing.qr import qr_payload, to_digits
from signing.tlog.entry import State

pytestmark = pytest.mark.browser

WORDS = {
    "valid": ("有效", "good"),
    "new": ("有效", "good"),
    "revoked": ("已撤销", "bad"),
    "old": ("已更正", "warn"),
    "suspended": ("已暂停", "warn"),
}
NO_ED25519 = """
  if (globalThis.SubtleCrypto) {
  const { importKey } = SubtleCrypto.prototype;
  SubtleCrypto.prototype.importKey = function (format, key, how, ...more) {
    if (how === "Ed25519") return Promise.reject(new DOMException("", "NotSupportedError"));
    return importKey.call(this, format, key, how, ...more);
  };
  }
"""
STEPS = ("record", "signature", "inclusion", "checkpoint", "status")


@pytest.mark.parametrize("name", WORDS)
def test_with_the_paper_all_five_steps_are_the_browsers(
    world: Any, sit: Any, digits: Any, name: str
) -> None:
    seat = sit()
    seat.open(f"/v/{world.token(name)}#{digits(name)}")
    assert (seat.word, seat.tone) == WORDS[name]
    assert "由您的浏览器自行核验得出，与本站一致" in seat.by
    assert all("您的浏览器核验" in said for said in seat.reasons.values())
    assert tuple(seat.reasons) == STEPS
    paper = seat.page.locator("#compared tbody tr")
    assert paper.count() == 8
    cells = [row.locator("td").all_inner_texts()[:2] for row in paper.all()]
    assert [mine for mine, _ in cells] == [theirs for _, theirs in cells]
    assert seat.page.locator(".differs").count() == 0
    assert seat.page.locator("#bundle").is_visible() is False
    seat.page.locator("#expert > summary").click()
    assert seat.page.locator("#bundle a").get_attribute("href").startswith("blob:")


@pytest.mark.parametrize("name", WORDS)
def test_by_a_link_the_last_three_are_and_the_page_says_so(world: Any, sit: Any, name: str) -> None:
    seat = sit()
    seat.open(f"/v/{world.token(name)}")
    assert (seat.word, seat.tone) == WORDS[name]
    assert "证书内容和评价机构签名采信本站的核验结果" in seat.by
    whose = ["您的浏览器" if "您的浏览器" in said else "本站" for said in seat.reasons.values()]
    assert whose == ["本站", "本站", "您的浏览器", "您的浏览器", "您的浏览器"]
    assert seat.page.locator("#compared").is_visible() is False


def test_the_paper_is_never_sent_and_the_id_is_not_given_out_without_it(
    world: Any, sit: Any, digits: Any
) -> None:
    seat, code = sit(), digits("valid")
    answers: list[bytes] = []
    token, record = world.token("valid"), world.records["valid"]
    seat.twist = lambda path, answer: answers.append(answer.body) or answer
    seat.open(f"/v/{token}")
    assert not any(record.id_number.encode() in body for body in answers)
    answers.clear()
    seat.open(f"/v/{token}#{code}")
    assert all(code[:20] not in url for _, url in seat.asked)
    client = world.app().test_client()
    address = f"/v/{token}.certbundle.json"
    payload = qr_payload(record, world.issuer)
    shown = bytes.fromhex(world.issuer.info.key_id) + payload[-64:]
    assert client.post(address, data=shown).data == bundle_file(world.evidence("valid"))
    for wrong in (b"", shown[:-1], shown + b"\0", bytes(8) + shown[8:], shown[:8] + bytes(64)):
        refused = client.post(address, data=wrong)
        assert refused.status_code in (403, 413)
        assert record.id_number.encode() not in refused.data
    other = qr_payload(world.records["second"], world.issuer)
    assert client.post(address, data=shown[:8] + other[-64:]).status_code == 403
    assert client.get(address).status_code == 404
    assert client.post("/v/zzzzzzzzzzzzzzzz.certbundle.json", data=shown).status_code == 404


def test_the_public_proof_names_nobody(world: Any) -> None:
    record = world.records["valid"]
    answer = world.app().test_client().get(f"/v/{world.token('valid')}.tlog-proof")
    assert answer.headers["Cache-Control"] == "no-store"
    from signing.tlog.proof import parse_proof

    everything = answer.data + (parse_proof(answer.data).extra or b"")
    for value in (record.name, record.id_number, record.admission, record.occupation):
        assert value.encode() not in everything


Twist = Callable[[Any, str, str, Any], None]


def _other_name(world: Any, token: str, path: str, answer: Any) -> None:
    if path == f"/v/{token}":
        answer.body = answer.body.replace("欧阳示例".encode(), "上官示例".encode())


def _other_level(world: Any, token: str, path: str, answer: Any) -> None:
    if path == f"/v/{token}":
        answer.body = answer.body.replace("三级/高级工".encode(), "一级/高级技师".encode())


def _other_bundle(world: Any, token: str, path: str, answer: Any) -> None:
    if path.endswith(".certbundle.json"):
        answer.status, answer.body = 200, bundle_file(world.evidence("second"))


def _no_bundle(world: Any, token: str, path: str, answer: Any) -> None:
    if path.endswith(".certbundle.json"):
        answer.status, answer.body = 503, b""


def _refused(world: Any, token: str, path: str, answer: Any) -> None:
    if path.endswith(".certbundle.json"):
        answer.status, answer.body = 403, b"{}"


def _no_trust(world: Any, token: str, path: str, answer: Any) -> None:
    if path.startswith("/trust/"):
        answer.status, answer.body = 404, b""


@pytest.mark.parametrize(
    ("twist", "word", "because"),
    [
        (_other_name, "无效", "本页所示的登记信息与签名记录不一致"),
        (_other_level, "无效", "本页所示的登记信息与签名记录不一致"),
        (_other_bundle, "无效", "二维码所载内容与登记信息不一致"),
        (_no_bundle, "暂无法确认", "没有取得可以核验的证据"),
        (_refused, "暂无法确认", "没有取得可以核验的证据"),
        (_no_trust, "暂无法确认", "没有取得可以核验的证据"),
    ],
)
def test_a_lie_on_the_way_is_not_believed(
    *, world: Any, sit: Any, digits: Any, twist: Twist, word: str, because: str
) -> None:
    seat, token = sit(), world.token("valid")
    seat.twist = lambda path, answer: twist(world, token, path, answer) or answer
    seat.open(f"/v/{token}#{digits('valid')}")
    assert seat.word == word
    assert seat.tone != "good"
    assert because in seat.by
    assert seat.page.locator("#registered").count() == (word != "无效")


def test_the_paper_of_one_certificate_does_not_go_with_another(
    world: Any, sit: Any, digits: Any
) -> None:
    seat = sit()
    seat.open(f"/v/{world.token('valid')}#{digits('second')}")
    assert seat.word == "无效"
    assert "二维码所载内容与登记信息不一致" in seat.by
    differs = seat.page.locator(".differs th").all_inner_texts()
    assert {"职业名称", "职业技能等级", "证书编号"} <= set(differs)


def test_a_changed_or_cut_code_is_never_green(world: Any, sit: Any, digits: Any) -> None:
    seat, token, code = sit(), world.token("valid"), digits("valid")
    raised = world.records["valid"]
    forged = qr_payload(raised, world.stranger)
    named = forged.replace(
        bytes.fromhex(world.stranger.info.key_id), bytes.fromhex(world.issuer.info.key_id)
    )
    for fragment, word in (
        (code[:-3], "暂无法确认"),
        ("1", "暂无法确认"),
        ("<b>", "暂无法确认"),
        (to_digits(named), "无效"),
        (to_digits(forged), "暂无法确认"),
    ):
        seat.open(f"/v/{token}#{fragment}")
        assert seat.word == word, fragment
        assert seat.tone != "good"


def test_what_the_server_calls_revoked_stays_so(world: Any, sit: Any, digits: Any) -> None:
    seat, token = sit(), world.token("valid")
    page = world.app().test_client().get(f"/v/{token}").data
    wrong = page.replace(b'data-verdict="valid"', b'data-verdict="revoked"')

    def twist(path: str, answer: Any) -> Any:
        answer.body = wrong if path == f"/v/{token}" else answer.body
        return answer

    seat.twist = twist
    seat.open(f"/v/{token}#{digits('valid')}")
    assert seat.word == "已撤销"
    assert "与本站不一致" in seat.by


def test_a_policy_other_than_the_one_kept_is_not_adopted_in_silence(
    world: Any, sit: Any, digits: Any
) -> None:
    seat, address = sit(), f"/v/{world.token('valid')}#{digits('valid')}"
    assert seat.open(address) == "有效"
    assert "首次取得" in seat.page.locator("#pinned").inner_text()
    assert seat.open(address) == "有效"
    assert "一致" in seat.page.locator("#pinned").inner_text()
    world.office = world.stranger
    world.write_trust()
    world.write_log(signer=world.stranger)
    seat.client = world.app().test_client()
    assert seat.open(address) == "暂无法确认"
    assert "信任策略与您的浏览器上次保存的不同" in seat.by
    # Whoever has compared the fingerprint with the office goes on.
    with seat.page.expect_navigation():
        seat.page.locator("#by button").click()
    seat.page.wait_for_selector("html[data-checked]", state="attached")
    assert seat.word == "有效"


def test_a_browser_without_ed25519_says_so_and_shows_the_servers_answer(
    world: Any, sit: Any, digits: Any
) -> None:
    seat = sit(color_scheme="dark")
    seat.page.add_init_script(NO_ED25519)
    for name in ("valid", "revoked"):
        seat.open(f"/v/{world.token(name)}#{digits(name)}")
        assert (seat.word, seat.tone) == WORDS[name]
        assert "您的浏览器不支持所需的签名算法" in seat.by
        assert "本站服务器" in seat.by
        assert all("本站核验" in said for said in seat.reasons.values())


def test_without_scripts_the_answer_is_labelled_as_the_servers(
    world: Any, sit: Any, digits: Any
) -> None:
    seat = sit(java_script_enabled=False)
    seat.page.goto(f"http://127.0.0.1:8155/v/{world.token('valid')}#{digits('valid')}")
    assert (seat.word, seat.tone) == WORDS["valid"]
    assert "以上是本站服务器的核验结论" in seat.by
    assert "未启用脚本" in seat.by
    assert seat.page.locator("#compared").is_visible() is False
    assert not any(url.endswith(".js") for _, url in seat.asked)


def test_a_change_behind_the_status_list_is_looked_for_in_the_logs_end(
    world: Any, sit: Any, digits: Any
) -> None:
    # An honest log that has grown since its last status entry, by others' entries.
    world.change_state("second", State.SUSPENDED)
    world.write_log()
    seat = sit()
    assert seat.open(f"/v/{world.token('valid')}#{digits('valid')}") == "有效"
    assert any("/tail/" in url for _, url in seat.asked)
    tail = next(url for _, url in seat.asked if "/tail/" in url)
    start, size = map(int, re.findall(r"/tail/(\d+)/(\d+)", tail)[0])
    assert size == len(world.leaves)
    client = world.app().test_client()
    for bad in (f"/tail/{size}/{size}", f"/tail/{start}/{size + 1}", "/tail/-1/5", "/tail/5/1"):
        assert client.get(bad).status_code == 404


def _kept(seat: Any) -> list[str]:
    return list(
        seat.page.evaluate("""async () => {
          const cache = await caches.open("kept");
          return (await cache.keys()).map((each) => new URL(each.url).pathname);
        }""")
    )


def test_only_what_was_opened_and_found_good_may_stand_for_it_offline(
    world: Any, sit: Any, digits: Any
) -> None:
    """A proof kept as seen counts for the content offline: a lie must never be kept so."""
    seat, token = sit(), world.token("valid")
    shut = bundle_file(replace(world.evidence("valid"), opening=bytes(32)))
    for body in (shut, bundle_file(world.evidence("second")), b"{}"):

        def twist(path: str, answer: Any, body: bytes = body) -> Any:
            if path.endswith(".certbundle.json"):
                answer.status, answer.body = 200, body
            return answer

        seat.twist = twist
        seat.open(f"/v/{token}#{digits('valid')}")
        assert seat.tone != "good"
        assert _kept(seat) == []
    seat.twist = None
    seat.open(f"/v/{token}#{digits('valid')}")
    assert _kept(seat) == [f"/v/{token}.tlog-proof"]
