"""
The toolkit finds every activity, and can ask for every argument.
"""

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from accounts import ACCOUNTS

import chaosfailover
from chaosfailover.emulator import Emulator
from chaosfailover.inspection.discovery import account_system

CHAOS = [str(Path(sys.executable).with_name("chaos")), "--no-version-check"]
DISCOVER = [*CHAOS, "discover", "--no-install", "chaostoolkit-failover"]
ACTIVITIES_ONLY = [*DISCOVER[:-1], "--no-system-info", DISCOVER[-1]]
OPTIONAL = [("configuration", None), ("secrets", None)]
MODULES = ("actions", "probes", "tolerances")
ACTIVITIES = chaosfailover.load_exported_activities()
NAMED = [pytest.param(activity, id=activity["name"]) for activity in ACTIVITIES]


def test_every_exported_activity_is_listed() -> None:
    """Whatever an activity module exports is discovered, and nothing else."""
    exported = {
        (f"chaosfailover.{module}", name)
        for module in MODULES
        for name in importlib.import_module(f"chaosfailover.{module}").__all__
    }
    listed = {
        (activity["mod"], activity["name"])
        for activity in ACTIVITIES
        if activity["type"] != "control"
    }

    assert listed == exported


def test_every_module_with_activities_is_known() -> None:
    """A module whose functions default to no configuration and no secrets has activities."""
    found = set()
    for module in pkgutil.iter_modules(chaosfailover.__path__):
        if module.name == "emulator" or module.name.startswith("_"):
            continue
        loaded = importlib.import_module(f"chaosfailover.{module.name}")
        for name in loaded.__all__:
            if inspect.isfunction(function := getattr(loaded, name)):
                last = list(inspect.signature(function).parameters.values())[-2:]
                if [(one.name, one.default) for one in last] == OPTIONAL:
                    found.add(module.name)

    assert found == set(MODULES)


@pytest.mark.parametrize("activity", [one for one in NAMED if "control" not in one.id])  # type: ignore[operator]
def test_activity_is_documented(activity: dict[str, Any]) -> None:
    """Each has an example that names it, and ends in configuration and secrets."""
    function = getattr(importlib.import_module(activity["mod"]), activity["name"])
    parameters = list(inspect.signature(function).parameters)

    assert parameters[-2:] == ["configuration", "secrets"]
    assert "```yaml" in activity["doc"]
    assert f"func: {activity['name']}" in activity["doc"]


@pytest.mark.parametrize("activity", NAMED)
def test_argument_types_are_simple(activity: dict[str, Any]) -> None:
    """`chaos init` can ask for each argument: none is an object or of no type."""
    types = {argument["name"]: argument.get("type") for argument in activity.get("arguments", [])}

    assert {name: kind for name, kind in types.items() if kind in (None, "object")} == {}


def test_chaos_discover_lists_the_extension(tmp_path: Path) -> None:
    """`chaos discover --no-install` finds the distribution and shows its activities."""
    subprocess.run(ACTIVITIES_ONLY, cwd=tmp_path, check=True, capture_output=True)

    discovery = json.loads((tmp_path / "discovery.json").read_text())
    names = {activity["name"] for activity in discovery["activities"]}
    assert {"create_failover_test", "surviving_paths", "at_most"} <= names
    assert "object" not in json.dumps(
        [
            argument["type"]
            for activity in discovery["activities"]
            for argument in activity.get("arguments", [])
        ]
    )


def _answers(activities: list[dict[str, Any]]) -> str:
    """
    Type what a person types who takes every activity in turn, with every default.
    """
    typed = ["Drill", "n", "y"]
    for number, activity in enumerate(activities, start=1):
        typed += [str(number), "y"]
        for argument in activity.get("arguments", []):
            if argument["name"] not in ("configuration", "secrets"):
                typed.append(_answer(argument))
        typed.append("y")
    return "\n".join([*typed, "0", "n", ""])


def _answer(argument: dict[str, Any]) -> str:
    if argument.get("default") is not None:
        return ""
    if argument["type"] in ("integer", "number"):
        return "5"
    return "" if "default" in argument else "x"


def test_chaos_init_walks_through_the_activities(tmp_path: Path) -> None:
    """`chaos init` asks for every argument of every activity and writes them all down."""
    subprocess.run(ACTIVITIES_ONLY, cwd=tmp_path, check=True, capture_output=True)
    discovery = json.loads((tmp_path / "discovery.json").read_text())
    activities = [one for one in discovery["activities"] if one["type"] != "control"]
    (tmp_path / "discovery.json").write_text(json.dumps(discovery | {"activities": activities}))

    done = subprocess.run(
        [*CHAOS, "init"],
        cwd=tmp_path,
        input=_answers(activities),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    experiment = json.loads((tmp_path / "experiment.json").read_text())
    assert [one["name"] for one in experiment["method"]] == [one["name"] for one in activities]


@pytest.fixture
def account(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """
    An environment that takes the emulator for the cloud.
    """
    settings = {
        "ALIBABA_CLOUD_ENDPOINT_VPC": emulator.url,
        "ALIBABA_CLOUD_REGION_ID": "cn-hangzhou",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "emulator",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "emulator-secret",
    }
    for name, text in settings.items():
        monkeypatch.setenv(name, text)
    return settings


@pytest.mark.usefixtures("account")
def test_chaos_discover_lists_the_account(tmp_path: Path) -> None:
    """The regions of the account are there, with their circuits and VBRs."""
    subprocess.run(DISCOVER, cwd=tmp_path, check=True, capture_output=True)

    system = json.loads((tmp_path / "discovery.json").read_text())["system"]
    (region,) = system["regions"]
    assert region["region_id"] == "cn-hangzhou"
    assert region["circuits"][0] == {
        "circuit_id": "pc-rehearsal-a",
        "name": "rehearsal-a",
        "status": "Enabled",
        "access_point_id": "ap-cn-hangzhou-a",
    }
    assert [(vbr["vbr_id"], vbr["circuit_ids"]) for vbr in region["vbrs"]] == [
        ("vbr-rehearsal-a", ["pc-rehearsal-a"]),
        ("vbr-rehearsal-b", ["pc-rehearsal-b"]),
    ]


def test_account_is_listed_in_order_of_the_ids(
    tmp_path: Path, as_first_account: Callable[[str], None]
) -> None:
    """Whatever comes first in an answer, and whatever a VBR stands on."""
    vbrs = {"vbr-z": "pc-1", "vbr-a": "pc-2"}
    region = {
        "circuits": {"pc-2": {}, "pc-1": {}},
        "vbrs": {name: {"PhysicalConnectionId": below} for name, below in vbrs.items()},
    }
    account = {"access_keys": {f"key-{ACCOUNTS[0]}": f"secret-{ACCOUNTS[0]}"}}
    topology = {
        "accounts": {ACCOUNTS[0]: account},
        "regions": {"cn-hangzhou": region, "cn-beijing": {}},
    }
    file = tmp_path / "topology.yaml"
    file.write_text(json.dumps(topology), encoding="utf-8")
    with Emulator(file) as emulator:
        as_first_account(emulator.url)

        system = json.loads(json.dumps(account_system()))

    first, second = system["regions"]
    assert (first["region_id"], second["region_id"]) == ("cn-beijing", "cn-hangzhou")
    assert [circuit["circuit_id"] for circuit in second["circuits"]] == ["pc-1", "pc-2"]
    assert [vbr["vbr_id"] for vbr in second["vbrs"]] == ["vbr-a", "vbr-z"]


@pytest.mark.usefixtures("account")
def test_account_that_cannot_be_read_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The activities are there all the same, and the log says what was refused."""
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong")

    done = subprocess.run(DISCOVER, cwd=tmp_path, check=True, capture_output=True, text=True)

    discovery = json.loads((tmp_path / "discovery.json").read_text())
    assert discovery["system"] is None
    assert discovery["activities"]
    assert "SignatureDoesNotMatch" in done.stdout + done.stderr
