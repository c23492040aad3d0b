"""
`chaos failover rehearse-all`: runs every experiment of a plan on one emulator.
"""

import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
import yaml

from chaosfailover.cli.region_options import NOT_DONE
from chaosfailover.cli.terminal import notice
from chaosfailover.errors import ArgumentError
from chaosfailover.plan.files import TOPOLOGY, is_planned, planned_experiments
from chaosfailover.plan.planned_experiment import planned_experiment
from chaosfailover.plan.rehearsal import Rehearsal, RehearsalOutcome, rehearsals
from chaosfailover.plan.rehearsal_runner import Runner
from chaosfailover.plan.topology import Topology, checked_topology, merged
from chaosfailover.plan.yaml_file import read

if TYPE_CHECKING:
    from chaosfailover.emulator import Emulator

__all__ = ["rehearse_all"]


@click.command("rehearse-all")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--journals",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep all journals and logs in this folder.",
)
@click.option(
    "--width", type=click.IntRange(min=1), default=4, show_default=True, help="Regions at a time."
)
@click.option("--minute", default=60.0, show_default=True, help="Seconds per emulated minute.")
@click.option("--format", "output", type=click.Choice(["table", "json"]), default="table")
def rehearse_all(
    folder: Path, journals: Path | None, width: int, minute: float, output: str
) -> None:
    """
    Run every experiment of the plan in FOLDER against one emulator.

    Each experiment is a separate `chaos run`; --width regions are rehearsed at a time. Nothing is
    sent beyond this machine. An experiment that cannot be read, or does not watch the circuits that
    it cuts, is not run. Exits 1 unless every run has the verdict that the plan expects, and if a
    planned experiment is missing.

    Journals and logs go to a temporary folder. It is removed if every verdict is as expected;
    otherwise it stays, and its path is printed.

    Example: chaos failover rehearse-all failover-plan
    """
    _exit_on_signals()
    usable, lanes = _read_plan(folder)
    count = sum(len(lane) for lane in lanes)
    if not count:
        raise click.UsageError(f"{folder} holds no planned experiment with its {TOPOLOGY}")
    with (
        _emulator(merged(usable), minute) if usable else nullcontext() as emulator,
        _journal_folder(journals) as kept,
    ):
        runner = _runner(folder, kept, emulator)
        outcomes = runner.run(
            lanes,
            width=width,
            on_outcome=lambda outcome: notice(_line(outcome), err=output == "json"),
        )
        _show(outcomes, output, journals)
        if len(outcomes) < count or not all(each.as_expected for each in outcomes):
            sys.exit(NOT_DONE)


@contextmanager
def _journal_folder(asked: Path | None) -> Iterator[Path]:
    """
    Yield the folder of --journals, or a temporary one.

    A temporary folder is removed after a success or if it is empty. Otherwise it stays, also after
    an interruption, and its path goes to standard error.
    """
    if asked:
        yield asked
        return
    folder = Path(tempfile.mkdtemp(prefix="failover-rehearsals-"))
    try:
        yield folder
    except BaseException:
        if any(folder.iterdir()):
            click.echo(f"Journals and logs are in {folder}", err=True)
        else:
            folder.rmdir()
        raise
    shutil.rmtree(folder)


def _exit_on_signals() -> None:
    """
    Exit in order on SIGTERM and SIGHUP too; an ignored signal, as under nohup, stays ignored.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _exit)


def _exit(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


def _read_plan(folder: Path) -> tuple[dict[str, Topology], list[list[Rehearsal]]]:
    """
    Return the valid topologies, by folder, and the rehearsals of each folder.
    """
    usable: dict[str, Topology] = {}
    lanes = []
    for place in sorted({file.parent for file in folder.rglob("*.yaml")}):
        file = place / TOPOLOGY
        name = place.relative_to(folder).as_posix()
        files = [each for each in sorted(place.glob("*.yaml")) if each != file]
        problem = f"there is no {TOPOLOGY} beside it"
        if not file.exists():
            files = [each for each in files if _is_of_a_plan(each)]
        else:
            try:
                usable[name] = _topology(file)
            except ArgumentError as error:
                problem = str(error)
        if name in usable:
            lane = _lane(folder, name, usable[name], files)
            lanes.append([*lane, *_missing(folder, file, usable[name], lane)])
        else:
            lanes.append(
                [Rehearsal(name, _inside(folder, each), problem=problem) for each in files]
            )
    return usable, lanes


def _is_of_a_plan(file: Path) -> bool:
    """
    Return whether a file is an experiment, or was planned as one and is damaged.
    """
    try:
        return planned_experiment(read(file)) is not None
    except ArgumentError:
        return _was_planned(file)


def _was_planned(file: Path) -> bool:
    return is_planned(file.read_bytes().decode(errors="replace"))


def _lane(folder: Path, name: str, topology: Topology, files: Sequence[Path]) -> list[Rehearsal]:
    lane: list[Rehearsal] = []
    for file in files:
        inside = _inside(folder, file)
        try:
            lane += rehearsals(name, topology, {inside: read(file)})
        except ArgumentError as error:
            lane.append(Rehearsal(name, inside, problem=str(error)))
    return lane


def _missing(
    folder: Path, file: Path, topology: Topology, lane: Sequence[Rehearsal]
) -> Iterator[Rehearsal]:
    """
    Yield what was planned beside a topology and is not in its lane, unless no plan wrote the file.
    """
    if not _was_planned(file):
        return
    present = {rehearsal.file for rehearsal in lane}
    for name in planned_experiments(topology):
        path = file.with_name(name)
        inside = _inside(folder, path)
        if inside not in present:
            damage = "is no experiment: remove it and" if path.exists() else "is missing:"
            problem = f"it was planned and {damage} plan again"
            yield Rehearsal(_inside(folder, file.parent), inside, problem=problem)


def _topology(file: Path) -> Topology:
    from chaosfailover.emulator.topology import TopologyError, topology_from

    document = read(file)
    try:
        topology = checked_topology(document)
        topology_from(document)
    except (ArgumentError, TopologyError) as error:
        raise ArgumentError(f"{file} is no topology of a plan: {error}") from error
    return topology


def _inside(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix()


def _emulator(topology: Topology, minute: float) -> "Emulator":
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
            raise click.UsageError(f"the plan's topologies cannot be joined: {error}") from error
        except ValueError as error:
            raise click.UsageError(f"--{error}") from error


def _runner(folder: Path, journals: Path, emulator: "Emulator | None") -> Runner:
    if emulator is None:
        return Runner(folder, journals, "", {})
    return Runner(folder, journals, emulator.url, emulator.service_urls)


def _line(outcome: RehearsalOutcome) -> str:
    wrong = f"  NOT AS EXPECTED ({outcome.problem or outcome.rehearsal.expected})"
    line = f"{outcome.verdict:<12}  {outcome.seconds:5.1f} s  {outcome.rehearsal.file}"
    return line if outcome.as_expected else line + wrong


def _show(outcomes: Sequence[RehearsalOutcome], output: str, journals: Path | None) -> None:
    wrong = [outcome for outcome in outcomes if not outcome.as_expected]
    if output == "json":
        keep = bool(journals or wrong)
        runs = [outcome.as_dict() | ({} if keep else {"journal": None}) for outcome in outcomes]
        click.echo(json.dumps({"runs": runs, "not_as_expected": len(wrong)}, indent=2))
        return
    for outcome in wrong:
        if not outcome.rehearsal.problem:
            click.echo(f"see {outcome.journal.with_name('output.log')}")
    click.echo(f"{len(outcomes) - len(wrong)} of {len(outcomes)} runs ended as expected.")
