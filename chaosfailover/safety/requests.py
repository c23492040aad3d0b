"""
The requests of the state machines, and the driver that sends them.

A machine is a generator that does no input or output of its own, so that any schedule of replies,
errors and times can be played through it. It yields a request and gets the reply, or the error,
at that place. It yields None to wait for the next round. Its return value ends it.
"""

from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.documents import FailoverTestJob
from chaosfailover.alibaba.failover_tests import find_running_test
from chaosfailover.network.cut_resources import Resource, ResourceState, read_states

__all__ = ["Access", "Exchange", "Finished", "Request", "advance", "delete", "find", "read", "stop"]

T = TypeVar("T")
Access = Callable[[], VpcClient]


@dataclass(frozen=True, slots=True)
class Request:
    """
    A call on the client that `access` returns, by the name of its `operation`.
    """

    operation: str
    access: Access
    send: Callable[[VpcClient], object]


Exchange = Generator[Request | None, object, T]


@dataclass(frozen=True, slots=True)
class Finished(Generic[T]):
    """
    The end of a machine, with its result.
    """

    result: T


def advance(machine: Exchange[T]) -> Finished[T] | None:
    """
    Play one round of a machine; return None when it waits for the next one.
    """
    try:
        request = next(machine)
        while request is not None:
            request = _exchange(machine, request)
    except StopIteration as end:
        return Finished(end.value)
    return None


def _exchange(machine: Exchange[T], request: Request) -> Request | None:
    try:
        reply = request.send(request.access())
    except Exception as exc:  # noqa: BLE001 - the machine decides what each error means
        return machine.throw(exc)
    return machine.send(reply)


def find(access: Access, test: str, others: Collection[str]) -> Exchange[FailoverTestJob]:
    """
    Ask for the job of a test, as `find_running_test` does.
    """
    reply = yield Request("find", access, lambda client: find_running_test(client, test, others))
    return cast(FailoverTestJob, reply)


def stop(access: Access, job_id: str) -> Exchange[None]:
    """
    Ask for the stop of a test.
    """
    yield Request("stop", access, lambda client: client.stop_failover_test_job(job_id))


def delete(access: Access, job_id: str) -> Exchange[None]:
    """
    Ask for the deletion of a test.
    """
    yield Request("delete", access, lambda client: client.delete_failover_test_job(job_id))


def read(
    access: Access, resources: Collection[Resource]
) -> Exchange[dict[Resource, ResourceState]]:
    """
    Ask for the states of resources.
    """
    reply = yield Request("read", access, lambda client: read_states(client, resources))
    return cast(dict[Resource, ResourceState], reply)
