"""
A journal is parsed once: what is missing is absent, what is misshapen is named as damage.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from made_journals import changed, held
from places import DATA
from recorded_journals import RECORDED, load

from chaosfailover.report import render
from chaosfailover.verdict.journal import parse
from chaosfailover.verdict.verdict import examine, judge

EXPECTED = DATA / "verdicts.json"
"""The verdicts of the recorded journals; they change only with the rules."""


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_journal_has_its_verdict(path: Path) -> None:
    """Verdict and reasons, by key and values, are those that were reviewed when it was recorded."""
    expected = json.loads(EXPECTED.read_text(encoding="utf-8"))[path.stem]
    journal = load(path)

    assert judge(journal).verdict == expected["verdict"]
    assert [[reason.key, reason.values] for reason in examine(journal)] == expected["reasons"]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_journal_is_not_damaged(path: Path) -> None:
    """What the toolkit leaves out of an interrupted run is missing, and no damage."""
    assert parse(load(path)).damage == []


@pytest.mark.parametrize(
    ("place", "value", "damage"),
    [
        pytest.param("failover.targets.portal.rto", None, [], id="missing"),
        pytest.param("failover", 7, ["failover"], id="no object"),
        pytest.param("run", {}, ["run"], id="no list"),
        pytest.param("run", [None, 7], ["run[1]"], id="no object in a list"),
        pytest.param("start", "yesterday", ["start"], id="no instant"),
        pytest.param("failover.clock_offset", "2", ["failover.clock_offset"], id="no number"),
        pytest.param(
            "steady_states.after.steady_state_met",
            "false",
            ["steady_states.after.steady_state_met"],
            id="no boolean",
        ),
        pytest.param(
            "failover.targets.portal.summary.outages",
            [{"at_least": "long"}],
            ["failover.targets.portal.summary.outages[0]"],
            id="no length",
        ),
    ],
)
def test_damage_is_named(place: str, value: Any, damage: list[str]) -> None:
    """The list says where the journal could not be read."""
    assert parse(changed(held(), (place, value))).damage == damage


def test_damaged_measurement_is_no_measurement() -> None:
    """An outage that cannot be read may have been of any length, so that the run proves nothing."""
    outages = ("failover.targets.portal.summary.outages", [{"at_least": "long"}])

    judged = judge(changed(held(), outages))

    assert judged.verdict == "inconclusive"
    assert judged.reasons == ("portal was not measured in every cut.",)


@pytest.mark.parametrize("form", ["html", "markdown", "json", "junit"])
def test_report_names_the_damage(form: str) -> None:
    """A reader learns what is missing from a damaged journal, and of a whole one nothing."""
    damaged = changed(held(), ("failover.clock_offset", "soon"))

    assert "damaged and count as missing: failover.clock" in render([damaged], form).replace(
        "\\_", "_"
    )
    assert "count as missing" not in render([held()], form)
