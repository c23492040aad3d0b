"""
One run of an experiment: its rehearsal, its guard, its signals, and what it leaves in the journal.
"""

import logging
from collections.abc import MutableMapping
from contextlib import ExitStack
from typing import Any

from chaosfailover import config, guard
from chaosfailover.errors import ConfigurationError
from chaosfailover.guard import Guard
from chaosfailover.settings import Settings
from chaosfailover.signals import Interruption
from chaosfailover.stopping import Outcome
from chaosfailover.watchdog import Watchdog

__all__ = ["Session"]

logger = logging.getLogger("chaostoolkit")

AT_THE_END = "the run is at its end"


class Session:
    """
    Holds what lives as long as the run: the rehearsal's emulator, the watchdog and the guard.
    """

    def __init__(self, settings: Settings, configuration: MutableMapping[str, Any]) -> None:
        self._settings = settings
        self._configuration = configuration
        self._resources = ExitStack()
        self._watchdog: Watchdog | None = None
        self._guard: Guard | None = None
        self._interruption = Interruption(self._on_signal, self._is_restoring)

    @property
    def mode(self) -> str:
        """
        REHEARSAL on the embedded emulator, LIVE on whatever else answers.
        """
        return "REHEARSAL" if config.is_rehearsal(self._configuration) else "LIVE"

    def begin(self) -> None:
        """
        Take the signals over, start the emulator or the watchdog, and put the guard up.

        A rehearsal has no watchdog: its emulator ends with the run. Raises ConfigurationError when
        the emulator cannot be had.
        """
        if not self._interruption.install():
            logger.warning("Not in the main thread: signals stay as they are")
        self._resources.callback(self._interruption.put_back)
        if self._configuration.get("alibaba_cloud_vpc_endpoint") == "emulator":
            self._rehearse()
        else:
            self._watchdog = Watchdog()
        self._guard = Guard(standby=self._watchdog, timeout=self._settings.restore_timeout)
        guard.set_current(self._guard)
        self._resources.callback(guard.set_current, None)
        logger.info("%s in %s", self.mode, self._where())

    def begin_to_end(self) -> None:
        """
        Note that the rollbacks begin: from here on a signal cuts nothing short.
        """
        self._interruption.ending = True

    def end(self, journal: MutableMapping[str, Any]) -> None:
        """
        Stop what the run started, and say in the journal how that went.
        """
        self._interruption.ending = True
        if self._guard is None:
            return
        outcomes = self._guard.restore(AT_THE_END)
        journal["failover"] = {
            "mode": self.mode,
            "region_id": self._configuration.get("alibaba_cloud_region_id"),
            "stopped": [outcome.as_dict() for outcome in outcomes],
        }
        self._record_interruption(journal)
        if failed := [outcome for outcome in outcomes if outcome.error]:
            self._alarm(failed)
            journal["status"] = "failed"

    def close(self) -> None:
        """
        Take everything down that is still up; safe to repeat.

        The watchdog is only sent away when nothing is left on the guard's list.
        """
        self._interruption.ending = True
        if self._guard:
            self._guard.restore(AT_THE_END)
        if self._watchdog:
            left = self._guard.tests if self._guard else []
            self._watchdog.leave_alone() if left else self._watchdog.dismiss()
        self._resources.close()

    def _on_signal(self, name: str) -> None:
        if self._guard:
            self._guard.restore_soon(f"the run was interrupted by {name}")

    def _is_restoring(self) -> bool:
        return bool(self._guard and self._guard.restoring)

    def _rehearse(self) -> None:
        emulator = self._resources.enter_context(_emulator(self._settings))
        self._configuration["alibaba_cloud_vpc_endpoint"] = emulator.url
        self._configuration["alibaba_cloud_rehearsal"] = True

    def _where(self) -> str:
        region = self._configuration.get("alibaba_cloud_region_id")
        if self.mode == "REHEARSAL":
            return f"{region} on the embedded emulator, topology {self._settings.topology}"
        endpoint = self._configuration.get("alibaba_cloud_vpc_endpoint") or "cloud"
        return f"{region}, endpoint {endpoint}: what a test names will really be cut"

    def _record_interruption(self, journal: MutableMapping[str, Any]) -> None:
        """
        Say which signal came; one that an activity swallowed still interrupted the run.
        """
        if name := self._interruption.received:
            reason = f"received {name}"
            journal["interruption"] = {"kind": "signal", "name": name, "reason": reason}
            journal["status"] = "interrupted"

    def _alarm(self, failed: list[Outcome]) -> None:
        region = self._configuration.get("alibaba_cloud_region_id")
        for outcome in failed:
            test = outcome.job_id or outcome.test
            logger.error(
                "A FAILOVER TEST MAY STILL BE RUNNING: %s: %s. "
                "To stop it: chaos failover stop %s --region %s",
                outcome.test,
                outcome.error,
                test,
                region,
            )


def _emulator(settings: Settings) -> Any:
    try:
        from chaosfailover.emulator import Emulator

        return Emulator(
            settings.topology,
            minute=settings.minute,
            access_keys={config.REHEARSAL_ACCESS_KEY_ID: config.REHEARSAL_ACCESS_KEY_SECRET},
        )
    except ImportError as exc:
        raise ConfigurationError(f"a rehearsal needs the emulator: {exc}") from exc
