"""
The abort: what has gone too far stops the tests at once and then ends the run.
"""

import copy
import logging
import threading
from collections.abc import Callable

from chaoslib.activity import run_activity
from chaoslib.exceptions import ActivityFailed
from chaoslib.types import Activity, Configuration, Experiment, Secrets

from chaosfailover.errors import ArgumentError
from chaosfailover.prober.measurement import Measurement
from chaosfailover.run.probe_tolerance import is_met
from chaosfailover.signals import interrupt_main_thread, leave_signals_to_the_main_thread

__all__ = ["AbortWatch", "find_probe", "outage_breach", "probe_breach"]


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


logger = logging.getLogger("chaostoolkit")

Breach = Callable[[], str]


class AbortWatch:
    """
    Looks every `interval` seconds, in a thread of its own, whether something has gone too far.

    `breach` returns why, or ""; what it raises is a reason as well, since then nobody would notice
    any more what goes too far. The first time, `on_breach` is told, which has the tests stopped,
    and then the main thread is interrupted, whatever it is doing.
    """

    def __init__(self, breach: Breach, on_breach: Callable[[str], None], interval: float) -> None:
        self._breach = breach
        self._on_breach = on_breach
        self._interval = interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="failover-abort", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """
        Look no more. Does not wait for a look that is under way.
        """
        self._ended.set()

    def _watch(self) -> None:
        leave_signals_to_the_main_thread()
        while not self._ended.wait(self._interval):
            if (reason := self._look()) and not self._ended.is_set():
                logger.error("ABORT: %s", reason)
                self._on_breach(reason)
                interrupt_main_thread()
                return

    def _look(self) -> str:
        try:
            return self._breach()
        except Exception as exc:  # noqa: BLE001 - a watch that dies of it would end without a word
            return f"it cannot be told any more what goes too far: {type(exc).__name__}: {exc}"


def outage_breach(measurement: Measurement, abort_after: float) -> str:
    """
    Say which target's outage has lasted longer than `abort_after` seconds, or "".

    Judged by the pessimistic bound, since checks under way may be lost as well: waiting for them
    would make the abort late by their timeout.
    """
    for target in measurement.targets:
        outage = measurement.current_outage(target.name)
        if outage is not None and outage.at_most > abort_after:
            return (
                f"{target.name} has been down for {outage.at_most:.2f} s, "
                f"longer than abort_after {abort_after:g} s"
            )
    return ""
