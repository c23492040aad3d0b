"""
`chaos failover emulator`: the embedded cloud as a server.
"""

import sys
from collections.abc import Sequence

import click

__all__ = ["emulator"]


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def emulator(arguments: Sequence[str]) -> None:
    """
    Serve the embedded emulator until Ctrl-C.

    Example: chaos failover emulator --topology dual-circuit --minute 1
    """
    from chaosfailover.emulator.__main__ import main

    sys.exit(main(arguments, "chaos failover emulator"))
