"""
`chaos failover status` as an alarm.
"""

import json
from datetime import UTC, datetime, timedelta
from threading import Timer

import httpx
import pytest
from accounts import ACCOUNTS
from click.testing import CliRunner, Result

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.cli import failover
from chaosfailover.emulator import Emulator


def status(*arguments: str) -> Result:
    return CliRunner().invoke(failover, ["status", "--region", "cn-hangzhou", *arguments])


def change(emulator: Emulator, path: str, body: object, method: str = "POST") -> None:
    httpx.request(
        method, f"{emulator.url}/_emulator/{path}", json=body, trust_env=False
    ).raise_for_status()


def listed(emulator: Emulator, *jobs: dict[str, object]) -> None:
    """
    Have the list of Hangzhou's tests show these documents.
    """
    body = {"RequestId": "C44F62BE", "FailoverTestJobList": jobs, "TotalCount": len(jobs)}
    fault = {"operation": "DescribeFailoverTestJobs", "reply": {"body": body}}
    change(emulator, "faults", {"fault": "answer", **fault})


def job(status: object, **fields: object) -> dict[str, object]:
    """
    Return the document of a test of pc-01 that ended an hour ago.
    """
    return {
        "JobId": "ftj-1",
        "Name": "drill",
        "Status": status,
        "ResourceType": "PHYSICALCONNECTION",
        "ResourceId": ["pc-01"],
        "JobDuration": "5",
        "StartTime": ago(hours=2),
        "StopTime": ago(hours=1),
        **fields,
    }


def ago(**since: float) -> str:
    return (datetime.now(UTC) - timedelta(**since)).strftime("%Y-%m-%dT%H:%M:%SZ")


def running_since(emulator: Emulator, minutes: float | None) -> None:
    """
    Have the list show one test of five minutes that began some minutes ago, or is beginning.
    """
    operation = "DescribeFailoverTestJobs"
    key = Credentials(f"key-{ACCOUNTS[0]}", f"secret-{ACCOUNTS[0]}")
    with VpcClient("cn-hangzhou", lambda: key, endpoint=emulator.url) as client:
        client.create_failover_test_job(
            name="drill", resource_ids=["pc-01"], job_type="StartLater", job_duration=5
        )
        document = client.call(operation, {"MaxResults": 20})
    status = "Starting" if minutes is None else "Testing"
    body = json.loads(json.dumps(document).replace('"Init"', f'"{status}"'))
    (jobs,) = (value for value in body.values() if isinstance(value, list))
    if minutes is not None:
        began = datetime.now(UTC) - timedelta(minutes=minutes)
        jobs[0]["StartTime"] = began.strftime("%Y-%m-%dT%H:%M:%SZ")
    fault = {"fault": "answer", "operation": operation, "reply": {"body": body}}
    httpx.post(f"{emulator.url}/_emulator/faults", json=fault, trust_env=False).raise_for_status()


@pytest.mark.parametrize(
    ("minutes", "exit_code"),
    [
        pytest.param(1.0, 0, id="on time"),
        pytest.param(6.0, 0, id="about to be stopped"),
        pytest.param(8.0, 1, id="overdue"),
    ],
)
def test_alarm_is_for_what_is_overdue(
    minutes: float, exit_code: int, ten_circuits: Emulator
) -> None:
    """A game day that runs as planned raises none; what the cloud should have ended does."""
    running_since(ten_circuits, minutes)

    done = status("--fail-if-overdue")

    assert done.exit_code == exit_code, done.output
    assert ("OVERDUE" in done.stdout) == bool(exit_code)
    assert status().exit_code == 0
    assert status("--fail-if-running").exit_code == 1


def test_test_that_never_ends_by_itself_is_overdue(ten_circuits: Emulator) -> None:
    """One that is stuck in `Starting` may cut, and nobody can say until when."""
    running_since(ten_circuits, None)

    done = status("--fail-if-overdue", "--patience", "0.1")

    assert done.exit_code == 1, done.output
    assert "until unknown" in done.stdout
    assert status().exit_code == 0


def test_test_that_has_just_been_started_is_not_overdue(ten_circuits: Emulator) -> None:
    """When it ends is not known yet, but soon is."""
    running_since(ten_circuits, None)
    faults = f"{ten_circuits.url}/_emulator/faults"
    later = Timer(1.0, lambda: httpx.delete(faults, trust_env=False))
    later.start()

    done = status("--fail-if-overdue", "--patience", "30")

    later.join()
    assert done.exit_code == 0, done.output


def test_nothing_is_asked_where_rehearsals_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no cloud to watch and there may be no credentials; that is no alarm."""
    monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", "emulator")

    done = status("--fail-if-overdue")

    assert (done.exit_code, done.stdout) == (
        0,
        "Rehearsals end with their runs: there is nothing to watch.\n",
    )


@pytest.mark.long
@pytest.mark.usefixtures("ten_circuits")
def test_alarm_that_cannot_ask_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to know is no reason to be quiet."""
    monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", "http://127.0.0.1:9")

    assert status("--fail-if-overdue").exit_code == 1


@pytest.mark.parametrize("status_shown", ["testing", "Pausing", "Failed", "", None, 7])
def test_test_of_any_other_status_runs(status_shown: object, ten_circuits: Emulator) -> None:
    """It may cut, and nobody may overlook it."""
    listed(ten_circuits, job(status_shown))

    done = status("--fail-if-overdue")
    as_json = json.loads(status("--format", "json").stdout)

    assert done.exit_code == 1, done.output
    assert "ftj-1" in done.stdout
    assert "OVERDUE" in done.stdout
    assert [each["job_id"] for each in as_json["running"]] == ["ftj-1"]


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1"])
def test_patience_that_is_none_is_wrong_usage(seconds: str) -> None:
    """With "nan" it would be over at once, and with "inf" never."""
    done = status("--fail-if-overdue", "--patience", seconds)

    assert done.exit_code == 2
    message = f"'--patience': {float(seconds)} is not a number of seconds, 0 or more"
    assert message in done.stderr


def test_test_without_anything_runs(ten_circuits: Emulator) -> None:
    """A document may lack every field."""
    listed(ten_circuits, {"Description": "?"})

    done = status("--fail-if-overdue", "--patience", "0")

    assert done.exit_code == 1, done.output
    assert "without ID  of unknown status" in done.stdout


@pytest.mark.parametrize(
    ("document", "exit_code"),
    [
        pytest.param(job("Stopped"), 1, id="stopped an hour ago"),
        pytest.param(job("Stopped", StopTime=ago(days=6)), 1, id="six days ago"),
        pytest.param(job("Stopped", StopTime=ago(days=8)), 0, id="eight days ago"),
        pytest.param(
            job("Stopped", StopTime="", StartTime=ago(days=8)), 0, id="by its planned end"
        ),
        pytest.param(job("Stopped", StopTime=None, StartTime="?"), 1, id="at an unknown time"),
        pytest.param(job("Deleted"), 1, id="deleted"),
        pytest.param(job("Deleted", StopTime=ago(days=8)), 0, id="deleted long ago"),
        pytest.param(job("Init"), 0, id="never started"),
    ],
)
@pytest.mark.parametrize("is_down", [True, False])
def test_alarm_is_for_what_is_left_down(
    document: dict[str, object], exit_code: int, is_down: bool, ten_circuits: Emulator
) -> None:
    """What a test of the last days cut has to be back; older ones may be off for good."""
    if is_down:
        change(ten_circuits, "resources/pc-01", {"Status": "Terminated"}, "PATCH")
    listed(ten_circuits, document)

    done = status("--fail-if-overdue")
    down = [each["resource_id"] for each in json.loads(status("--format", "json").stdout)["down"]]

    assert done.exit_code == (exit_code if is_down else 0), done.output
    assert ("pc-01  Terminated  DOWN after ftj-1" in done.stdout) == bool(is_down and exit_code)
    assert "No failover test runs in 1 region." in done.stdout
    assert down == (["bgp-01", "pc-01"] if is_down and exit_code else [])
    assert status().exit_code == 0
    assert status("--fail-if-running").exit_code == 0


def test_deleted_test_is_a_warning(ten_circuits: Emulator) -> None:
    """Whether it blocks new tests is said, on standard error."""
    listed(ten_circuits, job("Deleted", StopTime=ago(days=8)))
    back = status("--fail-if-overdue", "--fail-if-running")
    change(ten_circuits, "resources/pc-01", {"Status": "Terminated"}, "PATCH")
    left = status("--fail-if-overdue", "--fail-if-running")

    assert (back.exit_code, left.exit_code) == (0, 0)
    assert "ftj-1 (Deleted) counts as ended, with pc-01 back" in back.stderr
    assert "ftj-1 (Deleted) blocks new tests: it is not all back" in left.stderr


def test_resource_under_another_test_is_not_left_down(ten_circuits: Emulator) -> None:
    """It is down because of the test that runs."""
    change(ten_circuits, "resources/pc-01", {"Status": "Terminated"}, "PATCH")
    later = job("Testing", JobId="ftj-2", StartTime=ago(minutes=1))
    listed(ten_circuits, job("Stopped"), later)

    done = status("--fail-if-overdue")

    assert done.exit_code == 0, done.output
    assert "DOWN" not in done.stdout


def test_what_depends_on_a_test_is_not_left_down(ten_circuits: Emulator) -> None:
    """A VBR is down while its circuit is cut, whoever tested it before; another one is not."""
    for vbr in ("vbr-01", "vbr-02"):
        change(ten_circuits, f"resources/{vbr}", {"Status": "recovering"}, "PATCH")
    vbrs = {"ResourceType": "VIRTUALBORDERROUTER", "ResourceId": ["vbr-01", "vbr-02"]}
    later = job("Testing", JobId="ftj-2", StartTime=ago(minutes=1))
    listed(ten_circuits, job("Stopped", **vbrs), later)

    done = status("--fail-if-overdue")

    assert done.exit_code == 1, done.output
    assert "vbr-02  recovering  DOWN" in done.stdout
    assert "vbr-01" not in done.stdout


def test_resource_that_no_longer_exists_is_told(ten_circuits: Emulator) -> None:
    """Somebody has ended it, which is no alarm."""
    listed(ten_circuits, job("Stopped", ResourceId=["pc-gone"]))

    done = status("--fail-if-overdue")

    assert done.exit_code == 0, done.output
    assert "pc-gone  no longer exists after ftj-1 (Stopped)" in done.stdout


def test_latest_test_of_a_resource_is_named(ten_circuits: Emulator) -> None:
    """Three tests have cut it, and it is listed once."""
    change(ten_circuits, "resources/pc-01", {"Status": "Terminated"}, "PATCH")
    ends = {"ftj-1": ago(days=2), "ftj-2": ago(days=1), "ftj-3": ago(days=3)}
    listed(ten_circuits, *(job("Stopped", JobId=each, StopTime=at) for each, at in ends.items()))

    down = [each for each in status().stdout.splitlines() if "DOWN" in each]

    assert [each.split()[1] for each in down] == ["bgp-01", "pc-01"]
    assert all("after ftj-2 (Stopped)" in each for each in down)


@pytest.mark.parametrize(
    "unread",
    [
        pytest.param({"fault": "forbidden"}, id="refused"),
        pytest.param({"ResourceId": None}, id="resources not named"),
        pytest.param({"ResourceType": "CABLE"}, id="unknown type"),
    ],
)
def test_status_that_cannot_be_read_is_an_error(
    unread: dict[str, object], ten_circuits: Emulator
) -> None:
    """What runs is shown all the same."""
    if "fault" in unread:
        fault = {"fault": "answer", "operation": "DescribePhysicalConnections"}
        body = {"Code": "Forbidden.RAM", "Message": "User not authorized", "RequestId": "C44F62BE"}
        change(ten_circuits, "faults", {**fault, "reply": {"status": 403, "body": body}})
        unread = {}
    running = job("Testing", JobId="ftj-2", StartTime=ago(minutes=1), ResourceId=["pc-02"])
    listed(ten_circuits, job("Stopped", **unread), running)

    done = status()
    as_json = json.loads(status("--format", "json").stdout)

    assert done.exit_code == 1, done.output
    assert "cn-hangzhou: NOT READ: " in done.stderr
    assert "ftj-2" in done.stdout
    assert [each["job_id"] for each in as_json["running"]] == ["ftj-2"]
    assert len(as_json["errors"]) == 1
