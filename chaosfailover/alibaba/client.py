"""
The operations of the VPC API, as methods over a single call.
"""

import logging
import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Final, Self, TypeVar

import httpx

from chaosfailover.alibaba.codes import DRY_RUN_PASSED, NO_SUCH_JOB
from chaosfailover.alibaba.documents import (
    BgpGroup,
    BgpPeer,
    FailoverTestJob,
    PhysicalConnection,
    Region,
    Reply,
    VirtualBorderRouter,
)
from chaosfailover.alibaba.endpoints import endpoint_url, is_loopback
from chaosfailover.alibaba.job_wait import wait_for_status
from chaosfailover.alibaba.network_reads import REACH, NetworkReads
from chaosfailover.alibaba.paging import Listing, by_number, by_token
from chaosfailover.alibaba.products import VPC, Product
from chaosfailover.alibaba.query import Filters, conditions, flattened, texts
from chaosfailover.alibaba.signing import AcsAuth, Credentials
from chaosfailover.alibaba.transport import Attempting, Connection
from chaosfailover.errors import ApiError, InvalidReplyError, JobNotFoundError
from chaosfailover.events import publish

__all__ = ["VpcClient"]

logger = logging.getLogger("chaostoolkit")
T = TypeVar("T")

JOBS: Listing[FailoverTestJob] = Listing("DescribeFailoverTestJobs", ("FailoverTestJobList",))
CIRCUITS: Listing[PhysicalConnection] = Listing(
    "DescribePhysicalConnections", ("PhysicalConnectionSet", "PhysicalConnectionType")
)
VBRS: Listing[VirtualBorderRouter] = Listing(
    "DescribeVirtualBorderRouters", ("VirtualBorderRouterSet", "VirtualBorderRouterType")
)
BGP_PEERS: Listing[BgpPeer] = Listing("DescribeBgpPeers", ("BgpPeers", "BgpPeer"))
BGP_GROUPS: Listing[BgpGroup] = Listing("DescribeBgpGroups", ("BgpGroups", "BgpGroup"))

LAG = 10.0
"""How old a reply of the cloud may be, in seconds: an assumption, since it documents nothing."""


class VpcClient:
    """
    The VPC API of one region. May be used from several threads.

    Every call is signed, retried if that may help, and ended after `deadline` seconds plus at most
    one timeout. All times are seconds. A reply may show what was so `lag` seconds ago. `endpoint`
    is a host, host:port or URL; the default is the region's official endpoint.
    """

    def __init__(
        self,
        region_id: str,
        credentials: Callable[[], Credentials],
        *,
        endpoint: str | None = None,
        transport: httpx.BaseTransport | None = None,
        read_timeout: float = 10.0,
        deadline: float = 60.0,
        attempts: int = 10,
        product: Product = VPC,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        official = product.endpoint(region_id)
        self.region_id: Final = region_id
        self.endpoint: Final = endpoint_url(endpoint) if endpoint else official
        self.lag: Final = 0.0 if is_loopback(self.endpoint) else LAG
        self._deadline = deadline
        self._ends_by = math.inf
        self._clock = clock
        self._sleep = sleep
        self._is_official = endpoint is None
        self._connect = partial(
            Connection,
            auth=AcsAuth(credentials),
            read_timeout=read_timeout,
            attempts=attempts,
            transport=transport,
            clock=clock,
            sleep=sleep,
        )
        self._connection = self._connect(self.endpoint, product=product)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """
        Close the connections.
        """
        self._connection.close()

    def end_calls_by(self, instant: float) -> None:
        """
        End each call from now on at an instant of the clock, if its deadline is later.
        """
        self._ends_by = instant

    def report_retries(self, on_retry: Callable[[str, Exception], None]) -> None:
        """
        Call a function with the operation and the error of each retry, instead of logging it.
        """
        self._connection.on_retry = on_retry

    def network_reads(self) -> NetworkReads:
        """
        Return the reads of routes, takeover and traffic, with the identity of this client.

        Its endpoint serves all products, unless that is the official one: then each has its own.
        """

        def connect(product: Product) -> Connection:
            url = product.endpoint(self.region_id) if self._is_official else self.endpoint
            return self._connect(url, product=product, reach=REACH, log_level=logging.DEBUG)

        return NetworkReads(self.region_id, connect, clock=self._clock, lag=self.lag)

    @property
    def clock_offset(self) -> float | None:
        """
        The lead of the API's clock at the last reply, in seconds, to within 1 s.
        """
        return self._connection.clock_offset

    def call(self, operation: str, parameters: Mapping[str, object]) -> Reply:
        """
        Send one operation with its nested parameters and return the reply.

        RegionId is always sent. A write has the same ClientToken in all its attempts.
        Raises ApiError, TransportError or CredentialsError.
        """
        return self._call(operation, parameters, self._deadline)

    def create_failover_test_job(
        self,
        *,
        resource_ids: Sequence[str],
        resource_type: str = "PHYSICALCONNECTION",
        job_type: str,
        job_duration: int,
        name: str | None = None,
        description: str | None = None,
        dry_run: bool = False,
        attempting: Attempting = nullcontext,
    ) -> str:
        """
        Create a job of `job_duration` minutes and return its ID; "" after a passed dry run.

        Each attempt runs inside `attempting()`, which may refuse it.
        """
        reply = self._call_unless_dry(
            "CreateFailoverTestJob",
            {
                "ResourceType": resource_type,
                "ResourceId": texts("resource_ids", resource_ids),
                "JobType": job_type,
                "JobDuration": job_duration,
                "Name": name,
                "Description": description,
                "DryRun": dry_run or None,
            },
            attempting,
        )
        return "" if reply is None else str(_required("JobId", reply.get("JobId")))

    def start_failover_test_job(self, job_id: str, attempting: Attempting = nullcontext) -> None:
        """
        Start an `Init` job, which cuts its resources; `attempting` as for the creation.
        """
        self._call("StartFailoverTestJob", {"JobId": job_id}, self._deadline, attempting)

    def stop_failover_test_job(self, job_id: str) -> None:
        """
        Stop a `Testing` job.
        """
        self.call("StopFailoverTestJob", {"JobId": job_id})

    def delete_failover_test_job(self, job_id: str) -> None:
        """
        Delete an `Init` or `Stopped` job.
        """
        self.call("DeleteFailoverTestJob", {"JobId": job_id})

    def update_failover_test_job(
        self,
        job_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        resource_ids: Sequence[str] | None = None,
        job_duration: int | None = None,
        dry_run: bool = False,
    ) -> None:
        """
        Change an `Init` job: None keeps a field, `resource_ids` replaces the list.
        """
        self._call_unless_dry(
            "UpdateFailoverTestJob",
            {
                "JobId": job_id,
                "Name": name,
                "Description": description,
                "ResourceId": None if resource_ids is None else texts("resource_ids", resource_ids),
                "JobDuration": job_duration,
                "DryRun": dry_run or None,
            },
        )

    def describe_failover_test_job(self, job_id: str) -> FailoverTestJob:
        """
        Return the `FailoverTestJobModel` of a job; raises JobNotFoundError.
        """
        return self._describe_job(job_id, self._deadline)

    def describe_failover_test_jobs(
        self, filters: Filters | None = None
    ) -> Iterator[FailoverTestJob]:
        """
        Yield all matching jobs; `filters` as `{"JobStatus": ["Init"]}`.
        """
        return by_token(self.call, JOBS, Filter=conditions(filters))

    def describe_physical_connections(
        self, filters: Filters | None = None, *, budget: float | None = None
    ) -> Iterator[PhysicalConnection]:
        """
        Yield all matching circuits; all pages take at most `budget` seconds.
        """
        return by_number(self._within(budget), CIRCUITS, Filter=conditions(filters))

    def describe_virtual_border_routers(
        self,
        filters: Filters | None = None,
        include_cross_account: bool = False,
        *,
        budget: float | None = None,
    ) -> Iterator[VirtualBorderRouter]:
        """
        Yield all matching VBRs, on request also those of other accounts; `budget` as for circuits.
        """
        return by_number(
            self._within(budget),
            VBRS,
            Filter=conditions(filters),
            IncludeCrossAccountVbr=include_cross_account or None,
        )

    def describe_bgp_peers(
        self,
        *,
        router_id: str | None = None,
        bgp_peer_id: str | None = None,
        budget: float | None = None,
    ) -> Iterator[BgpPeer]:
        """
        Yield the BGP peers, without their passwords, of a VBR or of the region.

        `budget` as for circuits.
        """
        call = self._within(budget)
        return by_number(call, BGP_PEERS, RouterId=router_id, BgpPeerId=bgp_peer_id)

    def describe_bgp_groups(self, *, router_id: str | None = None) -> Iterator[BgpGroup]:
        """
        Yield the BGP groups, without their passwords, of a VBR or of the region.
        """
        return by_number(self.call, BGP_GROUPS, RouterId=router_id)

    def check_answers(self, budget: float) -> None:
        """
        Raise ApiError or TransportError unless the region answers, within about `budget` seconds.
        """
        self._call("DescribeFailoverTestJobs", {"MaxResults": 1}, budget)

    def describe_regions(self) -> Iterator[Region]:
        """
        Yield the regions of the service, each with its `RegionId`.
        """
        yield from self.call("DescribeRegions", {}).get("Regions", {}).get("Region") or []

    def wait_for_status(
        self, job_id: str, status: str, *, timeout: float = 300.0, interval: float = 0.5
    ) -> FailoverTestJob:
        """
        Poll until the job has this status and return it, as `waiting.wait_for_status` does.
        """
        return wait_for_status(
            lambda budget: self._describe_job(job_id, min(budget, self._deadline)),
            job_id,
            status,
            timeout=timeout,
            interval=interval,
            clock=self._clock,
            sleep=self._sleep,
        )

    def _within(self, budget: float | None) -> Callable[[str, Mapping[str, object]], Reply]:
        """
        Return `call` whose calls together end after `budget` seconds, and each after its deadline.
        """
        if budget is None:
            return self.call
        due = self._clock() + budget
        return lambda operation, parameters: self._call(
            operation, parameters, min(self._deadline, due - self._clock())
        )

    def _describe_job(self, job_id: str, budget: float) -> FailoverTestJob:
        try:
            reply = self._call("DescribeFailoverTestJob", {"JobId": job_id}, budget)
        except ApiError as error:
            if error.code == NO_SUCH_JOB:
                raise JobNotFoundError(
                    f"no failover test {job_id!r} in {self.region_id}"
                ) from error
            raise
        model = reply.get("FailoverTestJobModel")
        return _required("FailoverTestJobModel", model if isinstance(model, dict) else None)

    def _call_unless_dry(
        self,
        operation: str,
        parameters: Mapping[str, object],
        attempting: Attempting = nullcontext,
    ) -> Reply | None:
        try:
            return self._call(operation, parameters, self._deadline, attempting)
        except ApiError as error:
            if error.code == DRY_RUN_PASSED and parameters["DryRun"]:
                return None
            raise

    def _call(
        self,
        operation: str,
        parameters: Mapping[str, object],
        budget: float,
        attempting: Attempting = nullcontext,
    ) -> Reply:
        token = None if operation.startswith(("Describe", "Get")) else str(uuid.uuid4())
        query = flattened({"RegionId": self.region_id, "ClientToken": token, **parameters})
        budget = min(budget, self._ends_by - self._clock())
        reply = self._connection.send(operation, query, budget, attempting)
        if token:
            job_id = reply.get("JobId", parameters.get("JobId"))
            _publish(operation, reply.get("RequestId"), None if job_id is None else str(job_id))
        return reply


def _publish(operation: str, request_id: str | None, job_id: str | None) -> None:
    """
    Publish a write that the API accepted, with the IDs that identify it there.
    """
    logger.debug("%s of %s was accepted, request %s", operation, job_id, request_id)
    publish("request", operation=operation, request_id=request_id, job_id=job_id)


def _required(key: str, value: T | None) -> T:
    """
    Return a field that a reply must have; raises InvalidReplyError without it.
    """
    if not value:
        raise InvalidReplyError(f"the reply has no {key}", http_status=200)
    return value
