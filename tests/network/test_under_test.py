"""
What a test that is under way cuts is no survivor, whatever the documents show.
"""

import contextlib
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from client_stand_in import Cloud, client_of, reply
from recorded import recorded

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.failover_tests import (
    find_running_test,
    find_test,
    is_outdated,
    is_underway,
    named_tests,
    names_of,
)
from chaosfailover.errors import ArgumentError, FailoverError
from chaosfailover.inspection.circuits import last_tests
from chaosfailover.inspection.findings import findings
from chaosfailover.network.cut_resources import Resource, ResourceState
from chaosfailover.network.left_down import ended_lately, left_down, taken_by
from chaosfailover.network.paths import Path
from chaosfailover.network.snapshot import Snapshot
from chaosfailover.network.survival import surviving_paths
from chaosfailover.network.under_test import judged, under_test
from chaosfailover.safety.cut import cut_of


def job(status: str | None, *resource_ids: str, **more: Any) -> Any:
    return {"JobId": "ftj-1", "Status": status, "ResourceId": [*resource_ids], **more}


def health(paths: list[Path]) -> dict[str, str]:
    return {str(path.bgp_peer_id): path.health for path in paths}


@pytest.mark.parametrize(
    "status", ["Starting", "Testing", "Stopping", "Reverting", "testing", "init", "", None]
)
@pytest.mark.parametrize("cut", ["pc-west", "vbr-west", "bgp-west"])
def test_resource_under_test_is_down(status: str | None, cut: str) -> None:
    """Whatever it cuts, and in whatever status, the path is no survivor and its job is named."""
    paths = under_test(recorded("dual-circuit").paths(), [job(status, cut)])
    survival = surviving_paths(paths, ["pc-east"])

    assert survival.count == 0
    (down,) = survival.down
    assert down.reason == f"{cut} is cut by ftj-1 ({status or 'of unknown status'})"


@pytest.mark.parametrize("status", ["Init", "Stopped"])
def test_test_that_does_not_run_cuts_nothing(status: str) -> None:
    """A test that was not started, or is over, leaves every path as it is."""
    paths = recorded("dual-circuit").paths()

    assert under_test(paths, [job(status, "pc-west")]) == paths


def test_hosted_circuits_are_cut_with_their_parent() -> None:
    """The test of a circuit takes what it hosts."""
    paths = under_test(recorded("hosted-circuits").paths(), [job("Testing", "pc-parent")])

    assert health(paths) == {
        "None": "down",
        "bgp-blue": "down",
        "bgp-far": "up",
        "bgp-red": "down",
    }


def test_vbr_over_the_circuit_under_test_is_unknown() -> None:
    """Which of its circuits a session uses is not known, so it may be down too."""
    network = recorded("two-circuit-vbr")
    paths = under_test(network.paths(), [job("Testing", "pc-east")])

    assert {path.circuit_id: path.health for path in paths if path.bgp_peer_id == "bgp-twin"} == {
        "pc-east": "down",
        "pc-west": "unknown",
    }


@pytest.mark.parametrize("listed", [None, "pc-west", [], [None], {}])
def test_test_that_does_not_say_what_it_cuts_is_refused(listed: object) -> None:
    """It may cut anything, so nothing can be said of the region."""
    with pytest.raises(ArgumentError, match=r"ftj-1 \(Testing\) names as its resources"):
        under_test([], [job("Testing", ResourceId=listed)])


NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
WEST = Resource("PHYSICALCONNECTION", "pc-west")
UP, DOWN = ResourceState("Enabled", ""), ResourceState("Unavailable", "")
CIRCUIT = {"ResourceType": "PHYSICALCONNECTION"}
LONG_AGO = {"StartTime": "2026-11-01T00:00:00Z", "JobDuration": "5"}


@pytest.mark.parametrize(
    ("test", "states", "warning"),
    [
        pytest.param(
            job("Deleted", "pc-west", **CIRCUIT),
            {WEST: UP},
            "ftj-1 (Deleted) counts as ended, with pc-west back",
            id="deleted",
        ),
        pytest.param(
            job("Failed", "pc-west", **CIRCUIT, **LONG_AGO),
            {WEST: UP},
            "ftj-1 (Failed) counts as ended, with pc-west back",
            id="failed long ago",
        ),
        pytest.param(
            job("Deleted", "pc-west", "pc-gone", **CIRCUIT),
            {WEST: UP},
            "ftj-1 (Deleted) counts as ended, with pc-west back and pc-gone no longer there",
            id="one resource is gone",
        ),
        pytest.param(job("Deleted", "pc-west", **CIRCUIT), {WEST: DOWN}, "", id="still down"),
        pytest.param(
            job("Deleted", "pc-west", **CIRCUIT), {WEST: ResourceState("", "")}, "", id="not known"
        ),
        pytest.param(job("Deleted", "pc-west"), {WEST: UP}, "", id="no type"),
        pytest.param(job("Deleted", **CIRCUIT), {WEST: UP}, "", id="no resources"),
        pytest.param(job("Failed", "pc-west", **CIRCUIT), {WEST: UP}, "", id="failed just now"),
        pytest.param(
            job("Testing", "pc-west", **CIRCUIT, **LONG_AGO), {WEST: UP}, "", id="testing for days"
        ),
    ],
)
def test_outdated_test_is_judged_by_its_resources(
    test: Any, states: dict[Resource, ResourceState], warning: str
) -> None:
    """It blocks nothing once they are back, and everything until then."""
    assert judged([test], states, NOW) == (
        [] if warning else [test],
        [warning] if warning else [],
    )


def test_region_is_judged_by_its_own_documents() -> None:
    """What is deleted and back leaves the paths as they are, and what is not back does not."""
    network = recorded("dual-circuit")
    for circuit_status, health_then in (("Enabled", "up"), ("Unavailable", "down")):
        changed = network.changed("pc-west", Status=circuit_status)
        snapshot = Snapshot(
            "cn-hangzhou",
            tuple(changed.circuits),
            tuple(changed.vbrs),
            bgp_peers=tuple(changed.bgp_peers),
            jobs=(job("Deleted", "pc-west", **CIRCUIT),),
        )

        assert health(snapshot.paths())["bgp-west"] == health_then
        assert bool(snapshot.underway()) is (health_then == "down")


def test_findings_of_a_region_under_test() -> None:
    """The circuit that is cut is a standby that is not established."""
    network = recorded("dual-circuit")
    snapshot = Snapshot(
        "cn-hangzhou",
        tuple(network.circuits),
        tuple(network.vbrs),
        bgp_peers=tuple(network.bgp_peers),
        jobs=(job("Testing", "pc-west"),),
    )

    found = {each.circuit_id: each.finding for each in findings(snapshot.paths())}

    assert found == {"pc-east": "standby not established", "pc-west": "redundant"}


VALUES: list[Any] = [None, "", " ", 7, -1, 0.5, True, [], {}, ["pc-west"], [None], [["pc-west"]]]
VALUES += [
    "Testing",
    "Init",
    "Stopped",
    "Deleted",
    "Failed",
    "drill",
    "ftj-1",
    "pc-west",
    "BGPPEER",
]
VALUES += ["PHYSICALCONNECTION", "5", "9" * 5000, "2020-01-01T00:00:00Z", "2026-11-27T12:00:00"]
VALUES += ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "?"]
KEYS = ("JobId", "Name", "Status", "ResourceType", "ResourceId", "JobDuration", "StartTime")


def odd_jobs(chance: random.Random) -> list[Any]:
    """
    Draw job documents with any value in any field, and some without.
    """
    return [
        {key: chance.choice(VALUES) for key in (*KEYS, "StopTime") if chance.random() < 0.8}
        for _ in range(chance.randrange(1, 4))
    ]


def listing(jobs: list[Any]) -> VpcClient:
    return client_of(Cloud([reply(FailoverTestJobList=jobs)]))


READERS: list[Callable[[list[Any], Any], object]] = [
    lambda jobs, _: find_test(listing(jobs), "drill"),
    lambda jobs, _: find_running_test(listing(jobs), "drill"),
    lambda jobs, _: named_tests(listing(jobs), "drill", ["ftj-1"]),
    lambda jobs, _: under_test(recorded("dual-circuit").paths(), jobs),
    left_down,
    lambda jobs, _: taken_by(jobs, recorded("dual-circuit").paths()),
    lambda jobs, _: [cut_of("drill", job) for job in jobs],
]


@pytest.mark.parametrize("number", range(20))
def test_no_document_of_a_test_is_too_odd(number: int) -> None:
    """Whatever a list holds, each reader answers or raises one of our errors."""
    chance = random.Random(number)
    for _ in range(50):
        jobs = odd_jobs(chance)
        states = {WEST: chance.choice((UP, DOWN, ResourceState("", "")))}
        for read in READERS:
            with contextlib.suppress(FailoverError):
                read(jobs, states)
        names_of(jobs)
        last_tests(jobs, NOW)
        underway = judged(jobs, states, NOW)

        assert [ended_lately(job, NOW) for job in jobs]
        assert [job for job in jobs if is_underway(job) and not is_outdated(job, NOW)] == [
            job for job in underway.jobs if not is_outdated(job, NOW)
        ]
