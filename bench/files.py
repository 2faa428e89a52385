"""Sizes of the files that carry a proof: `.tlog-proof`, bundle, status file and milestone's proof.

Each as the product writes it from a log of its own, and the same under a checkpoint that three
witnesses have co-signed, by Ed25519 (type 0x04) or by ML-DSA-44 (0x06). A log twice as long adds
one hash, 45 bytes, to each path.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from measure import PREFIX, make_services, today
from milestones import record_milestones

from keys.model import Algorithm, KeyInfo, KeyState, Purpose, key_id_of
from keys.signer import PrivateKeySigner, public_bytes, software_signer
from registry.cli.batches import CHINA, check_file, issue_file
from registry.cli.demo_people import demo_people
from registry.cli.demo_sheets import row_of, write_xlsx
from registry.cli.ledger import evidence_for
from registry.cli.services import Services
from registry.ledger.proving import event_leaf, prove_leaf
from registry.office.milestones import get_milestone, open_milestone
from registry.store.base import read_unit
from signing.bundle import bundle_file, proof_file
from signing.milestone import MilestoneProof, facts_bytes, milestone_file
from signing.tlog.checkpoint import cosign_checkpoint
from signing.tlog.note import format_note, parse_note
from signing.tlog.proof import format_proof, parse_proof

WITNESSES = 3


def witness(algorithm: Algorithm) -> PrivateKeySigner:
    """Return a made-up witness's signer."""
    private = (
        Ed25519PrivateKey.generate()
        if algorithm is Algorithm.ED25519
        else MLDSA44PrivateKey.generate()
    )
    public = public_bytes(private)
    info = KeyInfo(
        key_id=key_id_of(algorithm, public),
        algorithm=algorithm,
        purpose=Purpose.CHECKPOINT,
        issuer="office",
        not_before=today() - timedelta(days=1),
        not_after=today() + timedelta(days=1),
        state=KeyState.ACTIVE,
        public_key=public,
    )
    return software_signer(info, private)


def cosigned(note: bytes, algorithm: Algorithm | None) -> bytes:
    """Return the checkpoint with the lines of three witnesses; None adds none."""
    if algorithm is None:
        return note
    parsed = parse_note(note)
    lines = [
        cosign_checkpoint(
            parsed.text, f"witness{place}.example.org", witness(algorithm), now=today()
        )
        for place in range(WITNESSES)
    ]
    return format_note(replace(parsed, signatures=(*parsed.signatures, *lines)))


def files(services: Services, number: str, algorithm: Algorithm | None) -> dict[str, int]:
    """Return the length of each kind of file, in bytes."""
    evidence = evidence_for(services, number)
    assert evidence.proof is not None
    note = cosigned(evidence.proof.checkpoint_note, algorithm)
    evidence = replace(evidence, proof=replace(evidence.proof, checkpoint_note=note))
    found = {
        "checkpoint": len(note),
        ".tlog-proof, record inside": len(proof_file(evidence, with_record=True)),
        ".tlog-proof, in the PDF": len(proof_file(evidence, with_record=False)),
        ".certbundle.json": len(bundle_file(evidence)),
    }
    for status in sorted((services.home.public / "status").glob("*.tlog-proof"))[:1]:
        proof = replace(parse_proof(status.read_bytes()), checkpoint_note=note)
        found["status file"] = len(format_proof(proof))
    with read_unit(services.engine) as session:
        opened = open_milestone(get_milestone(session, 1), services.context)
        leaf = event_leaf(session, opened.row.group_id)
        proof = prove_leaf(session, services.log, leaf.index)
    milestone = MilestoneProof(
        entry=leaf.entry,
        facts=facts_bytes(opened.facts),
        opening=opened.opening,
        proof=replace(proof, checkpoint_note=note),
    )
    return found | {"milestone's proof": len(milestone_file(milestone))}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    count = 60 if parser.parse_args().quick else 10_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        services = make_services(folder)
        issued = today().astimezone(CHINA).date() - timedelta(days=3)
        people = demo_people(count, offset=0, issued=issued)
        sheet = folder / "list.xlsx"
        write_xlsx(sheet, [row_of(number, person) for number, person in enumerate(people, 1)])
        checked = check_file(services, sheet, PREFIX, today())
        batch = issue_file(services, checked, "深技鉴备〔2026〕第001号")
        assert batch is not None
        record_milestones(services, prefix=PREFIX, batch=batch.batch_id, sheet=sheet)
        services.anchor()
        columns = {
            "none": None,
            "3 Ed25519": Algorithm.ED25519,
            "3 ML-DSA-44": Algorithm.ML_DSA_44,
        }
        tables = {
            title: files(services, batch.ranges[0][0], algorithm)
            for title, algorithm in columns.items()
        }
        print(f"bytes, in a log of {count:,} certificates; witnesses:")
        print(f"{'':<28}" + "".join(f"{title:>13}" for title in tables))
        for kind in tables["none"]:
            print(f"{kind:<28}" + "".join(f"{table[kind]:>13,}" for table in tables.values()))


if __name__ == "__main__":
    main()
