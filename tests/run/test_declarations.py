"""
A second control is refused before anything is cut, wherever the two are declared.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chaos_command import chaos, journal
from chaoslib.exceptions import InvalidControl
from drills import action, experiment, shell
from live import Cloud, emulated_cloud

from chaosfailover.run.declarations import check_scope

Control = dict[str, Any]
Document = dict[str, Any]

SETTINGS, FILE = "'company' in the settings", "'extra' in a control file"
FIRST = "'failover' in the experiment (number 1)"


def control(**arguments: object) -> Control:
    """
    Return a declaration of our control.
    """
    provider = {"type": "python", "module": "chaosfailover.control", "arguments": arguments}
    return {"provider": provider}


def second(place: str, name: str = "second") -> Document:
    """
    Return an experiment with a second control, at this place of it.
    """
    document = experiment("two controls", "always", "tcp://127.0.0.1:9")
    owner = {
        "experiment": document,
        "hypothesis": document["steady-state-hypothesis"],
        "probe": document["steady-state-hypothesis"]["probes"][1],
        "method": document["method"][0],
        "rollback": document["rollbacks"][0],
    }[place]
    owner.setdefault("controls", []).append({"name": name, **control(min_survivors=2)})
    return document


def plain() -> Document:
    """
    Return an experiment with one control.
    """
    return experiment("one control", "always", "tcp://127.0.0.1:9")


def bare() -> Document:
    """
    Return an experiment without a control.
    """
    return plain() | {"controls": []}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with emulated_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


class Declared:
    """
    An experiment with settings and control files beside it, for `chaos` to validate or to run.
    """

    def __init__(self, folder: Path, document: Document, settings: Control | None = None) -> None:
        self._folder = folder
        (folder / "experiment.json").write_text(json.dumps(document), encoding="utf-8")
        controls = {"controls": {"company": settings}} if settings else {}
        (folder / "settings.yaml").write_text(json.dumps(controls), encoding="utf-8")

    def files(self, *controls: Control) -> list[str]:
        """
        Write control files; return the options that name them.
        """
        options: list[str] = []
        for number, each in enumerate(controls):
            name = f"controls-{number}.json"
            (self._folder / name).write_text(json.dumps({"extra": each}), encoding="utf-8")
            options += ["--control-file", name]
        return options

    def chaos(self, cloud: Cloud, *arguments: str) -> subprocess.CompletedProcess[str]:
        options = ("--settings", "settings.yaml", *arguments, "experiment.json")
        return chaos(*options, folder=self._folder, **cloud.exports)

    def refused_at_run(self, cloud: Cloud, *options: str) -> str:
        """
        Run the experiment, which nobody has validated; return the reason why it was refused.
        """
        done = self.chaos(cloud, "run", "--no-validation", *options)
        journal = json.loads((self._folder / "journal.json").read_text(encoding="utf-8"))
        verdict = journal["failover"]["verdict"]

        assert (done.returncode, verdict["verdict"]) == (1, "inconclusive"), done.stderr
        assert done.stderr.count("VERDICT:") == 1
        assert cloud.sent("CreateFailoverTestJob") + cloud.sent("StartFailoverTestJob") == 0
        reason: str = verdict["reasons"][0]
        return reason

    def refused_by_validation(self, cloud: Cloud) -> str:
        """
        Validate the experiment; return why it is invalid. A run says the same, and begins nothing.
        """
        validated, run = self.chaos(cloud, "validate"), self.chaos(cloud, "run")

        assert (validated.returncode, run.returncode) == (1, 1), validated.stderr
        line = next(line for line in validated.stderr.splitlines() if "declared" in line)
        message = line[line.index("chaosfailover.control is") :]
        told = [line for line in run.stderr.splitlines() if message in line]
        assert ["VERDICT: inconclusive. " in line for line in told] == [False, True]
        assert run.stderr.count("VERDICT:") == 1
        assert journal(self._folder)["failover"]["verdict"]["verdict"] == "inconclusive"
        assert cloud.sent("CreateFailoverTestJob") + cloud.sent("StartFailoverTestJob") == 0
        return message


@pytest.mark.long
def test_settings_and_experiment(cloud: Cloud, tmp_path: Path) -> None:
    """The company's control would silently lift the `min_survivors` of the experiment."""
    declared = Declared(tmp_path, plain(), settings=control(min_survivors=1))

    message = declared.refused_by_validation(cloud)
    reason = declared.refused_at_run(cloud)

    assert message == (
        f"chaosfailover.control is declared 2 times, expected once: {SETTINGS}, and {FIRST}; keep "
        "one of them, with the arguments of all"
    )
    assert reason == f"The run could not begin: {message}."


@pytest.mark.sample(2)
@pytest.mark.long
@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("experiment", "'second' in the experiment (number 2)"),
        ("hypothesis", "'second' in the steady-state hypothesis (number 1)"),
        ("probe", "'second' in the activity 'slow-the-second-time' (number 1)"),
        ("method", "'second' in the activity 'cut-the-circuit' (number 1)"),
        ("rollback", "'second' in the activity 'bring-the-circuit-back' (number 1)"),
    ],
)
def test_two_in_one_experiment(cloud: Cloud, tmp_path: Path, place: str, named: str) -> None:
    """On an activity its arguments have no effect, which is no better."""
    declared = Declared(tmp_path, second(place))

    message = declared.refused_by_validation(cloud)
    reason = declared.refused_at_run(cloud)

    assert f"expected once: {FIRST}, and {named};" in message
    assert reason == f"The run could not begin: {message}."


def test_two_of_one_name(cloud: Cloud, tmp_path: Path) -> None:
    """The toolkit configures the first alone, and calls the hooks of both."""
    declared = Declared(tmp_path, second("experiment", "failover"))

    assert "(number 1), and 'failover' in the exp" in declared.refused_by_validation(cloud)


def test_control_file_and_experiment(cloud: Cloud, tmp_path: Path) -> None:
    """Validation knows of no control files, so the run itself refuses."""
    declared = Declared(tmp_path, plain())
    options = declared.files(control(min_survivors=1))

    validated = declared.chaos(cloud, "validate")
    reason = declared.refused_at_run(cloud, *options)

    assert validated.returncode == 0
    assert f"expected once: {FILE}, and {FIRST};" in reason


@pytest.mark.long
def test_settings_and_control_file(cloud: Cloud, tmp_path: Path) -> None:
    """The experiment itself has none."""
    declared = Declared(tmp_path, bare(), settings=control(min_survivors=2))

    reason = declared.refused_at_run(cloud, *declared.files(control(confirm=True)))

    assert f"expected once: {SETTINGS}, and {FILE};" in reason


@pytest.mark.long
def test_two_control_files(cloud: Cloud, tmp_path: Path) -> None:
    """Neither the settings nor the experiment has one."""
    declared = Declared(tmp_path, bare())

    reason = declared.refused_at_run(cloud, *declared.files(control(), control()))

    assert f"expected once: {FILE}, and {FILE};" in reason


def test_three_controls(cloud: Cloud, tmp_path: Path) -> None:
    """All of them are named in one message."""
    declared = Declared(tmp_path, plain(), settings=control())

    reason = declared.refused_at_run(cloud, *declared.files(control()))

    assert f"is declared 3 times, expected once: {SETTINGS}, and {FILE}, and {FIRST};" in reason


@pytest.mark.long
@pytest.mark.parametrize(
    "scope",
    ["before", "after"],
)
def test_scope_in_the_settings(cloud: Cloud, tmp_path: Path, scope: str) -> None:
    """The toolkit does not validate those: a run would cut and have no verdict, exit code 0."""
    declared = Declared(tmp_path, bare(), settings=control() | {"scope": scope})

    done = declared.chaos(cloud, "run")

    assert done.returncode == 1
    assert cloud.sent("CreateFailoverTestJob") == 0
    assert f"could not begin: control 'company': scope is '{scope}', but" in done.stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"scope": "before"}, "scope is 'before', but", id="scope"),
        pytest.param({"automatic": False}, "automatic is False, but", id="automatic"),
        pytest.param({"automatic": None}, "automatic is None, but", id="nothing"),
        pytest.param({"provider": {"type": "http"}}, "provider is 'http', expected", id="type"),
    ],
)
def test_control_that_the_toolkit_would_call_in_part(change: dict[str, Any], says: str) -> None:
    """There would be no verdict, no guard, or no tolerance of the method's probes."""
    with pytest.raises(InvalidControl, match=f"control 'company': .*{says}"):
        check_scope(control() | {"name": "company"} | change)

    check_scope(control() | {"automatic": True})


@pytest.mark.long
def test_control_of_the_settings_alone(cloud: Cloud, tmp_path: Path) -> None:
    """One control is as good as another: the settings' own watches a run without cuts."""
    document = bare() | {"method": [action("rest", shell("true"))], "rollbacks": []}
    declared = Declared(tmp_path, document, settings=control(after_stop=0.1))

    done = declared.chaos(cloud, "run")

    assert "chaosfailover.control is declared" not in done.stderr
    assert done.stderr.count("VERDICT:") == 1


@pytest.mark.long
def test_control_that_is_referred_to(tmp_path: Path) -> None:
    """The toolkit then calls each hook twice; it is one control, one cut and one verdict."""
    document = plain()
    document["controls"][0]["provider"]["arguments"] = {"after_stop": 0.1}
    document["controls"].append({"ref": "failover"})
    del document["steady-state-hypothesis"]
    with emulated_cloud(tmp_path) as cloud:
        done = Declared(tmp_path, document).chaos(cloud, "run", "--no-validation")

        assert done.stderr.count("VERDICT:") == 1, done.stderr
        assert cloud.statuses() == ["Stopped"]
