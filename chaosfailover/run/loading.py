"""
How an experiment is read before the toolkit takes it for right, and what an error then says.

The toolkit ends in a traceback for a file of another shape, and lets a doubled key replace the
first one without a word.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from chaoslib.control import load_global_controls
from chaoslib.exceptions import ChaosException
from chaoslib.loader import load_experiment
from chaoslib.settings import load_settings

from chaosfailover.errors import ArgumentError, FailoverError
from chaosfailover.run import Experiment
from chaosfailover.run.experiment_shape import check_kinds
from chaosfailover.run.provider_names import PACKAGE, uses_us

__all__ = ["CLEAR", "NOT_READ", "load_controls", "one_line", "ours", "reading"]

YAML = (".yaml", ".yml")
SUFFIXES = (*YAML, ".json")
# What says enough by itself, and what a toolkit raises that expects another shape than it is given.
CLEAR = (FailoverError, ChaosException)
UNCLEAR = (AttributeError, LookupError, NameError, TypeError)
NOT_READ = (*UNCLEAR, ValueError, RecursionError)


def ours(source: str, settings: str, *, verify_tls: bool = True) -> Experiment | None:
    """
    Return an experiment that uses this package, from a file or a URL; None for any other, and for
    one that cannot be found. `settings` is the file of the toolkit's settings.

    Raises ArgumentError with the name of the file, the line and the problem.
    """
    if "://" in source:
        document = _loaded(source, settings, verify_tls=verify_tls)
    elif _names_us(source):
        try:
            document = _read(source)
        except ArgumentError:
            document = _loaded(source, settings)
            with suppress(RecursionError):  # it contains itself
                if document is not None and not uses_us(document):
                    return None
            raise
    else:
        return None
    return _experiment(source, document) if uses_us(document) else None


def _names_us(file: str) -> bool:
    with suppress(OSError, ValueError):
        return PACKAGE.encode() in Path(file).read_bytes()
    return False


def _loaded(source: str, settings: str, *, verify_tls: bool = True) -> object:
    """
    Return a document as the toolkit loads it; None if it cannot.
    """
    with suppress(Exception):
        return load_experiment(source, load_settings(settings), verify_tls=verify_tls)
    return None


def _read(file: str) -> object:
    suffix = Path(file).suffix
    if suffix not in SUFFIXES:
        raise ArgumentError(
            f"the experiment is {file!r}, expected a name that ends in .yaml, .yml or .json"
        )
    with reading(file):
        return _yaml(Path(file)) if suffix in YAML else _json(Path(file))


def _experiment(source: str, document: object) -> Experiment:
    if not isinstance(document, dict):
        raise ArgumentError(f"{source} holds no experiment: expected a mapping")
    check_kinds(source, document)
    return document


def _yaml(file: Path) -> object:
    from chaosfailover.emulator import yaml_file

    return yaml_file.read(file, any_value=True)


def _json(file: Path) -> object:
    return json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=_without_doubles)


def _without_doubles(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    names = [name for name, _ in pairs]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"key {doubled!r} is doubled; expected once")
    return found


def load_controls(settings: str, files: Sequence[str]) -> None:
    """
    Load the controls of the toolkit's settings and of control files; raises ArgumentError.
    """
    for file in files:
        if Path(file).suffix not in ("", *SUFFIXES):
            raise ArgumentError(
                f"the control file is {file!r}, expected a name that ends in .yaml, .yml or .json"
            )
    with reading(", ".join(files) or "the toolkit's settings"):
        load_global_controls(load_settings(settings) or {}, [*files])


@contextmanager
def reading(name: str) -> Iterator[None]:
    """
    Name what is read in the error of a toolkit that does not.
    """
    try:
        yield
    except (ChaosException, OSError, *NOT_READ) as exc:
        reason = one_line(exc)
        shown = reason if name in reason else f"{name} cannot be read: {reason}"
        raise ArgumentError(shown) from exc


def one_line(exc: BaseException) -> str:
    """
    Return what an error says, with its kind if that alone says little.
    """
    if isinstance(exc, RecursionError):
        return "it is nested too deep"
    if isinstance(exc, (*UNCLEAR, SystemExit)) or not str(exc):
        return f"{type(exc).__name__}: {exc}".removesuffix(": ")
    return " ".join(str(exc).split())
