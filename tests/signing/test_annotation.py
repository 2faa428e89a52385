from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from signing.annotation import (
    MAX_ANNOTATION_BYTES,
    Annotation,
    annotate,
    annotation_json,
    is_of,
    parse_annotation,
    same_recipient,
)
from signing.copystep import copy_step
from signing.errors import MalformedAnnotation
from signing.record import Record, canonical
from signing.report import Answer, Reason, Step, StepCode, Verdict, report_of

MADE, UNTIL = date(2026, 11, 24), date(2026, 12, 31)
NOON = datetime(2026, 12, 1, 4, 0, tzinfo=UTC)
SEALED = Step(code=StepCode.SEAL, answer=Answer.VALID, reason=Reason.SEAL_GOOD)


@pytest.fixture(scope="module")
def record(make_record: Callable[..., Record]) -> Record:
    return make_record()


@pytest.fixture(scope="module")
def make(record: Record) -> Callable[..., Annotation]:
    def make(**change: Any) -> Annotation:
        usual = {"purpose": "办理入职手续", "recipient": "甲（深圳）有限公司", "made": MADE}
        return annotate(record, canonical(record), **{**usual, "until": UNTIL, **change})

    return make


def test_canonical_bytes_are_those_of_the_format(make: Callable[..., Annotation]) -> None:
    data = annotation_json(make())
    assert data == rfc8785.dumps(json.loads(data))
    assert parse_annotation(data) == make()
    assert sorted(json.loads(data)) == [
        "edition", "made", "number", "purpose", "recipient", "record", "until", "v",
    ]  # fmt: skip


def test_it_is_of_one_record_alone(
    make: Callable[..., Annotation], record: Record, make_record: Callable[..., Record]
) -> None:
    assert is_of(make(), record, canonical(record))
    for change in ({"name": "李示例"}, {"edition": 2}, {"number": "Y000044999001263000002"}):
        other = make_record(**change)
        assert not is_of(make(), other, canonical(other))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 入职",
        "入职 ",
        "入\n职",
        "入\t职",
        "入\u202e职",
        "入\u2066职",
        "入\u200b职",
        "入\ue000职",
        "入\U000f0000职",
        "入\u0378职",
        "入\u3000职",
        "入\u00a0职",
        "入\ud800职",
    ],
)
@pytest.mark.parametrize("field", ["purpose", "recipient"])
def test_a_text_that_shows_other_than_it_says_is_refused(
    make: Callable[..., Annotation], field: str, text: str
) -> None:
    with pytest.raises(MalformedAnnotation) as caught:
        make(**{field: text})
    assert "入" not in str(caught.value)


@pytest.mark.parametrize(("field", "most"), [("purpose", 40), ("recipient", 60)])
def test_lengths(make: Callable[..., Annotation], field: str, most: int) -> None:
    assert len(annotation_json(make(**{field: "𬭎" * most}))) < MAX_ANNOTATION_BYTES
    with pytest.raises(MalformedAnnotation, match=f"1 to {most}"):
        make(**{field: "职" * (most + 1)})


def test_a_text_is_brought_to_one_form(make: Callable[..., Annotation]) -> None:
    assert make(recipient="Cafe\u0301") == make(recipient="Café")
    other = msgspec.structs.replace(make(), recipient="Cafe\u0301")
    with pytest.raises(MalformedAnnotation, match="normal form"):
        parse_annotation(annotation_json(other))


def test_the_last_day_is_not_before_the_first(make: Callable[..., Annotation]) -> None:
    assert make(until=MADE).until == "2026-11-24"
    with pytest.raises(MalformedAnnotation, match="有效期至"):
        make(until=MADE - timedelta(days=1))


@pytest.mark.parametrize(
    "change",
    [
        {"made": "2026-11-31"},
        {"made": "20261124"},
        {"until": ""},
        {"number": "Y1"},
        {"record": "AB" * 32},
        {"edition": 0},
        {"edition": 10_000},
        {"v": 2},
    ],
)
def test_other_forms_are_refused(make: Callable[..., Annotation], change: dict[str, Any]) -> None:
    bad = msgspec.structs.replace(make(), **change)
    with pytest.raises(MalformedAnnotation):
        parse_annotation(annotation_json(bad))


@given(st.binary(max_size=60), st.integers(0, 300))
def test_damaged_bytes_never_raise_anything_else(
    make: Callable[..., Annotation], noise: bytes, at: int
) -> None:
    good = annotation_json(make())
    damaged = good[:at] + noise + good[at + len(noise) :]
    with suppress(MalformedAnnotation):
        assert annotation_json(parse_annotation(damaged)) == damaged


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("甲（深圳）有限公司", "甲(深圳) 有限公司", True),
        ("ABC Ltd", "ａｂｃ ltd", True),
        ("甲公司", "乙公司", False),
        ("甲公司", "甲公司二分公司", False),
    ],
)
def test_a_recipient_is_compared_as_written_on_any_keyboard(
    one: str, other: str, *, same: bool
) -> None:
    assert same_recipient(one, other) is same


@pytest.fixture(scope="module")
def judge(record: Record) -> Callable[..., tuple[Answer, Reason]]:
    def judge(
        annotation: Annotation | bytes | None,
        *,
        now: datetime = NOON,
        seal: Step = SEALED,
        recipient: str = "",
    ) -> tuple[Answer, Reason]:
        data = annotation_json(annotation) if isinstance(annotation, Annotation) else annotation
        step = copy_step(data, canonical(record), seal, now=now, recipient=recipient)
        assert step.number == 7
        return step.answer, step.reason

    return judge


def test_original_and_copy_are_told_apart(
    judge: Callable[..., tuple[Answer, Reason]], make: Callable[..., Annotation]
) -> None:
    assert judge(None) == (Answer.VALID, Reason.COPY_ORIGINAL)
    assert judge(None, recipient="乙公司") == (Answer.VALID, Reason.COPY_ORIGINAL)
    assert judge(make()) == (Answer.VALID, Reason.COPY_ANNOTATED)
    named = judge(make(), recipient="甲(深圳)有限公司")
    assert named == (Answer.VALID, Reason.COPY_NAMED)
    other = judge(make(), recipient="乙公司")
    assert other == (Answer.INVALID, Reason.COPY_OTHER_RECIPIENT)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("2026-11-23T15:54:59Z", Reason.COPY_IN_FUTURE),  # the day before, in China
        ("2026-11-23T16:00:00Z", Reason.COPY_ANNOTATED),
        ("2026-12-31T15:59:59Z", Reason.COPY_ANNOTATED),  # its last second
        ("2026-12-31T16:00:00Z", Reason.COPY_EXPIRED),
        ("2126-01-01T00:00:00Z", Reason.COPY_EXPIRED),
    ],
)
def test_a_copys_term_is_in_days_of_china(
    judge: Callable[..., tuple[Answer, Reason]],
    make: Callable[..., Annotation],
    at: str,
    reason: Reason,
) -> None:
    answer, found = judge(make(), now=datetime.fromisoformat(at))
    assert found is reason
    assert (answer is Answer.VALID) == (reason is Reason.COPY_ANNOTATED)


def test_an_annotation_of_something_else_is_false(
    judge: Callable[..., tuple[Answer, Reason]],
    make: Callable[..., Annotation],
    make_record: Callable[..., Record],
) -> None:
    theirs = make_record(name="李示例")
    foreign = annotate(
        theirs, canonical(theirs), purpose="入职", recipient="甲", made=MADE, until=UNTIL
    )
    assert judge(foreign) == (Answer.INVALID, Reason.COPY_OTHER_CERTIFICATE)
    assert judge(b"{}") == (Answer.INVALID, Reason.COPY_MALFORMED)


@pytest.mark.parametrize("answer", [Answer.INVALID, Answer.CANNOT_SAY])
def test_without_a_good_seal_nothing_is_said(
    judge: Callable[..., tuple[Answer, Reason]], make: Callable[..., Annotation], answer: Answer
) -> None:
    seal = Step(code=StepCode.SEAL, answer=answer, reason=Reason.SEAL_BROKEN)
    for annotation in (None, make(), b"{}"):
        said = judge(annotation, seal=seal, recipient="乙公司")
        assert said == (Answer.CANNOT_SAY, Reason.COPY_NOT_SEALED)


def _report(*steps: tuple[StepCode, Answer, Reason]) -> Verdict:
    five = [
        Step(code=code, answer=Answer.VALID, reason=Reason.RECORD_GOOD)
        for code in StepCode
        if code not in {step[0] for step in steps}
    ]
    given = [Step(code=code, answer=answer, reason=reason) for code, answer, reason in steps]
    return report_of((*five, *given), None).verdict


def test_a_verdict_on_a_copy() -> None:
    expired = (StepCode.COPY, Answer.INVALID, Reason.COPY_EXPIRED)
    foreign = (StepCode.COPY, Answer.INVALID, Reason.COPY_OTHER_RECIPIENT)
    assert _report() is Verdict.VALID
    assert _report(expired) is Verdict.COPY_EXPIRED
    assert _report(foreign) is Verdict.COPY_FOR_ANOTHER
    # the certificate's own state comes first, and a lie before both
    revoked = (StepCode.STATUS, Answer.INVALID, Reason.STATUS_REVOKED)
    assert _report(expired, revoked) is Verdict.REVOKED
    false = (StepCode.SIGNATURE, Answer.INVALID, Reason.SIGNATURE_FALSE)
    assert _report(expired, false) is Verdict.INVALID
    # a state that nobody could prove does not make a copy good again
    unknown = (StepCode.STATUS, Answer.CANNOT_SAY, Reason.STATUS_MISSING)
    assert _report(expired, unknown) is Verdict.COPY_EXPIRED
    # the seal alone says that it is a copy
    unsealed = (StepCode.SEAL, Answer.CANNOT_SAY, Reason.SEAL_MISSING)
    assert _report(expired, unsealed) is Verdict.CANNOT_SAY
