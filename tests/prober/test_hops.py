"""
Hops on loopback, where no router is between; tests/lab has real ones.
"""

import itertools
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from loopback import closed_port, until

from chaosfailover.events import Event, listening
from chaosfailover.prober.hops import (
    Flow,
    HopsNotAvailableError,
    HopWatch,
    Phase,
    TcpFlow,
    Trace,
    UdpFlow,
    Way,
)
from chaosfailover.prober.resolver import AddrInfo
from chaosfailover.prober.targets import parse_target

HERE = "127.0.0.1"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((HERE, 0)) as sock:
        yield sock


@pytest.fixture
def events() -> Iterator[list[Event]]:
    heard: list[Event] = []
    with listening(heard.append):
        yield heard


def traced(flow: Flow) -> Trace:
    try:
        return flow.trace()
    finally:
        flow.close()


def test_target_that_accepts_is_its_own_first_hop(listener: socket.socket) -> None:
    flow = TcpFlow((socket.AF_INET, listener.getsockname()))

    assert traced(flow) == Trace((HERE,), reached=True)


@pytest.mark.parametrize("kind", [TcpFlow, UdpFlow])
def test_target_that_refuses_is_reached(kind: type[Flow]) -> None:
    """Whatever it answers, the way to it is proven."""
    flow = kind((socket.AF_INET, (HERE, closed_port())))

    assert traced(flow) == Trace((HERE,), reached=True)


def test_target_that_is_silent_has_no_hops() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((HERE, 0))
        flow = UdpFlow((socket.AF_INET, silent.getsockname()))

        assert traced(flow) == Trace((), reached=False)


def test_flow_keeps_its_port(listener: socket.socket) -> None:
    """Routers with equal paths choose by it, so another port might take another way."""
    flow = TcpFlow((socket.AF_INET, listener.getsockname()))
    for _ in range(2):
        flow.trace()
    flow.close()
    listener.settimeout(5.0)
    ports = set()
    for _ in range(4):
        connection, address = listener.accept()
        connection.close()
        ports.add(address[1])

    assert len(ports) == 1


def test_trace_sends_few_datagrams() -> None:
    """One to see whether the target answers at all, and one at its distance."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as service:
        service.bind((HERE, 0))
        way = Way(parse_target("t", f"udp://{HERE}:{service.getsockname()[1]}"))
        echo = Echo(service)
        trace = way.trace()
        way.close()
        echo.end()

    assert trace == Trace((HERE,), reached=True)
    assert echo.count == 2


class Echo:
    """
    An echo that counts what comes.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.count = 0
        self._sock = sock
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def end(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", self._sock.getsockname())
        self._thread.join()

    def _answer(self) -> None:
        while True:
            data, sender = self._sock.recvfrom(2048)
            if not data:
                return
            self.count += 1
            self._sock.sendto(data, sender)


@pytest.mark.parametrize(
    ("hops", "told", "adds"),
    [
        pytest.param(("a", "b"), ("a", "b"), False, id="the same"),
        pytest.param(("a", None), ("a", "b"), False, id="a hop fell silent"),
        pytest.param(("a", "b"), ("a", None), True, id="a hop that was silent"),
        pytest.param(("a", "c"), ("a", "b"), True, id="another hop"),
        pytest.param(("a", "b", "c"), ("a", "b"), True, id="longer"),
        pytest.param(("a",), ("a", "b"), False, id="shorter"),
    ],
)
def test_trace_is_told_if_it_shows_more(
    hops: tuple[str | None, ...], told: tuple[str | None, ...], *, adds: bool
) -> None:
    assert Trace(hops, reached=True).adds_to(Trace(told, reached=True)) is adds


def test_trace_is_told_if_the_target_is_reached_no_more() -> None:
    assert Trace((), reached=False).adds_to(Trace(("a",), reached=True))


def test_watch_tells_each_way_once_in_each_phase(
    listener: socket.socket, events: list[Event]
) -> None:
    phases = [Phase()]
    target = parse_target("portal", f"tcp://{HERE}:{listener.getsockname()[1]}")
    watch = HopWatch([target], lambda: phases[-1])
    watch.start()
    until(lambda: len(events) == 1)
    phases.append(Phase("during", "cut"))
    watch.stop()
    told = [(e["phase"], e["test"], e["target"], e["hops"], e["reached"]) for e in events]

    assert told == [
        ("before", "", "portal", [HERE], True),
        ("during", "cut", "portal", [HERE], True),
    ]


def test_trace_of_two_phases_is_dropped(listener: socket.socket, events: list[Event]) -> None:
    """Half of its hops may be those of another way."""
    names = map(str, itertools.count())
    target = parse_target("portal", f"tcp://{HERE}:{listener.getsockname()[1]}")
    watch = HopWatch([target], lambda: Phase("during", next(names)))
    watch.start()
    until(lambda: int(next(names)) > 100)
    watch.stop()

    assert events == []


def test_target_without_a_port_is_not_traced(events: list[Event]) -> None:
    """It is told once, with the reason, and nothing fails."""
    watch = HopWatch([parse_target("ping", f"icmp://{HERE}")], Phase)
    watch.start()
    watch.stop()

    assert [(each["target"], each["reason"]) for each in events] == [
        ("ping", "a target of icmp has no port to trace")
    ]


def test_other_systems_do_not_show_hops(
    listener: socket.socket, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(HopsNotAvailableError, match="does not tell an ordinary user"):
        TcpFlow((socket.AF_INET, listener.getsockname()))
    target = parse_target("portal", f"tcp://{HERE}:{listener.getsockname()[1]}")
    watch = HopWatch([target], Phase)
    watch.start()
    watch.stop()

    assert ["Linux does" in each["reason"] for each in events] == [True]


def test_name_without_an_address_is_not_reached() -> None:
    way = Way(parse_target("portal", "tcp://name.invalid:80"))

    assert way.trace() == Trace((), reached=False)


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
def test_address_without_a_route_is_passed_over(listener: socket.socket, scheme: str) -> None:
    """As on a host without IPv6, whose name server gives both addresses."""
    port = listener.getsockname()[1]
    rows: list[AddrInfo] = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("255.255.255.255", port)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (HERE, port)),
    ]
    way = Way(parse_target("portal", f"{scheme}://portal.example:{port}"), lambda *_, **__: rows)
    trace = way.trace()
    way.close()

    assert trace == Trace((HERE,), reached=True)


def test_end_does_not_wait_for_a_slow_trace(events: list[Event]) -> None:
    """The last traces have 3 s; what takes longer is left alone and tells nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((HERE, 0))
        url = f"udp://{HERE}:{silent.getsockname()[1]}"
        watch = HopWatch([parse_target(str(n), url) for n in range(3)], Phase)
        began = time.monotonic()
        watch.start()
        watch.stop()
        took = time.monotonic() - began

    assert took < 10.0
    assert all(not each["reached"] for each in events)
