"""One certificate's life, whatever the clerk does and whenever it is published.

After each step registry, status pages, the replayed log and the verifier must say of every
edition, to whoever holds a paper of any day, what the model says.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from registry.errors import Refused
from registry.store.certificates import Certificate
from signing.report import Verdict
from signing.tlog.entry import State

VERDICTS = {
    State.VALID: Verdict.VALID,
    State.REVOKED: Verdict.REVOKED,
    State.SUSPENDED: Verdict.SUSPENDED,
    State.SUPERSEDED: Verdict.CORRECTED,
}
WAYS = {
    ("revoke", State.VALID): State.REVOKED,
    ("revoke", State.SUSPENDED): State.REVOKED,
    ("suspend", State.VALID): State.SUSPENDED,
    ("reinstate", State.SUSPENDED): State.VALID,
    ("correct", State.VALID): State.SUPERSEDED,
    ("reissue", State.VALID): State.SUPERSEDED,
}


@dataclass
class Paper:
    """A file given out: mutable, for it remembers what it has to say by itself."""

    evidence: Any
    edition: int
    says: State
    files: list[Any] = field(default_factory=list)


class LifeMachine(RuleBasedStateMachine):
    """The model is the list of the editions' states; `public` is the same as last published."""

    founded: Path
    folder: Path
    open_office: Callable[..., Any]
    clerk_of: Callable[..., Any]
    homes = count()

    def __init__(self) -> None:
        super().__init__()
        home = self.folder / str(next(self.homes))
        shutil.copytree(self.founded, home)
        self.office = self.open_office(home)
        self.clerk = self.clerk_of(self.office)
        (self.number,) = self.clerk.issue()
        self.now = [State.VALID]
        self.public: list[State] = []
        self.papers: list[Paper] = []
        self.publish(0)

    def teardown(self) -> None:
        self.publish(0)
        self.office.audit()
        self.office.close()
        shutil.rmtree(self.office.home)

    @rule(verb=st.sampled_from(["revoke", "suspend", "reinstate", "correct", "reissue"]))
    def act(self, verb: str) -> None:
        state = WAYS.get((verb, self.now[-1]))
        if state is None:
            before = self.office.contents()
            with pytest.raises(Refused, match="only a"):
                self.clerk.act(verb)(self.number)
            assert self.office.contents() == before
            return
        self.clerk.act(verb)(self.number)
        self.now[-1] = state
        if state is State.SUPERSEDED:
            self.now.append(State.VALID)

    @rule(minutes=st.integers(0, 60 * 30))
    def publish(self, minutes: int) -> None:
        """Time goes by, the log takes up what came, and a paper of each edition is given out."""
        self.office.clock.moment += timedelta(minutes=minutes)
        self.office.run()
        assert self.office.fsck().faults == ()
        self.public = list(self.now)
        for edition, says in enumerate(self.public, 1):
            evidence = self.clerk.paper(self.number, edition)
            self.papers.append(Paper(evidence=evidence, edition=edition, says=says))
        file = self.clerk.status_file()
        for paper in self.papers:
            paper.files.append(file)
        self.every_paper_says_what_is_true_now()
        self.no_older_file_hides_an_end()

    @invariant()
    def the_registry_holds_the_model(self) -> None:
        rows = self.office.rows(Certificate)
        assert [State(row.state) for row in rows] == self.now
        following = [row.superseded_by for row in rows]
        assert following == [*range(1, len(rows)), None]

    def every_paper_says_what_is_true_now(self) -> None:
        for paper in self.papers:
            wanted = self.public[paper.edition - 1]
            report = self.clerk.check(paper.evidence, paper.files[-1])
            assert report.verdict is VERDICTS[wanted]
            see = paper.edition + 1 if wanted is State.SUPERSEDED else None
            assert report.see_edition == see

    def no_older_file_hides_an_end(self) -> None:
        for paper in self.papers:
            alone = self.clerk.check(paper.evidence, max_age=timedelta(days=3650))
            assert alone.verdict is VERDICTS[paper.says]
            report = self.clerk.check(paper.evidence, paper.files[0], max_age=timedelta(days=3650))
            assert report.as_of is not None
            assert alone.as_of is not None
            if paper.says in {State.REVOKED, State.SUPERSEDED}:
                assert report.verdict is VERDICTS[paper.says]
            assert report.as_of >= alone.as_of


def run(names: dict[str, Any], examples: int, steps: int) -> None:
    machine = type("Machine", (LifeMachine,), names)
    rules = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    run_state_machine_as_test(machine, settings=rules)


@pytest.fixture
def names(founded: Path, tmp_path: Path, open_office: Any, clerk_of: Any) -> dict[str, Any]:
    return {
        "founded": founded,
        "folder": tmp_path,
        "open_office": staticmethod(open_office),
        "clerk_of": staticmethod(clerk_of),
    }


def test_a_certificate_s_life(names: dict[str, Any]) -> None:
    run(names, 12, 12)


@pytest.mark.soak
def test_many_long_lives(names: dict[str, Any]) -> None:
    run(names, 300, 40)
