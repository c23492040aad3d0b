"""
Time that a test freezes or patches: the emulator serves, its jobs go on, and it ends.
"""

import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = 90

HEAD = """
import time
import httpx
import pytest
from freezegun import freeze_time
import time_machine

pytestmark = pytest.mark.failover_emulator(topology="single-circuit", auth=False, minute=10.0)
FREE = {"portal": 0, "echo": 0, "ledger": 0}
CREATE = {
    "Action": "CreateFailoverTestJob",
    "Version": "2016-04-28",
    "Format": "JSON",
    "RegionId": "cn-hangzhou",
    "ResourceType": "PHYSICALCONNECTION",
    "ResourceId.1": "pc-rehearsal-a",
    "JobType": "StartNow",
    "JobDuration": "5",
}

def works(emulator):
    job_id = httpx.post(emulator.url, params=CREATE).json()["JobId"]
    show = {**CREATE, "Action": "DescribeFailoverTestJob", "JobId": job_id}
    for _ in range(200):
        shown = httpx.post(emulator.url, params=show).json()["FailoverTestJobModel"]
        if shown["Status"] == "Testing":
            break
        time.sleep(0.02)
    assert shown["Status"] == "Testing"
    with pytest.raises(httpx.TimeoutException):
        httpx.get(emulator.service_urls["portal"], timeout=0.3)
    emulator.advance(600)
    assert httpx.get(emulator.service_urls["portal"], timeout=5).status_code == 200
"""

CASES = {
    "during the test": """
def test_it(failover_emulator):
    with freeze_time("2026-03-01"):
        works(failover_emulator)
        time.sleep(0.3)
""",
    "from before the start until the end of the test": """
@pytest.fixture
def frozen():
    with freeze_time("2026-03-01"):
        yield

def test_it(frozen, failover_emulator):
    works(failover_emulator)
""",
    "before the start only": """
@pytest.fixture
def frozen():
    freezer = freeze_time("1971-03-01")
    freezer.start()
    yield freezer
    freezer.stop()

def test_it(frozen, failover_emulator):
    time.sleep(0.3)
    frozen.stop()
    works(failover_emulator)
    frozen.start()
""",
    "from the test until after the stop": """
@pytest.fixture(autouse=True)
def thawed():
    freezer = freeze_time("2026-03-01")
    yield freezer
    freezer.stop()

def test_it(thawed, failover_emulator):
    thawed.start()
    works(failover_emulator)
""",
    "while it is imported for the first time": """
@freeze_time("2026-03-01")
def test_it():
    from chaosfailover.emulator import Emulator
    with Emulator("single-circuit", auth=False, minute=10.0, service_ports=FREE) as it:
        works(it)
""",
    "with a clock that ticks at every look": """
def test_it(failover_emulator):
    with freeze_time("2026-03-01", auto_tick_seconds=15):
        works(failover_emulator)
""",
    "and moved": """
def test_it(failover_emulator):
    with freeze_time("2026-03-01") as frozen:
        frozen.tick(86400)
        works(failover_emulator)
        frozen.move_to("2020-01-01")
        works(failover_emulator)
""",
    "by time-machine": """
def test_it(failover_emulator):
    with time_machine.travel("2026-03-01", tick=False):
        works(failover_emulator)
""",
    "by hand": """
def test_it(failover_emulator, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    monkeypatch.setattr(time, "perf_counter", lambda: 0.0)
    works(failover_emulator)
    failover_emulator.stop()
""",
    "with signatures": """
@pytest.mark.failover_emulator(auth=True, minute=10.0)
def test_it(failover_emulator):
    from chaosfailover.alibaba.signing import AcsAuth, Credentials
    with freeze_time("2020-03-01"):
        auth = AcsAuth(lambda: Credentials("emulator", "emulator-secret"))
        query = {"RegionId": "cn-hangzhou"}
        headers = {"x-acs-action": "DescribeRegions", "x-acs-version": "2016-04-28"}
        reply = httpx.post(failover_emulator.url, params=query, headers=headers, auth=auth)
        assert reply.status_code == 200, reply.text
""",
}


@pytest.mark.long
@pytest.mark.sample(2)
@pytest.mark.parametrize("name", CASES)
def test_the_fixture_works_and_ends_in_frozen_time(name: str, tmp_path: Path) -> None:
    (tmp_path / "test_frozen.py").write_text(HEAD + CASES[name])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_frozen.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )

    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
