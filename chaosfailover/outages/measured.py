"""
A target's part of the journal: its summary, its cuts and its series, from its samples alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf, isfinite
from typing import NamedTuple

from chaosfailover.outages.flapping import spells
from chaosfailover.outages.outage import Outage, find_outages
from chaosfailover.outages.series import Series
from chaosfailover.outages.settled import at_stop
from chaosfailover.outages.summary import Summary, summarize

__all__ = ["CutWindow", "Origin", "borders", "series_entry", "target_entry"]

# Losses in a row that are no share of the flows, though checks between them had no result.
CERTAIN = 8
# The keys of a summary that each cut has too.
RECOVERY = (
    *("failover", "worst_during", "unseen_during"),
    *("reversion", "worst_after", "unseen_after"),
)


@dataclass(slots=True)
class CutWindow:
    """
    One cut, on the prober's clock: from before its start was sent to before its stop was.

    It was seen to be in effect at `testing_at`. If no stop of the run ended it, it ended where it
    was last seen in effect, since the way back may have begun right then.
    """

    test: str
    cut_at: float
    stop_at: float | None = None
    job_id: str = ""
    testing_at: float | None = None
    stop_sent: bool = False

    @property
    def in_effect_at(self) -> float:
        """
        The instant from which on the cut was in effect, at the latest.
        """
        return self.cut_at if self.testing_at is None else self.testing_at


class Origin(NamedTuple):
    """
    The beginning of a measurement, on the prober's clock and as UTC.
    """

    began: float
    utc: datetime

    def wall_clock(self, at: float) -> datetime:
        """
        Return an instant of the prober's clock as UTC, by the wall clock at the beginning.
        """
        return self.utc + timedelta(seconds=at - self.began)


def borders(
    windows: Sequence[CutWindow], number: int
) -> tuple[float | None, float | None, float | None]:
    """
    Return when a cut began, when its stop was sent, and when the next cut began.
    """
    if not windows:
        return None, None, None
    window, later = windows[number], windows[number + 1 :]
    return window.cut_at, window.stop_at, later[0].cut_at if later else None


def target_entry(
    about: Mapping[str, object],
    series: Series,
    unjudged: int,
    windows: Sequence[CutWindow],
    origin: Origin,
) -> dict[str, object]:
    """
    Return the entry of a target that is no longer checked; `about` has its name and its settings.
    """
    settings = {key: value for key, value in about.items() if key != "target"}
    losses = Losses(series, origin, _timeout(about), unjudged > 0)
    numbers = range(len(windows) or 1)
    summaries = [_summary(series, *borders(windows, number)) for number in numbers]
    return {
        **settings,
        "summary": summaries[0].as_dict(origin.began),
        "cuts": [
            _cut(windows, number, summary, series, origin, losses)
            for number, summary in enumerate(summaries[: len(windows)])
        ],
        "series": series_entry(about, series, unjudged, origin),
    }


def series_entry(
    about: Mapping[str, object], series: Series, unjudged: int, origin: Origin
) -> dict[str, object]:
    """
    Return a series as plain data; instants count from `utc`, the beginning.

    `unjudged` counts the checks that failed since this process had no socket or was starved: they
    are not in the series.
    """
    return {
        **{key: about[key] for key in ("target", "url", "persistent", "timeout")},
        "utc": origin.utc.isoformat(),
        "unjudged": unjudged,
        **series.as_dict(origin.began),
    }


def _summary(
    series: Series, cut_at: float | None, stop_at: float | None, until: float | None
) -> Summary:
    return summarize(series, cut_at, stop_at, until=until)


def _cut(
    windows: Sequence[CutWindow],
    number: int,
    summary: Summary,
    series: Series,
    origin: Origin,
    losses: "Losses",
) -> dict[str, object]:
    window, (_, _, until) = windows[number], borders(windows, number)
    stop_at = window.stop_at
    stop, end = (inf if at is None else at for at in (stop_at, until))
    stood = at_stop(series, window.cut_at, window.in_effect_at, stop_at)
    row = summary.as_dict(origin.began)
    return {
        "test": window.test,
        "job_id": window.job_id,
        "cut_at": origin.wall_clock(window.cut_at).isoformat(),
        "stop_at": stop_at and origin.wall_clock(stop_at).isoformat(),
        **{key: row[key] for key in RECOVERY},
        **stood.as_dict(),
        "loss": losses.first(window.cut_at, stop, ended_by=stop),
        "loss_back": losses.first(stop, end),
    }


def _timeout(about: Mapping[str, object]) -> float:
    timeout = about.get("timeout")
    return timeout if isinstance(timeout, float) else 1.0


Ends = tuple[float, float]


class Losses(NamedTuple):
    """
    The losses of a target.

    If this process `was_starved`, some check had no result, which may have been lost. Then, and
    near a gap, an answer may have been late by the whole `timeout`, not by what is usual.
    """

    series: Series
    origin: Origin
    timeout: float
    was_starved: bool

    def first(self, since: float, until: float, ended_by: float = inf) -> dict[str, object] | None:
        """
        Return when the first loss of a phase began and was over, each as an earliest and a latest.

        It was not over if it is not by `ended_by`. Of a loss that may be one of a share of the
        flows, neither is known where checks had no result.
        """
        lost = [*self.series.folded_spells, *find_outages(self.series.runs)]
        first = next(iter(spells(lost, since, until, self.series.cadence)), None)
        if first is None or (self.was_starved and not _is_total(first.losses)):
            return None
        over = first.bounds.until if first.over_at <= ended_by else (-inf, inf)
        return {
            "since": _bounds(self._began(*first.bounds.since), self.origin),
            "until": _bounds(over, self.origin),
        }

    def _began(self, earliest: float, latest: float) -> Ends:
        begin, end = earliest - self.timeout, latest + self.timeout
        gaps = self.series.gaps
        near_a_gap = any(gap.since < end and begin < gap.until for gap in gaps)
        return earliest, end if self.was_starved or near_a_gap else latest


def _is_total(losses: Outage) -> bool:
    if losses.counts is None:
        return False
    first, last = losses.counts
    lost, sent = last.lost - first.lost + 1, last.sent - first.sent + 1
    return lost == sent >= CERTAIN


def _bounds(ends: Ends, origin: Origin) -> dict[str, str | None]:
    earliest, latest = (origin.wall_clock(at).isoformat() if isfinite(at) else None for at in ends)
    return {"earliest": earliest, "latest": latest}
