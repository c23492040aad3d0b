"""
Starts that take effect late: what calls see meanwhile, and what ends the wait.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from emulator_callers import CREATE, Caller, flattened

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.faults import fault_from

LIST = "DescribeFailoverTestJobs"
NOW = {**CREATE, "JobType": "StartNow"}
VERSION = {"x-acs-version": "2016-04-28"}
FREE = {"portal": 0, "echo": 0, "ledger": 0}


def caller_with(*faults: dict[str, Any]) -> Caller:
    """
    Make a caller whose cloud has faults armed.
    """
    caller = Caller()
    caller.cloud.faults.faults += [fault_from(fault) for fault in faults]
    return caller


def shown(caller: Caller) -> list[str]:
    """
    Return the statuses of the jobs in the list.
    """
    return [job["Status"] for job in caller.call(LIST)["FailoverTestJobList"]]


def down(caller: Caller) -> bool:
    """
    Say whether the circuit is really down.
    """
    with caller.cloud.held() as now:
        return "pc-rehearsal-a" in caller.cloud.down(now)


def course(caller: Caller, *waits: float) -> list[tuple[list[str], bool]]:
    """
    Return what is listed and whether the circuit is down, now and after each wait.
    """
    seen = [(shown(caller), down(caller))]
    for seconds in waits:
        caller.wait(seconds)
        seen.append((shown(caller), down(caller)))
    return seen


@pytest.mark.parametrize("seconds", [25.0, 900.0])
@pytest.mark.parametrize("listed", [False, True])
def test_a_job_is_created_late(seconds: float, listed: bool) -> None:
    caller = caller_with({"fault": "late-start", "seconds": seconds, "listed": listed})
    caller.call("CreateFailoverTestJob", **NOW)
    waiting = ["Init"] if listed else []

    assert course(caller, seconds - 0.5, 1.0, 2.0, 300.0) == [
        (waiting, False),
        (waiting, False),
        (["Starting"], False),
        (["Testing"], True),
        (["Stopping"], True),
    ]


def test_a_job_that_does_not_exist_yet_is_unknown() -> None:
    caller = caller_with({"fault": "late-start", "seconds": 25})
    job_id = caller.call("CreateFailoverTestJob", **NOW)["JobId"]
    codes = {
        caller.refused(f"{verb}FailoverTestJob", JobId=job_id)[1]
        for verb in ("Describe", "Start", "Stop", "Update", "Delete")
    }
    caller.wait(25.0)

    assert codes == {"IllegalParam.JobId"}
    assert caller.status(job_id) == "Starting"


def test_a_start_takes_effect_late() -> None:
    caller = caller_with({"fault": "late-start", "seconds": 25})
    job_id = caller.call("CreateFailoverTestJob", **CREATE)["JobId"]
    caller.call("StartFailoverTestJob", JobId=job_id)

    assert course(caller, 24.5, 1.0, 2.0) == [
        (["Init"], False),
        (["Init"], False),
        (["Starting"], False),
        (["Testing"], True),
    ]


def test_without_a_delay_a_start_takes_effect_at_once() -> None:
    caller = caller_with({"fault": "late-start", "seconds": 0})
    caller.call("CreateFailoverTestJob", **NOW)

    assert shown(caller) == ["Starting"]


@pytest.mark.parametrize("operation", ["Create", "Start"])
def test_a_late_start_finds_no_deleted_job(operation: str) -> None:
    caller = caller_with({"fault": "late-start", "seconds": 25, "listed": True})
    kind = NOW if operation == "Create" else CREATE
    job_id = caller.call("CreateFailoverTestJob", **kind)["JobId"]
    if operation == "Start":
        caller.call("StartFailoverTestJob", JobId=job_id)
    caller.call("DeleteFailoverTestJob", JobId=job_id)

    assert course(caller, 26.0, 3600.0) == [([], False)] * 3


def test_a_second_start_takes_effect_at_once_and_the_late_one_does_nothing() -> None:
    caller = caller_with({"fault": "late-start", "seconds": 100, "count": 1})
    job_id = caller.call("CreateFailoverTestJob", **CREATE)["JobId"]
    caller.call("StartFailoverTestJob", JobId=job_id)
    caller.call("StartFailoverTestJob", JobId=job_id)
    caller.wait(3.0)
    caller.call("StopFailoverTestJob", JobId=job_id)

    assert course(caller, 50.0, 100.0) == [
        (["Stopping"], True),
        (["Stopped"], False),
        (["Stopped"], False),
    ]


def test_the_earlier_of_two_late_starts_takes_effect() -> None:
    caller = caller_with({"fault": "late-start", "seconds": 25})
    job_id = caller.call("CreateFailoverTestJob", **CREATE)["JobId"]
    caller.call("StartFailoverTestJob", JobId=job_id)
    caller.wait(20.0)
    caller.call("StartFailoverTestJob", JobId=job_id)
    caller.wait(5.0)

    assert shown(caller) == ["Starting"]


def test_a_retry_with_the_same_token_starts_nothing_more() -> None:
    caller = caller_with({"fault": "late-start", "seconds": 25}, {"fault": "falsely-refused"})
    for _ in range(3):
        caller.refused("CreateFailoverTestJob", **NOW, ClientToken="t")
        caller.wait(5.0)
    caller.cloud.faults.faults.clear()
    caller.wait(10.0)

    assert shown(caller) == ["Starting"]


@pytest.mark.parametrize("jump", [1.0, 30.0, 1000.0])
def test_a_late_start_is_refused_if_another_job_runs_by_then(jump: float) -> None:
    """
    The rules are checked at the instant of the effect, also when the clock jumps beyond it.
    """
    caller = caller_with({"fault": "late-start", "seconds": 25, "count": 1})
    late = caller.call("CreateFailoverTestJob", **NOW)["JobId"]
    other = caller.call("CreateFailoverTestJob", **NOW)["JobId"]
    for _ in range(int(1000 / jump)):
        caller.wait(jump)

    assert caller.status(other) == "Stopped"
    assert caller.refused("DescribeFailoverTestJob", JobId=late)[1] == "IllegalParam.JobId"


def test_two_late_starts_take_effect_in_their_order() -> None:
    caller = caller_with({"fault": "late-start", "seconds": 50})
    first = caller.call("CreateFailoverTestJob", **NOW)["JobId"]
    caller.cloud.faults.faults[:] = [fault_from({"fault": "late-start", "seconds": 25})]
    second = caller.call("CreateFailoverTestJob", **NOW)["JobId"]
    caller.wait(60.0)

    assert caller.status(second) == "Testing"
    assert caller.refused("DescribeFailoverTestJob", JobId=first)[1] == "IllegalParam.JobId"


def test_a_waiting_job_blocks_nothing() -> None:
    caller = caller_with({"fault": "late-start", "seconds": 25, "count": 1})
    caller.call("CreateFailoverTestJob", **NOW)
    caller.call("CreateFailoverTestJob", **NOW)

    assert shown(caller) == ["Starting"]


def test_other_faults_of_the_job_act_on_a_late_start() -> None:
    caller = caller_with(
        {"fault": "late-start", "seconds": 25},
        {"fault": "stuck-starting", "seconds": 100},
        {"fault": "ends-early", "seconds": 10},
        {"fault": "unknown-status", "status": None, "during": "Testing"},
    )
    caller.call("CreateFailoverTestJob", **NOW)
    caller.wait(25.0)

    assert course(caller, 101.0, 10.0) == [
        (["Starting"], False),
        ([None], True),
        (["Stopping"], True),
    ]


REPLIES = [
    pytest.param({"fault": "lost"}, httpx.RemoteProtocolError, id="closed"),
    pytest.param({"fault": "slow", "seconds": 30}, httpx.ReadTimeout, id="hangs"),
    pytest.param({"fault": "falsely-refused"}, 503, id="503"),
    pytest.param({"fault": "html"}, 502, id="502"),
    pytest.param({"fault": "truncated"}, httpx.RemoteProtocolError, id="truncated"),
]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """
    An emulator that checks no signatures, over HTTP.
    """
    with Emulator(auth=False, service_ports=FREE) as emulator:
        yield emulator


def post(client: httpx.Client, emulator: Emulator, operation: str, **given: Any) -> httpx.Response:
    """
    Call an operation over HTTP.
    """
    headers = {**VERSION, "x-acs-action": operation}
    return client.post(emulator.url, params=flattened(given), headers=headers)


@pytest.mark.parametrize(("fault", "met"), REPLIES)
def test_the_reply_fails_and_the_effect_comes_late(
    fault: dict[str, Any], met: int | type[Exception], emulator: Emulator
) -> None:
    for each in ({"fault": "late-start", "seconds": 120}, fault):
        armed = {**each, "count": 1, "operation": "CreateFailoverTestJob"}
        httpx.post(f"{emulator.url}/_emulator/faults", json=armed).raise_for_status()
    with httpx.Client(timeout=0.5) as client:
        if isinstance(met, int):
            assert post(client, emulator, "CreateFailoverTestJob", **NOW).status_code == met
        else:
            with pytest.raises(met):
                post(client, emulator, "CreateFailoverTestJob", **NOW)
        before = post(client, emulator, LIST).json()["FailoverTestJobList"]
        emulator.advance(123)
        (job,) = post(client, emulator, LIST).json()["FailoverTestJobList"]
        down = client.get(f"{emulator.url}/_emulator/state").json()["down"]

    assert before == []
    assert job["Status"] == "Testing"
    assert "pc-rehearsal-a" in down


def test_a_false_refusal_names_its_code(emulator: Emulator) -> None:
    fault = {"fault": "falsely-refused", "code": "Throttling.User", "retry_after": 200}
    httpx.post(f"{emulator.url}/_emulator/faults", json=fault).raise_for_status()
    with httpx.Client() as client:
        reply = post(client, emulator, "CreateFailoverTestJob", **CREATE)
    (logged,) = httpx.get(f"{emulator.url}/_emulator/requests").json()

    assert (reply.status_code, reply.json()["Code"]) == (400, "Throttling.User")
    assert reply.headers["x-acs-retry-after"] == "200"
    assert (logged["code"], logged["status"]) == ("Throttling.User", 400)
    assert len(list(emulator.cloud.ledger.everything())) == 1


def test_the_data_plane_follows_a_late_start_by_itself(emulator: Emulator) -> None:
    emulator.cloud.faults.faults.append(fault_from({"fault": "late-start", "seconds": 0.5}))
    with httpx.Client(timeout=0.5) as client:
        post(client, emulator, "CreateFailoverTestJob", **NOW)
        deadline = time.monotonic() + 30.0
        while not emulator.ground_truth()["portal"] and time.monotonic() < deadline:
            time.sleep(0.05)

    assert emulator.ground_truth()["portal"]


@pytest.mark.parametrize(("seconds", "jobs"), [(30.0, []), (25.0, ["Starting"])])
def test_a_late_start_ends_with_the_window_of_its_signature(
    seconds: float, jobs: list[str]
) -> None:
    """
    The window is in real seconds, so here it is 26 emulated ones.
    """
    caller = Caller({"extends": "dual-circuit", "settings": {"timestamp_window": 26.0}})
    caller.cloud.faults.faults.append(fault_from({"fault": "late-start", "seconds": seconds}))
    caller.call("CreateFailoverTestJob", **NOW)
    caller.wait(seconds)

    assert shown(caller) == jobs
    caller.wait(3600.0)
    assert shown(caller) == (["Stopped"] if jobs else [])


def test_a_waiting_start_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    create = {**flattened(NOW), "Action": "CreateFailoverTestJob", "Version": "2016-04-28"}
    late = json.dumps({"fault": "late-start", "seconds": 100}).encode()
    query = "&".join(f"{key}={value}" for key, value in create.items())
    first = Emulator(auth=False, state=path)
    first.handle("POST", "/_emulator/faults", body=late)
    assert first.handle("POST", f"/?{query}").status == 200
    first.stop()
    again = Emulator(auth=False, state=path)
    (waiting,) = again.cloud.ledger.everything()
    again.advance(103)
    with again.cloud.held():
        (job,) = again.cloud.ledger.everything()
    again.stop()

    assert (waiting.status, waiting.exists, job.status) == ("Init", False, "Testing")


def test_a_late_start_is_not_decided_again_after_a_restart(tmp_path: Path) -> None:
    """
    The job that runs by now came after it.
    """
    path = tmp_path / "state.db"
    first = Emulator(auth=False, state=path)
    caller = Caller()
    caller.cloud = first.cloud
    caller.cloud.faults.faults.append(fault_from({"fault": "late-start", "count": 1}))
    caller.call("CreateFailoverTestJob", **{**NOW, "JobDuration": 1})
    first.advance(200)
    caller.call("CreateFailoverTestJob", **NOW)
    first.advance(10)
    first.stop()
    again = Emulator(auth=False, state=path)
    with again.cloud.held():
        statuses = [job.status for job in again.cloud.ledger.everything()]
    again.stop()

    assert statuses == ["Stopped", "Testing"]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"seconds": 901}, "fault.seconds is 901, expected a number from 0 to 900"),
        ({"seconds": -1}, "fault.seconds is -1, expected a number from 0 to"),
        ({"listed": "yes"}, "fault.listed is 'yes', expected true or false"),
        (
            {"during": ["Testing"]},
            "fault.during is not for late-start, which takes seconds, listed",
        ),
    ],
)
def test_a_late_start_that_makes_no_sense_is_refused(fault: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match="fault") as caught:
        fault_from({"fault": "late-start", **fault})

    assert str(caught.value).startswith(says)
