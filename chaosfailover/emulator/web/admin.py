"""
The admin interface under `/_emulator/`: tests look at the cloud and change it.

It checks no signatures. Bodies and replies are JSON; a wrong body gets 400 with an `error`.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chaosfailover.emulator.clock import LONGEST, utc
from chaosfailover.emulator.cloud import ClosedError, Cloud
from chaosfailover.emulator.faults import FAULTS, fault_from
from chaosfailover.emulator.job import document
from chaosfailover.emulator.request_log import logged, shortened
from chaosfailover.emulator.resource_fields import CHANGES
from chaosfailover.emulator.schema import listing, number, record
from chaosfailover.emulator.wire import JSON, Reply, Request

if TYPE_CHECKING:
    from chaosfailover.emulator.emulator import Emulator

__all__ = ["PREFIX", "ROUTES", "AdminRequest", "administer"]

logger = logging.getLogger("chaosfailover.emulator")

PREFIX = "/_emulator"
ADVANCE = record(dict[str, float], {"advance": number(0, LONGEST)}, required=("advance",))


@dataclass(frozen=True)
class AdminRequest:
    """
    One admin request: the emulator and its cloud, the end of the path, and the body.
    """

    emulator: "Emulator"
    cloud: Cloud
    name: str = ""
    body: object = None


def state(request: AdminRequest) -> object:
    """
    Show jobs, clock, regions, accounts, what is down, the armed faults, the services, the
    `timestamp_window`, and whether jobs survive a restart, as `state_file`.
    """
    with request.cloud.held() as now:
        jobs = [
            {
                "account": job.account,
                "region": job.region,
                "exists": job.exists,
                **document(job),
            }
            for job in request.cloud.ledger.everything()
        ]
        return {
            "topology": request.cloud.topology.name,
            "timestamp_window": request.emulator.timestamp_window,
            "state_file": request.cloud.state_file is not None,
            "clock": _clock(request.cloud, now),
            "regions": request.cloud.network.regions,
            "accounts": sorted({key.account for key in request.cloud.keys.values()}),
            "jobs": jobs,
            "down": sorted(request.cloud.down(now)),
            "faults": request.cloud.faults.shown(),
            "services": request.emulator.service_urls,
            "upstreams": request.emulator.upstreams,
            "shortcomings": request.emulator.shortcomings,
        }


def clock(request: AdminRequest) -> object:
    """
    Show the emulated clock and its speed.
    """
    with request.cloud.held() as now:
        return _clock(request.cloud, now)


def advance(request: AdminRequest) -> object:
    """
    Advance the clock: `{"advance": SECONDS}`.
    """
    request.cloud.advance(ADVANCE(request.body, "")["advance"])
    return clock(request)


def ground_truth(request: AdminRequest) -> object:
    """
    Show when the traffic of each service was lost, and which share of it.
    """
    return request.emulator.ground_truth()


def ground_truth_by_path(request: AdminRequest) -> object:
    """
    Show the same for each path of each service.
    """
    return request.emulator.ground_truth_by_path()


def ground_truth_of_network(request: AdminRequest) -> object:
    """
    Show when each job ran, and each resource was down, showed it as a session, and was without
    routes.
    """
    return request.emulator.ground_truth_of_network()


def requests(request: AdminRequest) -> object:
    """
    Show the latest requests, oldest first: 10,000 requests or 10 million characters at most. Long
    values are shortened.
    """
    with request.cloud.held():
        return request.cloud.request_log.shown()


def forget_requests(request: AdminRequest) -> object:
    """
    Clear the list of requests.
    """
    with request.cloud.held():
        request.cloud.request_log.clear()
    return {}


def faults(request: AdminRequest) -> object:
    """
    Show the armed faults.
    """
    with request.cloud.held():
        return request.cloud.faults.shown()


def arm(request: AdminRequest) -> object:
    """
    Arm one fault, or a list of them: `{"fault": "throttling", "operation": "Start*", "count": 2}`.
    """
    armed = listing(fault_from, least=1)(request.body, "faults")
    with request.cloud.held():
        for position, fault in enumerate(armed):
            fault.check_resource(request.cloud.network, f"faults[{position}]")
        request.cloud.faults.faults += armed
    return faults(request)


def disarm(request: AdminRequest) -> object:
    """
    Disarm all faults.
    """
    with request.cloud.held():
        request.cloud.faults.faults.clear()
    return {}


def change(request: AdminRequest) -> object:
    """
    Change fields of a resource: `{"Status": "Terminated"}`.
    """
    cloud, name = request.cloud, request.name
    with cloud.held():
        if name not in cloud.network.resources:
            raise ValueError(f"there is no resource {name!r}")
        fields = CHANGES[cloud.network.resources[name].kind](request.body, name)
        cloud.network = cloud.network.changed(name, **fields)
    cloud.changed()
    return cloud.network.resources[name].fields


def reset(request: AdminRequest) -> object:
    """
    Return to the topology's jobs, faults and network. The clock runs on.
    """
    request.cloud.reset()
    return state(request)


def overview(_: AdminRequest) -> object:
    """
    List the routes and the kinds of faults.
    """
    return {
        "routes": {
            f"{method} {PREFIX}/{path}": " ".join((route.__doc__ or "").split())
            for (method, path), route in ROUTES.items()
        },
        "faults": {name: kind.meaning for name, kind in FAULTS.items()},
    }


ROUTES: dict[tuple[str, str], Callable[[AdminRequest], object]] = {
    ("GET", ""): overview,
    ("GET", "state"): state,
    ("GET", "clock"): clock,
    ("POST", "clock"): advance,
    ("GET", "ground-truth"): ground_truth,
    ("GET", "ground-truth-by-path"): ground_truth_by_path,
    ("GET", "ground-truth-of-network"): ground_truth_of_network,
    ("GET", "requests"): requests,
    ("DELETE", "requests"): forget_requests,
    ("GET", "faults"): faults,
    ("POST", "faults"): arm,
    ("DELETE", "faults"): disarm,
    ("PATCH", "resources/ID"): change,
    ("POST", "reset"): reset,
}
"""
Method and path -> its function.
"""


def administer(emulator: "Emulator", request: Request) -> Reply:
    """
    Answer one admin request, and log it in one line.
    """
    began = time.perf_counter()
    reply = _answered(emulator, request)
    words = (
        utc(emulator.cloud.clock.now()),
        request.method,
        shortened(request.path),
        str(reply.status),
    )
    logged(*words, ms=(time.perf_counter() - began) * 1000.0)
    return reply


def _answered(emulator: "Emulator", request: Request) -> Reply:
    path, _, name = request.path.removeprefix(PREFIX).strip("/").partition("/")
    route = ROUTES.get((request.method, f"{path}/ID" if name else path))
    if route is None:
        return _reply(404, {"error": f"no {request.method} {request.path}; see {PREFIX}/"})
    try:
        return _routed(route, AdminRequest(emulator, emulator.cloud, name), request.body)
    except ClosedError:
        raise
    except Exception:
        logger.exception(
            "%s %s failed because of a bug in the emulator", request.method, request.path
        )
        return _reply(500, {"error": "a bug in the emulator; its log has the traceback"})


def _routed(route: Callable[[AdminRequest], object], request: AdminRequest, body: bytes) -> Reply:
    try:
        return _reply(200, route(replace(request, body=json.loads(body) if body else None)))
    except (RecursionError, ValueError) as exc:
        return _reply(400, {"error": str(exc)})


def _clock(cloud: Cloud, now: float) -> dict[str, object]:
    return {"now": now, "utc": utc(now), "minute": cloud.clock.minute}


def _reply(status: int, content: object) -> Reply:
    return Reply(status, {"Content-Type": JSON}, json.dumps(content).encode())
