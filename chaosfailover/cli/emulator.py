"""
`chaos failover emulator`: the embedded cloud as a server.
"""

import argparse
import sys
from collections.abc import Sequence

import click

__all__ = ["emulator"]

NAME = "chaos failover emulator"


class EmulatorCommand(click.Command):
    """
    The command, whose help shows the options of the emulator as click shows those of the others.
    """

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """
        Write the options of the emulator's own parser, and those of every command.
        """
        from chaosfailover.emulator.__main__ import _parser

        own = [
            (" ".join([*action.option_strings, *_value(action)]), action.help or "")
            for action in _parser(NAME)._actions  # argparse lists them nowhere else
            if action.dest != "help"
        ]
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        common = [record for each in options if (record := each.get_help_record(ctx))]
        with formatter.section("Options"):
            formatter.write_dl([*own, *common])


def _value(action: argparse.Action) -> list[str]:
    """
    Return how the value of an option is shown; none for a switch.
    """
    return [] if action.nargs == 0 else [str(action.metavar or action.dest).upper()]


@click.command(cls=EmulatorCommand, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="")
def emulator(arguments: Sequence[str]) -> None:
    """
    Serve the embedded emulator until Ctrl-C.

    Example: chaos failover emulator --topology dual-circuit --minute 1
    """
    from chaosfailover.emulator.__main__ import main

    sys.exit(main(arguments, NAME))
