"""
`chaos failover ...`: the commands for work outside of an experiment.
"""

import errno
import sys
from io import TextIOWrapper

import click

from chaosfailover.cli.check import check
from chaosfailover.cli.echo import echo
from chaosfailover.cli.emulator import emulator
from chaosfailover.cli.example import example
from chaosfailover.cli.inspect import inspect
from chaosfailover.cli.plan import plan
from chaosfailover.cli.probe import probe
from chaosfailover.cli.rehearse import rehearse_all
from chaosfailover.cli.report import report
from chaosfailover.cli.status import status
from chaosfailover.cli.stop import stop
from chaosfailover.cli.terminal import heed_no_color, with_quiet

__all__ = ["failover"]


class Commands(click.Group):
    """
    The commands, with one error for an output that cannot be written, such as a full disk.
    """

    def invoke(self, ctx: click.Context) -> object:
        """
        Invoke a command; a closed pipe is left to click.
        """
        try:
            return super().invoke(ctx)
        except OSError as exc:
            if exc.filename is not None or exc.errno not in NOT_WRITTEN:
                raise
            raise click.ClickException(f"the output cannot be written: {exc.strerror}") from exc


NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chaostoolkit-failover", prog_name="chaostoolkit-failover")
def failover() -> None:
    """
    Alibaba Cloud Express Connect failover tests: plan, rehearse, watch, stop and report them.

    Region, endpoint and credentials come from the environment, as for the bundled experiments.
    """
    # in every locale, as the files that the commands write
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors=sys.stdout.errors)
    heed_no_color()


COMMANDS = (
    *(check, echo, emulator, example, inspect, plan),
    *(probe, rehearse_all, report, status, stop),
)
for command in COMMANDS:
    failover.add_command(with_quiet(command))
