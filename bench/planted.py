"""A log full of planted faults, for `bench/fsck.py`: lies that it signs, and damage to its files.

Every batch takes the same leaves, so that each fault's place is known beforehand; faults stand far
enough apart that none hides another.
"""

from __future__ import annotations

import base64
import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from measure import PREFIX
from msgspec.structs import replace

from keys.model import Algorithm, key_id_of
from signing.canonical import encode
from signing.tlog.entry import (
    BatchClose,
    Entry,
    Issue,
    Key,
    Milestone,
    State,
    Status,
    StatusChange,
    format_time,
)
from signing.tlog.merkle import leaf_hash, root_of
from signing.tlog.status import PAGE_BYTES, page_count, pages_root, set_state
from signing.tlog.tiles import TILE_WIDTH, width_at

HEAD = 2
EXTRA = 3
APART = 4
STRANGER = "Y000044999009"
LIES = (
    "number twice",
    "number left out",
    "no number",
    "edition out of nothing",
    "no key in force",
    "no entry",
    "range root",
    "range",
    "illegal change",
    "superseded by none",
    "status root",
    "status count",
    "time goes back",
)
DAMAGE = (
    *("changed entry",) * 6,
    *("cut bundle",) * 3,
    *("lost bundle",) * 3,
    *("flipped tile",) * 5,
    *("cut tile",) * 2,
    *("lost tile",) * 2,
    *("flipped upper tile",) * 1,
    *("damaged older tile",) * 1,
    *("false signature",) * 1,
)
LOSES = frozenset({"cut bundle", "lost bundle"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A fault: what it is, and how the line that names it begins."""

    what: str
    named: str


# Mutable: it grows batch by batch.
@dataclass(slots=True, kw_only=True)
class Maker:
    """The log being made: every batch takes the same leaves, so that each place is known before."""

    width: int
    lies: dict[int, str]
    lost: frozenset[int]
    start: datetime
    serials: Counter[str] = field(default_factory=Counter)
    pages: bytearray = field(default_factory=bytearray)
    count: int = 0
    planted: list[Planted] = field(default_factory=list)

    def first_leaves(self) -> list[Entry]:
        """Return the record keys' leaves."""
        found: list[Entry] = []
        for name in (PREFIX, "Y000044999002"):
            public = hashlib.sha256(name.encode()).digest()
            found.append(
                Key(
                    action="add",
                    alg="ed25519",
                    issuer=name,
                    key=key_id_of(Algorithm.ED25519, public),
                    public=base64.b64encode(public).decode(),
                    time=format_time(self.start),
                )
            )
        return found

    def batch(self, number: int) -> list[bytes]:
        """Return the leaves of a batch, its close, one event and a status leaf."""
        lie = self.lies.get(number, "")
        first = HEAD + number * (self.width + EXTRA)
        name = f"{PREFIX}-2026-{number:05}"
        issues: list[Entry] = [self._issue(name, number) for _ in range(self.width)]
        leaves = [encode(entry) for entry in self._twist(issues, lie, first)]
        if lie == "no entry":
            leaves[self.width // 2] = b"{}"
            self._plant(lie, first + self.width // 2)
        close = BatchClose(
            batch=name,
            count=self.width,
            filing="深技鉴备〔2026〕1号",
            first=first,
            last=first + self.width - 1,
            root=root_of(map(leaf_hash, leaves)).hex(),
        )
        leaves.append(encode(self._close(close, lie)))
        leaves.append(encode(self._event(lie, first + self.width + 1)))
        leaves.append(encode(self._status(lie, number, first + self.width + 2)))
        return leaves

    def _issue(self, batch: str, number: int) -> Issue:
        scope = f"{PREFIX}26{number % 5 + 1}"
        self.serials[scope] += 1
        status = self.count
        self.count += 1
        return Issue(
            batch=batch,
            commit=hashlib.sha256(status.to_bytes(8)).hexdigest(),
            edition=1,
            number=f"{scope}{self.serials[scope]:06}",
            prefix=PREFIX,
            status=status,
        )

    def _twist(self, issues: list[Entry], lie: str, first: int) -> list[Entry]:
        """Put a lie into the middle of a batch."""
        place = self.width // 2
        entry, before = issues[place], issues[place - 1]
        assert isinstance(entry, Issue)
        assert isinstance(before, Issue)
        match lie:
            case "number twice":
                issues[place] = replace(entry, number=before.number)
            case "number left out":
                self.serials[entry.number[:16]] += 1
                last = issues[-1]
                assert isinstance(last, Issue)
                scope, serial = last.number[:16], int(last.number[16:])
                issues[-1] = replace(last, number=f"{scope}{serial + 1:06}")
                place = self.width - 1
            case "no number":
                issues[place] = replace(entry, number=entry.number.replace("26", "2X", 1))
            case "edition out of nothing":
                issues[place] = replace(entry, edition=3)
            case "no key in force":
                number = f"{STRANGER}{entry.number[13:]}"
                issues[place] = replace(entry, prefix=STRANGER, number=number)
            case _:
                return issues
        self._plant(lie, first + place)
        return issues

    def _close(self, close: BatchClose, lie: str) -> BatchClose:
        if lie == "range root":
            self._plant(lie, close.last + 1)
            return replace(close, root="00" * 32)
        if lie == "range":
            self._plant(lie, close.last + 1)
            return replace(close, first=close.first + 1, count=close.count - 1)
        return close

    def _event(self, lie: str, leaf: int) -> Entry:
        """Revoke the batch's last certificate, unless the leaf is to be lost."""
        if leaf // TILE_WIDTH in self.lost:
            return Milestone(
                commit="00" * 32, kind="plan", subject="P", time=format_time(self.start)
            )
        index, state = self.count - 1, State.REVOKED
        if lie == "illegal change":
            # The batch before has revoked its last one.
            index, state = self.count - self.width - 1, State.VALID
        elif lie == "superseded by none":
            state = State.SUPERSEDED
        if state is not State.REVOKED:
            self._plant(lie, leaf)
        self._grow()
        set_state(self.pages, index, state)
        return StatusChange(index=index, link="", reason="fraud", state=int(state))

    def _grow(self) -> None:
        self.pages.extend(bytes(page_count(self.count) * PAGE_BYTES - len(self.pages)))

    def _status(self, lie: str, number: int, leaf: int) -> Status:
        self._grow()
        entry = Status(
            before=leaf,
            count=self.count,
            root=pages_root(self.pages).hex(),
            time=format_time(self.start + timedelta(seconds=number)),
        )
        match lie:
            case "status root":
                entry = replace(entry, root="00" * 32)
            case "status count":
                entry = replace(entry, count=self.count - 1)
            case "time goes back":
                entry = replace(entry, time=format_time(self.start - timedelta(days=1)))
            case _:
                return entry
        self._plant(lie, leaf)
        return entry

    def _plant(self, what: str, leaf: int) -> None:
        self.planted.append(Planted(what=what, named=f"entry {leaf}: "))


# Mutable: it gathers what was planted.
@dataclass(slots=True, kw_only=True)
class Damager:
    """Damage to the files of a finished log, each in the bundle with the middle of a batch."""

    root: Path
    size: int
    chance: random.Random
    planted: list[Planted] = field(default_factory=list)

    def do(self, what: str, bundle: int) -> None:
        """Do one kind of damage at one bundle."""
        tile, entries = f"tile/0/{_n(bundle)}", f"tile/entries/{_n(bundle)}"
        match what:
            case "changed entry":
                self._flip(entries, self._inside(entries))
                self._note(what, entries)
            case "cut bundle":
                self._cut(entries)
                self._note(what, entries)
            case "lost bundle":
                (self.root / entries).unlink()
                self._note(what, entries)
            case "flipped tile":
                self._flip(tile, self.chance.randrange(TILE_WIDTH * 32))
                self._note(what, tile)
            case "cut tile":
                self._cut(tile)
                self._note(what, tile)
            case "lost tile":
                (self.root / tile).unlink()
                self._note(what, tile)
            case "flipped upper tile":
                width = width_at(self.size, 1, bundle // TILE_WIDTH)
                upper = f"tile/1/{_n(bundle // TILE_WIDTH)}"
                upper += "" if width == TILE_WIDTH else f".p/{width}"
                self._flip(upper, bundle % TILE_WIDTH * 32)
                # The tile above tells, if it is full; else what it says of the one below.
                self._note(what, tile)
            case "damaged older tile":
                older = self.root / f"{tile}.p/7"
                older.parent.mkdir(exist_ok=True)
                older.write_bytes((self.root / tile).read_bytes()[: 7 * 32 - 1] + b"?")
                self._note(what, f"{tile}.p/7")
            case "false signature":
                note = (self.root / "checkpoint").read_bytes()
                letter = b"B" if note[-10:-9] == b"A" else b"A"
                (self.root / "checkpoint").write_bytes(note[:-10] + letter + note[-9:])
                self._note(what, "checkpoint")
            case _:
                raise AssertionError(what)

    def _inside(self, path: str) -> int:
        """Return the place of a hex digit of a commitment within a bundle."""
        return (self.root / path).read_bytes().index(b'"commit":"', 5000) + 20

    def _flip(self, path: str, at: int) -> None:
        data = bytearray((self.root / path).read_bytes())
        data[at] ^= 1
        (self.root / path).write_bytes(data)

    def _cut(self, path: str) -> None:
        data = (self.root / path).read_bytes()
        (self.root / path).write_bytes(data[: -self.chance.randrange(1, 30)])

    def _note(self, what: str, where: str) -> None:
        self.planted.append(Planted(what=what, named=f"{where}: "))


def _n(index: int) -> str:
    return f"{index:03}" if index < 1000 else f"x{index // 1000:03}/{index % 1000:03}"


def plan(size: int, chance: random.Random) -> tuple[int, int, dict[int, str]]:
    """Return the certificates in a batch, the number of batches, and the fault of each chosen."""
    width = 92 if size < 200_000 else 995
    batches = (size - HEAD) // (width + EXTRA)
    faults = [*(lie for lie in LIES for _ in range(2)), *DAMAGE]
    assert len(faults) == 50
    # The first batches stay whole: a lie about an earlier certificate needs one.
    slots = chance.sample(range(1, batches // APART), len(faults))
    chance.shuffle(faults)
    return width, batches, {slot * APART: fault for slot, fault in zip(slots, faults, strict=True)}
