"""
The services of a cloud, on one asyncio loop, with a timer to the next due change.
"""

import asyncio
import contextlib
import itertools
import socket
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf

from chaosfailover.emulator.cloud import ClosedError, Cloud
from chaosfailover.emulator.dataplane.applications import Echo, WebServer
from chaosfailover.emulator.dataplane.datagrams import Datagrams
from chaosfailover.emulator.dataplane.flow_groups import FlowGroup, ServiceState
from chaosfailover.emulator.dataplane.ground_truth import TrueOutage
from chaosfailover.emulator.dataplane.listeners import Listener, Listeners, sockets_per_group
from chaosfailover.emulator.dataplane.relay import ApplicationRelay, Relay, UpstreamRelay
from chaosfailover.emulator.dataplane.self_test import self_test
from chaosfailover.emulator.dataplane.sockets import (
    PortTakenError,
    TakenPort,
    allow_open_files,
    bound_together,
    collecting,
    is_this_machine,
)
from chaosfailover.emulator.routing import Segment
from chaosfailover.emulator.services import Service, check_names

__all__ = ["DataPlane"]


class DataPlane:
    """
    Binds the ports of all services at once, and serves them from `start` to `stop`.

    `shortcomings` says, by service, what this system cannot emulate. PortTakenError names all ports
    that are in use; ValueError names a service that `ports` gives and the topology does not have.
    """

    def __init__(self, cloud: Cloud, host: str, ports: Mapping[str, int]) -> None:
        self._cloud = cloud
        self._states = {
            each.name: ServiceState(each, cloud.clock.real) for each in cloud.topology.services
        }
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False
        self._sockets: dict[str, list[socket.socket]] = {}
        self._listeners: dict[str, Listeners] = {}
        self._datagrams: list[Datagrams] = []
        self._relays: set[Relay] = set()
        self._tasks: set[asyncio.Task[object]] = set()
        self.urls: dict[str, str] = {}
        self.shortcomings: dict[str, str] = {}
        check_names(ports, self._states, "a service port")
        allow_open_files()
        try:
            self._test_system(host)
            self._bind_all(host, ports)
            self._check_upstreams()
        except BaseException:
            self.close()
            raise

    def _test_system(self, host: str) -> None:
        if not self._states:
            return
        abilities = self_test(host)
        self._fillers = abilities.fillers or 0
        for name, state in self._states.items():
            needs_share = self._sockets_needed(state) > 1
            reason = abilities.shortcoming(state.service.kind, needs_share=needs_share)
            if reason:
                self.shortcomings[name] = reason

    def _bind_all(self, host: str, ports: Mapping[str, int]) -> None:
        taken: list[TakenPort] = []
        for name, state in self._states.items():
            with collecting(taken):
                self._bind(state, host, ports.get(name, state.service.port))
        if taken:
            raise PortTakenError(taken)

    def _bind(self, state: ServiceState, host: str, port: int) -> None:
        service = state.service
        count = 1 if service.name in self.shortcomings else self._sockets_needed(state)
        sockets = bound_together(service.kind, host, port, f"service {service.name}", count=count)
        self._sockets[service.name] = sockets
        port = sockets[0].getsockname()[1]
        end = "/" if service.kind == "http" else ""
        shown = f"[{host}]" if ":" in host else host
        self.urls[service.name] = f"{service.kind}://{shown}:{port}{end}"

    def _check_upstreams(self) -> None:
        """
        Refuse a service as its own upstream: it would connect to itself without end.
        """
        own = {sockets[0].getsockname()[1]: name for name, sockets in self._sockets.items()}
        for name, state in self._states.items():
            upstream = state.service.upstream
            if upstream and upstream.port in own and is_this_machine(upstream.host):
                raise ValueError(
                    f"the upstream of {name} is {upstream}, which is service"
                    f" {own[upstream.port]} of the emulator itself"
                )

    def _sockets_needed(self, state: ServiceState) -> int:
        if state.service.kind == "udp":
            return 1
        return len(state.groups) * sockets_per_group(state.groups)

    @property
    def files_per_connection(self) -> int:
        """
        The files that a client's connection takes here: two with an upstream.
        """
        return 2 if any(state.service.upstream for state in self._states.values()) else 1

    @property
    def files_of_a_cut(self) -> int:
        """
        The files that fill the accept queues while every service is cut, and their spares.
        """
        shut = [
            self._sockets_needed(it) for it in self._states.values() if it.service.kind != "udp"
        ]
        return self._fillers * sum(shut) + len(shut)

    async def start(self) -> None:
        """
        Serve on the running loop.
        """
        self._loop = asyncio.get_running_loop()
        for state in self._states.values():
            await self._serve(state)
        self._replan()

    async def _serve(self, state: ServiceState) -> None:
        sockets = self._sockets[state.service.name]
        if state.service.kind == "udp":
            sockets[0].setblocking(False)
            _, datagrams = await self._loop.create_datagram_endpoint(
                lambda: Datagrams(state), sock=sockets[0]
            )
            self._datagrams.append(datagrams)
            return
        groups = itertools.cycle(state.groups)
        listeners = [Listener(sock, group) for sock, group in zip(sockets, groups, strict=False)]
        self._listeners[state.service.name] = Listeners(
            listeners, self._fillers, partial(self._accept, state.service)
        )

    def _accept(self, service: Service, sock: socket.socket, group: FlowGroup) -> None:
        state = self._states[service.name]
        port = _port(sock)
        relay = self._relay(service, group, partial(self._closed, state, port))
        state.see(port, group)
        self._relays.add(relay)
        task = self._loop.create_task(self._loop.connect_accepted_socket(relay.connect, sock))
        self._tasks.add(task)
        task.add_done_callback(partial(self._accepted, relay))

    def _accepted(self, relay: Relay, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():  # the client has gone meanwhile
            self._relays.discard(relay)

    def _closed(self, state: ServiceState, port: int, relay: Relay) -> None:
        state.forget(port)
        self._relays.discard(relay)

    def _relay(self, service: Service, group: FlowGroup, closed: Callable[[Relay], None]) -> Relay:
        if service.upstream:
            return UpstreamRelay(group, closed, service.upstream, self._states[service.name].report)
        web_server = partial(WebServer, service.name, group)
        application = Echo if service.kind == "tcp" else web_server
        return ApplicationRelay(group, closed, application)

    async def stop(self) -> None:
        """
        Close every socket and connection.
        """
        self._stopped = True
        if self._timer:
            self._timer.cancel()
        for listeners in self._listeners.values():
            listeners.close()
        for datagrams in self._datagrams:
            datagrams.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for relay in tuple(self._relays):
            relay.close()
        await asyncio.sleep(0)

    def close(self) -> None:
        """
        Close the sockets that were bound; safe at any time after `stop`.
        """
        for sock in (sock for sockets in self._sockets.values() for sock in sockets):
            sock.close()

    def wake(self) -> None:
        """
        Follow the cloud at once; to be called on the loop's own thread.
        """
        if self._timer:
            self._timer.cancel()
        if not self._stopped:
            with contextlib.suppress(ClosedError):
                self._replan()

    def ground_truth(self) -> dict[str, list[TrueOutage]]:
        """
        Return when the traffic of each service was lost, and which share of it.
        """
        return {name: list(state.truth.outages) for name, state in self._states.items()}

    def ground_truth_by_path(self) -> dict[str, dict[str, list[TrueOutage]]]:
        """
        Return the same for each path of each service: the share of its flows lost on that path.
        """
        return {
            name: {path: list(each) for path, each in state.truth.by_path.items()}
            for name, state in self._states.items()
        }

    def _replan(self) -> None:
        """
        Let each service follow its course, and wake at the next change, whatever fails meanwhile.
        """
        with self._cloud.held() as now:
            courses = {
                name: self._cloud.courses(state.service) for name, state in self._states.items()
            }
        starts = [each.start for course in courses.values() for part in course for each in part]
        following = min((start for start in starts if start > now), default=inf)
        delay = min(self._cloud.clock.real(following - now), 3600.0)
        self._timer = self._loop.call_later(delay, self.wake)
        # UDP first: datagrams that arrive meanwhile are read later, and meet what is decided now.
        for name in sorted(self._states, key=self._listeners.__contains__):
            segments = [_segment_at(now, part) for part in courses[name]]
            self._states[name].follow(segments, self._turn(name))

    def _turn(self, name: str) -> Callable[[], float]:
        listeners = self._listeners.get(name)
        return listeners.turn if listeners else time.monotonic


def _port(sock: socket.socket) -> int:
    """
    Return the client's port, 0 if the client has gone.
    """
    try:
        port: int = sock.getpeername()[1]
    except OSError:
        return 0
    return port


def _segment_at(now: float, course: Sequence[Segment]) -> Segment:
    return course[bisect_right([each.start for each in course], now) - 1]
