"""
Where the files of the project lie, as seen from the tests.
"""

from pathlib import Path

__all__ = ["DATA", "EXPERIMENTS", "HELPERS", "ROOT"]

ROOT = Path(__file__).parents[2]
EXPERIMENTS = ROOT / "experiments"
HELPERS = ROOT / "tests" / "helpers"
DATA = ROOT / "tests" / "data"
