"""The evidence manifest (评价资料清单): what the company keeps of an assessment (notice 六（三）2).

The bytes stay with the company; their digests go on record with the results, so that a paper or a
recording asked for years later can be told from one that was made up since.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import Final

from registry.office.almanac import Almanac
from registry.office.batch_form import Evidence
from registry.office.form_faults import FieldFault, FormFaults
from registry.rules.terms import Term, deadline
from registry.rules.text import fold, squeeze, tidy

ENTRIES_AT_MOST: Final = 300
LONGEST_DESCRIPTION: Final = 80
LARGEST: Final = 2**50
"""Bytes of one file; beyond this it is a slip of the keyboard."""

_FIELDS: Final = 4
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_SIZE: Final = re.compile(r"[0-9]{1,16}")
_NOTHING: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of no bytes at all."""
_ID_NUMBER: Final = re.compile(r"(?<![0-9])[0-9]{17}[0-9Xx](?![0-9])", re.ASCII)


class EvidenceKind(StrEnum):
    """Kinds of evidence the notice names."""

    PAPERS = "papers"
    """文档"""
    RECORDING = "recording"
    """录音"""
    VIDEO = "video"
    """视频"""


KIND_NAMES: Final = {
    EvidenceKind.PAPERS: "文档",
    EvidenceKind.RECORDING: "录音",
    EvidenceKind.VIDEO: "视频",
}
_KINDS: Final = {
    **{name: kind for kind, name in KIND_NAMES.items()},
    "试卷": EvidenceKind.PAPERS,
    "文件": EvidenceKind.PAPERS,
    "音频": EvidenceKind.RECORDING,
    "录像": EvidenceKind.VIDEO,
}


def read_manifest(text: str) -> tuple[Evidence, ...]:
    """Read one entry a line: kind, description, SHA-256, bytes, parted by tabs or commas.

    Cells copied out of a spreadsheet are parted by tabs. Raises ``FormFaults`` naming each line;
    none of its texts holds what was typed.
    """
    found: list[Evidence] = []
    faults: list[str] = []
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if tidy(line)]
    for number, line in lines[:ENTRIES_AT_MOST]:
        cells = [fold(cell) for cell in re.split(r"\t|,|，", line)]
        if number == 1 and cells[0] in {"类别", "资料类别"}:
            continue  # the header row of a copied table
        entry = _read(cells)
        if isinstance(entry, str):
            faults.append(f"第 {number} 行：{entry}")
        elif any(entry.sha256 == known.sha256 for known in found):
            faults.append(f"第 {number} 行：与前面某行的 SHA-256 相同，同一文件只列一次")
        else:
            found.append(entry)
    if len(lines) > ENTRIES_AT_MOST:
        faults.append(f"资料超过 {ENTRIES_AT_MOST} 项，请打包后填写压缩包的 SHA-256")
    if not found and not faults:
        faults.append("请至少填写一项评价资料")
    if faults:
        raise FormFaults(FieldFault(field="manifest", text=fault) for fault in faults)
    return tuple(found)


def _read(cells: list[str]) -> Evidence | str:
    if len(cells) != _FIELDS:
        return "须有类别、说明、SHA-256、字节数四项，用制表符或者逗号隔开"
    kind, description = _KINDS.get(squeeze(cells[0])), cells[1]
    sha256, size = squeeze(cells[2]).lower(), squeeze(cells[3])
    fault = next(_faults(kind, description, sha256, size), "")
    if fault or kind is None:
        return fault
    return Evidence(description=description, kind=kind.value, sha256=sha256, size=int(size))


def _faults(kind: EvidenceKind | None, description: str, sha256: str, size: str) -> Iterator[str]:
    if kind is None:
        yield "类别须为文档、录音、视频之一"
    if not description or len(description) > LONGEST_DESCRIPTION:
        yield f"说明须有 1 至 {LONGEST_DESCRIPTION} 字"
    if _ID_NUMBER.search(description):
        yield "说明中含有证件号码，请删去"
    if not _SHA256.fullmatch(sha256):
        yield "SHA-256 须为 64 位十六进制数"
    if sha256 == _NOTHING:
        yield "这是空文件的 SHA-256，请核对文件"
    if not _SIZE.fullmatch(size) or not 0 < int(size) <= LARGEST:
        yield "字节数须为大于 0 的整数"


def manifest_text(evidence: tuple[Evidence, ...]) -> str:
    """Write the entries as `read_manifest` reads them."""
    return "\n".join(
        f"{KIND_NAMES[EvidenceKind(item.kind)]}\t{item.description}\t{item.sha256}\t{item.size}"
        for item in evidence
    )


def kept_until(last_day: date, almanac: Almanac) -> date:
    """Give the day until which evidence is kept, counted from the assessment's last day."""
    rule = almanac.rules.term(Term.EVIDENCE_KEPT, last_day)
    return deadline(rule, last_day, almanac.days).day
