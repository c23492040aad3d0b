"""
A record that a run left is believed if it is as it was made, and says what the journal says.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from made_journals import changed, held
from recorded_journals import RECORDED, load

from chaosfailover.record import as_journal, make_record, schema, stored
from chaosfailover.record.digest import misfit, sealed, verify
from chaosfailover.record.verification import STATES
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
        pytest.param(left(targets=[]), "contradicts it in: targets", id="contradicted"),
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

    record = stored(journal).record

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
    assert misfit(make_record(load(path))) == ""


@pytest.mark.parametrize("number", [2**60, float("inf")], ids=repr)
def test_number_without_a_canonical_form_does_not_verify(number: float) -> None:
    """A file can hold numbers that RFC 8785 does not know; no record was made with them."""
    assert not verify({**make_record(held()), "version": number})


def test_loading_the_package_does_not_load_the_schema_checker() -> None:
    """Runs and preflight checks start fast; only a stored record is checked."""
    code = "import sys, chaosfailover.report; print('jsonschema' in sys.modules)"
    command = [sys.executable, "-c", code]

    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
