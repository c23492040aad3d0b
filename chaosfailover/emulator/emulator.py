"""
The class `Emulator`: a cloud, its API over HTTP or in process, and its data plane.
"""

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx

from chaosfailover.emulator.api import answer, turn_away
from chaosfailover.emulator.clock import Clock
from chaosfailover.emulator.cloud import Cloud
from chaosfailover.emulator.dataplane import (
    DataPlane,
    PortTakenError,
    TakenPort,
    TrueOutage,
    TrueTime,
    bound,
    collecting,
    true_time,
)
from chaosfailover.emulator.state_file import StateFile
from chaosfailover.emulator.topology import load
from chaosfailover.emulator.web.admin import PREFIX, administer
from chaosfailover.emulator.web.dns_rebinding import is_loopback, rejection
from chaosfailover.emulator.wire import JSON, Reply, Request

if TYPE_CHECKING:
    from chaosfailover.emulator.web.server import Server

__all__ = ["Emulator"]


class Emulator:
    """
    A stand-in for the VPC endpoint of Alibaba Cloud, as a context manager.

    `topology` is a bundled name or a file. `minute` is the length of an emulated minute in seconds.
    `port` 0 takes any free port. `service_ports` overrides ports of the topology's services by
    name; `upstreams` (`host:port` by name) puts your own services behind the emulated network.
    `access_keys` (ID to secret) adds keys to the topology's first account, with the `actions` of
    its key `emulator`, else with all. `auth=False` checks no signatures. `state` is a file in which
    jobs survive a restart. The same `seed` gives the same IDs and jitter. `timestamp_window`
    overrides the topology's setting.

        with Emulator("dual-circuit") as emulator:
            print(emulator.url, emulator.service_urls)
    """

    def __init__(
        self,
        topology: str | Path = "dual-circuit",
        *,
        minute: float = 60.0,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int | None = None,
        auth: bool = True,
        state: Path | None = None,
        access_keys: Mapping[str, str] | None = None,
        service_ports: Mapping[str, int] | None = None,
        upstreams: Mapping[str, str] | None = None,
        timestamp_window: float | None = None,
    ) -> None:
        self._host, self._port = host, port
        self.service_ports = dict(service_ports or {})
        self._server: Server | None = None
        self._plane: DataPlane | None = None
        description = load(topology).with_upstreams(upstreams or {})
        if timestamp_window is not None:
            description = description.with_timestamp_window(timestamp_window)
        clock = Clock(minute)
        state_file = StateFile(state) if state else None
        if state_file and (now := state_file.emulated_now()) is not None:
            clock.set(now)
        self.cloud = Cloud(
            description, clock, seed=seed, auth=auth, access_keys=access_keys, state_file=state_file
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """
        Bind all ports, and serve from a background thread. An emulator starts only once.

        ImportError names the extra to install; PortTakenError names the ports and their services.
        """
        if self._server or self.cloud.closed.is_set():
            raise RuntimeError("an emulator starts only once; make another one")
        try:
            self._serve(_server_class())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """
        Stop serving, and close everything; idempotent, from any thread and from signal handlers.
        """
        self.cloud.closed.set()
        if self._server:
            self._server.stop()
        if self.cloud.state_file:
            self.cloud.state_file.close()

    @property
    def url(self) -> str:
        """
        The endpoint of the API.
        """
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def service_urls(self) -> dict[str, str]:
        """
        The URL of each service of the data plane: `http://`, `tcp://` or `udp://`.
        """
        return dict(self._plane.urls) if self._plane else {}

    @property
    def upstreams(self) -> dict[str, str]:
        """
        The user's own services (`host:port`), by the service that passes its traffic on to them.
        """
        services = self.cloud.topology.services
        return {each.name: str(each.upstream) for each in services if each.upstream}

    @property
    def shortcomings(self) -> dict[str, str]:
        """
        What this system cannot emulate, by service.
        """
        return dict(self._plane.shortcomings) if self._plane else {}

    @property
    def files_per_connection(self) -> int:
        """
        How many files of this process a client's connection to a service takes.
        """
        return self._plane.files_per_connection if self._plane else 0

    @property
    def files_of_a_cut(self) -> int:
        """
        How many files of this process it takes to cut every service.
        """
        return self._plane.files_of_a_cut if self._plane else 0

    @property
    def regions(self) -> tuple[str, ...]:
        """
        The regions of the topology; the first one is the endpoint's own.
        """
        return self.cloud.network.regions

    @property
    def account_id(self) -> str:
        """
        The topology's first account.
        """
        return self.cloud.topology.account

    @property
    def timestamp_window(self) -> float:
        """
        For how many real seconds a signed request stays valid, and may take effect late.
        """
        return self.cloud.settings.timestamp_window

    def ground_truth(self) -> dict[str, list[TrueOutage]]:
        """
        Return when the traffic of each service was lost, on this process's clocks.
        """
        return self._plane.ground_truth() if self._plane else {}

    def ground_truth_by_path(self) -> dict[str, dict[str, list[TrueOutage]]]:
        """
        Return the same for each path of each service: the share of its flows lost on that path.
        """
        return self._plane.ground_truth_by_path() if self._plane else {}

    def ground_truth_of_network(self) -> dict[str, dict[str, list[TrueTime]]]:
        """
        Return when a job ran, from its start to its stop, and by resource when it was down, when
        its session showed it, and when the routes were without it, of the last days.

        An advance of the clock moves what was before it.
        """
        with self.cloud.held():
            truth = self.cloud.truth()
        at = self.cloud.clock.monotonic
        return {
            what: {
                each: [time for begin, end in intervals if (time := true_time(at(begin), at(end)))]
                for each, intervals in times.items()
            }
            for what, times in truth.items()
        }

    def advance(self, seconds: float) -> None:
        """
        Move the emulated clock forward; jobs and the data plane follow at once.
        """
        self.cloud.advance(seconds)
        self._settle()

    def handle(
        self,
        method: str = "POST",
        url: str = "/",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        """
        Answer one request in process, without HTTP; also for the admin interface.
        """
        path, _, query = url.partition("?")
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        reply = self._reply(Request(method, path or "/", query, lower, body))
        self._settle()
        return reply

    def transport(self) -> httpx.MockTransport:
        """
        Return a transport for httpx whose requests are answered in process.

        A fault of the connection becomes the exception that httpx raises for it.
        """
        return httpx.MockTransport(self._answer)

    def _serve(self, server_class: "type[Server]") -> None:
        taken: list[TakenPort] = []
        with ExitStack() as opened:
            with collecting(taken):
                sock = opened.enter_context(bound("http", self._host, self._port, "the API"))
            with collecting(taken):
                self._plane = DataPlane(self.cloud, self._host, self.service_ports)
                opened.callback(self._plane.close)
            if taken:
                raise PortTakenError(taken)
            opened.pop_all()
        self._port = sock.getsockname()[1]
        self._server = server_class(self._http_reply, self._plane, sock)
        self.cloud.changed = self._server.wake
        self._server.start()

    def _settle(self) -> None:
        if self._server:
            self._server.settle()

    def _http_reply(self, request: Request) -> Reply:
        """
        Answer one request from the network, unless a web page sent it.
        """
        reason = rejection(request.headers, by_name=not is_loopback(self._host))
        if not reason:
            return self._reply(request)
        if request.path.startswith(PREFIX):
            return Reply(403, {"Content-Type": JSON}, json.dumps({"error": reason}).encode())
        return turn_away(self.cloud, request, reason)

    def _reply(self, request: Request) -> Reply:
        if request.path.startswith(PREFIX):
            return administer(self, request)
        return answer(self.cloud, request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode("ascii")
        reply = self.handle(request.method, target, dict(request.headers), request.read())
        patience = request.extensions.get("timeout", {}).get("read")
        if patience is not None and reply.delay > patience:
            time.sleep(patience)
            raise httpx.ReadTimeout("timed out", request=request)
        if reply.delay:
            time.sleep(reply.delay)
        if error := ENDINGS.get(reply.ending):
            raise error(f"the connection was {reply.ending}", request=request)
        body = httpx.ByteStream(reply.body)  # a stream is decoded by who reads it, as a socket's is
        return httpx.Response(reply.status, headers=reply.framed_headers, stream=body)


ENDINGS: dict[str, type[httpx.TransportError]] = {
    "lost": httpx.RemoteProtocolError,
    "cut": httpx.RemoteProtocolError,
    "reset": httpx.ReadError,
}


def _server_class() -> "type[Server]":
    try:
        from chaosfailover.emulator.web.server import Server
    except ImportError as exc:
        raise ImportError(
            "the emulator's HTTP server needs starlette and uvicorn:"
            " pip install 'chaostoolkit-failover[emulator]'"
        ) from exc
    return Server
