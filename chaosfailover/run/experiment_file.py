"""
The file of the experiment, and the files that it names.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

__all__ = [
    "at_command_end",
    "beside_experiment",
    "command_name",
    "command_parameter",
    "control_was_called",
    "note_control",
]

CALLED = "chaosfailover.control"
"""The key, in what the toolkit's command knows, of whether it called our control."""


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


def note_control() -> None:
    """
    Note that the toolkit calls the control, which concludes the run.
    """
    if context := click.get_current_context(silent=True):
        context.meta[CALLED] = True


def control_was_called() -> bool:
    """
    Tell whether the toolkit's command called the control.
    """
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(CALLED))


def at_command_end(action: Callable[[], object], otherwise: ExitStack) -> None:
    """
    Do something once the toolkit's command has written the journal, or with a stack outside of one.
    """
    if context := click.get_current_context(silent=True):
        context.call_on_close(action)
    else:
        otherwise.callback(action)


def beside_experiment(name: str) -> str:
    """
    Return the path of a file that an experiment names: relative to the experiment, if there is one,
    else to the working directory.
    """
    source = command_parameter("source")
    beside = Path(source).parent / name if source else Path(name)
    return str(beside) if beside.is_file() else name
