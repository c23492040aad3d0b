"""
`chaos failover ...`: what a person does without an experiment.
"""

import functools
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from chaosfailover import config
from chaosfailover.client import VpcClient
from chaosfailover.errors import FailoverError
from chaosfailover.lookup import planned_end, running_tests
from chaosfailover.regions import Answer, ask_regions
from chaosfailover.stopping import Outcome, Wanted, stop_tests

__all__ = ["failover"]

Job = dict[str, Any]

NOT_DONE = 1
"""Exit code when something still runs or could not be read."""


def region_options(command: Callable[..., None]) -> Callable[..., None]:
    """
    Add the options that select regions and the account.
    """
    for option in (
        click.option("--role-arn", metavar="ARN", help="Assume this role."),
        click.option("--all-regions", is_flag=True, help="Every region of the account."),
        click.option(
            "--region", "regions", multiple=True, metavar="REGION", help="A region; repeatable."
        ),
    ):
        command = option(command)
    return command


@click.group()
def failover() -> None:
    """
    Alibaba Cloud Express Connect failover tests: what runs, and how to stop it.

    Credentials, region and endpoint come from the environment, as for experiments.
    """


@failover.command()
@region_options
@click.option("--output", type=click.Choice(["table", "json"]), default="table")
@click.option("--fail-if-running", is_flag=True, help="Exit 1 if any test runs, for an alarm.")
def status(
    regions: Sequence[str],
    all_regions: bool,
    role_arn: str | None,
    output: str,
    fail_if_running: bool,
) -> None:
    """
    List the failover tests that run, since when and until when.

    Exits 1 when a region could not be read.

    Example: chaos failover status --region cn-hangzhou --region cn-beijing
    """
    answers = _ask(regions, all_regions, role_arn, running_tests)
    running = [_row(answer.region_id, job) for answer in answers for job in answer.value or ()]
    if output == "json":
        click.echo(json.dumps({"running": running, "errors": _errors(answers)}, indent=2))
    else:
        _show(answers, running)
    if _errors(answers) or (running and fail_if_running):
        sys.exit(NOT_DONE)


@failover.command()
@click.argument("tests", nargs=-1, metavar="[TEST ...]")
@click.option("--all", "everything", is_flag=True, help="Whatever runs.")
@region_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds to keep trying.")
def stop(
    tests: Sequence[str],
    everything: bool,
    regions: Sequence[str],
    all_regions: bool,
    role_arn: str | None,
    yes: bool,
    timeout: float,
) -> None:
    """
    Stop failover tests, by ID or name, and wait until each is Stopped.

    What never started, has ended or does not exist is left as it is. Exits 1 if anything that was
    named, or with --all anything at all, may still run.

    Example: chaos failover stop --all --region cn-hangzhou --yes
    """
    if bool(tests) == everything:
        raise click.UsageError("name the tests to stop, or give --all")
    if everything and not yes:
        click.confirm("Stop every failover test that runs there?", abort=True)
    question = functools.partial(_stop, tests, timeout)
    answers = _ask(regions, all_regions, role_arn, question)
    outcomes = [(answer.region_id, outcome) for answer in answers for outcome in answer.value or ()]
    for region_id, outcome in outcomes:
        _say(region_id, outcome)
    for error in _errors(answers):
        click.echo(f"{error['region_id']}: NOT READ: {error['error']}", err=True)
    if _errors(answers) or any(outcome.error for _, outcome in outcomes):
        sys.exit(NOT_DONE)


def _stop(tests: Sequence[str], timeout: float, client: VpcClient) -> list[Outcome]:
    names = tests or [job["JobId"] for job in running_tests(client)]
    return stop_tests([Wanted(lambda: client, name) for name in names], timeout=timeout)


def _ask(
    regions: Sequence[str],
    all_regions: bool,
    role_arn: str | None,
    question: Callable[[VpcClient], Any],
) -> list[Answer[Any]]:
    """
    Put a question to the regions that the options select; a wrong setting ends the command.
    """
    if regions and all_regions:
        raise click.UsageError("--region and --all-regions exclude each other")

    def open_client(region_id: str | None) -> VpcClient:
        return config.client(config.from_environment(region_id, role_arn), None)

    try:
        selected = list(regions)
        if not selected:
            with open_client(None) as client:
                known = (
                    client.describe_regions() if all_regions else [{"RegionId": client.region_id}]
                )
                selected = [region["RegionId"] for region in known]
        return ask_regions(selected, open_client, question)
    except FailoverError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(NOT_DONE)


def _row(region_id: str, job: Job) -> dict[str, Any]:
    until = planned_end(job)
    return {
        "region_id": region_id,
        "job_id": job["JobId"],
        "name": job.get("Name") or "",
        "status": job["Status"],
        "since": job.get("StartTime") or None,
        "until": until.isoformat().replace("+00:00", "Z") if until else None,
        "resource_type": job.get("ResourceType"),
        "resource_ids": job.get("ResourceId") or [],
    }


def _errors(answers: Sequence[Answer[Any]]) -> list[dict[str, str]]:
    return [
        {"region_id": answer.region_id, "error": str(answer.error)}
        for answer in answers
        if answer.error
    ]


def _show(answers: Sequence[Answer[Any]], running: Sequence[dict[str, Any]]) -> None:
    for row in running:
        click.echo(
            f"{row['region_id']}  {row['job_id']}  {row['status']}  "
            f"{row['since'] or 'not yet'} until {row['until'] or 'unknown'}  "
            f"{' '.join(row['resource_ids'])}  {row['name']}"
        )
    for error in _errors(answers):
        click.echo(f"{error['region_id']}: NOT READ: {error['error']}", err=True)
    read = len(answers) - len(_errors(answers))
    if not running:
        click.echo(f"No failover test runs in {read} region{'' if read == 1 else 's'}.")


def _say(region_id: str, outcome: Outcome) -> None:
    name = f"{region_id}  {outcome.job_id or outcome.test}"
    if outcome.error:
        click.echo(f"{name}: MAY STILL RUN: {outcome.error}", err=True)
    else:
        click.echo(f"{name}: {outcome.status or 'gone'}: {outcome.reason}")
