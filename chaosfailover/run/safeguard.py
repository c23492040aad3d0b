"""
The safeguards of chaostoolkit-addons, which may have ended the run.
"""

import sys

from chaoslib.types import Journal

__all__ = ["note_safeguard"]

MODULE = "chaosaddons.controls.safeguards"


def note_safeguard(journal: Journal) -> None:
    """
    Note in the journal which safeguard ended the run, as its own control does.

    That control may be declared after ours, and would note it only after the verdict.
    """
    guardian = getattr(sys.modules.get(MODULE), "guardian", None)
    if guardian and guardian.was_triggered:
        journal["safeguards"] = {"triggered_by": str(guardian.triggered_by)}
