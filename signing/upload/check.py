"""Checking a package (上报包核验) by itself and a trust folder: what a centre does before all else.

Of the package:  container   five files in the one form
                 manifest    well formed, of this city, signed by its upload key while in force
                 files       each has the length and SHA-256 that the manifest states
                 rows        every line reads; numbers, order and counts are the manifest's
                 checkpoint  accepted by the trust policy (`signing.checkpointstep`)
                 ranges      hold the rows' leaves, no others, and lead to the checkpoint's root
Of each row:     record      canonical, agrees with row, organisation and the numbering rule
                 signature   by a key that the organisation had at that place in the log
                 entry       the leaf is of this certificate and commits to this record
                 inclusion   the leaf stands where the row says, by the package's last two steps

Each answers valid, invalid or cannot say. Nothing here raises on bad evidence, and memory is
bounded: the rows are read twice, and only their leaves' hashes are held (2 MB at 20,000 rows).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from keys.model import Purpose
from keys.trust import Trust, TrustedKey
from signing.checkpointstep import judge_checkpoint
from signing.errors import SigningError
from signing.report import Answer, Reason
from signing.tlog.entry import parse_time
from signing.tlog.merkle import leaf_hash, root_of
from signing.tlog.ranges import verify_range
from signing.tlog.treehead import Checkpoint
from signing.upload.errors import MalformedManifest, MalformedPackage, MalformedUploadRow
from signing.upload.keycheck import judge_signer
from signing.upload.manifest import Manifest, Range, SignedManifest, open_manifest
from signing.upload.package import MANIFEST_NAME, PIECE, Package, open_package
from signing.upload.rowcheck import RowCheck, check_row
from signing.upload.rows import RowKind, read_rows


class PackageStep(StrEnum):
    """The steps of a package, in their order."""

    CONTAINER = "container"
    MANIFEST = "manifest"
    FILES = "files"
    ROWS = "rows"
    CHECKPOINT = "checkpoint"
    RANGES = "ranges"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFinding:
    """The answer of one step with its stable reason; `detail` names a file or line, no value."""

    step: PackageStep
    answer: Answer
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageCheck:
    """What was found. `manifest` is None where it could not be read; `rows` counts the answers.

    `tree` is that of the checkpoint, if the log itself signed it; witnesses may be wanting.
    `findings` end with the first step that makes the later ones senseless.
    """

    findings: tuple[PackageFinding, ...]
    manifest: SignedManifest | None
    rows: Mapping[Answer, int]
    tree: Checkpoint | None

    @property
    def answer(self) -> Answer:
        """The worst answer of the package's own steps; rows are answered one by one."""
        found = {finding.answer for finding in self.findings}
        if Answer.INVALID in found:
            return Answer.INVALID
        complete = {finding.step for finding in self.findings} == set(PackageStep)
        unsure = Answer.CANNOT_SAY in found or not complete
        return Answer.CANNOT_SAY if unsure else Answer.VALID

    def finding(self, step: PackageStep) -> PackageFinding | None:
        """Return a step's finding; None if it was not come to."""
        return next((one for one in self.findings if one.step is step), None)


def check_package(
    source: Path | bytes,
    trust: Trust,
    upload_keys: Collection[TrustedKey],
    *,
    now: datetime,
    on_row: Callable[[RowCheck], object] = lambda _check: None,
) -> PackageCheck:
    """Check a package of the city that `trust` and its `upload_keys` are of.

    `on_row` gets every row's answers in order; no row, if the lines cannot be read as the
    manifest states them. Raises OSError alone, where the file cannot be read.
    """
    checker = _Checker(trust=trust, upload_keys=upload_keys, now=now)
    try:
        with open_package(source) as package:
            checker.say(PackageStep.CONTAINER, Answer.VALID, "container-good")
            return checker.run(package, on_row)
    except MalformedPackage as error:
        checker.say(PackageStep.CONTAINER, Answer.INVALID, "container-malformed", str(error))
        return checker.done()


# Mutable: it gathers the findings while one package is read.
@dataclass(slots=True, kw_only=True)
class _Checker:
    """One run over one package."""

    trust: Trust
    upload_keys: Collection[TrustedKey]
    now: datetime
    found: dict[PackageStep, PackageFinding] = field(default_factory=dict)
    signed: SignedManifest | None = None
    counts: Counter[Answer] = field(default_factory=Counter)
    tree: Checkpoint | None = None

    def say(self, step: PackageStep, answer: Answer, reason: str, detail: str = "") -> bool:
        """Put a step's finding down; whether it is valid."""
        finding = PackageFinding(step=step, answer=answer, reason=reason, detail=detail)
        self.found[step] = finding
        return answer is Answer.VALID

    def done(self) -> PackageCheck:
        order = [self.found[step] for step in PackageStep if step in self.found]
        return PackageCheck(
            findings=tuple(order), manifest=self.signed, rows=dict(self.counts), tree=self.tree
        )

    def run(self, package: Package, on_row: Callable[[RowCheck], object]) -> PackageCheck:
        try:
            self.signed = open_manifest(package.read(MANIFEST_NAME))
        except MalformedManifest as error:
            self.say(PackageStep.MANIFEST, Answer.INVALID, "manifest-malformed", str(error))
            return self.done()
        manifest = self.signed.manifest
        judged = judge_checkpoint(
            manifest.checkpoint.encode(), self.trust.policy, frozen=self.trust.predecessors
        )
        tree = judged.tree
        self.say(PackageStep.CHECKPOINT, judged.answer, judged.reason)
        if judged.answer is Answer.VALID or judged.reason is Reason.CHECKPOINT_NO_QUORUM:
            self.tree = tree
        self._manifest_step(self.signed, tree)
        self._files_step(package, manifest)
        leaves = self._rows_step(package, manifest)
        if leaves is None:
            return self.done()
        self._ranges_step(manifest, leaves, tree)
        inclusion = self._inclusion()
        with package.open("rows.jsonl") as file:
            for row in read_rows(file):
                check = check_row(
                    row, self.trust, manifest.organisation, inclusion=inclusion, now=self.now
                )
                self.counts[check.answer] += 1
                on_row(check)
        return self.done()

    def _manifest_step(self, signed: SignedManifest, tree: Checkpoint | None) -> None:
        manifest = signed.manifest
        origins = {manifest.city} | ({tree.origin} if tree is not None else set())
        known = {self.trust.log_origin, *self.trust.predecessors}
        if len(origins) > 1 or not origins <= known:
            self.say(PackageStep.MANIFEST, Answer.INVALID, "manifest-other-city")
            return
        answer, reason = judge_signer(
            signed.envelope,
            self.upload_keys,
            purpose=Purpose.UPLOAD,
            signed_at=parse_time(manifest.created),
            now=self.now,
            size=None if tree is None else tree.size,
        )
        self.say(PackageStep.MANIFEST, answer, reason)

    def _files_step(self, package: Package, manifest: Manifest) -> None:
        for name, facts in manifest.files.by_name().items():
            if package.size(name) != facts.size or _digest(package, name) != facts.sha256:
                self.say(PackageStep.FILES, Answer.INVALID, "file-other-digest", name)
                return
        self.say(PackageStep.FILES, Answer.VALID, "files-good")

    def _rows_step(self, package: Package, manifest: Manifest) -> dict[int, bytes] | None:
        """Read all lines once; return the leaves' hashes by index, None where that fails."""
        leaves: dict[int, bytes] = {}
        kinds: Counter[RowKind] = Counter()
        try:
            with package.open("rows.jsonl") as file:
                for row in read_rows(file):
                    kinds[row.kind] += 1
                    for index, entry in row.leaves:
                        found = leaf_hash(entry)
                        if leaves.setdefault(index, found) != found:
                            detail = f"line {row.row}"
                            self.say(PackageStep.ROWS, Answer.INVALID, "rows-two-leaves", detail)
                            return None
        except MalformedUploadRow as error:
            self.say(PackageStep.ROWS, Answer.INVALID, "rows-malformed", str(error))
            return None
        counts = manifest.counts
        wanted = {
            RowKind.NEW: counts.new,
            RowKind.CORRECTION: counts.correction,
            RowKind.SUPPLEMENT: counts.supplement,
            RowKind.WITHDRAWAL: counts.withdrawal,
        }
        if any(kinds[kind] != count for kind, count in wanted.items()):
            self.say(PackageStep.ROWS, Answer.INVALID, "rows-other-counts")
            return None
        self.say(PackageStep.ROWS, Answer.VALID, "rows-good")
        return leaves

    def _ranges_step(
        self, manifest: Manifest, leaves: Mapping[int, bytes], tree: Checkpoint | None
    ) -> None:
        indices = {i for part in manifest.ranges for i in range(part.first, part.end)}
        if indices != leaves.keys():
            self.say(PackageStep.RANGES, Answer.INVALID, "ranges-other-leaves")
        elif tree is None:
            self.say(PackageStep.RANGES, Answer.CANNOT_SAY, "ranges-no-tree")
        elif not all(_proven(part, leaves, tree) for part in manifest.ranges):
            self.say(PackageStep.RANGES, Answer.INVALID, "ranges-false")
        else:
            self.say(PackageStep.RANGES, Answer.VALID, "ranges-good")

    def _inclusion(self) -> tuple[Answer, str]:
        """Answer for every row's inclusion at once: the ranges, under a checkpoint that counts."""
        ranges, checkpoint = self.found[PackageStep.RANGES], self.found[PackageStep.CHECKPOINT]
        if ranges.answer is not Answer.VALID:
            return ranges.answer, ranges.reason
        if checkpoint.answer is not Answer.VALID:
            return checkpoint.answer, checkpoint.reason
        return Answer.VALID, Reason.INCLUSION_GOOD


def _proven(part: Range, leaves: Mapping[int, bytes], tree: Checkpoint) -> bool:
    hashes = [leaves[index] for index in range(part.first, part.end)]
    if root_of(hashes).hex() != part.root:
        return False
    try:
        verify_range(hashes, part.first, tree.size, part.hashes, tree.root)
    except SigningError:
        return False
    return True


def _digest(package: Package, name: str) -> str:
    digest = hashlib.sha256()
    with package.open(name) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
