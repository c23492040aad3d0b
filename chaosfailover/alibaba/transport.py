"""
The connection to an endpoint, which sends an operation and retries it within a deadline.
"""

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import partial

import httpx

from chaosfailover.alibaba.codes import REFUSED_KEY
from chaosfailover.alibaba.documents import Reply
from chaosfailover.alibaba.environment import http_transport, proxy_of
from chaosfailover.alibaba.products import Product
from chaosfailover.alibaba.replies import document, is_unreached, transport_error
from chaosfailover.alibaba.retries import retrying
from chaosfailover.alibaba.signing import clock_offset
from chaosfailover.errors import ApiError, RequestTimeoutError, TransportError

__all__ = ["Attempting", "Connection"]

logger = logging.getLogger("chaostoolkit")

CONNECT_TIMEOUT = 5.0

Attempting = Callable[[], AbstractContextManager[None]]


class Connection:
    """
    A connection to one endpoint. May be used from several threads.

    A failure to reach it is retried for `reach` seconds only. Retries are logged at `log_level`,
    unless `on_retry` gets the operation and the error of each.
    Passwords and keys of its replies are shown nowhere, nor in the errors that come after them.
    """

    on_retry: Callable[[str, Exception], None] | None = None

    def __init__(
        self,
        endpoint: str,
        auth: httpx.Auth,
        *,
        read_timeout: float,
        attempts: int,
        product: Product,
        transport: httpx.BaseTransport | None,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        reach: float = math.inf,
        log_level: int = logging.WARNING,
    ) -> None:
        proxy = None if transport else proxy_of(endpoint)
        self._route = f"{endpoint} through {proxy}" if proxy else endpoint
        self._http = httpx.Client(
            base_url=endpoint,
            auth=auth,
            transport=transport or http_transport(endpoint, proxy),
            trust_env=False,
            headers={"accept": "application/json", "user-agent": "chaostoolkit-failover"},
        )
        self._read_timeout = read_timeout
        self._attempts = attempts
        self._product = product
        self._clock = clock
        self._sleep = sleep
        self._reach = reach
        self._log_level = log_level
        self._secrets: set[str] = set()
        self.clock_offset: float | None = None

    def close(self) -> None:
        """
        Close the sockets.
        """
        self._http.close()

    def send(
        self,
        operation: str,
        parameters: Mapping[str, str],
        budget: float,
        attempting: Attempting = nullcontext,
    ) -> Reply:
        """
        Return the reply to an operation, which is retried within `budget` seconds if that may help.

        Each attempt runs inside `attempting()`, which may refuse it. The budget bounds each wait,
        so a read, a slow name server or a slow source of credentials can exceed it.
        """
        began = self._clock()
        deadline = began + budget

        def attempt() -> Reply:
            with attempting():
                return self._exchange(operation, parameters, deadline)

        def due(error: ApiError | TransportError) -> float:
            return min(deadline, began + self._reach) if is_unreached(error) else deadline

        return retrying(
            attempt,
            attempts=self._attempts,
            due=due,
            clock=self._clock,
            sleep=self._sleep,
            announce=partial(self._announce, operation, []),
        )

    def _exchange(self, operation: str, parameters: Mapping[str, str], deadline: float) -> Reply:
        http_status = None
        headers = {"x-acs-action": operation, "x-acs-version": self._product.version}
        remaining = self._remaining(operation, deadline)
        timeout = httpx.Timeout(
            min(self._read_timeout, remaining), connect=min(CONNECT_TIMEOUT, remaining)
        )
        try:
            with self._http.stream(
                "POST",
                "/",
                params=None if self._product.sends_form else parameters,
                data=parameters if self._product.sends_form else None,
                headers=headers,
                timeout=timeout,
            ) as response:
                http_status = response.status_code
                self.clock_offset = clock_offset(response.headers, datetime.now(UTC))
                body = b"".join(self._chunks(operation, response, deadline))
        except httpx.HTTPError as error:
            raise transport_error(
                error, operation=operation, route=self._route, http_status=http_status
            ) from None
        try:
            return document(
                operation,
                http_status,
                response.headers,
                body,
                secrets=self._secrets,
                tells_success=self._product.tells_success,
            )
        except ApiError as error:
            if error.code.startswith(REFUSED_KEY):
                error.credentials = response.request.extensions.get("credentials", "")
            raise

    def _chunks(self, operation: str, response: httpx.Response, deadline: float) -> Iterator[bytes]:
        for chunk in response.iter_bytes():
            self._remaining(operation, deadline)
            yield chunk

    def _remaining(self, operation: str, deadline: float) -> float:
        remaining = deadline - self._clock()
        if remaining <= 0:
            raise RequestTimeoutError(
                f"{operation}: {self._route} did not answer before the deadline"
            )
        return remaining

    def _announce(self, operation: str, told: list[str], error: Exception, wait: float) -> None:
        """
        Log that an attempt failed, with the reason unless that was `told` of the one before.
        """
        if self.on_retry:
            self.on_retry(operation, error)
            return
        reason = str(error).removeprefix(f"{operation}: ")
        told.append(error.code if isinstance(error, ApiError) else reason)
        shown = ", as before" if told[-2:-1] == told[-1:] else f": {reason}"
        logger.log(
            self._log_level, "%s failed and is tried again in %.1f s%s", operation, wait, shown
        )
