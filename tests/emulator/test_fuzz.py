"""
Malformed input: never an error that was not asked for, never a traceback to the client.

`python tests/benchmarks/emulator_fuzz.py` does the same for minutes, over HTTP too.
"""

import json
from xml.etree import ElementTree

from emulator_fuzzing import admin_requests, half_formed, malformed
from hypothesis import given, settings

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.wire import Reply, Request

SIGNED = Emulator()
OPEN = Emulator(auth=False)


def check(emulator: Emulator, request: Request) -> Reply:
    """
    Send a request and check that the answer is a document without a server error.
    """
    url = f"{request.path}?{request.query}"
    reply = emulator.handle(request.method, url, request.headers, request.body)

    assert reply.status < 500
    if "json" in reply.headers["Content-Type"]:
        json.loads(reply.body)
    else:
        ElementTree.fromstring(reply.body)  # noqa: S314 - our own
    return reply


@settings(max_examples=150, deadline=None)
@given(half_formed())
def test_half_formed_requests(request: Request) -> None:
    check(OPEN, request)


@settings(max_examples=150, deadline=None)
@given(malformed())
def test_malformed_requests(request: Request) -> None:
    check(OPEN, request)


@settings(max_examples=150, deadline=None)
@given(half_formed())
def test_requests_with_wrong_signatures_are_refused(request: Request) -> None:
    assert check(SIGNED, request).status in (400, 404)


@settings(max_examples=150, deadline=None)
@given(admin_requests())
def test_admin_requests(request: Request) -> None:
    try:
        check(OPEN, request)
    finally:
        OPEN.cloud.reset()
