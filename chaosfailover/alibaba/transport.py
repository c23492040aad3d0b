"""
The connection to an endpoint: one operation in, its reply out, retried within a deadline.
"""

import logging
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import httpx

from chaosfailover.alibaba.documents import Reply
from chaosfailover.alibaba.endpoints import is_loopback
from chaosfailover.alibaba.replies import document, transport_error
from chaosfailover.alibaba.retries import retrying
from chaosfailover.alibaba.signing import clock_offset
from chaosfailover.errors import ConfigurationError, RequestTimeoutError

__all__ = ["VERSION", "Attempting", "Connection", "Limits"]

VERSION = "2016-04-28"

Attempting = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What one attempt may take, in seconds, and how often a call may be attempted.
    """

    connect_timeout: float
    read_timeout: float
    attempts: int


class Connection:
    """
    Send signed operations to one endpoint. May be used from several threads.
    """

    def __init__(
        self,
        endpoint: str,
        auth: httpx.Auth,
        limits: Limits,
        *,
        version: str = VERSION,
        transport: httpx.BaseTransport | None,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        logger: logging.Logger,
    ) -> None:
        self._endpoint = endpoint
        self._http = _http_client(endpoint, auth, transport)
        self._limits = limits
        self._version = version
        self._clock = clock
        self._sleep = sleep
        self._logger = logger
        self.clock_offset: float | None = None

    def close(self) -> None:
        """
        Close the sockets.
        """
        self._http.close()

    def send(
        self,
        operation: str,
        query: Mapping[str, str],
        budget: float,
        attempting: Attempting = nullcontext,
    ) -> Reply:
        """
        Return the reply to an operation, trying again within `budget` seconds when that may help.

        Each attempt is made inside an `attempting()`, which may refuse it.
        The budget bounds each wait of an attempt, so it can be exceeded by one read, by a slow
        name server and by a slow source of credentials.
        """
        deadline = self._clock() + budget

        def attempt() -> Reply:
            with attempting():
                return self._exchange(operation, query, deadline)

        return retrying(
            attempt,
            attempts=self._limits.attempts,
            deadline=deadline,
            clock=self._clock,
            sleep=self._sleep,
            announce=partial(self._announce, operation),
        )

    def _exchange(self, operation: str, query: Mapping[str, str], deadline: float) -> Reply:
        http_status = None
        headers = {"x-acs-action": operation, "x-acs-version": self._version}
        timeout = self._timeout(operation, deadline)
        try:
            with self._http.stream(
                "POST", "/", params=query, headers=headers, timeout=timeout
            ) as response:
                http_status = response.status_code
                self.clock_offset = clock_offset(response.headers, datetime.now(UTC))
                body = b"".join(self._chunks(operation, response, deadline))
        except httpx.HTTPError as error:
            raise transport_error(
                error, operation=operation, endpoint=self._endpoint, http_status=http_status
            ) from None
        return document(operation, http_status, response.headers, body)

    def _timeout(self, operation: str, deadline: float) -> httpx.Timeout:
        remaining = self._remaining(operation, deadline)
        return httpx.Timeout(
            min(self._limits.read_timeout, remaining),
            connect=min(self._limits.connect_timeout, remaining),
        )

    def _chunks(self, operation: str, response: httpx.Response, deadline: float) -> Iterator[bytes]:
        for chunk in response.iter_bytes():
            self._remaining(operation, deadline)
            yield chunk

    def _remaining(self, operation: str, deadline: float) -> float:
        remaining = deadline - self._clock()
        if remaining <= 0:
            raise RequestTimeoutError(f"{operation}: {self._endpoint} took all the time there was")
        return remaining

    def _announce(self, operation: str, error: Exception, wait: float) -> None:
        self._logger.warning("%s failed and is tried again in %.1f s: %s", operation, wait, error)


def _http_client(
    endpoint: str, auth: httpx.Auth, transport: httpx.BaseTransport | None
) -> httpx.Client:
    """
    Open a client; proxies of the environment apply to all but loopback.
    """
    in_clear = endpoint.startswith("http://")
    try:
        return httpx.Client(
            base_url=endpoint,
            auth=auth,
            transport=transport,
            trust_env=not is_loopback(endpoint),
            # Loading the certificate authorities takes 25 ms, and plain http needs none of them.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if in_clear else True,
            headers={"accept": "application/json", "user-agent": "chaostoolkit-failover"},
        )
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise ConfigurationError(
            f"the proxy settings of the environment cannot be used: {type(error).__name__}"
        ) from None
