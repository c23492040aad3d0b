"""
The record: complete, valid, free of secrets, and proof against silent changes.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from made_journals import activity, changed, event, held
from recorded_journals import RECORDED, errors, load

from chaosfailover.record import make_record, schema, stored
from chaosfailover.record.digest import verify

Journal = dict[str, Any]


def test_schema_is_a_schema() -> None:
    """What is published is itself valid."""
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_record_of_a_recorded_journal_matches_the_schema(path: Path) -> None:
    """Whatever the toolkit wrote, interrupted or not, makes a valid record."""
    record = make_record(load(path))

    assert errors(record) == []
    assert verify(record)


@pytest.mark.parametrize(
    "journal",
    [
        pytest.param({}, id="empty"),
        pytest.param({"failover": None, "experiment": []}, id="misshapen"),
        pytest.param(dict.fromkeys(held(), 7), id="numbers everywhere"),
        pytest.param(
            {**held(), "failover": {key: [None, {}, "x"] for key in held()["failover"]}},
            id="lists everywhere",
        ),
        pytest.param(changed(held(), ("failover.targets", {"portal": None})), id="no target"),
    ],
)
def test_record_of_a_partial_journal_matches_the_schema(journal: Journal) -> None:
    """What is missing is null or empty, never a failure."""
    assert errors(make_record(journal)) == []


def test_record_holds_what_a_game_day_needs() -> None:
    """Scope, people, tests, recoveries and verdict are read from where the run left them."""
    roles = {"commander": "Lin Mei", "observer": ["A", "B"], "scribe": "C"}
    said = {"name": "failover", "roles": roles, "change_ticket": "CHG-1", "link": "https://x/"}
    journal = changed(
        held(),
        ("experiment.extensions", [{"name": "other"}, said]),
        ("failover.cuts", [{"test": "drill", "resource_ids": ["pc-a"], "duration_minutes": 5}]),
    )

    record = make_record(journal)

    people = record["people"]
    assert (people["roles"]["commander"], people["roles"]["observer"]) == (["Lin Mei"], ["A", "B"])
    assert (people["more_roles"], people["change_ticket"]) == ({"scribe": ["C"]}, "CHG-1")
    assert people["more"] == {"link": "https://x/"}
    assert record["scope"][0]["resource_ids"] == ["pc-a"]
    assert [one["status"] for one in record["tests"][0]["statuses"]] == [
        "Starting",
        "Testing",
        "Stopping",
        "Stopped",
    ]
    assert record["recoveries"] == [
        {
            "target": "portal",
            "test": "drill",
            "rto": 3.0,
            "interval": 0.1,
            "failover": {"at_least": 0.8, "at_most": 1.0},
            "reversion": None,
            "worst_during": {"at_least": 0.8, "at_most": 1.0},
            "worst_after": None,
            "unseen_during": 0.0,
            "unseen_after": 0.0,
            "settled": True,
            "down_at_stop": False,
            "open_at_stop": None,
            "exceeded": False,
            "persistent": False,
            "exceeded_again": False,
            "exceeded_back": False,
            "may_exceed": False,
        }
    ]
    assert record["targets"][0]["outages"][0]["since"] == [
        "2026-11-23T12:00:12.000000Z",
        "2026-11-23T12:00:12.100000Z",
    ]
    assert record["verdict"]["verdict"] == "held"


def test_interrupted_activity_has_no_status() -> None:
    """What was cut off is in the record as such."""
    cut_off = {"activity": {"type": "action", "name": "hold"}, "start": "2026-11-23T12:00:13+00:00"}

    record = make_record(changed(held(), ("run", [cut_off])))

    assert record["activities"][0] == {
        "phase": "method",
        "type": "action",
        "name": "hold",
        "began": "2026-11-23T12:00:13.000000Z",
        "ended": None,
        "status": None,
        "output": None,
        "error": None,
    }


@pytest.mark.parametrize("path", ["verdict", "place", "recoveries", "requests"])
def test_changed_record_does_not_verify(path: str) -> None:
    """Any change of what the machine wrote shows."""
    record = make_record(held())

    assert verify(record)
    assert not verify({**record, path: "changed"})


def test_findings_may_be_filled_in() -> None:
    """People write their findings into the record without breaking its proof."""
    record = make_record(held())

    assert verify({**record, "findings": [{"finding": "slow", "owner": "Jonas"}]})


def test_hash_survives_a_file() -> None:
    """Written and read back, and whatever the order of its keys, a record verifies."""
    record = make_record(held())

    read = json.loads(json.dumps(record, sort_keys=True))

    assert verify(read)


def test_record_that_the_run_left_is_kept() -> None:
    """The record in the journal is the record, with its findings; a broken one is made anew."""
    journal = held()
    left = make_record(journal)
    finding = {"finding": "slow"}

    kept = stored(changed(journal, ("failover.record", {**left, "findings": [finding]}))).record
    anew = stored(changed(journal, ("failover.record", {**left, "place": {}}))).record

    assert kept["findings"] == [finding]
    assert anew == left


def test_record_holds_no_secret() -> None:
    """Neither inline secrets, wherever they turn up, nor what is kept under a telling key."""
    secrets = {
        "cloud": {
            "access_key_id": "LTAI-inline-id",
            "access_key_secret": {"type": "env", "key": "SECRET_NAME", "default": "s3cr3t-default"},
        }
    }
    leak = activity("leak", 13, 14, output={"said": "s3cr3t-default and LTAI-inline-id"})
    journal = changed(
        held(),
        ("experiment.secrets", secrets),
        ("run", [leak]),
        ("failover.configuration", {"api_token": "in-the-configuration", "region": "cn-hangzhou"}),
    )
    journal["failover"]["events"].append(event(15, "abort", reason="LTAI-inline-id failed"))

    written = json.dumps(make_record(journal))

    for secret in ("LTAI-inline-id", "s3cr3t-default", "in-the-configuration"):
        assert secret not in written
    assert "cn-hangzhou" in written


def test_record_that_is_milder_than_its_journal_is_made_anew() -> None:
    """A verdict that was edited, or a measurement, is not covered by a record that was left."""
    left = {**make_record(held()), "findings": [{"finding": "none"}]}
    journal = changed(held(), ("failover.record", left))
    cut = journal["failover"]["targets"]["portal"]["cuts"][0]
    cut["failover"] = {"at_least": 9.0, "at_most": 10.0}
    journal["failover"]["verdict"] = {"verdict": "held", "reasons": ["all is well"]}

    record = stored(journal).record

    assert record["verdict"]["verdict"] == "deviated"
    assert record["verdict"]["reasons"][0].startswith("The stored verdict “held”")
    assert record["findings"] == [{"finding": "none"}]
    assert verify(record)
