"""
The emulated cloud: its state, its clock and its lock.
"""

import random
import string
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from chaosfailover.emulator.access import AccessKey
from chaosfailover.emulator.assumptions import Assumptions, drawn, longest
from chaosfailover.emulator.auth import Nonces
from chaosfailover.emulator.clock import Clock
from chaosfailover.emulator.faults import Armed
from chaosfailover.emulator.job import Job
from chaosfailover.emulator.ledger import Ledger
from chaosfailover.emulator.recorder import Recorder
from chaosfailover.emulator.resources import Network
from chaosfailover.emulator.routing import Downtime, Segment, courses, downtimes_from
from chaosfailover.emulator.services import Service
from chaosfailover.emulator.store import Store
from chaosfailover.emulator.topology import Topology

__all__ = ["ClosedError", "Cloud"]

LETTERS = string.ascii_lowercase + string.digits


class ClosedError(RuntimeError):
    """
    The emulator is being stopped and answers nothing more.
    """


class Cloud:
    """
    The state behind the API. Whoever reads or writes it holds `held()`.

    `changed` is called after each write, for the data plane to follow. With a `store`, jobs and
    answers survive; the clock must then continue from `store.emulated_now()`.
    """

    network: Network
    faults: Armed

    def __init__(
        self,
        topology: Topology,
        clock: Clock,
        *,
        seed: int | None = None,
        auth: bool = True,
        access_keys: Mapping[str, str] | None = None,
        store: Store | None = None,
    ) -> None:
        self.topology = topology
        self.settings: Assumptions = topology.settings
        self.clock = clock
        self.auth = auth
        self.keys = {**topology.keys, **_keys(access_keys or {}, topology.account)}
        self.nonces = Nonces(2 * self.settings.timestamp_window)
        self.store = store
        self.ledger = Ledger(store)
        self.recorder = Recorder()
        self.closed = threading.Event()
        self.changed: Callable[[], None] = lambda: None
        self.seed: object = random.randrange(2**63) if seed is None else seed  # noqa: S311
        again = f"/{store.starts}" if store and store.starts else ""
        self._job_ids = random.Random(f"{self.seed}/jobs{again}")  # noqa: S311 - IDs, no secrets
        self._request_ids = random.Random(f"{self.seed}/requests{again}")  # noqa: S311
        self._lock = threading.RLock()
        self._furnish(new=store is None or store.emulated_now() is None)

    @contextmanager
    def held(self) -> Iterator[float]:
        """
        Hold the cloud, with every job brought to the instant that is yielded.

        A thread that waits here gives up with ClosedError when the emulator is being stopped, so
        that `stop` cannot block on a thread that it interrupted.
        """
        while not self._lock.acquire(timeout=0.05):
            if self.closed.is_set():
                raise ClosedError("the emulator is being stopped")
        try:
            now = self.clock.now()
            self.ledger.refresh(now, self._settled)
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
        Return to the topology: its network, jobs and faults, and nothing else.
        """
        with self.held():
            self.ledger.clear()
            self.recorder.clear()
            self._furnish(new=True)
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

    def job_lengths(self, job_id: str, duration_minutes: int) -> dict[str, float]:
        """
        Return how many seconds a job takes in each passing status.
        """
        return {
            "Starting": drawn(self.settings.starting, self.seed, job_id, "starting"),
            "Testing": duration_minutes * 60.0,
            "Stopping": drawn(self.settings.stopping, self.seed, job_id, "stopping"),
        }

    def cuts(self) -> tuple[Downtime, ...]:
        """
        Return what is cut, was lately and will be.
        """
        return downtimes_from(self.ledger.live(), self.settings)

    def courses(self, service: Service) -> tuple[tuple[Segment, ...], ...]:
        """
        Return the course of each flow group of a service.
        """
        return courses(service, self.cuts(), self.network, self.settings, self.seed)

    def down(self, at: float) -> frozenset[str]:
        """
        Return the IDs of the resources that are down at an instant.
        """
        cuts = (cut for cut in self.cuts() if cut.start <= at < cut.end)
        return self.network.down(id_ for cut in cuts for id_ in cut.resource_ids)

    @property
    def _settled(self) -> float:
        """
        How long after a job's end the data plane, or a lagging status, may still be moving.
        """
        moving = longest(self.settings.revert_delay) + longest(self.settings.revert_loss)
        return max(moving, self.settings.status_lag, self.faults.lag)

    def _furnish(self, *, new: bool) -> None:
        self.network = self.topology.network
        self.faults = Armed(self.topology.faults, self.seed)
        if new:
            for given in self.topology.jobs:
                self.ledger.save(_job(self, given))
        self._save_clock()

    def _save_clock(self) -> None:
        if self.store:
            self.store.put_clock(self.clock.now(), self.clock.minute)
            self.store.commit()


def _job(cloud: Cloud, given: Mapping[str, Any]) -> Job:
    """
    Build a job that a topology begins with.
    """
    job_id, status = given.get("id") or cloud.new_job_id(), given.get("status", "Init")
    minutes, now = int(given.get("duration_minutes", 60)), cloud.clock.now()
    return Job(
        job_id=job_id,
        number=cloud.ledger.next_number(),
        account=str(given.get("account", cloud.topology.account)),
        region=given.get("region", cloud.network.regions[0]),
        name=given.get("name", ""),
        description=given.get("description", ""),
        resource_type=given.get("resource_type", "PHYSICALCONNECTION"),
        resource_ids=tuple(given["resources"]),
        job_type="StartLater",
        duration_minutes=minutes,
        history=(("Init", now),) if status == "Init" else (("Init", now), (status, now)),
        lasts=cloud.job_lengths(job_id, minutes),
    )


def _keys(given: Mapping[str, str], account: str) -> dict[str, AccessKey]:
    return {id_: AccessKey(id=id_, secret=secret, account=account) for id_, secret in given.items()}
