"""House rules that no tool checks for us: sizes, docstrings, values that stay as they were made.

And what may never be in the tree: a private key, a live-looking certificate number, the address of
a package registry.
"""

from __future__ import annotations

import ast
import io
import re
import socket
import statistics
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

PRODUCT = ("keys", "signing", "registry", "verify_web")
LINES_MAX = 400
LINES_MEDIAN = 150
DOCSTRING_MIN = 20
FROZEN = {"frozen", "slots", "kw_only"}
# A dataclass may differ when a comment at its decorator says why, in one of these words.
REASONED = re.compile(r"\b(mutable|frozen|slots|positional|keyword)\b", re.IGNORECASE)

# Written in pieces, so that this file does not hold what it looks for.
SECRETS = (
    re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE" + rb" KEY"),
    re.compile(rb"MC4CAQAwBQYDK2Vw" + rb"BCIEI[A-Za-z0-9+/]"),  # PKCS#8 Ed25519 in base64
    re.compile(rb"MIGHAgEAMBMGByqGSM49" + rb"AgEGCCqGSM49AwEH"),  # PKCS#8 P-256 in base64
    re.compile(rb"openssh-key" + rb"-v1"),
)
ADDRESSES = tuple(
    "".join(parts).encode()
    for parts in (
        ("py", "pi.", "org"),
        ("python", "hosted.", "org"),
        ("npm", "js."),
        ("crates", ".io"),
        ("proxy.", "golang"),
        ("deb.", "debian.", "org"),
        ("mirrors.", "aliyun"),
        ("tuna.", "tsinghua"),
        ("--index", "-url"),
        ("--extra-index", "-url"),
        ("--find", "-links"),
    )
)
# The first 13 characters of a number; a finished number goes on with 9 more.
NUMBER = re.compile(
    rb"(?<![0-9A-Za-z+/_])[A-Z][0-9]{12}(?:[0-9]{2}[0-9A-Z][0-9]{6})?(?![0-9A-Za-z])"
)
# Serials from 999000 mark what is made up. The class and the province may vary, or no test could
# show how a wrong one is refused.
MARKED = re.compile(rb"[A-Z]0000[0-9]{2}999")


def product_files(top: Path) -> list[Path]:
    return sorted(f for p in PRODUCT for f in (top / p).rglob("*.py"))


def python_files(top: Path) -> list[Path]:
    others = (f for p in ("tests", "bench") for f in (top / p).rglob("*.py"))
    return [*product_files(top), *sorted(others)]


def tree_files(top: Path) -> list[Path]:
    """List the files git tracks, or would: what is not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=top,
        capture_output=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("no git checkout here: what belongs to the tree cannot be told")
    files = [top / name.decode() for name in listed.stdout.split(b"\0") if name]
    return [f for f in files if f.is_file()]


def lines(file: Path) -> int:
    return file.read_bytes().count(b"\n")


def undocumented(tree: ast.Module) -> Iterator[str]:
    """Yield what has no docstring: the module, public classes, functions and methods."""
    if len(ast.get_docstring(tree) or "") < DOCSTRING_MIN:
        yield "the module"
    yield from _undocumented(tree, "")


def _undocumented(parent: ast.Module | ast.ClassDef, inside: str) -> Iterator[str]:
    for node in parent.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        named = {getattr(d, "attr", getattr(d, "id", "")) for d in node.decorator_list}
        if node.name.startswith("_") or named & {"overload", "override", "setter"}:
            continue
        if not ast.get_docstring(node):
            yield f"{inside}{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from _undocumented(node, f"{inside}{node.name}.")


def changeable(source: str) -> Iterator[str]:
    """Yield the dataclasses that are not frozen, slotted and keyword-only, and do not say why."""
    said = {
        token.start[0]: token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ClassDef):
            continue
        for mark in node.decorator_list:
            call = mark.func if isinstance(mark, ast.Call) else mark
            if getattr(call, "id", getattr(call, "attr", "")) != "dataclass":
                continue
            given = {
                k.arg
                for k in (mark.keywords if isinstance(mark, ast.Call) else [])
                if isinstance(k.value, ast.Constant) and k.value.value is True
            }
            around = range(mark.lineno - 2, node.lineno + 1)
            comment = " ".join(said[n] for n in around if n in said)
            if not given >= FROZEN and not REASONED.search(comment):
                yield f"{node.name}: add {', '.join(sorted(FROZEN - given))}, or a comment why not"


def secrets(data: bytes) -> list[str]:
    return [found[0][:24].decode() for form in SECRETS for found in form.finditer(data)]


def live_numbers(data: bytes) -> list[str]:
    return [n.decode() for n in NUMBER.findall(data) if not MARKED.match(n)]


def test_no_file_is_too_long(root: Path) -> None:
    assert [f"{f}: {lines(f)}" for f in python_files(root) if lines(f) > LINES_MAX] == []


def test_the_typical_file_is_short(root: Path) -> None:
    # Package files that hold a docstring and no more would make the median look better than it is.
    sizes = [lines(f) for f in product_files(root) if f.name != "__init__.py"]
    assert statistics.median(sizes) <= LINES_MEDIAN


def test_everything_public_says_what_it_is(root: Path) -> None:
    bad = {
        str(f.relative_to(root)): found
        for f in product_files(root)
        if (found := list(undocumented(ast.parse(f.read_bytes()))))
    }
    assert bad == {}


def test_benchmarks_say_what_they_measure(root: Path) -> None:
    # A test's own name says what it shows; a benchmark has no other place for it.
    short = [
        str(f)
        for f in (root / "bench").rglob("*.py")
        if len(ast.get_docstring(ast.parse(f.read_bytes())) or "") < DOCSTRING_MIN
    ]
    assert short == []


def test_values_stay_as_they_were_made(root: Path) -> None:
    bad = {
        str(f.relative_to(root)): found
        for f in product_files(root)
        if (found := list(changeable(f.read_text("utf-8"))))
    }
    assert bad == {}


def test_test_files_have_names_of_their_own_and_are_no_packages(root: Path) -> None:
    names = [f.name for f in (root / "tests").rglob("test_*.py")]
    assert sorted({n for n in names if names.count(n) > 1}) == []
    assert list((root / "tests").rglob("__init__.py")) == []


def test_no_private_key_is_in_the_tree(root: Path) -> None:
    bad = {str(f): found for f in tree_files(root) if (found := secrets(f.read_bytes()))}
    assert bad == {}


def test_no_live_looking_number_is_in_the_tree(root: Path) -> None:
    bad = {str(f): found for f in tree_files(root) if (found := live_numbers(f.read_bytes()))}
    assert bad == {}


def test_no_registry_address_is_in_the_tree(root: Path) -> None:
    bad = [
        f"{f}: {address.decode()}"
        for f in tree_files(root)
        for address in ADDRESSES
        if address in f.read_bytes()
    ]
    assert bad == []


def test_no_lock_file_with_addresses_is_in_the_tree(root: Path) -> None:
    assert [f for f in tree_files(root) if f.name in {"uv.lock", "pylock.toml"}] == []


def test_every_requirement_has_its_hashes(root: Path) -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        entries = re.split(r"\n(?=\S)", (root / name).read_text("utf-8"))
        assert [e for e in entries if "==" not in e or "--hash=sha256:" not in e] == []


def test_the_network_is_closed_but_for_this_machine() -> None:
    closed = "may not leave this machine"
    with socket.socket() as outside, pytest.raises(BaseException, match=closed):
        outside.connect(("192.0.2.1", 80))
    with pytest.raises(BaseException, match=closed):
        socket.getaddrinfo("example.invalid", 80)
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def test_a_missing_docstring_is_found() -> None:
    source = (
        '"""Long enough to be a docstring."""\n'
        "class A:\n    '''Doc.'''\n    def b(self): ...\n    def _c(self): ...\n"
        "def d(): ...\n"
    )
    assert list(undocumented(ast.parse(source))) == ["A.b", "d"]
    assert list(undocumented(ast.parse('"""Short."""'))) == ["the module"]


@pytest.mark.parametrize(
    ("decorator", "count"),
    [
        ("@dataclass(frozen=True, slots=True, kw_only=True)", 0),
        ("@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)", 0),
        ("@dataclass", 1),
        ("@dataclass(frozen=True, slots=True)", 1),
        ("@dataclass(frozen=False, slots=True, kw_only=True)", 1),
        ("@dataclass(slots=True, kw_only=True)  # mutable: a cursor", 0),
        ("# Not frozen: it counts.\n@dataclass(slots=True, kw_only=True)", 0),
        ("@dataclass(slots=True, kw_only=True)  # it is fine", 1),
    ],
)
def test_a_changeable_dataclass_is_found(decorator: str, count: int) -> None:
    assert len(list(changeable(f"{decorator}\nclass A:\n    x: int\n"))) == count


def test_a_private_key_is_found() -> None:
    for kind in ("", "EC ", "RSA ", "OPENSSH ", "ENCRYPTED "):
        assert secrets(f"x\n-----BEGIN {kind}PRIVATE {'KEY'}-----\n".encode())
    assert secrets(b"key = MC4CAQAwBQYDK2Vw" + b"BCIEIA")
    assert not secrets(b"-----BEGIN PUBLIC KEY-----")


@pytest.mark.parametrize(
    ("text", "live"),
    [
        ("Y0000440000" + "01", True),
        ("number=Y0001440000" + "01264000001.", True),
        ("S0000230000" + "01", True),
        ("Y000044999001", False),
        ("Y000044999001264000001", False),
        ("S000099999001", False),
        ("20261123010203", False),
    ],
)
def test_a_live_looking_number_is_found(text: str, live: bool) -> None:
    assert bool(live_numbers(text.encode())) is live
