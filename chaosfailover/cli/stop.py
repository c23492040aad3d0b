"""
`chaos failover stop`: stops failover tests, and waits until each has stopped.
"""

import contextlib
import functools
import sys
import time
from collections.abc import Sequence

import click

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.failover_tests import names_of, tests_underway
from chaosfailover.alibaba.regions import Place
from chaosfailover.cli.region_options import (
    NOT_DONE,
    Selection,
    above_zero,
    ask_selected,
    errors_of,
    region_options,
    show_errors,
    show_nothing_runs,
)
from chaosfailover.errors import FailoverError
from chaosfailover.run.wait_display import shown_waits
from chaosfailover.safety.guarded_test import Start, StopOutcome, StopRequest
from chaosfailover.safety.stopping import Patience, stop_tests

__all__ = ["stop"]

MOST_NAMED = 10
LOOK = 5.0
"""For how many seconds the API may not list a test that has just started."""


@click.command()
@click.argument("tests", nargs=-1, metavar="[TEST ...]")
@click.option("--all", "everything", is_flag=True, help="Every running test.")
@region_options
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--missing-ok", is_flag=True, help="A test that does not exist is no error.")
@click.option(
    "--timeout",
    default=300.0,
    show_default=True,
    callback=above_zero,
    help="Seconds in each region, in all, to stop the tests and see back what they took.",
)
def stop(
    tests: Sequence[str],
    everything: bool,
    selection: Selection,
    yes: bool,
    missing_ok: bool,
    timeout: float,
) -> None:
    """
    Stop failover tests, by ID or name, and wait until each is Stopped and its resources are back.

    A test that never started or has ended is not changed. Exits 1 if a named test, or with --all
    any test, may still run or is not seen back, and for a name that no region has. Where nothing
    runs, --all looks for 5 s, since the API may list a test late.

    Example: chaos failover stop --all --region cn-hangzhou --yes
    """
    if bool(tests) == everything:
        raise click.UsageError("name the tests to stop, or give --all")
    with shown_waits():
        answers = ask_selected(
            selection,
            functools.partial(_stop, tests, timeout),
            confirm=_confirm if everything and not yes else None,
            emergency=True,
            tries_silent=not everything,
        )
    outcomes = [(answer.region_id, outcome) for answer in answers for outcome in answer.value or ()]
    outcomes = [(region_id, each) for region_id, each in outcomes if each.status or each.error]
    for region_id, outcome in outcomes:
        _show(region_id, outcome)
    if everything and not outcomes:
        show_nothing_runs(answers)
    show_errors(answers)
    unknown = set(tests) - {outcome.test for _, outcome in outcomes}
    for test in sorted(unknown):
        click.echo(f"{test}: NOT FOUND: no failover test has this ID or name", err=True)
    missing = {test for test in unknown if not (missing_ok and test.strip())}
    if errors_of(answers) or missing or not all(outcome.is_over for _, outcome in outcomes):
        sys.exit(NOT_DONE)


def _confirm(places: Sequence[Place]) -> None:
    where = ", ".join(map(str, places[:MOST_NAMED]))
    more = f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
    try:
        click.confirm(f"Stop every failover test that runs in {where}{more}?", abort=True)
    except click.Abort:
        if sys.stdin and sys.stdin.isatty():
            raise
        message = "not confirmed, so nothing is stopped: without a terminal, use --yes"
        raise click.ClickException(message) from None


def _stop(tests: Sequence[str], timeout: float, client: VpcClient) -> list[StopOutcome]:
    """
    Stop tests; what a list shows as underway is stopped by its ID, whatever the API calls it then.
    """
    began = time.monotonic()
    client.end_calls_by(began + timeout)
    until = began + min(LOOK, timeout / 2)
    listed = _listed(client, until, wait=not tests)
    requests = [
        StopRequest(lambda: client, name, Start(accepted=name in listed), look_until=until)
        for name in tests or listed
    ]
    spent = time.monotonic() - began
    left = max(0.0, round(timeout - spent, 1))
    return stop_tests(requests, Patience(left, back=left, in_all=left, spent=spent))


def _listed(client: VpcClient, until: float, *, wait: bool) -> list[str]:
    """
    List the tests underway; with `wait`, an empty list is believed only after a while.

    Without it, a list that cannot be read is empty, since the tests are known by their names.
    """
    if not wait:
        with contextlib.suppress(FailoverError):
            return names_of(tests_underway(client))
        return []
    while not (listed := names_of(tests_underway(client))):
        if time.monotonic() >= until:
            break
        time.sleep(LOOK / 5)
    return listed


def _show(region_id: str, outcome: StopOutcome) -> None:
    name = f"{region_id}  {outcome.job_id or outcome.test}"
    state = outcome.reason if outcome.stopped else f"{outcome.status}: {outcome.reason}"
    if outcome.error:
        click.echo(f"{name}: MAY STILL RUN: {outcome.error}", err=True)
    elif not outcome.is_over:
        seen = "NOT BACK" if outcome.back is False else "NOT SEEN BACK"
        detail = "; ".join(outcome.not_back) or "which resources it took is not known"
        click.echo(f"{name}: {state}, {seen}: {detail}", err=True)
    else:
        click.echo(f"{name}: {state}{', and what it took is back' if outcome.stopped else ''}")
