"""
The running emulator: starting, stopping, ports, what it needs installed, and bugs of its own.
"""

import asyncio
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import pytest
import uvicorn
from emulator_callers import CREATE, Caller, flattened

from chaosfailover.emulator import Emulator, api
from chaosfailover.emulator.clock import Clock
from chaosfailover.emulator.dataplane import PortTakenError
from chaosfailover.emulator.faults import fault_from
from chaosfailover.emulator.operations.call import Call, Document

ANY = {"portal": 0, "echo": 0, "ledger": 0}


def test_it_leaves_no_thread_and_no_socket() -> None:
    threads = threading.enumerate()
    with Emulator(service_ports=ANY) as emulator:
        urls = [emulator.url, emulator.service_urls["portal"]]

    assert threading.enumerate() == threads
    for url in urls:
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)


def test_stopping_twice_or_unstarted_is_fine() -> None:
    unstarted = Emulator()
    unstarted.stop()
    emulator = Emulator(service_ports=ANY)
    emulator.start()
    emulator.stop()
    emulator.stop()


def test_it_can_be_stopped_from_another_thread() -> None:
    emulator = Emulator(service_ports=ANY)
    emulator.start()
    thread = threading.Thread(target=emulator.stop)
    thread.start()
    thread.join(10.0)

    assert not thread.is_alive()


def test_it_can_be_stopped_by_a_signal_handler_that_interrupts_a_call() -> None:
    """
    The interrupted thread may hold the emulator's lock; stop does not wait for it.
    """
    emulator = Emulator(service_ports=ANY)
    stopped: list[int] = []

    def handler(number: int, _frame: FrameType | None) -> None:
        emulator.stop()
        stopped.append(number)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        emulator.start()
        with emulator.cloud.held():
            threading.Thread(target=lambda: httpx_error(emulator.url)).start()
            signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert stopped == [signal.SIGUSR1]


def httpx_error(url: str) -> None:
    """
    Send a request whose fate does not matter.
    """
    try:
        httpx.get(url, timeout=5.0)
    except httpx.HTTPError:
        return


def test_a_taken_port_is_named_with_its_service() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError) as caught:
            Emulator(service_ports={**ANY, "portal": port}).start()

    assert f"service portal cannot listen on http port {port}" in str(caught.value)


def test_a_taken_api_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError) as caught:
            Emulator(port=port, service_ports=ANY).start()

    assert f"the API cannot listen on http port {port}" in str(caught.value)


def test_an_unknown_service_port_is_refused() -> None:
    with pytest.raises(ValueError, match="to 'shop', but the topology's services are port"):
        Emulator(service_ports={"shop": 1}).start()


def test_an_idle_connection_lives_longer_than_that_of_the_api(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    The API says `Keep-Alive: timeout=25`; a client that keeps to it meets no closed connection.
    """
    configured: list[float] = []

    class Config(uvicorn.Config):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            configured.append(self.timeout_keep_alive)

    monkeypatch.setattr(uvicorn, "Config", Config)
    with Emulator(service_ports=ANY):
        pass

    assert configured[0] > 25


def test_importing_it_needs_neither_starlette_nor_uvicorn() -> None:
    code = (
        "import sys; import chaosfailover.emulator;"
        "assert not {'starlette', 'uvicorn', 'chaoslib'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_extra_the_error_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from chaosfailover.emulator import Emulator\n"
        "try:\n Emulator().start()\n"
        "except ImportError as exc: print(exc)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert "pip install 'chaostoolkit-failover[emulator]'" in done.stdout


def test_the_same_cloud_answers_in_process_and_over_http() -> None:
    """
    What is created through the transport is seen over HTTP.
    """
    headers = {"x-acs-version": "2016-04-28"}
    with Emulator(auth=False, service_ports=ANY) as emulator:
        with httpx.Client(transport=emulator.transport(), base_url="http://vpc.test") as client:
            created = client.post(
                "/",
                params=flattened(CREATE),
                headers={**headers, "x-acs-action": "CreateFailoverTestJob"},
            ).json()
        listed = httpx.get(
            emulator.url, headers={**headers, "x-acs-action": "DescribeFailoverTestJobs"}
        ).json()

    assert [each["JobId"] for each in listed["FailoverTestJobList"]] == [created["JobId"]]


def test_keys_can_be_added_to_the_first_account() -> None:
    emulator = Emulator(access_keys={"rehearsal": "rehearsal-secret"})

    assert emulator.cloud.keys["rehearsal"].account == emulator.account_id == "1000000000000001"
    assert "rehearsal-secret" not in repr(emulator.cloud.keys)


def test_added_key_may_do_what_the_key_of_the_topology_may(tmp_path: Path) -> None:
    """A rehearsal, which adds its key, can rehearse a RAM policy."""
    file = tmp_path / "policy.yaml"
    key = '{secret: emulator-secret, actions: ["vpc:Describe*"]}'
    file.write_text(
        "extends: dual-circuit\n"
        f'accounts: {{"1000000000000001": {{access_keys: {{emulator: {key}}}}}}}\n'
    )

    added = Emulator(file, access_keys={"rehearsal": "rehearsal-secret"}).cloud.keys["rehearsal"]

    assert added.may("vpc:DescribeBgpPeers")
    assert not added.may("vpc:StartFailoverTestJob")


def test_it_serves_beside_a_loop_of_the_caller() -> None:
    """
    An asyncio program can use it as it is.
    """

    async def use() -> int:
        with Emulator(auth=False, service_ports=ANY) as emulator:
            async with httpx.AsyncClient() as client:
                return (await client.get(emulator.url)).status_code

    assert asyncio.run(use()) == 400


DESCRIBE = {"x-acs-action": "DescribeRegions", "x-acs-version": "2016-04-28"}


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
