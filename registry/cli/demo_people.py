"""Made-up workers for the demo: no name or ID number here belongs to anybody.

ID numbers use the area code 449999, which GB/T 2260 has never assigned, with a true check digit.
The list is the same at every run, so the demo can be compared from one day to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from registry.rules.people import check_character

AREA = "449999"
RARE_NAMES = ("㛃晓岚", "张𬭎", "䶮文博", "阿依古丽·买买提", "尼玛·扎西", "欧阳龑")
"""Names with characters outside the common planes and joined minority names (少数民族姓名)."""

_FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
_GIVEN = (
    "建华",
    "志强",
    "丽娟",
    "海燕",
    "国庆",
    "晓东",
    "文静",
    "俊杰",
    "秀英",
    "少峰",
    "雪梅",
    "立新",
    "思远",
    "永康",
    "春兰",
    "子涵",
    "明辉",
)
JOBS = (
    ("电工", "6-31-01-03", "维修电工"),
    ("焊工", "6-18-02-04", "电焊工"),
    ("钳工", "6-20-01-01", ""),
    ("车工", "6-18-01-01", "数控车工"),
    ("计算机程序设计员", "4-04-05-01", ""),
)
LEVELS = "54321"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPerson:
    """One row of a demo spreadsheet; ``direction`` and ``admission`` may be empty."""

    name: str
    id_type: str
    id_number: str
    admission: str
    occupation: str
    occupation_code: str
    direction: str
    level: str
    issued: date


def demo_people(count: int, *, offset: int, issued: date) -> list[DemoPerson]:
    """Return ``count`` people; different ``offset`` ranges give different people."""
    people = []
    for place in range(count):
        index = offset + place
        occupation, code, direction = JOBS[index % len(JOBS)]
        people.append(
            DemoPerson(
                name=demo_name(index),
                id_type="居民身份证",
                id_number=demo_id(index),
                admission=f"2026{index:08}",
                occupation=occupation,
                occupation_code=code,
                direction=direction,
                level=LEVELS[index // len(JOBS) % len(LEVELS)],
                issued=issued,
            )
        )
    return people


def demo_name(index: int) -> str:
    """Return the made-up name of person ``index``; every ninth is a rare one."""
    if index % 9 == 4:  # noqa: PLR2004 - spreads the rare names over levels and occupations
        return RARE_NAMES[index // 9 % len(RARE_NAMES)]
    return _FAMILY[index % len(_FAMILY)] + _GIVEN[index * 7 % len(_GIVEN)]


def demo_id(index: int) -> str:
    """Return the made-up ID number of person ``index``: unique up to 10,000,000 people."""
    born = date(1968, 1, 1) + timedelta(days=index * 37 % 12_000)
    first17 = f"{AREA}{born:%Y%m%d}{index // 12_000 % 1000:03}"
    return first17 + check_character(first17)
