"""
Faults: each kind, in the provider's dialect, in process and over HTTP.
"""

import json
from typing import Any

import httpx
import pytest
from emulator_callers import CREATE, Caller, flattened

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.faults import FAULTS, fault_from

VERSION = {"x-acs-version": "2016-04-28"}
LIST = "DescribeFailoverTestJobs"


def caller_with(**fault: Any) -> Caller:
    """
    Make a caller whose cloud has one fault armed.
    """
    caller = Caller()
    caller.cloud.faults.faults.append(fault_from(fault))
    return caller


def started(caller: Caller) -> str:
    """
    Create and start a job of five minutes.
    """
    return str(caller.call("CreateFailoverTestJob", **{**CREATE, "JobType": "StartNow"})["JobId"])


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"fault": "throttling"}, (400, "Throttling.User")),
        ({"fault": "throttling", "code": "Throttling"}, (400, "Throttling")),
        ({"fault": "internal-error"}, (500, "InternalError")),
        ({"fault": "unavailable"}, (503, "ServiceUnavailable")),
        ({"fault": "refuse"}, (400, "SystemBusy")),
        (
            {"fault": "refuse", "code": "EcFailoverTestJobConflict"},
            (400, "EcFailoverTestJobConflict"),
        ),
    ],
)
def test_a_refusing_fault_changes_nothing(fault: dict[str, Any], expected: tuple[int, str]) -> None:
    caller = caller_with(**fault)

    assert caller.refused("CreateFailoverTestJob", **CREATE)[:2] == expected
    assert list(caller.cloud.ledger.everything()) == []


def test_throttling_says_when_to_come_back() -> None:
    emulator = Emulator(auth=False)
    emulator.cloud.faults.faults.append(fault_from({"fault": "throttling", "retry_after": 1500}))
    reply = emulator.handle("POST", "/", {**VERSION, "x-acs-action": LIST})

    assert reply.headers["x-acs-retry-after"] == "1500"


def test_a_refusal_that_has_a_field_is_whole() -> None:
    caller = caller_with(fault="refuse", code="SignatureDoesNotMatch")

    assert caller.refused(LIST)[2].endswith("server string to sign is:")


def test_a_count_runs_out() -> None:
    caller = caller_with(fault="throttling", count=2)
    statuses = [caller.send(LIST)[0] for _ in range(4)]

    assert statuses == [400, 400, 200, 200]
    assert caller.cloud.faults.shown() == []


def test_probability_strikes_sometimes_and_repeatably() -> None:
    statuses = []
    for _ in range(2):
        caller = caller_with(fault="throttling", probability=0.5)
        statuses.append([caller.send(LIST)[0] for _ in range(100)])

    assert statuses[0] == statuses[1]
    assert 20 < statuses[0].count(400) < 80


def armed(*faults: dict[str, Any]) -> Caller:
    """
    Make a caller whose cloud has faults armed, each to strike once.
    """
    caller = Caller()
    caller.cloud.faults.faults += [fault_from({**fault, "count": 1}) for fault in faults]
    return caller


def test_a_count_waits_for_a_call_that_it_can_change() -> None:
    caller = armed({"fault": "unknown-status"}, {"fault": "status-lag"}, {"fault": "stays-down"})
    caller.call("DescribeRegions")
    caller.call(LIST)

    waiting = [each["fault"] for each in caller.cloud.faults.shown()]
    caller.call("CreateFailoverTestJob", **CREATE)
    caller.call(LIST)

    assert waiting == ["unknown-status", "status-lag", "stays-down"]
    assert [each["fault"] for each in caller.cloud.faults.shown()] == ["stays-down"]


@pytest.mark.parametrize("fault", ["stuck-starting", "ends-early"])
def test_a_count_of_what_begins_with_a_job_outlives_its_end(fault: str) -> None:
    caller = Caller()
    job_id = started(caller)
    caller.wait(2.0)
    caller.cloud.faults.faults.append(fault_from({"fault": fault, "count": 1}))
    caller.call("StopFailoverTestJob", JobId=job_id)

    assert [each["fault"] for each in caller.cloud.faults.shown()] == [fault]


def test_faults_that_answer_come_one_after_the_other() -> None:
    """
    What strikes the reply waits while something strikes before the call, and for its turn.
    """
    caller = armed(*({"fault": each} for each in ("truncated", "reset", "html", "internal-error")))
    emulator = Emulator(auth=False)
    emulator.cloud.faults = caller.cloud.faults
    replies = [emulator.handle("POST", "/", {**VERSION, "x-acs-action": LIST}) for _ in range(5)]

    assert [(reply.status, reply.ending) for reply in replies] == [
        (0, "reset"),
        (500, "complete"),
        (200, "cut"),
        (502, "complete"),
        (200, "complete"),
    ]


def test_a_slow_answer_is_slow_whatever_it_is() -> None:
    caller = armed({"fault": "slow", "seconds": 7}, {"fault": "internal-error"})
    emulator = Emulator(auth=False)
    emulator.cloud.faults = caller.cloud.faults
    reply = emulator.handle("POST", "/", {**VERSION, "x-acs-action": LIST})

    assert (reply.status, reply.delay) == (500, 7.0)
    assert caller.cloud.faults.shown() == []


def test_a_fault_strikes_only_the_calls_it_names() -> None:
    caller = caller_with(fault="unavailable", operation="Start*", region="cn-hangzhou")
    job_id = caller.call("CreateFailoverTestJob", **CREATE)["JobId"]

    assert caller.refused("StartFailoverTestJob", JobId=job_id)[0] == 503
    assert caller.status(job_id) == "Init"


@pytest.mark.parametrize(
    ("given", "struck"),
    [({}, [503, 503]), ({"dry_run": True}, [503, 200]), ({"dry_run": False}, [400, 503])],
)
@pytest.mark.parametrize("fault", ["unavailable", "falsely-refused"])
def test_a_fault_spares_dry_runs_or_strikes_nothing_else(
    fault: str, given: dict[str, Any], struck: list[int]
) -> None:
    caller = caller_with(fault=fault, operation="Create*", **given)
    calls: list[dict[str, Any]] = [{**CREATE, "DryRun": "true"}, {**CREATE}]

    assert [caller.send("CreateFailoverTestJob", **call)[0] for call in calls] == struck


def test_stuck_in_starting() -> None:
    caller = caller_with(fault="stuck-starting")
    job_id = started(caller)
    caller.wait(86400.0)

    assert caller.status(job_id) == "Starting"


def test_stuck_in_stopping_for_a_while() -> None:
    caller = caller_with(fault="stuck-stopping", seconds=60.0, operation="Stop*")
    job_id = started(caller)
    caller.wait(2.0)
    caller.call("StopFailoverTestJob", JobId=job_id)
    seen = []
    for seconds in (59.0, 1.0):
        caller.wait(seconds)
        seen.append(caller.status(job_id))

    assert seen == ["Stopping", "Stopped"]


def test_a_job_ends_early() -> None:
    caller = caller_with(fault="ends-early", seconds=10.0)
    job_id = started(caller)
    caller.wait(2.0 + 10.0)

    assert caller.status(job_id) == "Stopping"


@pytest.mark.parametrize(("seconds", "after"), [(None, "Down"), (30.0, "Established")])
def test_a_circuit_does_not_come_back(seconds: float | None, after: str) -> None:
    caller = caller_with(fault="stays-down", seconds=seconds)
    job_id = started(caller)
    caller.wait(2.0 + 300.0 + 2.0)
    seen = [session(caller)]
    caller.wait(31.0)
    seen.append(session(caller))

    assert caller.status(job_id) == "Stopped"
    assert seen == ["Down", after]


def session(caller: Caller) -> str:
    """
    Return the BGP status of the first circuit's peer.
    """
    document = caller.call("DescribeBgpPeers", RegionId="cn-hangzhou", BgpPeerId="bgp-rehearsal-a")
    return str(document["BgpPeers"]["BgpPeer"][0]["BgpStatus"])


def test_status_lag() -> None:
    """
    Describe calls show jobs and sessions as they were; the rules know better.
    """
    caller = caller_with(fault="status-lag", seconds=5.0)
    job_id = started(caller)
    caller.wait(3.0)
    seen = [caller.status(job_id), session(caller)]
    caller.wait(4.0)
    seen += [caller.status(job_id), session(caller)]

    assert seen == ["Init", "Established", "Testing", "Down"]


def test_unknown_fields_and_an_unknown_status() -> None:
    caller = caller_with(fault="extra-fields")
    caller.cloud.faults.faults.append(fault_from({"fault": "unknown-status"}))
    job_id = caller.call("CreateFailoverTestJob", **CREATE)["JobId"]
    document = caller.call("DescribeFailoverTestJob", JobId=job_id)
    listed = caller.call(LIST)["FailoverTestJobList"]

    assert document["FailoverTestJobModel"]["Status"] == listed[0]["Status"] == "Pausing"
    assert "FieldOfTomorrow" in document
    assert "FieldOfTomorrow" in document["FailoverTestJobModel"]


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ({"fault": "gremlins"}, "gremlins"),
        ({"fault": "refuse", "code": "NoSuchCode"}, "NoSuchCode"),
        ({"fault": "slow", "probability": 2}, "probability"),
        ({"fault": "slow", "count": 0}, "count"),
        ({"fault": "slow", "seconds": -1}, "seconds"),
        ({"fault": "slow", "duration": 1}, "duration"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(fault: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        fault_from(fault)


def test_every_kind_of_fault_has_a_meaning() -> None:
    assert all(kind.meaning for kind in FAULTS.values())


LINES: list[Any] = [
    pytest.param({"fault": "lost"}, httpx.RemoteProtocolError, 1, id="lost after the effect"),
    pytest.param({"fault": "reset"}, httpx.ReadError, 0, id="reset before the effect"),
    pytest.param({"fault": "truncated"}, httpx.RemoteProtocolError, 1, id="truncated body"),
    pytest.param({"fault": "slow", "seconds": 30.0}, httpx.ReadTimeout, 1, id="slow reply"),
]


@pytest.mark.parametrize("face", ["in process", "over HTTP"])
@pytest.mark.parametrize(("fault", "error", "jobs"), LINES)
def test_what_a_connection_suffers(
    face: str, fault: dict[str, Any], error: type[Exception], jobs: int
) -> None:
    """
    The client meets the same exception whether the emulator answers in process or over HTTP.
    """
    with Emulator(auth=False, service_ports={"portal": 0, "echo": 0, "ledger": 0}) as emulator:
        transport = emulator.transport() if face == "in process" else None
        emulator.cloud.faults.faults.append(fault_from(fault))
        with httpx.Client(transport=transport, timeout=0.5) as client:
            with pytest.raises(error):
                client.post(
                    emulator.url,
                    params=flattened(CREATE),
                    headers={**VERSION, "x-acs-action": "CreateFailoverTestJob"},
                )
            emulator.cloud.faults.faults.clear()
            reply = client.get(emulator.url, headers={**VERSION, "x-acs-action": LIST})

    assert reply.json()["TotalCount"] == jobs


def test_a_gateway_answers_in_html() -> None:
    with Emulator(auth=False, service_ports={"portal": 0, "echo": 0, "ledger": 0}) as emulator:
        emulator.cloud.faults.faults.append(fault_from({"fault": "html"}))
        reply = httpx.get(emulator.url, headers={**VERSION, "x-acs-action": LIST})

    assert (reply.status_code, reply.headers["content-type"]) == (502, "text/html")
    with pytest.raises(json.JSONDecodeError):
        reply.json()
