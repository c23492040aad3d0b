"""
What stands in for the cloud in the tests of the client: scripted replies and a clock.
"""

from collections.abc import Callable, Iterable
from typing import Any

import httpx

from chaosfailover.client import VpcClient
from chaosfailover.signing import Credentials

__all__ = ["Clock", "Cloud", "client_of", "error_reply", "job", "reply"]

CREDENTIALS = Credentials("AKID-of-test", "SECRET-of-test", "TOKEN-of-test")

Answer = httpx.Response | BaseException | Callable[[httpx.Request], httpx.Response]


class Clock:
    """
    A clock that only moves when someone sleeps, or when it is told to.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Cloud:
    """
    A handler for `httpx.MockTransport` that answers in order and keeps the requests.
    """

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._answers = iter(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = next(self._answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    @property
    def parameters(self) -> list[dict[str, str]]:
        return [dict(request.url.params) for request in self.requests]


def client_of(cloud: Cloud, clock: Clock | None = None, **settings: Any) -> VpcClient:
    clock = clock or Clock()
    return VpcClient(
        "cn-hangzhou",
        lambda: CREDENTIALS,
        transport=httpx.MockTransport(cloud),
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


def job(status: str) -> httpx.Response:
    return reply(FailoverTestJobModel={"JobId": "ftj-1", "Status": status})
