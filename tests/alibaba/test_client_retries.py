"""
A call is tried again when that may help, within its deadline, and never otherwise.
"""

import logging
import re
from collections.abc import Iterator

import httpx
import pytest
from chaoslib.exceptions import InterruptExecution
from client_stand_in import Clock, Cloud, client_of, error_reply, reply
from faces import Face

from chaosfailover.alibaba.retries import is_retryable
from chaosfailover.errors import (
    ApiError,
    ArgumentError,
    ConnectionFailedError,
    CredentialsError,
    InvalidReplyError,
    JobTimeoutError,
    RequestTimeoutError,
    TlsError,
)


def api_error(code: str, http_status: int = 400, retry_after: float | None = None) -> ApiError:
    return ApiError(code, "", operation="Stop", http_status=http_status, retry_after=retry_after)


RETRIED = [
    api_error("Throttling"),
    api_error("Throttling.User"),
    api_error("Throttling.Api"),
    api_error("Rejected.Throttling"),
    api_error("ServiceUnavailable", 503),
    api_error("ServiceUnavailable"),
    api_error("InternalError", 500),
    api_error("Whatever", 502),
    api_error("Whatever", 429),
    api_error("SystemBusy"),
    api_error("OperationConflict"),
    api_error("TaskConflict"),
    api_error("LastTokenProcessing"),
    api_error("OperationFailed.LastTokenProcessing"),
    api_error("EcFailoverTestJobConflict"),
    api_error("SignatureNonceUsed"),
    api_error("Whatever", retry_after=1.0),
    ConnectionFailedError("refused"),
    RequestTimeoutError("read"),
    InvalidReplyError("cut off", http_status=200),
    InvalidReplyError("a gateway's page", http_status=502),
    InvalidReplyError("a gateway's page", http_status=429),
]
NOT_RETRIED = [
    api_error("AnotherJobTesting"),
    api_error("DryRunOperation"),
    api_error("EcFailoverTestJobResourceInAnotherProcessingJob"),
    api_error("Forbidden.RAM", 403),
    api_error("IdempotentParameterMismatch"),
    api_error("IllegalParam.JobId"),
    api_error("IllegalParam.ResourceId"),
    api_error("IncompleteSignature"),
    api_error("IncorrectBusinessStatus.ResourceId"),
    api_error("IncorrectStatus"),
    api_error("IncorrectStatus.OnlyForInit"),
    api_error("IncorrectStatus.OnlyForInitOrStopped"),
    api_error("IncorrectStatus.OnlyForTesting"),
    api_error("IncorrectStatus.ResourceId"),
    api_error("InvalidAccessKeyId.NotFound", 404),
    api_error("InvalidApi.NotFound", 404),
    api_error("InvalidSecurityToken.Expired"),
    api_error("InvalidTimeStamp.Expired"),
    api_error("MissingJobId"),
    api_error("NoPermission", 403),
    api_error("PconnContailsMoreThanOneAcrossCountVbr"),
    api_error("PconnContainsMoreThanOneVpconn"),
    api_error("SignatureDoesNotMatch"),
    api_error("VpconnNotAssociatedVbr"),
    api_error("VpconnWithVlan0NotSupportShutdown"),
    TlsError("self-signed"),
    InvalidReplyError("moved", http_status=302),
    InvalidReplyError("a proxy's page", http_status=403),
    ArgumentError("name"),
    CredentialsError("none"),
    JobTimeoutError("late"),
    InterruptExecution("SIGTERM"),
    KeyboardInterrupt(),
    SystemExit(20),
    ValueError("ours"),
]


@pytest.mark.parametrize("error", RETRIED, ids=repr)
def test_is_retried(error: Exception) -> None:
    """The service was busy, or its answer did not arrive."""
    assert is_retryable(error)


@pytest.mark.parametrize("error", NOT_RETRIED, ids=repr)
def test_is_not_retried(error: BaseException) -> None:
    """The answer would be the same, or someone wants the run to end."""
    assert not is_retryable(error)


def test_retry_is_the_same_request_signed_anew(face: Face) -> None:
    """Every attempt carries the same ClientToken under a fresh nonce and signature."""
    cloud = Cloud(
        [httpx.ReadTimeout("lost"), error_reply("ServiceUnavailable", 503), reply()], face
    )
    client_of(cloud).start_failover_test_job("ftj-1")
    nonces = {request.headers["x-acs-signature-nonce"] for request in cloud.requests}
    signatures = {request.headers["authorization"] for request in cloud.requests}

    assert cloud.parameters[0] == cloud.parameters[1] == cloud.parameters[2]
    assert len(cloud.parameters[0]["ClientToken"]) == 36
    assert len(nonces) == len(signatures) == 3


def test_error_that_is_final_is_raised_at_once(face: Face) -> None:
    """One request, no wait."""
    clock = Clock()
    cloud = Cloud([error_reply("IncorrectStatus.OnlyForInit")], face)

    with pytest.raises(ApiError) as caught:
        client_of(cloud, clock).start_failover_test_job("ftj-1")

    assert str(caught.value) == (
        "IncorrectStatus.OnlyForInit: As documented. "
        "(StartFailoverTestJob, HTTP 400, request C44F62BE)"
    )
    assert (len(cloud.requests), clock.slept) == (1, [])


def test_wait_doubles_up_to_a_limit(face: Face) -> None:
    """Waits grow from 0.2 s to 5 s, each up to half longer by chance."""
    clock = Clock()
    cloud = Cloud([error_reply("Throttling.User") for _ in range(8)], face)

    with pytest.raises(ApiError, match=r"^Throttling\.User"):
        client_of(cloud, clock, attempts=8).stop_failover_test_job("ftj-1")

    expected = [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert len(cloud.requests) == 8
    assert all(
        least <= slept <= least * 1.5 for least, slept in zip(expected, clock.slept, strict=True)
    )


def test_retry_after_is_milliseconds(face: Face) -> None:
    """The wait that the API names is kept to the millisecond."""
    clock = Clock()
    busy = error_reply("Throttling.User", 400, **{"x-acs-retry-after": "1250"})
    cloud = Cloud([busy, reply()], face)
    client_of(cloud, clock).stop_failover_test_job("ftj-1")

    assert clock.slept == [1.25]


@pytest.mark.parametrize("header", ["", "soon", "0", "-5", "1.5"])
def test_retry_after_that_is_no_positive_integer(face: Face, header: str) -> None:
    """A senseless header is no reason to retry."""
    cloud = Cloud([error_reply("NoPermission", 403, **{"x-acs-retry-after": header})], face)

    with pytest.raises(ApiError) as caught:
        client_of(cloud).stop_failover_test_job("ftj-1")

    assert caught.value.retry_after is None


def test_retry_after_beyond_the_deadline_gives_up_at_once(face: Face) -> None:
    """There is no use in waiting for a moment that is too late."""
    clock = Clock()
    busy = error_reply("Throttling.User", 400, **{"x-acs-retry-after": "60000"})

    with pytest.raises(ApiError) as caught:
        client_of(Cloud([busy], face), clock, deadline=60.0).stop_failover_test_job("ftj-1")

    assert (caught.value.retry_after, clock.slept) == (60.0, [])


def test_deadline_bounds_a_call_with_all_its_retries(face: Face) -> None:
    """Attempts shrink to the time that is left, and the last one ends at the deadline."""
    clock = Clock()

    def silent(request: httpx.Request) -> httpx.Response:
        clock.now += request.extensions["timeout"]["read"]
        raise httpx.ReadTimeout("silence")

    cloud = Cloud([silent] * 9, face)

    with pytest.raises(RequestTimeoutError, match="did not answer in time"):
        client_of(cloud, clock, deadline=25.0).stop_failover_test_job("ftj-1")

    reads = [request.extensions["timeout"]["read"] for request in cloud.requests]
    assert reads[:2] == [10.0, 10.0]
    assert reads[2] == pytest.approx(5.0 - sum(clock.slept))
    assert len(reads) == 3
    assert clock.now == pytest.approx(1025.0)


def test_connect_timeout_shrinks_too(face: Face) -> None:
    """No wait of an attempt is longer than the deadline."""
    cloud = Cloud([reply()], face)
    client_of(cloud, deadline=2.0).stop_failover_test_job("ftj-1")

    assert cloud.requests[0].extensions["timeout"] == dict.fromkeys(
        ("connect", "read", "write", "pool"), 2.0
    )


def test_deadline_ends_a_reply_that_trickles(face: Face) -> None:
    """A body that never ends does not hold the caller."""
    clock = Clock()

    class Trickle(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                clock.now += 9.0
                yield b" "

    cloud = Cloud([lambda _: httpx.Response(200, stream=Trickle())], face)

    with pytest.raises(RequestTimeoutError, match="did not answer before the deadline"):
        client_of(cloud, clock).describe_failover_test_job("ftj-1")

    assert clock.now == pytest.approx(1063.0)


@pytest.mark.parametrize(
    "wish", [InterruptExecution("SIGTERM"), SystemExit(20), KeyboardInterrupt()], ids=repr
)
def test_interruption_of_a_request_is_never_swallowed(face: Face, wish: BaseException) -> None:
    """What a signal handler raises leaves the call at once, as it is."""
    cloud = Cloud([wish, reply()], face)

    with pytest.raises(type(wish)) as caught:
        client_of(cloud).stop_failover_test_job("ftj-1")

    assert (caught.value, len(cloud.requests)) == (wish, 1)


@pytest.mark.parametrize(
    "wish", [InterruptExecution("SIGTERM"), SystemExit(20), KeyboardInterrupt()], ids=repr
)
def test_interruption_of_a_wait_is_never_swallowed(face: Face, wish: BaseException) -> None:
    """It does not matter which line the signal hits."""
    cloud = Cloud([error_reply("Throttling"), reply()], face)

    class Interrupted(Clock):
        def sleep(self, _seconds: float) -> None:
            raise wish

    with pytest.raises(type(wish)) as caught:
        client_of(cloud, Interrupted()).stop_failover_test_job("ftj-1")

    assert (caught.value, len(cloud.requests)) == (wish, 1)


def test_retry_is_announced_in_one_line(face: Face, caplog: pytest.LogCaptureFixture) -> None:
    """Operation, wait and error, for whoever watches the run."""
    busy = error_reply("Throttling.User", 400, **{"x-acs-retry-after": "1250"})
    client_of(Cloud([busy, reply()], face)).stop_failover_test_job("ftj-1")
    lines = [record.getMessage() for record in caplog.records if record.name == "chaostoolkit"]

    assert "\n".join(lines) == (
        "StopFailoverTestJob failed and is tried again in 1.2 s: Throttling.User: As documented. "
        "(StopFailoverTestJob, HTTP 400, request C44F62BE)"
    )


def test_reason_that_stays_is_told_once(face: Face, caplog: pytest.LogCaptureFixture) -> None:
    """A cause that goes on is one sentence; another one in between is told, and so is the first."""
    refused, busy = httpx.ConnectError("refused"), error_reply("SystemBusy", 400)
    client_of(Cloud([refused, refused, busy, busy, refused, reply()], face)).stop_failover_test_job(
        "ftj-1"
    )
    lines = [record.getMessage() for record in caplog.records if record.name == "chaostoolkit"]
    ends = [re.sub(r".* s(, as before|: ).*", r"\1", line) for line in lines]

    assert ends == [": ", ", as before", ": ", ", as before", ": "]


def test_nothing_that_is_logged_or_raised_holds_a_credential(
    face: Face,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither our log nor that of httpx shows a secret or a token."""
    caplog.set_level(logging.DEBUG)
    cloud = Cloud(
        [error_reply("Throttling"), httpx.ConnectError("refused"), error_reply("No")], face
    )

    with pytest.raises(ApiError) as caught:
        client_of(cloud).stop_failover_test_job("ftj-1")

    shown = repr([vars(record) for record in caplog.records]) + repr(caught.value)
    assert cloud.requests[0].headers["x-acs-security-token"] == "TOKEN-of-test"
    assert "StopFailoverTestJob failed and is tried again" in caplog.text
    assert not re.search("SECRET-of-test|TOKEN-of-test", shown)
