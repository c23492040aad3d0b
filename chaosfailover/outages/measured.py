"""
A target's part of the journal: its summary, its cuts and its series, from its samples alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf, isfinite
from typing import NamedTuple

from chaosfailover.outages.first_loss import FirstLoss, first_loss
from chaosfailover.outages.series import Series
from chaosfailover.outages.settled import at_stop
from chaosfailover.outages.summary import Summary, summarize

__all__ = ["Checked", "CutWindow", "Origin", "borders", "series_entry", "target_entry"]

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
    checked = [Checked(series, unjudged)]
    numbers = range(len(windows) or 1)
    summaries = [_summary(series, *borders(windows, number)) for number in numbers]
    return {
        **settings,
        "summary": summaries[0].as_dict(origin.began),
        "cuts": [
            _cut(windows[number], summary, series, origin)
            | _losses(checked, about, _phases(windows, number), origin)
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


def _cut(window: CutWindow, summary: Summary, series: Series, origin: Origin) -> dict[str, object]:
    stop_at = window.stop_at
    stood = at_stop(series, window.cut_at, window.in_effect_at, stop_at)
    row = summary.as_dict(origin.began)
    return {
        "test": window.test,
        "job_id": window.job_id,
        "cut_at": origin.wall_clock(window.cut_at).isoformat(),
        "stop_at": stop_at and origin.wall_clock(stop_at).isoformat(),
        **{key: row[key] for key in RECOVERY},
        **stood.as_dict(),
    }


def _phases(windows: Sequence[CutWindow], number: int) -> tuple[float, float, float]:
    """
    Return from when on a cut and its way back lasted, and until when; endless if that is unknown.
    """
    _, stop_at, until = borders(windows, number)
    return windows[number].cut_at, inf if stop_at is None else stop_at, until or inf


class Checked(NamedTuple):
    """
    The series of a target, and how many of its checks had no result.
    """

    series: Series
    unjudged: int


def _losses(
    checked: Sequence[Checked],
    about: Mapping[str, object],
    phases: tuple[float, float, float],
    origin: Origin,
) -> dict[str, object]:
    """
    Return the first loss after the cut, and that after the stop; None where none is known.
    """
    cut_at, stop_at, until = phases
    timeout = about.get("timeout")
    longest = timeout if isinstance(timeout, float) else 1.0
    loss = first_loss(checked, cut_at, stop_at, longest, ended_by=stop_at)
    loss_back = first_loss(checked, stop_at, until, longest)
    return {"loss": _plain_loss(loss, origin), "loss_back": _plain_loss(loss_back, origin)}


def _plain_loss(loss: FirstLoss | None, origin: Origin) -> dict[str, object] | None:
    return loss and {"since": _bounds(loss.since, origin), "until": _bounds(loss.until, origin)}


def _bounds(ends: tuple[float, float], origin: Origin) -> dict[str, str | None]:
    earliest, latest = (origin.wall_clock(at).isoformat() if isfinite(at) else None for at in ends)
    return {"earliest": earliest, "latest": latest}
