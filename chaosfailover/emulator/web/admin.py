"""
The admin interface under `/_emulator/`: what a test asks and tells the emulator itself.

It checks no signatures. Bodies and answers are JSON; a wrong one gets 400 with an `error`.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from chaosfailover.emulator.clock import LONGEST, utc
from chaosfailover.emulator.cloud import ClosedError, Cloud
from chaosfailover.emulator.dataplane.ground_truth import TrueOutage
from chaosfailover.emulator.faults import FAULTS, fault_from
from chaosfailover.emulator.fields import CHANGES
from chaosfailover.emulator.job import document
from chaosfailover.emulator.recorder import logged, shortened
from chaosfailover.emulator.schema import listing, number, record
from chaosfailover.emulator.wire import JSON, Reply, Request

__all__ = ["PREFIX", "ROUTES", "Ask", "administer"]

logger = logging.getLogger("chaosfailover.emulator")

PREFIX = "/_emulator"
ADVANCE = record({"advance": number(0, LONGEST)}, required=("advance",))


class Traffic(Protocol):
    """
    The services of the data plane, seen from outside.
    """

    @property
    def service_urls(self) -> dict[str, str]:
        """
        The URL of each service.
        """

    @property
    def shortcomings(self) -> dict[str, str]:
        """
        Why a service cannot be emulated here.
        """

    def ground_truth(self) -> dict[str, list[TrueOutage]]:
        """
        When the traffic of each service was really lost.
        """

    def ground_truth_by_path(self) -> dict[str, dict[str, list[TrueOutage]]]:
        """
        When the traffic of each service was really lost on each of its paths.
        """


@dataclass(frozen=True)
class Ask:
    """
    One admin request: the cloud, what its traffic does, the path's end and the body.
    """

    cloud: Cloud
    traffic: Traffic
    name: str = ""
    body: Any = None


def state(ask: Ask) -> Any:
    """
    Show jobs, clock, regions, accounts, what is down, the armed faults and the services.
    """
    with ask.cloud.held() as now:
        jobs = [
            {"account": job.account, "region": job.region, **document(job)}
            for job in ask.cloud.ledger.everything()
        ]
        return {
            "topology": ask.cloud.topology.name,
            "clock": _clock(ask.cloud, now),
            "regions": ask.cloud.network.regions,
            "accounts": sorted({key.account for key in ask.cloud.keys.values()}),
            "jobs": jobs,
            "down": sorted(ask.cloud.down(now)),
            "faults": ask.cloud.faults.shown(),
            "services": ask.traffic.service_urls,
            "shortcomings": ask.traffic.shortcomings,
        }


def clock(ask: Ask) -> Any:
    """
    Show the emulated clock and its speed.
    """
    with ask.cloud.held() as now:
        return _clock(ask.cloud, now)


def advance(ask: Ask) -> Any:
    """
    Advance the clock: `{"advance": SECONDS}`.
    """
    ask.cloud.advance(ADVANCE(ask.body, "")["advance"])
    return clock(ask)


def ground_truth(ask: Ask) -> Any:
    """
    Show when the traffic of each service was really lost, and which share of it.
    """
    return ask.traffic.ground_truth()


def ground_truth_by_path(ask: Ask) -> Any:
    """
    Show the same for each path of each service.
    """
    return ask.traffic.ground_truth_by_path()


def requests(ask: Ask) -> Any:
    """
    Show the requests seen, oldest first: the latest 10,000, or 10 million letters; long values
    are cut.
    """
    with ask.cloud.held():
        return ask.cloud.recorder.shown()


def forget_requests(ask: Ask) -> Any:
    """
    Forget the requests seen.
    """
    with ask.cloud.held():
        ask.cloud.recorder.clear()
    return {}


def faults(ask: Ask) -> Any:
    """
    Show the armed faults.
    """
    with ask.cloud.held():
        return ask.cloud.faults.shown()


def arm(ask: Ask) -> Any:
    """
    Arm one fault, or a list of them: `{"fault": "throttling", "operation": "Start*", "count": 2}`.
    """
    armed = listing(fault_from, least=1)(ask.body, "faults")
    with ask.cloud.held():
        ask.cloud.faults.faults += armed
    return faults(ask)


def disarm(ask: Ask) -> Any:
    """
    Disarm all faults.
    """
    with ask.cloud.held():
        ask.cloud.faults.faults.clear()
    return {}


def change(ask: Ask) -> Any:
    """
    Change fields of a resource: `{"Status": "Terminated"}`.
    """
    network = ask.cloud.network
    if ask.name not in network.resources:
        raise ValueError(f"there is no resource {ask.name!r}")
    fields = CHANGES[network.resources[ask.name].kind](ask.body, ask.name)
    with ask.cloud.held():
        ask.cloud.network = ask.cloud.network.changed(ask.name, **fields)
    ask.cloud.changed()
    return dict(ask.cloud.network.resources[ask.name].fields)


def reset(ask: Ask) -> Any:
    """
    Return to the topology: no jobs but its own, its faults, its network. The clock runs on.
    """
    ask.cloud.reset()
    return state(ask)


def overview(_: Ask) -> Any:
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


ROUTES: dict[tuple[str, str], Callable[[Ask], Any]] = {
    ("GET", ""): overview,
    ("GET", "state"): state,
    ("GET", "clock"): clock,
    ("POST", "clock"): advance,
    ("GET", "ground-truth"): ground_truth,
    ("GET", "ground-truth-by-path"): ground_truth_by_path,
    ("GET", "requests"): requests,
    ("DELETE", "requests"): forget_requests,
    ("GET", "faults"): faults,
    ("POST", "faults"): arm,
    ("DELETE", "faults"): disarm,
    ("PATCH", "resources/ID"): change,
    ("POST", "reset"): reset,
}
"""
Method and path -> what it does.
"""


def administer(cloud: Cloud, traffic: Traffic, request: Request) -> Reply:
    """
    Answer one admin request, and log it in one line.
    """
    began = time.perf_counter()
    reply = _answered(cloud, traffic, request)
    words = (utc(cloud.clock.now()), request.method, shortened(request.path), str(reply.status))
    logged(*words, ms=(time.perf_counter() - began) * 1000.0)
    return reply


def _answered(cloud: Cloud, traffic: Traffic, request: Request) -> Reply:
    path, _, name = request.path.removeprefix(PREFIX).strip("/").partition("/")
    route = ROUTES.get((request.method, f"{path}/ID" if name else path))
    if route is None:
        return _reply(404, {"error": f"no {request.method} {request.path}; see {PREFIX}/"})
    try:
        return _routed(route, Ask(cloud, traffic, name), request.body)
    except ClosedError:
        raise
    except Exception:
        logger.exception("%s %s met a mistake in the emulator", request.method, request.path)
        return _reply(500, {"error": "a mistake in the emulator; its log has the traceback"})


def _routed(route: Callable[[Ask], Any], ask: Ask, body: bytes) -> Reply:
    try:
        return _reply(200, route(replace(ask, body=json.loads(body) if body else None)))
    except (RecursionError, ValueError) as exc:
        return _reply(400, {"error": str(exc)})


def _clock(cloud: Cloud, now: float) -> dict[str, Any]:
    return {"now": now, "utc": utc(now), "minute": cloud.clock.minute}


def _reply(status: int, content: Any) -> Reply:
    return Reply(status, {"Content-Type": JSON}, json.dumps(content).encode())
