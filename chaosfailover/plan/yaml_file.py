"""
YAML files of a plan, which people may have edited: errors name the file.
"""

from pathlib import Path

from chaosfailover.errors import ArgumentError

__all__ = ["loaded", "read"]


def loaded(name: str, content: str) -> object:
    """
    Return the document of a YAML text; ArgumentError names the file, the line and the problem.
    """
    from chaosfailover.emulator.yaml_file import YamlFileError, parsed

    try:
        return parsed(content)
    except YamlFileError as error:
        raise ArgumentError(f"{name} cannot be used: {error}") from None


def read(file: Path) -> object:
    """
    Return the document of a YAML file on disk; ArgumentError as for `loaded`.
    """
    from chaosfailover.emulator import yaml_file

    try:
        return yaml_file.read(file)
    except yaml_file.YamlFileError as error:
        raise ArgumentError(f"{file} cannot be used: {error}") from None
    except OSError as error:
        raise ArgumentError(f"{file} cannot be read: {error}") from None
