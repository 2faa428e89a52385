"""What the page lays beside the register: the paper's QR code and the national upload (三方对照).

The paper's column is empty here: what a QR code says stays in the visitor's browser, which fills
it in. How far the reporting has come is the office's own statement, so it is never shown as
checked; where nothing is known, *cannot say*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from signing.wording import Words, level_words
from verify_web.times import printed_date
from verify_web.wording_page import CHAIN, CHAIN_KNOWN, CHAIN_UNKNOWN

if TYPE_CHECKING:
    from signing.mirror import Chain
    from signing.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One printed field as registered: `value` as signed, `shown` as printed."""

    code: str
    label: Words
    value: str
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """One step of the reporting; `day` is "" where nothing is known of it."""

    code: str
    label: Words
    word: Words
    day: str


def compared(record: Record | None) -> tuple[Compared, ...]:
    """List the fields that a QR code carries; none where the record cannot be shown."""
    if record is None:
        return ()
    level = level_words(record.level).zh
    rows = (
        ("name", Words("姓名", "Name"), record.name, record.name),
        ("occupation", Words("职业名称", "Occupation"), record.occupation, record.occupation),
        (
            "direction",
            Words("工种/职业方向", "Direction"),
            record.direction,
            record.direction or "--",
        ),
        ("level", Words("职业技能等级", "Skill level"), record.level, level),
        ("number", Words("证书编号", "Number"), record.number, record.number),
        ("issuer", Words("评价机构", "Assessing body"), record.issuer, record.issuer),
        ("issued", Words("发证日期", "Date of issue"), record.issued, printed_date(record.issued)),
        (
            "edition",
            Words("版次", "Edition"),
            str(record.edition),
            f"第 {record.edition} 版",
        ),
    )
    return tuple(
        Compared(code=code, label=label, value=value, shown=shown)
        for code, label, value, shown in rows
    )


def reach_of(chain: Chain) -> tuple[Reached, ...]:
    """Say of each step of the reporting whether and when it was taken, by the office's word."""
    days = {code: getattr(chain, code) for code, _ in CHAIN}
    return tuple(
        Reached(
            code=code,
            label=label,
            word=CHAIN_KNOWN if days[code] else CHAIN_UNKNOWN,
            day=printed_date(days[code]) if days[code] else "",
        )
        for code, label in CHAIN
    )
