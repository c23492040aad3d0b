"""
No value that YAML or an activity makes costs a run its journal, its verdict or its record.
"""

import copy
import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaos_command import chaos, free_port, journal
from chaoslib.types import Dry
from drills import action, python

from chaosfailover.errors import ArgumentError
from chaosfailover.run.journal_entry import RunFacts, check_depth, entry_at_first, json_object
from chaosfailover.run.settings import Settings

DAY = datetime.date(2026, 11, 27)


class Unprintable:
    """
    What an activity may return.
    """

    def __str__(self) -> str:
        raise RuntimeError("cannot be printed")


@pytest.mark.parametrize(
    ("endpoint", "mode"),
    [
        pytest.param("emulator", "REHEARSAL", id="embedded emulator"),
        pytest.param(" Emulator", "REHEARSAL", id="however it is written"),
        pytest.param("cloud", "", id="cloud"),
        pytest.param("http://127.0.0.1:8700", "", id="what may be an emulator"),
        pytest.param(None, "", id="none"),
    ],
)
def test_run_that_is_refused_before_it_has_a_venue(endpoint: str | None, mode: str) -> None:
    """A rehearsal whose emulator could not start, as a port is in use, was one all the same."""
    facts = RunFacts(Settings(), {"alibaba_cloud_vpc_endpoint": endpoint})

    assert entry_at_first(facts, {})["mode"] == mode


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param("text", "text", id="text"),
        pytest.param([1, 0.5, True, None], [1, 0.5, True, None], id="what JSON has"),
        pytest.param(DAY, "2026-11-27", id="date"),
        pytest.param(datetime.datetime(2026, 11, 27, 8, 30), "2026-11-27T08:30:00", id="datetime"),  # noqa: DTZ001
        pytest.param({"b", "a"}, ["a", "b"], id="set"),
        pytest.param(("a", {1, "x"}), ["a", [1, "x"]], id="set in a tuple"),
        pytest.param(b"\x00\xff", "b'\\x00\\xff'", id="binary"),
        pytest.param(float("nan"), "nan", id="no number"),
        pytest.param([float("-inf")], ["-inf"], id="infinity"),
        pytest.param(10**5000, "<int>", id="number too long to print"),
        pytest.param("\ud800", "?", id="half a character"),
        pytest.param(decimal.Decimal("1.50"), "1.50", id="decimal"),
        pytest.param(Dry.PROBES, "probes", id="enumeration"),
        pytest.param(Unprintable(), "<Unprintable>", id="object that cannot be printed"),
        pytest.param(
            {True: 1, None: 2, 3: 3, 0.5: 4, DAY: 5, "x": 6},
            {"true": 1, "null": 2, "3": 3, "0.5": 4, "2026-11-27": 5, "x": 6},
            id="keys",
        ),
    ],
)
def test_value_is_written_as_json_holds_it(value: object, written: object) -> None:
    """It reads back as what was written, also by readers that are strict."""
    actual = json_object({"key": value})

    assert actual == {"key": written}
    assert json.loads(json.dumps(actual, allow_nan=False)) == actual


def nested(levels: int) -> object:
    value: object = "x"
    for _ in range(levels):
        value = [value]
    return value


def within_itself() -> object:
    value: list[object] = []
    value.extend([value, value])
    return value


@pytest.mark.parametrize("value", [nested(5000), within_itself()], ids=["deep", "within itself"])
def test_value_that_no_journal_can_hold(value: object) -> None:
    """An experiment is refused for it, with its place; the output of an activity becomes text."""
    with pytest.raises(
        ArgumentError, match=r"^the experiment's extensions\.0\.note.* contains its"
    ):
        check_depth({"extensions": [{"name": "failover", "note": value}]})

    assert "<list>" in json.dumps(json_object({"output": value}))


def test_ordinary_experiment_is_not_refused() -> None:
    """An alias may be used many times, and an experiment may be nested as deep as it needs."""
    shared = {"a": [1, 2]}

    check_depth({"method": [shared, shared, nested(90)]})


HOSTILE = yaml.safe_load("""
2026-11-27: a date
true: a boolean
null: nothing
7: {0.5: [2026-11-27T08:30:00Z, .nan, -.inf]}
set: !!set {a, b}
binary: !!binary AAEC/w==
""")
RETURNS = """\
import datetime

def anything(value=None, given=None):
    return value is not None or {1: {datetime.date(2026, 11, 27)}, "x": object()}
"""


def hostile_experiment(port: int) -> dict[str, Any]:
    """
    Return an experiment with what YAML makes of unquoted values in every place that takes it.
    """
    cut = python("create_failover_test", name="drill", resource_ids=["pc-rehearsal-a"], start=True)
    probe = {
        "type": "probe",
        "name": "hostile",
        "tolerance": {"type": "probe", "name": "any", "provider": _anything()},
        "provider": _anything(),
    }
    arguments = {"targets": {"portal": f"http://127.0.0.1:{port}/"}, "topology": "topology.yaml"}
    return {
        "title": "hostile",
        "description": "hostile",
        "contributions": {"reliability": DAY},
        "configuration": {
            "alibaba_cloud_region_id": "cn-hangzhou",
            "alibaba_cloud_vpc_endpoint": "emulator",
            "since": DAY,
            "hostile": copy.deepcopy(HOSTILE),
        },
        "controls": [
            {
                "name": "failover",
                "provider": {
                    "type": "python",
                    "module": "chaosfailover.control",
                    "arguments": arguments,
                },
            }
        ],
        "steady-state-hypothesis": {"title": "hostile", "probes": [probe]},
        "method": [
            action("cut", cut),
            {**probe, "name": "again"},
            action("stop", python("stop_failover_test", test="drill")),
        ],
        "rollbacks": [],
        "extensions": [{"name": "failover", "change_window": DAY, "hostile": HOSTILE}],
    }


def _anything() -> dict[str, Any]:
    arguments = {"given": copy.deepcopy(HOSTILE)}
    return {"type": "python", "module": "returns", "func": "anything", "arguments": arguments}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a topology on free ports and a module of activities."""
    services = {name: {"port": free_port()} for name in ("portal", "echo", "ledger")}
    document = {"extends": "dual-circuit", "services": services}
    (tmp_path / "topology.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    (tmp_path / "returns.py").write_text(RETURNS, encoding="utf-8")
    return tmp_path


def run(folder: Path, document: dict[str, Any]) -> dict[str, Any]:
    (folder / "experiment.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    chaos("run", "experiment.yaml", folder=folder, PYTHONPATH=str(folder))
    return journal(folder)


def portal(folder: Path) -> int:
    topology = yaml.safe_load((folder / "topology.yaml").read_text("utf-8"))
    port: int = topology["services"]["portal"]["port"]
    return port


@pytest.mark.long
def test_journal_of_a_cut_holds_what_yaml_makes(folder: Path) -> None:
    """Verdict, measurement and record are there, and what was unquoted is text."""
    written = run(folder, hostile_experiment(portal(folder)))

    entry = written["failover"]
    assert entry["verdict"]["verdict"] == "held"
    assert entry["targets"]["portal"]["series"]
    assert entry["record"]["people"]["more"]["change_window"] == "2026-11-27"
    assert entry["configuration"]["since"] == "2026-11-27"
    hostile = written["experiment"]["extensions"][0]["hostile"]
    assert hostile["7"] == {"0.5": ["2026-11-27T08:30:00+00:00", "nan", "-inf"]}
    assert hostile["set"] == ["a", "b"]


def test_experiment_that_no_journal_can_hold_cuts_nothing(folder: Path) -> None:
    """The verdict and the record name its line."""
    document = hostile_experiment(portal(folder))
    document["extensions"][0]["hostile"] = within_itself()

    entry = run(folder, document)["failover"]

    assert [event["kind"] for event in entry["events"]] == ["refused"]
    assert entry["verdict"]["verdict"] == "inconclusive"
    assert "refers to what contains it" in entry["record"]["verdict"]["reasons"][0]
