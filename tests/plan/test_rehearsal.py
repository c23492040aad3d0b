"""
A rehearsal that was expected to deviate has to deviate as expected.
"""

from typing import Any

import pytest
import yaml
from accounts import ACCOUNTS, TEN, plans
from made_journals import activity, changed, held, probe, reading, target

from chaosfailover.plan.files import plan_files
from chaosfailover.plan.planned_experiment import planned_experiment
from chaosfailover.plan.rehearsal import surprise
from chaosfailover.verdict.verdict import judge

EU = f"{ACCOUNTS[1]}/eu-central-1"


def late(**more: Any) -> dict[str, Any]:
    """
    Return a run whose cut `drill` broke its promise, and what else is wrong with it.
    """
    lengths = {"failover": {"at_least": 8.0, "at_most": 8.2}, "longest": {"at_least": 8.0}}
    made = changed(held(), ("failover.targets", {"portal": target(**lengths)}))
    return changed(made, *((key.replace("__", "."), value) for key, value in more.items()))


@pytest.mark.parametrize(
    ("foreseen", "journal", "said"),
    [
        pytest.param({"drill"}, late(), "", id="as foreseen"),
        pytest.param(
            {"drill"},
            late(steady_states__after=reading(probe("portal", 18, met=False), met=False)),
            "",
            id="and the hypothesis that holds it to the promise",
        ),
        pytest.param(set(), late(), "not in time: drill", id="another one too"),
        pytest.param(
            {"drill", "west"}, late(), "in time: west", id="one that was to break it did not"
        ),
        pytest.param(
            {"drill"},
            late(rollbacks=[activity("back", 20, 22, status="failed")]),
            "also: rollback",
            id="something else went wrong",
        ),
        pytest.param(None, late(rollbacks=[]), "", id="nothing is said of any"),
    ],
)
def test_deviation_is_the_one_that_was_foreseen(
    foreseen: set[str] | None, journal: dict[str, Any], said: str
) -> None:
    """One circuit without BFD in a game day does not excuse the others."""
    known = None if foreseen is None else frozenset(foreseen)

    assert judge(journal).verdict == "deviated"
    assert surprise(known, journal) == said


def test_plan_says_which_tests_break_the_promise(tmp_path: Any) -> None:
    """Without BFD a circuit's loss goes unnoticed for the hold time; those beside it do not."""
    found = plan_files(plans(TEN, tmp_path), {}, {})

    told = {
        name: (experiment.expected, experiment.late)
        for name in ("pc-08", "pc-09", "game-day")
        if (experiment := planned_experiment(yaml.safe_load(found[f"{EU}/{name}.yaml"])))
    }

    assert told == {
        "pc-08": ("held", None),
        "pc-09": ("deviated", frozenset({"pc-09-failover"})),
        "game-day": ("deviated", frozenset({"pc-09-failover"})),
    }
