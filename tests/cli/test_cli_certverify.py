"""`certverify` on what `certreg` made: true, tampered with, foreign, and too much."""

from __future__ import annotations

import base64
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pypdfium2
import pytest


@pytest.fixture(scope="session")
def papers(stocked: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give one certificate's PDF, proof, bundle and the picture of its page."""
    from sqlalchemy import select

    from registry.cli.home import Home
    from registry.cli.ledger import evidence_for
    from registry.cli.press import make_pdf
    from registry.cli.services import Services
    from registry.store.base import read_unit
    from registry.store.certificates import Certificate
    from signing.bundle import bundle_file, proof_file

    folder = tmp_path_factory.mktemp("papers")
    services = Services.open(Home(path=stocked, environ={}))
    with read_unit(services.engine) as session:
        number = session.scalars(select(Certificate.number)).first()
    assert number is not None
    evidence = evidence_for(services, number)
    papers = {
        "pdf": folder / "one.pdf",
        "proof": folder / "one.tlog-proof",
        "bundle": folder / "one.certbundle.json",
        "png": folder / "one.png",
        "jpg": folder / "one.jpg",
        "trust": services.home.public / "trust",
    }
    papers["pdf"].write_bytes(make_pdf(services, number))
    papers["proof"].write_bytes(proof_file(evidence, with_record=True))
    papers["bundle"].write_bytes(bundle_file(evidence))
    with pypdfium2.PdfDocument(papers["pdf"]) as document:
        page = document[0].render(scale=3).to_pil().convert("RGB")
        for name in ("png", "jpg"):
            page.save(papers[name])
    services.engine.dispose()
    return papers


def verdict(ran: Any) -> str:
    return str(json.loads(ran.out)["verdict"])


@pytest.mark.parametrize("name", ["pdf", "proof", "bundle"])
def test_true_papers_are_valid(empty: Any, papers: Any, name: str) -> None:
    ran = empty.verify(papers[name], "--json", trust=papers["trust"])
    assert (ran.status, verdict(ran), ran.err) == (0, "valid", "")


@pytest.mark.parametrize("name", ["png", "jpg"])
def test_a_picture_proves_the_signature_and_no_more(empty: Any, papers: Any, name: str) -> None:
    ran = empty.verify(papers[name], "--json", trust=papers["trust"])
    assert (ran.status, verdict(ran)) == (2, "cannot-say")
    answers = [step["answer"] for step in json.loads(ran.out)["steps"]]
    assert answers == ["valid", "valid", "cannot-say", "cannot-say", "cannot-say"]
    assert "3." in empty.verify(papers[name], trust=papers["trust"]).out


PLACES = {
    "header": lambda data: 5,
    "early": lambda data: len(data) // 7,
    "middle": lambda data: len(data) // 2,
    "late": lambda data: 6 * len(data) // 7,
    "a stream": lambda data: data.index(b"stream") + 40,
    "covered range": lambda data: data.index(b"/ByteRange") + 14,
    "signature": lambda data: data.rindex(b"/Contents <") + 400,
    "padding of the signature": lambda data: data.index(b">", data.rindex(b"/Contents <")) - 1,
    "cross references": lambda data: data.rindex(b"startxref") + 11,
    "end": lambda data: len(data) - 3,
}


@pytest.mark.parametrize("place", PLACES)
def test_no_byte_of_a_pdf_can_be_changed(empty: Any, papers: Any, place: str) -> None:
    data = bytearray(papers["pdf"].read_bytes())
    data[PLACES[place](bytes(data))] ^= 1
    file = empty.folder / "changed.pdf"
    file.write_bytes(data)
    ran = empty.verify(file, "--json", trust=papers["trust"])
    assert ran.status in {1, 2}
    if ran.status == 1:
        assert verdict(ran) == "invalid"


@pytest.mark.parametrize(
    "change", [lambda d: d + b"\n", lambda d: d[:-1], lambda d: d[: len(d) // 2]]
)
def test_nothing_can_be_added_to_a_pdf_or_cut_from_it(empty: Any, papers: Any, change: Any) -> None:
    file = empty.folder / "changed.pdf"
    file.write_bytes(change(papers["pdf"].read_bytes()))
    assert empty.verify(file, trust=papers["trust"]).status in {1, 2}


def test_no_character_of_a_proof_can_be_changed(empty: Any, papers: Any) -> None:
    data = papers["proof"].read_bytes()
    chance = random.Random(20261123)
    file = empty.folder / "changed.tlog-proof"
    for line, start in _lines(data):
        at = start + chance.randrange(len(line))
        changed = bytearray(data)
        changed[at] = ord("A") if changed[at] != ord("A") else ord("B")
        file.write_bytes(changed)
        ran = empty.verify(file, "--json", trust=papers["trust"])
        assert ran.status in {1, 2}, (at, line[:40])


def _lines(data: bytes) -> list[tuple[bytes, int]]:
    found, start = [], 0
    for line in data.split(b"\n"):
        if line:
            found.append((line, start))
        start += len(line) + 1
    return found


@pytest.mark.parametrize("field", ["name", "number", "level", "issued", "id_number", "edition"])
def test_no_fact_of_a_record_can_be_changed(empty: Any, papers: Any, field: str) -> None:
    bundle = json.loads(papers["bundle"].read_bytes())
    holder = next(part for part in _objects(bundle) if "payload" in part)
    record = json.loads(base64.b64decode(holder["payload"]))
    if field == "edition":
        record[field] = 2
    else:
        text = record[field]
        record[field] = text[:-1] + ("1" if text[-1] != "1" else "2")
    payload = json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    holder["payload"] = base64.b64encode(payload.encode()).decode()
    file = empty.folder / "changed.certbundle.json"
    file.write_text(json.dumps(bundle, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    ran = empty.verify(file, "--json", trust=papers["trust"])
    assert (ran.status, verdict(ran)) == (1, "invalid")


def _objects(value: Any) -> list[Any]:
    if not isinstance(value, dict):
        return []
    return [value, *(found for item in value.values() for found in _objects(item))]


# --- the trust folder


def test_a_folder_that_is_no_trust_folder(empty: Any, papers: Any) -> None:
    for folder in (empty.folder, empty.folder / "nowhere", papers["pdf"]):
        ran = empty.verify(papers["proof"], trust=folder)
        assert (ran.status, ran.out) == (2, "")
        assert "from the office" in ran.line


@pytest.mark.parametrize("name", ["issuers.json", "log.policy"])
def test_a_trust_folder_that_was_changed(empty: Any, papers: Any, name: str) -> None:
    folder = empty.folder / "trust"
    shutil.copytree(papers["trust"], folder)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    assert empty.verify(papers["proof"], trust=folder).status == 2


def test_another_registrys_trust_folder_does_not_vouch(empty: Any, papers: Any) -> None:
    assert empty("init").status == 0
    for name in ("pdf", "proof", "bundle", "png"):
        ran = empty.verify(papers[name], "--json")
        assert ran.status in {1, 2}
        assert verdict(ran) != "valid"
        answers = {step["number"]: step["answer"] for step in json.loads(ran.out)["steps"]}
        # Whose signature, whose log, whose seal: these are what the folder vouches for.
        assert "valid" not in {answers.get(number) for number in (2, 4, 6)}


# --- files that are no papers


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"%PDF-1.7\n", b"{}", b"{" * 100_000, b"\x89PNG\r\n\x1a\n" + bytes(50),
     b"\xff\xd8\xff" + bytes(50), b"c2sp.org/tlog-proof@v1\n", b"%PDF-" + bytes(4096)],
    ids=range(9),
)  # fmt: skip
def test_what_is_no_paper(empty: Any, papers: Any, content: bytes) -> None:
    file = empty.folder / "file"
    file.write_bytes(content)
    ran = empty.verify(file, "--json", trust=papers["trust"])
    assert ran.status in {1, 2}
    assert verdict(ran) != "valid"


def test_files_that_are_not_there_or_too_large(empty: Any, papers: Any) -> None:
    assert "No such file" in empty.verify(empty.folder / "no", trust=papers["trust"]).line
    assert "directory" in empty.verify(empty.folder, trust=papers["trust"]).line
    large = empty.folder / "large.pdf"
    with large.open("wb") as stream:
        stream.write(b"%PDF-1.7\n")
        stream.truncate(40 << 20)
    ran = empty.verify(large, trust=papers["trust"])
    assert (ran.status, "32 MiB" in ran.line) == (2, True)


@pytest.mark.parametrize(
    "words", [(), ("--trust", "x"), ("x",), ("x", "--trust", "y", "--max-age", "-1")]
)
def test_words_that_are_no_command(words: tuple[str, ...]) -> None:
    command = [str(Path(sys.executable).with_name("certverify")), *words]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr


ALONE = """
import socket, sys
def closed(event, args):
    if event == "socket.__new__" and args[1] == socket.AF_UNIX:
        return  # the event loop's pipe to itself
    if event.startswith("socket.") or event in {"subprocess.Popen", "os.system", "os.exec"}:
        raise SystemExit(f"refused: {event}")
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        raise SystemExit(f"refused: writing {args[0]}")
sys.addaudithook(closed)
from signing.certverify import main
code = main(sys.argv[1:])
heavy = {"flask", "sqlalchemy", "werkzeug", "click", "registry", "verify_web", "openpyxl"}
heavy |= {"pyhanko", "pikepdf", "zxingcpp", "PIL"} if sys.argv[1].endswith("proof") else set()
found = heavy & {name.partition(".")[0] for name in sys.modules}
sys.exit(f"loaded: {found}" if found else code)
"""


@pytest.mark.parametrize(("name", "status"), [("proof", 0), ("pdf", 0), ("png", 2)])
def test_it_stands_alone(papers: Any, name: str, status: int) -> None:
    words = [str(papers[name]), "--trust", str(papers["trust"])]
    command = [sys.executable, "-c", ALONE, *words]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == status, ran.stderr
    assert ("有效" in ran.stdout) is (status == 0)
