"""
`chaos failover stop`, where a wrong word must not look like success.
"""

import pytest
from accounts import ACCOUNTS
from click.testing import CliRunner, Result

from chaosfailover import actions
from chaosfailover.alibaba.config import ENDPOINT, REGION_ID
from chaosfailover.cli import failover
from chaosfailover.emulator import Emulator

HANGZHOU = ("--region", "cn-hangzhou")


def stop(*arguments: str) -> Result:
    return CliRunner().invoke(failover, ["stop", *arguments])


@pytest.mark.usefixtures("ten_circuits")
def test_name_that_no_region_knows() -> None:
    """In an incident it is a slip of the pen: something else still runs."""
    done = stop("dril", "ftj-gone", *HANGZHOU, "--region", "cn-shanghai")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "dril: NOT FOUND: no failover test has this ID or name" in done.stderr
    assert "ftj-gone: NOT FOUND" in done.stderr


def test_name_that_one_region_knows(ten_circuits: Emulator) -> None:
    """Where it does not exist is of no interest."""
    actions.create_failover_test(
        "drill",
        ["pc-01"],
        configuration={REGION_ID: "cn-hangzhou", ENDPOINT: ten_circuits.url},
        secrets={
            "access_key_id": f"key-{ACCOUNTS[0]}",
            "access_key_secret": f"secret-{ACCOUNTS[0]}",
        },
    )

    done = stop("drill", *HANGZHOU, "--region", "cn-shanghai", "--timeout", "2")

    (line,) = done.stdout.splitlines()
    assert (done.exit_code, done.stderr.count("NOT FOUND")) == (0, 0)
    assert line.startswith("cn-hangzhou  ftj-")
    assert line.endswith(": Init: it never started")


@pytest.mark.usefixtures("ten_circuits")
def test_nothing_runs() -> None:
    """Silence could mean anything."""
    done = stop("--all", "--yes", *HANGZHOU)

    assert (done.exit_code, done.stdout) == (0, "No failover test runs in 1 region.\n")
