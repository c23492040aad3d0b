"""
What was seen of one failover test: the status of its job, and the states of what it takes.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import NamedTuple

from chaosfailover.events import Fields, publish
from chaosfailover.network.cut_resources import NORMAL, Resource, ResourceState, better, is_back

__all__ = ["UNKNOWN", "Observation", "States"]

UNKNOWN = "unknown"
"""The status, in events, of what could not be read."""

ENDING = ("Stopping", "Stopped")
Clock = Callable[[], float]
States = Mapping[Resource, ResourceState]


class Reading(NamedTuple):
    """
    A status that the API showed, and the instant of the clock from which on it may have been so.
    """

    status: str
    since: float


class Observation:
    """
    Holds what was last seen of one test, and publishes each change as an event.

    `before` has the resources that the test takes and the best states that were seen of them before
    its start was sent; None if those are not known. `went_down` tells whether each was seen in
    another state since then, since a session may also flap by itself. `stop_accepted` tells whether
    a stop of this run ends the test. `cut_again_by` has the later tests that take the same once it
    is back: what is seen from then on is theirs, and this test stays as it was. `is_away_again`
    tells whether what was back is no longer. The observer and whoever stops the test write here,
    each from its own thread.
    """

    def __init__(
        self,
        test: str,
        before: Mapping[Resource, ResourceState | None] | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.test = test
        self.job_id = ""
        self.stopped_at: float | None = None
        self.back_at: float | None = None
        self.is_away_again = False
        self.went_down = False
        self._seen_down: set[Resource] = set()
        self.stop_accepted = False
        self.cut_again_by: set[str] = set()
        self._has_begun = False
        self._has_planned_end = False
        self.before = dict(before or {})
        self._clock = clock
        self._lock = Lock()
        self._testing_at: float | None = None
        self._testing_since: float | None = None
        self._trusted_from = 0.0
        self._may_be_old = False
        self._read_in_test = False
        self._published: dict[str, str] = {}
        self._told = ("", "")
        self._last_read: dict[str, Reading] = {}
        self._states: dict[Resource, ResourceState] | None = None
        self._away_since: dict[Resource, datetime] = {}

    @property
    def resources(self) -> Set[Resource]:
        """
        The resources that the test takes.
        """
        return self.before.keys()

    def take(self, resources: Collection[Resource]) -> None:
        """
        Set the resources of a test of which nothing was known before its cut.
        """
        self.before = self.before or dict.fromkeys(resources)

    def begin(self) -> None:
        """
        Note that the start is about to be sent: what is seen from now on is no state before it.
        """
        self._has_begun = True

    def see_job(
        self,
        job_id: str,
        status: str,
        asked_at: float | None = None,
        ends_at: datetime | None = None,
    ) -> None:
        """
        Note the status of the job as the API shows it, asked for at an instant of the clock, and
        when the cloud itself is to end it, None if that is not known.
        """
        with self._lock:
            ended = self.stopped_at is not None
            if ended and asked_at is not None and asked_at < (self.stopped_at or 0.0):
                return
            self.job_id = job_id or self.job_id
            if status == "Testing":
                self._testing_at = self._clock() if asked_at is None else asked_at
                self._testing_since = self._testing_since or self._testing_at
            self._publish_status(status, ends_at)

    def is_untold(self, job_id: str, status: str) -> bool:
        """
        Return whether the log is to say this status: of several that stop a test, one says it.
        """
        with self._lock:
            before, self._told = self._told, (job_id, status)
            return before != self._told

    def ends_untold(self, job_id: str, status: str) -> bool:
        """
        Return whether the log is to say that the test ends, as nothing of this run has looked at it
        to stop it: once.
        """
        with self._lock:
            is_first = self._told == ("", "")
            if is_first:
                self._told = (job_id, status)
            return is_first

    def see_end(self, ago: float = 0.0, lag: float = 0.0) -> None:
        """
        Note that the test has ended, so many seconds ago.

        Only states that are asked for after its end show what is back. What the API shows is up to
        `lag` seconds old, so it must also be asked for that long after the cut began.
        """
        with self._lock:
            if self.stopped_at is None:
                self.stopped_at, self._states = self._clock() - ago, None
                began = self.stopped_at if self._testing_since is None else self._testing_since
                self._trusted_from = max(self.stopped_at, began + lag)

    def see_states(
        self, states: Mapping[Resource, ResourceState], asked_at: float, lag: float = 0.0
    ) -> None:
        """
        Note the states of the resources, asked for at an instant of the clock.

        A resource that is missing is not shown by the API, and what it shows is up to `lag` seconds
        old. The first states of the test are events even if they are as before, so that it is known
        that they were read.
        """
        with self._lock:
            if self.cut_again_by:
                return
            if self._testing_since is not None and asked_at >= self._testing_since:
                self._note_first_read()
            for resource, before in self.before.items():
                if not self._has_begun:
                    self.before[resource] = better(resource, before, states.get(resource))
                self._note_state(resource, states.get(resource), asked_at - lag)
            self._may_be_old = asked_at < self._trusted_from
            if self._may_be_old:
                return
            self._states = {each: states[each] for each in self.before if each in states}
            if self.stopped_at is not None:
                self._note_return()

    def _note_first_read(self) -> None:
        if not self._read_in_test:
            self._read_in_test = True
            for resource in self.before:
                self._published.pop(resource.resource_id, None)

    def _note_return(self) -> None:
        """
        Publish that everything is back, or that it is no longer.
        """
        if self.back_at is None and self.is_back:
            self.back_at, self.is_away_again = self._clock(), False
            publish("back", test=self.test, job_id=self.job_id or None)
        elif self.back_at is not None and self.is_back is False:
            self.back_at, self.is_away_again = None, True
            publish("away", test=self.test, job_id=self.job_id or None)

    def miss_job(self) -> None:
        """
        Note that the status of the job could not be read.
        """
        with self._lock:
            self._publish_status(UNKNOWN)

    def miss_states(self) -> None:
        """
        Note that the states of the resources could not be read.
        """
        with self._lock:
            if self.cut_again_by:
                return
            self._states = None
            for resource in self.before:
                self._publish_state(resource, UNKNOWN, None)

    @property
    def is_back(self) -> bool | None:
        """
        Whether all that the test takes is as before the cut, None if that was not read.
        """
        states = self._states
        if states is None or not self.before:
            return None
        return all(is_back(each, states.get(each), before) for each, before in self.before.items())

    def not_back(self) -> Iterator[str]:
        """
        Yield a sentence for each resource that was not seen as it was before the cut.
        """
        states = self._states
        for resource, before in self.before.items():
            state = states.get(resource) if states is not None else None
            if states is None or not is_back(resource, state, before):
                unread = "not asked for late enough" if self._may_be_old else "of unknown status"
                known = "not shown by the API" if states is not None else unread
                shown = _shown(state) if state else known
                expected = _shown(before) if before else NORMAL[resource.resource_type]
                since = self._away_since.get(resource)
                seen = f" since {since:%H:%M:%S} UTC" if since else ""
                yield f"{resource.resource_id} is {shown}, not {expected}{seen}"

    def _note_state(self, resource: Resource, state: ResourceState | None, since: float) -> None:
        if is_back(resource, state, self.before[resource]):
            self._away_since.pop(resource, None)
        else:
            if self._has_begun and state is not None:
                self._seen_down.add(resource)
                self.went_down = self.went_down or self._seen_down >= self.before.keys()
            self._away_since.setdefault(resource, datetime.now(UTC))
        status = _status(state)
        earliest = self._earliest_change(resource, Reading(status, since))
        self._publish_state(resource, status, earliest)

    def _publish_status(self, status: str, ends_at: datetime | None = None) -> None:
        """
        Publish a status that is new, and once more when its planned end is first known.
        """
        if self._published.get("") != status or (ends_at and not self._has_planned_end):
            self._published[""] = status
            event: Fields = {"test": self.test, "job_id": self.job_id, "status": status}
            if status in ENDING and self._testing_at is not None:
                event["testing_ago"] = round(max(0.0, self._clock() - self._testing_at), 6)
            if ends_at:
                event["ends_at"] = ends_at.isoformat()
                self._has_planned_end = True
            publish("status", **event)

    def _earliest_change(self, resource: Resource, now: Reading) -> str | None:
        """
        Return the earliest instant of a change since the last reading; None if nothing changed.
        """
        before = self._last_read.get(resource.resource_id)
        if now.status == UNKNOWN:
            return None
        self._last_read[resource.resource_id] = now
        if before is None or before.status == now.status:
            return None
        # Replies to the observer and to a stop may come in another order than they were asked for.
        utc, since = datetime.now(UTC), min(before.since, now.since)
        return (utc - timedelta(seconds=self._clock() - since)).isoformat()

    def _publish_state(self, resource: Resource, status: str, earliest: str | None) -> None:
        if self._published.get(resource.resource_id) != status:
            self._published[resource.resource_id] = status
            event: Fields = {
                "test": self.test,
                "resource_id": resource.resource_id,
                "resource_type": resource.resource_type,
                "status": status,
            }
            if earliest is not None:
                event["earliest"] = earliest
            publish("resource", **event)


def _status(state: ResourceState | None) -> str:
    """
    Return the status that events and the probes show: of a BGP peer, that of its session.
    """
    return UNKNOWN if state is None else (state.session or state.status or UNKNOWN)


def _shown(state: ResourceState) -> str:
    return " and ".join(each for each in state if each) or "without a status"
