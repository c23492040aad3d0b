"""
The measurement of one run: checks of its targets throughout, related to the cuts of the run.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from math import inf

from chaosfailover.errors import ArgumentError
from chaosfailover.events import Event, publish
from chaosfailover.events.evidence_file import SAMPLES, Line
from chaosfailover.events.waits import waiting
from chaosfailover.outages.measured import CutWindow, borders
from chaosfailover.outages.outage import Length, Outage
from chaosfailover.outages.settled import AtStop
from chaosfailover.outages.summary import Summary
from chaosfailover.prober.hops import HopWatch, Phase
from chaosfailover.prober.open_files import Room
from chaosfailover.prober.prober import Prober, elapsed
from chaosfailover.prober.target_log import TargetLog, Timer
from chaosfailover.prober.targets import Target

__all__ = ["Measurement", "current", "failure", "set_current"]

# Seconds within which a target's first check must have ended.
LONGEST_FIRST_CHECK = 5.0
# Failures of a target that sent an answer, beside the statuses of HTTP.
ANSWERED = frozenset({"body-mismatch", "mismatch"})
# Checks of a target before the cut, at least.
BASELINE_CHECKS = 12
# Times that a target is published to be down or back within one phase of the run.
MOST_CHANGES = 200
# Seconds after which samples are written although none is news, and for which lines build on
# those before them.
LONGEST_BLOCK = 10.0
LONGEST_CHAIN = 60.0


class Measurement:
    """
    Checks targets from `start` to `stop` and relates their outages to the cuts of the run.

    `on_window` is told of each change of a cut, with its number.
    """

    def __init__(
        self,
        targets: list[Target],
        interval: float,
        timeout: float,
        room: Room | None = None,
        on_window: Callable[[int, CutWindow], None] = lambda _, __: None,
    ) -> None:
        self._on_window = on_window
        self._published: Counter[str] = Counter()
        self._log = TargetLog(_later)
        self._prober = Prober(
            targets, interval, timeout, room=room, on_change=self._announce, coded=True
        )
        self.windows: list[CutWindow] = []
        self._hops = HopWatch([target for target in targets if target.path], self._phase)
        self._number = 0
        self._written_at = elapsed()
        self._anew_at = elapsed()

    @property
    def targets(self) -> list[Target]:
        """
        The targets, each with the interval and timeout that it is checked with.
        """
        return self._prober.targets

    def start(self) -> None:
        """
        Start the checks; raises ConfigurationError if they need more files than may be open.
        """
        self._prober.start()
        self._hops.start()

    def stop(self) -> None:
        """
        End the checks; safe to repeat.
        """
        self._hops.stop()
        self._prober.stop()
        self._log.end()

    def listen(self, event: Event) -> None:
        """
        Note the instant of a cut, of its effect, or of its end.
        """
        if event["kind"] == "cut":
            job_id = event.get("job_id") or ""
            self._published.clear()
            self.windows.append(CutWindow(event["test"], self._prober.mark(), job_id=job_id))
            self._on_window(len(self.windows) - 1, self.windows[-1])
        elif event["kind"] in ("stop", "stop_refused", "status") and (
            window := self._window(event)
        ):
            before = replace(window)
            window.job_id = window.job_id or event.get("job_id") or ""
            self._note(window, event)
            if window != before:
                self._on_window(self.windows.index(window), window)

    def _note(self, window: CutWindow, event: Event) -> None:
        if event.get("status") == "Testing":
            window.testing_at = window.testing_at or elapsed()
        elif event["kind"] == "stop_refused":
            if window.stop_sent:
                window.stop_at, window.stop_sent = None, False
        elif _ends_a_cut(event) and window.stop_at is None:
            self._published.clear()
            window.stop_at, window.stop_sent = self._prober.mark(), event["kind"] == "stop"
            if not window.stop_sent and window.testing_at is not None:
                seen_at = window.stop_at - event.get("testing_ago", inf)
                window.stop_at = max(seen_at, window.testing_at)

    def about(self) -> dict[str, object]:
        """
        Return what a reader of the samples must know: the targets, and when the checks began.
        """
        began, utc = self._prober.origin
        targets = [self._prober.about(target) for target in self.targets]
        return {"began": began, "utc": utc.isoformat(), "targets": targets}

    def take(self, *, final: bool) -> Line | None:
        """
        Return the samples since the last line if one is news, or after some seconds.

        Lines are numbered. Every minute one begins that can be read without those before it.
        """
        now = elapsed()
        due = final or now - self._written_at >= LONGEST_BLOCK
        texts = self._prober.take_code(news_only=not due)
        if not texts:
            return None
        self._written_at = now
        if now - self._anew_at >= LONGEST_CHAIN:
            self.lose()
        self._number += 1
        return {SAMPLES: texts, "number": self._number}

    def lose(self) -> None:
        """
        Let the next line be readable without those before it.
        """
        self._prober.begin_anew()
        self._anew_at = elapsed()

    def problem(self, target: str) -> str:
        """
        Return why a target does not answer now, or ""; waits for its first check.
        """
        deadline = time.monotonic() + LONGEST_FIRST_CHECK
        while not (summary := self._prober.summary(target)).sent:
            if time.monotonic() >= deadline:
                return f"no check has ended within {LONGEST_FIRST_CHECK:g} s"
            time.sleep(0.02)
        if self._prober.current_outage(target) is None:
            return ""
        return failure(summary.errors)

    def wait_for_baseline(self, seconds: float) -> None:
        """
        Wait until all targets have been checked for `seconds`, and often enough.
        """
        slowest = max(target.interval or 0.0 for target in self.targets)
        end = self._prober.began + max(seconds, BASELINE_CHECKS * slowest)
        left = max(0.0, end - elapsed())
        with waiting("the baseline of the targets", left):
            time.sleep(left)

    def current_outage(self, target: str) -> Length | None:
        """
        Return the bounds of the outage that goes on; None if the target answers.
        """
        return self._prober.current_outage(target)

    @property
    def window(self) -> CutWindow | None:
        """
        The cut that is in effect now; None without one.
        """
        return next(
            (it for it in self.windows if it.testing_at is not None and it.stop_at is None), None
        )

    def _phase(self) -> Phase:
        """
        Return where the run is now, as the last cut says.
        """
        if not (window := next(reversed(self.windows), None)):
            return Phase()
        return Phase("during" if window.stop_at is None else "after", window.test)

    def unsettled(self, window: CutWindow) -> list[Target]:
        """
        Return the targets, save external ones, that have not settled in a cut up to now.
        """
        return [
            target
            for target in self.targets
            if not (target.external or self._at_stop(target.name, window).settled)
        ]

    def summaries(self, target: str | None = None) -> list[Summary]:
        """
        Summarise a target, or all of them, over the whole run and for its first cut.

        Raises ArgumentError for a target that is not checked.
        """
        return [self._summary(name, 0) for name in self._names(target)]

    def cut_summaries(self, target: str | None = None) -> list[Summary]:
        """
        Summarise a target, or all of them, once for each cut.
        """
        numbers = range(len(self.windows))
        return [self._summary(name, n) for name in self._names(target) for n in numbers]

    def as_dict(self) -> dict[str, dict[str, object]]:
        """
        Return the measurement as plain data for the journal, by target.
        """
        names = [target.name for target in self.targets]
        return {name: self._prober.entry(name, self.windows) for name in names}

    def phase_at(self, at: float) -> str:
        """
        Return the words for where the run was: `during the cut of drill`, `on the way back of
        drill`, or `before any cut`.
        """
        window = next((it for it in reversed(self.windows) if it.cut_at <= at), None)
        if window is None:
            return "before any cut"
        is_over = window.stop_at is not None and window.stop_at <= at
        return f"{'on the way back' if is_over else 'during the cut'} of {window.test}"

    def _announce(self, target: Target, outage: Outage) -> None:
        """
        Tell that a target went down or came back; called in the prober's thread.

        A loss is told up to one timeout later. Its phase is that in which it counts. Of a target
        that flaps for long, not each change is published.
        """
        at = outage.since[1] if outage.ongoing else outage.until[1]
        self._log.change(target, outage, self.phase_at(at))
        self._published[target.name] += 1
        if self._published[target.name] <= MOST_CHANGES:
            _publish(target, outage)

    def _names(self, target: str | None) -> list[str]:
        names = [target.name for target in self.targets]
        if target is not None and target not in names:
            raise ArgumentError(f"target is {target!r}, expected one of {', '.join(names)}")
        return names if target is None else [target]

    def _window(self, event: Event) -> CutWindow | None:
        """
        Return the cut of an event, by its job ID, else by the name of its test.

        A test that is created and started in one call has no job ID at first. It gets that of the
        next status without a name, since a region runs one test at a time.
        """
        test, job_id = event.get("test"), event.get("job_id")
        same_id = [cut for cut in self.windows if job_id and cut.job_id == job_id]
        without_id = [cut for cut in self.windows if not (job_id and cut.job_id)]
        same_test = [
            cut for cut in without_id if cut.test == test or (not test and cut.stop_at is None)
        ]
        return next(reversed([*same_test, *same_id]), None)

    def _summary(self, name: str, number: int) -> Summary:
        return self._prober.summary(name, *borders(self.windows, number))

    def _at_stop(self, name: str, window: CutWindow) -> AtStop:
        return self._prober.at_stop(name, window.cut_at, window.in_effect_at, window.stop_at)


def failure(errors: Collection[str]) -> str:
    """
    Return why checks failed: nothing came back, or an answer that is not the expected one.
    """
    answered = bool(errors) and all(each in ANSWERED or each.startswith("http-") for each in errors)
    hint = (
        " (expected TLS with a trusted certificate; is http:// meant?)" if "tls" in errors else ""
    )
    verb = "answers, but not as expected" if answered else "does not answer"
    return f"{verb}: {', '.join(errors) or 'unknown reason'}{hint}"


def _ends_a_cut(event: Event) -> bool:
    return event["kind"] == "stop" or event.get("status") in ("Stopping", "Stopped")


def _publish(target: Target, outage: Outage) -> None:
    publish(
        "target",
        target=target.name,
        up=not outage.ongoing,
        at_least=outage.at_least,
        at_most=None if outage.ongoing else outage.at_most,
    )


def _later(seconds: float, call: Callable[[], None]) -> Timer:
    """
    Call in the prober's thread, from which this is called.
    """
    return asyncio.get_running_loop().call_later(seconds, call)


_current: Measurement | None = None


def current() -> Measurement | None:
    """
    Return the measurement of this run; None if it has no targets.
    """
    return _current


def set_current(measurement: Measurement | None) -> None:
    """
    Set the measurement of this run; None ends it.
    """
    global _current  # noqa: PLW0603 - probes have no other way to the measurement of their run
    _current = measurement
