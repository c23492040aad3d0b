"""
One run of an experiment: what lives as long as it does, and what it leaves in the journal.
"""

import logging
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Any

from chaoslib.exceptions import InterruptExecution
from chaoslib.types import Activity, Configuration, Experiment, Journal, Secrets

from chaosfailover import config, events, guard, measurement
from chaosfailover.abort import AbortWatch, outage_breach
from chaosfailover.announcement import announce, ask_for_confirmation
from chaosfailover.clearance import Clearance
from chaosfailover.client import VpcClient
from chaosfailover.conclusion import check_files, conclude
from chaosfailover.cuts import Cut
from chaosfailover.entry import RunFacts, make_entry
from chaosfailover.errors import ConfigurationError, FailoverError, PreflightError
from chaosfailover.guard import Guard
from chaosfailover.measurement import Measurement
from chaosfailover.preflight import Flight, existing_cut, preflight
from chaosfailover.redaction import given_secrets, redact_run
from chaosfailover.settings import Settings
from chaosfailover.signals import Interruption
from chaosfailover.steps import planned_cuts, planned_time
from chaosfailover.stopping import Outcome
from chaosfailover.watchdog import Watchdog
from chaosfailover.watched_probe import find_probe, probe_breach

__all__ = ["Session"]

logger = logging.getLogger("chaostoolkit")

AT_THE_END = "the run is at its end"
OTHER_PORTS = (
    "end what listens there, or rehearse on another port: write a topology file with "
    "'extends: dual-circuit' and 'services: {portal: {port: 28090}}', name it as topology "
    "(FAILOVER_TOPOLOGY), and let the targets follow (FAILOVER_PORTAL_URL=http://127.0.0.1:28090/)"
)
NOT_CONCLUDED = """\
NO VERDICT: the toolkit has not called the control after the experiment, so this run shows \
nothing, whatever its status says; the control chaosfailover.control takes no `scope`"""
# Seconds between looks for a breach: at a measured outage, and at the probe of `abort_when`.
OUTAGE_INTERVAL = 0.1
PROBE_INTERVAL = 1.0


class Session:
    """
    Holds the rehearsal's emulator or the watchdog, the guard, the measurement and the abort.
    """

    def __init__(
        self,
        settings: Settings,
        experiment: Experiment,
        configuration: Configuration,
        secrets: Secrets,
    ) -> None:
        self._settings = settings
        self._experiment = experiment
        self._configuration = configuration
        self._secrets = secrets
        self._resources = ExitStack()
        self._facts = RunFacts(settings=settings, configuration=configuration)
        self._watchdog: Watchdog | None = None
        self._guard: Guard | None = None
        self._measurement: Measurement | None = None
        self._abort_probe: Activity | None = None
        self._aborts: list[AbortWatch] = []
        self._concluded = False
        self._interruption = Interruption(self._on_signal, self._is_restoring)

    def begin(self) -> None:
        """
        Make all ready before anything is cut, and see whether it may be.

        Raises ConfigurationError, ArgumentError or PreflightError when it may not.
        What was in the way is told as the event `refused`, and stands in the journal.
        """
        if self._settings.abort_when is not None:
            self._abort_probe = find_probe(self._experiment, self._settings.abort_when)
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
        check_files(self._settings)
        if not self._interruption.install():
            logger.warning("Not in the main thread: signals stay as they are")
        self._resources.callback(self._interruption.put_back)
        self._open_network()
        self._put_the_guard_up()
        self._begin_to_measure()
        self._make_the_preflight()
        self._watch_for_breaches()

    def begin_to_end(self) -> None:
        """
        Note that the rollbacks begin: from here on a signal cuts nothing short.
        """
        self._interruption.ending = True

    def end(self, journal: Journal) -> None:
        """
        Stop what the run started, measure the way back, and complete the journal.
        """
        self.begin_to_end()
        self._end_aborts()
        outcomes = self._guard.restore(AT_THE_END) if self._guard else []
        self._measure_the_way_back()
        events.publish("end")
        entry = make_entry(self._facts, self._experiment, self._measurement, outcomes)
        self._record_interruption(journal)
        secrets = given_secrets(self._secrets)
        journal.update(redact_run({**journal, "failover": entry}, secrets))
        conclude(journal, self._settings)
        if self._alarm(outcomes):
            journal["status"] = "failed"
        self._concluded = True

    def close(self) -> None:
        """
        Take everything down that is still up; safe to repeat.

        The watchdog is only sent away when nothing is left on the guard's list. A run that was not
        concluded gets no verdict any more, and the toolkit may call it completed: that is said.
        """
        self.begin_to_end()
        self._end_aborts()
        outcomes = self._guard.restore(AT_THE_END) if self._guard else []
        if not self._concluded:
            logger.error(NOT_CONCLUDED)
            self._alarm(outcomes)
            self._concluded = True
        if self._watchdog:
            left = self._guard.tests if self._guard else []
            self._watchdog.leave_alone() if left else self._watchdog.dismiss()
        self._resources.close()

    def _open_network(self) -> None:
        """
        Start the emulator of a rehearsal, which ends with the run, or else the watchdog.
        """
        network = config.network(self._configuration)
        place = self._embed_emulator() if network == "emulator" else self._reach_out(network)
        if self._facts.topology:
            self._facts.mode = "REHEARSAL"
        region_id = self._configuration.get(config.REGION_ID)
        logger.info("%s in %s on %s", self._facts.mode, region_id, place)

    def _embed_emulator(self) -> str:
        emulator = self._enter(_emulator(self._settings))
        self._configuration[config.ENDPOINT] = emulator.url
        self._configuration[config.REHEARSAL] = True
        self._facts.account_id = emulator.account_id
        self._facts.topology = self._settings.topology
        return f"the embedded emulator, topology {self._settings.topology}"

    def _enter(self, emulator: Any) -> Any:
        from chaosfailover.emulator.dataplane import PortTakenError

        try:
            return self._resources.enter_context(emulator)
        except PortTakenError as exc:
            taken, _, _ = str(exc).partition("; ")
            raise ConfigurationError(f"{taken}: {OTHER_PORTS}") from exc

    def _reach_out(self, endpoint: str) -> str:
        self._watchdog = Watchdog()
        topology = self._facts.topology = config.emulated_topology(self._configuration)
        return f"the emulator at {endpoint}, topology {topology}" if topology else endpoint

    def _put_the_guard_up(self) -> None:
        self._guard = Guard(
            standby=self._watchdog,
            timeout=self._settings.restore_timeout,
            min_survivors=self._settings.min_survivors,
        )
        self._resources.enter_context(events.listening(self._guard.listen))
        guard.set_current(self._guard)
        self._resources.callback(guard.set_current, None)

    def _begin_to_measure(self) -> None:
        targets = self._settings.parsed_targets()
        if not targets:
            return
        self._measurement = Measurement(targets, self._settings.interval, self._settings.timeout)
        self._measurement.start()
        self._resources.callback(self._measurement.stop)
        self._resources.enter_context(events.listening(self._measurement.listen))
        measurement.set_current(self._measurement)
        self._resources.callback(measurement.set_current, None)

    def _make_the_preflight(self) -> None:
        created, started = planned_cuts(self._experiment, self._configuration, self._secrets)
        with config.client(self._configuration, self._secrets) as client:
            cuts = [*created, *(existing_cut(client, test) for test in started)]
            flight = self._flight(client, cuts)
            self._facts.checks = preflight(flight)
            self._facts.lost = flight.lost
            self._facts.clock_offset = client.clock_offset
        if failed := [check for check in self._facts.checks if not check.passed]:
            raise PreflightError("; ".join(f"{check.name}: {check.detail}" for check in failed))
        self._facts.cuts = cuts
        if cuts and self._measurement:
            self._measurement.wait_for_baseline(self._settings.baseline)
        if cuts and self._facts.account_id is None:
            self._facts.account_id = self._account_id()
        self._clear(cuts)

    def _clear(self, cuts: list[Cut]) -> None:
        """
        Let the cuts pass that the preflight has seen, once they were announced; none in a dry run.
        """
        clearance = Clearance.of(cuts, self._experiment.get("dry"))
        if clearance.refusal:
            logger.warning("Nothing will be cut: %s", clearance.refusal)
        elif cuts and self._facts.mode == "LIVE":
            self._announce(cuts)
        if self._guard:
            self._guard.clearance = clearance

    def _flight(self, client: VpcClient, cuts: list[Cut]) -> Flight:
        measured = self._measurement
        return Flight(
            client=client,
            cuts=cuts,
            planned_time=planned_time(self._experiment, self._configuration, self._secrets),
            min_survivors=self._settings.min_survivors,
            targets=[target.name for target in measured.targets] if measured else [],
            answer_now=measured.problem if measured else lambda _: "",
        )

    def _account_id(self) -> str | None:
        try:
            return config.account_id(self._configuration, self._secrets)
        except FailoverError as exc:
            logger.warning("The account cannot be told: %s", exc)
            return None

    def _announce(self, cuts: list[Cut]) -> None:
        announce(
            cuts,
            account_id=self._facts.account_id or "unknown",
            region_id=str(self._configuration.get(config.REGION_ID)),
            now=datetime.now(UTC),
        )
        if self._settings.confirm:
            ask_for_confirmation(cuts)

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
        Have the tests stopped; may be called inside the signal handler, so it takes no lock.
        """
        if self._guard:
            self._guard.restore_soon(f"the run was interrupted by {name}")
        events.publish("signal", name=name)

    def _is_restoring(self) -> bool:
        return bool(self._guard and self._guard.restoring)

    def _measure_the_way_back(self) -> None:
        if self._measurement is None:
            return
        if self._measurement.windows and not self._interruption.received:
            time.sleep(self._settings.after_stop)
        self._measurement.stop()

    def _record_interruption(self, journal: Journal) -> None:
        """
        Say what ended the run early; a signal that an activity swallowed did so too.
        """
        if reason := self._facts.aborted:
            journal["interruption"] = {"kind": "abort", "name": "abort", "reason": reason}
        elif name := self._interruption.received:
            reason = f"received {name}"
            journal["interruption"] = {"kind": "signal", "name": name, "reason": reason}
        else:
            return
        journal["status"] = "interrupted"

    def _alarm(self, outcomes: list[Outcome]) -> bool:
        """
        Say loudly what could not be stopped; return whether there is anything.
        """
        failed = [outcome for outcome in outcomes if outcome.error]
        for outcome in failed:
            logger.error(
                "A FAILOVER TEST MAY STILL BE RUNNING: %s: %s. "
                "To stop it: chaos failover stop %s --region %s",
                outcome.test,
                outcome.error,
                outcome.job_id or outcome.test,
                self._configuration.get(config.REGION_ID),
            )
        return bool(failed)


def _emulator(settings: Settings) -> Any:
    try:
        from chaosfailover.emulator import Emulator
    except ImportError as exc:
        raise ConfigurationError(f"a rehearsal needs the emulator: {exc}") from exc
    return Emulator(
        settings.topology,
        minute=settings.minute,
        access_keys={config.REHEARSAL_ACCESS_KEY_ID: config.REHEARSAL_ACCESS_KEY_SECRET},
    )
