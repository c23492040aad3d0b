"""
The prober: open-loop checks of many targets in one background thread.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import Self

from chaosfailover.errors import ArgumentError, FailoverError
from chaosfailover.outages.measured import CutWindow, Origin, series_entry, target_entry
from chaosfailover.outages.outage import Length, Outage
from chaosfailover.outages.samples import Sample
from chaosfailover.outages.settled import AtStop
from chaosfailover.outages.summary import Summary
from chaosfailover.prober.checked_target import CheckedTarget
from chaosfailover.prober.dispatcher import Dispatcher
from chaosfailover.prober.hops import FILES
from chaosfailover.prober.open_files import Room
from chaosfailover.prober.resolver import GetAddrInfo, Resolver, is_address
from chaosfailover.prober.schedule import Ticket, Track
from chaosfailover.prober.schemes import make_check
from chaosfailover.prober.targets import INTERVAL, TIMEOUT, Target
from chaosfailover.signals import leave_signals_to_the_main_thread

__all__ = ["OnChange", "Prober", "elapsed"]

# Linux stops its monotonic clock while the system is suspended; an outage does not stop.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def elapsed() -> float:
    """
    Return the seconds since some instant, those included in which the system slept.
    """
    return time.clock_gettime(CLOCK)


OnChange = Callable[[Target, Outage], None]


class Prober:
    """
    Checks targets from `start` to `stop`; every method may be called from any thread.

    `interval` and `timeout` apply to targets without their own. `on_change` is called in the
    prober's thread when an outage begins (it is `ongoing`) and when it has ended, at most one
    timeout later; it must return quickly and not raise. Instants are those of `clock`. `room` is
    how many files the checks may hold. If `coded`, samples are also written as text, to be taken.
    """

    def __init__(
        self,
        targets: Iterable[Target],
        interval: float = INTERVAL,
        timeout: float = TIMEOUT,
        *,
        room: Room | None = None,
        on_change: OnChange | None = None,
        clock: Callable[[], float] = elapsed,
        getaddrinfo: GetAddrInfo = socket.getaddrinfo,
        coded: bool = False,
    ) -> None:
        self._coded = coded
        self._checked: dict[str, CheckedTarget] = {}
        for target in targets:
            self._add(target, interval, timeout)
        self._room = room or Room()
        self._most = inf
        self._on_change = on_change
        self._clock = clock
        self._getaddrinfo = getaddrinfo
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="prober", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._stopped = False
        self.began = clock()
        self._began_utc = datetime.now(UTC)

    def _add(self, target: Target, interval: float, timeout: float) -> None:
        if target.name in self._checked:
            raise ArgumentError(f"target {target.name!r} is given twice, expected distinct names")
        target = replace(
            target, interval=target.interval or interval, timeout=target.timeout or timeout
        )
        tracks = [
            Track(target, make_check(target), coded=self._coded) for _ in range(target.flows or 1)
        ]
        self._checked[target.name] = CheckedTarget(target, tracks)

    @property
    def targets(self) -> list[Target]:
        """
        The targets, each with the interval and timeout that it is checked with.
        """
        return [checked.target for checked in self._checked.values()]

    @property
    def _tracks(self) -> list[Track]:
        return [track for checked in self._checked.values() for track in checked.tracks]

    def start(self) -> None:
        """
        Start the thread; return when its event loop runs.

        Raises `ConfigurationError` if this process may not open as many files as the checks need
        while all targets are down, and `FailoverError` if there is no room for the event loop.
        """
        tracks = self._tracks
        names = {track.target.host for track in tracks if not is_address(track.target.host)}
        sockets = sum(
            track.most_sockets(2 if track.target.host in names else 1) for track in tracks
        )
        traces = FILES * sum(target.path for target in self.targets)
        count = len(self._checked)
        self._most = self._room.take(sockets + traces, len(names), count) - traces
        self.began, self._began_utc = self._clock(), datetime.now(UTC)
        self._thread.start()
        self._ready.wait()
        if self._loop is None:
            raise FailoverError(
                "the prober has not started, its traceback is on the standard error"
            )

    def stop(self, timeout: float = 5.0) -> None:
        """
        Send nothing more, wait for the answers under way, and end the thread; safe to repeat.

        Raises `FailoverError` if the thread has not ended within `timeout`.
        """
        if self._stopped or not self._thread.ident:
            return
        self._stopped, asked = True, self._clock()
        with suppress(RuntimeError):  # the loop has ended by itself
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise FailoverError(f"the prober has not ended within {timeout:g} s")
        with self._lock:
            for track in self._tracks:
                track.close(asked)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wall_clock(self, at: float) -> datetime:
        """
        Return an instant of the prober's clock as UTC, by the wall clock at the start.
        """
        return self.origin.wall_clock(at)

    def current_outage(self, target: str) -> Length | None:
        """
        Return the bounds, up to now, of the outage that goes on; None if the target answers.
        """
        checked = self._find(target)
        with self._lock:
            return checked.current_outage(self._clock())

    def summary(
        self,
        target: str,
        cut_at: float | None = None,
        stop_at: float | None = None,
        until: float | None = None,
    ) -> Summary:
        """
        Summarise one target, as `summarize` says.

        While the prober runs, an outage that goes on is measured up to now.
        """
        checked = self._find(target)
        now = None if self._stopped else self._clock()
        with self._lock:
            return checked.summary(cut_at, stop_at, now, until)

    def at_stop(
        self, target: str, cut_at: float, in_effect_at: float, stop_at: float | None = None
    ) -> AtStop:
        """
        Tell how a target stood when the way back of a cut began, or stands now.
        """
        checked = self._find(target)
        with self._lock:
            return checked.at_stop(cut_at, in_effect_at, stop_at)

    def summaries(self) -> dict[str, Summary]:
        """
        Summarise all targets, by name.
        """
        return {name: self.summary(name) for name in self._checked}

    def series(self, target: str) -> dict[str, object]:
        """
        Return the series of one target as plain data, see `series_entry`.
        """
        checked = self._find(target)
        with self._lock:
            return series_entry(self.about(checked.target), checked.flows, self.origin)

    def entry(self, target: str, windows: Sequence[CutWindow]) -> dict[str, object]:
        """
        Return the entry of one target in the journal, once the checks have ended.
        """
        checked = self._find(target)
        with self._lock:
            return target_entry(self.about(checked.target), checked.flows, windows, self.origin)

    @property
    def origin(self) -> Origin:
        """
        When the checks began.
        """
        return Origin(self.began, self._began_utc)

    @staticmethod
    def about(target: Target) -> dict[str, object]:
        """
        Return what the journal says of a target beside its measurement.
        """
        return {
            "target": target.name,
            "url": target.url,
            "interval": target.interval,
            "timeout": target.timeout,
            "rto": target.rto,
            "persistent": target.persistent,
            "external": target.external,
            **({"flows": target.flows} if target.flows else {}),
        }

    def take_code(self, *, news_only: bool = False) -> list[str]:
        """
        Return the samples since the last call as text, one for each flow; empty without any.

        With `news_only`, nothing is returned until one of them is news.
        """
        with self._lock:
            codes = [track.code for track in self._tracks if track.code]
            if news_only and not any(code.has_news for code in codes):
                return []
            texts = [code.take() for code in codes]
        return texts if any(texts) else []

    def begin_anew(self) -> None:
        """
        Write the samples from now on so that they can be read without those before them.
        """
        with self._lock:
            for track in self._tracks:
                if track.code:
                    track.code.begin_anew()

    def mark(self) -> float:
        """
        Divide the timelines at this instant, a change of phase, and return it.
        """
        with self._lock:
            at = self._clock()
            for track in self._tracks:
                track.mark(at)
        return at

    def _find(self, target: str) -> CheckedTarget:
        if target not in self._checked:
            names = ", ".join(self._checked)
            raise ArgumentError(f"target {target!r} is not checked, expected one of {names}")
        if self._thread.ident and not self._stopped and not self._thread.is_alive():
            raise FailoverError("the prober has died, its traceback is on the standard error")
        return self._checked[target]

    def _run(self) -> None:
        leave_signals_to_the_main_thread()
        try:
            asyncio.run(self._main())
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        resolver = Resolver(self._clock, self._getaddrinfo)
        tracks = self._tracks
        dispatcher = Dispatcher(tracks, resolver, self._clock, self._end, self._most)
        await dispatcher.run(self._stopping)

    def _end(self, track: Track, ticket: Ticket, sample: Sample | None) -> None:
        checked = self._checked[track.target.name]
        with self._lock:
            changes = checked.end(track, ticket, sample)
        for outage in changes:
            if self._on_change is not None:
                self._on_change(track.target, outage)
