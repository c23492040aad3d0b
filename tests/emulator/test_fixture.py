"""
The pytest fixture that the package registers, in a pytest run of its own.
"""

import re
import subprocess
import sys
from pathlib import Path

from readme_tables import README

PLAIN = """
def test_plain(failover_emulator):
    assert failover_emulator.service_urls["portal"].startswith("http://127.0.0.1:")
    assert failover_emulator.cloud.clock.minute == 60.0
"""


def test_the_fixture_and_the_example_of_the_readme(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    (example,) = (block for block in blocks if "def test_" in block)
    (tmp_path / "test_example.py").write_text(example + PLAIN)
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
