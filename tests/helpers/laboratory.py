"""
The laboratory from outside: starts it, and judges prober and emulator by what it saw.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, cast

import lab_network
from lab_network import LOSES, Observed, Plan
from lab_parts import slips_of_parts

from chaosfailover.alibaba.documents import BgpPeer, VirtualBorderRouter
from chaosfailover.emulator.downtime import Downtime
from chaosfailover.emulator.routing import courses
from chaosfailover.emulator.topology import topology_from
from chaosfailover.network.paths import paths
from chaosfailover.network.routing import Routing
from chaosfailover.network.survival import surviving_paths
from chaosfailover.network.takeover import Takeover, takeover

__all__ = [
    "CONVERGENCE",
    "SILENT",
    "Cut",
    "allowed",
    "cuts_of",
    "emulated",
    "forecast",
    "misplaced",
    "missing",
    "observe",
    "starting",
]

PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
NAMESPACES = ("unshare", "-Urnm", "--pid", "--fork", "--kill-child")
LONGEST = 600.0

SLACK = 0.005
"""Seconds: the stream sends each millisecond, save when it is not scheduled."""

CONVERGENCE = 0.5
"""Seconds: BIRD tries for as long to say goodbye over a session that has failed."""

ENOUGH = 18
"""Checks: of fewer, those that lose may come in a row by chance, see docs/routers.md."""

UNSEEN = {"failover": "unseen_during", "reversion": "unseen_after"}
CUT_IS = {"drained": "session-closed", **dict.fromkeys(LOSES, "silent")}
SILENT = ("silent", *LOSES)
"""Ways that only the timers of the sessions end."""


def missing() -> str | None:
    """
    Say why there can be no laboratory here; None if there can.
    """
    for tool in ("bird", "birdc", "ip", "nsenter", "unshare"):
        if shutil.which(tool, path=PATH) is None:
            return f"{tool} is not installed"
    tried = subprocess.run((*NAMESPACES, "true"), capture_output=True, text=True, check=False)
    return f"no namespaces: {tried.stderr.strip()}" if tried.returncode else None


def starting(folder: Path) -> subprocess.Popen[str]:
    """
    Start a laboratory, which reads its plan from its input.
    """
    command = (*NAMESPACES, sys.executable, lab_network.__file__, str(folder))
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def observe(plan: Plan, folder: Path) -> Observed:
    """
    Build a laboratory, perform all cuts of a plan in it, and take it down.
    """
    with starting(folder) as process:
        try:
            printed, errors = process.communicate(json.dumps(plan), LONGEST)
        finally:
            process.kill()
    if process.returncode:
        raise RuntimeError(errors)
    return cast("Observed", json.loads(printed))


@dataclass(frozen=True)
class Cut:
    """
    One cut, or one return: what the stream saw, and what the prober says of it by target.

    `begun` and `ended` are each the instants between which the loss began and ended. `stalled` is
    its length by the kernel's counters, off by up to `slow` on a busy machine. `unseen` is how long
    a loss may have been for which the prober has no samples, `unjudged` how many checks failed in
    the whole run as its process was not scheduled, by target. `lost_out` of the stream's datagrams
    were lost on the way out; `directions` is what the prober says of that.
    """

    phase: str
    way: str
    every: Mapping[str, float]
    lost: int
    lost_out: int
    share: float
    begun: tuple[float, float]
    ended: tuple[float, float]
    stalled: float
    slow: float
    packets: Mapping[str, tuple[int, int]]
    bounds: Mapping[str, tuple[float, float] | None]
    unseen: Mapping[str, float]
    unjudged: Mapping[str, int]
    outages: Mapping[str, Sequence[Mapping[str, tuple[float, float]]]]
    directions: Mapping[str, Any]

    @property
    def length(self) -> tuple[float, float]:
        """
        The true length: between these two.
        """
        return max(0.0, self.ended[0] - self.begun[1]), self.ended[1] - self.begun[0]

    def slips(self) -> Iterator[str]:
        """
        Yield what the prober says that is not so.
        """
        least, most = self.length
        what = f"{self.phase} {self.way}"
        for target, bounds in self.bounds.items():
            short = 0.0 if self.share == 1 else ENOUGH * self.every[target]
            if bounds is None:
                if least > max(short, self.every[target]) + self.unseen[target]:
                    yield f"{what}: {target} saw nothing of {least:.3f} s"
            elif bounds[0] > most + SLACK or least > max(bounds[1] + SLACK, short):
                unseen = f"{self.unseen[target]:.3f} s unseen, {self.unjudged[target]} unjudged"
                yield f"{what}: {target} says {bounds} of {least:.3f} to {most:.3f}, {unseen}"
            elif self.lost and self.share == 1 and not self._in_place(target):
                yield f"{what}: {target} puts {self} elsewhere"

    def misdirected(self) -> Iterator[str]:
        """
        Yield what is not so of a loss of one way: where stream or prober tell it as another.
        """
        if self.phase != "failover" or not (way := LOSES.get(self.way)):
            return
        other = "back" if way == "out" else "out"
        if self.lost_out != (self.lost if way == "out" else 0):
            yield f"{self.way}: of {self.lost} lost, {self.lost_out} were on the way out"
        least, most = self.length
        bounds = _bounds(self.directions[way]["failover"])
        if not bounds or bounds[0] > most + SLACK or least > bounds[1] + SLACK:
            yield f"{self.way}: told as {bounds}, lost {least:.3f} to {most:.3f} s"
        rest = self.directions[other]["lost_during"], self.directions["not_known_during"]
        if any(rest):
            yield f"{self.way}: {rest[0]} told as {other}, {rest[1]} as not known"
        if way == "out" and self.directions["back"]["unseen_during"] + SLACK < least:
            yield f"{self.way}: the way back is told to be seen meanwhile"

    def _in_place(self, target: str) -> bool:
        """
        Say whether an outage of a target began and ended when the loss did.
        """
        return any(
            _meet(outage["since"], self.begun) and _meet(outage["until"], self.ended)
            for outage in self.outages[target]
        )


def _meet(window: Sequence[float], other: Sequence[float]) -> bool:
    return window[0] <= other[1] + SLACK and other[0] <= window[1] + SLACK


def cuts_of(plan: Plan, observed: Observed) -> Iterator[Cut]:
    """
    Yield the cuts and the returns of a laboratory.
    """
    for way, moments, stream, prober in zip(
        plan["ways"], observed["cuts"], observed["stream"], observed["prober"], strict=True
    ):
        for phase, at in (("failover", moments["cut"]), ("reversion", moments["stop"])):
            seen = stream[phase]
            yield Cut(
                phase=phase,
                way=way,
                every=plan["every"],
                lost=seen["lost"],
                lost_out=seen["lost_out"],
                share=seen["share"],
                begun=seen["since"] or (at, at),
                ended=seen["until"] or (at, at),
                stalled=seen["stalled"],
                slow=seen["slow"],
                packets=seen["packets"],
                bounds={name: _bounds(each[phase]) for name, each in prober.items()},
                unseen={name: each[UNSEEN[phase]] for name, each in prober.items()},
                unjudged={name: each["unjudged"] for name, each in prober.items()},
                outages={name: _windows(each["outages"]) for name, each in prober.items()},
                directions=prober["udp"]["directions"],
            )


def misplaced(plan: Plan, observed: Observed) -> Iterator[str]:
    """
    Yield the parts of the failover time that the routers' log and the stream contradict.

    A loss of a share is judged if it is of many checks, as its length is.
    """
    cuts = [cut for cut in cuts_of(plan, observed) if cut.phase == "failover"]
    for cut, moments, prober in zip(cuts, observed["cuts"], observed["prober"], strict=True):
        given = cast("Mapping[str, float]", moments), observed["looks"], observed["log"]
        for name, target in prober.items():
            many = cut.share == 1 or cut.length[0] > ENOUGH * cut.every[name]
            lost = {"loss": cut.begun, "recovered": cut.ended} if cut.lost and many else {}
            for slip in slips_of_parts(*given, target, lost):
                yield f"{cut.way}: {name}: {slip}"


def _bounds(length: Mapping[str, float | None] | None) -> tuple[float, float] | None:
    if length is None:
        return None
    least, most = length["at_least"], length["at_most"]
    return least or 0.0, inf if most is None else most


def _windows(outages: list[dict[str, list[float | None]]]) -> list[dict[str, tuple[float, float]]]:
    """
    Return the windows of outages; JSON has no infinity.
    """
    return [
        {
            name: (-inf if least is None else least, inf if most is None else most)
            for name, (least, most) in (("since", each["since"]), ("until", each["until"]))
        }
        for each in outages
    ]


def allowed(plan: Plan, way: str) -> tuple[float, float]:
    """
    Return how long routers with these timers may take: the least and the most.

    The last packet came up to an interval before the cut. BIRD shortens its hold timer by up to a
    quarter, and closes a failed session for up to half a second before its routes move.
    """
    if way not in SILENT:
        return 0.0, CONVERGENCE
    if plan["bfd"]:
        interval, multiplier = plan["bfd"][0] / 1000, plan["bfd"][1]
        return (multiplier - 1) * interval, multiplier * interval + CONVERGENCE
    return 0.75 * plan["hold"] - plan["hold"] / 3, plan["hold"] + CONVERGENCE


def forecast(plan: Plan) -> Takeover:
    """
    Return the product's forecast for a VBR and a peer with these timers.
    """
    interval, multiplier = plan["bfd"] or (1000, 3)
    vbr: VirtualBorderRouter = {
        "VbrId": "vbr-a",
        "PhysicalConnectionId": "pc-a",
        "EcrId": "ecr-1",
        "EcrAttatchStatus": "Attached",
        "MinTxInterval": interval,
        "MinRxInterval": interval,
        "DetectMultiplier": multiplier,
    }
    peer: BgpPeer = {
        "BgpPeerId": "bgp-a",
        "RouterId": "vbr-a",
        "EnableBfd": plan["bfd"] is not None,
        "Hold": str(plan["hold"]),
        "Keepalive": str(plan["hold"] // 3),
    }
    region = paths([{"PhysicalConnectionId": "pc-a"}], [vbr], [peer])
    survival = surviving_paths(region, ["pc-a"])
    path = next(path for path in region if path.bgp_peer_id)
    return takeover(path, survival.needs[0], Routing())


def emulated(plan: Plan, way: str) -> tuple[float, float]:
    """
    Return the outage of the same cut in the emulator, and the share of flows that it hits.
    """
    interval, multiplier = plan["bfd"] or (1000, 3)
    bfd = {"MinTxInterval": interval, "MinRxInterval": interval, "DetectMultiplier": multiplier}
    peer = {"EnableBfd": plan["bfd"] is not None, "Hold": plan["hold"]}
    region = {
        "vbrs": {f"vbr-rehearsal-{name}": bfd for name in "ab"},
        "bgp_peers": {f"bgp-rehearsal-{name}": peer for name in "ab"},
    }
    topology = topology_from(
        {
            "extends": "dual-circuit-ecmp" if plan["equal"] else "dual-circuit",
            "regions": {"cn-hangzhou": region},
            "settings": {
                "cut_is": {"PHYSICALCONNECTION": CUT_IS.get(way, way)},
                "loses": {"PHYSICALCONNECTION": LOSES.get(way, "both")},
            },
        }
    )
    cut = Downtime(("pc-rehearsal-a",), 100.0, 200.0, 1)
    groups = courses(topology.services[0], [cut], topology.network, topology.settings)
    stalls = [
        (after.start if after else inf) - segment.start
        for group in groups
        for segment, after in zip(group, (*group[1:], None), strict=True)
        if not segment.flows and 100.0 <= segment.start < 200.0
    ]
    return max(stalls, default=0.0), len(stalls) / len(groups)
