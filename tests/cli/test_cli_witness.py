"""`certreg witness`: the list of witnesses, and three real ones with a quorum of two."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from keys.policy import PolicyWitness, parse_policy
from keys.vkey import parse_vkey
from registry.cli.home import Home
from registry.cli.services import Services
from registry.cli.witnesses import add_witness
from registry.ledger.witness.client import add_checkpoint
from registry.ledger.witness.wire import AddCheckpoint, format_request
from signing.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from verify_web.app import create_app
from verify_web.config import SiteConfig


@dataclass
class Running:
    """A witness's process; mutable: it is killed and started again."""

    desk: Any
    name: str
    policy: Path
    port: int
    process: subprocess.Popen[str] | None = None
    keys: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the program and wait until it listens."""
        folder = self.policy.parent / self.name
        named = ("--state", str(folder), "--name", f"{self.name}.example")
        where = ("--policy", str(self.policy), "--port", str(self.port))
        self.process = self.desk.process("witness", "serve", *named, *where)
        assert self.process.stdout is not None
        said: list[str] = []
        while not said or not said[-1].startswith("address: "):
            said.append(self.process.stdout.readline())
            assert said[-1], self.process.communicate()
        self.keys = tuple(line.split()[1] for line in said if line.startswith("key: "))
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except ConnectionRefusedError:
                assert self.process.poll() is None
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """End it and its worker as a power cut would."""
        assert self.process is not None
        for worker in _children(self.process.pid):
            for below in _children(worker):
                os.kill(below, signal.SIGKILL)
            os.kill(worker, signal.SIGKILL)
        self.process.kill()
        self.end()

    def end(self) -> None:
        """Wait for the end and close its streams."""
        assert self.process is not None
        self.process.communicate(timeout=30)

    def stop(self) -> int:
        """End it as a service manager would."""
        assert self.process is not None
        self.process.terminate()
        self.end()
        return int(self.process.returncode)


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in found.split()]


@pytest.fixture
def run_witness(stock: Any, tmp_path: Path) -> Iterator[Callable[[str], Running]]:
    """Give the function that starts a witness of the stock's log."""
    running: list[Running] = []
    policy = tmp_path / "log.policy"
    policy.write_bytes((stock.trust / "log.policy").read_bytes())

    def started(name: str) -> Running:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        one = Running(desk=stock, name=name, policy=policy, port=port)
        one.start()
        running.append(one)
        return one

    yield started
    for one in running:
        if one.process is not None and one.process.poll() is None:
            one.kill()


def proven(desk: Any, number: str, name: str) -> Any:
    """Prove a certificate and verify the proof by the trust folder as it is."""
    file = desk.folder / f"{name}.tlog-proof"
    assert desk("prove", number, "-o", str(file)).status == 0
    return desk.verify(file, "--json")


def opened_log(desk: Any) -> Any:
    return Services.open(Home(path=desk.home, environ=os.environ)).log


def fork(desk: Any, liar: Running) -> None:
    """Let a witness sign another history, under the log's own keys."""
    log = opened_log(desk)
    other = Checkpoint(origin=log.origin, size=1, root=b"\x07" * 32)
    note = sign_checkpoint(other, log.signers)
    body = format_request(AddCheckpoint(old_size=0, proof=(), note=note))
    assert add_checkpoint(liar.url, body, timeout=20).status == 200


def signed_by(desk: Any, path: str) -> frozenset[str]:
    log = opened_log(desk)
    return open_checkpoint(log.storage.read(path), log.policy).signed_by


def test_three_witnesses_of_whom_one_lies_and_one_is_killed(stock: Any, run_witness: Any) -> None:
    city, firm, liar = (run_witness(name) for name in ("city", "firm", "liar"))
    fork(stock, liar)
    for one in (city, firm, liar):
        assert stock("witness", "add", one.name, one.keys[0], one.url).status == 0

    # Two of three agree: what was lied to is named, and nobody who verifies is kept waiting.
    alarmed = stock("anchor")
    assert alarmed.status == 1
    assert "witness liar has signed a history" in alarmed.line
    assert "[witness-alarm]" in alarmed.line
    assert stock("witness", "add", "city", city.keys[0], "--quorum", "3").status == 1
    assert stock("witness", "add", "city", city.keys[0], "--quorum", "2").status == 0
    assert signed_by(stock, "checkpoint.witnessed") == {"city", "firm"}
    old = stock.certificates()[0].number
    verified = proven(stock, old, "old")
    assert verified.status == 0
    (checkpoint,) = [step for step in verified.facts["steps"] if step["code"] == "checkpoint"]
    assert checkpoint["facts"]["witnesses"] == "city, firm"

    # One is killed: its quorum is missing, and a new certificate cannot be said to be witnessed.
    firm.kill()
    (new,) = stock.issued(stock.rows(1, offset=300))
    assert stock("anchor").status == 1
    assert signed_by(stock, "checkpoint.witnessed") == {"city", "firm"}
    listed = stock("witness", "list", "--json").facts
    assert listed["quorum"] == "2 of city, firm, liar"
    assert listed["city"][2].endswith(", 0 entries behind")
    assert not listed["firm"][2].endswith(", 0 entries behind")
    assert listed["liar"][2].startswith("signed nothing yet")
    assert proven(stock, new, "early").status == 2
    assert stock.verify(stock.folder / "old.tlog-proof").status == 0

    # Started again it remembers, and signs on from there.
    firm.start()
    assert stock("anchor").status == 1
    assert proven(stock, new, "late").status == 0
    assert firm.stop() == 0


def public_site(desk: Any) -> FlaskClient:
    pepper, public = (desk.home / "site" / "pepper").read_bytes(), desk.home / "public"
    config = SiteConfig(public_dir=public, pepper=pepper, base_url="http://127.0.0.1:8000")
    return create_app(config).test_client()


def test_a_log_with_a_quorum_is_succeeded_without_a_gap(stock: Any, run_witness: Any) -> None:
    site, city = public_site(stock), run_witness("city")
    add = ("witness", "add", "city", city.keys[0], city.url)
    assert [stock(*step).status for step in (add, ("anchor",), (*add, "--quorum", "1"))] == [0] * 3
    assert stock("log", "freeze", "--reason", "split", "--yes").status == 0
    assert stock(*add, "--quorum", "0").status == 0
    assert stock("log", "succeed").status == 0
    # The witness does not know the new log: its signature is not asked for yet.
    token = stock.certificates()[0].token
    assert "有效" in site.get(f"/v/{token}").get_data(as_text=True)
    assert stock(*add, "--quorum", "1").status == 1
    assert city.stop() == 0
    city.policy.write_bytes((stock.trust / "log.policy").read_bytes())
    city.start()
    assert stock("anchor").status == 0
    assert stock(*add, "--quorum", "1").status == 0
    assert "有效" in site.get(f"/v/{token}").get_data(as_text=True)


def test_a_quorum_never_puts_the_site_out(stock: Any, run_witness: Any) -> None:
    site, public = public_site(stock), stock.home / "public"
    city = run_witness("city")
    add = ("witness", "add", "city", city.keys[0], city.url)

    def refused(*arguments: str) -> None:
        before = (stock.trust / "log.policy").read_bytes()
        assert "run `certreg anchor` until" in stock(*arguments, "--quorum", "1").line
        assert (stock.trust / "log.policy").read_bytes() == before
        assert not (public / "log" / "checkpoint.witnessed").exists()
        assert site.get("/healthz").status_code == 200

    refused(*add)
    assert stock(*add).status == 0
    refused(*add)
    assert stock("anchor").status == 0
    # Signed, and followed by a checkpoint that is not: what counts is the present one.
    city.kill()
    stock.issued(stock.rows(1, offset=300))
    assert stock("anchor").status == 0
    refused(*add)
    city.start()
    assert stock("anchor").status == 0
    assert stock(*add, "--quorum", "1").status == 0
    assert site.get("/healthz").status_code == 200
    # From the first round on, a witness that is away leaves the site with what it has signed.
    city.kill()
    stock.issued(stock.rows(1, offset=301))
    assert stock("anchor").status == 0
    assert site.get("/healthz").status_code == 200
    assert signed_by(stock, "checkpoint.witnessed") == {"city"}
    # One that will not come back is done without.
    assert stock(*add, "--quorum", "0").status == 0
    assert stock("anchor").status == 0
    newest = stock.certificates()[-1]
    assert "有效" in site.get(f"/v/{newest.token}").get_data(as_text=True)


def test_a_witness_serves_until_told_and_keeps_its_keys(stock: Any, run_witness: Any) -> None:
    one = run_witness("city")
    keys = one.keys
    assert [key.partition("+")[0] for key in keys] == ["city.example"] * 2
    for place, key in enumerate(keys):
        assert stock("witness", "add", f"city{place}", key, f"{one.url}/").status == 0
    assert stock("anchor").status == 0
    done = stock("witness", "add", "city0", keys[0], "--quorum", "1", "--json")
    # Two keys of one witness are one witness.
    assert done.facts["quorum"] == "1 of city0.keys"
    assert stock("witness", "add", "city0", keys[0], "--quorum", "2").status == 1
    assert signed_by(stock, "checkpoint") == {"city0", "city1"}
    # The whole home is put back to yesterday, public files and all: the witness remembers.
    shutil.copytree(stock.home, stock.folder / "yesterday")
    stock.issued(stock.rows(1, offset=300))
    assert stock("anchor").status == 0
    shutil.rmtree(stock.home)
    (stock.folder / "yesterday").rename(stock.home)
    refused = stock("anchor")
    assert refused.status == 1
    assert "[head-lost]" in refused.line
    assert "city0, city1 has" in refused.line
    connection = http.client.HTTPConnection("127.0.0.1", one.port, timeout=20)
    for body, length, status in ((b"", "200000", 413), (b"old 0\n", "6", 400)):
        connection.putrequest("POST", "/add-checkpoint")
        connection.putheader("Content-Length", length)
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
        connection.close()
    # No passphrase was given: it lies beside the keys, for its owner only.
    secret = one.policy.parent / "city" / "secrets" / "passphrase"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert one.stop() == 0
    one.start()
    assert one.keys == keys


def vkey(name: str, fill: int, kind: int = 4) -> str:
    from keys.vkey import SignatureType, VerifierKey, format_vkey

    return format_vkey(
        VerifierKey(name=name, type=SignatureType(kind), public_key=bytes([fill]) * 32)
    )


def lines(desk: Any) -> list[str]:
    return (desk.home / "witnesses.policy").read_text().splitlines()


def set_quorum(desk: Any, name: str, key: str, count: int) -> None:
    """Raise the quorum as the command does once the witnesses have signed: these never will."""
    file = desk.home / "witnesses.policy"
    witness = PolicyWitness(name=name, key=parse_vkey(key))
    file.write_bytes(add_witness(file.read_bytes(), witness, quorum=count).text)


def test_the_list_is_edited_and_the_trust_folder_follows(desk: Any) -> None:
    assert desk("witness", "list", "--json").facts == {
        "quorum": "none: checkpoints count without a witness"
    }
    assert desk("witness", "add", "a", vkey("a.example", 1)).status == 0
    assert lines(desk) == [f"witness a {vkey('a.example', 1)}", "quorum none"]
    place = "https://b.example/w"
    assert desk("witness", "add", "b", vkey("b.example", 2), place).status == 0
    set_quorum(desk, "b", vkey("b.example", 2), 2)
    assert lines(desk)[-2:] == ["group witnesses 2 a b", "quorum witnesses"]
    # A quorum once set is kept, and the group grows.
    assert desk("witness", "add", "c", vkey("c.example", 3)).status == 0
    assert lines(desk)[-2:] == ["group witnesses 2 a b c", "quorum witnesses"]
    public = parse_policy((desk.trust / "log.policy").read_bytes())
    assert [one.name for one in public.witnesses] == ["a", "b", "c"]
    assert (public.witnesses[1].url, public.groups[0].threshold) == (place, 2)
    # It is lowered, and ended, without any signature.
    for count, last in (("1", "quorum witnesses"), ("0", "quorum none")):
        assert desk("witness", "add", "b", vkey("b.example", 2), "--quorum", count).status == 0
        assert lines(desk)[-1] == last
    public = parse_policy((desk.trust / "log.policy").read_bytes())
    assert (public.groups, public.witnesses[1].url) == ((), place)


def test_what_was_written_by_hand_stays(desk: Any) -> None:
    file = desk.home / "witnesses.policy"
    desk("witness", "add", "a", vkey("a.example", 1))
    file.write_text(f"# call 0755-00000000\n{file.read_text()}")
    assert desk("witness", "add", "b", vkey("b.example", 2)).status == 0
    set_quorum(desk, "b", vkey("b.example", 2), 1)
    assert lines(desk)[0] == "# call 0755-00000000"
    by_hand = file.read_text().replace("group witnesses 1 a b", "group mine all a b")
    by_hand = by_hand.replace("quorum witnesses", "quorum mine")
    file.write_text(by_hand)
    done = desk("witness", "add", "c", vkey("c.example", 3), "--quorum", "1", "--json")
    assert "edit" in done.facts["groups"]
    assert done.facts["quorum"] == "2 of a, b"
    assert file.read_text() == f"{by_hand}witness c {vkey('c.example', 3)}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("a", "nonsense"), "malformed-vkey"),
        (("a", vkey("a.example", 9, kind=1)), "this is a log's key"),
        (("a", vkey("a.example", 9), "ftp://a.example"), "takes an address"),
        (("a", vkey("a.example", 9), "--quorum", "3"), "at most the number of witnesses"),
        (("a", vkey("a.example", 9), "--quorum", "1"), "lacks signatures that this quorum asks"),
        (("none", vkey("a.example", 9)), "malformed-policy"),
        (("a b", vkey("a.example", 9)), "malformed-policy"),
        (("a\nquorum none", vkey("a.example", 9)), "malformed-policy"),
        (("old", vkey("a.example", 9)), "another key stands under the name"),
        (("new", vkey("old.example", 5)), "malformed-policy"),
    ],
)
def test_what_is_refused_changes_nothing(desk: Any, arguments: tuple[str, ...], told: str) -> None:
    assert desk("witness", "add", "old", vkey("old.example", 5)).status == 0
    before = lines(desk), (desk.trust / "log.policy").read_bytes()
    refused = desk("witness", "add", *arguments)
    assert refused.status == 1
    assert told in refused.line
    assert (lines(desk), (desk.trust / "log.policy").read_bytes()) == before


def test_serve_refuses_what_it_cannot_do(desk: Any, tmp_path: Path) -> None:
    policy = tmp_path / "some.policy"
    serve = ("witness", "serve", "--state", str(tmp_path / "w"), "--policy", str(policy))
    assert "some.policy" in desk(*serve, "--name", "w.example").line
    policy.write_text(f"witness a {vkey('a.example', 1)}\nquorum none\n")
    assert "no-log-to-witness" in desk(*serve, "--name", "w.example").line
    policy.write_bytes((desk.trust / "log.policy").read_bytes())
    assert "witness-state-lost" in desk(*serve, "--name", "other.example").line
