"""
Fixtures that several test files share.
"""

from collections.abc import Iterator

import pytest

from chaosfailover import config, guard
from chaosfailover.emulator import Emulator

Configuration = dict[str, object]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator of two circuits whose minute lasts a second, on free ports."""
    keys = {config.REHEARSAL_ACCESS_KEY_ID: config.REHEARSAL_ACCESS_KEY_SECRET}
    ports = {"portal": 0, "echo": 0, "ledger": 0}
    with Emulator("dual-circuit", minute=1.0, access_keys=keys, service_ports=ports) as emulator:
        yield emulator


@pytest.fixture
def configuration(emulator: Emulator) -> Configuration:
    """What an experiment's activities are given in a rehearsal."""
    return {
        "alibaba_cloud_region_id": "cn-hangzhou",
        "alibaba_cloud_vpc_endpoint": emulator.url,
        "alibaba_cloud_rehearsal": True,
    }


@pytest.fixture
def guarding(emulator: Emulator) -> Iterator[guard.Guard]:
    """A guard that is up, as the control puts it up; it goes before the emulator does."""
    assert emulator.url
    guarding = guard.Guard(timeout=30.0)
    guard.set_current(guarding)
    yield guarding
    guard.set_current(None)
    guarding.restore("the test is over")
