"""
A probe of the experiment that aborts the run when it is no longer within its tolerance.
"""

import copy

from chaoslib.activity import run_activity
from chaoslib.exceptions import ActivityFailed
from chaoslib.types import Activity, Configuration, Experiment, Secrets

from chaosfailover.errors import ArgumentError
from chaosfailover.running.tolerated import is_met

__all__ = ["find_probe", "probe_breach"]


def find_probe(experiment: Experiment, name: str) -> Activity:
    """
    Return the probe of the hypothesis that has this name, a copy of it.

    Raises ArgumentError when there is none: only a probe of the hypothesis has a tolerance.
    """
    probes = (experiment.get("steady-state-hypothesis") or {}).get("probes") or []
    for probe in probes:
        if probe.get("name") == name:
            return copy.deepcopy(probe)
    known = ", ".join(str(probe.get("name")) for probe in probes) or "none"
    raise ArgumentError(
        f"abort_when is {name!r}, expected a probe of the steady-state hypothesis: {known}"
    )


def probe_breach(probe: Activity, configuration: Configuration, secrets: Secrets) -> str:
    """
    Run a probe once; say how it breaches its tolerance, or "". A probe that fails breaches it.
    """
    try:
        value = run_activity(probe, configuration, secrets)
    except ActivityFailed as exc:
        return f"{probe['name']} failed: {exc}"
    if is_met(probe["tolerance"], value, configuration, secrets):
        return ""
    return f"{probe['name']} is not within its tolerance"
