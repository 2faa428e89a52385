"""A stamped seal is checked in the public site's worker too, which can load nothing any more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from registry.documents.face import draw_face
from signing.pdf import seal_pdf
from signing.pdf.stamp import StampLevel

# What the worker has loaded before it is confined, and nothing that made the file.
WORKER = """
import sys
from datetime import datetime
from pathlib import Path
import verify_web.reading
from signing.pdf import check_seal
from verify_web.confine import limit, shut_in
pdf, root, stamps = (Path(name).read_bytes() for name in sys.argv[1:4])
now = datetime.fromisoformat(sys.argv[4])
limit()
shut_in()
found = check_seal(pdf, root, now, stamp_roots=(stamps,))
print(found.reason, found.stamps)
"""


@pytest.mark.parametrize(("level", "stamps"), [(None, 0), *zip(StampLevel, (1, 2), strict=True)])
def test_a_stamped_seal_is_found_good(  # noqa: PLR0917 -- fixtures
    root: Path,
    tmp_path: Path,
    make_face: Callable[..., Any],
    fonts: Any,
    company: Any,
    made_authority: Any,
    now: datetime,
    level: StampLevel | None,
    stamps: int,
) -> None:
    stamping = {} if level is None else {"stamping": made_authority.stamping(level)}
    pdf = seal_pdf(
        draw_face(make_face(), fonts),
        company.seal_signer,
        root=company.root,
        now=now,
        reason="签发",
        **stamping,
    )
    files = []
    for name, data in (("pdf", pdf), ("root", company.root), ("stamps", made_authority.root)):
        (tmp_path / name).write_bytes(data)
        files.append(str(tmp_path / name))
    command = [sys.executable, "-c", WORKER, *files, now.isoformat()]
    run = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=True)
    assert run.stdout.split() == ["ok", str(stamps)]
