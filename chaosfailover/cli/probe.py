"""
`chaos failover probe`: measures targets without an experiment.
"""

import json
import math
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import click
from click.core import ParameterSource

from chaosfailover.cli.interruption import interrupted_by
from chaosfailover.cli.region_options import NOT_DONE
from chaosfailover.cli.terminal import is_quiet, plain
from chaosfailover.errors import ArgumentError, FailoverError
from chaosfailover.outages.outage import Length, Outage
from chaosfailover.outages.summary import Summary
from chaosfailover.plan.rendering import counted
from chaosfailover.prober.prober import Prober
from chaosfailover.prober.targets import (
    INTERVAL,
    TIMEOUT,
    Target,
    check_visible,
    parse_target,
)

__all__ = ["broken_promises", "probe"]

REFRESH = 0.5
MOST_OUTAGES = 20
HEADINGS = ("target", "sent", "lost", "outages", "longest", "available", "round trip", "errors")
UNMEASURED = "not measured"


def _percent(
    _context: click.Context, _parameter: click.Parameter, given: float | None
) -> float | None:
    """
    Return a percentage; one that could be a share from 0 to 1, as in experiments, is refused.
    """
    if given is not None and 0 < given <= 1:
        raise click.BadParameter(
            f"{given:g} is {given:g} %, or as a share {given * 100:g} %: expected percent above 1, "
            "such as 99.9 for 99.9 %"
        )
    if given is not None and not 0 <= given <= 100:
        raise click.BadParameter(f"{given:g} is not a percentage, such as 99.9")
    return given


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="[NAME=]URL ...")
@click.option("--interval", default=INTERVAL, show_default=True, help="Seconds between checks.")
@click.option("--timeout", default=TIMEOUT, show_default=True, help="Seconds for an answer.")
@click.option("--duration", default=60.0, show_default=True, help="Seconds to measure.")
@click.option(
    "--max-outage",
    type=float,
    metavar="SECONDS",
    help="Exit 1 if an outage may have been longer.",
)
@click.option(
    "--min-availability",
    type=float,
    callback=_percent,
    metavar="PERCENT",
    help="Exit 1 if the availability may have been lower, such as 99.9 for 99.9 %.",
)
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table")
def probe(
    targets: Sequence[str],
    interval: float,
    timeout: float,
    duration: float,
    max_outage: float | None,
    min_availability: float | None,
    output: str,
) -> None:
    """
    Check targets at a constant rate, and report outages with their bounds.

    A target is http://, https://, tcp://HOST:PORT, udp://HOST:PORT (echo) or icmp://HOST. Ctrl-C
    and SIGTERM end the measurement early. Exits 1 if a target never answered, or a promise is not
    kept: an outage counts with its longest possible length, an availability with its lowest. A
    promise for a --duration that is given is not kept if the measurement ends early.

    Example: chaos failover probe portal=https://portal.example.com/ --max-outage 3
    """
    try:
        parsed = [_target(text, interval, timeout) for text in targets]
        if max_outage is not None:
            _check_outage(max_outage, parsed, interval, timeout)
        prober = Prober(parsed, interval, timeout)
        ending = _measure(prober, _checked("duration", duration))
    except ArgumentError as error:
        raise click.UsageError(str(error)) from None
    except FailoverError as error:
        raise click.ClickException(str(error)) from None
    summaries = prober.summaries()
    silent = [name for name, summary in summaries.items() if summary.lost == summary.sent]
    broken = [
        *(f"{name}: it never answered" for name in silent),
        *(
            f"{name}: {promise}"
            for name, summary in summaries.items()
            for promise in broken_promises(summary, max_outage, min_availability)
        ),
    ]
    if ending.signal and _was_given("duration") and (max_outage, min_availability) != (None, None):
        broken.append(f"{ending}: its promises are not proven")
    elif ending.signal:
        click.echo(str(ending), err=True)
    _show(prober, summaries, output, broken, ending)
    if broken:
        sys.exit(NOT_DONE)


@dataclass(frozen=True, slots=True)
class _Ending:
    """
    How long a measurement lasted, of how long it was to, and the signal that ended it, or "".
    """

    signal: str
    lasted: float
    duration: float

    def __str__(self) -> str:
        lasted = round(self.lasted, 1)
        return f"ended by {self.signal} after {lasted:g} s of {self.duration:g} s"


def _was_given(parameter: str) -> bool:
    source = click.get_current_context().get_parameter_source(parameter)
    return source is not ParameterSource.DEFAULT


def broken_promises(
    summary: Summary, max_outage: float | None, min_availability: float | None
) -> Iterator[str]:
    """
    Yield what a target does not keep; what was not seen counts against it.
    """
    longest, available = summary.longest, summary.availability
    lowest, highest = available.at_least * 100, available.at_most * 100
    if max_outage is not None and longest.at_most > max_outage:
        which = "is" if longest.at_least > max_outage else "may be"
        yield f"its longest outage is {_bounds(longest)}, which {which} above {max_outage:g} s"
    if min_availability is not None and not lowest >= min_availability:
        which = "is" if highest < min_availability else "may be"
        shares = f"{lowest:.3f}..{highest:.3f} %"
        yield f"its availability is {shares}, which {which} below {min_availability:g} %"


def _check_outage(
    longest: float, targets: Sequence[Target], interval: float, timeout: float
) -> None:
    _checked("max-outage", longest)
    for target in targets:
        check_visible(target, "max-outage", longest, interval, timeout)


def _checked(key: str, seconds: float) -> float:
    if not 0 < seconds < math.inf:
        raise ArgumentError(f"{key} is {seconds:g}, expected seconds above 0")
    return seconds


def _target(text: str, interval: float, timeout: float) -> Target:
    name, equals, url = text.partition("=")
    if not equals or "/" in name:
        name, url = text, text
    return parse_target(name, {"url": url, "interval": interval, "timeout": timeout})


def _measure(prober: Prober, duration: float) -> _Ending:
    """
    Measure until the duration is over or a signal ends it; show the state on a terminal.
    """
    began, name = time.monotonic(), ""
    end = began + duration
    live = sys.stderr.isatty() and not is_quiet()
    with interrupted_by(signal.SIGTERM), prober:
        try:
            while (remaining := end - time.monotonic()) > 0:
                time.sleep(min(REFRESH, remaining))
                if live:
                    click.echo(f"\r\033[K{_line(prober, remaining)}", nl=False, err=True)
        except KeyboardInterrupt as interrupt:
            name = str(interrupt) or signal.SIGINT.name
        lasted = time.monotonic() - began
    if live:
        click.echo("\r\033[K", nl=False, err=True)
    return _Ending(name, lasted, duration)


def _line(prober: Prober, remaining: float) -> str:
    down = {target.name: prober.current_outage(target.name) for target in prober.targets}
    states = [f"{name} DOWN {outage.at_most:.1f} s" for name, outage in down.items() if outage]
    width = shutil.get_terminal_size().columns
    return f"{remaining:4.0f} s left: {', '.join(states) or 'all up'}"[: width - 1]


def _show(
    prober: Prober,
    summaries: dict[str, Summary],
    output: str,
    broken: Sequence[str],
    ending: _Ending,
) -> None:
    for promise in broken:
        click.echo(plain(f"FAILED: {promise}"), err=True)
    if output == "json":
        rows = {
            name: {"summary": summary.as_dict(prober.began), "series": prober.series(name)}
            for name, summary in summaries.items()
        }
        times = {
            "began": prober.wall_clock(prober.began).isoformat(),
            "at": datetime.now(UTC).isoformat(),
        }
        lasted = {
            "duration": ending.duration,
            "lasted": round(ending.lasted, 3),
            "ended_by": ending.signal or None,
        }
        click.echo(json.dumps({**times, **lasted, "targets": rows, "failed": broken}, indent=2))
        return
    table: list[tuple[str, ...]] = [
        HEADINGS,
        *(_row(name, summary) for name, summary in summaries.items()),
    ]
    missing = [_missing(prober, name, summary) for name, summary in summaries.items()]
    if any(missing):
        last = (UNMEASURED, *(cell or "-" for cell in missing))
        table = [(*row, cell) for row, cell in zip(table, last, strict=True)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
    for name, summary in summaries.items():
        for outage in summary.outages[:MOST_OUTAGES]:
            click.echo(f"{name}: {_outage(prober, outage, ending.lasted)}")
        if (more := summary.count - MOST_OUTAGES) > 0:
            click.echo(f"{name}: and {counted(more, 'outage')} more")


def _outage(prober: Prober, outage: Outage, lasted: float) -> str:
    """
    Return the length of an outage and the times of day, in UTC, between which it was.
    """
    began, ended = prober.began, prober.began + lasted
    since = _time_of_day(prober, began if outage.began_before else outage.since[0])
    until = _time_of_day(prober, ended if outage.ongoing else outage.until[1])
    since = f"the beginning at {since}" if outage.began_before else since
    until = f"the end at {until}" if outage.ongoing else until
    length = _bounds(Length(outage.at_least, outage.at_most))
    return f"down {length} between {since} and {until}, {counted(outage.lost, 'check')} lost"


def _time_of_day(prober: Prober, at: float) -> str:
    return f"{prober.wall_clock(at).isoformat(' ', 'milliseconds')[11:23]}Z"


def _row(name: str, summary: Summary) -> tuple[str, ...]:
    rtt = summary.before.rtt
    return (
        name,
        str(summary.sent),
        str(summary.lost),
        str(summary.count),
        _bounds(summary.longest),
        f"{summary.availability.at_least:.3%}",
        f"{rtt.p50 * 1000:.1f}/{rtt.p99 * 1000:.1f} ms p50/p99" if rtt else "-",
        " ".join(f"{kind}:{count}" for kind, count in summary.errors.items()) or "-",
    )


def _missing(prober: Prober, name: str, summary: Summary) -> str:
    """
    Return how long nothing was sent, and how many checks failed for a local reason.
    """
    unjudged = prober.series(name)["unjudged"]
    seconds = [f"{summary.unmeasured:.2f} s"] if summary.unmeasured else []
    return ", ".join([*seconds, *([f"{unjudged} checks"] if unjudged else [])])


def _bounds(length: Length) -> str:
    if math.isinf(length.at_most):
        return f"at least {length.at_least:.2f} s"
    return f"{length.at_least:.2f}..{length.at_most:.2f} s" if length.at_most else "-"
