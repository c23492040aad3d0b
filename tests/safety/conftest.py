"""
A cloud for the runs of these tests, and what closes the runs after them.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from live import Cloud, emulated_cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with emulated_cloud(tmp_path) as cloud:
        yield cloud


@pytest.fixture
def runners() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack
