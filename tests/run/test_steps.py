"""
What an experiment plans to cut is read from it before anything is sent.
"""

from typing import Any

import pytest

from chaosfailover.errors import ArgumentError, PreflightError
from chaosfailover.run.steps import planned_cuts, planned_time, probed_resources
from chaosfailover.safety.cut import Cut

Activity = dict[str, Any]
DRILL = {"name": "drill", "resource_ids": ["pc-a"]}
OTHER = {"name": "other", "resource_ids": ["pc-b"]}


def activity(func: str, **arguments: Any) -> Activity:
    provider = {
        "type": "python",
        "module": "chaosfailover.actions",
        "func": func,
        "arguments": arguments,
    }
    return {"type": "action", "name": f"{func}-{len(arguments)}", "provider": provider}


def create(**arguments: Any) -> Activity:
    return activity("create_failover_test", **arguments)


def start(test: str) -> Activity:
    return activity("start_failover_test", test=test)


def stop(test: str) -> Activity:
    return activity("stop_failover_test", test=test)


SWEEP = activity("stop_running_failover_tests")


def test_variables_are_filled_in() -> None:
    """Tests that are only started are separate from those that the method creates."""
    made = create(name="${name}", resource_ids=["${circuit}"], duration_minutes="7")
    document = {"method": [made, start("${name}"), stop("${name}"), start("elsewhere")]}

    created, started = planned_cuts(document, {"name": "drill", "circuit": "pc-a"}, {})

    assert created == [Cut("drill", ("pc-a",), "PHYSICALCONNECTION", 7)]
    assert started == ["elsewhere"]


def test_dry_run_of_an_action_is_no_cut() -> None:
    """It only asks the API, so it is neither created nor cut."""
    document = {"method": [create(**DRILL, start=True, dry_run="true"), create(**OTHER)]}

    created, started = planned_cuts(document, {}, {})

    assert [cut.test for cut in created] == ["other"]
    assert started == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"name": "drill", "resource_ids": ["${circuit}"]},
            r"create_failover_test-2: resource_ids is '\$\{circuit\}', which the",
            id="circuit that is not defined",
        ),
        pytest.param(
            {**DRILL, "start": "${nope}"},
            r"create_failover_test-3: start is '\$\{nope\}', expected true or false",
            id="start that is not defined",
        ),
        pytest.param({**DRILL, "start": "0"}, "start is '0', expected true or false", id="number"),
        pytest.param({**DRILL, "dry_run": 1}, "dry_run is 1, expected true or false", id="dry run"),
    ],
)
def test_wrong_argument_is_refused(arguments: dict[str, Any], message: str) -> None:
    """As the action would refuse it, with the name of the activity."""
    with pytest.raises(ArgumentError, match=message):
        planned_cuts({"method": [create(**arguments)]}, {}, {})


@pytest.mark.parametrize(
    ("document", "place"),
    [
        pytest.param(
            {"rollbacks": [create(**DRILL, start=True)]}, "the rollbacks", id="in the rollbacks"
        ),
        pytest.param(
            {"steady-state-hypothesis": {"title": "h", "probes": [start("drill")]}},
            "the steady-state hypothesis",
            id="in the hypothesis",
        ),
        pytest.param(
            {"method": [start("drill")], "rollbacks": [{"ref": "start_failover_test-1"}]},
            "the rollbacks",
            id="by reference",
        ),
    ],
)
def test_cut_outside_the_method_is_refused(document: dict[str, Any], place: str) -> None:
    """Nobody would have announced it, nor looked at what survives it."""
    with pytest.raises(PreflightError, match=f"would start 'drill' in {place}; only the method"):
        planned_cuts(document, {}, {})


def test_tests_may_be_stopped_and_created_anywhere() -> None:
    """Only a cut has to be in the method."""
    document = {"rollbacks": [create(**DRILL, start="false"), stop("drill"), SWEEP]}

    assert planned_cuts(document, {}, {}) == ([], [])


@pytest.mark.parametrize(
    "between",
    [
        pytest.param([stop("drill")], id="stop by name"),
        pytest.param([stop("ftj-1")], id="stop by ID"),
        pytest.param([SWEEP], id="sweep"),
    ],
)
def test_cuts_in_turn(between: list[Activity]) -> None:
    """Each is stopped before the next begins."""
    method = [create(**DRILL, start=True), *between, create(**OTHER), start("other")]

    created, _ = planned_cuts({"method": method}, {}, {})

    assert [cut.test for cut in created] == ["drill", "other"]


@pytest.mark.parametrize(
    "between",
    [
        pytest.param([], id="nothing"),
        pytest.param([stop("other")], id="stop of the other"),
        pytest.param([create(name="third", resource_ids=["pc-c"])], id="creation of a third"),
    ],
)
def test_two_cuts_at_once_are_refused(between: list[Activity]) -> None:
    """Together they may take what either leaves."""
    method = [create(**DRILL, start=True), *between, create(**OTHER, start=True)]

    with pytest.raises(PreflightError, match="would start 'other' while 'drill' is running"):
        planned_cuts({"method": method}, {}, {})


def test_same_cut_by_reference_is_refused() -> None:
    """What an activity refers to is read too."""
    method = [create(**DRILL, start=True), {"ref": "create_failover_test-3"}]

    with pytest.raises(PreflightError, match="would start 'drill' while 'drill' is running"):
        planned_cuts({"method": method}, {}, {})


def test_name_used_twice_is_refused() -> None:
    """The second would be ambiguous."""
    method = [create(**DRILL), create(**{**OTHER, "name": "drill"})]

    with pytest.raises(PreflightError, match="'drill' is the name of two tests"):
        planned_cuts({"method": method}, {}, {})


def status(test: str) -> Activity:
    made = activity("failover_test_status", test=test)
    made["provider"]["module"] = "chaosfailover.probes"
    return {**made, "type": "probe"}


@pytest.mark.parametrize(
    ("document", "activity_name"),
    [
        pytest.param({"rollbacks": [stop("my-dril")]}, "stop_failover_test-1", id="rollback"),
        pytest.param(
            {"rollbacks": [activity("delete_failover_test", test="my-dril", only_if_init=True)]},
            "delete_failover_test-2",
            id="deletion",
        ),
        pytest.param({"method": [start("${dril}")]}, "start_failover_test-1", id="start"),
        pytest.param({"method": [status("mydrill")]}, "failover_test_status-1", id="probe"),
        pytest.param(
            {"steady-state-hypothesis": {"probes": [status("My-Drill")]}},
            "failover_test_status-1",
            id="hypothesis",
        ),
    ],
)
def test_misspelt_name_of_a_test_is_refused(document: dict[str, Any], activity_name: str) -> None:
    """The test would be cut, and the activity would find none."""
    made = create(**{**DRILL, "name": "my-drill"})
    method = [made, start("my-drill"), *document.get("method", [])]

    with pytest.raises(PreflightError, match=rf"{activity_name}: .* \(did you mean my-drill\?\)"):
        planned_cuts({**document, "method": method}, {"dril": "my-dril"}, {})


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("ftj-my-drill", id="an ID"),
        pytest.param("my-drill-2025", id="that of another year"),
        pytest.param("last-rehearsal", id="another name"),
        pytest.param("renamed-drill", id="a new name"),
    ],
)
def test_name_of_an_existing_test_may_be_any(other: str) -> None:
    """It is not for the experiment to know which tests there are."""
    rename = activity("update_failover_test", test="my-drill-2026", name="renamed-drill")
    method = [create(**{**DRILL, "name": "my-drill-2026"}), rename]

    created, _ = planned_cuts({"method": method, "rollbacks": [stop(other)]}, {}, {})

    assert [cut.test for cut in created] == ["my-drill-2026"]


def test_probed_resources() -> None:
    """Those of our probes, wherever they stand, with the values of the configuration."""

    def probe(func: str, **arguments: Any) -> Activity:
        made = activity(func, **arguments)
        made["provider"]["module"] = "chaosfailover.probes"
        return {**made, "type": "probe"}

    document = {
        "steady-state-hypothesis": {"probes": [probe("circuit_status", circuit_id="${circuit}")]},
        "method": [
            create(**DRILL),
            probe("virtual_border_router_status", vbr_id="vbr-a"),
            probe("surviving_paths", resource_ids=["bgp-a"], resource_type="BGPPEER"),
        ],
        "rollbacks": [probe("bgp_session_status", bgp_peer_id="bgp-b")],
    }

    assert [tuple(each) for each in probed_resources(document, {"circuit": "pc-b"}, {})] == [
        ("circuit_status-1", "PHYSICALCONNECTION", "pc-b"),
        ("virtual_border_router_status-1", "VIRTUALBORDERROUTER", "vbr-a"),
        ("surviving_paths-2", "BGPPEER", "bgp-a"),
        ("bgp_session_status-1", "BGPPEER", "bgp-b"),
    ]


def test_dry_that_the_toolkit_does_not_heed_is_refused() -> None:
    """Whoever wrote it beside an action believes that nothing will be cut."""
    with pytest.raises(PreflightError, match="dry is 'actions' for this activity alone"):
        planned_cuts({"method": [{**start("drill"), "dry": "actions"}]}, {}, {})


def test_planned_time_of_pauses_and_processes() -> None:
    """Numbers and variables, whole pauses too; what is no number takes no time."""
    method = [
        {**start("drill"), "pauses": {"before": "${long}", "after": 30}},
        {"type": "action", "provider": {"type": "process", "path": "x", "timeout": "${short}"}},
        {"type": "probe", "provider": {"type": "http", "url": "x", "timeout": 99}},
        {**stop("drill"), "pauses": "${both}"},
        {"ref": "start_failover_test-1"},
    ]
    variables = {"long": "90", "short": 15, "both": {"before": 1, "after": "${nobody}"}}

    actual = planned_time({"method": method}, variables, {})

    assert actual == 120.0 + 15.0 + 1.0 + 120.0
