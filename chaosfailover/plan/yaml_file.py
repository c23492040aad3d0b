"""
YAML files of a plan, which people may have edited: errors name the file, missing parts are empty.
"""

from collections.abc import Mapping
from pathlib import Path

from chaosfailover.errors import ArgumentError

__all__ = ["as_mapping", "as_mappings", "loaded", "read"]


def loaded(name: str, content: str) -> object:
    """
    Return the document of a YAML text; ArgumentError names the file, the line and the problem.
    """
    from chaosfailover.emulator.yaml_file import YamlFileError, parsed

    try:
        document: object = parsed(content)
    except YamlFileError as error:
        raise ArgumentError(f"{name} cannot be used: {error}") from None
    return document


def read(file: Path) -> object:
    """
    Return the document of a YAML file on disk; ArgumentError as for `loaded`.
    """
    from chaosfailover.emulator.yaml_file import YamlFileError
    from chaosfailover.emulator.yaml_file import read as read_yaml

    try:
        document: object = read_yaml(file)
    except YamlFileError as error:
        raise ArgumentError(f"{file} cannot be used: {error}") from None
    except OSError as error:
        raise ArgumentError(f"{file} cannot be read: {error}") from None
    return document


def as_mapping(value: object) -> Mapping[str, object]:
    """
    Return a mapping as it is, anything else as an empty one.
    """
    return value if isinstance(value, Mapping) else {}


def as_mappings(value: object) -> list[Mapping[str, object]]:
    """
    Return the mappings in a list; anything else holds none.
    """
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
