"""
A key that the toolkit would ignore for its spelling is refused, and a user's own is not.
"""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaos_command import ALL, chaos
from places import EXPERIMENTS

from chaosfailover.errors import ArgumentError
from chaosfailover.run.experiment_keys import check_keys

Document = dict[str, Any]


def experiment(name: str = "circuit-failover.yaml") -> Document:
    document: Document = yaml.safe_load((EXPERIMENTS / name).read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("name", ALL)
def test_bundled_experiments_are_spelt_right(name: str) -> None:
    check_keys(experiment(name))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"rollback": []}, "key rollback is unknown (did you mean rollbacks?)", id="s"),
        pytest.param({"Rollbacks": []}, "key Rollbacks is unknown", id="case"),
        pytest.param({"steady_state_hypothesis": {}}, "(did you mean steady-state", id="line"),
        pytest.param({"hypothesis": {}}, "(did you mean steady-state-hypothesis?)", id="part"),
        pytest.param({"control": []}, "(did you mean controls?)", id="control"),
        pytest.param(
            {"method": [{"name": "a", "tolerence": 1}]},
            "key method[0].tolerence is unknown (did you mean tolerance?)",
            id="of an activity",
        ),
        pytest.param(
            {"steady-state-hypothesis": {"title": "t", "probe": []}},
            "key steady-state-hypothesis.probe is unknown (did you mean probes?)",
            id="of the hypothesis",
        ),
        pytest.param(
            {"runtime": {"rollback": {"strategy": "always"}}},
            "key runtime.rollback is unknown (did you mean rollbacks?)",
            id="of the runtime",
        ),
        pytest.param(
            {"runtime": {"rollbacks": {"strategy": "allways"}}},
            "runtime.rollbacks.strategy is 'allways', expected one of always, default",
            id="a strategy",
        ),
    ],
)
def test_misspelt_key_is_refused(change: Document, said: str) -> None:
    """With its place, and the key that is meant."""
    with pytest.raises(ArgumentError) as refused:
        check_keys({**experiment(), **change})

    assert said in str(refused.value)


def test_keys_of_users_are_left_alone() -> None:
    """Anchors and notes have keys that look like none of the toolkit's."""
    document = copy.deepcopy(experiment())
    document |= {"x-cut": {"rollback": 1}, "definitions": [], "owner": "me"}
    document["method"][0]["comment"] = "why"

    check_keys(document)


def test_validation_names_the_key(tmp_path: Path) -> None:
    """`chaos validate` fails, and so does a run that nobody validated, before the cut."""
    document = experiment()
    document["rollback"] = document.pop("rollbacks")
    file = tmp_path / "experiment.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")

    validated = chaos("validate", str(file), folder=tmp_path)
    ran = chaos("run", "--no-validation", str(file), folder=tmp_path)

    for done in (validated, ran):
        assert done.returncode == 1
        assert "key rollback is unknown (did you mean rollbacks?)" in done.stdout + done.stderr
    assert "ftj-" not in ran.stdout + ran.stderr
