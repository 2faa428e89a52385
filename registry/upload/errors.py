"""What can go wrong on the way to the provincial centre (省中心), and the words for it.

A mapping file can be wrong (`MappingError`, for the administrator who wrote it), or rows can fail
to fit the table (`UploadRefused`, for the clerk). A refusal lists faults by row and column and
never repeats a cell's value: a cell may hold a name or an ID number. The one exception is a code
that the mapping does not know, since naming it is how the mapping gets completed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registry.errors import RegistryError

FAULTS_SHOWN = 200
"""So many faults are collected before the export gives up: a page of work for a clerk."""


class UploadError(RegistryError):
    """Base of everything this room refuses."""

    code = "upload-error"


class MappingError(UploadError):
    """A mapping file (上报模板映射) that is missing, malformed or contradicts itself."""

    code = "upload-mapping"


class NotInLog(UploadError):
    """A row, or the upload key, has no leaf in the public log yet."""

    code = "upload-not-in-log"


class UploadStateRefused(UploadError):
    """The upload is not in the state that this step needs."""

    code = "upload-state"


class NothingOwed(UploadError):
    """The organisation has no row that is still to be reported."""

    code = "upload-nothing-owed"


class PackageLost(UploadError):
    """A frozen upload's bytes are missing or damaged, and cannot be made again as they were."""

    code = "upload-package-lost"


class TemplateDiffers(UploadError):
    """The centre's template (上报模板) has other columns than the mapping; it says where."""

    code = "upload-template"


class FaultCode(StrEnum):
    """Why a row does not fit the provincial table; stable, for programs and pages."""

    UNKNOWN_CODE = "unknown-code"
    EMPTY = "empty"
    UNWRITABLE = "unwritable-text"
    TOO_LONG = "too-long"
    FORMULA_LIKE = "formula-like"
    SECOND_BODY = "second-body"
    TOO_MANY_ROWS = "too-many-rows"


CHINESE: Final = {
    FaultCode.UNKNOWN_CODE: "映射文件中没有“{fact}”对应的省中心代码，系统不会猜测。"
    "请向省中心确认代码值，补入映射文件后重新导出",
    FaultCode.EMPTY: "必填项为空，请补全后重新导出",
    FaultCode.UNWRITABLE: "含有无法写入表格的字符（控制字符或残缺字符），请更正该值",
    FaultCode.TOO_LONG: "超过 {fact} 个字符，请更正该值",
    FaultCode.FORMULA_LIKE: "以公式符号（= + - @）开头，在 CSV 中会当作公式执行，请改用 xlsx",
    FaultCode.SECOND_BODY: "同一文件只能有一个评价机构和发证机构，请按机构分别导出",
    FaultCode.TOO_MANY_ROWS: "超过 {fact} 行，请分批导出",
}
"""What a clerk reads for each code: what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: the row counts from 1 among the rows given, `header` is the column's heading.

    `fact` is the unknown code, the limit that was passed, or empty; never a person's value.
    """

    row: int
    header: str
    code: FaultCode
    fact: str = ""

    @property
    def chinese(self) -> str:
        """The sentence for the clerk (中文提示): where it is, what it is, what to do."""
        return f"第 {self.row} 行「{self.header}」：{CHINESE[self.code].format(fact=self.fact)}"


class UploadRefused(UploadError):
    """Rows that do not fit the table: nothing was written. `faults` has at least one."""

    code = "upload-refused"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        more = "（及更多）" if len(faults) >= FAULTS_SHOWN else ""
        first = faults[0]
        super().__init__(
            f"the upload workbook was not written, {len(faults)} fault(s); first: row {first.row}, "
            f"column {first.header}, {first.code.value} {first.fact}".rstrip()
            + f" / 上报表未生成，共 {len(faults)} 处{more}：{first.chinese}"
        )
