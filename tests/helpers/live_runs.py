"""
Runs that take an emulator for the cloud: what is cut on it really has to be brought back.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from places import ROOT
from processes import wait_for_watchdogs

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.emulator import Emulator

__all__ = [
    "BIN",
    "cloud",
    "environment",
    "policy_actions",
    "policy_statements",
    "statuses",
    "wait_until",
]

OURS = ("ALIBABA", "FAILOVER")
BIN = Path(sys.executable).parent
CONFIGURATION_PAGE = ROOT / "docs" / "configuration.md"
ACCOUNT = "1000000000000001"
KEY = {"secret": "emulator-secret"}


def policy_actions() -> list[str]:
    """
    Return the actions of the RAM policy in the documentation.
    """
    return [action for actions in policy_statements() for action in actions]


def policy_statements() -> list[list[str]]:
    """
    Return the actions of each statement of the RAM policy in the documentation.
    """
    policy = re.search(
        r"```json\n(\{\"Version\".*?)```", CONFIGURATION_PAGE.read_text("utf-8"), re.DOTALL
    )
    assert policy
    return [each["Action"] for each in json.loads(policy[1])["Statement"]]


@contextmanager
def cloud(folder: Path, **settings: Any) -> Iterator[Emulator]:
    """
    Run an emulator of two circuits on free ports; `settings` decide what nobody documents.

    Its key may do what the documented policy says, and no more.
    """
    document = {
        "extends": "dual-circuit",
        "accounts": {ACCOUNT: {"access_keys": {"emulator": KEY | {"actions": policy_actions()}}}},
        "services": {name: {"port": 0} for name in ("portal", "echo", "ledger")},
        "settings": settings,
    }
    file = folder / "cloud.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    with Emulator(file) as emulator:
        try:
            yield emulator
        finally:
            wait_for_watchdogs()


def environment(emulator: Emulator, **more: str) -> dict[str, str]:
    """
    Return an environment in which the emulator is the cloud, and `chaos` the one under test.
    """
    rest = {key: text for key, text in os.environ.items() if not key.startswith(OURS)}
    return rest | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "ALIBABA_CLOUD_ENDPOINT_VPC": emulator.url,
        "ALIBABA_CLOUD_REGION_ID": "cn-hangzhou",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "emulator",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "emulator-secret",
        **more,
    }


def statuses(emulator: Emulator) -> list[str]:
    """
    Return the status of each failover test of the region.
    """
    key = Credentials("emulator", "emulator-secret")
    with VpcClient("cn-hangzhou", lambda: key, endpoint=emulator.url) as client:
        return [job["Status"] for job in client.describe_failover_test_jobs()]


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """
    Wait until something holds; it has to within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
