"""
Jobs that really run and cut, whatever the API says of them: each kind of wrong status.
"""

import json
from typing import Any

import httpx
import pytest
from emulator_callers import CREATE, Caller

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.faults import fault_from

NOW = {**CREATE, "JobType": "StartNow", "Name": "drill"}
LIST = "DescribeFailoverTestJobs"
RUNS = ["Starting", "Testing", "Stopping"]
ABSENT = "absent"


SHOW = {"Action": "DescribeFailoverTestJob", "Version": "2016-04-28", "Format": "JSON"}


def caller_with(*faults: dict[str, Any]) -> Caller:
    """
    Make a caller whose cloud has faults armed.
    """
    caller = Caller()
    caller.cloud.faults.faults += [fault_from(fault) for fault in faults]
    return caller


def started(caller: Caller) -> str:
    """
    Create and start a job of five minutes, and wait until it cuts.
    """
    job_id = str(caller.call("CreateFailoverTestJob", **NOW)["JobId"])
    caller.wait(3.0)
    return job_id


def statuses(caller: Caller, job_id: str) -> tuple[object, object]:
    """
    Return the status of a job as the job itself and as the list show it.
    """
    one = caller.call("DescribeFailoverTestJob", JobId=job_id)["FailoverTestJobModel"]
    (listed,) = caller.call(LIST)["FailoverTestJobList"]
    return one.get("Status", ABSENT), listed.get("Status", ABSENT)


def is_down(caller: Caller) -> bool:
    """
    Say whether the circuit is really down.
    """
    with caller.cloud.held() as now:
        return "pc-rehearsal-a" in caller.cloud.down(now)


def listed_ids(caller: Caller, *words: str) -> list[str]:
    """
    Return the IDs of the jobs that a list with a filter on the status has.
    """
    given = {"Filter": [{"Key": "JobStatus", "Value": list(words)}]} if words else {}
    return [job["JobId"] for job in caller.call(LIST, **given)["FailoverTestJobList"]]


STATUSES = ["testing", "Pausing", "Failed", "Starting", "Deleted", "Stopped", "Init", "", None]
FAULTS = [
    *(pytest.param({"fault": "unknown-status", "status": each}, each) for each in STATUSES),
    pytest.param({"fault": "no-status"}, ABSENT),
]


@pytest.mark.parametrize(("fault", "shown"), FAULTS)
def test_a_job_shows_any_status_while_it_cuts_and_stop_ends_it(
    fault: dict[str, Any], shown: object
) -> None:
    caller = caller_with({**fault, "during": RUNS})
    job_id = started(caller)
    while_cut = (statuses(caller, job_id), is_down(caller))
    caller.call("StopFailoverTestJob", JobId=job_id)
    while_stopping = statuses(caller, job_id)
    caller.wait(3.0)

    assert while_cut == ((shown, shown), True)
    assert while_stopping == (shown, shown)
    assert (statuses(caller, job_id), is_down(caller)) == (("Stopped", "Stopped"), False)


@pytest.mark.parametrize(("fault", "shown"), FAULTS)
def test_a_job_shows_it_for_ever(fault: dict[str, Any], shown: object) -> None:
    caller = caller_with({**fault, "during": [*RUNS, "Stopped"]})
    job_id = started(caller)
    caller.call("StopFailoverTestJob", JobId=job_id)
    caller.wait(86400.0)

    assert (statuses(caller, job_id), is_down(caller)) == ((shown, shown), False)


def test_a_status_is_odd_for_its_first_seconds() -> None:
    caller = caller_with({"fault": "unknown-status", "during": "Testing", "seconds": 10})
    job_id = started(caller)
    before = statuses(caller, job_id)
    caller.wait(9.0)

    assert (before, statuses(caller, job_id)) == (("Pausing",) * 2, ("Testing",) * 2)


@pytest.mark.parametrize("job", ["drill", "ftj-*"])
def test_a_fault_names_its_job(job: str) -> None:
    caller = caller_with(
        {"fault": "unknown-status", "job": job}, {"fault": "no-status", "job": "x"}
    )

    assert statuses(caller, started(caller)) == ("Pausing", "Pausing")


@pytest.mark.parametrize(
    ("fault", "own"),
    [
        ({"fault": "unknown-status", "status": "testing"}, ["Testing", "TESTING"]),
        ({"fault": "unknown-status", "status": "Pausing"}, ["Pausing"]),
        ({"fault": "unknown-status", "status": None}, []),
        ({"fault": "no-status"}, []),
    ],
)
def test_a_filter_compares_what_is_shown(fault: dict[str, Any], own: list[str]) -> None:
    """
    The service filters by its own word, and `None` and the true status are none.
    """
    caller = caller_with(fault)
    job_id = started(caller)
    words = ["Testing", "TESTING", "Pausing", "None", "null"]

    assert [word for word in words if listed_ids(caller, word)] == own
    assert listed_ids(caller) == [job_id]


def test_stop_is_refused_with_a_code() -> None:
    code = "IncorrectStatus.OnlyForTesting"
    caller = caller_with(
        {"fault": "unknown-status", "during": RUNS},
        {"fault": "refuse", "operation": "StopFailoverTestJob", "code": code},
    )
    job_id = started(caller)

    assert caller.refused("StopFailoverTestJob", JobId=job_id)[:2] == (400, code)
    assert (statuses(caller, job_id), is_down(caller)) == (("Pausing",) * 2, True)


def test_an_unknown_job_is_neither_found_nor_stopped() -> None:
    caller = caller_with({"fault": "unknown-job", "during": "Testing"})
    job_id = started(caller)
    codes = {
        caller.refused(f"{verb}FailoverTestJob", JobId=job_id)[1]
        for verb in ("Describe", "Start", "Stop", "Update", "Delete")
    }

    assert codes == {"IllegalParam.JobId"}
    assert (listed_ids(caller), is_down(caller)) == ([], True)
    assert caller.call(LIST)["TotalCount"] == 0


def test_a_list_hides_a_job() -> None:
    caller = caller_with({"fault": "unknown-job", "operation": LIST})
    job_id = started(caller)

    assert (listed_ids(caller), caller.status(job_id), is_down(caller)) == ([], "Testing", True)


def test_a_job_is_unknown_while_its_resources_stay_down() -> None:
    caller = caller_with({"fault": "stays-down"}, {"fault": "unknown-job", "during": "Stopped"})
    job_id = started(caller)
    caller.call("StopFailoverTestJob", JobId=job_id)
    caller.wait(3.0)

    assert caller.refused("DescribeFailoverTestJob", JobId=job_id)[1] == "IllegalParam.JobId"
    assert is_down(caller)


def test_the_admin_interface_shows_the_truth_over_http() -> None:
    ports = {"portal": 0, "echo": 0, "ledger": 0}
    with Emulator(auth=False, service_ports=ports) as emulator:
        caller = Caller()
        caller.cloud = emulator.cloud
        emulator.cloud.faults.faults.append(fault_from({"fault": "no-status"}))
        job_id = started(caller)
        shown = httpx.get(emulator.url, params={**SHOW, "JobId": job_id}).json()
        (job,) = json.loads(emulator.handle("GET", "/_emulator/state").body)["jobs"]

        assert "Status" not in shown["FailoverTestJobModel"]
        assert (job["Status"], job["exists"]) == ("Testing", True)
