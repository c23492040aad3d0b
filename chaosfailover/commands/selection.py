"""
Which regions and which account a command is about.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from chaosfailover import config
from chaosfailover.client import VpcClient
from chaosfailover.errors import FailoverError
from chaosfailover.regions import Answer, ask_regions

__all__ = ["NOT_DONE", "ask_selected", "errors_of", "region_options"]

NOT_DONE = 1
"""Exit code when something still runs, does not hold, or could not be read."""


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


def ask_selected(
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

    configured = config.from_environment()[config.REGION_ID]
    if not (regions or configured):
        raise click.UsageError("name a region with --region, or set ALIBABA_CLOUD_REGION_ID")

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


def errors_of(answers: Sequence[Answer[Any]]) -> list[dict[str, str]]:
    return [
        {"region_id": answer.region_id, "error": str(answer.error)}
        for answer in answers
        if answer.error
    ]
