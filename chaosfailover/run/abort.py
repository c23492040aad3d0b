"""
The abort: a breach of a limit stops the tests at once and then ends the run.
"""

import copy
import logging
import threading
from collections.abc import Callable

from chaoslib.activity import run_activity
from chaoslib.exceptions import ActivityFailed

from chaosfailover.errors import ArgumentError, close_to
from chaosfailover.prober.measurement import Measurement
from chaosfailover.run import Activity, Configuration, Experiment, Secrets
from chaosfailover.run.probe_tolerance import is_met
from chaosfailover.run.steps import hypothesis_probes
from chaosfailover.safety.bounded_log import log
from chaosfailover.signals import interrupt_main_thread, leave_signals_to_the_main_thread

__all__ = ["AbortWatch", "Breach", "find_probe", "outage_breach", "probe_breach"]


def find_probe(experiment: Experiment, name: str) -> Activity:
    """
    Return a copy of the hypothesis's probe of this name; raises ArgumentError if there is none.
    """
    probes = hypothesis_probes(experiment)
    for probe in probes:
        if probe.get("name") == name:
            return copy.deepcopy(probe)
    names = [str(probe.get("name")) for probe in probes]
    meant = close_to(name, names) or f": {', '.join(names) or 'none'}"
    raise ArgumentError(
        f"abort_when is {name!r}, expected a probe of the steady-state hypothesis{meant}"
    )


def probe_breach(probe: Activity, configuration: Configuration, secrets: Secrets) -> str:
    """
    Run a probe once; return how it breaches its tolerance, or "". A failed probe breaches it.
    """
    try:
        value = run_activity(probe, configuration, secrets)
    except ActivityFailed as exc:
        return f"{probe['name']} failed: {exc}"
    if is_met(probe["tolerance"], value, configuration, secrets):
        return ""
    return f"{probe['name']} is not within its tolerance"


Breach = Callable[[], str]


class AbortWatch:
    """
    Looks for a breach every `interval` seconds, in a thread of its own.

    `breach` returns the reason, or "". An exception is a reason as well, since a later breach would
    go unnoticed. The first reason goes to `on_breach`, which orders the stop; then the main thread
    is interrupted, whatever it waits for.
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
        End the watch, without waiting for the current look.
        """
        self._ended.set()

    def _watch(self) -> None:
        leave_signals_to_the_main_thread()
        while not self._ended.wait(self._interval):
            if (reason := self._look()) and not self._ended.is_set():
                self._on_breach(reason)
                log(logging.ERROR, "ABORT: %s", reason)
                interrupt_main_thread()
                return

    def _look(self) -> str:
        try:
            return self._breach()
        except Exception as exc:  # noqa: BLE001 - the watch must not end silently
            return f"the abort rule cannot be evaluated: {type(exc).__name__}: {exc}"


def outage_breach(measurement: Measurement, abort_after: float) -> str:
    """
    Return which target's outage has lasted longer than `abort_after` seconds, or "".

    The pessimistic bound decides: waiting for the current checks would delay the abort by their
    timeout.
    """
    for target in measurement.targets:
        outage = measurement.current_outage(target.name)
        if outage is not None and outage.at_most > abort_after:
            return (
                f"{target.name} has been down for {outage.at_most:.2f} s, "
                f"longer than abort_after {abort_after:g} s"
            )
    return ""
