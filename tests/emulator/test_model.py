"""
Random calls of two accounts in two regions against a simple model of the rules.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

from emulator_callers import Caller
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chaosfailover.emulator.job import AFTER, ALLOWED

ACCOUNTS = {"emulator": "1000000000000001", "neighbour": "1000000000000002"}
REGIONS = ("cn-hangzhou", "cn-shanghai")
RUNNING = ("Starting", "Testing", "Stopping")
NEXT = {"Starting": "Testing", "Testing": "Stopping", "Stopping": "Stopped"}

OWNED = {
    ("emulator", "cn-hangzhou"): (
        *("pc-hangzhou-a", "pc-hangzhou-b", "vbr-hangzhou-a", "vbr-hangzhou-b"),
        *("vbr-two-circuits", "bgp-hangzhou-a", "bgp-hangzhou-b"),
    ),
    ("emulator", "cn-shanghai"): ("pc-shanghai", "vbr-shanghai", "bgp-shanghai"),
    ("neighbour", "cn-hangzhou"): ("pc-hosted", "vbr-foreign", "vbr-hosted", "bgp-foreign"),
    ("neighbour", "cn-shanghai"): ("pc-neighbour", "vbr-neighbour"),
}
UNDER: dict[str, set[str]] = {
    "vbr-hangzhou-a": {"pc-hangzhou-a"},
    "vbr-hangzhou-b": {"pc-hangzhou-b"},
    "vbr-two-circuits": {"pc-hangzhou-a", "pc-hangzhou-b"},
    "bgp-hangzhou-a": {"pc-hangzhou-a", "vbr-hangzhou-a"},
    "bgp-hangzhou-b": {"pc-hangzhou-b", "vbr-hangzhou-b"},
    "pc-hosted": {"pc-hangzhou-b"},
    "vbr-hosted": {"pc-hangzhou-b", "pc-hosted"},
    "vbr-foreign": {"pc-hangzhou-a"},
    "bgp-foreign": {"pc-hangzhou-a", "vbr-foreign"},
    "vbr-shanghai": {"pc-shanghai"},
    "bgp-shanghai": {"pc-shanghai", "vbr-shanghai"},
    "vbr-neighbour": {"pc-neighbour"},
}
"""
Resource -> all that it stands on, written by hand.
"""

EVERY = sorted({resource for owned in OWNED.values() for resource in owned} | {"pc-nobody"})
KINDS = {"pc": "PHYSICALCONNECTION", "vbr": "VIRTUALBORDERROUTER", "bgp": "BGPPEER"}


def related(one: str, other: str) -> bool:
    """
    Say whether two resources cannot be tested at the same time.
    """
    return one == other or one in UNDER.get(other, ()) or other in UNDER.get(one, ())


@dataclass
class Expected:
    """
    A job as the model has it.
    """

    caller: str
    region: str
    resources: tuple[str, ...]
    minutes: int
    status: str = "Init"
    left: float = 0.0

    def enter(self, status: str) -> None:
        """
        Enter a status.
        """
        self.status = status
        lasts = {"Starting": 2.0, "Testing": self.minutes * 60.0, "Stopping": 2.0}
        self.left = lasts.get(status, 0.0)

    def pass_time(self, seconds: float) -> None:
        """
        Let time pass.
        """
        while self.status in NEXT and seconds >= self.left:
            seconds -= self.left
            self.enter(NEXT[self.status])
        self.left -= seconds


callers = st.sampled_from(sorted(ACCOUNTS))
regions = st.sampled_from(REGIONS)
picks = st.integers(0, 20)


class Clouds(RuleBasedStateMachine):
    """
    The emulator and the model, side by side.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cloud = Caller("two-regions")
        self.model: dict[str, Expected] = {}
        self.writes: list[tuple[str, dict[str, Any], Any]] = []

    def send(self, operation: str, **given: Any) -> str:
        """
        Send a write with a client token; returns the code, or `` and the answer in `writes`.
        """
        given["ClientToken"] = f"token-{len(self.writes)}-{operation}"
        status, document = self.cloud.send(operation, **given)
        if status == 200:
            self.writes.append((operation, given, document))
        return str(document.get("Code", ""))

    def running(self, caller: str, region: str) -> bool:
        """
        Say whether the account runs a job in the region.
        """
        return any(
            (job.caller, job.region) == (caller, region) and job.status in RUNNING
            for job in self.model.values()
        )

    def resource_code(self, caller: str, region: str, resources: tuple[str, ...], but: str) -> str:
        """
        Return the code that a job's resources bring.
        """
        kinds = {resource.partition("-")[0] for resource in resources}
        if len(kinds) > 1 or len(set(resources)) < len(resources):
            return "IllegalParam.ResourceId"
        if not set(resources) <= set(OWNED[caller, region]):
            return "IllegalParam.ResourceId"
        taken = [
            other
            for job_id, job in self.model.items()
            if job.status in RUNNING and job_id != but
            for other in job.resources
        ]
        busy = any(related(one, other) for one in resources for other in taken)
        return "EcFailoverTestJobResourceInAnotherProcessingJob" if busy else ""

    @rule(
        caller=callers,
        region=regions,
        resources=st.lists(st.sampled_from(EVERY), min_size=1, max_size=3).map(tuple),
        now=st.booleans(),
        minutes=st.integers(1, 10),
    )
    def create(
        self, caller: str, region: str, resources: tuple[str, ...], now: bool, minutes: int
    ) -> None:
        """
        Create a job.
        """
        expected = "AnotherJobTesting" if now and self.running(caller, region) else ""
        expected = expected or self.resource_code(caller, region, resources, "")
        actual = self.send(
            "CreateFailoverTestJob",
            key=caller,
            RegionId=region,
            ResourceType=KINDS[resources[0].partition("-")[0]],
            ResourceId=resources,
            JobType="StartNow" if now else "StartLater",
            JobDuration=minutes,
        )
        assert actual == expected
        if not actual:
            job = Expected(caller, region, resources, minutes)
            job.enter("Starting" if now else "Init")
            self.model[self.writes[-1][2]["JobId"]] = job

    @rule(
        caller=callers,
        region=regions,
        pick=picks,
        operation=st.sampled_from(sorted(ALLOWED)),
        minutes=st.integers(1, 10),
    )
    def operate(self, caller: str, region: str, pick: int, operation: str, minutes: int) -> None:
        """
        Start, stop, update or delete some job, one's own or not.
        """
        job_id = self.some_job(pick)
        changes = {"JobDuration": minutes} if operation.startswith("Update") else {}
        expected = self.operation_code(caller, region, job_id, operation)
        actual = self.send(operation, key=caller, RegionId=region, JobId=job_id, **changes)
        assert actual == expected
        if not actual:
            self.apply(job_id, operation, minutes)

    def some_job(self, pick: int) -> str:
        """
        Return the ID of some job, or of none.
        """
        ids = [*self.model, "ftj-nobody"]
        return ids[pick % len(ids)]

    def operation_code(self, caller: str, region: str, job_id: str, operation: str) -> str:
        """
        Return the code that an operation on a job brings.
        """
        job = self.model.get(job_id)
        if job is None or (job.caller, job.region) != (caller, region):
            return "IllegalParam.JobId"
        rules = {
            "StartFailoverTestJob": (("Init",), "IncorrectStatus.OnlyForInit"),
            "UpdateFailoverTestJob": (("Init",), "IncorrectStatus.OnlyForInit"),
            "StopFailoverTestJob": (("Testing",), "IncorrectStatus.OnlyForTesting"),
            "DeleteFailoverTestJob": (("Init", "Stopped"), "IncorrectStatus.OnlyForInitOrStopped"),
        }
        statuses, code = rules[operation]
        if job.status not in statuses:
            return code
        if operation != "StartFailoverTestJob":
            return ""
        if self.running(caller, region):
            return "AnotherJobTesting"
        return self.resource_code(caller, region, job.resources, job_id)

    def apply(self, job_id: str, operation: str, minutes: int) -> None:
        """
        Do to the model what the operation does.
        """
        job = self.model[job_id]
        if operation == "DeleteFailoverTestJob":
            del self.model[job_id]
        elif operation == "UpdateFailoverTestJob":
            job.minutes = minutes
        else:
            job.enter("Starting" if operation == "StartFailoverTestJob" else "Stopping")

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 30.0, 60.0, 700.0]))
    def pass_time(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.cloud.wait(seconds)
        for job in self.model.values():
            job.pass_time(seconds)

    @rule(pick=picks)
    def replay(self, pick: int) -> None:
        """
        Send an old write again: the same answer, and nothing changes.
        """
        if not self.writes:
            return
        operation, given, document = self.writes[pick % len(self.writes)]
        before = list(self.cloud.cloud.ledger.everything())
        status, again = self.cloud.send(operation, **given)

        assert (status, {**again, "RequestId": ""}) == (200, {**document, "RequestId": ""})
        assert list(self.cloud.cloud.ledger.everything()) == before

    @invariant()
    def statuses_agree(self) -> None:
        """
        Every account sees its own jobs, in the status that the model has.
        """
        for caller in ACCOUNTS:
            for region in REGIONS:
                found = self.cloud.call(
                    "DescribeFailoverTestJobs", key=caller, RegionId=region, MaxResults=100
                )
                actual = {job["JobId"]: job["Status"] for job in found["FailoverTestJobList"]}
                assert actual == {
                    job_id: job.status
                    for job_id, job in self.model.items()
                    if (job.caller, job.region) == (caller, region)
                }

    @invariant()
    def running_jobs_do_not_meet(self) -> None:
        """
        One running job per region and account, and no resource in two.
        """
        running = [job for job in self.jobs() if job.status in RUNNING]
        for one, other in combinations(running, 2):
            assert (one.account, one.region) != (other.account, other.region)
            assert not any(related(a, b) for a in one.resource_ids for b in other.resource_ids)

    @invariant()
    def transitions_are_in_the_tables(self) -> None:
        """
        A job's history holds no step that the tables lack.
        """
        steps = set(AFTER.items())
        steps |= {step for allowed in ALLOWED.values() for step in allowed.items()}
        for job in self.jobs():
            statuses = [status for status, _ in job.history]
            instants = [at for _, at in job.history]
            assert statuses[0] == "Init"
            assert set(pairwise(statuses)) <= steps
            assert instants == sorted(instants)

    def jobs(self) -> Iterator[Any]:
        """
        Yield the emulator's jobs, brought to now.
        """
        with self.cloud.cloud.held():
            return self.cloud.cloud.ledger.everything()


TestClouds = Clouds.TestCase
TestClouds.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
