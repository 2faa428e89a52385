"""Who plays in the demo: two companies that go the whole way, and four that have just begun.

Names, codes and prefixes are made up; prefixes are of the marked test range ``Y000044999xxx``.
"""

from __future__ import annotations

from typing import Final

from registry.cli.demo_filings import Firm, Trade

ALL: Final = "54321"
TURNER: Final = Trade(code="6-18-01-01", name="车工", direction="数控车工", levels=ALL)
ELECTRICIAN: Final = Trade(code="6-31-01-03", name="电工", direction="维修电工", levels=ALL)
MILLER: Final = Trade(code="6-18-01-02", name="铣工", direction="数控铣工", levels="543")
GRINDER: Final = Trade(code="6-18-01-04", name="磨工", direction="", levels="543")
STAMPER: Final = Trade(code="6-18-01-12", name="冲压工", direction="", levels="54")
FITTER: Final = Trade(code="6-20-01-01", name="装配钳工", direction="", levels="543")

PRECISION: Final = Firm(
    key="jm",
    name="深圳市示例精密制造有限公司",
    uscc="91449999MA5DEM0015",
    prefix="Y000044999001",
    business="精密机械零件制造",
    trades=(TURNER, MILLER, GRINDER, STAMPER, FITTER),
)
POWER: Final = Firm(
    key="dl",
    name="深圳市示例电力设备有限公司",
    uscc="91449999MA5DEM0028",
    prefix="Y000044999002",
    business="输配电设备制造",
    trades=(ELECTRICIAN,),
)


def _beginner(key: str, name: str, uscc: str) -> Firm:
    return Firm(key=key, name=name, uscc=uscc, prefix="", business=name[5:9], trades=(FITTER,))


BEGINNERS: Final = (
    _beginner("gx", "深圳市示例光学仪器有限公司", "91449999MA5DEM003B"),
    _beginner("cb", "深圳市示例船舶配件有限公司", "91449999MA5DEM004E"),
    _beginner("dt", "深圳市示例电梯工程有限公司", "91449999MA5DEM005H"),
    _beginner("jj", "深圳市示例家具制造有限公司", "91449999MA5DEM006L"),
)
"""Their applications are left submitted, returned, with the experts, and before the approver."""
