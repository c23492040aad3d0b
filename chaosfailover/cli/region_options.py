"""
Which regions and which accounts a command is about.
"""

import functools
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any

import click

from chaosfailover.alibaba import config
from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.regions import ANY_REGION, Answer, Place, ask_places, region_ids
from chaosfailover.cli.terminal import plain
from chaosfailover.errors import FailoverError

__all__ = [
    "CALL_DEADLINE",
    "NOT_DONE",
    "ask_selected",
    "errors_of",
    "region_options",
    "show_errors",
    "show_nothing_runs",
    "show_progress",
]

NOT_DONE = 1
"""Exit code when something still runs, does not hold, or could not be read."""


def _above_zero(_context: click.Context, _parameter: click.Parameter, seconds: float) -> float:
    if not 0 < seconds < inf:
        raise click.BadParameter(f"{seconds} is no number of seconds above 0")
    return seconds


CALL_DEADLINE = click.option(
    "--deadline",
    default=30.0,
    show_default=True,
    callback=_above_zero,
    help="Seconds that one call may take.",
)

ROLE_ARN = re.compile(r"acs:ram::\d+:role/\S+")

Progress = Callable[[int, int, Answer[Any]], None]


def _role_arns(
    _context: click.Context, _parameter: click.Parameter, given: Sequence[str]
) -> Sequence[str]:
    for role_arn in given:
        if not ROLE_ARN.fullmatch(role_arn):
            raise click.BadParameter(
                f"{role_arn!r}, expected acs:ram::<account ID>:role/<role name>"
            )
    return given


def region_options(command: Callable[..., None]) -> Callable[..., None]:
    """
    Add the options that select regions and accounts.
    """
    for option in (
        click.option(
            "--role-arn",
            "role_arns",
            multiple=True,
            metavar="ARN",
            callback=_role_arns,
            help="Assume this role; repeat it for several accounts.",
        ),
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
    role_arns: Sequence[str],
    question: Callable[[VpcClient], Any],
    *,
    progress: Progress = lambda _number, _of, _answer: None,
    deadline: float = 60.0,
    reads_only: bool = False,
) -> list[Answer[Any]]:
    """
    Put a question to the regions and accounts that the options select.

    A wrong setting ends the command; an account whose regions cannot be listed is an answer with
    an error. A call is over after `deadline` seconds. An interruption does not wait for a question
    that `reads_only`.
    """
    if regions and all_regions:
        raise click.UsageError("--region and --all-regions exclude each other")

    configured = config.from_environment()[config.REGION_ID] or ""
    if not (regions or all_regions or configured):
        raise click.UsageError("name a region with --region, or set ALIBABA_CLOUD_REGION_ID")

    def open_client(place: Place) -> VpcClient:
        settings = config.from_environment(place.region_id, place.role_arn)
        return config.client(settings, None, deadline=deadline)

    accounts: list[str | None] = [*dict.fromkeys(role_arns)] or [None]
    try:
        listed = _listed(configured or ANY_REGION, accounts, open_client) if all_regions else []
        named = [] if all_regions else list(dict.fromkeys(regions)) or [configured]
        places = [place for answer in listed for place in answer.value or ()]
        places += [Place(region_id, account) for account in accounts for region_id in named]
        told = functools.partial(_tell, progress, len(places))
        failed = [answer for answer in listed if answer.error]
        return [
            *failed,
            *ask_places(places, open_client, question, progress=told, reads_only=reads_only),
        ]
    except FailoverError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(NOT_DONE)


def errors_of(answers: Iterable[Answer[Any]]) -> list[dict[str, str]]:
    """
    Return what could not be read, and why.
    """
    return [
        {
            "region_id": answer.region_id,
            **({"role_arn": answer.place.role_arn} if answer.place.role_arn else {}),
            "error": str(answer.error),
        }
        for answer in answers
        if answer.error
    ]


def show_errors(answers: Iterable[Answer[Any]]) -> None:
    """
    Say on stderr which places could not be read.
    """
    for answer in answers:
        if answer.error:
            click.echo(plain(f"{answer.place}: NOT READ: {answer.error}"), err=True)


def show_nothing_runs(answers: Sequence[Answer[Any]]) -> None:
    """
    Say that no test runs, and how many regions that is known of.
    """
    read = len(answers) - len(errors_of(answers))
    click.echo(f"No failover test runs in {read} region{'' if read == 1 else 's'}.")


def show_progress(counted: Callable[[Any], str]) -> Progress:
    """
    Return a progress that writes a line to stderr for each answer, with what it counted.
    """

    def show(number: int, of: int, answer: Answer[Any]) -> None:
        said = "NOT READ" if answer.error else counted(answer.value)
        click.echo(plain(f"[{number}/{of}] {answer.place}: {said}"), err=True)

    return show


def _listed(
    region_id: str, accounts: Sequence[str | None], open_client: Callable[[Place], VpcClient]
) -> list[Answer[Any]]:
    """
    Ask each account for its regions; the value of an answer are the places.
    """

    asked = [Place(region_id, account) for account in accounts]
    return [
        Answer(
            answer.place,
            [Place(region_id, answer.place.role_arn) for region_id in answer.value or ()],
            answer.error,
        )
        for answer in ask_places(asked, open_client, region_ids, reads_only=True)
    ]


def _tell(progress: Progress, of: int, number: int, answer: Answer[Any]) -> None:
    progress(number, of, answer)
