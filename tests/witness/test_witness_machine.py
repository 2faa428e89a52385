"""A witness against a log that grows, forks, asks wrongly and asks again, restarted at any time.

Whatever happens, all heads that a witness has ever signed are beginnings of one history, and none
is signed with an earlier time than the one before it.
"""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from registry.ledger.witness.cosigner import Witness
from registry.ledger.witness.evidence import Forks
from registry.ledger.witness.state import State
from registry.ledger.witness.wire import AddCheckpoint, format_request, parse_lines
from signing.tlog.checkpoint import parse_checkpoint
from signing.tlog.cosignature import split_timestamp
from signing.tlog.note import parse_note

SMALL = st.integers(min_value=0, max_value=9)


@pytest.mark.parametrize("examples", [40, pytest.param(1500, marks=pytest.mark.soak)])
def test_a_witness_signs_one_history(  # noqa: C901 - one machine with all its rules
    log: Any, clock: Any, open_witness: Any, examples: int
) -> None:
    toy, stopped, folder_of = type(log), type(clock), tempfile.TemporaryDirectory

    class Machine(RuleBasedStateMachine):
        histories = Bundle("histories")

        def __init__(self) -> None:
            super().__init__()
            self.folder = folder_of()
            self.clock = stopped()
            self.signed: list[tuple[int, bytes, int]] = []
            self.restart()

        def teardown(self) -> None:
            self.folder.cleanup()

        @initialize(target=histories, count=SMALL)
        def begin(self, count: int) -> Any:
            return toy().grow(count)

        @rule(target=histories, history=histories, size=SMALL, count=SMALL)
        def fork(self, history: Any, size: int, count: int) -> Any:
            return history.forked(size).grow(count, f"fork {len(self.signed)} {size} {count}")

        @rule()
        def restart(self) -> None:
            folder = Path(self.folder.name)
            self.witness: Witness = open_witness(
                folder,
                state=State.prepare(
                    folder, "witness.example/w1", new=not (folder / "witness.db").exists()
                ),
                forks=Forks(folder / "forks", lambda _line: None),
                clock=self.clock,
            )

        @rule(seconds=st.integers(min_value=-10_000, max_value=10_000))
        def move_clock(self, seconds: int) -> None:
            self.clock.moment += timedelta(seconds=seconds)

        @rule(history=histories, count=SMALL)
        def grow_and_ask(self, history: Any, count: int) -> None:
            history.grow(count)
            known = self.signed[-1][0] if self.signed else 0
            if known <= len(history.leaves):
                honest = all(history.checkpoint(size).root == root for size, root, _ in self.signed)
                signed = self._ask(history, known, len(history.leaves), history.proof(known))
                assert signed is honest

        @rule(history=histories, back=SMALL, count=SMALL)
        def fork_and_ask(self, history: Any, back: int, count: int) -> None:
            known = self.signed[-1][0] if self.signed else 0
            lie = history.forked(max(0, len(history.leaves) - back)).grow(count, f"lie {known}")
            if known <= len(lie.leaves):
                self._ask(lie, known, len(lie.leaves), lie.proof(known))

        @rule(history=histories, old=SMALL, size=SMALL, cut=st.integers(0, 2))
        def ask_anything(self, history: Any, old: int, size: int, cut: int) -> None:
            size = min(len(history.leaves), size)
            proof = history.proof(old, size)[cut:] if old <= size else ()
            self._ask(history, old, size, proof)

        def _ask(self, history: Any, old: int, size: int, proof: tuple[bytes, ...]) -> bool:
            known = self.signed[-1][0] if self.signed else 0
            note = history.note(size)
            body = format_request(AddCheckpoint(old_size=old, proof=proof, note=note))
            answer = self.witness.add_checkpoint(body)
            if answer.status != 200:
                assert b"\xe2\x80\x94" not in answer.body
                return False
            text = parse_note(note).text
            (line,) = parse_lines(answer.body, text)
            time, _ = split_timestamp(line.signature)
            assert time is not None
            checkpoint = parse_checkpoint(text)
            assert (old, checkpoint.size >= old) == (known, True)
            # The oracle: the leaves themselves.
            roots = {prior: history.checkpoint(prior).root for prior, _, _ in self.signed}
            assert all(roots[prior] == root for prior, root, _ in self.signed)
            self.signed.append((checkpoint.size, checkpoint.root, time))
            return True

        @invariant()
        def nothing_runs_back(self) -> None:
            sizes, times = ([entry[at] for entry in self.signed] for at in (0, 2))
            assert sizes == sorted(sizes)
            assert times == sorted(times)

    case = Machine.TestCase
    case.settings = settings(max_examples=examples, stateful_step_count=20)
    case("runTest").debug()
