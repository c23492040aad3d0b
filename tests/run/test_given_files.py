"""
What a run is given beside its experiment: it is used, or refused, or named as not used.
"""

import json
import logging
from pathlib import Path

import pytest

from chaosfailover.errors import ArgumentError
from chaosfailover.run.given_files import check_settings, check_variables, load_controls

GATE = {"provider": {"type": "python", "module": "json"}}
NO_GATE = {"provider": {"type": "python", "module": "no_such_gate"}}
EXPERIMENT = {
    "configuration": {
        "circuit": {"type": "env", "key": "FAILOVER_CIRCUIT", "default": "pc-a"},
        "rto": {"type": "env", "key": "FAILOVER_RTO", "default": 3.0},
    },
    "secrets": {"cloud": {"key": {"type": "env", "key": "FAILOVER_KEY"}}},
}


def written(folder: Path, name: str, content: object) -> str:
    """
    Write a file of text, bytes or JSON, and return its path.
    """
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param("controls: {a: [}", "given.yaml cannot be read: line 1: ", id="syntax"),
        pytest.param(
            "controls: {}\ncontrols: {}", "line 2: key 'controls' is doubled", id="doubled"
        ),
        pytest.param("- a", "given.yaml holds a list, expected a mapping", id="list"),
        pytest.param("text", "given.yaml holds a str, expected a mapping", id="text"),
        pytest.param(
            b"a: \xff", "given.yaml cannot be read: 'utf-8' codec can't decode", id="encoding"
        ),
        pytest.param(
            "controls: [a]", "given.yaml: controls has list, expected a mapping", id="controls"
        ),
        pytest.param(
            "controls:", "given.yaml: controls has nothing, expected a mapping", id="no controls"
        ),
        pytest.param(
            "controls: {gate: on}", "given.yaml: gate has bool, expected a mapping", id="control"
        ),
        pytest.param(
            "controls: {gate: {provider: json}}",
            "given.yaml: gate.provider has str, expected a mapping",
            id="provider",
        ),
        pytest.param(
            "controls: {gate: {provider: {type: python, module: json, arguments: [1]}}}",
            "given.yaml: gate.provider.arguments has list, expected a mapping",
            id="arguments",
        ),
        pytest.param(
            "controls: {ours: {provider: {type: python, module: chaosfailover.contrl}}}",
            "ours: there is no module 'chaosfailover.contrl' (did you mean chaosfailover.control?)",
            id="misspelt",
        ),
        pytest.param(
            "control: {}", "key control is unknown (did you mean controls?)", id="misspelt key"
        ),
        pytest.param(
            "runtim: {}", "key runtim is unknown (did you mean runtime?)", id="misspelt runtime"
        ),
        pytest.param(
            "controls: {gate: {providr: {}}}",
            "key gate.providr is unknown (did you mean provider?)",
            id="misspelt key of a control",
        ),
        pytest.param(
            "runtime: {rollbacks: {strategy: alwys}}",
            "runtime.rollbacks.strategy is 'alwys', expected one of always, default",
            id="strategy",
        ),
        pytest.param(
            "runtime: [rollbacks]", "given.yaml: runtime has list, expected a mapping", id="runtime"
        ),
    ],
)
def test_settings_that_the_toolkit_would_leave_out(
    tmp_path: Path, content: object, says: str
) -> None:
    """Wholly, or the control that is in them; a validation says so, too."""
    settings = written(tmp_path, "given.yaml", content)

    for check in (check_settings, lambda name: load_controls(name, [])):
        with pytest.raises(ArgumentError) as error:
            check(settings)
        assert says in str(error.value)


@pytest.mark.parametrize("content", ["", "# nothing yet\n", "auths: {}", "controls: {}"])
def test_settings_without_controls(tmp_path: Path, content: str) -> None:
    """They are as good as none."""
    assert check_settings(written(tmp_path, "settings.yaml", content)) == []
    assert check_settings(str(tmp_path / "none.yaml")) == []


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("given.yaml", "gate: [}", "given.yaml cannot be read: line 1: ", id="YAML"),
        pytest.param("given.json", "{gate: 1}", "given.json cannot be read: ", id="JSON"),
        pytest.param("given", "gate: {}", "given cannot be read: ", id="JSON without a suffix"),
        pytest.param(
            "given.json", '{"a": {}, "a": {}}', "key 'a' is doubled; expected once", id="doubled"
        ),
        pytest.param("given.yaml", "", "given.yaml holds nothing, expected a mapping", id="empty"),
        pytest.param("given.yaml", "- a", "given.yaml holds a list, expected a mapping", id="list"),
        pytest.param(
            "given.yaml", "gate: on", "given.yaml: gate has bool, expected a mapping", id="control"
        ),
        pytest.param(
            "given.env", "A=1", "given.env', expected a name that ends in .yaml, .yml", id="suffix"
        ),
        pytest.param(
            "given.yaml",
            "ours: {provider: {type: python, module: chaosfailover.contrl}}",
            "ours: there is no module 'chaosfailover.contrl' (did you mean chaosfailover.control?)",
            id="misspelt",
        ),
    ],
)
def test_control_file_that_the_toolkit_would_leave_out(
    tmp_path: Path, name: str, content: str, says: str
) -> None:
    """The run would cut without the control that was given."""
    file = written(tmp_path, name, content)

    with pytest.raises(ArgumentError) as error:
        load_controls(str(tmp_path / "none.yaml"), [file])

    assert says in str(error.value)


def test_folder_is_no_file(tmp_path: Path) -> None:
    """For whatever it is given."""
    folder = tmp_path / "folder.yaml"
    folder.mkdir()

    for give in (
        lambda: load_controls(str(folder), []),
        lambda: load_controls("none.yaml", [str(folder)]),
        lambda: check_variables(EXPERIMENT, [], [str(folder)]),
    ):
        with pytest.raises(ArgumentError, match=r"folder.yaml cannot be read: Is a directory$"):
            give()


def test_controls_that_are_left_out_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The toolkit says nothing of a module that is not installed."""
    settings = written(tmp_path, "settings.yaml", {"controls": {"here": GATE, "away": NO_GATE}})
    file = written(tmp_path, "controls.json", {"gate": GATE, "freeze": NO_GATE})

    with caplog.at_level(logging.WARNING, "chaostoolkit"):
        load_controls(settings, [file])

    assert [record.getMessage() for record in caplog.records] == [
        f"The control away of {settings} is left out: its module cannot be imported",
        f"The control freeze of {file} is left out: its module cannot be imported",
    ]


@pytest.mark.parametrize(
    ("experiment", "says"),
    [
        pytest.param(
            EXPERIMENT,
            "the variable 'cirquit' is not in the experiment's configuration "
            "(did you mean circuit?)",
            id="close",
        ),
        pytest.param(
            {"configuration": {"rto": 3, "region": ""}},
            "the variable 'cirquit' is not in the experiment's configuration, expected one of rto, "
            "region",
            id="far",
        ),
        pytest.param(
            {},
            "the variable 'cirquit' is not in the experiment's configuration, which is empty",
            id="none",
        ),
    ],
)
def test_variable_that_the_experiment_does_not_have(
    experiment: dict[str, object], says: str
) -> None:
    """The toolkit would use the default, and cut another circuit."""
    with pytest.raises(ArgumentError) as error:
        check_variables(experiment, ["cirquit"], [])

    assert str(error.value) == says


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("given.yaml", "a: [}", "given.yaml cannot be read: line 1: ", id="YAML"),
        pytest.param("given.json", "{a", "given.json cannot be read: ", id="JSON"),
        pytest.param("given.yaml", "- a", "given.yaml holds a list, expected a mapping", id="list"),
        pytest.param(
            "given.yaml",
            "circuit: pc-b",
            "given.yaml: 'circuit' is none of configuration, secrets",
            id="flat",
        ),
        pytest.param("given.yaml", "0: {}", "0 is none of configuration, secrets", id="number"),
        pytest.param(
            "given.yaml",
            "configuration: pc-b",
            "given.yaml: configuration has str, expected a mapping",
            id="kind",
        ),
        pytest.param(
            "given.env", "# a\n\nA=1\nexport\n", "given.env: line 4: expected NAME=VALUE", id=".env"
        ),
        pytest.param("given.env", b"\xef\xbb\xbfA=1", "line 1: expected NAME=VALUE", id="mark"),
        pytest.param(
            "given.env",
            "A='1'",
            "line 1: the quotes would be part of A: leave them out",
            id="quotes",
        ),
        pytest.param(
            "given.json", "{}", "given.json holds nothing, expected configuration", id="empty"
        ),
        pytest.param("given.yaml", "---\n", "given.yaml holds nothing", id="empty document"),
        pytest.param("given.env", "export A=1", "line 1: expected NAME=VALUE", id="export"),
        pytest.param("given.env", "A = 1", "line 1: expected NAME=VALUE", id="spaces"),
        pytest.param("given.env", b"A=\xff", "given.env cannot be read: ", id="encoding"),
    ],
)
def test_variable_file_that_the_toolkit_would_leave_out(
    tmp_path: Path, name: str, content: object, says: str
) -> None:
    """Wholly, or the value that is in it."""
    with pytest.raises(ArgumentError) as error:
        check_variables(EXPERIMENT, [], [written(tmp_path, name, content)])

    assert says in str(error.value)


def test_variable_files_of_several_experiments(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this one does not have is named, and no more; the same with the environment."""
    circuit = {"type": "env", "key": "FAILOVER_MINE", "default": "pc-b"}
    given = {"configuration": {"circuit": circuit, "cirquit": 1, "b": 2}, "secrets": {"cloud": {}}}
    files = [
        written(tmp_path, "given.json", given),
        written(tmp_path, "empty.yaml", "# nothing yet\n"),
        written(tmp_path, "empty.json", ""),
        written(tmp_path, "given.env", "A=1\nFAILOVR_CIRCUIT=pc-b\n#FAILOVER_B=1\n"),
    ]
    monkeypatch.setenv("FAILOVER_RTO", "5")
    monkeypatch.setenv("FAILOVER_KEY", "k")
    monkeypatch.setenv("FAILOVER_TOPOLOGY", "t")
    monkeypatch.setenv("FAILOVER_MINE", "pc-a")
    monkeypatch.setenv("failover_circuits", "pc-a")

    with caplog.at_level(logging.WARNING, "chaostoolkit"):
        check_variables(EXPERIMENT, ["rto"], files)
    assert [record.getMessage() for record in caplog.records] == [
        f"{files[0]}: not in the experiment's configuration, and not used: cirquit, b",
        (
            "Set, and not read by the experiment: FAILOVER_TOPOLOGY, FAILOVR_CIRCUIT (did you "
            "mean FAILOVER_CIRCUIT?), failover_circuits (did you mean FAILOVER_CIRCUIT?)"
        ),
    ]
