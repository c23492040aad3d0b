"""
A record that a run left is believed if it is as it was made, and says what the journal says.
"""

import json
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import pytest
from damaged_journals import ODD, places
from jsonschema import Draft202012Validator
from made_journals import changed, held
from recorded_journals import RECORDED, load

from chaosfailover.record import STATES, as_journal, make_record, record_of, schema, stored, verify
from chaosfailover.record.digest import sealed
from chaosfailover.record.json_schema import misfits
from chaosfailover.report import FORMATS, render

Document = dict[str, Any]


def left(**changes: Any) -> Document:
    """Return a run with its record, in which parts were changed and the SHA-256 made anew."""
    record = make_record(held())
    return changed(held(), ("failover.record", sealed({**record, **changes})))


def without(part: str) -> Document:
    """Return a run whose record lacks a part, with a SHA-256 that is right."""
    journal = left()
    rest = {key: value for key, value in journal["failover"]["record"].items() if key != part}
    return changed(journal, ("failover.record", sealed(rest)))


def tampered() -> Document:
    """Return a run whose record was changed by hand."""
    return changed(left(), ("failover.record.verdict.verdict", "deviated"))


@pytest.mark.parametrize(
    ("journal", "state", "detail"),
    [
        pytest.param(left(), "intact", "", id="as it was made"),
        pytest.param(held(), "absent", "", id="none"),
        pytest.param(tampered(), "broken", make_record(held())["sha256"], id="changed"),
        pytest.param(changed(held(), ("failover.record", [5])), "broken", "", id="no record"),
        pytest.param(without("targets"), "misshapen", "$.targets", id="without targets"),
        pytest.param(without("verdict"), "misshapen", "$.verdict", id="without a verdict"),
        pytest.param(
            left(verdict={"verdict": "splendid", "reasons": []}),
            "misshapen",
            "$.verdict.verdict",
            id="unknown verdict",
        ),
        pytest.param(left(version=2), "misshapen", "$.version", id="another version"),
        pytest.param(
            left(verdict={"verdict": "deviated", "reasons": []}),
            "differs",
            "verdict",
            id="another verdict, with a SHA-256 of its own",
        ),
        pytest.param(left(targets=[]), "differs", "targets", id="other targets"),
        pytest.param(
            left(configuration={"db_pwd": "x"}), "redacted", "", id="with what is secret today"
        ),
    ],
)
def test_state_of_a_stored_record(journal: Document, state: str, detail: str) -> None:
    """The state says what is wrong with it, and where."""
    found = stored(journal)

    assert (found.state, found.detail) == (state, detail)
    assert found.state in STATES
    assert verify(found.record)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("journal", "said"),
    [
        pytest.param(tampered(), "does not match its SHA-256", id="changed"),
        pytest.param(without("targets"), "does not match the schema", id="misshapen"),
        pytest.param(left(targets=[]), "says otherwise of: targets", id="contradicted"),
        pytest.param(left(configuration={"db_pwd": "x"}), "looks like secrets", id="secrets"),
    ],
)
def test_report_says_what_is_wrong_with_the_record(journal: Document, said: str, form: str) -> None:
    """Nobody takes it for what the run left; where all is well nothing is said."""
    assert said in render([journal], form)
    assert said not in render([left()], form)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param("Standby is slow", [{"finding": "Standby is slow"}], id="a sentence"),
        pytest.param(["Standby is slow"], [{"finding": "Standby is slow"}], id="sentences"),
        pytest.param([5], [{"finding": "5"}], id="a number"),
        pytest.param([{"finding": 5, "x": 1}], [{"finding": "5", "x": 1}], id="odd members"),
        pytest.param({"finding": "slow"}, [{"finding": "slow"}], id="one alone"),
        pytest.param(None, [], id="nothing"),
    ],
)
def test_findings_are_read_in_whatever_form(written: Any, read: list[Document]) -> None:
    """What people wrote is shown, and breaks neither the proof nor the schema."""
    journal = changed(left(), ("failover.record.findings", written))

    record = record_of(journal)

    assert record["findings"] == read
    assert stored(journal).state == "intact"
    assert list(Draft202012Validator(schema()).iter_errors(record)) == []
    for form in ("html", "json"):
        assert all(str(one["finding"]) in render([journal], form) for one in read)


@pytest.mark.parametrize("form", FORMATS)
def test_record_alone_can_be_rendered(form: str) -> None:
    """It says what the journal says, but for the compact series, which it does not hold."""
    record = make_record(held())

    rendered = render([as_journal(record)], form)

    assert record["sha256"] in rendered
    assert "held" in rendered
    assert stored(as_journal(record)).state == "intact"


def test_journal_is_no_record() -> None:
    """What is a journal stays as it is, whatever it lacks."""
    journals: list[Document] = [{}, held(), left(), {"failover": {}}, {"version": 1, "sha256": ""}]
    for journal in journals:
        assert as_journal(journal) is journal


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_made_records_fit(path: Path) -> None:
    """A record that was just made has the shape that is asked of it."""
    assert list(misfits(make_record(load(path)), schema())) == []


@pytest.mark.parametrize("seed", range(8))
def test_shape_is_what_jsonschema_says(seed: int) -> None:
    """However a record is damaged, both see it, or neither does."""
    dice = Random(seed)
    validator = Draft202012Validator(schema())
    whole = make_record(load(RECORDED[seed % len(RECORDED)]))
    found = places(whole)
    for _ in range(40):
        record = deepcopy(whole)
        *parents, last = dice.choice(found)
        place: Any = record
        for key in parents:
            place = place[key]
        if dice.random() < 0.3:
            del place[last]
        else:
            place[last] = deepcopy(dice.choice(ODD))

        fits = next(misfits(record, schema()), None) is None
        assert fits == validator.is_valid(record), json.dumps(record)[:500]
