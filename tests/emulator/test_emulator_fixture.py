"""
The pytest fixture that the package registers, in a pytest run of its own.
"""

import subprocess
import sys
from pathlib import Path

EXAMPLE = """
import httpx
import pytest


def test_plain(failover_emulator):
    assert httpx.get(failover_emulator.service_urls["portal"]).status_code == 200


@pytest.mark.failover_emulator(topology="single-circuit", minute=1.0, auth=False)
def test_marked(failover_emulator):
    failover_emulator.advance(60)
    assert failover_emulator.cloud.topology.name == "single-circuit"
    assert failover_emulator.cloud.clock.minute == 1.0
"""


def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(EXAMPLE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_is_cheap_to_load() -> None:
    """
    Every pytest run of the environment imports it; it brings in nothing heavy.
    """
    code = (
        "import sys; import chaosfailover.emulator.fixture;"
        "assert not {'httpx', 'yaml', 'starlette', 'chaoslib'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
