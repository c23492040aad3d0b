"""
A target's part of the journal: its summary, its cuts and its series, from its samples alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from math import inf, isfinite
from typing import NamedTuple

from chaosfailover.outages.cut_details import Phases, connections, shares, ways
from chaosfailover.outages.first_loss import FirstLoss, first_loss
from chaosfailover.outages.flow import Connection, Flow
from chaosfailover.outages.pooled import pooled, pooled_at_stop, pooled_slots
from chaosfailover.outages.series import Series, slot_rows
from chaosfailover.outages.settled import AtStop, at_stop
from chaosfailover.outages.summary import Summary, summarize

__all__ = ["CutWindow", "Origin", "borders", "series_entry", "target_entry"]

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
    flows: Sequence[Flow],
    windows: Sequence[CutWindow],
    origin: Origin,
) -> dict[str, object]:
    """
    Return the entry of a target that is no longer checked; `about` has its name and its settings.
    """
    settings = {key: value for key, value in about.items() if key != "target"}
    numbers = range(len(windows) or 1)
    summary = _pooled_summary if about.get("flows") else _summary
    summaries = [summary(flows, *borders(windows, number)) for number in numbers]
    return {
        **settings,
        "summary": summaries[0].as_dict(origin.began),
        "cuts": [
            _cut(about, flows, summaries[number], window, _phases(windows, number), origin)
            for number, window in enumerate(windows)
        ],
        "series": series_entry(about, flows, origin),
    }


def series_entry(
    about: Mapping[str, object], flows: Sequence[Flow], origin: Origin
) -> dict[str, object]:
    """
    Return the series of a target as plain data; instants count from `utc`, the beginning.

    `unjudged` counts the checks that failed since this process had no socket or was starved: they
    are not in the series. The `flows` of a target have a series each, under the sums of all.
    """
    head = {
        **{key: about[key] for key in ("target", "url", "persistent", "timeout")},
        "utc": origin.utc.isoformat(),
        "unjudged": sum(flow.unjudged for flow in flows),
    }
    each = [flow.series.as_dict(origin.began) for flow in flows]
    if not about.get("flows"):
        return {**head, **each[0]}
    series = [flow.series for flow in flows]
    return {
        **head,
        "interval": series[0].interval,
        "sent": sum(it.sent for it in series),
        "lost": sum(it.lost for it in series),
        "slots": slot_rows(pooled_slots(series), origin.began),
        "flows": [
            {
                "unjudged": flow.unjudged,
                "connections": [_connection(it, origin) for it in flow.connections],
                **{key: value for key, value in row.items() if key not in ("interval", "slots")},
            }
            for flow, row in zip(flows, each, strict=True)
        ],
    }


def _connection(connection: Connection, origin: Origin) -> dict[str, object]:
    ended_at = connection.ended_at
    return {
        **asdict(connection),
        "opened_at": round(connection.opened_at - origin.began, 6),
        "ended_at": None if ended_at is None else round(ended_at - origin.began, 6),
    }


def _summary(
    flows: Sequence[Flow], cut_at: float | None, stop_at: float | None, until: float | None
) -> Summary:
    return summarize(flows[0].series, cut_at, stop_at, until=until)


def _pooled_summary(
    flows: Sequence[Flow], cut_at: float | None, stop_at: float | None, until: float | None
) -> Summary:
    return pooled([flow.series for flow in flows], cut_at, stop_at, until=until)


def _cut(
    about: Mapping[str, object],
    flows: Sequence[Flow],
    summary: Summary,
    window: CutWindow,
    phases: Phases,
    origin: Origin,
) -> dict[str, object]:
    row = summary.as_dict(origin.began)
    return {
        "test": window.test,
        "job_id": window.job_id,
        "cut_at": origin.wall_clock(window.cut_at).isoformat(),
        "stop_at": window.stop_at and origin.wall_clock(window.stop_at).isoformat(),
        **{key: row[key] for key in RECOVERY},
        **pooled_at_stop([_stood(flow.series, window) for flow in flows]).as_dict(),
        **_details(about, flows, window, phases),
        **ways(flows, summary, phases),
        **_losses(flows, about, phases, origin),
    }


def _details(
    about: Mapping[str, object], flows: Sequence[Flow], window: CutWindow, phases: Phases
) -> dict[str, object]:
    """
    Return each flow in a cut; of a target without flows, the share that was lost.
    """
    persistent = about["persistent"] is True
    if about.get("flows"):
        rows = [_flow(flow, window, phases, persistent=persistent) for flow in flows]
        return {"flows": [{"number": number, **row} for number, row in enumerate(rows, 1)]}
    return {} if persistent else shares(flows[0].series, phases)


def _flow(flow: Flow, window: CutWindow, phases: Phases, *, persistent: bool) -> dict[str, object]:
    summary = summarize(flow.series, phases.cut_at, phases.stop_at, until=phases.until)
    row = summary.as_dict()
    opened = [it for it in flow.connections if it.opened_at <= phases.cut_at]
    return {
        "port": opened[-1].port if opened else None,
        "sent": summary.during.sent,
        "lost": summary.during.lost,
        **{key: row[key] for key in RECOVERY},
        **_stood(flow.series, window).as_dict(),
        **(connections(flow, summary, phases) if persistent else {}),
    }


def _stood(series: Series, window: CutWindow) -> AtStop:
    return at_stop(series, window.cut_at, window.in_effect_at, window.stop_at)


def _phases(windows: Sequence[CutWindow], number: int) -> Phases:
    """
    Return from when on a cut and its way back lasted, and until when; endless if that is unknown.
    """
    return Phases(*(inf if at is None else at for at in borders(windows, number)))


def _losses(
    flows: Sequence[Flow],
    about: Mapping[str, object],
    phases: Phases,
    origin: Origin,
) -> dict[str, object]:
    """
    Return the first loss after the cut, and that after the stop; None where none is known.
    """
    timeout = about.get("timeout")
    longest = timeout if isinstance(timeout, float) else 1.0
    loss = first_loss(flows, *phases.during, longest, ended_by=phases.stop_at)
    loss_back = first_loss(flows, *phases.after, longest)
    return {"loss": _plain_loss(loss, origin), "loss_back": _plain_loss(loss_back, origin)}


def _plain_loss(loss: FirstLoss | None, origin: Origin) -> dict[str, object] | None:
    return loss and {"since": _bounds(loss.since, origin), "until": _bounds(loss.until, origin)}


def _bounds(ends: tuple[float, float], origin: Origin) -> dict[str, str | None]:
    earliest, latest = (origin.wall_clock(at).isoformat() if isfinite(at) else None for at in ends)
    return {"earliest": earliest, "latest": latest}
