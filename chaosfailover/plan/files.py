"""
The files of a plan: their texts, which of them may be written over, and their folder on disk.

Every file is sealed with its checksum, so that a later plan recognises an edited one and keeps it.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from chaosfailover.errors import ArgumentError
from chaosfailover.plan.choice import RegionPlan
from chaosfailover.plan.portals import portals, ports_for, ports_in, targets_in
from chaosfailover.plan.readme import (
    GAME_DAY,
    OVERLAY,
    README,
    TOPOLOGY,
    plan_readme,
    region_readme,
)
from chaosfailover.plan.rendering import (
    circuit_experiment,
    game_day,
    targets_file,
    topology_file,
)
from chaosfailover.plan.topology import Topology, mirror
from chaosfailover.plan.yaml_file import loaded

__all__ = [
    "TOPOLOGY",
    "Change",
    "changes",
    "existing_files",
    "fate",
    "is_edited",
    "is_planned",
    "make_changes",
    "plan_files",
    "planned_experiments",
    "sealed",
]

TARGETS = "targets.env"
SUFFIXES = (".yaml", ".md", ".env")
PART = ".part"

SEAL = "Written by `chaos failover plan`; it writes this file again unless you edit it. sha256:"
SEALED = re.compile(rf"{re.escape(SEAL)}([0-9a-f]{{64}})")
Fate = Literal["new", "unchanged", "updated", "kept", "foreign", "removed"]


@dataclass(frozen=True)
class Change:
    """
    The fate of one file; `text` is what the plan would write, empty if it plans no such file.
    """

    name: str
    fate: Fate
    text: str = ""


def plan_files(
    plans: Sequence[RegionPlan],
    errors: Mapping[str, str],
    targets: Mapping[str, str],
    existing: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """
    Return the sealed files of a plan, by path.

    `existing` are the texts of the present files: their ports and targets stay, and the READMEs
    describe the folder after the changes. Raises ArgumentError if a file would be invalid YAML.
    """
    before = existing or {}
    files: dict[str, str] = {}
    for plan in plans:
        files |= _sealed(_region(plan, targets, before))
    files |= _sealed(_region_readmes(plans, before, files))
    after = _after(before, changes(before, files, plans))
    return files | _sealed({README: plan_readme(after, errors, read=bool(plans))})


def changes(
    existing: Mapping[str, str], planned: Mapping[str, str], plans: Iterable[RegionPlan]
) -> list[Change]:
    """
    Return the fate of every file in the planned regions, with the plan's README last.
    """
    folders = {str(plan.folder) for plan in plans}
    unplanned = [
        Change(name, "foreign" if is_edited(text) else "removed")
        for name, text in sorted(existing.items())
        if name not in planned and _belongs(name, folders)
    ]
    return unplanned + [
        Change(name, fate(existing.get(name), text), text)
        for name, text in sorted(planned.items(), key=lambda item: (item[0] == README, item[0]))
    ]


def planned_experiments(topology: Topology) -> list[str]:
    """
    Return the file names of the experiments that were planned with a topology.

    It has a service for each circuit to test.
    """
    circuits = {
        name for kinds in topology["regions"].values() for name in kinds.get("circuits", ())
    }
    tested = [name for name in topology["services"] if name in circuits]
    return [*(f"{circuit_id}.yaml" for circuit_id in tested), GAME_DAY] if tested else []


def sealed(name: str, text: str) -> str:
    """
    Put the checksum of a text on its first line, as a comment.
    """
    seal = f"{SEAL}{hashlib.sha256(text.encode()).hexdigest()}"
    comment = f"<!-- {seal} -->" if name.endswith(".md") else f"# {seal}"
    return f"{comment}\n{text}"


def is_planned(existing: str) -> bool:
    """
    Return whether a file was written by a plan, edited or not.
    """
    return SEALED.search(existing.partition("\n")[0]) is not None


def is_edited(existing: str) -> bool:
    """
    Return whether a person changed or wrote a file. An empty file holds nothing to keep.
    """
    first, _, rest = existing.partition("\n")
    seal = SEALED.search(first)
    return bool(existing.strip()) and (
        seal is None or hashlib.sha256(rest.encode()).hexdigest() != seal[1]
    )


def fate(existing: str | None, planned: str) -> Fate:
    """
    Return the fate of a planned file: an edited one is kept.
    """
    if existing is None:
        return "new"
    if existing == planned:
        return "unchanged"
    return "kept" if is_edited(existing) else "updated"


def existing_files(folder: Path, regions: Iterable[PurePosixPath]) -> dict[str, str]:
    """
    Return the texts of a plan's files, by their paths inside its folder.

    `regions` are the folders about to be planned: a file there that cannot be read raises
    ArgumentError. Of other regions, the files of an earlier plan are read if possible.
    """
    planned = {str(region) for region in regions}
    texts = _texts(folder, [folder / README], strict=True)
    for region in planned:
        texts |= _texts(folder, _in(folder / region), strict=True)
    for readme in (*folder.glob(f"*/{README}"), *folder.glob(f"*/*/{README}")):
        if readme.parent.relative_to(folder).as_posix() not in planned and _is_ours(readme):
            texts |= _texts(folder, _in(readme.parent), strict=False)
    return texts


def make_changes(folder: Path, changes: Iterable[Change]) -> Iterator[Change]:
    """
    Make each change and yield it. A file is written completely or not at all.

    Raises ArgumentError if the disk refuses.
    """
    for change in changes:
        path = folder / change.name
        try:
            if change.fate in ("new", "updated"):
                _write(path, change.text)
            if change.fate == "removed":
                path.unlink()
        except OSError as error:
            raise ArgumentError(f"{path} cannot be written: {error}") from error
        yield change


def _region(
    plan: RegionPlan, targets: Mapping[str, str], existing: Mapping[str, str]
) -> dict[str, str]:
    """
    Return the files of one region except its README; none where nothing can be tested.
    """
    if not plan.tests:
        return {}
    ports = ports_for(plan, _ports(existing.get(str(plan.folder / TOPOLOGY), "")))
    live = targets_in(existing.get(str(plan.folder / TARGETS), ""))
    by_circuit = portals(plan, targets, ports, live)
    files = {
        str(plan.folder / f"{test.circuit_id}.yaml"): circuit_experiment(
            plan, test, by_circuit[test.circuit_id]
        )
        for test in plan.tests
    }
    files[str(plan.folder / GAME_DAY)] = game_day(plan, by_circuit)
    files[str(plan.folder / TOPOLOGY)] = topology_file(mirror(plan, ports))
    for name, text in files.items():
        loaded(name, text)
    return {**files, str(plan.folder / TARGETS): targets_file(by_circuit.values())}


def _ports(topology: str) -> dict[str, int]:
    try:
        return ports_in(loaded(TOPOLOGY, topology))
    except ArgumentError:
        return {}


def _sealed(files: Mapping[str, str]) -> dict[str, str]:
    return {name: sealed(name, text) for name, text in files.items()}


def _belongs(name: str, folders: set[str]) -> bool:
    path = PurePosixPath(name)
    return str(path.parent) in folders and path.name != OVERLAY


def _region_readmes(
    plans: Iterable[RegionPlan], existing: Mapping[str, str], planned: Mapping[str, str]
) -> dict[str, str]:
    plans = [plan for plan in plans if plan.snapshot.circuits]
    pending = changes(existing, planned, plans)
    after = _after(existing, pending)
    kept = {change.name for change in pending if change.fate in ("kept", "foreign")}
    return {str(plan.folder / README): region_readme(plan, after, kept) for plan in plans}


def _after(existing: Mapping[str, str], pending: Iterable[Change]) -> dict[str, str]:
    """
    Return the texts of the folder once the changes are made.
    """
    after = dict(existing)
    for change in pending:
        if change.fate == "removed":
            del after[change.name]
        elif change.fate in ("new", "unchanged", "updated"):
            after[change.name] = change.text
    return after


def _in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix in SUFFIXES)


def _texts(folder: Path, files: Iterable[Path], *, strict: bool) -> dict[str, str]:
    texts = {}
    for path in files:
        try:
            texts[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, UnicodeDecodeError) as error:
            if strict:
                raise ArgumentError(
                    f"{path} cannot be read as text ({error}): nothing was written; move it away"
                ) from error
    return texts


def _is_ours(readme: Path) -> bool:
    try:
        return is_planned(readme.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return False


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}{PART}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
