"""
The dispatcher: sends each check when it is due and times it, in the event loop.
"""

import asyncio
from collections.abc import Callable, Sequence
from math import inf

from chaosfailover.outages.samples import Sample
from chaosfailover.prober.check import Attempt, CheckFailedError, failure_kind, is_local
from chaosfailover.prober.resolver import Address, Resolver
from chaosfailover.prober.schedule import Schedule, Ticket, Track
from chaosfailover.prober.starvation import StarvationWatch
from chaosfailover.prober.targets import TIMEOUT

__all__ = ["Dispatcher"]

OnEnd = Callable[[Track, Ticket, Sample | None], None]


class Dispatcher:
    """
    Sends the checks of all tracks until it is stopped, then waits for those under way.

    `on_end` is called for every check that was due, with its sample, or None if the failure was
    ours. A check that would need more than `most` sockets, with those under way, is not sent.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        resolver: Resolver,
        clock: Callable[[], float],
        on_end: OnEnd,
        most: float = inf,
    ) -> None:
        self._tracks = tracks
        self._resolver = resolver
        self._clock = clock
        self._on_end = on_end
        self._starvation = StarvationWatch(
            clock, min((track.timeout for track in tracks), default=TIMEOUT)
        )
        self._under_way: set[asyncio.Task[None]] = set()
        # Those that are kept are few.
        self._free = most - sum(it.most_sockets(1) for it in tracks if it.target.keeps_sockets)

    async def run(self, stopping: asyncio.Event) -> None:
        """
        Send until `stopping` is set; targets start evenly spaced within an interval.
        """
        now, count = self._clock(), len(self._tracks)
        async with asyncio.TaskGroup() as senders:
            watch = senders.create_task(self._starvation.run())
            tasks = [
                senders.create_task(self._send(track, now + track.interval * index / count))
                for index, track in enumerate(self._tracks)
            ]
            await stopping.wait()
            for task in tasks:
                task.cancel()
            await self._drain()
            watch.cancel()

    async def _send(self, track: Track, began: float) -> None:
        schedule = Schedule(began, track.interval)
        while True:
            await asyncio.sleep(schedule.due - self._clock())
            host, port = track.target.host, track.target.port
            addresses = self._resolver.addresses(host, port, track.timeout)
            if addresses is not None:
                self._begin(track, addresses, schedule.due)
            schedule.advance(self._clock())

    def _begin(self, track: Track, addresses: Sequence[Address], due: float) -> None:
        sockets = 0 if track.target.keeps_sockets else len(addresses)
        if sockets > self._free:
            self._on_end(track, track.begin(), None)
            return

        def ended(task: asyncio.Task[None]) -> None:
            self._free += sockets
            self._under_way.discard(task)

        self._free -= sockets
        task = asyncio.create_task(self._check(track, addresses, due))
        self._under_way.add(task)
        task.add_done_callback(ended)

    async def _check(self, track: Track, addresses: Sequence[Address], due: float) -> None:
        attempt = Attempt(self._clock)
        ticket, missed = track.begin(), self._starvation.missed()
        try:
            async with asyncio.timeout(track.timeout):
                await self._run(track, addresses, attempt)
        except Exception as exc:  # noqa: BLE001 an unforeseen error is a failed check, named after it; a lost ticket would hold up the series
            # Judged here: an exception that a frame keeps is garbage that only gc can free.
            starved = self._starvation.starved(missed, track.timeout)
            sample = self._failed(attempt, attempt.at - due, exc, starved=starved)
        else:
            sample = Sample(attempt.at, True, self._clock() - attempt.at, late=attempt.at - due)
        ticket.receipt = attempt.receipt
        self._on_end(track, ticket, sample)

    async def _run(self, track: Track, addresses: Sequence[Address], attempt: Attempt) -> None:
        if not addresses:
            raise CheckFailedError("dns")
        await track.check.run(addresses, attempt)

    def _failed(
        self, attempt: Attempt, late: float, failure: Exception, *, starved: bool
    ) -> Sample | None:
        """
        Make a failed sample, or None if this process failed: it had no socket, or was starved.
        """
        silent = isinstance(failure, TimeoutError)
        if is_local(failure) or (silent and starved):
            return None
        last = attempt.last_sent_at if silent else self._clock()
        return Sample(attempt.at, False, None, failure_kind(failure), late, last - attempt.at)

    async def _drain(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=max(it.timeout for it in self._tracks) + 1)
        for track in self._tracks:
            track.check.close()
