"""Small cells of published tables (开放数据的小数保护): withheld so that no sum gives them back.

A table is published with its row sums, column sums and whole. A count from 1 to `LEAST` - 1 is
withheld, and with it as many others (complementary suppression) as it takes that every withheld
value could be another one and all that is published still be true. Who reads it knows the sums,
that counts are whole, and that what is withheld is at least 1: noughts are printed.

The withheld values are a flow: from the whole T over the row sums into the cells and on to the
columns. Two tables that fit the same publication differ by circles of this network, so a value is
hidden exactly if it lies on a circle along which a 1 can be pushed: up by any amount, down only
where 2 or more stand. That is checked for each, and where it fails the cheapest circle is withheld.

Several tables with the same columns and the same (published) column sums do not help each other's
readers: for each column any way to fill one table goes together with any way to fill another.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

LEAST: Final = 5
"""The least count that is printed, but for nought."""

OTHER: Final = "其他"
_Node: TypeAlias = tuple[str, int]
_Arc: TypeAlias = tuple[_Node, _Node]
_WHOLE: Final[_Node] = ("whole", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A table as it may be printed: None where a value is withheld.

    ``cells`` are by row, then by column; ``sums`` the rows'; ``columns`` the columns' sums.
    """

    labels: tuple[str, ...]
    cells: tuple[tuple[int | None, ...], ...]
    sums: tuple[int | None, ...]
    columns: tuple[int, ...]


def join_small(counts: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Group neighbouring columns until each group's sum is nought or at least `LEAST`.

    Returns the places of each group, in order; none if even all together are too few.
    """
    groups: list[tuple[int, ...]] = []
    held: tuple[int, ...] = ()
    for place in range(len(counts)):
        held = (*held, place)
        total = sum(counts[one] for one in held)
        if total == 0 or total >= LEAST:
            groups.append(held)
            held = ()
    if held:
        # What is left at the end is too few for itself: it goes to the last that is not empty.
        full = [at for at, group in enumerate(groups) if any(counts[one] for one in group)]
        if not full:
            return ()
        tail = [one for group in groups[full[-1] :] for one in group]
        groups[full[-1] :] = [(*tail, *held)]
    return tuple(groups) if any(counts) else ()


def publish_table(rows: Mapping[str, Sequence[int]]) -> Published:
    """Return what may be printed of a table, whose column sums must be nought or `LEAST` and more.

    Where a small count cannot be hidden, the smallest rows are joined into one (`OTHER`) until it
    can; a table of one row has only column sums in it. Raises ValueError for a column that is too
    small itself.
    """
    columns = tuple(sum(column) for column in zip(*rows.values(), strict=True))
    if any(0 < count < LEAST for count in columns):
        raise ValueError("a column sum is itself too small to be printed")
    smallest = sorted(rows, key=lambda label: (sum(rows[label]), label))
    for joined in (0, *range(2, len(rows) + 1)):
        table = _joined(rows, smallest[:joined])
        hidden = _hide(tuple(table.values()))
        if hidden is not None:
            return _print(table, hidden, columns)
    return Published(labels=(), cells=(), sums=(), columns=columns)


def _joined(rows: Mapping[str, Sequence[int]], others: Sequence[str]) -> dict[str, tuple[int, ...]]:
    kept = {label: tuple(cells) for label, cells in rows.items() if label not in others}
    if others:
        sums = zip(*(rows[label] for label in others), strict=True)
        own = kept.pop(OTHER, None)
        joined = tuple(map(sum, sums))
        kept[OTHER] = joined if own is None else tuple(map(sum, zip(joined, own, strict=True)))
    return kept


def _hide(cells: Sequence[Sequence[int]]) -> frozenset[_Arc] | None:
    """Return all that is to be withheld, or None if something small cannot be hidden."""
    values = dict(_arcs(cells))
    hidden = {arc for arc, value in values.items() if 0 < value < LEAST}
    for arc in sorted(hidden):
        circle = _circle(arc, values, frozenset(hidden))
        if circle is None:
            return None
        # Each on the circle is hidden by it, and what was hidden before stays so.
        hidden |= circle
    return frozenset(hidden)


def _arcs(cells: Sequence[Sequence[int]]) -> Iterator[tuple[_Arc, int]]:
    for at, row in enumerate(cells):
        node = ("row", at)
        if sum(row):
            yield (_WHOLE, node), sum(row)
        for column, value in enumerate(row):
            if value:
                yield (node, ("column", column)), value


def _circle(arc: _Arc, values: Mapping[_Arc, int], hidden: frozenset[_Arc]) -> set[_Arc] | None:
    """Return the cheapest circle through ``arc``, as the arcs on it; None if there is none.

    What is printed so far may be on it, at the cost of what would be lost by withholding it.
    """
    usable = {one: value for one, value in values.items() if one != arc}
    steps: dict[_Node, list[tuple[int, _Node, _Arc]]] = {}
    for (start, end), value in usable.items():
        cost = 0 if (start, end) in hidden else value
        steps.setdefault(start, []).append((cost, end, (start, end)))
        if value > 1:
            steps.setdefault(end, []).append((cost, start, (start, end)))
    start, end = arc
    ways = [_way(steps, end, start)]
    if values[arc] > 1:
        ways.append(_way(steps, start, end))
    found = [way for way in ways if way is not None]
    if not found:
        return None
    return {arc, *min(found, key=lambda way: way[0])[1]}


def _way(
    steps: Mapping[_Node, Sequence[tuple[int, _Node, _Arc]]], start: _Node, end: _Node
) -> tuple[int, tuple[_Arc, ...]] | None:
    """Find the cheapest way (Dijkstra); its cost and its arcs."""
    done: set[_Node] = set()
    queue: list[tuple[int, int, _Node, tuple[_Arc, ...]]] = [(0, 0, start, ())]
    while queue:
        cost, length, node, arcs = heapq.heappop(queue)
        if node == end:
            return cost, arcs
        if node in done:
            continue
        done.add(node)
        for price, following, arc in steps.get(node, ()):
            if following not in done:
                heapq.heappush(queue, (cost + price, length + 1, following, (*arcs, arc)))
    return None


def _print(
    table: Mapping[str, Sequence[int]], hidden: frozenset[_Arc], columns: tuple[int, ...]
) -> Published:
    cells, sums = [], []
    for at, row in enumerate(table.values()):
        node = ("row", at)
        cells.append(
            tuple(
                None if (node, ("column", column)) in hidden else value
                for column, value in enumerate(row)
            )
        )
        sums.append(None if (_WHOLE, node) in hidden else sum(row))
    return Published(labels=tuple(table), cells=tuple(cells), sums=tuple(sums), columns=columns)
