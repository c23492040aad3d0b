"""
Flow groups: which path a share of a service's flows takes now, and whether that path delivers.
"""

import logging
import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from math import inf

from chaosfailover.emulator.dataplane.ground_truth import GroundTruth, Loss, summed
from chaosfailover.emulator.routing import Segment
from chaosfailover.emulator.services import Route, Service

__all__ = ["FlowGroup", "ServiceState"]

logger = logging.getLogger("chaosfailover.emulator")

NO_ROUTE = "no route"
MOST_SEEN = 1024  # flows of a service whose group is remembered


class FlowGroup:
    """
    A share of the flows of a service. All of them take the same path.

    `real` converts emulated seconds to real ones, for the delay of slow paths.
    """

    def __init__(self, paths: Sequence[Route], real: Callable[[float], float]) -> None:
        self.path: Route | None = None
        self._stalls_out = self._stalls_back = False
        self.has_lossy_path = any(0 < path.loss < 1 for path in paths)
        self._real = real

    def follow(self, segment: Segment) -> None:
        """
        Take the path of a segment of the course.
        """
        self.path = segment.path
        self._stalls_out = not segment.flows and segment.loses != "back"
        self._stalls_back = not segment.flows and segment.loses != "out"

    @property
    def loss(self) -> Loss:
        """
        The chance that a packet is lost: 1 while the path stalls.
        """
        chance = self.path.loss if self.path else 0.0
        out = 1.0 if self._stalls_out else chance
        back = 1.0 if self._stalls_back else 0.0
        return Loss(max(out, back), out, back)

    @property
    def delay(self) -> float:
        """
        How many real seconds later an answer arrives.
        """
        return self._real(self.path.delay) if self.path else 0.0

    def loses(self, *, from_client: bool) -> bool:
        """
        Draw whether the next packet from a client, or to it, is lost.
        """
        loss = self.loss.out if from_client else self.loss.back
        return loss >= 1 or (loss > 0 and random.random() < loss)  # noqa: S311 - chance, no secret


class ServiceState:
    """
    The traffic of one service: its flow groups and its ground truth.
    """

    def __init__(self, service: Service, real: Callable[[float], float]) -> None:
        self.service = service
        self.groups = tuple(FlowGroup(order, real) for order in service.orders)
        self.truth = GroundTruth()
        self._seen: OrderedDict[int, tuple[FlowGroup, float]] = OrderedDict()
        self._reported: set[str] = set()

    def report(self, problem: str) -> None:
        """
        Log each problem of the upstream once: a client asks many times.
        """
        if problem not in self._reported:
            self._reported.add(problem)
            name, upstream = self.service.name, self.service.upstream
            logger.warning(
                "service %s: its upstream %s %s; this is no cut", name, upstream, problem
            )

    def follow(self, segments: Sequence[Segment], turn: Callable[[], float]) -> None:
        """
        Let each flow group follow its segment, and note when `turn` has turned the sockets.
        """
        before = self._lost()
        for group, segment in zip(self.groups, segments, strict=True):
            group.follow(segment)
        lost = self._lost()
        if lost == before:
            return
        at = turn()
        ports = {
            port: group.loss.share >= 1
            for port, (group, until) in self._seen.items()
            if until >= at
        }
        self.truth.note(lost, at, ports)

    def see(self, port: int, group: FlowGroup, until: float = inf) -> None:
        """
        Note a flow by its source port, until a monotonic instant.
        """
        self._seen.pop(port, None)
        self._seen[port] = group, until
        if len(self._seen) > MOST_SEEN:
            self._seen.popitem(last=False)

    def forget(self, port: int) -> None:
        """
        Note the end of a flow.
        """
        self._seen.pop(port, None)

    def group_of(self, flow: object) -> FlowGroup:
        """
        Return the group of a flow by the hash of what identifies it; the same flow, the same group.
        """
        if len(self.groups) == 1:
            return self.groups[0]
        digest = blake2b(repr(flow).encode(), digest_size=8).digest()
        return self.groups[int.from_bytes(digest) % len(self.groups)]

    def _lost(self) -> dict[str, Loss]:
        """
        Return the share of the flows that is lost, by path.
        """
        lost: dict[str, list[Loss]] = {}
        for group in self.groups:
            if group.loss.share:
                lost.setdefault(group.path.name if group.path else NO_ROUTE, []).append(group.loss)
        return {name: summed(losses, len(self.groups)) for name, losses in lost.items()}
