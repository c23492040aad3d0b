"""
The laboratory, or why there is none.
"""

import os
from collections.abc import Callable
from pathlib import Path

import laboratory
import pytest
from lab_network import Observed, Plan

REQUIRED = "LAB_REQUIRED"
"""With this environment variable, a test without its laboratory fails."""


@pytest.fixture(autouse=True)
def possible() -> None:
    """Skip where there can be no laboratory."""
    if reason := laboratory.missing():
        (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(reason)


@pytest.fixture
def observe(tmp_path: Path) -> Callable[[Plan], Observed]:
    """What performs a plan in a laboratory of its own, which is gone afterwards."""
    return lambda plan: laboratory.observe(plan, tmp_path)
