"""Our own files are known at once; annotated copies say for whom and until when."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from keys.model import KeyState
from signing.annotation import ANNOTATION_NAME, annotate, annotation_json

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
RECIPIENT = "深圳市示例电力设备有限公司"


def test_our_own_file_is_known_without_being_opened(
    desk: Any, send: Callable[..., Any], opened: list[str]
) -> None:
    pdf = desk.pdf()
    desk.publish(pdf)
    answer = send(pdf)
    assert (answer.word, answer.badges) == ("有效", ["good"] * 7)
    assert "逐字节一致" in answer.text
    assert opened == []
    answer = send(desk.pdf("second"))
    assert (answer.word, opened) == ("有效", ["pdf"])


def test_it_is_told_the_certificates_present_state(
    desk: Any, send: Callable[..., Any], opened: list[str]
) -> None:
    for name, said in (("revoked", "已撤销"), ("old", "已更正"), ("suspended", "已暂停")):
        pdf = desk.pdf(name)
        desk.publish(pdf, name)
        assert send(pdf).word == said
    assert opened == []


@pytest.mark.parametrize("lie", ["other-file", "other-record", "stranger", "revoked", "row"])
def test_a_mirror_that_lies_about_a_file_changes_nothing(
    desk: Any, send: Callable[..., Any], opened: list[str], seals_of: Any, lie: str
) -> None:
    forged = seals_of().seal(desk.seals.attachments(desk.world.evidence("valid")))
    match lie:
        case "other-file":
            desk.publish(forged, stated=desk.pdf())
        case "other-record":
            desk.publish(forged, payload=desk.world.entries["second"].envelope.payload)
        case "stranger":
            desk.publish(forged, signer=seals_of().signer)
        case "revoked":
            desk.publish(forged)
            desk.trust(state=KeyState.REVOKED, revoked_at=NOW)
        case _:
            desk.publish(forged)
            with closing(sqlite3.connect(desk.world.public / "mirror.db")) as mirror, mirror:
                mirror.execute("UPDATE files SET sealed = x'00'")
    answer = send(forged)
    assert answer.tone != "good"
    assert opened == ["pdf"]
    assert answer.status == 200


def test_a_mirror_from_before_there_were_files_is_no_trouble(
    desk: Any, send: Callable[..., Any], opened: list[str]
) -> None:
    assert send(desk.pdf()).word == "有效"
    assert opened == ["pdf"]


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize(
    ("days", "recipient", "said", "shade"),
    [
        (38, "", "有效", "good"),
        (38, "深圳市示例电力设备有限公司", "有效", "good"),
        (38, " 深圳市 示例电力设备有限公司", "有效", "good"),
        (38, "深圳市示例精密制造有限公司", "非供本单位", "warn"),
        (-1, "", "副本已过期", "warn"),
        (-1, "深圳市示例电力设备有限公司", "副本已过期", "warn"),
    ],
)
def test_an_annotated_copy_says_for_whom_and_until_when(
    desk: Any,
    send: Callable[..., Any],
    opened: list[str],
    *,
    published: bool,
    days: int,
    recipient: str,
    said: str,
    shade: str,
) -> None:
    until = NOW.date() + timedelta(days=days)
    pdf = desk.copy(until)
    if published:
        desk.publish(pdf, annotation=desk.annotation(until))
    answer = send(pdf, recipient)
    assert (answer.word, answer.tone) == (said, shade)
    assert opened == ([] if published else ["pdf"])
    assert "本文件是加注副本" in answer.text
    for fact in (RECIPIENT, "入职审核", f"{until.year}年{until.month}月{until.day}日"):
        assert fact in answer.text
    assert ("怎么办" in answer.text) == (shade != "good")
    if recipient and recipient.replace(" ", "") != RECIPIENT:
        assert recipient not in answer.text


def test_the_last_day_counts(desk: Any, send: Callable[..., Any]) -> None:
    assert send(desk.copy(NOW.date())).word == "有效"


def test_a_revoked_certificates_copy_says_revoked_first(
    desk: Any, send: Callable[..., Any]
) -> None:
    record = desk.world.records["revoked"]
    payload = desk.world.entries["revoked"].envelope.payload
    made = annotate(
        record,
        payload,
        purpose="入职审核",
        recipient=RECIPIENT,
        made=date(2026, 1, 5),
        until=date(2026, 2, 1),
    )
    pdf = desk.pdf("revoked", **{ANNOTATION_NAME: annotation_json(made)})
    assert send(pdf).word == "已撤销"


def test_another_certificates_annotation_is_tampering(desk: Any, send: Callable[..., Any]) -> None:
    pdf = desk.pdf("second", **{ANNOTATION_NAME: desk.annotation(date(2026, 12, 31))})
    answer = send(pdf)
    assert (answer.word, answer.tone) == ("已被篡改", "bad")
    assert RECIPIENT not in answer.text
