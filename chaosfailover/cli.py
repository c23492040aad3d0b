"""
`chaos failover ...`: what a person does without an experiment.
"""

import click

from chaosfailover.commands.emulator import emulator
from chaosfailover.commands.inspect import inspect
from chaosfailover.commands.plan import plan
from chaosfailover.commands.probe import probe
from chaosfailover.commands.rehearse import rehearse_all
from chaosfailover.commands.report import report
from chaosfailover.commands.status import status
from chaosfailover.commands.stop import stop

__all__ = ["failover"]


@click.group()
def failover() -> None:
    """
    Alibaba Cloud Express Connect failover tests: what runs, and how to stop it.

    Region, endpoint and credentials come from the environment, as for the bundled experiments.
    """


for command in (emulator, inspect, plan, probe, rehearse_all, report, status, stop):
    failover.add_command(command)
