"""
A target under check: its flows, each with a track, and their state as one.
"""

from collections.abc import Sequence

from chaosfailover.outages.flow import Flow
from chaosfailover.outages.outage import Length, Outage
from chaosfailover.outages.pooled import pooled, pooled_at_stop, worst
from chaosfailover.outages.samples import Sample
from chaosfailover.outages.settled import AtStop, at_stop
from chaosfailover.outages.summary import Summary, summarize
from chaosfailover.prober.schedule import Ticket, Track
from chaosfailover.prober.targets import Target

__all__ = ["CheckedTarget"]


class CheckedTarget:
    """
    One target; without flows it has one track. It is down while any of its flows is.
    """

    def __init__(self, target: Target, tracks: Sequence[Track]) -> None:
        self.target = target
        self.tracks = tracks
        self._down: set[Track] = set()
        self._lost: list[Outage] = []

    @property
    def flows(self) -> Sequence[Flow]:
        """
        The samples of each flow.
        """
        return [track.flow for track in self.tracks]

    def end(self, track: Track, ticket: Ticket, sample: Sample | None) -> list[Outage]:
        """
        Note the result of a check; return the outages of the target that begin or end with it.
        """
        changes = track.end(ticket, sample)
        if not self.target.flows:
            return changes
        return [change for outage in changes for change in self._joined(track, outage)]

    def _joined(self, track: Track, outage: Outage) -> list[Outage]:
        """
        Return an outage that begins with the first flow that is lost, and one that ends with the
        last that comes back.
        """
        if outage.ongoing:
            begins = not self._down
            self._down.add(track)
            return [outage] if begins else []
        self._down.discard(track)
        self._lost.append(outage)
        if self._down:
            return []
        lost, self._lost = self._lost, []
        since = (min(it.since[0] for it in lost), min(it.since[1] for it in lost))
        until = (max(it.until[0] for it in lost), max(it.until[1] for it in lost))
        return [
            Outage(
                max(it.at_least for it in lost),
                until[1] - since[0],
                lost=sum(it.lost for it in lost),
                error=lost[0].error,
                since=since,
                until=until,
            )
        ]

    def current_outage(self, now: float) -> Length | None:
        """
        Return the bounds of the outage that goes on, of several flows the longest; None without.
        """
        return worst(track.current_outage(now) for track in self.tracks)

    def summary(
        self,
        cut_at: float | None,
        stop_at: float | None,
        now: float | None,
        until: float | None,
    ) -> Summary:
        """
        Summarise the target, its flows pooled.
        """
        if self.target.flows:
            series = [track.series for track in self.tracks]
            return pooled(series, cut_at, stop_at, now, until)
        return summarize(self.tracks[0].series, cut_at, stop_at, now, until)

    def at_stop(self, cut_at: float, in_effect_at: float, stop_at: float | None) -> AtStop:
        """
        Tell how the target stood when the way back began, or stands now.
        """
        return pooled_at_stop(
            [at_stop(track.series, cut_at, in_effect_at, stop_at) for track in self.tracks]
        )
