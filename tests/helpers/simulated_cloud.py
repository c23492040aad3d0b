"""
The cloud of simulated processes: the emulator behind a network that loses and delays requests.

The clients are the product's, with its retries and its errors. Only the connection is replaced,
since httpx would take five sixths of the time of a simulation.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
from urllib.parse import urlencode

from virtual_time import World

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import Reply
from chaosfailover.alibaba.products import VPC
from chaosfailover.alibaba.replies import document
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.alibaba.transport import Connection
from chaosfailover.emulator import Emulator, wire
from chaosfailover.emulator.clock import Clock
from chaosfailover.emulator.cloud import Cloud
from chaosfailover.emulator.downtime import downtimes_from, fields_after
from chaosfailover.emulator.faults import fault_from
from chaosfailover.emulator.job import RUNNING, Job, entered
from chaosfailover.errors import ConnectionFailedError, InvalidReplyError, RequestTimeoutError

__all__ = ["REGION", "WINDOW", "Network", "Sent", "SimulatedCloud", "Truth"]

REGION = "cn-hangzhou"
WINDOW = 60.0
"""Seconds for which a signed request may take effect."""
READ_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Network:
    """
    The chances of a request: not delivered, delivered without a reply, delivered late.

    A start has its own chance to be late. `slowest` is the longest way of a request or a reply, in
    seconds, and `latest` that of a late request.
    """

    unsent: float = 0.0
    unanswered: float = 0.0
    late: float = 0.0
    late_start: float = 0.0
    slowest: float = 0.3
    latest: float = 0.0


@dataclass(slots=True)
class Sent:
    """
    A request that a process has sent; `delivered_at` is the instant of its effect, `inf` for none.

    It `is_accepted` once it had its effect, whatever reply came back.
    """

    at: float
    process: str
    operation: str
    parameters: Mapping[str, str]
    delivered_at: float = inf
    reply: wire.Reply | None = None
    is_accepted: bool = False

    @property
    def starts(self) -> bool:
        """
        Whether it cuts, if it is delivered.
        """
        return self.operation == "StartFailoverTestJob" or (
            self.operation == "CreateFailoverTestJob" and self.parameters["JobType"] == "StartNow"
        )

    @property
    def is_on_its_way(self) -> bool:
        """
        Whether it will be delivered.
        """
        return self.reply is None and self.delivered_at < inf


class SimulatedCloud:
    """
    The emulated cloud of one schedule after the other, and the clients of the processes.
    """

    def __init__(self) -> None:
        self._emulator = Emulator("dual-circuit", auth=False, timestamp_window=WINDOW)
        self._topology = self._emulator.cloud.topology
        self.network = Network()
        self._world: World | None = None
        self.sent: list[Sent] = []
        self._clients = {deadline: self._client(*deadline) for deadline in CLIENTS}

    def begin(self, world: World, seed: int, began: float) -> None:
        """
        Begin a schedule with a cloud as new.
        """
        clock = Clock(60.0, began=began, monotonic=world.clock)
        self._emulator.cloud = Cloud(self._topology, clock, seed=seed, auth=False)
        self._world, self.network = world, Network()
        self.sent = []

    @property
    def world(self) -> World:
        """
        The world of the current schedule.
        """
        assert self._world
        return self._world

    def calm(self) -> None:
        """
        End all faults, save those that jobs have met.
        """
        self.world.note("network", "is calm")
        self.network = Network()
        self._emulator.cloud.faults.faults.clear()

    def arm(self, fault: Mapping[str, object]) -> None:
        """
        Arm a fault of the emulator.
        """
        self.world.note("network", f"{fault}")
        self._emulator.cloud.faults.faults.append(fault_from(dict(fault)))

    def client(self, deadline: float = 60.0, attempts: int = 10) -> VpcClient:
        """
        Return the client of these limits.
        """
        return self._clients[deadline, attempts]

    def _client(self, deadline: float, attempts: int) -> VpcClient:
        client = VpcClient(
            REGION,
            lambda: Credentials("emulator", "emulator-secret"),
            endpoint="https://cloud.example",
            deadline=deadline,
            attempts=attempts,
            clock=self.clock,
            sleep=self.sleep,
        )
        client._connection.close()
        client._connection = Wire(self, attempts)
        return client

    def clock(self) -> float:
        """
        Return the monotonic instant of the current world.
        """
        return self.world.clock()

    def sleep(self, seconds: float) -> None:
        """
        Let the current fiber sleep.
        """
        self.world.sleep(seconds)

    def exchange(self, operation: str, query: Mapping[str, str], patience: float) -> wire.Reply:
        """
        Send a request for the current fiber, and return the reply as it comes over the network.
        """
        world, network = self.world, self.network
        sent = Sent(world.now, world.process.name, operation, query)
        self.sent.append(sent)
        fate, due = world.random.random(), world.now + patience
        way = world.random.uniform(0.0, network.slowest)
        back = world.random.uniform(0.0, network.slowest)
        if fate < network.unsent:
            self._give_up(sent, "is lost", due)
        fate -= network.unsent
        late = network.late_start if sent.starts else network.late
        if fate < late:
            way = world.random.uniform(patience, max(patience, network.latest))
        sent.delivered_at = world.now + way
        world.later(way, partial(self._deliver, sent))
        if fate < late + network.unanswered or way + back >= patience:
            self._give_up(sent, "gets no reply", due)
        world.wait(lambda: sent.reply is not None)
        reply = sent.reply
        assert reply
        delay = back + reply.delay
        if world.now + delay >= due:
            self._give_up(sent, "gets no reply in time", due)
        world.sleep(delay)
        return reply

    def _deliver(self, sent: Sent) -> None:
        headers = {"x-acs-action": sent.operation, "x-acs-version": VPC.version}
        sent.reply = self._emulator.handle("POST", f"/?{urlencode(sent.parameters)}", headers)
        job_id = sent.parameters.get("JobId") or sent.parameters.get("Name") or ""
        log = self._emulator.cloud.request_log.shown()[-1]
        key = (log["account"], REGION, sent.operation, sent.parameters.get("ClientToken", ""))
        sent.is_accepted = self._emulator.cloud.ledger.token_reply(key, -inf) is not None
        answer = f"{log['status']} {log['code']} {' '.join(log['faults'])} {sent.reply.ending}"
        self.world.note(sent.process, f"{sent.operation} {job_id} -> {answer}")

    def _give_up(self, sent: Sent, why: str, due: float) -> None:
        """
        Raise what a client meets that gets no reply: at once, or after its patience.
        """
        world = self.world
        world.note(sent.process, f"{sent.operation} {why}")
        if world.random.random() < 0.5:
            world.sleep(world.random.uniform(0.0, max(0.0, due - world.now)))
            raise ConnectionFailedError(f"{sent.operation} {why}: reset")
        world.sleep(max(0.0, due - world.now))
        raise RequestTimeoutError(f"{sent.operation} {why}")

    @property
    def truth(self) -> "Truth":
        """
        What is so at this instant, whatever the API shows.
        """
        with self._emulator.cloud.held() as now:
            return Truth(self._emulator.cloud, now, self.world.now, self.sent)


CLIENTS = ((60.0, 10), (10.0, 1), (5.0, 1))


class Wire(Connection):
    """
    A connection of the product whose exchanges are simulated.
    """

    def __init__(self, cloud: SimulatedCloud, attempts: int) -> None:
        self._cloud = cloud
        self._route = "the simulated cloud"
        self._read_timeout = READ_TIMEOUT
        self._attempts = attempts
        self._reach, self._log_level = inf, logging.WARNING
        self._clock, self._sleep = cloud.clock, cloud.sleep
        self.clock_offset = None

    def close(self) -> None:
        """
        Close nothing.
        """

    def _exchange(self, operation: str, query: Mapping[str, str], deadline: float) -> Reply:
        patience = min(self._read_timeout, self._remaining(operation, deadline))
        reply = self._cloud.exchange(operation, query, patience)
        if reply.ending == "cut":
            raise InvalidReplyError(f"{operation}: cut off", http_status=reply.status)
        if reply.ending != "complete":
            raise ConnectionFailedError(f"{operation}: {reply.ending}")
        return document(operation, reply.status, reply.framed_headers, reply.body)


class Truth:
    """
    What is so in the cloud at an instant, from its own books.
    """

    def __init__(self, cloud: Cloud, now: float, at: float, sent: Iterable[Sent]) -> None:
        self._cloud = cloud
        self._now, self._at = now, at
        self._sent = sent
        self._live = [*cloud.ledger.live()]

    def jobs(self, test: str) -> list[Job]:
        """
        Return the jobs of a test, also a deleted one that is not over.
        """
        jobs = {job.job_id: job for job in (*self._cloud.ledger.everything(), *self._live)}
        return [job for job in jobs.values() if job.name == test]

    def may_start(self, test: str) -> bool:
        """
        Tell whether a start of a test is on its way, or was received and has no effect yet.
        """
        jobs, sent = self.jobs(test), self._sent
        ids = {job.job_id for job in jobs if job.status == "Init"}
        # What comes again with the same token has no effect.
        tokens = {each.parameters.get("ClientToken") for each in sent if each.is_accepted}
        return any(job.pending for job in jobs) or any(
            each.starts
            and each.is_on_its_way
            and each.parameters["ClientToken"] not in tokens
            and (each.parameters.get("Name") == test or each.parameters.get("JobId") in ids)
            for each in sent
        )

    def runs(self, test: str) -> bool:
        """
        Tell whether a job of a test is Starting, Testing or Stopping.
        """
        return any(job.status in RUNNING for job in self.jobs(test))

    def has_run(self, test: str) -> bool:
        """
        Tell whether a job of a test was ever started.
        """
        return any(entered(job, "Starting") is not None for job in self.jobs(test))

    def stopped_at(self, test: str) -> float:
        """
        Return the monotonic instant since which no job of a test runs; `inf` if one does.
        """
        ends = [entered(job, "Stopped") for job in self.jobs(test) if job.status != "Init"]
        return max((inf if end is None else end for end in ends), default=-inf) - self._shift

    def started_at(self, test: str) -> float:
        """
        Return the monotonic instant at which a test was started last, `-inf` if never.
        """
        starts = [entered(job, "Starting") for job in self.jobs(test)]
        return max((-inf if each is None else each for each in starts), default=-inf) - self._shift

    @property
    def _shift(self) -> float:
        return self._now - self._at

    def was_back(self, test: str, within: float) -> bool:
        """
        Tell whether all that a test took was up at an instant of these last seconds.
        """
        return any(not self._away(test, at) for at in self._instants(test, within))

    def was_away(self, test: str, within: float) -> bool:
        """
        Tell whether something that a test took was down at an instant of these last seconds.
        """
        return any(self._away(test, at) for at in self._instants(test, within))

    def has_ended(self, test: str) -> bool:
        """
        Tell whether nothing of a test runs or can start.
        """
        return not self.may_start(test) and not self.runs(test)

    def is_over(self, test: str, within: float) -> bool:
        """
        Tell whether nothing of a test runs or can start, and what it took was back lately.
        """
        return self.has_ended(test) and self.was_back(test, within)

    def since_end(self, test: str) -> float:
        """
        Return the seconds since a test ended, `inf` if none of its jobs has.
        """
        ends = [entered(job, "Stopped") for job in self.jobs(test)]
        return self._now - max((each for each in ends if each is not None), default=-inf)

    def _instants(self, test: str, within: float) -> list[float]:
        edges = {self._now, self._now - within}
        for cut in downtimes_from(self._jobs_live(test), self._cloud.settings, self._cloud.network):
            edges |= {cut.start, cut.end}
        return [each for each in edges if self._now - within <= each <= self._now]

    def _away(self, test: str, at: float) -> bool:
        jobs, settings, network = self._jobs_live(test), self._cloud.settings, self._cloud.network
        cuts = downtimes_from(jobs, settings, network)
        return any(cut.start <= at < cut.end for cut in cuts) or any(
            fields_after(jobs, at, settings, network).values()
        )

    def _jobs_live(self, test: str) -> list[Job]:
        return [job for job in self._live if job.name == test]
