"""
The documented RAM policy: it lets everything be done that the commands do.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from accounts import ACCOUNTS, TEN
from click.testing import CliRunner
from live_runs import policy_actions, policy_statements
from places import ROOT

from chaosfailover.cli import failover
from chaosfailover.emulator import Emulator

PAGE = ROOT / "docs" / "configuration.md"
WRITES = re.compile("vpc:(Create|Update|Start|Stop|Delete)FailoverTestJob")


@pytest.fixture(params=["all", "who only look"])
def limited(
    request: pytest.FixtureRequest, tmp_path: Path, as_first_account: Callable[[str], None]
) -> Iterator[str]:
    """An emulator whose key may do what the policy says, or all but its last statement."""
    looking = [each for each in policy_actions() if not WRITES.fullmatch(each)]
    actions = policy_actions() if request.param == "all" else looking
    owner = ACCOUNTS[0]
    keys = {f"key-{owner}": {"secret": f"secret-{owner}", "actions": actions}}
    accounts = {**TEN["accounts"], owner: {"access_keys": keys}}
    running = {"region": "cn-hangzhou", "status": "Testing", "resources": ["pc-01"]}
    file = tmp_path / "limited.yaml"
    document = {**TEN, "accounts": accounts, "jobs": [running]}
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    with Emulator(file) as emulator:
        as_first_account(emulator.url)
        yield request.param


def test_commands_need_no_more(limited: str, tmp_path: Path) -> None:
    """Looking needs all but the last statement; stopping needs the last one too."""
    stopping = 0 if limited == "all" else 1
    for arguments, exit_code in (
        (["inspect", "--all-regions", "--routes"], 0),
        (["plan", "--region", "cn-shanghai", "--output-file", str(tmp_path / "plan")], 0),
        (["status", "--all-regions", "--fail-if-overdue"], 0),
        (["stop", "--all", "--all-regions", "--yes", "--timeout", "30"], stopping),
    ):
        done = CliRunner().invoke(failover, arguments)

        assert done.exit_code == exit_code, f"{arguments}: {done.output}"
        assert "needs the permission" not in done.output


def test_what_is_lost_without_a_permission_is_told() -> None:
    """Each permission that only reads routes, takeover and traffic is in the page's table."""
    table = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    told = {name for line in table for name in re.findall(r"`([a-z]+:[A-Z]\w+)`", line)}
    *_, last_read, _ = policy_statements()

    assert told == set(last_read)
