"""
A record that a run left is believed if it is as it was made, and says what the journal says.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from made_evidence import evidence, written
from made_journals import changed, held
from recorded_journals import RECORDED, load

from chaosfailover.record import as_journal, make_record, read_evidence, schema, stored
from chaosfailover.record.digest import misfit, sealed, verify
from chaosfailover.record.redaction import redact_run
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
            "verdict.verdict",
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


def recorded() -> Document:
    """Return the journal of a real run, with the record that this version makes of it."""
    journal = load(next(path for path in RECORDED if path.stem == "1.45-circuit-failover"))
    people = {"name": "failover", "roles": {"approver": "Lin Mei"}}
    journal["experiment"]["extensions"] = [people]
    journal["failover"]["versions"]["chaostoolkit-failover"] = version("chaostoolkit-failover")
    return changed(journal, ("failover.record", make_record(journal)))


EVENTS = recorded()["failover"]["events"]


@pytest.mark.parametrize(
    ("path", "value", "details"),
    [
        pytest.param(
            "experiment.extensions.0.roles.approver",
            "Nobody",
            ["people.roles.approver[0]", "journal.experiment"],
            id="approver",
        ),
        pytest.param(
            "experiment.title", "x", ["experiment.title", "journal.experiment"], id="title"
        ),
        pytest.param(
            "experiment.controls.0.provider.arguments.rto",
            99,
            ["journal.experiment"],
            id="argument of the control",
        ),
        pytest.param(
            "failover.verdict.reasons",
            ["All was well."],
            ["verdict.reasons", "journal.failover.verdict"],
            id="reasons",
        ),
        pytest.param(
            "failover.events",
            EVENTS[:2] + EVENTS[3:],
            ["timeline", "journal.failover.events"],
            id="event removed",
        ),
        pytest.param(
            "run.0.output.Status", "Testing", ["activities[0].output", "journal.run"], id="output"
        ),
        pytest.param("run.0.duration", 0.5, ["journal.run"], id="duration of an activity"),
        pytest.param("platform", "x", ["journal.platform"], id="platform"),
        pytest.param(
            "failover.preflight.0.passed",
            False,
            ["preflight[0].passed", "journal.failover.preflight"],
            id="preflight",
        ),
        pytest.param("failover.cut_at", None, ["journal.failover.cut_at"], id="cut_at"),
        pytest.param(
            "failover.settings.rto",
            99,
            ["settings.rto", "journal.failover.settings"],
            id="rto of the settings",
        ),
        pytest.param(
            "failover.targets.portal.rto",
            99,
            ["recoveries[0].rto", "targets[0].rto", "journal.failover.targets"],
            id="rto of a target",
        ),
        pytest.param("status", "interrupted", ["interruption", "journal.status"], id="status"),
        pytest.param("duration", 1, ["journal.duration"], id="duration"),
        pytest.param("failover.more", 1, ["journal.failover.more"], id="added"),
        pytest.param(
            "failover.record.people.more",
            {"x": 1},
            ["people.more.x"],
            id="record, with a SHA-256 of its own",
        ),
    ],
)
@pytest.mark.parametrize("tool", ["this", "another"])
def test_what_was_changed_in_a_journal_is_named(
    path: str, value: Any, details: list[str], tool: str
) -> None:
    """The record is made anew and compared; with another version, its sums tell the part."""
    original = recorded()
    if tool == "another":
        original["failover"]["versions"]["chaostoolkit-failover"] = "0.0.1"
        original["failover"]["record"] = make_record(original)
    journal = changed(original, (path, value))
    journal["failover"]["record"] = sealed(journal["failover"]["record"])

    found = stored(journal)

    names = found.detail.split(", ") if found.detail else []
    if tool == "this":
        assert set(details) <= set(names)
    assert [name for name in details if name.startswith("journal.")] == [
        name for name in names if name.startswith("journal.")
    ]
    assert found.state == ("differs" if names else "intact")


@pytest.mark.parametrize("key", ["cut_at", "settings", "targets"])
def test_part_removed_from_a_journal_is_named(key: str) -> None:
    journal = recorded()
    del journal["failover"][key]

    found = stored(journal)

    assert found.state == "differs"
    assert f"journal.failover.{key}" in found.detail


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("chaosplatform", {"run": "x"}, id="of another control"),
        pytest.param("failover.record.findings", ["slow"], id="findings"),
    ],
)
def test_what_comes_after_the_record_is_no_change(path: str, value: Any) -> None:
    """Other controls and people write their own parts."""
    assert stored(changed(recorded(), (path, value))).state == "intact"


@pytest.mark.parametrize(
    ("note", "state"),
    [
        pytest.param({"status": "completed", "failed": ["report"]}, "intact", id="as it was"),
        pytest.param({"status": "interrupted", "failed": ["report"]}, "differs", id="another"),
        pytest.param({"failed": ["report"]}, "differs", id="without a status"),
        pytest.param(None, "differs", id="none"),
    ],
)
def test_status_may_only_fail_after_the_record_where_that_is_noted(note: Any, state: str) -> None:
    """The note holds the status of which the record was made; its SHA-256 tells whether it does."""
    journal = changed(recorded(), ("status", "failed"), ("failover.after_record", note))

    found = stored(journal)

    assert found.state == state
    assert ("journal.status" in found.detail) == (state == "differs")


def test_note_makes_no_run_held_that_was_not() -> None:
    """A run that had failed before its record is found, whatever is noted later."""
    journal = changed(recorded(), ("status", "failed"))
    del journal["failover"]["record"], journal["failover"]["verdict"]
    journal["failover"]["record"] = make_record(journal)
    note = {"status": "completed", "failed": ["report"]}

    found = stored(changed(journal, ("failover.after_record", note)))

    assert found.state == "differs"
    assert found.record["verdict"]["verdict"] == "inconclusive"


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_record_made_anew_is_the_same(path: Path) -> None:
    """Nothing in a record depends on when it was made, or on what JSON does to a journal."""
    journal = load(path)
    journal["failover"]["versions"]["chaostoolkit-failover"] = version("chaostoolkit-failover")
    journal["failover"]["record"] = make_record(journal)

    assert stored(json.loads(json.dumps(journal))) == (make_record(journal), "intact", "")


@pytest.mark.parametrize("secret", ["circuit-failover", "pc-rehearsal-a", "Testing", "s3cret"])
def test_secret_of_the_run_is_no_contradiction(secret: str) -> None:
    """Where a secret equals a name, the record hides it in more places than the journal."""
    journal = changed(recorded(), ("run.0.output", {"Name": secret, secret: [secret * 2]}))
    del journal["failover"]["record"]
    journal = redact_run(journal, [secret])
    journal["failover"]["record"] = make_record(journal, [secret])

    assert stored(json.loads(json.dumps(journal))).state == "intact"


def test_records_of_before_are_compared_in_what_they_share() -> None:
    """A record without sums of the journal, as earlier versions made it, is no contradiction."""
    journal = recorded()
    del journal["failover"]["record"]["journal_parts"]
    journal["failover"]["record"] = sealed(journal["failover"]["record"])

    assert stored(journal).state == "intact"


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


AWAY = "pc-b is Down, not Enabled since 12:00:41 UTC"


def not_back(*later: Document) -> list[Document]:
    """
    Return the lines of a run whose second test was not seen back, and of what came later.
    """
    lines = [json.loads(line) for line in evidence("ended").splitlines()]
    *course, last = [{key: line[key] for key in line if key != "sha256"} for line in lines]
    course = [line for line in course if not _is_back(line)]
    last["journal"]["failover"]["stopped"] = [outcome(back=False, not_back=[AWAY])]
    made = make_record(read_evidence(written([*course, last])).journal)
    last["journal"]["failover"]["record"] = made
    return [*course, last, *later]


def _is_back(line: Document) -> bool:
    events = line.get("journal", {}).get("failover", {}).get("events", [])
    return any((each["kind"], each.get("test")) == ("back", "second") for each in events)


def outcome(**more: Any) -> Document:
    named = {"test": "second", "job_id": "ftj-2", "status": "Stopped"}
    return {**named, "stopped": False, "reason": "it had ended", **more}


def watchdog(**more: Any) -> list[Document]:
    """
    Return the lines of a watchdog that looked at what an ended run left to it.
    """
    at = "2030-01-01T12:01:41+00:00"
    named: Document = {"at": at, "test": "second", "job_id": "ftj-2"}
    events = [{**named, "kind": "status", "status": "Stopped"}]
    events += [{**named, "kind": "back"}] if more["back"] else []
    told: Document = {"by": "watchdog", "journal": {"failover": {"stopped": [outcome(**more)]}}}
    seen: list[Document] = [{"journal": {"failover": {"events": [event]}}} for event in events]
    return [*seen, {"at": at, **told}]


@pytest.mark.parametrize(
    ("more", "news"),
    [
        pytest.param({"back": True}, "had seen all back", id="back"),
        pytest.param({"back": False, "not_back": [AWAY]}, "had not seen all back", id="not back"),
    ],
)
def test_later_news_contradicts_no_record(more: Document, news: str) -> None:
    """What a watchdog adds after the end is told, and is no part of what the record is held to."""
    lines = not_back()
    before = read_evidence(written(lines)).journal
    after = read_evidence(written([*lines, *watchdog(**more)])).journal

    rendered = render([after], "markdown")

    assert (stored(before).state, stored(after).state) == ("intact", "intact")
    assert after["failover"]["stopped"] == before["failover"]["stopped"]
    assert after["failover"]["events"] == before["failover"]["events"]
    assert f"by 12:01:41 UTC, a watchdog {news}" in rendered
    assert "not verified" not in rendered
    assert "What second took is not back" in rendered
    assert "Later news" not in render([before], "markdown")


def with_back(lines: list[Document]) -> list[Document]:
    """Add to the course of the run, before its end, what was seen only after it."""
    seen = watchdog(back=True)[1]
    return [lines[0], seen, *lines[1:]]


def with_another_outcome(lines: list[Document]) -> list[Document]:
    """Change what the run itself wrote of the stop, as if its watchdog had been the run."""
    stopped = [outcome(back=True)]
    return [
        changed(line, ("journal.failover.stopped", stopped)) if line.get("end") else line
        for line in lines
    ]


def with_another_verdict(lines: list[Document]) -> list[Document]:
    """Change the record, and nothing else."""
    place = "journal.failover.record.verdict.verdict"
    return [changed(line, (place, "held")) if line.get("end") else line for line in lines]


@pytest.mark.parametrize(
    ("tamper", "state"),
    [
        pytest.param(with_back, "differs", id="evidence"),
        pytest.param(with_another_outcome, "differs", id="conclusion"),
        pytest.param(with_another_verdict, "broken", id="record"),
    ],
)
def test_later_news_hides_no_change(
    tamper: Callable[[list[Document]], list[Document]], state: str
) -> None:
    """What was changed up to the end is found, even where each line has a seal made anew."""
    lines = not_back(*watchdog(back=True))

    tampered_journal = read_evidence(written(tamper(lines))).journal

    assert stored(tampered_journal).state == state
    assert "not verified" in render([tampered_journal], "markdown")


def test_changed_later_news_is_found() -> None:
    """A line after the end has a seal as any other."""
    content = written(not_back(*watchdog(back=False, not_back=[AWAY])))
    end = content.index(b'"end":true')

    altered = content[:end] + content[end:].replace(b'"back":false', b'"back":true')

    assert read_evidence(content).changed == 0
    assert read_evidence(altered).changed == content.count(b"\n")
