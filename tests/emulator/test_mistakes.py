"""
A mistake of the emulator's own: the client gets the provider's InternalError, the log the reason.
"""

import threading

import httpx
import pytest
from emulator_callers import Caller

from chaosfailover.emulator import Emulator, api
from chaosfailover.emulator.clock import Clock
from chaosfailover.emulator.faults import fault_from
from chaosfailover.emulator.operations.call import Call, Document

DESCRIBE = {"x-acs-action": "DescribeRegions", "x-acs-version": "2016-04-28"}
ANY = {"portal": 0, "echo": 0, "ledger": 0}


def broken(_: Call) -> Document:
    """
    Handle no operation.
    """
    raise LookupError("a mistake")


def test_a_mistake_is_an_internal_error_that_is_logged_and_recorded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(api.HANDLERS, "DescribeRegions", broken)
    caller = Caller()
    status, document = caller.send("DescribeRegions")
    (seen,) = caller.cloud.request_log.shown()
    logged = caplog.text
    caplog.clear()

    assert (status, document["Code"]) == (500, "InternalError")
    assert (seen["status"], seen["code"]) == (500, "InternalError")
    assert "LookupError: a mistake" in logged
    assert "mistake" not in str(document)


def test_a_mistake_in_the_admin_interface_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    emulator = Emulator()
    monkeypatch.setattr(emulator.cloud, "request_log", None)
    reply = emulator.handle("GET", "/_emulator/requests")
    logged = caplog.text
    caplog.clear()

    assert (reply.status, b"error" in reply.body) == (500, True)
    assert "AttributeError" in logged


def test_stopping_closes_the_connection_of_a_slow_reply() -> None:
    emulator = Emulator(auth=False, service_ports=ANY)
    emulator.cloud.faults.faults.append(fault_from({"fault": "slow", "seconds": 3600}))
    met: list[object] = []

    def wait() -> None:
        try:
            met.append(httpx.get(emulator.url, headers=DESCRIBE, timeout=30.0).status_code)
        except httpx.TransportError as exc:
            met.append(type(exc))

    with emulator:
        client = threading.Thread(target=wait)
        client.start()
        while not emulator.cloud.request_log.shown():
            client.join(0.01)
    client.join(30.0)

    assert met[0] in (httpx.RemoteProtocolError, httpx.ReadError)


@pytest.mark.parametrize("minute", [0.0, 1e-300, -1.0, float("nan"), float("inf")])
def test_a_minute_has_limits(minute: float) -> None:
    with pytest.raises(ValueError, match=r"expected 0\.001 to 86400 seconds"):
        Clock(minute)
