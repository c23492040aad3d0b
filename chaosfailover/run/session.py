"""
The session: the resources of one run, from the first hook to the last.
"""

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

from chaoslib.exceptions import InterruptExecution
from chaoslib.types import Journal

from chaosfailover import events
from chaosfailover.alibaba import config
from chaosfailover.prober import measurement
from chaosfailover.prober.measurement import Measurement
from chaosfailover.record.redaction import LogRedaction, given_secrets
from chaosfailover.run import Activity, Configuration, Experiment, Secrets
from chaosfailover.run.abort import AbortWatch, find_probe, outage_breach, probe_breach
from chaosfailover.run.experiment_keys import check_keys
from chaosfailover.run.finish import check_files, conclude
from chaosfailover.run.go_no_go import make_ready
from chaosfailover.run.journal_entry import RunFacts, check_depth, json_object, make_entry
from chaosfailover.run.mode import open_venue
from chaosfailover.run.safeguard import note_safeguard
from chaosfailover.run.settings import Settings
from chaosfailover.safety import guard
from chaosfailover.safety.guard import Guard
from chaosfailover.safety.guarded_test import StopOutcome
from chaosfailover.safety.watchdog import Watchdog
from chaosfailover.signals import Interruption

__all__ = ["Session", "alarm", "interruption"]

logger = logging.getLogger("chaostoolkit")


def interruption(aborted: str, signal: str | None) -> dict[str, str] | None:
    """
    Return what ended a run early, for its journal; None if nothing did.

    `aborted` is the reason of an abort. A signal counts even if an activity swallowed it.
    """
    if aborted:
        return {"kind": "abort", "name": "abort", "reason": aborted}
    if signal:
        return {"kind": "signal", "name": signal, "reason": f"received {signal}"}
    return None


def alarm(outcomes: Sequence[StopOutcome], region_id: object) -> bool:
    """
    Log the tests that could not be stopped as errors; return whether there are any.
    """
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed:
        logger.error(
            "A FAILOVER TEST MAY STILL BE RUNNING: %s: %s. "
            "To stop it: chaos failover stop %s --region %s",
            outcome.test,
            outcome.error,
            outcome.job_id or outcome.test,
            region_id,
        )
    return bool(failed)


AT_THE_END = "the run is ending"
NOT_CONCLUDED = """\
NO VERDICT: the toolkit did not call the control after the experiment, so this run proves \
nothing, whatever its status; the control chaosfailover.control must have no `scope`"""
# Seconds between looks for a breach: at a measured outage, and at the probe of `abort_when`.
OUTAGE_INTERVAL = 0.1
PROBE_INTERVAL = 1.0


class Session:
    """
    Holds the emulator or the watchdog, the guard, the measurement and the abort watches.
    """

    def __init__(
        self,
        settings: Settings,
        experiment: Experiment,
        configuration: Configuration,
        secrets: Secrets,
        rollback_strategy: str | None = None,
    ) -> None:
        self._settings = settings
        self._experiment = experiment
        self._configuration = configuration
        self._secrets = secrets
        self._resources = ExitStack()
        self._facts = RunFacts(settings, configuration, rollback_strategy)
        self._watchdog: Watchdog | None = None
        self._guard: Guard | None = None
        self._measurement: Measurement | None = None
        self._abort_probe: Activity | None = None
        self._aborts: list[AbortWatch] = []
        self._concluded = False
        self._interruption = Interruption(self._on_signal, self._is_restoring)

    def begin(self) -> None:
        """
        Open everything, and check that the cuts may be made.

        Raises ConfigurationError, ArgumentError or PreflightError if not. The event `refused` then
        keeps the reason for the journal.
        """
        if self._settings.abort_when is not None:
            self._abort_probe = find_probe(self._experiment, self._settings.abort_when)
        self._redact_logs()
        self._resources.enter_context(events.listening(self._facts.events.append))
        events.publish("begin")
        try:
            self._make_ready()
        except InterruptExecution:
            raise
        except Exception as exc:
            events.publish("refused", reason=str(exc))
            raise

    def _make_ready(self) -> None:
        check_depth(self._experiment)
        check_keys(self._experiment)
        check_files(self._settings)
        if not self._interruption.install():
            logger.warning("Not in the main thread: signals are not handled")
        self._resources.callback(self._interruption.put_back)
        self._open_network()
        guarding = self._start_guard()
        self._start_measurement()
        guarding.approved = make_ready(
            self._facts, self._experiment, self._configuration, self._secrets, self._measurement
        )
        self._watch_for_breaches()

    def _redact_logs(self) -> None:
        """
        Hide secrets in what is logged until the session is closed, but not the names in alarms.
        """
        secrets = given_secrets(json_object({"secrets": self._secrets}))
        region_id = self._configuration.get(config.REGION_ID)
        redaction = LogRedaction(
            secrets, lambda: [region_id, *(cut.test for cut in self._facts.cuts)]
        )
        logger.addFilter(redaction)
        self._resources.callback(logger.removeFilter, redaction)

    def begin_to_end(self) -> None:
        """
        Note that the rollbacks begin: signals interrupt nothing from here on.
        """
        self._interruption.ending = True

    def end(self, journal: Journal) -> None:
        """
        Stop what the run started, measure the reversion, and complete the journal.
        """
        self.begin_to_end()
        self._end_aborts()
        outcomes = self._guard.restore(AT_THE_END) if self._guard else []
        self._finish_measurement()
        events.publish("end")
        entry = make_entry(self._facts, self._experiment, self._measurement, outcomes)
        if ended := interruption(self._facts.aborted, self._interruption.received):
            journal.update(interruption=ended, status="interrupted")
        journal.update({**json_object(journal), "failover": entry})
        note_safeguard(journal)
        conclude(journal, self._settings, given_secrets(json_object({"secrets": self._secrets})))
        if alarm(outcomes, self._configuration.get(config.REGION_ID)):
            journal["status"] = "failed"
        self._concluded = True

    def close(self) -> None:
        """
        Close everything that is still open; safe to repeat.

        The watchdog is dismissed only when the guard's list is empty. A run without a conclusion
        is logged as an error, since the toolkit may call it completed.
        """
        self.begin_to_end()
        self._end_aborts()
        outcomes = self._guard.restore(AT_THE_END) if self._guard else []
        if not self._concluded:
            logger.error(NOT_CONCLUDED)
            alarm(outcomes, self._configuration.get(config.REGION_ID))
            self._concluded = True
        if self._watchdog:
            tests = self._guard.tests if self._guard else []
            self._watchdog.leave_alone() if tests else self._watchdog.dismiss()
        self._resources.close()

    def _open_network(self) -> None:
        network = open_venue(self._settings, self._configuration, self._resources)
        self._watchdog = network.watchdog
        self._facts.mode, self._facts.topology = network.mode, network.topology
        self._facts.account_id, self._facts.services = network.account_id, network.services
        region_id = self._configuration.get(config.REGION_ID)
        logger.info("%s in %s on %s", network.mode, region_id, network.place)

    def _start_guard(self) -> Guard:
        self._guard = Guard(
            backup=self._watchdog,
            timeout=self._settings.restore_timeout,
            min_survivors=self._settings.min_survivors,
        )
        self._resources.enter_context(events.listening(self._guard.listen))
        guard.set_current(self._guard)
        self._resources.callback(guard.set_current, None)
        return self._guard

    def _start_measurement(self) -> None:
        targets = self._settings.parsed_targets()
        if not targets:
            return
        self._measurement = Measurement(targets, self._settings.interval, self._settings.timeout)
        self._measurement.start()
        self._resources.callback(self._measurement.stop)
        self._resources.enter_context(events.listening(self._measurement.listen))
        measurement.set_current(self._measurement)
        self._resources.callback(measurement.set_current, None)

    def _watch_for_breaches(self) -> None:
        settings = self._settings
        if settings.abort_after is not None and self._measurement:
            breach = partial(outage_breach, self._measurement, settings.abort_after)
            self._aborts.append(AbortWatch(breach, self._on_breach, OUTAGE_INTERVAL))
        if self._abort_probe:
            breach = partial(probe_breach, self._abort_probe, self._configuration, self._secrets)
            self._aborts.append(AbortWatch(breach, self._on_breach, PROBE_INTERVAL))

    def _end_aborts(self) -> None:
        for watch in self._aborts:
            watch.end()

    def _on_breach(self, reason: str) -> None:
        self._facts.aborted = self._facts.aborted or reason
        if self._guard:
            self._guard.restore_soon(f"the run was aborted: {reason}")
        events.publish("abort", reason=reason)

    def _on_signal(self, name: str) -> None:
        """
        Order the stop of the tests; runs in the signal handler, so it waits for no lock.
        """
        if self._guard:
            self._guard.restore_soon(f"the run was interrupted by {name}")
        events.publish("signal", name=name)

    def _is_restoring(self) -> bool:
        return bool(self._guard and self._guard.restoring)

    def _finish_measurement(self) -> None:
        if self._measurement is None:
            return
        if self._measurement.windows and not self._interruption.received:
            time.sleep(self._settings.after_stop)
        self._measurement.stop()
