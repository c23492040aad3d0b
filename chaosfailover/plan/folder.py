"""
The folder of a plan on disk: what stands there, and the changes made to it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from chaosfailover.errors import ArgumentError
from chaosfailover.plan.files import Change, is_planned
from chaosfailover.plan.readme import README

__all__ = ["make_changes", "standing_files"]

SUFFIXES = (".yaml", ".md", ".env")
PART = ".part"


def standing_files(folder: Path, regions: Iterable[PurePosixPath]) -> dict[str, str]:
    """
    Return the texts of a plan's files, by their paths inside its folder.

    `regions` are the folders that are about to be planned: what cannot be read there raises
    ArgumentError. Of others, those that an earlier plan wrote are read, as far as they can be.
    """
    wanted = {str(region) for region in regions}
    found = _texts(folder, [folder / README], strict=True)
    for region in wanted:
        found |= _texts(folder, _in(folder / region), strict=True)
    for each in (*folder.glob(f"*/{README}"), *folder.glob(f"*/*/{README}")):
        if each.parent.relative_to(folder).as_posix() not in wanted and _is_ours(each):
            found |= _texts(folder, _in(each.parent), strict=False)
    return found


def make_changes(folder: Path, changes: Iterable[Change]) -> Iterator[Change]:
    """
    Make each change and yield it; a file is written as a whole or not at all.

    Raises ArgumentError where the disk refuses.
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


def _in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix in SUFFIXES)


def _texts(folder: Path, files: Iterable[Path], *, strict: bool) -> dict[str, str]:
    found = {}
    for path in files:
        try:
            found[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, UnicodeDecodeError) as error:
            if strict:
                raise ArgumentError(
                    f"{path} is no text that could be kept ({error}): nothing was written; move it "
                    "away"
                ) from error
    return found


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
