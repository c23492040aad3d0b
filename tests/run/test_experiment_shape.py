"""
A key that the toolkit would ignore for its spelling is refused, and a user's own is not; so is a
value for which it would end with an error of Python.
"""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaos_command import ALL, chaos
from places import EXPERIMENTS

from chaosfailover.errors import ArgumentError
from chaosfailover.run.experiment_shape import check_keys, check_kinds
from chaosfailover.run.loading import checked

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
            {"method": [{"type": "action", "name": "a", "tolerance": 1}]},
            "key method[0].tolerance has no effect: the toolkit judges probes only",
            id="tolerance of an action",
        ),
        pytest.param(
            {"rollbacks": [{"type": "action", "name": "a", "secrets": ["a"]}]},
            "key rollbacks[0].secrets has no effect there: name them in its provider",
            id="secrets of an activity",
        ),
        pytest.param(
            {"steady-state-hypothesis": {"title": "t", "probes": [{"name": "a", "timeout": 1}]}},
            "key steady-state-hypothesis.probes[0].timeout has no effect there: give it to its",
            id="timeout of an activity",
        ),
        pytest.param(
            {"method": [{"name": "a", "configuration": {}}]},
            "key method[0].configuration has no effect there: the toolkit passes that of the exp",
            id="configuration of an activity",
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


def with_part(place: tuple[str | int, ...], value: object) -> Document:
    document: Any = experiment()
    owner = document
    for key in place[:-1]:
        owner = owner[key]
    owner[place[-1]] = value
    checked: Document = document
    return checked


PROBES = ("steady-state-hypothesis", "probes")


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("tags",), 1, "tags has int, expected a list"),
        (("tags",), "a, b", "tags has str, expected a list"),
        (("extensions",), 1, "extensions has int, expected a list of mappings"),
        (("extensions",), ["a"], "extensions has str, expected a list of mappings"),
        (
            ("extensions",),
            [{"name": "failover", "roles": "me"}],
            "extensions[0].roles has str, expected a mapping",
        ),
        (("runtime",), 1, "runtime has int, expected a mapping"),
        (("runtime", "rollbacks"), "always", "runtime.rollbacks has str, expected a mapping"),
        (("runtime", "hypothesis"), None, "runtime.hypothesis has nothing, expected a mapping"),
        (("secrets",), None, "secrets has nothing, expected a mapping"),
        (("steady-state-hypothesis",), None, "steady-state-hypothesis has nothing, expected a"),
        (PROBES, None, "steady-state-hypothesis.probes has nothing, expected a list of mappings"),
        (PROBES, ["a"], "steady-state-hypothesis.probes has str, expected a list of mappings"),
        (("method", 0, "provider"), "python", "method[0].provider has str, expected a mapping"),
        (("method", 0, "controls"), None, "method[0].controls has nothing, expected a list of"),
        (("method", 0, "pauses"), "5", "method[0].pauses has str, expected a mapping"),
        (("method", 0, "provider", "arguments"), [1], "method[0].provider.arguments has list, exp"),
        (("controls", 0, "provider"), None, "controls[0].provider has nothing, expected a mapping"),
        (
            ("controls", 0, "provider", "arguments"),
            None,
            "controls[0].provider.arguments has nothing",
        ),
        ((*PROBES, 0, "tolerance", "provider", "arguments"), 1, "[0].tolerance.provider.arguments"),
    ],
)
def test_value_of_another_kind_is_refused(
    place: tuple[str | int, ...], value: object, said: str
) -> None:
    """With its place; the toolkit would end in a traceback, or run the experiment without it."""
    with pytest.raises(ArgumentError) as refused:
        check_kinds("own.yaml", with_part(place, value))

    assert str(refused.value).startswith("own.yaml: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("tags",), None),
        (("extensions",), None),
        (("runtime",), None),
        (("method", 0, "provider"), {"type": "process", "path": "true", "arguments": "-a"}),
        (("method", 0, "provider"), {"type": "process", "path": "true", "arguments": None}),
        ((*PROBES, 0, "tolerance"), [1, [2]]),
        (("x-own",), {"provider": 1, "controls": 1}),
    ],
)
def test_value_that_the_toolkit_takes_is_left_alone(
    place: tuple[str | int, ...], value: object
) -> None:
    """It looks at some only if there is something in them, and a process takes any arguments."""
    check_kinds("own.yaml", with_part(place, value))


@pytest.mark.parametrize("dry", ["activities", True, "false", None])
def test_dry_in_the_experiment_is_refused(dry: object) -> None:
    """The toolkit puts its own option in the place of it: the circuit would be cut."""
    with pytest.raises(ArgumentError, match=r"own.yaml: the toolkit replaces dry: use `chaos run"):
        checked("own.yaml", {**experiment(), "dry": dry})


def test_keys_of_users_are_left_alone() -> None:
    """Anchors and notes have keys that look like none of the toolkit's."""
    document = copy.deepcopy(experiment())
    document |= {"x-cut": {"rollback": 1}, "definitions": [], "owner": "me"}
    document["method"][0] |= {"comment": "why", "x-provider": 1, "tolerance_note": "t"}
    document["method"][0] |= {"tolerance": None, "secrets": None}
    document |= {"x-controls": [], "_control": 1, "title-zh": "t", "description_en": "d"}
    roles = {"operators": ["p", "q"], "operator_2": "p", "observer2": "p", "lead_operator": "q"}
    document["extensions"] = [{"name": "failover", "roles": roles, "change_ticket_2": "b"}]

    check_keys(document)


FAILOVER: Document = {"name": "failover"}


@pytest.mark.parametrize(
    ("extensions", "said"),
    [
        pytest.param(
            [{"name": "other", "rolls": 1}, FAILOVER | {"change_tiket": "CHG-1"}],
            "key extensions[1].change_tiket is unknown (did you mean change_ticket?)",
            id="ticket",
        ),
        pytest.param(
            [FAILOVER | {"enviroment": "prod"}], "(did you mean environment?)", id="environment"
        ),
        pytest.param([FAILOVER | {"change-ticket": "C"}], "mean change_ticket?)", id="hyphen"),
        pytest.param([FAILOVER | {"role": {}}], "(did you mean roles?)", id="roles"),
        pytest.param(
            [FAILOVER | {"roles": {"aprover": "me"}}],
            "key extensions[0].roles.aprover is unknown (did you mean approver?)",
            id="a role",
        ),
        pytest.param(
            [FAILOVER | {"roles": {"Observer": "me"}}], "(did you mean observer?)", id="case"
        ),
        pytest.param(
            [FAILOVER | {"roles": {"abort-owners": "me"}}], "mean abort_owner?)", id="plural"
        ),
        pytest.param(
            [FAILOVER, {"name": "b"}, FAILOVER],
            "the experiment has 2 extensions named failover, expected one with the keys of all",
            id="two",
        ),
        pytest.param(
            [FAILOVER, {"name": "Failover"}],
            "the experiment's extension 'Failover' is unknown (did you mean failover?)",
            id="another case",
        ),
        pytest.param([{"name": "fail-over"}], "'fail-over' is unknown", id="another spelling"),
    ],
)
def test_misspelt_people_are_refused(extensions: list[Document], said: str) -> None:
    """Else the record of an approved test would say that nobody approved it."""
    with pytest.raises(ArgumentError) as refused:
        check_keys({**experiment(), "extensions": extensions})

    assert said in str(refused.value)


@pytest.mark.parametrize(
    "extensions",
    [
        pytest.param(
            [FAILOVER | {"ticket": 1, "change_window": 1, "link": "", "rules": {}}], id="keys"
        ),
        pytest.param(
            [FAILOVER | {"roles": {"lead_operator": "a", "operations": "b", "scribe": "c"}}],
            id="roles",
        ),
        pytest.param([{"name": "failover-plan", "expected": "held"}, FAILOVER], id="of the plan"),
        pytest.param([{"name": "other", "roles": {"aprover": "me"}}], id="of somebody else"),
        pytest.param([{"roles": {"aprover": "me"}}], id="without a name"),
        pytest.param([FAILOVER | {"roles": None}], id="nobody"),
        pytest.param([], id="none"),
        pytest.param(None, id="nothing"),
    ],
)
def test_extensions_of_ones_own_are_left_alone(extensions: list[Document] | None) -> None:
    check_keys({**experiment(), "extensions": extensions})


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
