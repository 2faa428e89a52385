"""Skill levels (职业技能等级): grades, titles and the symbols of position 16 of the number.

Five grades with symbols: 人社鉴发〔2019〕2号. Eight levels: 人社部发〔2022〕14号, which gives the
three new ones no symbol; they get one here when the authority publishes it, as a line of data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from registry.rules.errors import LevelError
from registry.rules.findings import Fault, FindingCode
from registry.rules.text import shown, squeeze

FIVE_GRADES = "人社鉴发〔2019〕2号"
EIGHT_LEVELS = "人社部发〔2022〕14号"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level: ``symbol`` at position 16 ("" = none published), 等级 and 名称, legal basis."""

    rank: int
    symbol: str
    grade: str
    title: str
    basis: str

    @property
    def printed(self) -> str:
        """As the certificate prints it: ``三级/高级工``; without a grade, the title alone."""
        return f"{self.grade}/{self.title}" if self.grade else self.title


LEVELS: Final = (
    Level(rank=1, symbol="", grade="", title="学徒工", basis=EIGHT_LEVELS),
    Level(rank=2, symbol="5", grade="五级", title="初级工", basis=FIVE_GRADES),
    Level(rank=3, symbol="4", grade="四级", title="中级工", basis=FIVE_GRADES),
    Level(rank=4, symbol="3", grade="三级", title="高级工", basis=FIVE_GRADES),
    Level(rank=5, symbol="2", grade="二级", title="技师", basis=FIVE_GRADES),
    Level(rank=6, symbol="1", grade="一级", title="高级技师", basis=FIVE_GRADES),
    Level(rank=7, symbol="", grade="", title="特级技师", basis=EIGHT_LEVELS),
    Level(rank=8, symbol="", grade="", title="首席技师", basis=EIGHT_LEVELS),
)
BY_SYMBOL: Final = {level.symbol: level for level in LEVELS if level.symbol}
MINTED: Final = frozenset(BY_SYMBOL)

_JOINTS: Final = dict.fromkeys(map(ord, "/\\()（）、|-—"))
_FAMILIAR = "级工技师初中高特首席学徒0123456789一二三四五"


def level_of(symbol: str) -> Level:
    """Give the level of a minted symbol.

    Raises:
        LevelError: the symbol is not one of 5, 4, 3, 2, 1.

    """
    try:
        return BY_SYMBOL[symbol]
    except KeyError:
        raise LevelError("level symbol must be one of 5, 4, 3, 2, 1") from None


def _spellings() -> dict[str, Level | None]:
    """Every accepted spelling; None where grade and title name different levels."""
    known: dict[str, Level | None] = {level.title: level for level in LEVELS}
    for level in BY_SYMBOL.values():
        for grade in (level.grade, f"{level.symbol}级", level.symbol):
            known[grade] = level
            for other in LEVELS:
                agreed = level if other is level else None
                known[grade + other.title] = agreed
                known[other.title + grade] = agreed
    return known


_SPELLINGS: Final = _spellings()


def read_level(text: str) -> Level | Fault:
    """Read ``3``, ``3级``, ``三级``, ``高级工`` or ``三级/高级工``; else say what is wrong."""
    plain = squeeze(text)
    try:
        level = _SPELLINGS[plain.translate(_JOINTS)]
    except KeyError:
        facts = {"value": shown(plain, _FAMILIAR)}
        return Fault(code=FindingCode.LEVEL_UNKNOWN, facts=facts)
    if level is None:
        return Fault(code=FindingCode.LEVEL_CONTRADICTS, facts={"value": plain})
    if not level.symbol:
        return Fault(code=FindingCode.LEVEL_WITHOUT_SYMBOL, facts={"value": level.title})
    return level
