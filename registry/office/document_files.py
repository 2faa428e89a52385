"""Uploaded files (上传文件): what is taken in, and how its bytes are kept outside the database.

A file is what its bytes are, whatever it is called: PDF, PNG, JPEG or XLSX, whole, at most 20 MiB.
What a browser would run (SVG, HTML, macros) is refused. Bytes stand under their SHA-256, so equal
files stand once, a crash can only leave bytes that no row speaks of, and damage is seen on reading.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
import unicodedata
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import IO, Final

from registry.errors import Refused, RegistryError
from registry.rules.text import tidy

LARGEST: Final = 20 * 1024 * 1024
LONGEST_NAME: Final = 80
NOT_SCANNED: Final = "not-scanned"
CLEAN: Final = "clean"
_INFECTED_STATUS: Final = 1


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


class ScanFailed(RegistryError):
    """The virus scan gave no answer, so the file was not taken in."""

    code = "scan-failed"


class DocumentDamaged(RegistryError):
    """A document's bytes are missing or are no longer those that were stored."""

    code = "document-damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """The configured virus scan: a command that gets the file's path as its last argument.

    Its exit status says: 0 clean, 1 infected, anything else no answer.
    """

    command: tuple[str, ...]
    seconds: float = 60.0

    def scan(self, file: Path) -> str:
        """Return the word for clean. Raises ``DocumentRefused`` or ``ScanFailed``."""
        try:
            run = subprocess.run(  # noqa: S603 - the operator's own command, no shell
                [*self.command, str(file)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.seconds,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            raise ScanFailed(_NO_ANSWER) from None
        if run.returncode == _INFECTED_STATUS:
            raise DocumentRefused("查毒发现文件带有恶意代码，未予接收。请清除后重新上传")
        if run.returncode != 0:
            raise ScanFailed(_NO_ANSWER)
        return CLEAN


_NO_ANSWER: Final = "暂时无法查毒，文件未予接收，请稍后再传；仍不行时请联系系统管理员"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A file whose bytes are stored: its clean name, type, size in bytes, digest, scan result."""

    name: str
    media: Media
    size: int
    sha256: str
    scan: str


def receive(folder: Path, name: str, stream: IO[bytes], *, scanner: Scanner | None) -> Received:
    """Examine a file and store its bytes durably, before any row speaks of it.

    Raises ``DocumentRefused`` or ``ScanFailed``; then nothing is left behind.
    """
    # One byte more than allowed tells too large from just right without reading 200 MB.
    data = stream.read(LARGEST + 1)
    media = media_of(data)
    digest = hashlib.sha256(data).hexdigest()
    place = _place(folder, digest)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, waiting = tempfile.mkstemp(dir=place.parent, prefix="incoming-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scan = scanner.scan(Path(waiting)) if scanner else NOT_SCANNED
        Path(waiting).replace(place)
    except BaseException:
        Path(waiting).unlink(missing_ok=True)
        raise
    for directory in (place.parent, folder):
        _sync(directory)
    return Received(
        name=clean_name(name, media), media=media, size=len(data), sha256=digest, scan=scan
    )


def read_bytes(folder: Path, sha256: str) -> bytes:
    """Return a document's bytes. Raises ``DocumentDamaged`` unless they are those stored."""
    try:
        data = _place(folder, sha256).read_bytes()
    except OSError:
        data = b""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DocumentDamaged("文件内容缺失或者与收到时不一致，请联系系统管理员从备份恢复")
    return data


def _place(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / sha256


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
_OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PDF: Final = re.compile(rb"%PDF-[12]\.[0-9]")
_PDF_RUNS: Final = re.compile(rb"/(?:JavaScript|JS|Launch)\b")
_PDF_TAIL: Final = 1024
_CUT: Final = "文件不完整（可能没有传完），请重新保存后再上传"


def media_of(data: bytes) -> Media:
    """Tell a file's type by its bytes. Raises ``DocumentRefused`` saying what to hand in."""
    if not data:
        raise DocumentRefused("文件是空的，请确认选对了文件")
    if len(data) > LARGEST:
        raise DocumentRefused("文件超过 20 MB，请压缩或者拆分后上传")
    if _PDF.match(data):
        return _pdf(data)
    if data.startswith(_PNG):
        return _whole(Media.PNG, ok=data.endswith(_PNG_END))
    if data.startswith(b"\xff\xd8\xff"):
        # Some cameras pad the end of the file.
        return _whole(Media.JPEG, ok=data.rstrip(b"\0").endswith(b"\xff\xd9"))
    if data.startswith(b"PK\x03\x04"):
        return _workbook(data)
    if data.startswith(_OLD_OFFICE):
        raise DocumentRefused("这是旧版 Office 文件或者加密的文件，请另存为 PDF 或者 .xlsx 后上传")
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise DocumentRefused("网页和 SVG 文件可能含有脚本，不予接收，请另存为 PDF 或者图片后上传")
    raise DocumentRefused("不能识别的文件类型，请上传 PDF、PNG、JPEG 或者 XLSX 文件")


def _whole(media: Media, *, ok: bool) -> Media:
    if not ok:
        raise DocumentRefused(_CUT)
    return media


def _pdf(data: bytes) -> Media:
    if b"%%EOF" not in data[-_PDF_TAIL:]:
        raise DocumentRefused(_CUT)
    # What is compressed stays unseen: this spares the reader the plain cases, the scan and the
    # download as an attachment are for the others.
    if _PDF_RUNS.search(data):
        raise DocumentRefused("PDF 文件含有脚本或者启动命令，不予接收，请打印为 PDF 后上传")
    return Media.PDF


_MOST_MEMBERS: Final = 5000
_MOST_UNPACKED: Final = 200 * 1024 * 1024
_TYPES: Final = "[Content_Types].xml"
_MACROS: Final = ("vbaproject.bin", "xl/activex", "xl/macrosheets")


def _workbook(data: bytes) -> Media:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
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
