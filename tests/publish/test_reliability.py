"""The fault matrix: after each fault the remote is the old head or the complete new one, running again completes it, nothing whole is sent twice.

The quick form kills the client at four moments; the full form (`-m full`) at thirty, and in parts.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from huggingface_hub import close_session
from publish.fault_matrix import (
    SCENARIOS,
    Bench,
    Outcome,
    Scenario,
    make_bench,
    moments,
    run_killed,
    run_scenario,
    run_two_at_once,
    seconds_of_a_push,
)

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    yield make_bench(tmp_path_factory.mktemp("faults"))
    close_session()


def holds(outcome: Outcome) -> None:
    assert outcome.state in {"old", "new"}, outcome
    assert outcome.completed, outcome
    assert outcome.sent_twice == 0, outcome


TOLD = {
    "503 at every commit": "the Hub answered",
    "another commit wins the race (412)": "another commit came in between",
    "the Hub's disk is full": "disk is full",
    "the token expires at the LFS batch": "does not know this token",
    "the token expires at the commit": "does not know this token",
    "the clocks differ: every link is too old at once": "clocks is wrong",
    "every upload is truncated": "bytes came",
}
"""What stops a push, and what it says; whatever is not here completes by itself."""


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "-"))
def test_each_fault(scenario: Scenario, bench: Bench) -> None:
    outcome = run_scenario(scenario, bench)
    holds(outcome)
    if scenario.name in TOLD:
        assert TOLD[scenario.name] in outcome.told
        assert outcome.state == "old"
    elif "every upload's connection" not in scenario.name:
        assert (outcome.told, outcome.state) == ("", "new")


def test_a_client_that_is_killed(bench: Bench) -> None:
    for after in moments(4, seconds_of_a_push(bench), seed=4):
        holds(run_killed(bench, after))


@pytest.mark.full
@pytest.mark.parametrize("parts", [False, True])
def test_a_client_that_is_killed_at_thirty_moments(bench: Bench, parts: bool) -> None:
    for after in moments(30, seconds_of_a_push(bench), seed=30 + parts):
        holds(run_killed(bench, after, parts=parts))


@pytest.mark.parametrize("same", [True, False])
def test_two_pushes_at_once(bench: Bench, same: bool) -> None:
    outcome = run_two_at_once(bench, same=same)
    assert outcome.state == "new" if same else outcome.state in {"old", "new"}, outcome
    assert outcome.completed, outcome
    assert outcome.sent_twice == 0, outcome
