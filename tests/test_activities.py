"""
Actions and probes against the emulator, over HTTP.
"""

import functools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chaosfailover import actions, probes
from chaosfailover.alibaba import config
from chaosfailover.emulator import Emulator
from chaosfailover.errors import (
    AmbiguousTestError,
    ApiError,
    ArgumentError,
    GuardError,
    JobNotFoundError,
    JobTimeoutError,
    PreflightError,
)
from chaosfailover.safety import guard
from chaosfailover.safety.cut import ApprovedCuts, Cut
from chaosfailover.safety.guard import Guard
from chaosfailover.safety.preflight import PreflightCheck, PreflightContext, preflight
from chaosfailover.safety.route_checks import RouteChecks, RouteRules

Configuration = dict[str, Any]
A, B = "pc-rehearsal-a", "pc-rehearsal-b"
CUT_B = Cut("drill", (B,), "PHYSICALCONNECTION", 5)


def create(configuration: Configuration, name: str = "drill", **more: Any) -> dict[str, Any]:
    return actions.create_failover_test(name, [A], configuration=configuration, **more)


def test_create_returns_the_job(configuration: Configuration) -> None:
    """A created test is `Init` and has what was asked for."""
    job = create(configuration, duration_minutes=7, description="why")

    assert job["JobId"].startswith("ftj-")
    assert job["Status"] == "Init"
    assert job["Name"] == "drill"
    assert job["ResourceId"] == [A]
    assert job["JobDuration"] == "7"
    assert job["Description"] == "why"


def test_create_and_start_waits_until_the_circuit_is_cut(
    configuration: Configuration, guarding: Guard
) -> None:
    """With `start`, the job that comes back is `Testing`, and the guard holds it."""
    job = create(configuration, start=True)

    assert job["Status"] == "Testing"
    assert [guarded.start.job_id for guarded in guarding.tests] == [job["JobId"]]
    assert probes.bgp_session_status("bgp-rehearsal-a", configuration=configuration) == "Down"
    assert probes.bgp_session_status("bgp-rehearsal-b", configuration=configuration) == (
        "Established"
    )


def test_start_and_stop_by_name(configuration: Configuration, guarding: Guard) -> None:
    """A name does for all that follows; once `Stopped` the test leaves the guard's list."""
    create(configuration)
    started = actions.start_failover_test("drill", configuration=configuration)
    assert started["Status"] == "Testing"
    assert len(guarding.tests) == 1

    stopped = actions.stop_failover_test("drill", configuration=configuration)

    assert stopped["status"] == "Stopped"
    assert stopped["stopped"] is True
    assert guarding.tests == []
    assert probes.bgp_session_status("bgp-rehearsal-a", configuration=configuration) == (
        "Established"
    )


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(lambda c: create(c, name="other", start=True), id="create and start"),
        pytest.param(lambda c: actions.start_failover_test("drill", configuration=c), id="start"),
    ],
)
def test_nothing_is_cut_without_a_guard(configuration: Configuration, cut: Any) -> None:
    """Without the control an action that cuts refuses, and says which lines to add."""
    create(configuration)

    with pytest.raises(GuardError, match=r"module: chaosfailover\.control"):
        cut(configuration)

    assert probes.no_failover_test_running(configuration=configuration) is True
    names = [job["Name"] for job in probes.list_failover_tests(configuration=configuration)]
    assert names == ["drill"]


def test_nothing_is_cut_while_the_other_circuit_is_down(
    emulator: Emulator, configuration: Configuration, guarding: Guard
) -> None:
    """Survivors are looked at once more right before each cut, not only in the preflight."""
    create(configuration)
    httpx.patch(
        f"{emulator.url}/_emulator/resources/bgp-rehearsal-b",
        json={"BgpStatus": "Down"},
        trust_env=False,
    ).raise_for_status()

    with pytest.raises(PreflightError, match="0 of 1 needed survivors proven"):
        actions.start_failover_test("drill", configuration=configuration)

    assert probes.failover_test_status("drill", configuration=configuration) == "Init"
    assert guarding.tests == []


@pytest.mark.parametrize("survivors_by", ["routes", "sessions"])
def test_routes_are_looked_at_once_more_before_a_cut(
    configuration: Configuration, guarding: Guard, survivors_by: Any
) -> None:
    """What has lost a prefix since the preflight is no survivor, unless sessions are enough."""
    guarding.survivors_by = survivors_by
    keys = {config.REHEARSAL_ACCESS_KEY_ID: config.REHEARSAL_ACCESS_KEY_SECRET}
    ports = {"portal": 0, "echo": 0, "ledger": 0}
    with Emulator("missing-prefix", minute=1.0, access_keys=keys, service_ports=ports) as emulator:
        there = {**configuration, "alibaba_cloud_vpc_endpoint": emulator.url}
        create(there)
        if survivors_by == "sessions":
            assert actions.start_failover_test("drill", configuration=there)["Status"] == "Testing"
            actions.stop_failover_test("drill", configuration=there)
            return
        with pytest.raises(
            PreflightError, match=r"by routes any more.*10\.2\.0\.0/16 would be lost"
        ):
            actions.start_failover_test("drill", configuration=there)

        assert probes.failover_test_status("drill", configuration=there) == "Init"
        assert guarding.tests == []


def test_stop_leaves_what_never_started(configuration: Configuration) -> None:
    """Stopping a test that is `Init` says so and changes nothing."""
    create(configuration)

    outcome = actions.stop_failover_test("drill", configuration=configuration)

    assert (outcome["status"], outcome["stopped"]) == ("Init", False)
    assert outcome["reason"] == "it never started"


def test_stop_leaves_what_does_not_exist(configuration: Configuration) -> None:
    """Stopping a test that does not exist is no error, so that every rollback can do it."""
    by_name = actions.stop_failover_test("nothing", configuration=configuration)
    by_id = actions.stop_failover_test("ftj-nothing", configuration=configuration)

    assert by_name["reason"] == by_id["reason"] == "it does not exist"
    assert by_name["status"] is None


@pytest.mark.usefixtures("guarding")
def test_stop_leaves_what_has_ended(configuration: Configuration) -> None:
    """Stopping twice is no error."""
    create(configuration, start=True)
    actions.stop_failover_test("drill", configuration=configuration)

    again = actions.stop_failover_test("drill", configuration=configuration)

    assert (again["status"], again["stopped"], again["reason"]) == (
        "Stopped",
        False,
        "it had ended",
    )


def test_dry_run_creates_nothing(configuration: Configuration) -> None:
    """A dry run asks the API and leaves no job."""
    actual = create(configuration, dry_run=True, start=True)

    assert actual == {"dry_run": True, "accepted": True}
    assert probes.list_failover_tests(configuration=configuration) == []


def test_update_changes_what_is_given(configuration: Configuration) -> None:
    """What is not given stays."""
    create(configuration, description="why")

    job = actions.update_failover_test(
        "drill", resource_ids=[B], duration_minutes=3, configuration=configuration
    )

    assert (job["ResourceId"], job["JobDuration"]) == ([B], "3")
    assert (job["Name"], job["Description"]) == ("drill", "why")


def test_delete_removes_the_test(configuration: Configuration) -> None:
    """A deleted test is gone; deleting it again succeeds."""
    job = create(configuration)

    first = actions.delete_failover_test("drill", configuration=configuration)
    second = actions.delete_failover_test("drill", configuration=configuration)

    assert first == {"test": "drill", "job_id": job["JobId"], "deleted": True}
    assert second == {"test": "drill", "job_id": None, "deleted": False}


def test_delete_of_a_test_that_is_deleted_meanwhile_is_no_error(
    emulator: Emulator, configuration: Configuration
) -> None:
    """The guard of an interrupted run may delete it between the look and the deletion."""
    job = create(configuration)
    fault = {"fault": "refuse", "operation": "DeleteFailoverTestJob", "code": "IllegalParam.JobId"}
    httpx.post(f"{emulator.url}/_emulator/faults", json=fault, trust_env=False).raise_for_status()

    result = actions.delete_failover_test("drill", configuration=configuration)

    assert result == {"test": "drill", "job_id": job["JobId"], "deleted": False}


def test_proof_that_took_long_to_read_is_no_longer_one(
    emulator: Emulator, configuration: Configuration
) -> None:
    """What was read first may not be so any more when the last answer has come."""
    guarding = guard.Guard(timeout=30.0, check_lifetime=0.5)
    guarding.approved = ApprovedCuts((Cut("drill", (A,), "PHYSICALCONNECTION", 5),), "")
    guard.set_current(guarding)
    fault = {"fault": "throttling", "operation": "DescribeBgpPeers", "count": 1}
    faults = f"{emulator.url}/_emulator/faults"
    httpx.post(faults, json={**fault, "retry_after": 1000}, trust_env=False).raise_for_status()

    try:
        with pytest.raises(GuardError, match=r"its survivors were checked \d+ s ago"):
            create(configuration, start=True)
    finally:
        guard.set_current(None)
        guarding.restore("the test is over")

    assert probes.list_failover_tests(configuration=configuration) == []


@pytest.mark.usefixtures("guarding")
def test_delete_of_what_never_ran_keeps_what_did(configuration: Configuration) -> None:
    """The cloud's list goes on telling when a circuit was tested last."""
    delete = functools.partial(
        actions.delete_failover_test, "drill", only_if_init=True, configuration=configuration
    )
    unstarted = create(configuration)
    assert delete() == {"test": "drill", "job_id": unstarted["JobId"], "deleted": True}

    ran = create(configuration, start=True)
    actions.stop_failover_test("drill", configuration=configuration)

    assert delete() == {"test": "drill", "job_id": ran["JobId"], "deleted": False}
    assert probes.failover_test_status("drill", configuration=configuration) == "Stopped"


@pytest.mark.usefixtures("guarding")
def test_delete_of_a_running_test_is_refused(configuration: Configuration) -> None:
    """The API's own error comes through, and the test goes on."""
    create(configuration, start=True)

    with pytest.raises(ApiError) as caught:
        actions.delete_failover_test("drill", configuration=configuration)

    assert caught.value.code == "IncorrectStatus.OnlyForInitOrStopped"
    assert probes.failover_test_status("drill", configuration=configuration) == "Testing"


def test_sweep_stops_what_runs(configuration: Configuration, guarding: Guard) -> None:
    """The sweep stops by prefix and leaves other names alone."""
    create(configuration, start=True)

    other = actions.stop_running_failover_tests("quarterly-", configuration=configuration)
    assert other == []
    assert probes.no_failover_test_running(configuration=configuration) is False

    (swept,) = actions.stop_running_failover_tests(configuration=configuration)

    assert swept["status"] == "Stopped"
    assert probes.no_failover_test_running(configuration=configuration) is True
    assert guarding.tests == []


def test_name_of_an_unfinished_test_is_refused(configuration: Configuration) -> None:
    """A second test of the same name would be ambiguous."""
    job = create(configuration)

    with pytest.raises(ArgumentError, match=job["JobId"]):
        create(configuration)

    assert len(probes.list_failover_tests(configuration=configuration)) == 1


def test_name_of_several_unfinished_tests_is_ambiguous(configuration: Configuration) -> None:
    """The error lists the tests."""
    first = create(configuration)
    second = create(configuration, name="other")
    actions.update_failover_test(second["JobId"], name="drill", configuration=configuration)

    with pytest.raises(AmbiguousTestError) as caught:
        probes.failover_test_status("drill", configuration=configuration)

    assert first["JobId"] in str(caught.value)
    assert second["JobId"] in str(caught.value)


def test_unknown_test_is_an_error(configuration: Configuration) -> None:
    """A probe on a test that does not exist fails."""
    with pytest.raises(JobNotFoundError, match="'nothing'"):
        probes.failover_test_status("nothing", configuration=configuration)


def test_list_filters_by_resource(configuration: Configuration) -> None:
    """A resource's tests are found by its ID alone."""
    create(configuration)

    jobs = probes.list_failover_tests(resource_id=A, configuration=configuration)
    nothing = probes.list_failover_tests(resource_id=B, configuration=configuration)
    stopped = probes.list_failover_tests(status="Stopped", configuration=configuration)

    assert [job["Name"] for job in jobs] == ["drill"]
    assert nothing == stopped == []


@pytest.mark.parametrize(
    ("call", "value"),
    [
        pytest.param(lambda c: create(c, duration_minutes=0), "0", id="duration"),
        pytest.param(lambda c: create(c, name="ftj-x"), "ftj-x", id="name"),
        pytest.param(lambda c: create(c, timeout=-1), "-1", id="timeout"),
        pytest.param(
            lambda c: probes.list_failover_tests(status="Gone", configuration=c),
            "Gone",
            id="status",
        ),
        pytest.param(
            lambda c: probes.circuit_status("vbr-x", configuration=c), "vbr-x", id="circuit"
        ),
        pytest.param(
            lambda c: probes.circuit_status(A, until=[""], configuration=c), "''", id="until"
        ),
        pytest.param(
            lambda c: probes.list_failover_tests(resource_id="i-5", configuration=c),
            "i-5",
            id="resource",
        ),
    ],
)
def test_wrong_argument_sends_nothing(
    emulator: Emulator, configuration: Configuration, call: Any, value: str
) -> None:
    """A wrong argument is refused by its value, before any request."""
    emulator.stop()

    with pytest.raises(ArgumentError, match=value):
        call(configuration)


def test_status_of_the_network(configuration: Configuration) -> None:
    """Circuit, VBR and session show the API's literals."""
    assert probes.circuit_status(A, configuration=configuration) == "Enabled"
    assert probes.virtual_border_router_status("vbr-rehearsal-a", configuration=configuration) == (
        "active"
    )
    assert probes.bgp_session_status("bgp-rehearsal-a", configuration=configuration) == (
        "Established"
    )


def test_status_of_an_unknown_resource_is_an_error(configuration: Configuration) -> None:
    """A circuit that does not exist has no status."""
    with pytest.raises(ArgumentError, match="'pc-gone' in cn-hangzhou"):
        probes.circuit_status("pc-gone", configuration=configuration)


def test_status_that_does_not_come_is_an_error(configuration: Configuration) -> None:
    """The wait ends with what it saw."""
    with pytest.raises(JobTimeoutError, match=r"bgp-rehearsal-a is Established, not Down"):
        probes.bgp_session_status(
            "bgp-rehearsal-a", until=["Down"], timeout=0.1, configuration=configuration
        )


def test_surviving_paths_of_two_circuits(configuration: Configuration) -> None:
    """A cut of one circuit leaves the other; a cut of both leaves none."""
    one = probes.surviving_paths([A], configuration=configuration)
    both = probes.surviving_paths([A, B], configuration=configuration)

    assert one["count"] == 1
    assert both["count"] == 0


@pytest.mark.usefixtures("guarding")
def test_every_output_can_be_encoded(configuration: Configuration) -> None:
    """What activities return goes into the journal as JSON."""
    outputs = [
        create(configuration, start=True),
        probes.describe_failover_test("drill", configuration=configuration),
        probes.list_failover_tests(configuration=configuration),
        probes.surviving_paths([A], configuration=configuration),
        actions.stop_failover_test("drill", configuration=configuration),
        actions.stop_running_failover_tests(configuration=configuration),
        actions.delete_failover_test("drill", configuration=configuration),
    ]

    assert json.loads(json.dumps(outputs)) == outputs


@pytest.fixture
def lagging(tmp_path: Path) -> Iterator[Configuration]:
    """An emulator that shows what was two seconds ago."""
    file = tmp_path / "lagging.yaml"
    file.write_text("{extends: dual-circuit, settings: {status_lag: 120}}")
    keys = {config.REHEARSAL_ACCESS_KEY_ID: config.REHEARSAL_ACCESS_KEY_SECRET}
    ports = {"portal": 0, "echo": 0, "ledger": 0}
    with Emulator(file, minute=1.0, access_keys=keys, service_ports=ports) as emulator:
        yield {
            "alibaba_cloud_region_id": "cn-hangzhou",
            "alibaba_cloud_vpc_endpoint": emulator.url,
            "alibaba_cloud_rehearsal": True,
        }


def cut_unseen(configuration: Configuration) -> None:
    """Start a test that the API does not show as running yet."""
    create(configuration)
    time.sleep(2.5)
    with pytest.raises(JobTimeoutError, match="is Init, not Testing"):
        actions.start_failover_test("drill", timeout=0.2, configuration=configuration)


def test_rollback_stops_a_test_that_still_shows_as_init(
    lagging: Configuration, guarding: Guard
) -> None:
    """Its start was accepted, so it is not believed that it never started."""
    cut_unseen(lagging)

    outcome = actions.stop_failover_test("drill", configuration=lagging)

    assert (outcome["status"], outcome["stopped"]) == ("Stopped", True)
    assert guarding.tests == []


def test_guard_stops_a_test_that_still_shows_as_init(
    lagging: Configuration, guarding: Guard
) -> None:
    """As the rollback does."""
    cut_unseen(lagging)

    (outcome,) = guarding.restore("the run was interrupted by SIGTERM")

    assert (outcome.status, outcome.stopped) == ("Stopped", True)


def test_rollback_without_the_secrets_of_the_cut_stops_it_all_the_same(guarding: Guard) -> None:
    """A test of that name in the account of the rollback would be another one."""
    guarding.min_survivors, guarding.survivors_by = 0, "sessions"
    cut = Cut("drill", ("pc-hangzhou-a",), "PHYSICALCONNECTION", 5)
    guarding.approved = ApprovedCuts.of([cut], None)
    with Emulator("two-regions", minute=1.0) as emulator:
        there: Configuration = {
            "alibaba_cloud_region_id": "cn-hangzhou",
            "alibaba_cloud_vpc_endpoint": emulator.url,
        }
        ours, theirs = (
            {"access_key_id": name, "access_key_secret": f"{name}-secret"}
            for name in ("emulator", "neighbour")
        )
        actions.create_failover_test(
            "drill", ["pc-hangzhou-a"], start=True, configuration=there, secrets=ours
        )

        outcome = actions.stop_failover_test("drill", configuration=there, secrets=theirs)

        assert (outcome["status"], outcome["stopped"]) == ("Stopped", True)
        assert probes.failover_test_status("drill", there, ours) == "Stopped"
        assert guarding.tests == []


@pytest.mark.parametrize("status", ["testing", "Failed", "Reverting"])
def test_test_of_an_undocumented_status_is_underway(
    status: str, configuration: Configuration, emulator: Emulator
) -> None:
    """It is no survivor, its name is taken, and nobody says that nothing runs."""
    create(configuration)
    fault = {"fault": "unknown-status", "status": status}
    httpx.post(f"{emulator.url}/_emulator/faults", json=fault, trust_env=False).raise_for_status()

    left = probes.surviving_paths([B], configuration=configuration)

    assert left["count"] == 0
    assert any(f"{A} is cut by ftj-" in reason for reason in left["reasons"])
    assert probes.no_failover_test_running(configuration=configuration) is False
    assert probes.failover_test_status("drill", configuration=configuration) == status
    with pytest.raises(ArgumentError, match="the name of the unfinished test"):
        create(configuration)
    with pytest.raises(GuardError, match="not stopped"):
        actions.stop_running_failover_tests(timeout=1, configuration=configuration)


@pytest.fixture
def clockwork() -> Iterator[Emulator]:
    """An emulator whose clock is that of this machine, so that ends of tests are past."""
    keys = {config.REHEARSAL_ACCESS_KEY_ID: config.REHEARSAL_ACCESS_KEY_SECRET}
    ports = {"portal": 0, "echo": 0, "ledger": 0}
    with Emulator("dual-circuit", access_keys=keys, service_ports=ports) as emulator:
        yield emulator


def test_deleted_test_is_judged_by_its_resources(
    configuration: Configuration, clockwork: Emulator
) -> None:
    """
    After its end it blocks nothing while they are in service, and everything while they are not.
    """
    emulator = clockwork
    configuration = {**configuration, "alibaba_cloud_vpc_endpoint": emulator.url}
    faults = f"{emulator.url}/_emulator/faults"
    early = {"fault": "ends-early", "seconds": 0.1}
    httpx.post(faults, json=early, trust_env=False).raise_for_status()
    with config.client(configuration, None) as client:
        job_id = client.create_failover_test_job(
            resource_ids=[A], job_type="StartNow", job_duration=1
        )
        client.wait_for_status(job_id, "Stopped", timeout=60.0)
    fault = {"fault": "unknown-status", "status": "Deleted"}
    httpx.post(faults, json=fault, trust_env=False).raise_for_status()

    def seen() -> tuple[object, int, list[PreflightCheck]]:
        left = probes.surviving_paths([B], configuration=configuration)
        reading = config.network_reads(configuration, None)
        with config.client(configuration, None) as client, reading as reads:
            routes = RouteChecks(client, reads, RouteRules())
            checks = preflight(PreflightContext(client, [CUT_B], 60.0, 1, routes))
        quiet = probes.no_failover_test_running(configuration=configuration)
        return quiet, left["count"], [each for each in checks if each.name == "no test is running"]

    quiet, count, (check,) = seen()
    down = {"Status": "Terminated"}
    url = f"{emulator.url}/_emulator/resources/{A}"
    httpx.patch(url, json=down, trust_env=False).raise_for_status()
    quiet_then, count_then, (check_then,) = seen()

    assert (quiet, count, check.passed) == (True, 1, True)
    assert "(Deleted) counts as ended, with pc-rehearsal-a back" in check.warnings[0]
    assert (quiet_then, count_then, check_then.passed) == (False, 0, False)
    assert "(Deleted) in cn-hangzhou; at most one can run" in check_then.detail
