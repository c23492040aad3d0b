"""
Outages that the emulator causes and the prober measures, compared with the ground truth.
"""

import json
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from chaosfailover.emulator import Emulator
from chaosfailover.outages.flapping import spells
from chaosfailover.outages.outage import Outage
from chaosfailover.outages.partial_loss import Cadence
from chaosfailover.outages.summary import Summary
from chaosfailover.prober.prober import Prober
from chaosfailover.prober.targets import Target, parse_target

__all__ = ["Comparison", "Drill", "compared", "drilling"]

RESTORED = 3.0  # from Stop to steady traffic, at most: Stopping, the move back and its loss
SETTINGS = {
    "starting": 0.3,
    "stopping": 0.3,
    "revert_delay": [0.05, 0.6],
    "revert_loss": [0.03, 1.2],
}


def topology(services: Mapping[str, str], longest: float) -> str:
    """
    Return a topology in which every service has paths of its own over the same two circuits, and
    each cut is detected after another time, up to `longest` seconds.
    """
    paths: dict[str, dict[str, object]] = {}
    for name in services:
        paths[f"{name}-a"] = {"over": "pc-a", "detection": [0.03, longest]}
        paths[f"{name}-b"] = {"over": "pc-b"}
    content = {
        "title": "Two circuits, and a detection time of its own for every service.",
        "accounts": {"1000000000000001": {}},
        "regions": {
            "cn-hangzhou": {
                "circuits": {"pc-a": {"AccessPointId": "ap-a"}, "pc-b": {"AccessPointId": "ap-b"}}
            }
        },
        "settings": SETTINGS,
        "paths": paths,
        "services": {
            name: {"kind": kind, "port": 0, "paths": [f"{name}-a", f"{name}-b"]}
            for name, kind in services.items()
        },
    }
    return json.dumps(content)


@dataclass
class Drill:
    """
    An emulator and a prober that checks its services.
    """

    emulator: Emulator
    prober: Prober
    longest: float

    def cut(self, rng: random.Random) -> None:
        """
        Cut the first circuit until every service has failed over, restore it and wait.
        """
        time.sleep(rng.uniform(0.3, 1.5))
        job = self._call(
            "CreateFailoverTestJob",
            **{"ResourceType": "PHYSICALCONNECTION", "ResourceId.1": "pc-a"},
            JobType="StartNow",
            JobDuration="5",
        )["JobId"]
        time.sleep(SETTINGS["starting"] + self.longest + rng.uniform(0.7, 1.5))  # type: ignore[operator]
        self._call("StopFailoverTestJob", JobId=job)
        time.sleep(RESTORED)

    def _call(self, operation: str, **parameters: str) -> dict[str, str]:
        query = {
            "Action": operation,
            "Version": "2016-04-28",
            "RegionId": "cn-hangzhou",
            "Format": "JSON",
        }
        reply = self.emulator.handle("POST", "/?" + urlencode(query | parameters))
        assert reply.status == 200, reply.body
        document: dict[str, str] = json.loads(reply.body)
        return document


@contextmanager
def drilling(folder: Path, intervals: Mapping[str, float], longest: float) -> Iterator[Drill]:
    """
    Start an emulator with one service for each name, such as `udp-0.05`, and a prober for them.

    The target of a name such as `connect-0.05` is a `tcp` service that it only connects to. Both
    share one interpreter lock, so it changes hands often: the truth's clock must not wait for it.
    """
    patience = sys.getswitchinterval()
    sys.setswitchinterval(0.0002)
    file = folder / "topology.yaml"
    file.write_text(topology({name: _kind(name) for name in intervals}, longest))
    with Emulator(file, auth=False, seed=random.randrange(10**9)) as emulator:
        urls = emulator.service_urls
        targets = [_target(name, urls[name], every) for name, every in intervals.items()]
        with Prober(targets, clock=time.monotonic) as prober:  # as the ground truth is
            yield Drill(emulator, prober, longest)
    sys.setswitchinterval(patience)


def _kind(name: str) -> str:
    kind = name.partition("-")[0]
    return "tcp" if kind == "connect" else kind


def _target(name: str, url: str, interval: float) -> Target:
    settings: dict[str, object] = {"url": url, "interval": interval}
    talk = {"send": "ping\n", "expect": "ping"} if name.startswith("tcp-") else {}
    return parse_target(name, settings | talk)


@dataclass
class Comparison:
    """
    A true outage and its measurement; None if nothing was measured.
    """

    start: float
    end: float
    measured: Outage | None

    def holds(self, slack: float = 0.0) -> bool:
        """
        Tell whether length, begin and end of the outage lie within their bounds.

        On a busy machine the emulator reads its clock up to `slack` seconds after the cut.
        """
        it = self.measured
        if it is None:
            return False
        return (
            it.at_least - slack <= self.end - self.start <= it.at_most + slack
            and it.since[0] <= self.start <= it.since[1] + slack
            and it.until[0] <= self.end <= it.until[1] + slack
        )


def compared(drill: Drill, name: str) -> tuple[list[Comparison], list[Outage]]:
    """
    Match the true outages of a service with the measured ones; also return outages without truth.
    """
    summary = drill.prober.summary(name)
    truths: Sequence[Mapping[str, Any]] = drill.emulator.ground_truth()[name]
    middles = [(first["end"] + second["start"]) / 2 for first, second in pairwise(truths)]
    pairs: list[Comparison] = []
    for truth, phase in zip(truths, pairwise([-inf, *middles, inf]), strict=True):
        partial = truth.get("share", 1.0) < 1.0
        candidates = _with_run_on(summary, phase) if partial else summary.outages
        seen = [
            it for it in candidates if it.since[0] < truth["end"] and it.until[1] > truth["start"]
        ]
        pairs.append(Comparison(truth["start"], truth["end"], seen[0] if len(seen) == 1 else None))
    matched = [pair.measured for pair in pairs if pair.measured]
    return pairs, [it for it in summary.outages if not any(_within(it, match) for match in matched)]


def _with_run_on(summary: Summary, phase: tuple[float, float]) -> list[Outage]:
    """
    Return the outages of a phase with bounds that hold for a share of the flows.
    """
    return [it.bounds for it in spells(summary.outages, *phase, Cadence(summary.interval))]


def _within(inner: Outage, outer: Outage) -> bool:
    return outer.since[0] <= inner.since[0] and inner.until[1] <= outer.until[1]
