"""
What the README shows is a whole experiment.
"""

import re
from typing import Any

import pytest
import yaml
from chaoslib.experiment import ensure_experiment_is_valid
from places import ROOT

from chaosfailover.run.steps import planned_cuts
from chaosfailover.safety.cut import Cut

README = ROOT / "README.md"


@pytest.fixture
def shown() -> dict[str, Any]:
    """The README's first experiment."""
    found = re.search(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    experiment: dict[str, Any] = yaml.safe_load(found[1])
    return experiment


def test_experiment_is_valid(shown: dict[str, Any]) -> None:
    """The toolkit takes it as it is, with the control without which nothing would be cut."""
    ensure_experiment_is_valid(shown)

    assert [one["provider"]["module"] for one in shown["controls"]] == ["chaosfailover.control"]


def test_experiment_is_a_rehearsal_that_cuts(shown: dict[str, Any]) -> None:
    """It says where it takes place, and what it cuts."""
    configuration = shown["configuration"]

    created, _ = planned_cuts(shown, configuration, {})

    assert configuration["alibaba_cloud_vpc_endpoint"] == "emulator"
    assert created == [Cut("quarterly-drill", ("pc-rehearsal-a",), "PHYSICALCONNECTION", 5)]


def test_contributing_names_files_that_exist() -> None:
    """Each file and package that the page sends a reader to is there."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]*(?:\.py)?)`", page))
    package = ROOT / "chaosfailover"

    assert len(named) > 20
    assert [each for each in sorted(named) if not ({*package.glob(each), *ROOT.glob(each)})] == []
