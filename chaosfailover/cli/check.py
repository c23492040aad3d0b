"""
`chaos failover check`: the preflight of an experiment alone.
"""

import json
import sys
from collections.abc import Sequence

import click

from chaosfailover.cli.region_options import NOT_DONE
from chaosfailover.cli.terminal import is_quiet, notice, plain
from chaosfailover.run.readiness import Readiness, Source, readiness
from chaosfailover.run.wait_display import shown_waits
from chaosfailover.safety.preflight import PreflightCheck

__all__ = ["check"]


@click.command()
@click.argument("source", metavar="EXPERIMENT")
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table")
@click.option(
    "--var",
    "variables",
    multiple=True,
    metavar="KEY[:TYPE]=VALUE",
    help="As of `chaos run`; repeatable.",
)
@click.option(
    "--var-file",
    "variable_files",
    multiple=True,
    type=click.Path(exists=True),
    help="As of `chaos run`; repeatable.",
)
@click.option(
    "--control-file",
    "control_files",
    multiple=True,
    type=click.Path(exists=True),
    help="As of `chaos run`; repeatable.",
)
@click.pass_context
def check(
    context: click.Context,
    source: str,
    output: str,
    variables: Sequence[str],
    variable_files: Sequence[str],
    control_files: Sequence[str],
) -> None:
    """
    Make the preflight of an experiment alone: could its cut be made now?

    It is what `chaos run` checks before the steady state, and nothing is created or started: the
    calls are reads, and dry runs of what would be created. Exits 0 if the cut could be made, and 1
    with the reason if a run would be refused.

    Example: chaos failover check experiments/circuit-failover.yaml
    """
    settings = (context.obj or {}).get("settings_path", "")
    given = Source(source, variables, variable_files, control_files, settings)
    shows = output == "table"
    with shown_waits():
        ready = readiness(
            given,
            _show_venue if shows else lambda _: None,
            _show if shows else lambda _: None,
        )
    if output == "json":
        click.echo(json.dumps(ready.as_dict(), indent=2))
    else:
        click.echo(plain(_result(ready)))
    if ready.refusal:
        sys.exit(NOT_DONE)


def _show_venue(ready: Readiness) -> None:
    notice(f"{ready.mode} in {ready.region_id} on {ready.place}", err=False)


def _show(check: PreflightCheck) -> None:
    if not (check.passed and is_quiet()):
        click.echo(plain(f"{check.result:<7}  {check.name}: {check.detail}"))
    for warning in check.warnings:
        click.echo(plain(f"WARNING  {check.name}: {warning}"))


def _result(ready: Readiness) -> str:
    if ready.refusal:
        return f"NO: the run would be refused, and nothing cut: {ready.refusal}"
    account = f" of account {ready.account_id}" if ready.account_id else ""
    cuts = "; ".join(f"{cut.test} would cut {cut}" for cut in ready.cuts)
    return f"OK: the cut could be made in {ready.region_id}{account}: {cuts}."
