"""
The parts of the prober's thread, each alone.
"""

import asyncio
import errno
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from busy import measured_again
from places import HELPERS

from chaosfailover.errors import ConfigurationError
from chaosfailover.outages.samples import Sample
from chaosfailover.prober.check import Attempt, Check, failure_kind, is_local
from chaosfailover.prober.dispatcher import Dispatcher
from chaosfailover.prober.happy_eyeballs import race
from chaosfailover.prober.http import http_request
from chaosfailover.prober.resolver import RETRY, TTL, Address, Resolver
from chaosfailover.prober.schedule import Schedule, Ticket, Track
from chaosfailover.prober.schemes import make_check
from chaosfailover.prober.targets import parse_target


class Clock:
    """
    A clock that the test moves.
    """

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class NameServer:
    """
    Answers lookups with one address, with failure, or not before it is released.
    """

    def __init__(self) -> None:
        self.address: str | None = "192.0.2.1"
        self.asked = 0
        self.free = threading.Event()
        self.free.set()

    def __call__(self, host: str, port: int, **_: object) -> list[Any]:  # noqa: ARG002
        self.asked += 1
        self.free.wait(20)
        if self.address is None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.address, port))]


async def settled(names: Resolver, host: str = "portal.example") -> Any:
    """
    Ask until the lookup under way has ended, and return the address that is used then.
    """
    names.addresses(host, 80, 1.0)
    while any(thread.name == f"lookup {host}" for thread in threading.enumerate()):
        await asyncio.sleep(0.005)
    await asyncio.sleep(0)  # what the thread has found is learned
    found = names.addresses(host, 80, 1.0)
    return [address[0] for _, address in found] if found is not None else None


def test_names_are_looked_up_again_after_a_while() -> None:
    """A changed address is used; after a failed lookup, the last address is kept."""
    clock, server = Clock(), NameServer()
    names = Resolver(clock, server)

    async def scenario() -> list[Any]:
        found = [await settled(names), await settled(names)]
        for address in ("192.0.2.2", None):
            server.address = address
            clock.now += TTL + 1
            found.append(await settled(names))
        return found

    assert asyncio.run(scenario()) == [["192.0.2.1"], ["192.0.2.1"], ["192.0.2.2"], ["192.0.2.2"]]
    assert server.asked == 3


def test_a_name_without_address_is_retried() -> None:
    """A failed lookup gives no address, until one succeeds."""
    clock, server = Clock(), NameServer()
    names = Resolver(clock, server)

    async def scenario() -> list[Any]:
        server.address = None
        found = [await settled(names)]
        server.address = "192.0.2.1"
        found.append(await settled(names))
        clock.now += RETRY
        found.append(await settled(names))
        return found

    assert asyncio.run(scenario()) == [[], [], ["192.0.2.1"]]


def test_a_slow_lookup_is_not_waited_for() -> None:
    """The first lookup has its time; then the name counts as without address."""
    clock, server = Clock(), NameServer()
    names = Resolver(clock, server)
    server.free.clear()

    async def scenario() -> list[Any]:
        found = [names.addresses("slow.example", 80, 0.9)]
        clock.now += 0.5
        found.append(names.addresses("slow.example", 80, 0.9))
        clock.now += 0.5
        found.append(names.addresses("slow.example", 80, 0.9))
        server.free.set()
        return [*found, await settled(names, "slow.example")]

    assert asyncio.run(scenario()) == [None, None, (), ["192.0.2.1"]]
    assert server.asked == 1


@pytest.mark.parametrize("host", ["192.0.2.7", "::1"])
def test_an_address_is_not_looked_up(host: str) -> None:
    """A literal address is used at once and for good."""
    clock, server = Clock(), NameServer()
    names = Resolver(clock, server)
    first = names.addresses(host, 80, 0.9)
    clock.now += 10 * TTL

    assert first is not None
    assert first[0][1][:2] == (host, 80)
    assert names.addresses(host, 80, 0.9) == first
    assert server.asked == 0


@pytest.mark.parametrize(
    ("now", "due"),
    [
        pytest.param(10.0, 10.1, id="in time"),
        pytest.param(10.09, 10.1, id="late, but before the next"),
        pytest.param(10.25, 10.3, id="two instants were missed"),
    ],
)
def test_a_schedule_leaves_out_what_is_over(now: float, due: float) -> None:
    """A starved prober does not send a burst, and stays in step."""
    schedule = Schedule(10.0, 0.1)

    schedule.advance(now)

    assert schedule.due == pytest.approx(due)


def track() -> Track:
    target = parse_target("it", {"url": "tcp://127.0.0.1:9", "interval": 1.0, "timeout": 0.9})
    return Track(target, make_check(target))


def test_samples_are_taken_over_in_the_order_of_sending() -> None:
    """A check under way delays the samples of later checks, but not the current state."""
    it = track()
    tickets = [it.begin() for _ in range(4)]
    it.end(tickets[0], Sample(0.0, True, 0.01))
    it.end(tickets[1], Sample(1.0, False, error="timeout"))
    down = it.current_outage(1.9)

    it.end(tickets[3], Sample(3.0, True, 0.01))
    up = it.current_outage(3.1)
    sent = it.series.sent
    changes = it.end(tickets[2], Sample(2.0, False, error="timeout"))

    assert down == pytest.approx((0.0, 1.9))
    assert up is None
    assert (sent, it.series.sent) == (2, 4)
    assert [(outage.at_least, outage.at_most) for outage in changes] == [
        pytest.approx((0.99, 3.01))
    ]


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        pytest.param("...xx", (1.0, 2.5), id="one run of losses"),
        pytest.param("..x..x....xx", (9.0, 10.5), id="losses that return within 5 s"),
        pytest.param("..x......xx", (1.0, 2.5), id="not losses before 5 good ones"),
        pytest.param("x.x", (2.0, 2.5), id="from the first check on"),
        pytest.param("..x.", None, id="up again"),
    ],
)
def test_an_outage_goes_on_that_returns(drawing: str, expected: tuple[float, float] | None) -> None:
    """A limit on outages is no shorter for a path that flaps: it has not recovered."""
    it = track()
    for at, drawn in enumerate(drawing):
        it.end(it.begin(), Sample(float(at), drawn == ".", 0.0 if drawn == "." else None))

    outage = it.current_outage(len(drawing) - 0.5)

    assert outage == (expected and pytest.approx(expected))


def test_a_check_that_says_nothing_leaves_no_sample() -> None:
    """Want of own means is counted, not measured."""
    it = track()

    it.end(it.begin(), None)

    assert (it.unjudged, it.series.sent, it.is_down) == (1, 0, False)


class Quick(Check):
    """
    A check that succeeds after 4 ms, whenever this process runs.
    """

    async def run(self, addresses: Sequence[Address], attempt: Attempt) -> None:  # noqa: ARG002
        await asyncio.sleep(0.004)


@pytest.mark.parametrize("timeout", [0.02, 0.05])
def test_a_stall_of_this_process_is_no_loss(timeout: float) -> None:
    """A check that times out since the event loop stood still is not judged."""
    stalls = [random.uniform(1.0, 1.4) * timeout for _ in range(25)]

    it = stalled(Quick, timeout, stalls)

    assert it.series.lost == 0
    assert it.unjudged > 0


class Late(Check):
    """
    A check that succeeds after 0.7 of its time limit, whenever this process runs.
    """

    async def run(self, addresses: Sequence[Address], attempt: Attempt) -> None:  # noqa: ARG002
        await asyncio.sleep(0.7 * (self._target.timeout or 0.0))


@pytest.mark.parametrize("timeout", [0.01, 0.02, 0.05, 0.2])
def test_a_short_stall_of_this_process_is_no_loss(timeout: float) -> None:
    """Little more than a quarter of the time limit is noticed, which is too long for late ones."""
    stalls = [random.uniform(0.3, 0.6) * timeout for _ in range(25)]

    it = stalled(Late, timeout, stalls)

    assert it.series.lost == 0
    assert it.unjudged > 0


def stalled(kind: type[Check], timeout: float, stalls: Sequence[float]) -> Track:
    """Check in a thread that is blocked time and again; return the track."""
    settings = {"url": "tcp://127.0.0.1:9", "interval": 0.01, "timeout": timeout}
    target = parse_target("it", settings)
    it = Track(target, kind(target))

    def end(track: Track, ticket: Ticket, sample: Sample | None) -> None:
        track.end(ticket, sample)

    async def scenario() -> None:
        stopping = asyncio.Event()
        resolver = Resolver(time.monotonic)
        dispatcher = Dispatcher([it], resolver, time.monotonic, end)
        run = asyncio.create_task(dispatcher.run(stopping))
        for stall in stalls:
            await asyncio.sleep(random.uniform(0.02, 0.04) + timeout / 2)
            time.sleep(stall)
        stopping.set()
        await run

    asyncio.run(scenario())
    return it


SUSPENDED = """
import sys, time
from chaosfailover.prober import prober
from chaosfailover.prober.targets import parse_target
from test_probing import Late

prober.make_check = Late
target = parse_target("it", {"url": "tcp://127.0.0.1:9", "interval": 0.01, "timeout": 0.1})
with prober.Prober([target]) as it:
    print("up", flush=True)
    sys.stdin.read()
print(it.summary("it").lost, it.series("it")["unjudged"] > 0)
"""


@measured_again
def test_a_suspended_process_makes_up_no_loss() -> None:
    """A real process that is stopped for less than its time limit judges none of these checks."""
    with subprocess.Popen(
        [sys.executable, "-c", SUSPENDED],
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": str(HELPERS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(20):
            time.sleep(random.uniform(0.1, 0.2))
            process.send_signal(signal.SIGSTOP)
            time.sleep(random.uniform(0.03, 0.06))
            process.send_signal(signal.SIGCONT)
        output, _ = process.communicate(timeout=30)

    assert output == "0 True\n"


class Silent(Check):
    """
    A check that nobody answers; it counts how many are under way.
    """

    under_way = most = 0

    async def run(self, addresses: Sequence[Address], attempt: Attempt) -> None:  # noqa: ARG002
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(60.0)
        finally:
            self.under_way -= 1


def test_a_check_without_a_socket_is_not_sent() -> None:
    """It is counted as unjudged, not as lost, and leaves the sockets to others."""
    target = parse_target("it", {"url": "tcp://127.0.0.1:9", "interval": 0.01, "timeout": 0.1})
    check = Silent(target)
    it = Track(target, check)

    def end(track: Track, ticket: Ticket, sample: Sample | None) -> None:
        track.end(ticket, sample)

    async def scenario() -> None:
        stopping = asyncio.Event()
        dispatcher = Dispatcher([it], Resolver(time.monotonic), time.monotonic, end, most=3)
        run = asyncio.create_task(dispatcher.run(stopping))
        while not it.unjudged > it.series.sent > 0:
            await asyncio.sleep(0.05)
        stopping.set()
        await asyncio.wait_for(run, 30)

    asyncio.run(asyncio.wait_for(scenario(), 60))

    assert check.most == 3
    assert it.unjudged > it.series.sent > 0
    assert it.series.sent == it.series.lost


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(TimeoutError(), "timeout", id="timeout"),
        pytest.param(OSError(errno.ENETUNREACH, ""), "unreachable", id="no route"),
        pytest.param(OSError(errno.EHOSTUNREACH, ""), "unreachable", id="no host"),
        pytest.param(BrokenPipeError(), "reset", id="broken pipe"),
        pytest.param(OSError(errno.EACCES, ""), "eacces", id="the system's word"),
        pytest.param(OSError("?"), "oserror", id="no number"),
        pytest.param(ZeroDivisionError(), "zerodivisionerror", id="unforeseen"),
    ],
)
def test_failures_have_kinds(error: Exception, kind: str) -> None:
    """Every failure has a name."""
    assert failure_kind(error) == kind


async def fails(after: float, error: Exception) -> str:
    await asyncio.sleep(after)
    raise error


async def gives(after: float, what: str) -> str:
    await asyncio.sleep(after)
    return what


def test_the_first_way_that_gets_there_wins() -> None:
    """After an attempt that hangs or fails, the next one starts; a late result is discarded."""
    discarded: list[str] = []

    async def run(*ways: Any) -> str:
        return await race(ways, 0.4, discarded.append)

    hangs, quick = partial(gives, 60, "never"), partial(gives, 0, "quick")

    assert asyncio.run(run(quick)) == "quick"
    assert asyncio.run(run(hangs, quick)) == "quick"
    assert asyncio.run(run(partial(fails, 0, OSError()), hangs, quick)) == "quick"
    assert discarded == []


def test_two_that_get_there_at_once_leave_one() -> None:
    """The other one is discarded, so that its socket is closed."""
    discarded: list[str] = []

    async def run() -> str:
        gate = asyncio.Event()

        async def wait(name: str) -> str:
            await gate.wait()
            return name

        asyncio.get_running_loop().call_later(0.3, gate.set)
        return await race([partial(wait, "a"), partial(wait, "b")], 0.02, discarded.append)

    won = asyncio.run(run())

    assert {won, *discarded} == {"a", "b"}


def test_when_all_ways_fail_the_last_failure_is_told() -> None:
    """Nothing is left to wait for."""
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(
            race(
                [partial(fails, 0, TimeoutError()), partial(fails, 0, ConnectionRefusedError())], 1
            )
        )


def test_want_of_own_means_is_told_apart() -> None:
    """No socket left is our failure, a refusal is the target's."""
    assert is_local(OSError(errno.EMFILE, ""))
    assert not is_local(ConnectionRefusedError())


def test_a_request_names_the_host_and_escapes_the_path() -> None:
    """A request is one of HTTP/1.1, in ASCII."""
    target = parse_target("it", "http://münchen.example:8080/grüße?a=b c")

    lines = http_request(target).split(b"\r\n")

    assert lines[0] == b"GET /gr%C3%BC%C3%9Fe?a=b%20c HTTP/1.1"
    assert lines[1] == b"Host: xn--mnchen-3ya.example:8080"
    assert lines[-2:] == [b"", b""]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        pytest.param("https://portal.example.com./", b"portal.example.com", id="no port"),
        pytest.param("http://portal.example.com.:81/", b"portal.example.com:81", id="port"),
        pytest.param("http://[::1]:81/", b"[::1]:81", id="address"),
    ],
)
def test_the_dot_of_an_absolute_name_is_not_sent(url: str, host: bytes) -> None:
    """The resolver needs the dot, the server does not know it."""
    assert http_request(parse_target("it", url)).split(b"\r\n")[1] == b"Host: " + host


def test_icmp_needs_icmplib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error names it."""
    monkeypatch.setitem(sys.modules, "icmplib", None)

    with pytest.raises(ConfigurationError, match="pip install 'chaostoolkit-failover"):
        make_check(parse_target("it", "icmp://127.0.0.1"))


def test_room_is_made_for_sockets() -> None:
    """The soft limit of open files is raised as far as needed, and never beyond the hard one."""
    code = (
        "import resource\n"
        "from chaosfailover.prober.open_files import allow_open_files\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 2000))\n"
        "print(allow_open_files(100), allow_open_files(10), allow_open_files(100_000))\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "612 612 2000\n(2000, 2000)\n"
