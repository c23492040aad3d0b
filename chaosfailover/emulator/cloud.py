"""
The emulated cloud: all state, the clock, and the lock around them.
"""

import random
import string
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from math import inf

from chaosfailover.emulator.access_keys import AccessKey
from chaosfailover.emulator.clock import Clock
from chaosfailover.emulator.downtime import Downtime, downtimes_from, fields_after
from chaosfailover.emulator.error_codes import Refusal
from chaosfailover.emulator.faults import ArmedFaults
from chaosfailover.emulator.job import UNFINISHED, Job, entered
from chaosfailover.emulator.ledger import Ledger
from chaosfailover.emulator.loads import Carried, Traffic
from chaosfailover.emulator.operations.rules import (
    check_free,
    check_region,
    check_resources,
    requested_resources,
)
from chaosfailover.emulator.request_log import RequestLog
from chaosfailover.emulator.resources import Network
from chaosfailover.emulator.routing import (
    Intervals,
    Segment,
    courses,
    fallen_sessions,
    lost_sessions,
    within,
)
from chaosfailover.emulator.services import Service
from chaosfailover.emulator.settings import Settings, drawn, longest
from chaosfailover.emulator.signatures import Nonces
from chaosfailover.emulator.state_file import StateFile
from chaosfailover.emulator.topology import PlannedJob, Topology

__all__ = ["ClosedError", "Cloud"]

LETTERS = string.ascii_lowercase + string.digits


class ClosedError(RuntimeError):
    """
    The emulator is being stopped.
    """


class Cloud:
    """
    The state behind the API. Read and write it within `held()` only.

    `changed` is called after each write, so that the data plane can follow. With a `state_file`,
    the clock must continue from `state_file.emulated_now()`.
    """

    network: Network
    faults: ArmedFaults

    def __init__(
        self,
        topology: Topology,
        clock: Clock,
        *,
        seed: int | None = None,
        auth: bool = True,
        access_keys: Mapping[str, str] | None = None,
        state_file: StateFile | None = None,
    ) -> None:
        self.topology = topology
        self.settings: Settings = topology.settings
        self.clock = clock
        self.began = clock.now()
        self.auth = auth
        self.keys = dict(topology.keys)
        self.keys |= _added(access_keys or {}, topology)
        self.nonces = Nonces(2 * self.settings.timestamp_window)
        self.state_file = state_file
        self.ledger = Ledger(state_file)
        self.request_log = RequestLog()
        self.closed = threading.Event()
        self._traffic: Traffic | None = None
        self.changed: Callable[[], None] = lambda: None
        self.seed: object = random.randrange(2**63) if seed is None else seed  # noqa: S311
        again = f"/{state_file.starts}" if state_file and state_file.starts else ""
        self._job_ids = random.Random(f"{self.seed}/jobs{again}")  # noqa: S311 - IDs, no secrets
        self._request_ids = random.Random(f"{self.seed}/requests{again}")  # noqa: S311
        self._lock = threading.RLock()
        self._load_topology(new=state_file is None or state_file.emulated_now() is None)

    @contextmanager
    def held(self) -> Iterator[float]:
        """
        Hold the lock; every job has been advanced to the instant that is yielded.

        A waiting thread gives up with ClosedError when the emulator is stopped, so that `stop`
        cannot block on a thread that it interrupted.
        """
        while not self._lock.acquire(timeout=0.05):
            if self.closed.is_set():
                raise ClosedError("the emulator is being stopped")
        try:
            now = self.clock.now()
            self.ledger.refresh(now, self._settled, self._may_start)
            yield now
        finally:
            self._lock.release()

    def advance(self, seconds: float) -> None:
        """
        Move the clock forward by emulated seconds.
        """
        with self.held():
            self.clock.advance(seconds)
            self._save_clock()
        self.changed()

    def reset(self) -> None:
        """
        Return to the topology's network, jobs and faults.
        """
        with self.held():
            self.ledger.clear()
            self.request_log.clear()
            self._load_topology(new=True)
        self.changed()

    def new_request_id(self) -> str:
        """
        Return a request ID: an upper-case UUID.
        """
        digits = f"{self._request_ids.getrandbits(128):032X}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def new_job_id(self) -> str:
        """
        Return an unused job ID: `ftj-` and 17 lower-case letters and digits.
        """
        job_id = "ftj-" + "".join(self._job_ids.choices(LETTERS, k=17))
        return self.new_job_id() if job_id in self.ledger else job_id

    def new_job(self, planned: PlannedJob, now: float, job_type: str = "StartLater") -> Job:
        """
        Build a job with the next number; its status begins now.
        """
        job_id, minutes = planned.id or self.new_job_id(), planned.duration_minutes
        later = ((planned.status, now),) if planned.status != "Init" else ()
        return Job(
            job_id=job_id,
            number=self.ledger.next_number(),
            account=planned.account,
            region=planned.region,
            name=planned.name,
            description=planned.description,
            resource_type=planned.resource_type,
            resource_ids=planned.resources,
            job_type=job_type,
            duration_minutes=minutes,
            history=(("Init", now), *later),
            lasts={
                "Starting": drawn(self.settings.starting, self.seed, job_id, "starting"),
                "Testing": minutes * 60.0,
                "Stopping": drawn(self.settings.stopping, self.seed, job_id, "stopping"),
            },
        )

    def check_region(self, account: str, region: str) -> None:
        """
        Refuse a second running job of an account in a region.
        """
        check_region(self.ledger.running(region), account, self.settings)

    def check_resources(
        self, kind: str, ids: tuple[str, ...], account: str, region: str, but: str = ""
    ) -> None:
        """
        Refuse resources that a job cannot take down now, as far as other jobs than `but` matter.
        """
        resources = requested_resources(self.network, kind, ids, account, region)
        check_resources(self.network, resources)
        others = (job for job in self._blocking(region) if job.job_id != but)
        check_free(self.network, resources, others)

    def check_start(self, job: Job) -> None:
        """
        Refuse to start a job whose region is busy or whose resources cannot be taken down now.
        """
        self.check_region(job.account, job.region)
        self.check_resources(
            job.resource_type, job.resource_ids, job.account, job.region, but=job.job_id
        )

    def cuts(self) -> tuple[Downtime, ...]:
        """
        Return what jobs take down: lately, now, and in the time to come.
        """
        return downtimes_from(self.ledger.live(), self.settings, self.network)

    def courses(self, service: Service) -> tuple[tuple[Segment, ...], ...]:
        """
        Return the course of each flow group of a service.
        """
        return courses(service, self.cuts(), self.network, self.settings, self.seed)

    def traffic(self) -> Traffic:
        """
        Return the loads on the network as it is now.
        """
        if self._traffic is None or self._traffic.network is not self.network:
            topology = self.topology
            self._traffic = Traffic(topology.loads, topology.services, self.network)
        return self._traffic

    def carried(self, vbrs: Collection[str], start: float, end: float) -> dict[str, Carried]:
        """
        Return what some VBRs carry in a period of the last days, by their ID.
        """
        jobs = (*self.ledger.past(), *self.ledger.live())
        everything = downtimes_from(jobs, self.settings, self.network)
        cuts = [cut for cut in everything if cut.start < end and cut.end > start - self._settled]

        def course_of(service: Service) -> tuple[tuple[Segment, ...], ...]:
            return courses(service, cuts, self.network, self.settings, self.seed)

        return self.traffic().carried(vbrs, course_of)

    def lost_sessions(self, at: float) -> frozenset[str]:
        """
        Return the BGP peers, and the VBRs with a health check, that routing knows to be lost.
        """
        return _acting(at, self._known_lost(lost_sessions, self.cuts()))

    def down(self, at: float) -> frozenset[str]:
        """
        Return the IDs of the resources that are down at an instant.
        """
        cuts = (cut for cut in self.cuts() if cut.start <= at < cut.end)
        return self.network.down(id_ for cut in cuts for id_ in cut.resource_ids)

    def fallen(self, at: float) -> frozenset[str]:
        """
        Return the IDs of the resources that show that they are down at an instant.
        """
        sessions = self._known_lost(fallen_sessions, self.cuts())
        return (self.down(at) - sessions.keys()) | _acting(at, sessions)

    def truth(self) -> dict[str, dict[str, Intervals]]:
        """
        Return from which start to which end jobs of the last days ran, when resources were down,
        when sessions showed it, and when the routes were without them.
        """
        jobs = (*self.ledger.past(), *self.ledger.live())
        cuts = downtimes_from(jobs, self.settings, self.network)
        edges = sorted({at for cut in cuts for at in (cut.start, cut.end)})
        down: dict[str, list[tuple[float, float]]] = {}
        for start, end in pairwise(edges):
            acting = (cut for cut in cuts if cut.start <= start < cut.end)
            for each in self.network.down(id_ for cut in acting for id_ in cut.resource_ids):
                known = down.setdefault(each, [])
                began = known.pop()[0] if known and known[-1][1] == start else start
                known.append((began, end))
        ran = ((job.job_id, entered(job, "Starting"), entered(job, "Stopping")) for job in jobs)
        return {
            "jobs": {id_: [(start, end or inf)] for id_, start, end in ran if start is not None},
            "down": {**down},
            "sessions": self._known_lost(fallen_sessions, cuts),
            "routes": self._known_lost(lost_sessions, cuts),
        }

    def _known_lost(
        self, lost: Callable[..., dict[str, Intervals]], cuts: Sequence[Downtime]
    ) -> dict[str, Intervals]:
        paths = (path for service in self.topology.services for path in service.paths)
        return lost(paths, cuts, self.network, self.settings, self.seed)

    def fields_after(self, at: float) -> Mapping[str, Mapping[str, object]]:
        """
        Return the fields that resources show instead of their own, after a job, by their ID.
        """
        return fields_after(self.ledger.live(), at, self.settings, self.network)

    def _blocking(self, region: str) -> Iterator[Job]:
        """
        Yield the jobs that block their resources: running jobs, by a setting also those in Init.
        """
        if not self.settings.init_blocks_resources:
            return self.ledger.running(region)
        everything = (job for job in self.ledger.everything() if job.region == region)
        return (job for job in everything if job.status in UNFINISHED and job.exists)

    def _may_start(self, job: Job) -> bool:
        try:
            self.check_start(job)
        except Refusal:
            return False
        return True

    @property
    def _settled(self) -> float:
        """
        How long after a job's end the data plane or a lagging status may still change.
        """
        moving = longest(self.settings.revert_delay) + longest(self.settings.revert_loss)
        return max(moving, self.settings.status_lag, self.faults.lag)

    def _load_topology(self, *, new: bool) -> None:
        self.network = self.topology.network
        self.faults = ArmedFaults(self.topology.faults, self.seed)
        if new:
            for planned in self.topology.jobs:
                self.ledger.save(self.new_job(planned, self.clock.now()))
        self._save_clock()

    def _save_clock(self) -> None:
        if self.state_file:
            self.state_file.put_clock(self.clock.now(), self.clock.minute)
            self.state_file.commit()


def _acting(at: float, times: Mapping[str, Intervals]) -> frozenset[str]:
    return frozenset(each for each, intervals in times.items() if within(at, intervals))


def _added(secrets: Mapping[str, str], topology: Topology) -> dict[str, AccessKey]:
    """
    Return keys of the first account, with the actions that its key `emulator` has.
    """
    model = topology.keys.get("emulator")
    own = model if model and model.account == topology.account else None
    keys = [AccessKey(id_, secret, topology.account) for id_, secret in secrets.items()]
    return {key.id: replace(key, actions=own.actions) if own else key for key in keys}
