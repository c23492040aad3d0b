"""
A plugin: a cloud for real runs, and what closes the runs after a test.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from live import Cloud, emulated_cloud

__all__ = ["cloud", "runners"]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """An emulator in a process of its own, as in a live run."""
    with emulated_cloud(tmp_path) as cloud:
        yield cloud


@pytest.fixture
def runners() -> Iterator[ExitStack]:
    """What closes the runs of a test after it."""
    with ExitStack() as stack:
        yield stack
