"""What an uploaded file is (文件类型), told by its bytes, and what it may be called.

PDF, PNG, JPEG and XLSX, whole; what a browser would run (SVG, HTML, macros) is refused with what
to hand in instead. A name is its sender's, and safe to save a file under.
"""

from __future__ import annotations

import mmap
import re
import unicodedata
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import Final

from registry.errors import Refused
from registry.rules.text import tidy

LONGEST_NAME: Final = 80


class Media(StrEnum):
    """The types that are taken in."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


SUFFIX: Final = {Media.PDF: ".pdf", Media.PNG: ".png", Media.JPEG: ".jpg", Media.XLSX: ".xlsx"}


class DocumentRefused(Refused):
    """A file is not taken in; the message says what to hand in instead."""

    code = "document-refused"


_FORBIDDEN: Final = re.compile(r'[<>:"|?*;%$`\\/\x00-\x1f\x7f]')
_DEVICES: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)


def clean_name(name: str, media: Media) -> str:
    """Give a name that is safe to save a file under, with the suffix of its true type.

    Only the last part of a path stays; no control, direction or wildcard characters, no leading
    dots, no name of a device, at most 80 characters.
    """
    last = re.split(r"[/\\]", name)[-1]
    plain = tidy(_FORBIDDEN.sub("", unicodedata.normalize("NFC", tidy(last))))
    visible = "".join(c for c in plain if unicodedata.category(c)[0] != "C")
    stem = visible.rsplit(".", 1)[0] if "." in visible else visible
    stem = stem.strip(". ")[: LONGEST_NAME - len(".xlsx")].strip(". ")
    if not stem or _DEVICES.fullmatch(stem.split(".", 1)[0]):
        stem = "文件"
    return stem + SUFFIX[media]


_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_END: Final = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_JPEG_END: Final = b"\xff\xd9"
_OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PDF: Final = re.compile(rb"%PDF-[12]\.[0-9]")
_PDF_RUNS: Final = re.compile(rb"/(?:JavaScript|JS|Launch)\b")
_PDF_TAIL: Final = 1024
_HEAD: Final = 4096
_CUT: Final = "文件不完整（可能没有传完），请重新保存后再上传"


def media_of(path: Path) -> Media:
    """Tell a file's type by its bytes. Raises ``DocumentRefused`` saying what to hand in."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        head = data[:_HEAD]
        if _PDF.match(head):
            return _pdf(data)
        if head.startswith(_PNG):
            return _whole(Media.PNG, ok=data[-len(_PNG_END) :] == _PNG_END)
        if head.startswith(b"\xff\xd8\xff"):
            # Some cameras pad the end of the file.
            end = data.rfind(_JPEG_END)
            return _whole(Media.JPEG, ok=end > 0 and not data[end + len(_JPEG_END) :].strip(b"\0"))
        if head.startswith(b"PK\x03\x04"):
            return _workbook(path)
        if head.startswith(_OLD_OFFICE):
            raise DocumentRefused(
                "这是旧版 Office 文件或者加密的文件，请另存为 PDF 或者 .xlsx 后上传"
            )
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            raise DocumentRefused(
                "网页和 SVG 文件可能含有脚本，不予接收，请另存为 PDF 或者图片后上传"
            )
    raise DocumentRefused("不能识别的文件类型，请上传 PDF、PNG、JPEG 或者 XLSX 文件")


def _whole(media: Media, *, ok: bool) -> Media:
    if not ok:
        raise DocumentRefused(_CUT)
    return media


def _pdf(data: mmap.mmap) -> Media:
    if b"%%EOF" not in data[-_PDF_TAIL:]:
        raise DocumentRefused(_CUT)
    # What is written plainly is found here at once, what is compressed by whoever looks into it.
    if _PDF_RUNS.search(data):
        raise DocumentRefused("PDF 文件含有脚本或者启动命令，不予接收，请打印为 PDF 后上传")
    return Media.PDF


_MOST_MEMBERS: Final = 5000
_MOST_UNPACKED: Final = 200 * 1024 * 1024
_TYPES: Final = "[Content_Types].xml"
_MACROS: Final = ("vbaproject.bin", "xl/activex", "xl/macrosheets")


def _workbook(path: Path) -> Media:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS or sum(m.file_size for m in members) > _MOST_UNPACKED:
                raise DocumentRefused("文件展开后过大，不予接收，请只保留所需的工作表")
            names = {member.filename.lower() for member in members}
            if any(mark in name for name in names for mark in _MACROS):
                raise DocumentRefused("文件含有宏，不予接收，请另存为不含宏的 .xlsx 后上传")
            if not {_TYPES.lower(), "xl/workbook.xml"} <= names:
                raise DocumentRefused("压缩包不予接收，请逐个上传 PDF、图片或者 .xlsx 文件")
            with archive.open(_TYPES) as types:
                listed = types.read(1 << 20)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, OSError):
        raise DocumentRefused(_CUT) from None
    if b"spreadsheetml.sheet.main+xml" not in listed:
        raise DocumentRefused("不是普通的 Excel 工作簿，请另存为不含宏的 .xlsx 后上传")
    return Media.XLSX
