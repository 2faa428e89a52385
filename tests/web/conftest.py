"""The desks over a small office, each person signed in by a token that is their login.

The real sign-in has its own tests; here a session is what `identify` says it is.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.office.identity import Identity
from registry.web.app import create_desks

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def _office_module() -> Any:
    # Test folders are no packages: the office's fixtures are loaded by path.
    path = Path(__file__).parent.parent / "office" / "conftest.py"
    spec = importlib.util.spec_from_file_location("small_office_fixtures", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules.setdefault("small_office_fixtures", module)
    spec.loader.exec_module(module)
    return module


OFFICE = _office_module()


class Browser:
    """A signed-in person's client: pages by address, forms by what is filled in."""

    def __init__(self, app: Any, login: str) -> None:
        self._client = app.test_client()
        with self._client.session_transaction() as session:
            session["token"] = login

    def get(self, path: str, status: int = 200) -> str:
        response = self._client.get(path)
        assert response.status_code == status, (path, response.status_code)
        return str(response.get_data(as_text=True))

    def post(self, path: str, status: int = 303, **fields: Any) -> Any:
        response = self._client.post(
            path, data=fields, headers=SAME_ORIGIN, content_type="multipart/form-data"
        )
        assert response.status_code == status, (
            path,
            response.status_code,
            response.get_data(as_text=True)[-2000:],
        )
        return response


@pytest.fixture(scope="session")
def founded_desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home: Path = tmp_path_factory.mktemp("small-office-web")
    OFFICE.found_office(home)
    return home


@pytest.fixture
def small(founded_desk: Path, tmp_path: Path) -> Iterator[Any]:
    home = tmp_path / "home"
    shutil.copytree(founded_desk, home)
    office = OFFICE.SmallOffice(home=home)
    yield office
    office.close()


@pytest.fixture
def desks(small: Any) -> Any:
    """Give the application over this test's office."""

    def identify(token: str, _address: str) -> Identity | None:
        try:
            return small.who(token)
        except KeyError:
            return None

    app = create_desks(small.desk, secret=b"s" * 32, identify=identify)
    app.testing = False
    return app


@pytest.fixture
def browse(desks: Any) -> Callable[[str], Browser]:
    """Give the function that opens a browser for a login."""
    return lambda login: Browser(desks, login)


@pytest.fixture
def planning(small: Any) -> Any:
    """Give company 1's people who make plans (tests/office/plan_office.py)."""
    return OFFICE.load_beside("plan_office").Planning(small)


@pytest.fixture
def assessing(small: Any, planning: Any) -> Any:
    """Give the results of a plan of company 1 (tests/office/batch_office.py)."""
    return OFFICE.load_beside("batch_office").Assessing(small, planning)


@pytest.fixture
def filing_office(small: Any) -> Any:
    """Give the office with its registers, and what a company types into an application."""
    OFFICE.seed_registers(small)
    small.fields = {
        "company": OFFICE.COMPANY_FIELDS,
        "conditions": OFFICE.CONDITION_FIELDS,
        "occupations": OFFICE.OCCUPATION_FIELDS,
    }
    small.fill_filing = lambda case_id: OFFICE.fill_filing(small, case_id)
    return small


@pytest.fixture
def office_helper() -> Callable[[str], Any]:
    """Give the function that loads a helper module of tests/office."""
    helper: Callable[[str], Any] = OFFICE.load_beside
    return helper


@pytest.fixture
def scheming(small: Any) -> Any:
    """Give the people who handle schemes (tests/office/scheme_office.py)."""
    return OFFICE.load_beside("scheme_office").SchemeMaking(small)


@pytest.fixture
def import_desk(office_helper: Callable[[str], Any]) -> Any:
    """Give the helper module of imports (tests/office/import_desk.py)."""
    return office_helper("import_desk")


@pytest.fixture
def importing(small: Any, office_helper: Callable[[str], Any], import_desk: Any) -> Any:
    """Give the office to which tables of existing certificates are handed in."""
    supervised = office_helper("supervising_office").Supervised(small)
    return import_desk.Desk(small, office_helper("change_office").Changing(small, supervised))


@pytest.fixture
def hand_in(importing: Any, import_desk: Any, browse: Callable[[str], Browser]) -> Any:
    """Give the function that hands a table in as the clerk, and returns the answer."""

    def send(rows: Any = None, status: int = 303) -> Any:
        sent = import_desk.table(import_desk.cells(4) if rows is None else rows)
        prefix = import_desk.PREFIX
        return browse("clerk").post("/imports/new", status=status, prefix=prefix, table=sent)

    return send
