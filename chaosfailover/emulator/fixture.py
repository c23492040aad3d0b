"""
The pytest fixture `failover_emulator`, which the package registers as a plugin.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from chaosfailover.emulator.emulator import Emulator

__all__ = ["failover_emulator", "pytest_configure"]

MARKER = "failover_emulator(**arguments): arguments of Emulator for the fixture of the same name"


def pytest_configure(config: pytest.Config) -> None:
    """
    Register the marker that configures the fixture.
    """
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def failover_emulator(request: pytest.FixtureRequest) -> "Iterator[Emulator]":
    """
    A running emulator of Alibaba Cloud failover tests, on free ports.

    `@pytest.mark.failover_emulator(topology="broken-standby", minute=1.0)` gives it arguments.
    """
    from chaosfailover.emulator.emulator import Emulator

    marker = request.node.get_closest_marker("failover_emulator")
    emulator = Emulator(**(marker.kwargs if marker else {}))
    free = {service.name: 0 for service in emulator.cloud.topology.services}
    emulator.service_ports = {**free, **emulator.service_ports}
    with emulator:
        yield emulator
