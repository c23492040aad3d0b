"""
Injected faults: what goes wrong with which calls, and how often, in the provider's own dialect.

A fault acts at one stage of a call (stages.py). A new fault is a row of FAULTS in kinds.py; a key
of its own goes into `Fault` in fault.py.
"""

from chaosfailover.emulator.faults.armed_faults import ArmedFaults
from chaosfailover.emulator.faults.fault import Fault
from chaosfailover.emulator.faults.kinds import FAULTS, Kind, fault_from
from chaosfailover.emulator.faults.stages import (
    ANSWERING,
    BEFORE,
    DELAY,
    DOCUMENT,
    FIND,
    JOB,
    REPLY,
    SHOW,
    VIEW,
    Stage,
)

__all__ = [
    "ANSWERING",
    "BEFORE",
    "DELAY",
    "DOCUMENT",
    "FAULTS",
    "FIND",
    "JOB",
    "REPLY",
    "SHOW",
    "VIEW",
    "ArmedFaults",
    "Fault",
    "Kind",
    "Stage",
    "fault_from",
]
