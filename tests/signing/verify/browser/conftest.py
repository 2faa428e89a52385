"""The site's browser module in a real Chromium, fed with the very evidence that Python judges."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import verify_web
from keys.policy import format_policy
from keys.trust import Trust, issuers_json
from signing.bundle import Evidence
from signing.envelope import to_json
from signing.tlog.proof import TlogProof
from signing.tlog.status import StatusStaple, format_staple

STATIC = Path(verify_web.__file__).parent / "static"
PAGE = "http://127.0.0.1:9/"
RUN = """async (cases) => {
  const { readBundle, readProofFile, readQr } = await import("./forms.js");
  const { readTrust } = await import("./forms.js");
  const { readStatusFile, withFile } = await import("./statusfile.js");
  const { verify, verifyQr } = await import("./verify.js");
  const said = [];
  for (const one of cases) {
    try {
      const trust = await readTrust(one.policy, one.issuers);
      const when = { now: one.now, maxAge: one.max_age, baseUrl: one.base_url };
      if (one.digits) said.push(await verifyQr(readQr(one.digits), trust, when));
      else {
        const evidence = one.proof ? readProofFile(one.proof) : readBundle(one.bundle);
        const newer = one.status && withFile(readStatusFile(one.status));
        said.push(await verify(evidence, trust, { ...when, newer }));
      }
    } catch (error) {
      said.push({ refused: error.constructor.name });
    }
  }
  return said;
}"""


@pytest.fixture(scope="session")
def ask(driver: Any) -> Iterator[Callable[[list[dict[str, Any]]], Any]]:
    """Give a function that lets the module judge many cases at once."""

    def serve(route: Any) -> None:
        file = STATIC / route.request.url.removeprefix(PAGE)
        if file.suffix == ".js":
            route.fulfill(body=file.read_bytes(), content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    browser = driver.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
    )
    page = browser.new_page()
    page.route("**/*", serve)
    page.goto(PAGE)
    yield lambda cases: page.evaluate(RUN, cases)
    browser.close()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _staple(staple: StatusStaple) -> Any:
    return json.loads(format_staple(staple))


def _proof(proof: TlogProof) -> str:
    lines = ["c2sp.org/tlog-proof@v1", f"index {proof.index}", *map(_b64, proof.path), "", ""]
    return "\n".join(lines) + proof.checkpoint_note.decode()


def _loose(evidence: Evidence) -> bytes:
    value: dict[str, Any] = {"record": json.loads(to_json(evidence.envelope)), "v": 1}
    if evidence.entry is not None:
        value["entry"] = _b64(evidence.entry)
    if evidence.opening is not None:
        value["opening"] = _b64(evidence.opening)
    if evidence.proof is not None:
        value["proof"] = _proof(evidence.proof)
    if evidence.staple is not None:
        value["status"] = _staple(evidence.staple)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.fixture(scope="session")
def loose_bundle() -> Callable[[Evidence], bytes]:
    """Write a bundle without asking whether anyone will read it."""
    return _loose


@pytest.fixture(scope="session")
def trust_files(log: Any) -> Callable[[Trust], dict[str, str]]:
    """The two files that a verifier is given for this trust."""

    def write(trust: Trust) -> dict[str, str]:
        issuers = issuers_json(
            issuers=trust.issuers.values(),
            seal_root=None,
            base_url=trust.base_url,
            issued_at=trust.issued_at,
            signer=log.log_signer,
            predecessors=trust.predecessors,
        )
        return {
            "policy": format_policy(trust.policy).decode(),
            "issuers": issuers.decode(),
            "base_url": trust.base_url,
        }

    return write
