"""
`chaos failover rehearse-all`: every experiment of a plan, against one emulator.
"""

import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
import yaml

from chaosfailover.commands.selection import NOT_DONE
from chaosfailover.planning.experiments import TOPOLOGY
from chaosfailover.planning.rehearsal import Rehearsal, merged, rehearsals
from chaosfailover.planning.runner import Outcome, Runner

if TYPE_CHECKING:
    from chaosfailover.emulator import Emulator

__all__ = ["rehearse_all"]

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("rehearse-all")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--journals", type=FOLDER, default="failover-rehearsals", show_default=True)
@click.option("--width", type=click.IntRange(min=1), default=4, show_default=True)
@click.option("--minute", default=60.0, show_default=True, help="Seconds per emulated minute.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table")
def rehearse_all(folder: Path, journals: Path, width: int, minute: float, output: str) -> None:
    """
    Run every experiment of the plan in FOLDER against one emulator.

    Each is a `chaos run` of its own; --width regions are rehearsed at a time. Journals and logs go
    to --journals. Nothing leaves this machine. Exits 1 unless each run comes to what the plan
    expects of it.

    Example: chaos failover rehearse-all failover-plan
    """
    signal.signal(signal.SIGTERM, _end)
    topologies = _topologies(folder)
    lanes = [_lane(folder, name, topology) for name, topology in topologies.items()]
    count = sum(len(lane) for lane in lanes)
    if not count:
        raise click.UsageError(f"{folder} holds no planned experiment and its {TOPOLOGY}")
    with _emulator(folder, merged(topologies), minute) as emulator:
        runner = Runner(folder, journals, emulator.url, emulator.service_urls)
        outcomes = runner.run(lanes, width=width, told=_tell)
    _show(outcomes, output)
    if len(outcomes) < count or not all(each.as_expected for each in outcomes):
        sys.exit(NOT_DONE)


def _end(_number: int, _frame: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def _topologies(folder: Path) -> dict[str, dict[str, Any]]:
    """
    Read the topology of each folder of the plan, by the folder's path inside it.
    """
    return {
        file.parent.relative_to(folder).as_posix(): _read(file)
        for file in sorted(folder.rglob(TOPOLOGY))
    }


def _lane(folder: Path, name: str, topology: dict[str, Any]) -> Sequence[Rehearsal]:
    files = [file for file in sorted((folder / name).glob("*.yaml")) if file.name != TOPOLOGY]
    experiments = {file.relative_to(folder).as_posix(): _read(file) for file in files}
    return rehearsals(name, topology, experiments)


def _read(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise click.UsageError(f"{file} is no YAML: {error}") from error


def _emulator(folder: Path, topology: dict[str, Any], minute: float) -> "Emulator":
    try:
        from chaosfailover.emulator import Emulator
        from chaosfailover.emulator.topology import TopologyError
    except ImportError as error:
        raise click.UsageError(f"a rehearsal needs the emulator: {error}") from error
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / TOPOLOGY
        file.write_text(yaml.safe_dump(topology), encoding="utf-8")
        try:
            return Emulator(file, minute=minute)
        except TopologyError as error:
            raise click.UsageError(
                f"what {folder} describes cannot be rehearsed: {error}"
            ) from error


def _tell(outcome: Outcome) -> None:
    click.echo(f"{_line(outcome)}", err=True)


def _line(outcome: Outcome) -> str:
    said = "" if outcome.as_expected else f"  NOT AS EXPECTED ({outcome.rehearsal.expected})"
    return f"{outcome.verdict:<12}  {outcome.seconds:5.1f} s  {outcome.rehearsal.file}{said}"


def _show(outcomes: Sequence[Outcome], output: str) -> None:
    wrong = [outcome for outcome in outcomes if not outcome.as_expected]
    if output == "json":
        runs = [outcome.as_dict() for outcome in outcomes]
        click.echo(json.dumps({"runs": runs, "not_as_expected": len(wrong)}, indent=2))
        return
    for outcome in outcomes:
        click.echo(_line(outcome))
    for outcome in wrong:
        click.echo(f"see {outcome.journal.with_name('output.log')}")
    click.echo(f"{len(outcomes) - len(wrong)} of {len(outcomes)} runs came to what was expected.")
