"""
What the prober sees of a cut is what the bundled topology promises.
"""

import time

import httpx
import pytest
from busy import measured_again

from chaosfailover.emulator import Emulator
from chaosfailover.outages.outage import Outage
from chaosfailover.prober.prober import Prober
from chaosfailover.prober.targets import parse_target

INTERVAL = 0.02
HELD = 2.0


def longest_outage(topology: str, minute: float, held: float) -> Outage:
    """
    Cut the first circuit for `held` seconds; return the portal's longest outage.
    """
    ports = {"portal": 0, "echo": 0, "ledger": 0}
    with Emulator(topology, minute=minute, service_ports=ports, auth=False) as emulator:
        target = parse_target("portal", emulator.service_urls["portal"])
        with Prober([target], INTERVAL, timeout=0.5) as prober:
            time.sleep(0.5)
            job = call(
                emulator,
                "CreateFailoverTestJob",
                **{"ResourceType": "PHYSICALCONNECTION", "ResourceId.1": "pc-rehearsal-a"},
                JobType="StartNow",
                JobDuration="60",
            )["JobId"]
            while call(emulator, "DescribeFailoverTestJob", JobId=job)["Status"] != "Testing":
                time.sleep(0.02)
            time.sleep(held)
            call(emulator, "StopFailoverTestJob", JobId=job)
            while call(emulator, "DescribeFailoverTestJob", JobId=job)["Status"] != "Stopped":
                time.sleep(0.02)
            time.sleep(1.0)
        return max(prober.summary("portal").outages, key=lambda outage: outage.at_least)


def call(emulator: Emulator, operation: str, **parameters: str) -> dict[str, str]:
    query = {"Action": operation, "Version": "2016-04-28", "Format": "JSON", **parameters}
    reply = httpx.post(emulator.url, params=query, trust_env=False).raise_for_status().json()
    job: dict[str, str] = reply.get("FailoverTestJobModel", reply)
    return job


@pytest.mark.parametrize(
    ("topology", "minute", "promised"),
    [
        pytest.param("dual-circuit", 60.0, 0.9, id="BFD"),
        # A minute of 6 s: the health check's 16 s last 1.6 s.
        pytest.param("health-check", 6.0, 1.6, id="health check"),
    ],
)
@measured_again
def test_failover_takes_the_detection_time(topology: str, minute: float, promised: float) -> None:
    """The promised time lies within the bounds, give or take what a busy machine adds."""
    outage = longest_outage(topology, minute, HELD)

    assert outage.at_least <= promised + 0.1
    assert outage.at_most >= promised - 0.1
    assert outage.at_most - outage.at_least < 1.5


@pytest.mark.sample(1)
@pytest.mark.long
@pytest.mark.parametrize("topology", ["broken-standby", "single-circuit"])
def test_without_a_standby_the_outage_lasts_as_long_as_the_test(topology: str) -> None:
    """Nothing carries the traffic until the circuit is back."""
    outage = longest_outage(topology, 60.0, HELD)

    assert outage.at_most > HELD
