"""What the documents say of names and numbers is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from signing.bundle import MAX_BUNDLE_BYTES
from signing.qr import MAX_PAYLOAD_BYTES
from signing.record import MAX_RECORD_BYTES, Record
from signing.tlog import entry


@pytest.fixture(scope="module")
def formats(root: Path) -> dict[str, str]:
    """Give the sections of docs/formats.md by number."""
    text = (root / "docs" / "formats.md").read_text("utf-8")
    return dict(re.findall(r"^## (\d+)\. (.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))


def test_the_records_members_are_all_there_in_their_order(formats: dict[str, str]) -> None:
    named = re.findall(r"^\| `(\w+)` \|", formats["2"], re.MULTILINE)
    assert named == list(Record.__struct_fields__)


def test_every_log_entry_is_described_with_its_members(formats: dict[str, str]) -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", formats["5"], re.MULTILINE)
    described = {
        kind: re.findall(r"`(\w+)`", re.sub(r"\([^()]*\)", "", text)) for kind, text in rows[1:]
    }
    kinds = (
        *(entry.Issue, entry.Import, entry.StatusChange, entry.BatchClose),
        *(entry.Status, entry.Key, entry.Milestone, entry.Succession),
    )
    held = {
        str(msgspec.structs.fields(kind)[names.index("t")].default): [
            name for name in names if name not in {"t", "v"}
        ]
        for kind in kinds
        if (names := list(kind.__struct_fields__))
    }
    assert described == held


def test_limits_are_the_codes(formats: dict[str, str]) -> None:
    assert f"at most {MAX_RECORD_BYTES:,} bytes" in formats["2"]
    assert f"at most {MAX_BUNDLE_BYTES // 1024} KiB" in formats["10"]
    assert f"At most {MAX_PAYLOAD_BYTES} bytes" in formats["11"]


def test_the_commands_operations_names_exist(root: Path) -> None:
    from registry.cli.main import certreg

    text = (root / "docs" / "operations.md").read_text("utf-8")
    named = set(re.findall(r"`certreg ([a-z-]+)", text))
    assert {"init", "anchor", "serve", "log", "issuer"} <= named
    assert named <= set(certreg.commands)


def test_every_room_stands_in_the_architecture(root: Path) -> None:
    text = (root / "docs" / "architecture.md").read_text("utf-8")
    rooms = [
        f"registry/{d.name}/"
        for d in (root / "registry").iterdir()
        if (d / "__init__.py").is_file()
    ]
    assert [r for r in [*rooms, "keys/", "signing/", "verify_web/"] if f"| `{r}`" not in text] == []


def test_links_between_documents_lead_somewhere(root: Path) -> None:
    for page in (root / "docs").rglob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_rules_pages_and_tests_of_the_notice_exist(root: Path) -> None:
    text = (root / "docs" / "procedure.md").read_text("utf-8")
    table = text.partition("## The notice, sentence by sentence")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    routes = (root / "tests" / "web" / "routes.txt").read_text("utf-8")
    pages = {line.partition(" ")[0] for line in routes.splitlines()}
    for module in (root / "verify_web").glob("*.py"):
        pages |= set(re.findall(r'@routes\.get\("([^"]+)"\)', module.read_text("utf-8")))
    wrong = []
    for paragraph, _binds, rule, page, test in rows[2:]:
        files = [name.strip("`") for name in (rule, test)]
        wrong += [(paragraph, name) for name in files if not (root / name).is_file()]
        if page != "—" and page.strip("`") not in pages:
            wrong.append((paragraph, page))
    assert wrong == []
    paragraphs = " ".join(row[0] for row in rows)
    # Every paragraph of the notice that binds somebody, but for those on help and subsidies.
    for part in ("一（六）", "二（四）", "三（三）", "四（二）", "五", "六（一）2", "六（二）"):
        assert part in paragraphs
    for part in (
        "六（三）1",
        "六（三）2",
        "六（三）3",
        "六（三）4",
        "六（四）",
        "七（三）",
        "七（四）",
    ):
        assert part in paragraphs
