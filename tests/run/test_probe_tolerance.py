"""
A probe of the method that has a tolerance is held to it, as the toolkit does in the hypothesis.
"""

from typing import Any

import pytest
from chaoslib.activity import execute_activity
from chaoslib.hypothesis import run_steady_state_hypothesis

from chaosfailover.run.probe_tolerance import tell_reading

CONTROL = {"type": "python", "module": "chaosfailover.control"}
EXPERIMENT: dict[str, Any] = {
    "title": "Made",
    "controls": [{"name": "failover", "provider": CONTROL}],
    "method": [],
}


def at_most(limit: float | str) -> dict[str, Any]:
    """Return a tolerance as an experiment writes it."""
    provider = {"type": "python", "module": "chaosfailover.tolerances", "func": "at_most"}
    given = {"arguments": {"limit": limit}}
    return {"type": "probe", "name": "within", "provider": {**provider, **given}}


def probe(tolerance: Any, **more: Any) -> dict[str, Any]:
    """Return a probe that returns 1.0."""
    provider = {"type": "python", "module": "statistics", "func": "fmean"}
    ours = {**provider, "arguments": {"data": [1.0]}}
    return {"type": "probe", "name": "one", "provider": ours, "tolerance": tolerance, **more}


def run(activity: dict[str, Any], experiment: dict[str, Any] = EXPERIMENT) -> dict[str, Any]:
    """Execute an activity as the method does, with the control."""
    done: dict[str, Any] = execute_activity(experiment, activity, {"limit": 0.5}, {}, dry=None)
    return done


@pytest.mark.parametrize(
    ("tolerance", "expected"),
    [
        pytest.param(at_most(2.0), True, id="within"),
        pytest.param(at_most(0.01), False, id="not within"),
        pytest.param(at_most("${limit}"), False, id="limit from the configuration"),
        pytest.param({"type": "range", "range": [0, 1]}, True, id="the toolkit's own"),
        pytest.param(1, True, id="a value"),
        pytest.param({"type": "regex", "pattern": "["}, None, id="cannot be evaluated"),
        pytest.param(0.5, None, id="not known to the toolkit"),
    ],
)
def test_tolerance_of_a_probe_of_the_method(tolerance: Any, expected: bool | None) -> None:
    """The run holds whether it was met; None when it cannot be evaluated, and why."""
    done = run(probe(tolerance))

    assert done["status"] == "succeeded"
    assert done["tolerance_met"] is expected
    assert ("tolerance_error" in done) is (expected is None)


@pytest.mark.parametrize(
    "activity",
    [
        pytest.param(probe(None), id="a probe without a tolerance"),
        pytest.param(probe(1, type="action"), id="an action"),
        pytest.param(probe(1, dry="probes"), id="a dry probe"),
    ],
)
def test_nothing_else_is_evaluated(activity: dict[str, Any]) -> None:
    """Whatever has no result to judge is left as it is."""
    assert "tolerance_met" not in run(activity)


def test_what_was_read_is_logged_with_what_was_expected(caplog: pytest.LogCaptureFixture) -> None:
    """As of a probe of the hypothesis that is not met."""
    with caplog.at_level("INFO", "chaostoolkit"):
        run(probe(at_most("${limit}")))
        run(probe(1))

    lines = [each for each in caplog.messages if "its tolerance" in each]
    assert lines == [
        "one is not within its tolerance: 1.0, held to at_most (limit: 0.5)",
        "one is within its tolerance",
    ]


def test_experiment_stays_as_it_is_written() -> None:
    """The toolkit's own evaluation leaves the probe's value in the tolerance; this one does not."""
    activity = probe(at_most(2.0))

    run(activity)

    assert activity == probe(at_most(2.0))


def test_probes_of_the_hypothesis_are_left_to_the_toolkit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They are evaluated once, and a probe after them is evaluated again."""
    title = {"title": "One is small"}
    hypothesis = {**title, "probes": [probe(at_most(2.0)), probe(at_most(0.01))]}
    experiment = {**EXPERIMENT, "steady-state-hypothesis": hypothesis}

    with caplog.at_level("INFO", "chaostoolkit"):
        read = run_steady_state_hypothesis(experiment, {}, {}, None, event_registry=None)

    assert [probe["tolerance_met"] for probe in read["probes"]] == [True, False]
    assert "its tolerance" not in caplog.text
    assert run(probe(1), experiment)["tolerance_met"] is True


@pytest.mark.parametrize(
    ("read", "line"),
    [
        pytest.param(
            {
                "output": False,
                "tolerance": {"type": "probe", "provider": {"func": "before_during"}},
            },
            "met: False, held to before_during",
            id="what looks like a contradiction",
        ),
        pytest.param(
            {"output": 0.3699999999953434, "tolerance": at_most("${limit}")},
            "met: 0.37, held to at_most (limit: 0.5)",
            id="a limit of the configuration",
        ),
        pytest.param({"output": "Up", "tolerance": "Up"}, "met: Up", id="the same"),
        pytest.param({"output": True, "tolerance": True}, "met: True", id="the same flag"),
        pytest.param(
            {"output": {"status": 200}, "tolerance": 200}, "met: status 200", id="the same status"
        ),
        pytest.param(
            {"output": 2, "tolerance": 0, "tolerance_met": False},
            "NOT MET: 2, held to 0",
            id="not met",
        ),
        pytest.param(
            {
                "tolerance": 0,
                "tolerance_met": False,
                "status": "failed",
                "exception": ["Traceback\n", "ActivityFailed: target is 'my-servic'\n"],
            },
            "NOT MET: failed: ActivityFailed: target is 'my-servic'",
            id="failed",
        ),
        pytest.param(
            {"tolerance": 0, "tolerance_met": False, "status": "aborted"},
            "NOT MET: aborted",
            id="no cause",
        ),
    ],
)
def test_log_says_what_a_probe_was_held_to(
    read: dict[str, Any], line: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With its output, unless they are the same; a probe that failed has its cause."""
    activity = {"name": "one", "tolerance": read.pop("tolerance")}
    done = {"status": "succeeded", "tolerance_met": True, **read, "activity": activity}

    with caplog.at_level("INFO", "chaostoolkit"):
        tell_reading({"probes": [done]}, {"limit": 0.5}, whole=True)

    assert caplog.messages == [f"Probe one: {line}"]
