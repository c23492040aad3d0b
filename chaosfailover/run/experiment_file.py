"""
The file of the experiment, and the files that it names.
"""

from pathlib import Path

import click

__all__ = ["beside_experiment", "command_name", "command_parameter"]


def command_name() -> str | None:
    """
    Return the name of the toolkit's command that runs, such as `run`; None outside of one.
    """
    context = click.get_current_context(silent=True)
    return context.info_name if context else None


def command_parameter(name: str) -> str | None:
    """
    Return a parameter of the toolkit's command; None if it is not the command that runs.
    """
    context = click.get_current_context(silent=True)
    value = context.params.get(name) if context else None
    return value if isinstance(value, str) else None


def beside_experiment(name: str) -> str:
    """
    Return the path of a file that an experiment names: relative to the experiment, if there is one,
    else to the working directory.
    """
    source = command_parameter("source")
    beside = Path(source).parent / name if source else Path(name)
    return str(beside) if beside.is_file() else name
