"""
The options of regions and accounts, and the questions that commands ask of them.
"""

import functools
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeVar

import click

from chaosfailover.alibaba import config
from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.regions import ANY_REGION, Answer, Place, ask_places, region_ids
from chaosfailover.cli.terminal import notice, plain
from chaosfailover.errors import ApiError, ConfigurationError, FailoverError
from chaosfailover.plan.rendering import counted
from chaosfailover.safety.preflight import is_no_region, offers

__all__ = [
    "CALL_DEADLINE",
    "NOT_DONE",
    "NoSuchRegionError",
    "Selection",
    "above_zero",
    "ask_selected",
    "errors_of",
    "missing_region",
    "region_options",
    "show_errors",
    "show_nothing_runs",
    "show_progress",
    "unread",
]

NOT_DONE = 1
"""The exit code if a test still runs, a criterion is not met, or a region could not be read."""


def above_zero(_context: click.Context, _parameter: click.Parameter, seconds: float) -> float:
    """
    Return the seconds of an option, which are above 0 and come to an end.
    """
    if not 0 < seconds < inf:
        raise click.BadParameter(f"{seconds} is not a number of seconds above 0")
    return seconds


CALL_DEADLINE = click.option(
    "--deadline",
    default=30.0,
    show_default=True,
    callback=above_zero,
    help="Seconds after which one API call is given up.",
)

ROLE_ARN = re.compile(r"acs:ram::\d+:role/\S+")

T = TypeVar("T")


class NoSuchRegionError(FailoverError):
    """
    A region does not exist for an account: nothing runs there; `code` is the API's.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


Progress = Callable[[int, int, Answer[T]], None]


def _regions(
    _context: click.Context, _parameter: click.Parameter, given: Sequence[str]
) -> Sequence[str]:
    """
    Return the regions; an empty one, as of a variable that is not set, is not that of the
    environment.
    """
    for region_id in given:
        if not region_id.strip():
            raise click.BadParameter(f"{region_id!r}, expected a region ID such as cn-hangzhou")
    return given


def _role_arns(
    _context: click.Context, _parameter: click.Parameter, given: Sequence[str]
) -> Sequence[str]:
    for role_arn in given:
        if not ROLE_ARN.fullmatch(role_arn):
            raise click.BadParameter(
                f"{role_arn!r}, expected acs:ram::<account ID>:role/<role name>"
            )
    return given


@dataclass(frozen=True, slots=True)
class Selection:
    """
    The regions and accounts that the options of a command select.
    """

    regions: Sequence[str]
    all_regions: bool
    role_arns: Sequence[str]


def region_options(command: Callable[..., None]) -> Callable[..., None]:
    """
    Add the options that select regions and accounts; the command gets them as its `selection`.
    """

    @click.option(
        "--region",
        "regions",
        multiple=True,
        metavar="REGION",
        callback=_regions,
        help="A region; repeatable.",
    )
    @click.option("--all-regions", is_flag=True, help="Every region of the account.")
    @click.option(
        "--role-arn",
        "role_arns",
        multiple=True,
        metavar="ARN",
        callback=_role_arns,
        help="Assume this role; repeat it for several accounts.",
    )
    @functools.wraps(command)
    def with_selection(
        regions: Sequence[str], all_regions: bool, role_arns: Sequence[str], **options: object
    ) -> None:
        command(selection=Selection(regions, all_regions, role_arns), **options)

    return with_selection


def ask_selected(
    selection: Selection,
    question: Callable[[VpcClient], T],
    *,
    progress: Progress[T] = lambda _number, _of, _answer: None,
    deadline: float = 60.0,
    confirm: Callable[[Sequence[Place]], None] | None = None,
    reads_only: bool = False,
    emergency: bool = False,
    tries_silent: bool = False,
    so_far: Callable[[VpcClient], T | None] | None = None,
) -> list[Answer[T]]:
    """
    Ask a question of every region and account that the options select.

    A wrong endpoint ends the command. So does one on this machine at which nothing listens, unless
    the command `tries_silent` ones, with a warning. An account whose regions cannot be listed
    becomes an answer with an error. `confirm` gets the places, and may end the command. A call ends
    after `deadline` seconds. An interruption does not wait for a question that `reads_only`, nor
    with `so_far`, see `ask_places`. An `emergency` leaves out variables that cannot be used.
    """

    def open_client(place: Place) -> VpcClient:
        settings = config.from_environment(place.region_id, place.role_arn)
        return config.client(settings, None, deadline=deadline, emergency=emergency)

    try:
        if silence := config.silence(config.from_environment()):
            if not tries_silent:
                raise ConfigurationError(silence)
            click.echo(f"Warning: {silence}; it is tried until the timeout", err=True)
        places, unlisted = _places(selection, open_client)
        if confirm:
            confirm(places)
        answers = ask_places(
            places,
            open_client,
            question,
            progress=lambda number, answer: progress(number, len(places), answer),
            reads_only=reads_only,
            so_far=so_far,
        )
        told = [_with_regions(answer, open_client) for answer in answers]
        return [*(Answer(each.place, error=each.error) for each in unlisted), *told]
    except FailoverError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(NOT_DONE)


def _with_regions(answer: Answer[T], open_client: Callable[[Place], VpcClient]) -> Answer[T]:
    """
    Complete the error of a region that does not exist with those that do, if they can be listed.
    """
    error = answer.error
    if not isinstance(error, ApiError) or not is_no_region(error):
        return answer
    somewhere = Place(ANY_REGION, answer.place.role_arn)
    (listed,) = ask_places([somewhere], open_client, region_ids, reads_only=True)
    if not listed.value or answer.region_id in listed.value:
        return answer
    known = offers(answer.region_id, listed.value)
    return Answer(answer.place, error=NoSuchRegionError(error.code, f"{error}{known}"))


def errors_of(answers: Iterable[Answer[T]]) -> list[dict[str, str]]:
    """
    Return the places that could not be read, and why.
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


def show_errors(answers: Iterable[Answer[T]]) -> None:
    """
    Print the places that could not be read to standard error.
    """
    for answer in answers:
        if answer.error:
            absent = isinstance(answer.error, NoSuchRegionError)
            what = "NO SUCH REGION" if absent else "NOT READ"
            click.echo(plain(f"{answer.place}: {what}: {answer.error}"), err=True)


def unread(answers: Iterable[Answer[T]]) -> int:
    """
    Return of how many places nothing is known; a region that does not exist is none of them.
    """
    errors = [answer.error for answer in answers if answer.error]
    return sum(not isinstance(error, NoSuchRegionError) for error in errors)


def show_nothing_runs(answers: Sequence[Answer[T]]) -> None:
    """
    Print that no test runs in the regions that were read, and of how many nothing is known.
    """
    if not answers:
        click.echo("Nothing is known: there is no region to read.")
    if read := sum(answer.error is None for answer in answers):
        click.echo(f"No failover test runs in {counted(read, 'region')}.")
    if unknown := unread(answers):
        click.echo(f"Nothing is known of {counted(unknown, 'region')}: tests may run there.")


def show_progress(counted: Callable[[T], str]) -> Progress[T]:
    """
    Return a progress that prints a line to standard error for each answer, with its count.
    """

    def show(number: int, of: int, answer: Answer[T]) -> None:
        result = "NOT READ" if answer.value is None else counted(answer.value)
        notice(f"[{number}/{of}] {answer.place}: {result}")

    return show


def missing_region(selection: Selection) -> str:
    """
    Return how to select a region, if neither the options nor the environment does, else "".
    """
    if selection.regions or selection.all_regions or config.from_environment()[config.REGION_ID]:
        return ""
    return "name a region with --region, give --all-regions, or set ALIBABA_CLOUD_REGION_ID"


def _places(
    selection: Selection, open_client: Callable[[Place], VpcClient]
) -> tuple[list[Place], list[Answer[list[str]]]]:
    """
    Return the selected places, and the answers of accounts whose regions cannot be listed.
    """
    if selection.regions and selection.all_regions:
        raise click.UsageError("--region and --all-regions exclude each other")
    configured = config.from_environment()[config.REGION_ID] or ""
    accounts: list[str | None] = [*dict.fromkeys(selection.role_arns)] or [None]
    if not selection.all_regions:
        if problem := missing_region(selection):
            raise click.UsageError(problem)
        regions = [*dict.fromkeys(selection.regions)] or [configured]
        return [Place(region, account) for account in accounts for region in regions], []
    asked = [Place(configured or ANY_REGION, account) for account in accounts]
    listed = ask_places(asked, open_client, region_ids, reads_only=True)
    return [
        Place(region, answer.place.role_arn) for answer in listed for region in answer.value or ()
    ], [answer for answer in listed if answer.error]
