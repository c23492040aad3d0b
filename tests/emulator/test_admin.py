"""
The admin interface, over HTTP as a test in any language would use it.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from emulator_callers import CREATE, flattened

from chaosfailover.emulator import Emulator


@pytest.fixture
def admin() -> Iterator[httpx.Client]:
    """
    A client of a running emulator's admin interface; it calls operations too.
    """
    with (
        Emulator(auth=False, service_ports={"portal": 0, "echo": 0, "ledger": 0}) as emulator,
        httpx.Client(base_url=emulator.url) as client,
    ):
        yield client


def call(client: httpx.Client, operation: str, **parameters: Any) -> Any:
    """
    Call an operation of the API.
    """
    headers = {"x-acs-action": operation, "x-acs-version": "2016-04-28"}
    return client.post("/", params=flattened(parameters), headers=headers).json()


def test_the_state_shows_jobs_and_what_is_down(admin: httpx.Client) -> None:
    job_id = call(admin, "CreateFailoverTestJob", **{**CREATE, "JobType": "StartNow"})["JobId"]
    admin.post("/_emulator/clock", json={"advance": 2.0})
    state = admin.get("/_emulator/state").json()

    assert [(each["JobId"], each["Status"]) for each in state["jobs"]] == [(job_id, "Testing")]
    assert state["down"] == [
        "bgp-rehearsal-a",
        "bgpg-rehearsal-a",
        "pc-rehearsal-a",
        "vbr-rehearsal-a",
    ]
    assert state["regions"] == ["cn-hangzhou"]


def test_the_clock_can_be_advanced_but_not_turned_back(admin: httpx.Client) -> None:
    before = admin.get("/_emulator/clock").json()["now"]
    after = admin.post("/_emulator/clock", json={"advance": 3600}).json()["now"]
    refused = admin.post("/_emulator/clock", json={"advance": -1})

    assert 3600 <= after - before < 3700
    assert refused.status_code == 400
    assert "-1" in refused.json()["error"]


def test_requests_are_seen_without_credentials(admin: httpx.Client) -> None:
    call(admin, "StartFailoverTestJob", JobId="ftj-none", Signature="s", AccessKeyId="k")
    seen = admin.get("/_emulator/requests").json()

    assert [(each["operation"], each["status"], each["code"]) for each in seen] == [
        ("StartFailoverTestJob", 400, "IllegalParam.JobId")
    ]
    assert seen[0]["parameters"] == {"JobId": "ftj-none"}


def test_requests_can_be_forgotten(admin: httpx.Client) -> None:
    call(admin, "DescribeRegions")
    admin.delete("/_emulator/requests")

    assert admin.get("/_emulator/requests").json() == []


def test_faults_are_armed_shown_and_disarmed(admin: httpx.Client) -> None:
    armed = admin.post("/_emulator/faults", json={"fault": "unavailable", "count": 3}).json()
    struck = call(admin, "DescribeRegions")["Code"]
    left = admin.get("/_emulator/faults").json()
    admin.delete("/_emulator/faults")

    assert (armed[0]["count"], struck, left[0]["count"]) == (3, "ServiceUnavailable", 2)
    assert "Regions" in call(admin, "DescribeRegions")


def test_a_wrong_fault_is_explained(admin: httpx.Client) -> None:
    reply = admin.post("/_emulator/faults", json={"fault": "gremlins"})

    assert reply.status_code == 400
    assert "gremlins" in reply.json()["error"]
    assert admin.get("/_emulator/faults").json() == []


def test_a_resource_can_be_changed(admin: httpx.Client) -> None:
    admin.patch("/_emulator/resources/pc-rehearsal-a", json={"BusinessStatus": "FinancialLocked"})

    assert call(admin, "CreateFailoverTestJob", **CREATE)["Code"] == (
        "IncorrectBusinessStatus.ResourceId"
    )


def test_traffic_follows_a_change() -> None:
    """
    A circuit that is terminated carries nothing and no session; its traffic moves at once.
    """
    with (
        Emulator(auth=False, service_ports={"portal": 0, "echo": 0, "ledger": 0}) as emulator,
        httpx.Client(base_url=emulator.url) as admin,
    ):
        admin.patch("/_emulator/resources/pc-rehearsal-a", json={"Status": "Terminated"})
        moved = httpx.get(emulator.service_urls["portal"]).headers["x-failover-path"]
        peers = call(admin, "DescribeBgpPeers", RegionId="cn-hangzhou")["BgpPeers"]["BgpPeer"]

    assert moved == "b"
    assert [each["BgpStatus"] for each in peers] == ["Down", "Established"]


@pytest.mark.parametrize(
    ("path", "body"),
    [("pc-nobody", {"Status": "Enabled"}), ("pc-rehearsal-a", {"Colour": "red"})],
)
def test_a_change_of_what_is_not_there_is_refused(
    admin: httpx.Client, path: str, body: dict[str, str]
) -> None:
    assert admin.patch(f"/_emulator/resources/{path}", json=body).status_code == 400


def test_reset_returns_to_the_topology(admin: httpx.Client) -> None:
    call(admin, "CreateFailoverTestJob", **CREATE)
    admin.post("/_emulator/faults", json={"fault": "slow"})
    admin.patch("/_emulator/resources/pc-rehearsal-a", json={"Status": "Terminated"})
    state = admin.post("/_emulator/reset").json()

    assert (state["jobs"], state["faults"]) == ([], [])
    assert "JobId" in call(admin, "CreateFailoverTestJob", **CREATE)


def test_ground_truth_is_exported(admin: httpx.Client) -> None:
    call(admin, "CreateFailoverTestJob", **{**CREATE, "JobType": "StartNow"})
    admin.post("/_emulator/clock", json={"advance": 2.0})
    truth = admin.get("/_emulator/ground-truth").json()

    assert set(truth) == {"portal", "echo", "ledger"}
    assert truth["portal"][0]["end"] is None


def test_the_overview_names_every_route(admin: httpx.Client) -> None:
    overview = admin.get("/_emulator/").json()

    assert "POST /_emulator/reset" in overview["routes"]
    assert "stays-down" in overview["faults"]


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "nowhere", b"", 404),
        ("PUT", "state", b"", 404),
        ("POST", "clock", b"{", 400),
        ("POST", "clock", b"", 400),
        ("POST", "clock", b"[]", 400),
        ("POST", "faults", b"7", 400),
        pytest.param("POST", "faults", b"[" * 100_000, 400, id="nested too deeply"),
        ("PATCH", "resources/pc-rehearsal-a", b"7", 400),
    ],
)
def test_a_wrong_admin_request_gets_an_error(
    admin: httpx.Client, method: str, path: str, content: bytes, status: int
) -> None:
    reply = admin.request(method, f"/_emulator/{path}", content=content)

    assert (reply.status_code, list(reply.json())) == (status, ["error"])
