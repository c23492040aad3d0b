"""
`chaos failover plan`: writes an experiment for each circuit that can be tested.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.regions import Answer, Place
from chaosfailover.cli.region_options import (
    CALL_DEADLINE,
    NOT_DONE,
    NoSuchRegionError,
    Selection,
    ask_selected,
    errors_of,
    region_options,
    show_errors,
    show_progress,
)
from chaosfailover.cli.terminal import plain
from chaosfailover.errors import (
    ApiError,
    ArgumentError,
    ConfigurationError,
    CredentialsError,
    FailoverError,
    JobError,
    TransportError,
)
from chaosfailover.network.reading import read_region
from chaosfailover.plan.choice import RegionPlan, region_plan
from chaosfailover.plan.files import (
    Change,
    changes,
    existing_files,
    make_changes,
    plan_files,
)
from chaosfailover.plan.portals import check_matches, checked_targets
from chaosfailover.plan.rendering import counted
from chaosfailover.plan.topology import mirror
from chaosfailover.plan.yaml_file import read

__all__ = ["plan"]

CAUSES: dict[type[FailoverError], str] = {
    ArgumentError: "it cannot be rehearsed as read",
    CredentialsError: "no usable credentials",
    JobError: "a failover test was under way; plan again after it",
    TransportError: "no answer",
}


def _targets(
    _context: click.Context, _parameter: click.Parameter, file: Path | None
) -> dict[str, str]:
    try:
        content = read(file) if file else {}
    except ArgumentError as error:
        raise click.BadParameter(str(error)) from error
    try:
        return checked_targets(content)
    except ArgumentError as error:
        raise click.BadParameter(f"{file}: {error}") from error


@click.command()
@region_options
@click.option(
    "--targets",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=_targets,
    help="YAML file: the URL to watch in live runs, by circuit, ECR, CEN, region or `default`.",
)
@click.option(
    "-o",
    "--output-file",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default="failover-plan",
    show_default=True,
    help="The folder of the plan.",
)
@CALL_DEADLINE
def plan(selection: Selection, targets: dict[str, str], folder: Path, deadline: float) -> None:
    """
    Write an experiment for each circuit that has a proven survivor, and a game day per region.

    Circuits without a survivor that carries all their prefixes are refused, with the reason.
    Routes, failover groups and traffic are read as by inspect --routes. Files that you edited are
    kept. Exits 1 if a region could not be read or nothing can be tested.

    Example: chaos failover plan --all-regions --targets targets.yaml -o failover-plan
    """
    _require_one_role_each(selection.role_arns)
    answers = [
        _rehearsable(answer)
        for answer in ask_selected(
            selection,
            _read,
            progress=show_progress(lambda plan: f"{counted(len(plan.tests), 'circuit')} to test"),
            deadline=deadline,
            reads_only=True,
        )
    ]
    plans = [answer.value for answer in answers if answer.value]
    _require_settings([answer.error for answer in answers if answer.error], read=bool(plans))
    errors = {str(answer.place): _kind(answer.error) for answer in answers if answer.error}
    try:
        made = _written(folder, plans, errors, targets)
    except FailoverError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(NOT_DONE)
    for change in made:
        _show(folder, change)
    for region in plans:
        _show_notes(region)
    show_errors(answers)
    if errors_of(answers) or not any(region.tests for region in plans):
        sys.exit(NOT_DONE)


def _read(client: VpcClient) -> RegionPlan:
    return region_plan(Place(client.region_id), *read_region(client))


def _rehearsable(answer: Answer[RegionPlan]) -> Answer[RegionPlan]:
    """
    Return the plan of a region with its place, or an error if its topology cannot be rehearsed.

    A resource that vanished between two calls is noticed here, before anything is written.
    """
    from chaosfailover.emulator.topology import TopologyError, topology_from

    if answer.error or answer.value is None:
        return answer
    region = replace(answer.value, place=answer.place)
    try:
        if region.tests:
            topology_from(mirror(region), str(region.folder))
    except (ArgumentError, TopologyError) as error:
        return Answer(answer.place, error=ArgumentError(f"it cannot be rehearsed as read: {error}"))
    return Answer(answer.place, value=region)


def _require_one_role_each(role_arns: Sequence[str]) -> None:
    """
    Refuse two roles of one account: their plans would have the same files.
    """
    accounts = [Place("", role_arn).account for role_arn in dict.fromkeys(role_arns)]
    if twice := sorted({account for account in accounts if accounts.count(account) > 1}):
        raise click.UsageError(f"account {twice[0]} has two roles, expected one for each account")


def _require_settings(errors: Sequence[FailoverError], *, read: bool) -> None:
    """
    End the command for a wrong setting, before anything is written.

    Credentials may fail for one account alone: they end it only if no region was `read`.
    """
    for error in errors:
        alone = isinstance(error, CredentialsError) and read
        if isinstance(error, ConfigurationError) and not alone:
            click.echo(f"Error: {error}; nothing is written", err=True)
            sys.exit(NOT_DONE)


def _require_inside(folder: Path, names: Iterable[str]) -> None:
    """
    Refuse a plan whose folder has a link to a place outside.
    """
    for name in names:
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise click.ClickException(f"{folder / name} leads out of {folder}; nothing is written")


def _entries(folder: Path, plans: Sequence[RegionPlan]) -> Iterator[str]:
    """
    Yield the folders of the regions, and the entries of each.
    """
    for region in (str(plan.folder) for plan in plans):
        yield region
        for path in (folder / region).glob("*"):
            yield str(path.relative_to(folder))


def _kind(error: Exception) -> str:
    """
    Return the cause of an error in words that stay the same from plan to plan.
    """
    if isinstance(error, ApiError | NoSuchRegionError):
        return error.code
    return next((cause for kind, cause in CAUSES.items() if isinstance(error, kind)), "an error")


def _written(
    folder: Path,
    plans: Sequence[RegionPlan],
    errors: Mapping[str, str],
    targets: Mapping[str, str],
) -> list[Change]:
    """
    Write the plan and return its changes; raises FailoverError, mostly before anything is written.

    If a region could not be read, an unknown target is only a warning: it may be of that region.
    """
    _require_inside(folder, _entries(folder, plans))
    existing = existing_files(folder, (plan.folder for plan in plans))
    try:
        check_matches(targets, plans, existing)
    except ArgumentError as error:
        if not errors:
            raise
        click.echo(f"{error}, and not every region was", err=True)
    files = plan_files(plans, errors, targets, existing)
    _require_inside(folder, files)
    return list(make_changes(folder, changes(existing, files, plans)))


def _show(folder: Path, change: Change) -> None:
    path = folder / change.name
    if change.fate == "foreign":
        click.echo(f"{path} is not of this plan and is kept", err=True)
        return
    click.echo(f"{change.fate:<9}  {path}")
    if change.fate == "kept":
        click.echo(f"{path} was edited and is kept; move it away to have it planned", err=True)


def _show_notes(region: RegionPlan) -> None:
    for reason in region.unread:
        click.echo(plain(f"UNKNOWN  {region.place}  {reason}"), err=True)
    for refusal in region.refusals:
        line = f"REFUSED  {region.place}  {refusal.circuit_id}: {'; '.join(refusal.reasons)}"
        click.echo(plain(line), err=True)
