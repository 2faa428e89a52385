"""Spreadsheets in and out of a page: an upload in a private folder, a workbook to be saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import quote

from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@contextmanager
def saved_upload(file: FileStorage) -> Iterator[Path]:
    """Put an upload into a private folder; its own name is never used for anything."""
    with TemporaryDirectory(prefix="upload-") as folder:
        path = Path(folder, "upload")
        file.save(path)
        yield path


def workbook_download(data: bytes, name: str) -> Response:
    """Answer with a workbook to be saved under a name."""
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(data, mimetype=XLSX, headers={"Content-Disposition": disposition})
