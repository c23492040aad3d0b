"""
The event loop's side of the prober: sends each check when it is due and times it.
"""

import asyncio
from collections.abc import Callable, Sequence

from chaosfailover.outages.samples import Sample
from chaosfailover.prober.check import Attempt, CheckFailedError, failure_kind, is_local
from chaosfailover.prober.resolver import Address, Names
from chaosfailover.prober.schedule import Schedule, Ticket, Track
from chaosfailover.prober.starvation import Pulse

__all__ = ["Dispatcher"]

End = Callable[[Track, Ticket, Sample | None], None]


class Dispatcher:
    """
    Sends the checks of all tracks until told to stop, then waits for those under way.

    `end` is told of every check that was sent: its sample, or None if it says nothing of the
    target.
    """

    def __init__(
        self, tracks: Sequence[Track], names: Names, clock: Callable[[], float], end: End
    ) -> None:
        self._tracks = tracks
        self._names = names
        self._clock = clock
        self._end = end
        self._pulse = Pulse(clock)
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """
        Send until `stopping` is set; targets take their turns evenly within an interval.
        """
        now = self._clock()
        async with asyncio.TaskGroup() as senders:
            pulse = senders.create_task(self._pulse.beat())
            tasks = [
                senders.create_task(self._send(track, now + track.interval * turn))
                for turn, track in self._turns()
            ]
            await stopping.wait()
            for task in tasks:
                task.cancel()
            await self._drain()
            pulse.cancel()

    def _turns(self) -> list[tuple[float, Track]]:
        return [(index / len(self._tracks), track) for index, track in enumerate(self._tracks)]

    async def _send(self, track: Track, began: float) -> None:
        schedule = Schedule(began, track.interval)
        while True:
            await asyncio.sleep(schedule.due - self._clock())
            host, port = track.target.host, track.target.port
            addresses = self._names.addresses(host, port, track.timeout)
            if addresses is not None:
                task = asyncio.create_task(self._check(track, addresses, schedule.due))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            schedule.advance(self._clock())

    async def _check(self, track: Track, addresses: Sequence[Address], due: float) -> None:
        attempt = Attempt(self._clock)
        ticket, missed = track.begin(), self._pulse.missed()
        try:
            async with asyncio.timeout(track.timeout):
                await self._run(track, addresses, attempt)
        except Exception as exc:  # noqa: BLE001 an error nobody foresaw is a failed check, named after it; a lost ticket would hold up the series
            # Judged here, as an exception that a frame keeps is garbage that only gc can free.
            asleep = self._pulse.missed() - missed > track.timeout / 2
            sample = self._failed(attempt, attempt.at - due, exc, asleep=asleep)
        else:
            sample = Sample(attempt.at, True, self._clock() - attempt.at, late=attempt.at - due)
        self._end(track, ticket, sample)

    async def _run(self, track: Track, addresses: Sequence[Address], attempt: Attempt) -> None:
        if not addresses:
            raise CheckFailedError("dns")
        await track.check.run(addresses, attempt)

    def _failed(
        self, attempt: Attempt, late: float, failure: Exception, *, asleep: bool
    ) -> Sample | None:
        """
        Make a failed sample, or None if it is us who failed: without a socket, or too much asleep.
        """
        silent = isinstance(failure, TimeoutError)
        if is_local(failure) or (silent and asleep):
            return None
        last = attempt.spoke_at if silent else self._clock()
        return Sample(attempt.at, False, None, failure_kind(failure), late, last - attempt.at)

    async def _drain(self) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=max(it.timeout for it in self._tracks) + 1)
        for track in self._tracks:
            track.check.close()
