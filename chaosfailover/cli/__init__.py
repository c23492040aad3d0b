"""
`chaos failover ...`: what a person does without an experiment.
"""

import click

from chaosfailover.cli.emulator import emulator
from chaosfailover.cli.inspect import inspect
from chaosfailover.cli.plan import plan
from chaosfailover.cli.probe import probe
from chaosfailover.cli.rehearse import rehearse_all
from chaosfailover.cli.report import report
from chaosfailover.cli.status import status
from chaosfailover.cli.stop import stop

__all__ = ["failover"]


@click.group()
def failover() -> None:
    """
    Alibaba Cloud Express Connect failover tests: what runs, and how to stop it.

    Region, endpoint and credentials come from the environment, as for the bundled experiments.
    """


for command in (emulator, inspect, plan, probe, rehearse_all, report, status, stop):
    failover.add_command(command)
