"""
A breach stops the test at once, whatever the run does, and then ends the run.
"""

import signal
from collections.abc import Iterator
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

import pytest
from drills import action, experiment, shell
from live import Cloud, Runner, emulated_cloud
from live_runs import wait_until

from chaosfailover.errors import ArgumentError
from chaosfailover.run.abort import AbortWatch, find_probe, probe_breach
from chaosfailover.run.session import Session
from chaosfailover.run.settings import Settings

ABORT_AFTER = 1.5
# It takes less than a second; more than this is no matter of a busy machine.
BUSY_MACHINE = 3.0


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A cloud whose standby carries nothing: a cut stops the portal for as long as it lasts."""
    with emulated_cloud(tmp_path, "--topology", "broken-standby") as cloud:
        yield cloud


def run(document: dict[str, Any], cloud: Cloud, folder: Path, **control: Any) -> Runner:
    document["controls"][0]["provider"]["arguments"] |= control
    runner = Runner(document, folder, cloud.exports)
    try:
        assert runner.end() == 1, runner.log
    finally:
        runner.close()
    assert cloud.seconds_until_restored() < 10.0
    return runner


def instant(events: list[dict[str, Any]], kind: str, **fields: Any) -> float:
    event = next(each for each in events if each["kind"] == kind and fields.items() <= each.items())
    return datetime.fromisoformat(event["at"]).timestamp()


@pytest.mark.long
@pytest.mark.sample(1)
@pytest.mark.parametrize("strategy", ["default", "always"])
@pytest.mark.parametrize(
    "moment", ["in a pause", "in a process action", "in a background action", "in the hypothesis"]
)
def test_outage_that_lasts_too_long_aborts(
    cloud: Cloud, tmp_path: Path, moment: str, strategy: str
) -> None:
    """The Stop is sent right after the breach, whatever the run is doing."""
    runner = run(
        experiment(moment, strategy, cloud.portal), cloud, tmp_path, abort_after=ABORT_AFTER
    )

    journal = runner.journal
    assert journal["status"] == "interrupted"
    assert journal["interruption"]["kind"] == "abort"
    assert "portal has been down for 1." in journal["interruption"]["reason"]
    events = journal["failover"]["events"]
    portal = journal["failover"]["targets"]["portal"]
    outage = max(portal["summary"]["outages"], key=lambda outage: outage["at_least"])
    stopped = datetime.fromisoformat(portal["cuts"][0]["stop_at"])
    began = datetime.fromisoformat(portal["series"]["utc"])
    down_for = (stopped - began).total_seconds() - outage["since"][0]
    assert ABORT_AFTER < down_for < ABORT_AFTER + BUSY_MACHINE
    assert instant(events, "request", operation="StopFailoverTestJob") > instant(events, "stop")


@pytest.mark.long
def test_probe_that_is_named_aborts(cloud: Cloud, tmp_path: Path) -> None:
    """`abort_when` names a probe of the hypothesis; the run ends when it fails."""
    document = experiment("in a pause", "default", cloud.portal)
    document["steady-state-hypothesis"]["probes"].append(
        {
            "type": "probe",
            "name": "no-alarm",
            "tolerance": 0,
            "provider": shell("test ! -f alarm"),
        }
    )
    document["method"].insert(
        1, {"type": "action", "name": "raise-the-alarm", "provider": shell("touch alarm")}
    )

    runner = run(document, cloud, tmp_path, abort_when="no-alarm")

    assert "no-alarm" in runner.journal["interruption"]["reason"]
    assert "ABORT: no-alarm" in runner.log


def test_probe_that_does_not_exist_cuts_nothing(cloud: Cloud, tmp_path: Path) -> None:
    """A misspelt name is found out before the cut."""
    document = experiment("in a pause", "default", cloud.portal)

    runner = run(document, cloud, tmp_path, abort_when="no-such-probe")

    assert "abort_when is 'no-such-probe', expected a probe" in runner.log
    assert cloud.statuses() == []


@pytest.mark.long
def test_outage_that_lasts_too_long_after_a_signal_is_no_abort(
    cloud: Cloud, tmp_path: Path
) -> None:
    """The signal ended the run, and the stop is under way: the verdict names it alone."""
    document = experiment("in a pause", "always", cloud.portal)
    document["controls"][0]["provider"]["arguments"] |= {"abort_after": 2.0}
    document["rollbacks"].insert(0, action("tidy-up", shell("sleep 4")))
    runner = Runner(document, tmp_path, cloud.exports)
    try:
        runner.wait_for("DOWN")
        cloud.fault(fault="stays-down", seconds=4)
        runner.process.send_signal(signal.SIGTERM)
        assert runner.end() == 1, runner.log
    finally:
        runner.close()

    journal = runner.journal
    outage = journal["failover"]["targets"]["portal"]["summary"]["longest"]
    assert (outage["at_most"] or inf) > 2.0
    assert journal["interruption"]["name"] == "SIGTERM"
    assert "ABORT" not in runner.log
    assert journal["failover"]["verdict"]["verdict"] != "aborted"


@pytest.mark.parametrize("name", ["abort_after", "rto"])
def test_limit_of_nothing_is_refused(name: str) -> None:
    """Nothing would be held against it."""
    with pytest.raises(ArgumentError, match=rf"{name} is 9\.0, but there are no targets"):
        Settings.parse({name: 9.0})


@pytest.mark.long
def test_short_outage_does_not_abort(tmp_path: Path) -> None:
    """A failover within bounds is what the run is for."""
    with emulated_cloud(tmp_path) as cloud:
        document = experiment("settled", "default", cloud.portal)
        document["controls"][0]["provider"]["arguments"]["abort_after"] = 5.0
        runner = Runner(document, tmp_path, cloud.exports)
        try:
            assert runner.end() == 0, runner.log
        finally:
            runner.close()

    journal = runner.journal
    assert journal["failover"]["targets"]["portal"]["summary"]["count"] >= 1
    assert "interruption" not in journal


def test_watch_that_fails_aborts() -> None:
    """A watch that ended silently would miss every later breach."""
    calls: list[str] = []

    def fail() -> str:
        raise TypeError("None is no number")

    before = signal.signal(signal.SIGUSR1, lambda *_: calls.append("interrupted"))
    try:
        watch = AbortWatch(fail, calls.append, 0.01)
        wait_until(lambda: len(calls) == 2)
    finally:
        watch.end()
        signal.signal(signal.SIGUSR1, before)

    assert calls == [
        "the abort rule cannot be evaluated: TypeError: None is no number",
        "interrupted",
    ]


def test_tolerance_may_come_from_the_configuration() -> None:
    """It is read as the toolkit reads it in the hypothesis."""
    mean = {"module": "statistics", "func": "fmean", "arguments": {"data": [1.0]}}
    provider = {"type": "python", **mean}
    probe = {"type": "probe", "name": "one", "tolerance": "${wanted}", "provider": provider}

    assert probe_breach(probe, {"wanted": 1}, {}) == ""
    assert probe_breach(probe, {"wanted": 2}, {}) == "one is not within its tolerance"


def test_probe_of_the_hypothesis_is_found() -> None:
    """The error lists those that could have been meant."""
    document = experiment("in a pause", "default", "http://127.0.0.1:9/")

    assert find_probe(document, "slow-the-second-time")["tolerance"] == 0
    with pytest.raises(ArgumentError, match="slow-the-second-time"):
        find_probe(document, "slow")


@pytest.mark.parametrize("read", [Settings.check, Settings.parse])
@pytest.mark.parametrize("given", [{}, {"targets": {}}])
def test_abort_after_without_targets_is_refused(read: Any, given: dict[str, Any]) -> None:
    """Nothing would ever be down for too long, and whoever relies on it should know."""
    with pytest.raises(ArgumentError, match=r"abort_after is 5\.0, but there are no targets"):
        read({"abort_after": 5.0, **given})


def test_abort_after_with_targets_that_are_not_known_yet() -> None:
    """At `chaos validate` a variable may stand for them."""
    Settings.check({"abort_after": "${longest}", "targets": "${targets}"})


def test_misspelt_probe_is_offered() -> None:
    """One letter is easily lost."""
    hypothesis = {"probes": [{"name": "the-portal-answers"}, {"name": "the-ledger-answers"}]}

    with pytest.raises(ArgumentError) as error:
        find_probe({"steady-state-hypothesis": hypothesis}, "the-portal-answrs")

    assert str(error.value).endswith(" hypothesis (did you mean the-portal-answers?)")


def test_wrong_abort_when_is_refused_before_all_else() -> None:
    """No region is asked, no baseline measured and nobody made to confirm."""
    session = Session(Settings(abort_when="nobody"), {"title": "t", "method": []}, {}, {})

    with pytest.raises(ArgumentError, match="abort_when is 'nobody', expected a probe"):
        session.begin()
