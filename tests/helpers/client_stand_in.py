"""
A stand-in for the cloud in the tests of the client: scripted answers, and a clock.
"""

from collections.abc import Callable, Iterable
from typing import Any

import httpx
from faces import CREDENTIALS, Face

from chaosfailover.alibaba.client import VpcClient

__all__ = ["Answer", "Clock", "Cloud", "circuit", "client_of", "error_reply", "job", "reply"]

Answer = httpx.Response | BaseException | Callable[[httpx.Request], httpx.Response]


class Clock:
    """
    A clock that moves only when `sleep` is called or `now` is set.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Cloud(httpx.BaseTransport):
    """
    A transport that stores the requests and answers them in order.

    With a face, the request is sent to it, and a response is what it answers. Exceptions are
    raised, and callables called, without a request to the face. With `circuits`, the status of
    pc-1 each time that it is asked for, those requests take no answer; the last one stays.
    """

    def __init__(
        self,
        answers: Iterable[Answer],
        face: Face | None = None,
        circuits: Iterable[Answer | str] = (),
    ) -> None:
        self._answers = iter(answers)
        self._face = face
        self._circuits = list(circuits)
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self._circuits and request.headers["x-acs-action"] == "DescribePhysicalConnections":
            first = self._circuits.pop(0) if len(self._circuits) > 1 else self._circuits[0]
            answer = circuit(first) if isinstance(first, str) else first
        else:
            answer = next(self._answers)
        if isinstance(answer, BaseException):
            raise answer
        if not isinstance(answer, httpx.Response):
            return answer(request)
        return self._face.answered(request, answer) if self._face else answer

    @property
    def parameters(self) -> list[dict[str, str]]:
        return [dict(request.url.params) for request in self.requests]


def client_of(cloud: Cloud, clock: Clock | None = None, **settings: Any) -> VpcClient:
    clock = clock or Clock()
    return VpcClient(
        "cn-hangzhou",
        lambda: CREDENTIALS,
        transport=cloud,
        clock=clock,
        sleep=clock.sleep,
        **settings,
    )


def reply(**document: Any) -> httpx.Response:
    return httpx.Response(200, json={"RequestId": "C44F62BE", **document})


def error_reply(code: str, http_status: int = 400, **headers: str) -> httpx.Response:
    return httpx.Response(
        http_status,
        json={"RequestId": "C44F62BE", "Code": code, "Message": "As documented."},
        headers=headers,
    )


def job(status: object, **more: object) -> httpx.Response:
    """
    Return the document of ftj-1, which takes the circuit pc-1.
    """
    resources = {"ResourceType": "PHYSICALCONNECTION", "ResourceId": ["pc-1"]}
    return reply(FailoverTestJobModel={"JobId": "ftj-1", "Status": status, **resources, **more})


def circuit(status: str) -> httpx.Response:
    """
    Return the list of circuits with pc-1 only.
    """
    circuits = [{"PhysicalConnectionId": "pc-1", "Status": status}]
    return reply(
        PhysicalConnectionSet={"PhysicalConnectionType": circuits},
        TotalCount=1,
        PageNumber=1,
        PageSize=50,
    )
