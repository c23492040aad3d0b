"""
The summary at the end of a run says what is back, and what is not.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from made_journals import changed, event, held, target, without
from places import ROOT

from chaosfailover.run.summary import Files, Summary, summary
from chaosfailover.verdict.journal import parse
from chaosfailover.verdict.verdict import judge

BACK = "All tests are Stopped and all resources are back since 12:00:22 UTC"
JOURNALS = sorted((ROOT / "tests" / "data" / "journals").glob("*.json"))


def told(journal: dict[str, Any], files: Files | None = None) -> Summary:
    run = parse(journal)
    return summary(run, judge(run), files or Files())


def test_run_that_held() -> None:
    """Verdict, what is back with its status, each outage, the files and the next command."""
    journal = held()
    up = {"resource_id": "bgp-a", "resource_type": "BGPPEER", "test": "drill"}
    journal["failover"]["events"].insert(-2, event(21.9, "resource", **up, status="Established"))
    files = Files("my journal.json", "run.jsonl", {"record": "r.json"})

    end = told(journal, files)

    assert end.verdict.startswith("VERDICT: held. ")
    assert (end.restored, end.is_over) == (f"{BACK}: bgp-a Established", True)
    assert not end.is_restored_first
    assert end.rest[0] == (
        "portal: down for 0.8 to 1 s after the cut of drill (RTO 3 s); "
        "nothing was lost on the way back"
    )
    assert end.rest[1:] == [
        "Journal: my journal.json; evidence: run.jsonl; record: r.json",
        "To render the report: chaos failover report 'my journal.json' -o failover-report.html",
    ]


@pytest.mark.parametrize("kind", ["report", "live"])
def test_run_with_a_report_needs_none(kind: str) -> None:
    """The command that renders one is not shown."""
    end = told(held(), Files("journal.json", None, {kind: "r.html"}))

    assert end.rest[1:] == [f"Journal: journal.json; {kind}: r.html"]


STOP = {"test": "drill", "job_id": "ftj-1", "status": "Stopped", "stopped": True, "back": True}


@pytest.mark.parametrize(
    ("journal", "restored", "is_over"),
    [
        pytest.param(
            changed(without(held(), "back"), ("failover.stopped", [STOP])),
            "All tests are Stopped and all resources are back",
            True,
            id="back at an unknown time",
        ),
        pytest.param(
            without(held(), "back"),
            "NOT ALL IS BACK: Whether all that drill took is back was not seen.",
            False,
            id="not seen back",
        ),
        pytest.param(
            changed(
                without(held(), "back"),
                ("failover.stopped", [STOP | {"back": False, "not_back": ["bgp-a is Down"]}]),
            ),
            "NOT ALL IS BACK: What drill took is not back: bgp-a is Down.",
            False,
            id="not back",
        ),
        pytest.param(
            changed(
                without(held(), "back"),
                ("failover.stopped", [STOP | {"back": None, "error": "it is Testing after 9 s"}]),
            ),
            "NOT ALL IS BACK: The failover test drill may still run: it is Testing after 9 s. "
            "Whether all that drill took is back was not seen.",
            False,
            id="not stopped",
        ),
        pytest.param(
            changed(
                held(),
                ("failover.events", [event(10, "cut", test="drill"), event(30, "end")]),
                ("failover.stopped", [STOP | {"status": None, "may_start": True}]),
            ),
            "NOT ALL IS BACK: Whether drill was started is not known: its start was not answered, "
            "and may take effect later.",
            False,
            id="may start",
        ),
        pytest.param(
            changed(held(), ("failover.events", [event(1, "refused", reason="no")])),
            "This run started no failover test: there is nothing to bring back",
            True,
            id="refused",
        ),
        pytest.param(
            changed(held(), ("failover.events", [event(10, "cut", test="drill")])),
            "drill: it was not seen to start",
            True,
            id="start refused",
        ),
        pytest.param(
            changed(
                held(),
                ("failover.events", [event(10, "cut", test="drill")]),
                ("failover.stopped", [STOP | {"status": "Init", "reason": "so it was deleted"}]),
            ),
            "drill: so it was deleted",
            True,
            id="deleted",
        ),
    ],
)
def test_what_is_back(journal: dict[str, Any], restored: str, is_over: bool) -> None:
    """Only what was seen back is called so."""
    end = told(journal)

    assert (end.restored, end.is_over) == (restored, is_over)


def test_two_tests_of_which_one_never_began() -> None:
    """What is said of all is true of all."""
    journal = held()
    journal["failover"]["events"].insert(-1, event(25, "cut", test="second"))

    assert told(journal).restored == (
        "drill: Stopped and all resources are back since 12:00:22 UTC; "
        "second: it was not seen to start"
    )


@pytest.mark.parametrize("kind", ["signal", "abort"])
def test_interrupted_run_says_first_what_is_back(kind: str) -> None:
    """That is what the operator waits for."""
    ended = {"kind": kind, "name": "SIGTERM", "reason": "received SIGTERM"}

    end = told(changed(held(), ("interruption", ended), ("status", "interrupted")))

    assert end.is_restored_first
    assert end.restored == BACK


@pytest.mark.parametrize(
    ("lengths", "line"),
    [
        pytest.param(
            {"failover": None, "outages": []}, "nothing was lost after the cut of drill", id="none"
        ),
        pytest.param(
            {"failover": {"at_least": 9.0, "at_most": None}},
            "down for at least 9 s after the cut of drill",
            id="open",
        ),
        pytest.param(
            {"reversion": {"at_least": 0.1, "at_most": 0.3}},
            "; down for 0.1 to 0.3 s on the way back",
            id="reversion",
        ),
    ],
)
def test_outage_of_a_target(lengths: dict[str, Any], line: str) -> None:
    """As it was measured, with both bounds."""
    end = told(changed(held(), ("failover.targets.portal", target(**lengths))))

    assert line in end.rest[0]


def test_target_of_which_the_stop_came_too_soon() -> None:
    """It lost nothing before, which says nothing of what the cut would have done."""
    (measured,) = held()["failover"]["targets"]["portal"]["cuts"]
    early = {**measured, "failover": None, "worst_during": None, "settled": False}

    end = told(changed(held(), ("failover.targets.portal.cuts", [early])))

    assert end.rest[0].startswith("portal: not settled after the cut of drill (RTO 3 s); ")


def test_target_that_was_not_measured() -> None:
    """It is not left out."""
    journal = changed(held(), ("failover.targets", {}))
    journal["failover"]["settings"] = {"targets": {"portal": "http://127.0.0.1/"}}

    assert told(journal).rest == ["portal: not measured"]


@pytest.mark.parametrize("file", JOURNALS, ids=lambda file: file.stem)
def test_recorded_runs(file: Path) -> None:
    """They all ended with everything back, or had cut nothing."""
    journal = json.loads(file.read_text(encoding="utf-8"))

    end = told(journal)

    back = [each["at"] for each in journal["failover"]["events"] if each["kind"] == "back"]
    expected = f"are back since {back[-1][11:19]} UTC: " if back else "started no failover test"
    assert expected in end.restored
    assert end.is_restored_first is ("sig" in file.stem)
