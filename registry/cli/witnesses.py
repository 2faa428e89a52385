"""``HOME/witnesses.policy``: the lines of the trust policy that are about witnesses (见证方).

C2SP tlog-policy's ``witness``, ``group`` and ``quorum`` lines. The file may be written by hand. As
long as its groups are the ones made here, they are made anew with each witness that is added:

    group NAME any A B     the keys of one witness, which signs under one key name: it counts once
    group witnesses K …    the quorum: K witnesses out of all

Other groups are the operator's own and stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.policy import NO_QUORUM, Policy, PolicyGroup, PolicyWitness, parse_policy
from keys.vkey import format_vkey
from registry.cli.home import Home
from registry.errors import Refused

WITNESSES_FILE: Final = "witnesses.policy"
QUORUM: Final = "witnesses"
"""Name of the group made here that is the quorum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """The file's new text, and what was done to its quorum.

    ``by_hand``: the groups are the operator's and were left alone. ``raised``: more witnesses must
    sign than before.
    """

    text: bytes
    by_hand: bool
    raised: bool


def add_witness(text: bytes, witness: PolicyWitness, *, quorum: int | None) -> Edited:
    """Add a witness to the file's text, or give a known one's address; ``quorum`` of them count.

    With a ``quorum`` of 0 none need sign, with None as many as before. Comments and the order of
    the lines stay. Raises ``Refused``, or ``MalformedPolicy`` for a text that breaks the form.
    """
    old = parse_policy(text) if text else Policy(logs=())
    lines = text.decode("utf-8", "surrogateescape").split("\n")[:-1]
    known = next((one for one in old.witnesses if one.name == witness.name), None)
    if known is not None and known.key != witness.key:
        msg = f"another key stands under the name {witness.name}: choose another name"
        raise Refused(msg)
    count, kept = _quorum_of(old), lines
    if count is not None:
        kept = [one for one in lines if _word(one) not in {"group", "quorum"}]
    url = witness.url or (known.url if known else "")
    line = f"witness {witness.name} {format_vkey(witness.key)} {url}".rstrip()
    if known is None:
        kept = [*kept, line]
    else:
        kept = [line if _defines(one, witness.name) else one for one in kept]
    raised = False
    if count is not None:
        wanted = count if quorum is None else quorum
        raised = wanted > count
        witnesses = old.witnesses if known is not None else (*old.witnesses, witness)
        kept += _closing(witnesses, wanted)
    data = "".join(f"{one}\n" for one in kept).encode("utf-8", "surrogateescape")
    parse_policy(data)
    return Edited(text=data, by_hand=count is None, raised=raised)


def read_witnesses(home: Home) -> bytes:
    """Return the file's bytes; none where there is no such file."""
    try:
        return (home.path / WITNESSES_FILE).read_bytes()
    except FileNotFoundError:
        return b""


def operators(witnesses: Sequence[PolicyWitness]) -> dict[str, list[PolicyWitness]]:
    """Return the witnesses by the key name they sign under: the keys of one are together."""
    found: dict[str, list[PolicyWitness]] = {}
    for witness in witnesses:
        found.setdefault(witness.key.name, []).append(witness)
    return found


def _quorum_of(policy: Policy) -> int | None:
    """Return the quorum's number if the groups are those made here, 0 for none; else None."""
    if not policy.groups and policy.quorum == NO_QUORUM:
        return 0
    last = policy.groups[-1] if policy.groups else None
    if last is None or last.name != QUORUM or policy.quorum != QUORUM:
        return None
    made = tuple(_groups(policy.witnesses, last.threshold))
    return last.threshold if policy.groups == made else None


def _groups(witnesses: Sequence[PolicyWitness], count: int) -> list[PolicyGroup]:
    members, groups = [], []
    for keys in operators(witnesses).values():
        names = tuple(one.name for one in keys)
        if len(names) == 1:
            members.append(names[0])
            continue
        # One witness with two keys is one witness: without this group it would count twice.
        group = PolicyGroup(name=f"{names[0]}.keys", threshold=1, members=names)
        groups.append(group)
        members.append(group.name)
    groups.append(PolicyGroup(name=QUORUM, threshold=count, members=tuple(members)))
    return groups


def _closing(witnesses: Sequence[PolicyWitness], count: int) -> list[str]:
    if count == 0:
        return [f"quorum {NO_QUORUM}"]
    number = len(operators(witnesses))
    if not 0 < count <= number:
        msg = f"--quorum is at most the number of witnesses, {number} now: add the others first"
        raise Refused(msg)
    groups = _groups(witnesses, count)
    lines = [f"group {one.name} {one.threshold} {' '.join(one.members)}" for one in groups]
    return [*lines, f"quorum {QUORUM}"]


def _word(line: str) -> str:
    return next(iter(line.split()), "")


def _defines(line: str, name: str) -> bool:
    return line.split()[:2] == ["witness", name]
