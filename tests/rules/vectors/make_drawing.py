"""Make `drawing.json` by the written steps of a draw, with nothing of the program under test."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


class Row:
    """The numbers of a seed, one after another; mutable: it counts."""

    def __init__(self, seed: bytes) -> None:
        self.seed, self.at = seed, 0

    def one_of(self, count: int) -> int:
        while True:
            text = hashlib.sha256(self.seed + self.at.to_bytes(8, "big")).hexdigest()
            self.at += 1
            number = int(text[:8], 16)
            if number < 0x100000000 // count * count:
                return number % count


def make(plans: int, labels: int, take: int, avoid: list[list[str]], word: str) -> dict[str, Any]:
    seed = hashlib.sha256(word.encode()).digest()
    row, left = Row(seed), [f"JH-2026-{n:04}" for n in range(1, plans + 1)]
    supervisors = [f"DD{n:03}" for n in range(1, labels + 1)]
    every = list(left)
    taken = [left.pop(row.one_of(len(left))) for _ in range(take)]
    visits, drawn = dict.fromkeys(supervisors, 0), []
    for plan in taken:
        free = [label for label in supervisors if [plan, label] not in avoid]
        least = min(visits[label] for label in free)
        free = [label for label in free if visits[label] == least]
        label = free[row.one_of(len(free))]
        visits[label] += 1
        drawn.append([plan, label])
    return {
        "avoid": avoid,
        "drawn": drawn,
        "plans": every,
        "seed": seed.hex(),
        "supervisors": supervisors,
        "take": take,
    }


if __name__ == "__main__":
    avoid = [["JH-2026-0001", "DD001"], ["JH-2026-0002", "DD002"], ["JH-2026-0003", "DD001"]]
    vectors = [
        make(1, 1, 1, [], "one"),
        make(5, 3, 2, [], "two"),
        make(5, 3, 5, avoid, "three"),
        make(40, 7, 10, [], "four"),
        make(300, 12, 30, avoid, "five"),
        make(1000, 20, 50, [], "six"),
    ]
    Path(__file__).with_name("drawing.json").write_text(json.dumps(vectors) + "\n")
