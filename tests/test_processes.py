"""
No process that the tests start outlives them.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import HELPERS
from processes import children, outliving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")

# It detaches itself as the watchdog does, and has an environment of its own.
DETACHED = """
import subprocess
subprocess.Popen(["sleep", "61"], start_new_session=True, env={}, stdout=subprocess.DEVNULL)
"""
LEAVING = f"""
import subprocess, sys, pytest

@pytest.fixture(scope="SCOPE")
def left():
    yield
    subprocess.run([sys.executable, "-c", {DETACHED!r}], check=True)

def test_that_passes(left):
    pass
"""


@pytest.mark.long
@pytest.mark.sample(2)
@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("scope", ["function", "session"])
def test_process_that_is_left_fails_the_run(tmp_path: Path, scope: str, workers: str) -> None:
    """Its test, or the session, has an error that names it, and it is ended."""
    before = children()
    (tmp_path / "test_it.py").write_text(LEAVING.replace("SCOPE", scope), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "processes", "-n", workers, "."],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(HELPERS)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert ": sleep 61, of no test" in done.stdout
    assert "1 passed, 1 error in " in done.stdout.splitlines()[-1]
    assert children() == before


def test_process_that_detached_itself_is_found_and_ended() -> None:
    """Its parent is gone, it has a session of its own and nothing of this one's environment."""
    before = children()
    subprocess.run([sys.executable, "-c", DETACHED], check=True)

    (left,) = outliving(before)

    assert left.endswith(": sleep 61, of no test")
    assert children() == before
