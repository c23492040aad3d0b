"""
`chaos failover probe`: measures targets without an experiment.
"""

import json
import math
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from chaosfailover.cli.region_options import NOT_DONE
from chaosfailover.errors import ArgumentError, FailoverError
from chaosfailover.outages.outage import Length
from chaosfailover.outages.summary import Summary
from chaosfailover.prober.prober import Prober
from chaosfailover.prober.targets import INTERVAL, TIMEOUT, Target, parse_target

__all__ = ["probe"]

REFRESH = 0.5
HEADINGS = ("target", "sent", "lost", "outages", "longest", "available", "round trip", "errors")
UNMEASURED = "not measured"


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="[NAME=]URL ...")
@click.option("--interval", default=INTERVAL, show_default=True, help="Seconds between checks.")
@click.option("--timeout", default=TIMEOUT, show_default=True, help="Seconds for an answer.")
@click.option("--duration", default=60.0, show_default=True, help="Seconds to measure.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table")
def probe(
    targets: Sequence[str], interval: float, timeout: float, duration: float, output: str
) -> None:
    """
    Check targets at a constant rate, and report outages with their bounds.

    A target is http://, https://, tcp://HOST:PORT, udp://HOST:PORT (echo) or icmp://HOST. Ctrl-C
    ends the measurement early. Exits 1 if a target never answered.

    Example: chaos failover probe portal=https://portal.example.com/ udp://192.0.2.1:7
    """
    try:
        parsed = [_target(text, interval, timeout) for text in targets]
        prober = Prober(parsed, interval, timeout)
        _measure(prober, _checked(duration))
    except ArgumentError as error:
        raise click.UsageError(str(error)) from None
    except FailoverError as error:
        raise click.ClickException(str(error)) from None
    summaries = prober.summaries()
    _show(prober, summaries, output)
    if any(summary.lost == summary.sent for summary in summaries.values()):
        sys.exit(NOT_DONE)


def _checked(duration: float) -> float:
    if not 0 < duration < math.inf:
        raise ArgumentError(f"duration is {duration:g}, expected seconds above 0")
    return duration


def _target(text: str, interval: float, timeout: float) -> Target:
    name, equals, url = text.partition("=")
    if not equals or "/" in name:
        name, url = text, text
    return parse_target(name, {"url": url, "interval": interval, "timeout": timeout})


def _measure(prober: Prober, duration: float) -> None:
    """
    Measure until the duration is over or Ctrl-C is pressed; show the state on a terminal.
    """
    end = time.monotonic() + duration
    live = sys.stderr.isatty()
    with prober:
        try:
            while (remaining := end - time.monotonic()) > 0:
                time.sleep(min(REFRESH, remaining))
                if live:
                    click.echo(f"\r\033[K{_line(prober, remaining)}", nl=False, err=True)
        except KeyboardInterrupt:
            pass
    if live:
        click.echo("\r\033[K", nl=False, err=True)


def _line(prober: Prober, remaining: float) -> str:
    down = {target.name: prober.current_outage(target.name) for target in prober.targets}
    states = [f"{name} DOWN {outage.at_most:.1f} s" for name, outage in down.items() if outage]
    width = shutil.get_terminal_size().columns
    return f"{remaining:4.0f} s left: {', '.join(states) or 'all up'}"[: width - 1]


def _show(prober: Prober, summaries: dict[str, Summary], output: str) -> None:
    if output == "json":
        rows = {
            name: {"summary": summary.as_dict(prober.began), "series": prober.series(name)}
            for name, summary in summaries.items()
        }
        click.echo(json.dumps({"at": datetime.now(UTC).isoformat(), "targets": rows}, indent=2))
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
