"""
The session: the resources of one run, from the first hook to the last.
"""

import contextlib
import logging
import os
import time
from contextlib import ExitStack
from functools import partial
from math import inf
from pathlib import Path

from chaoslib.exceptions import InterruptExecution
from chaoslib.types import Journal

from chaosfailover import events
from chaosfailover.alibaba import config
from chaosfailover.errors import FailoverError, GuardError
from chaosfailover.prober import measurement
from chaosfailover.prober.measurement import Measurement
from chaosfailover.prober.open_files import Room
from chaosfailover.record.redaction import LogRedaction, given_secrets
from chaosfailover.run import Activity, Configuration, Experiment, Secrets
from chaosfailover.run.abort import AbortWatch, Breach, find_probe, outage_breach, probe_breach
from chaosfailover.run.evidence import RunEvidence, open_evidence
from chaosfailover.run.experiment_file import at_command_end
from chaosfailover.run.experiment_shape import check_keys
from chaosfailover.run.finish import check_files, conclude, fail, live_report, writable_journal
from chaosfailover.run.go_no_go import make_ready
from chaosfailover.run.journal_entry import (
    RunFacts,
    check_depth,
    entry_after_preflight,
    entry_at_first,
    hash_as_written,
    json_object,
    known_secrets,
    make_entry,
)
from chaosfailover.run.live_page import LivePage, open_live_page
from chaosfailover.run.mode import Venue, open_venue
from chaosfailover.run.safeguard import note_safeguard
from chaosfailover.run.settings import Settings
from chaosfailover.run.settling import wait_after_return, wait_until_settled
from chaosfailover.run.wait_display import shown_waits
from chaosfailover.run.written_values import check_values
from chaosfailover.safety import guard
from chaosfailover.safety.alarm import alarm, utc_after
from chaosfailover.safety.guard import Guard
from chaosfailover.safety.guarded_test import StopOutcome
from chaosfailover.safety.observer import ObserverThread
from chaosfailover.safety.route_watch import RouteWatchThread
from chaosfailover.safety.watchdog import GRACE, Watchdogs, log_name
from chaosfailover.signals import Interruption

__all__ = ["Session", "interruption", "note_begun"]

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


def note_begun(*, begun: bool) -> None:
    """
    Note whether a run may go on to its method: if not, its rollbacks have nothing to stop.
    """
    guard.set_unbegun(unbegun=not begun)


AT_THE_END = "the run is ending"
# In a container, the watchdogs die with process 1.
FIRST_PROCESS = 1
# Seconds for one call of the observer, which is tried once: the calls that matter come first.
OBSERVER_DEADLINE = 5.0
# The members of events that name tests and resources.
NAMING = ("test", "job_id", "resource_id")
NOT_CONCLUDED = """\
NO VERDICT: the toolkit did not call the control after the experiment, so this run proves \
nothing, whatever its status; the control chaosfailover.control must have no `scope`"""
# Seconds between looks for a breach: at a measured outage, and at the probe of `abort_when`.
OUTAGE_INTERVAL = 0.1
PROBE_INTERVAL = 1.0


class Session:
    """
    Holds the emulator or the watchdogs, the guard, the observer, the measurement and the aborts.
    """

    def __init__(
        self,
        settings: Settings,
        experiment: Experiment,
        configuration: Configuration,
        secrets: Secrets,
        rollback_strategy: str | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._settings = settings
        self._experiment = experiment
        self._configuration = configuration
        self._secrets = secrets
        self._resources = ExitStack()
        self._facts = RunFacts(settings, configuration, rollback_strategy)
        self._venue: Venue | None = None
        self._guard: Guard | None = None
        self._measurement: Measurement | None = None
        self._abort_probe: Activity | None = None
        self._aborts: list[AbortWatch] = []
        self._concluded = False
        self._is_wanted = True
        self._outcomes: list[StopOutcome] = []
        self._observer: ObserverThread | None = None
        self._route_watch: RouteWatchThread | None = None
        self._journal = journal or {}
        self._evidence: RunEvidence | None = None
        self._live: LivePage | None = None
        self._entry_noted = False
        self._interruption = Interruption(self._on_signal, self._end_wait, self._is_restoring)

    def begin(self) -> None:
        """
        Open everything, and check that the cuts may be made.

        Raises ConfigurationError, ArgumentError or PreflightError if not. The event `refused` then
        keeps the reason for the journal.
        """
        self._facts.experiment_hash = hash_as_written(self._experiment)
        self._redact_logs()
        self._resources.enter_context(shown_waits())
        self._resources.enter_context(events.listening(self._facts.events.append))
        try:
            self._open_evidence()
            events.publish("begin")
            self._make_ready()
        except InterruptExecution:
            raise
        except Exception as exc:
            events.publish("refused", reason=str(exc))
            self._note_entry()
            raise

    def _open_evidence(self) -> None:
        self._evidence = open_evidence(self._settings.evidence or None, self._hidden())
        self._evidence.begin(self._journal)
        self._resources.enter_context(events.listening(self._evidence.listen))
        if self._settings.live:
            self._live = open_live_page(Path(self._settings.live), self._evidence.path)

    def _note_entry(self) -> None:
        """
        Write what is known after the preflight, once: at the latest when the run is concluded.
        """
        if self._evidence and not self._entry_noted:
            first = entry_at_first(self._facts, self._experiment)
            self._evidence.note({"failover": {**first, **entry_after_preflight(self._facts)}})
            self._entry_noted = True

    def _hidden(self) -> set[str]:
        return known_secrets(self._configuration, self._secrets)

    def _make_ready(self) -> None:
        if self._settings.abort_when is not None:
            self._abort_probe = find_probe(self._experiment, self._settings.abort_when)
        check_depth(self._experiment)
        check_keys(self._experiment)
        check_files(self._settings)
        if not self._interruption.install():
            logger.warning("Not in the main thread: signals are not handled")
        at_command_end(self._interruption.put_back, self._resources)
        venue = self._open_venue()
        check_values(self._experiment, self._configuration, self._secrets, self._settings)
        guarding = self._start_guard(venue)
        self._start_measurement(venue.room)
        reads = config.network_reads(self._configuration, self._secrets)
        approved = make_ready(
            self._facts,
            self._experiment,
            self._configuration,
            self._secrets,
            self._measurement,
            self._resources.enter_context(reads),
        )
        self._note_entry()
        guarding.approve(approved, self._facts.before)
        self._start_observer(guarding)
        self._watch_for_breaches()

    def _redact_logs(self) -> None:
        """
        Hide secrets in what is logged until the session is closed, but not the names in alarms.
        """
        secrets = given_secrets(json_object({"secrets": self._secrets}))
        redaction = LogRedaction(secrets, self._names)
        logger.addFilter(redaction)
        self._resources.callback(logger.removeFilter, redaction)

    def _names(self) -> set[str]:
        """
        Return the names by which an operator stops a test, and looks for what it took.
        """
        region_id = self._configuration.get(config.REGION_ID)
        tests = [cut.test for cut in self._facts.cuts]
        seen = [event.get(key) for event in self._facts.events for key in NAMING]
        return {str(name) for name in (region_id, log_name(os.getpid()), *tests, *seen) if name}

    @property
    def evidence(self) -> RunEvidence | None:
        """
        Where the course of the run is written, once it has begun.
        """
        return self._evidence

    def settle(self) -> None:
        """
        Wait until the failover has settled, if a test cuts and nothing ends the run.
        """
        if not (self._measurement and self._guard):
            return
        minute = self._settings.minute if self._facts.mode == "REHEARSAL" else 60.0
        minutes = min((each.duration_minutes for each in self._guard.tests), default=0)
        wait_until_settled(
            self._measurement, minutes * minute, self._settings.abort_after, self._may_wait
        )

    def _may_wait(self) -> bool:
        ends = self._interruption.received or self._interruption.ending or self._facts.aborted
        guarding = self._guard
        return bool(guarding and guarding.tests and not guarding.is_stopping and not ends)

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
        self._restore()
        self._finish_measurement()
        self._end_observer()
        self._read_traffic()
        events.publish("end")
        entry = make_entry(self._facts, self._experiment, self._measurement, self._outcomes)
        if ended := interruption(self._facts.aborted, self._interruption.received):
            journal.update(interruption=ended, status="interrupted")
        journal.update({**json_object(journal), "failover": entry})
        note_safeguard(journal)
        secrets = given_secrets(json_object({"secrets": self._secrets}))
        live = self._live.conclude if self._live else live_report(self._settings)
        conclude(journal, self._settings, secrets, self._kept, writable_journal(), live)
        self._conclude_evidence(journal)
        if alarm(self._outcomes, self._configuration.get(config.REGION_ID)):
            fail(journal, "alarm")
        self._concluded = True

    def _kept(self, verdict: str) -> Path | None:
        """
        Return where the evidence stays, by the verdict: a rehearsal that held needs none.
        """
        self._is_wanted = not (verdict == "held" and self._facts.mode == "REHEARSAL")
        evidence = self._evidence
        return evidence.path if evidence and (self._is_wanted or evidence.named) else None

    def _conclude_evidence(self, journal: Journal) -> None:
        if self._evidence:
            self._note_entry()
            self._evidence.conclude(journal)

    def close(self) -> None:
        """
        Close everything that is still open; safe to repeat.

        The watchdogs are dismissed only when the guard's list is empty. A run without a conclusion
        is logged as an error, since the toolkit may call it completed.
        """
        self.begin_to_end()
        self._restore()
        self._end_observer()
        if not self._concluded:
            logger.error(NOT_CONCLUDED)
            if self._evidence:
                logger.info("The evidence is in %s", self._evidence.path)
            alarm(self._outcomes, self._configuration.get(config.REGION_ID))
            self._concluded = True
        if self._venue and self._venue.watchdogs:
            self._leave_to(self._venue.watchdogs)
        self._resources.close()
        if self._evidence:
            self._evidence.close(wanted=self._is_wanted)

    def _restore(self) -> None:
        """
        End what may still cut, and stop what the run started; safe to repeat.
        """
        for watch in self._aborts:
            watch.end()
        self._outcomes = self._guard.restore(AT_THE_END) if self._guard else []

    def _end_observer(self) -> None:
        """
        End the reads; what is cut is stopped by now, so that the routes may be read once more.
        """
        if self._observer:
            self._observer.end()
        if self._route_watch:
            self._route_watch.end(once_more=not self._interruption.received)

    def _read_traffic(self) -> None:
        """
        Read what traffic there was, unless the run is to end soon; nothing waits for what is late.
        """
        if self._facts.routes and not self._interruption.received:
            try:
                self._facts.traffic = self._facts.routes.traffic(self._facts.events)
            except FailoverError as exc:
                logger.warning("The traffic of the run was not read: %s", exc)

    def _leave_to(self, watchdogs: Watchdogs) -> None:
        """
        Dismiss the watchdogs, or leave them the tests that are not over.
        """
        tests = self._guard.tests if self._guard else []
        if not tests:
            watchdogs.dismiss()
            return
        for guarded in tests:
            with contextlib.suppress(GuardError):
                watchdogs.watch(guarded)
        left = max(guarded.seconds_left(time.monotonic()) for guarded in tests)
        longest = left + GRACE + self._settings.restore_timeout
        names = ", ".join(guarded.test for guarded in tests)
        watchdogs.leave(f"it ended before they were over: {names}")
        if os.getpid() == FIRST_PROCESS:
            return
        logger.warning(
            "The watchdog (process %s) stays until %s at the latest, since %s is not over; "
            "it writes %s",
            watchdogs.pids[0] if watchdogs.pids else "gone",
            utc_after(longest),
            names,
            log_name(os.getpid()),
        )

    def _open_venue(self) -> Venue:
        region_id = config.region(self._configuration)
        self._venue = venue = open_venue(self._settings, self._configuration, self._resources)
        self._facts.mode, self._facts.topology = venue.mode, venue.topology
        self._facts.account_id, self._facts.services = venue.account_id, venue.services
        self._facts.embedded = venue.watchdogs is None
        if venue.watchdogs and self._evidence:
            venue.watchdogs.add_to_evidence(self._evidence.path, self._evidence.hidden)
        if self._evidence:
            self._evidence.note({"failover": {"mode": venue.mode, "region_id": region_id}})
        logger.info("%s in %s on %s", venue.mode, region_id, venue.place)
        return venue

    def _start_guard(self, venue: Venue) -> Guard:
        self._guard = Guard(
            backup=venue.watchdogs,
            timeout=self._settings.restore_timeout,
            latest_start=venue.latest_start,
            late_starts=bool(venue.watchdogs) and os.getpid() == FIRST_PROCESS,
            min_survivors=self._settings.min_survivors,
            survivors_by=self._settings.survivors_by,
            volatile=venue.volatile,
        )
        self._resources.enter_context(events.listening(self._guard.listen))
        guard.set_current(self._guard)
        self._resources.callback(guard.set_current, None)
        return self._guard

    def _start_observer(self, guarding: Guard) -> None:
        if not guarding.observations:
            return
        access = partial(
            config.client,
            self._configuration,
            self._secrets,
            deadline=OBSERVER_DEADLINE,
            attempts=1,
        )
        self._observer = ObserverThread(access, guarding)
        self._observer.start()
        if routes := self._facts.routes:
            self._route_watch = RouteWatchThread(
                routes.reads, routes.snapshot, routes.tables, guarding
            )
            self._route_watch.start()

    def _start_measurement(self, room: Room) -> None:
        targets = self._settings.parsed_targets()
        if not targets or self._evidence is None:
            return
        settings = self._settings
        self._measurement = Measurement(
            targets, settings.interval, settings.timeout, room, self._evidence.window
        )
        self._measurement.start()
        self._evidence.measure(self._measurement)
        self._resources.callback(self._measurement.stop)
        self._resources.enter_context(events.listening(self._measurement.listen))
        measurement.set_current(self._measurement)
        self._resources.callback(measurement.set_current, None)

    def _watch_for_breaches(self) -> None:
        settings = self._settings
        if settings.abort_after is not None and self._measurement:
            self._watch(
                partial(outage_breach, self._measurement, settings.abort_after), OUTAGE_INTERVAL
            )
        if self._abort_probe:
            breach = partial(probe_breach, self._abort_probe, self._configuration, self._secrets)
            self._watch(breach, PROBE_INTERVAL)

    def _watch(self, breach: Breach, interval: float) -> None:
        """
        Watch for a breach until a signal, which ends the run for its own reason.
        """

        def unless_interrupted() -> str:
            return "" if self._interruption.received else breach()

        self._aborts.append(AbortWatch(unless_interrupted, self._on_breach, interval))

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

    def _end_wait(self) -> None:
        """
        End the wait for what is not back; runs in the signal handler too.
        """
        if self._guard:
            self._guard.end_wait()

    def _is_restoring(self) -> bool:
        return bool(self._guard and self._guard.restoring)

    def _back_since(self) -> float:
        return self._guard.back_since if self._guard else -inf

    def _finish_measurement(self) -> None:
        if self._measurement is None:
            return
        if self._measurement.windows and not self._interruption.received:
            wait_after_return(
                self._back_since,
                self._settings.after_stop,
                self._settings.restore_timeout,
                lambda: not self._interruption.received,
            )
        self._measurement.stop()
