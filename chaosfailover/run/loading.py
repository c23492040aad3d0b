"""
How an experiment is read before the toolkit takes it for right, and what an error then says.

The toolkit ends in a traceback for a file of another shape, and lets a doubled key replace the
first one without a word.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from chaoslib.exceptions import ChaosException
from chaoslib.loader import load_experiment
from chaoslib.settings import load_settings

from chaosfailover.errors import ArgumentError, FailoverError
from chaosfailover.run import Experiment
from chaosfailover.run.experiment_shape import check_kinds
from chaosfailover.run.provider_names import PACKAGE, uses_us

__all__ = ["CLEAR", "NOT_READ", "SUFFIXES", "checked", "one_line", "ours", "parsed", "reading"]

YAML = (".yaml", ".yml")
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")
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
    is_file = "://" not in source
    content = _file(source) if is_file else _fetched(source, verify_tls=verify_tls)
    if content is None:
        document = None if is_file else _loaded(source, settings, verify_tls=verify_tls)
    elif any(PACKAGE.encode(each) in content for each in ENCODINGS):
        try:
            document = _document(source, content)
        except ArgumentError:
            document = _loaded(source, settings, verify_tls=verify_tls)
            with suppress(RecursionError):  # it contains itself
                if document is not None and not uses_us(document):
                    return None
            raise
    else:
        return None
    return checked(source, document) if uses_us(document) else None


def _file(name: str) -> bytes | None:
    """
    Return what is in a file, None without one; raises ArgumentError for one that cannot be read.
    """
    with suppress(OSError, ValueError):
        if not Path(name).is_file():
            return None
    with reading(name):
        return Path(name).read_bytes()


def _fetched(url: str, *, verify_tls: bool) -> bytes | None:
    """
    Return what is at a URL that asks for no credentials.
    """
    with suppress(httpx.HTTPError, httpx.InvalidURL, OSError):
        with httpx.Client(verify=verify_tls, follow_redirects=True) as client:
            answer = client.get(url)
        return answer.content if answer.is_success else None
    return None


def _loaded(source: str, settings: str, *, verify_tls: bool) -> object:
    """
    Return a document as the toolkit loads it; None if it cannot.
    """
    with suppress(Exception):
        return load_experiment(source, load_settings(settings), verify_tls=verify_tls)
    return None


def _document(source: str, content: bytes) -> object:
    """
    Return the document in a file or at a URL, where it need not have a suffix.
    """
    suffix = Path(source).suffix
    if "://" not in source and suffix not in SUFFIXES:
        raise ArgumentError(
            f"the experiment is {source!r}, expected a name that ends in .yaml, .yml or .json"
        )
    return parsed(source, content, suffix)


def parsed(name: str, content: bytes, suffix: str) -> object:
    """
    Return the document in a content: JSON where the suffix or, without one, the beginning says so.

    Raises ArgumentError with the name of the file, the line and the problem.
    """
    with reading(name):
        text = content.decode()
        if suffix not in YAML and (suffix == ".json" or text.lstrip().startswith(("{", "["))):
            return json.loads(text, object_pairs_hook=_without_doubles)
        return _yaml(text)


def checked(source: str, document: object) -> Experiment:
    """
    Return a document that is an experiment, as far as its shape tells; raises ArgumentError.
    """
    if not isinstance(document, dict):
        raise ArgumentError(f"{source} holds no experiment: expected a mapping")
    check_kinds(source, document)
    if "dry" in document:
        raise ArgumentError(f"{source}: the toolkit replaces dry: use `chaos run --dry`")
    return document


def _yaml(text: str) -> object:
    from chaosfailover.emulator import yaml_file

    return yaml_file.parsed(text, any_value=True)


def _without_doubles(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    names = [name for name, _ in pairs]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"key {doubled!r} is doubled; expected once")
    return found


@contextmanager
def reading(name: str) -> Iterator[None]:
    """
    Name what is read in the error of a toolkit that does not.
    """
    try:
        yield
    except (ChaosException, OSError, *NOT_READ) as exc:
        reason = getattr(exc, "strerror", None) or one_line(exc)
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
