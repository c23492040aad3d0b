"""
A stand-in for the cloud in the tests of the client: scripted answers, and a clock.
"""

from collections.abc import Callable, Iterable
from typing import Any

import httpx
from faces import CREDENTIALS, Face

from chaosfailover.alibaba.client import VpcClient

__all__ = ["Answer", "Clock", "Cloud", "client_of", "error_reply", "job", "reply"]

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
    raised, and callables called, without a request to the face.
    """

    def __init__(self, answers: Iterable[Answer], face: Face | None = None) -> None:
        self._answers = iter(answers)
        self._face = face
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
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


def job(status: str) -> httpx.Response:
    return reply(FailoverTestJobModel={"JobId": "ftj-1", "Status": status})
