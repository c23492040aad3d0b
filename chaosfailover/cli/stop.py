"""
`chaos failover stop`: stops what runs, and waits until it has.
"""

import functools
import sys
import time
from collections.abc import Sequence

import click

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.failover_tests import running_tests
from chaosfailover.cli.region_options import (
    NOT_DONE,
    ask_selected,
    errors_of,
    region_options,
    show_errors,
    show_nothing_runs,
)
from chaosfailover.safety.guarded_test import StopOutcome, StopRequest
from chaosfailover.safety.stopping import stop_tests

__all__ = ["stop"]

# Seconds for which the API may show a test as it was before it began.
LOOK = 5.0


@click.command()
@click.argument("tests", nargs=-1, metavar="[TEST ...]")
@click.option("--all", "everything", is_flag=True, help="Whatever runs.")
@region_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--missing-ok", is_flag=True, help="A test that nobody knows is no error.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds to keep trying.")
def stop(
    tests: Sequence[str],
    everything: bool,
    regions: Sequence[str],
    all_regions: bool,
    role_arns: Sequence[str],
    yes: bool,
    missing_ok: bool,
    timeout: float,
) -> None:
    """
    Stop failover tests, by ID or name, and wait until each is Stopped.

    What never started or has ended is left as it is. Exits 1 if anything that was named, or with
    --all anything at all, may still run, and for a name that no region knows.

    Example: chaos failover stop --all --region cn-hangzhou --yes
    """
    if bool(tests) == everything:
        raise click.UsageError("name the tests to stop, or give --all")
    if everything and not yes:
        click.confirm("Stop every failover test that runs there?", abort=True)
    question = functools.partial(_stop, tests, timeout)
    answers = ask_selected(regions, all_regions, role_arns, question)
    outcomes = [(answer.region_id, outcome) for answer in answers for outcome in answer.value or ()]
    found = [(region_id, outcome) for region_id, outcome in outcomes if _is_found(outcome)]
    for region_id, outcome in found:
        _say(region_id, outcome)
    if everything and not found:
        show_nothing_runs(answers)
    show_errors(answers)
    unknown = set(tests) - {outcome.test for _, outcome in found}
    for test in sorted(unknown):
        click.echo(f"{test}: NOT FOUND: there is no failover test of this ID or name", err=True)
    missing = unknown and not missing_ok
    if errors_of(answers) or missing or any(outcome.error for _, outcome in found):
        sys.exit(NOT_DONE)


def _stop(tests: Sequence[str], timeout: float, client: VpcClient) -> list[StopOutcome]:
    until = time.monotonic() + min(LOOK, timeout / 2)
    names = tests or _running(client, until)
    wanted = [StopRequest(lambda: client, name, look_until=until) for name in names]
    return stop_tests(wanted, timeout=timeout)


def _running(client: VpcClient, until: float) -> list[str]:
    """
    List what runs; nothing does, if that is still shown after a while.
    """
    while not (running := [job["JobId"] for job in running_tests(client)]):
        if time.monotonic() >= until:
            break
        time.sleep(LOOK / 5)
    return running


def _is_found(outcome: StopOutcome) -> bool:
    return bool(outcome.status or outcome.error)


def _say(region_id: str, outcome: StopOutcome) -> None:
    name = f"{region_id}  {outcome.job_id or outcome.test}"
    if outcome.error:
        click.echo(f"{name}: MAY STILL RUN: {outcome.error}", err=True)
    else:
        click.echo(f"{name}: {outcome.status}: {outcome.reason}")
