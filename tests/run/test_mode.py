"""
Where a run takes place, and what is behind the services there.
"""

import logging
from contextlib import ExitStack
from logging.handlers import BufferingHandler
from pathlib import Path

import pytest
from chaos_command import on_free_ports

from chaosfailover.emulator import Emulator
from chaosfailover.errors import ConfigurationError
from chaosfailover.run.mode import open_venue
from chaosfailover.run.settings import Settings

PORTS = {"portal": 0, "echo": 0, "ledger": 0}
REHEARSAL: dict[str, object] = {"alibaba_cloud_region_id": "cn-hangzhou"}
MINE = "127.0.0.1:3000"


@pytest.mark.parametrize(
    ("there", "problem"),
    [
        pytest.param({"portal": MINE}, "", id="the same"),
        pytest.param({}, "has an application of its own there", id="none"),
        pytest.param({"portal": "127.0.0.1:3001"}, "has 127.0.0.1:3001 there", id="another"),
        pytest.param({"ledger": MINE}, "has an application of its own there", id="elsewhere"),
    ],
)
def test_upstream_is_the_one_of_a_running_emulator(there: dict[str, str], problem: str) -> None:
    """It was ignored: a rehearsal of one's own service held, and the service was not there."""
    with Emulator(service_ports=PORTS, upstreams=there) as emulator, ExitStack() as resources:
        configuration = REHEARSAL | {"alibaba_cloud_vpc_endpoint": emulator.url}
        settings = Settings(upstream={"portal": MINE})
        if problem:
            with pytest.raises(ConfigurationError) as refused:
                open_venue(settings, configuration, resources, lambda _: None)
            assert f"upstream has portal: {MINE}, but the emulator at " in str(refused.value)
            assert problem in str(refused.value)
            assert f"start it with --upstream portal={MINE}" in str(refused.value)
        else:
            assert open_venue(settings, configuration, resources, lambda _: None).topology


def test_log_of_the_embedded_emulator_is_that_of_the_run(tmp_path: Path) -> None:
    """That a service is gone stood on stderr alone; after the run nothing is passed on."""
    topology = on_free_ports("dual-circuit", tmp_path)["FAILOVER_TOPOLOGY"]
    emulator = logging.getLogger("chaosfailover.emulator.dataplane")
    toolkit = logging.getLogger("chaostoolkit")
    kept = BufferingHandler(100)
    toolkit.addHandler(kept)
    try:
        with ExitStack() as resources:
            configuration = REHEARSAL | {"alibaba_cloud_vpc_endpoint": "emulator"}
            open_venue(Settings(topology=topology), configuration, resources)
            emulator.warning("the upstream is gone")
        emulator.warning("and nobody asks")
    finally:
        toolkit.removeHandler(kept)

    assert [each.getMessage() for each in kept.buffer] == ["the upstream is gone"]
