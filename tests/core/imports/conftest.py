"""An office that imports existing certificates; see `importing_office`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def importing(office: Any) -> Any:
    """Give the office's hand for imports."""
    path = Path(__file__).with_name("importing_office.py")
    spec = importlib.util.spec_from_file_location("importing_office", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Importing(office=office)
