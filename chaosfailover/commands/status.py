"""
`chaos failover status`: what runs.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from chaosfailover.commands.selection import (
    NOT_DONE,
    ask_selected,
    errors_of,
    region_options,
    show_errors,
    show_nothing_runs,
)
from chaosfailover.lookup import planned_end, running_tests
from chaosfailover.regions import Answer, Place

__all__ = ["status"]

Job = dict[str, Any]


@click.command()
@region_options
@click.option("--output", type=click.Choice(["table", "json"]), default="table")
@click.option("--fail-if-running", is_flag=True, help="Exit 1 if any test runs, for an alarm.")
def status(
    regions: Sequence[str],
    all_regions: bool,
    role_arns: Sequence[str],
    output: str,
    fail_if_running: bool,
) -> None:
    """
    List the failover tests that run, since when and until when.

    Exits 1 when a region could not be read.

    Example: chaos failover status --region cn-hangzhou --region cn-beijing
    """
    answers = ask_selected(regions, all_regions, role_arns, running_tests)
    running = [_row(answer.place, job) for answer in answers for job in answer.value or ()]
    if output == "json":
        click.echo(json.dumps({"running": running, "errors": errors_of(answers)}, indent=2))
    else:
        _show(answers, running)
    if errors_of(answers) or (running and fail_if_running):
        sys.exit(NOT_DONE)


def _row(place: Place, job: Job) -> dict[str, Any]:
    until = planned_end(job)
    return {
        "region_id": place.region_id,
        **({"role_arn": place.role_arn} if place.role_arn else {}),
        "job_id": job["JobId"],
        "name": job.get("Name") or "",
        "status": job["Status"],
        "since": job.get("StartTime") or None,
        "until": until.isoformat().replace("+00:00", "Z") if until else None,
        "resource_type": job.get("ResourceType"),
        "resource_ids": job.get("ResourceId") or [],
    }


def _show(answers: Sequence[Answer[Any]], running: Sequence[dict[str, Any]]) -> None:
    for row in running:
        click.echo(
            f"{Place(row['region_id'], row.get('role_arn'))}  {row['job_id']}  {row['status']}  "
            f"{row['since'] or 'not yet'} until {row['until'] or 'unknown'}  "
            f"{' '.join(row['resource_ids'])}  {row['name']}"
        )
    show_errors(answers)
    if not running:
        show_nothing_runs(answers)
