"""
What the emulator remembers has limits, and so has what it logs.
"""

import logging
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from emulator_callers import CREATE, Caller

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.faults import fault_from
from chaosfailover.emulator.request_log import LoggedRequest, RequestLog
from chaosfailover.emulator.state_file import StateFile

DESCRIBE = {"x-acs-action": "DescribeRegions", "x-acs-version": "2016-04-28"}


def seen(**parameters: str) -> LoggedRequest:
    """
    Make the log entry of a request.
    """
    return LoggedRequest(
        at="x",
        method="x",
        operation="x",
        region="x",
        account="x",
        parameters=parameters,
        status=200,
        code="",
        request_id="",
        ending="complete",
        faults=(),
        milliseconds=0.0,
    )


def test_requests_seen_have_a_size_in_all() -> None:
    log = RequestLog(longest=5, largest=100)
    for number in range(4):
        log.record(seen(a=str(number) * 39))
    assert [each["parameters"]["a"][0] for each in log.shown()] == ["2", "3"]

    log.clear()
    for number in range(7):
        log.record(seen(a=str(number)))

    assert len(log.shown()) == 5


def test_long_and_many_parameters_are_cut() -> None:
    caller = Caller()
    caller.send("DescribeRegions", Long="x" * 5000, **{f"n{each}": "" for each in range(500)})
    (shown,) = caller.cloud.request_log.shown()

    assert len(shown["parameters"]) == 100
    assert shown["parameters"]["Long"] == "x" * 1000 + "…"


def test_old_client_tokens_are_forgotten(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    emulator = Emulator(auth=False, state=state)
    caller = Caller()
    caller.cloud = emulator.cloud
    given = {**CREATE, "ClientToken": "again"}
    caller.call("CreateFailoverTestJob", **given)
    for number in range(3):
        emulator.advance(86401.0)
        caller.call("CreateFailoverTestJob", **{**CREATE, "ClientToken": f"token-{number}"})
    caller.call("CreateFailoverTestJob", **given)
    emulator.stop()
    store = StateFile(state)
    tokens = sorted(key[-1] for key, _ in store.replies())
    store.close()

    assert tokens == ["again", "token-2"]


def test_an_echo_stops_reading_from_who_does_not_read() -> None:
    """
    Ten megabytes at most are under way on loopback; sixty-four do not fit.
    """
    ports = {"portal": 0, "echo": 0, "ledger": 0}
    with Emulator(auth=False, service_ports=ports) as emulator:
        url = urlsplit(emulator.service_urls["ledger"])
        with socket.create_connection((url.hostname or "", url.port or 0)) as sock:
            sock.settimeout(1.0)
            sent = pushed(sock, 64 * 2**20)
            came = 0
            while came < sent:
                came += len(sock.recv(2**20))

    assert sent < 64 * 2**20
    assert came == sent


def pushed(sock: socket.socket, most: int) -> int:
    """
    Send until the other side takes no more; returns how much it took.
    """
    sent, chunk = 0, b"x" * 2**18
    while sent < most:
        try:
            sent += sock.send(chunk)
        except TimeoutError:
            break
    return sent


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """
    Return what was logged, without instants and lengths.
    """
    return [message.split("Z ", 1)[1].rsplit(" ", 2)[0] for message in caplog.messages]


def test_a_client_cannot_write_lines_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "chaosfailover.emulator")
    query = "Action=x%0A2026-01-01T00:00:00Z%20GET%1B[2J&Version=2016-04-28&RegionId=%E2%80%A8"
    Emulator(auth=False).handle("GET", f"/?{query}")

    assert lines(caplog) == [
        r"GET x\n2026-01-01T00:00:00Z GET\x1b[2J \u2028 - 404 InvalidAction.NotFound"
    ]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"fault": "html"}, "502 - html"),
        ({"fault": "lost"}, "200 OK lost"),
        ({"fault": "reset"}, "0 - reset"),
        ({"fault": "extra-fields"}, "200 OK extra-fields"),
        ({"fault": "throttling"}, "400 Throttling.User throttling"),
        ({"fault": "answer", "reply": {"status": 502}}, "502 - answer"),
    ],
)
def test_a_line_names_the_faults(
    fault: dict[str, Any], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "chaosfailover.emulator")
    caller = Caller()
    caller.cloud.faults.faults.append(fault_from(fault))
    caller.cloud.faults.faults.append(fault_from({"fault": "slow", "operation": "Start*"}))
    emulator = Emulator(auth=False)
    emulator.cloud.faults = caller.cloud.faults
    emulator.handle("GET", "/", DESCRIBE)

    assert lines(caplog) == [f"GET DescribeRegions - 1000000000000001 {says}"]


def test_admin_requests_are_logged_and_not_recorded(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "chaosfailover.emulator")
    emulator = Emulator()
    emulator.handle("GET", "/_emulator/clock")
    emulator.handle("POST", "/_emulator/no%0Awhere")

    assert lines(caplog) == ["GET /_emulator/clock 200", "POST /_emulator/no%0Awhere 404"]
    assert emulator.cloud.request_log.shown() == []
