"""The offline command and files made of noise: only the typed errors come out."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signing.certverify import verify_file
from signing.errors import SigningError

MONTH = timedelta(days=30)


@given(
    st.sampled_from([b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"{", b""]),
    st.binary(max_size=300),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_no_file_crashes_the_command(
    trust: Any, now: datetime, tmp_path: Path, head: bytes, rest: bytes
) -> None:
    file = tmp_path / "file"
    file.write_bytes(head + rest)
    with pytest.raises(SigningError):
        verify_file(file, trust, now=now, max_age=MONTH)
