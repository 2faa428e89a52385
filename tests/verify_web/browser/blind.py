"""A server that does not look: it hands out whatever stands in the published directory.

What the real site refuses to give, a lying one would give; so the browser's own checks are tested
on evidence that nobody has checked before it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

from signing.bundle import Evidence, bundle_file, proof_file
from signing.tlog.entry import Issue, parse_entry
from signing.tlog.note import parse_note
from signing.tlog.paths import inclusion_path
from signing.tlog.proof import TlogProof
from signing.tlog.status import StatusPages, StatusStaple
from signing.tlog.tiles import TileReader
from signing.tlog.treehead import parse_checkpoint
from verify_web.lookup import Mirror


def evidence(world: Any, token: str, pepper: bytes) -> Evidence:
    """Put together what there is for a token; raises whatever comes in the way."""
    entry = Mirror(world.public / "mirror.db", pepper).by_token(token)
    assert entry is not None
    note = (world.public / "log" / "checkpoint").read_bytes()
    head = parse_checkpoint(parse_note(note).text)
    tree = TileReader(lambda path: (world.public / "log" / path).read_bytes()).at(head.size)
    path = tuple(inclusion_path(entry.index, head.size, tree))
    return Evidence(
        envelope=entry.envelope,
        opening=entry.opening,
        entry=entry.entry,
        proof=TlogProof(index=entry.index, path=path, checkpoint_note=note),
        staple=_staple(world, entry.entry, tree),
    )


def _staple(world: Any, leaf: bytes, tree: Any) -> StatusStaple | None:
    try:
        latest = json.loads((world.public / "status" / "latest.json").read_bytes())
        index, issue = latest["entry_index"], parse_entry(leaf)
        pages = (world.public / "status" / f"pages-{index}.bin").read_bytes()
        assert isinstance(issue, Issue)
        path = tuple(inclusion_path(index, tree.size, tree)) if index < tree.size else ()
        return StatusPages(pages).staple(
            issue.status,
            entry=base64.b64decode(latest["entry"]),
            entry_index=index,
            entry_path=path,
        )
    except (OSError, ValueError):
        return None


def files(world: Any, token: str, pepper: bytes) -> dict[str, bytes]:
    """Give the two files of a token by their ending; none where the evidence has no parts."""
    try:
        found = evidence(world, token, pepper)
        return {
            ".certbundle.json": bundle_file(found),
            ".tlog-proof": proof_file(replace(found, opening=None), with_record=False),
        }
    except Exception:  # noqa: BLE001 -- a server without the parts has nothing to hand out
        return {}
