"""
The watch of the routes: reads the tables of VBRs, ECRs and CENs of all cuts, every 5 s at most.

It makes an event of what moves, from before the first cut until everything is back. It has a thread
of its own, so that a slow product delays no other read. While a test is being
stopped, it begins no read. What cannot be read is an event with its reason, once.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from chaosfailover.alibaba.documents import text
from chaosfailover.alibaba.network_reads import NetworkReads
from chaosfailover.errors import FailoverError
from chaosfailover.events import publish
from chaosfailover.network.reading import read_routes
from chaosfailover.network.routes import RouteTables, Table
from chaosfailover.network.snapshot import Snapshot
from chaosfailover.signals import leave_signals_to_the_main_thread

__all__ = ["RouteWatch", "RouteWatchThread"]

logger = logging.getLogger("chaostoolkit")

INTERVAL = 5.0
BUDGET = 5.0
"""The seconds for the routes of one VBR, ECR or CEN."""
MOST_PREFIXES = 20
"""The most prefixes that an event names; `count` counts them all."""

Via = tuple[str, ...]
Seen = dict[str, Via]


class RouteWatch:
    """
    Holds over what each prefix was last seen to go, by VBR, ECR or CEN, and publishes each change.

    Only prefixes that were once over one of `vbr_ids` are followed.
    """

    def __init__(self, vbr_ids: Iterable[str]) -> None:
        self._vbr_ids = frozenset(vbr_ids)
        self._seen: dict[str, Seen] = {}
        self._unread: dict[str, str] = {}

    def see(self, source: str, tables: RouteTables) -> None:
        """
        Note the routes of a VBR, ECR or CEN.
        """
        is_vbr = source in self._vbr_ids
        table = tables.of_vbr(source) if is_vbr else tables.of_group(source)
        if isinstance(table, str):
            self.miss(source, table)
            return
        self._unread.pop(source, None)
        before = self._seen.get(source)
        now = _carriers(table)
        followed = {
            prefix: via
            for prefix, via in now.items()
            if prefix in (before or {}) or not self._vbr_ids.isdisjoint(via)
        }
        self._seen[source] = {**dict.fromkeys(before or {}, ()), **followed}
        moves: dict[tuple[Via | None, Via], list[str]] = {}
        for prefix, via in self._seen[source].items():
            earlier = None if before is None else before.get(prefix, ())
            if earlier != via:
                moves.setdefault((earlier, via), []).append(prefix)
        for (earlier, via), prefixes in moves.items():
            publish(
                "routes",
                source=source,
                prefixes=prefixes[:MOST_PREFIXES],
                count=len(prefixes),
                moved_from=None if earlier is None else [*earlier],
                moved_to=[*via],
            )

    def miss(self, source: str, reason: str) -> None:
        """
        Note that routes could not be read, which is told once until they are read again.
        """
        if source not in self._unread:
            self._unread[source] = reason
            publish("routes", source=source, reason=reason)
            logger.warning("The routes of %s are not seen during the cut: %s", source, reason)


def _carriers(table: Table) -> Seen:
    """
    Return over what each prefix goes to the data center.
    """
    carriers: dict[str, set[str]] = {}
    for route in table.routes:
        if route.answer == "yes" and not route.leads_to_cloud:
            carriers.setdefault(str(route.prefix), set()).update(route.via)
    return {prefix: tuple(sorted(via)) for prefix, via in carriers.items()}


class Watched(Protocol):
    """
    What the guard knows: whether a test is being stopped.
    """

    @property
    def is_stopping(self) -> bool: ...


class RouteWatchThread:
    """
    Reads routes in a thread, from `start` to `end`; `tables` are what the preflight has read.

    Nobody else may use `reads` meanwhile.
    """

    def __init__(
        self,
        reads: NetworkReads,
        snapshot: Snapshot,
        tables: RouteTables,
        watched: Watched,
    ) -> None:
        self._reads = reads
        self._snapshot = snapshot
        self._watched = watched
        self._watch = RouteWatch(filter(None, (text(vbr, "VbrId") for vbr in snapshot.vbrs)))
        routing = tables.routing
        for source in (*routing.vbr_routes, *routing.ecr_routes, *routing.transit_routes):
            self._watch.see(source, tables)
        self._ended = threading.Event()
        self._once_more = False
        self._thread = threading.Thread(target=self._read, name="failover-routes", daemon=True)

    def start(self) -> None:
        """
        Start the thread.
        """
        self._thread.start()

    def end(self, *, once_more: bool) -> None:
        """
        End the thread after its current read, or after all are read `once_more`; safe to repeat.
        """
        if not self._ended.is_set():
            self._once_more = once_more
            self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _read(self) -> None:
        leave_signals_to_the_main_thread()
        while not self._ended.wait(INTERVAL):
            self._read_all(lambda: self._ended.is_set() or self._watched.is_stopping)
        if self._once_more:
            self._read_all(lambda: self._watched.is_stopping)

    def _read_all(self, is_over: Callable[[], bool]) -> None:
        sources = read_routes(self._reads, self._snapshot, budget=BUDGET)
        try:
            while not is_over() and (read := next(sources, None)):
                source, routing = read
                self._watch.see(source, RouteTables(routing))
        except FailoverError as exc:
            self._watch.miss("the network", str(exc))
