"""
`chaos failover stop`: stops failover tests, and waits until each has stopped.
"""

import contextlib
import functools
import logging
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import click
from click.core import ParameterSource

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.failover_tests import names_of, tests_underway
from chaosfailover.alibaba.regions import Answer, Place
from chaosfailover.cli.interruption import interrupted_by
from chaosfailover.cli.region_options import (
    NOT_DONE,
    Selection,
    above_zero,
    ask_selected,
    errors_of,
    missing_region,
    region_options,
    show_errors,
    show_nothing_runs,
    unread,
)
from chaosfailover.errors import ApiError, FailoverError
from chaosfailover.run.wait_display import shown_waits
from chaosfailover.safety.bounded_log import log
from chaosfailover.safety.guarded_test import Start, StopOutcome, StopRequest
from chaosfailover.safety.preflight import is_no_region
from chaosfailover.safety.stopping import Patience, Stopping, stop_tests

__all__ = ["stop"]

MOST_NAMED = 10
LOOK = 5.0
"""For how many seconds the API may not list a test that has just started."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Answers = Sequence[Answer[list[StopOutcome]]]
Machines = dict[VpcClient, Sequence[Stopping]]
"""The machines that stop the tests of a place, by its client."""


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
    runs, --all looks for 5 s, since the API may list a test late. Ctrl-C, SIGTERM and SIGHUP end
    the wait: the last lines say how each test was last seen, and how to go on.

    Example: chaos failover stop --all --region cn-hangzhou --yes
    """
    if bool(tests) == everything:
        hints = ["name the tests to stop, or give --all", missing_region(selection)]
        raise click.UsageError("; ".join(filter(None, hints)))
    machines: Machines = {}
    answers: Answers | None = None
    with (
        shown_waits(),
        interrupted_by(*SIGNALS) as received,
        contextlib.suppress(KeyboardInterrupt),
    ):
        answers = ask_selected(
            selection,
            functools.partial(_stop, tests, timeout, machines),
            confirm=_confirm if everything and not yes else None,
            emergency=True,
            tries_silent=not everything,
            so_far=functools.partial(_so_far, machines),
        )
    is_over = _show_all(tests, answers, missing_ok=missing_ok)
    if received and not is_over:
        click.echo(f"Interrupted by {received[0]}; to go on: {_command()}", err=True)
    if not is_over:
        sys.exit(NOT_DONE)


def _show_all(tests: Sequence[str], answers: Answers | None, *, missing_ok: bool) -> bool:
    """
    Print the outcomes, and return whether all is over.
    """
    if answers is None:
        for test in tests or ["every failover test"]:
            click.echo(f"{test}: MAY STILL RUN: no region was read", err=True)
        return False
    unsure = unread(answers) > 0
    outcomes = [(answer.region_id, outcome) for answer in answers for outcome in answer.value or ()]
    outcomes = [(region_id, each) for region_id, each in outcomes if each.status or each.error]
    if not (tests or outcomes):
        show_nothing_runs(answers)
    show_errors(answers)
    for region_id, outcome in outcomes:
        _show(region_id, outcome)
    unknown = set(tests) - {outcome.test for _, outcome in outcomes}
    for test in sorted(unknown):
        state = "MAY STILL RUN: not every region was read"
        absent = "NOT FOUND: no failover test has this ID or name"
        click.echo(f"{test}: {state if unsure else absent}", err=True)
    missing = {test for test in unknown if not (missing_ok and test.strip())}
    return not (errors_of(answers) or missing) and all(each.is_over for _, each in outcomes)


def _command() -> str:
    """
    Return the command as it was given.
    """
    context = click.get_current_context()
    return " ".join([context.command_path, *map(shlex.quote, _words(context))])


def _words(context: click.Context) -> Iterator[str]:
    for parameter in context.command.params:
        name = parameter.name or ""
        if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        given = context.params.get(name)
        for each in given if isinstance(given, tuple) else [given]:
            option = [] if isinstance(parameter, click.Argument) else parameter.opts[-1:]
            yield from [*option, *([] if each is True or each is None else [str(each)])]


def _confirm(places: Sequence[Place]) -> None:
    where = ", ".join(map(str, places[:MOST_NAMED]))
    more = f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
    try:
        click.confirm(f"Stop every failover test that runs in {where}{more}?", abort=True)
    except click.Abort:
        hint = "" if sys.stdin and sys.stdin.isatty() else ": without a terminal, use --yes"
        raise click.ClickException(f"not confirmed, so nothing is stopped{hint}") from None


def _so_far(
    machines: Mapping[VpcClient, Sequence[Stopping]], client: VpcClient
) -> list[StopOutcome] | None:
    return [each.so_far() for each in machines[client]] if client in machines else None


def _stop(
    tests: Sequence[str], timeout: float, machines: Machines, client: VpcClient
) -> list[StopOutcome]:
    """
    Stop tests; what a list shows as underway is stopped by its ID, whatever the API calls it then.
    """
    began = time.monotonic()
    client.end_calls_by(began + timeout)
    client.report_retries(_warned_once(timeout))
    until = began + min(LOOK, timeout / 2)
    listed = _listed(client, until, wait=not tests)
    requests = [
        StopRequest(lambda: client, name, Start(accepted=name in listed), look_until=until)
        for name in tests or listed
    ]
    spent = time.monotonic() - began
    left = max(0.0, round(timeout - spent, 1))
    patience = Patience(left, back=left, in_all=left, spent=spent)
    return stop_tests(requests, patience, watch=functools.partial(machines.__setitem__, client))


def _warned_once(timeout: float) -> Callable[[str, Exception], None]:
    """
    Return a function that warns of each cause of retries once, and says how long they go on.
    """
    warned = set[str]()

    def warn(operation: str, error: Exception) -> None:
        reason = str(error).removeprefix(f"{operation}: ")
        cause = error.code if isinstance(error, ApiError) else reason
        if cause not in warned:
            warned.add(cause)
            message = "%s failed, and is tried again for up to %g s in all: %s"
            log(logging.WARNING, message, operation, timeout, reason)

    return warn


def _listed(client: VpcClient, until: float, *, wait: bool) -> list[str]:
    """
    List the tests underway; with `wait`, an empty list is believed only after a while.

    Without it, a list that cannot be read is empty, since the tests are known by their names. That
    the region does not exist is raised.
    """
    if not wait:
        try:
            return names_of(tests_underway(client))
        except FailoverError as error:
            if is_no_region(error):
                raise
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
