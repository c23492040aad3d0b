"""
The errors of this package.

    FailoverError
    |-- ArgumentError (ValueError)      an argument breaks a rule; nothing was sent
    |-- ConfigurationError              a setting is missing or wrong; nothing was sent
    |   `-- CredentialsError            no usable credentials
    |-- ApiError                        the API replied with an error
    |-- TransportError                  no usable reply
    |   |-- ConnectionFailedError       DNS, refused, reset
    |   |-- TlsError                    the certificate or the handshake
    |   |-- RequestTimeoutError         connect, read or total deadline
    |   `-- InvalidReplyError           not JSON, or cut off
    |-- JobError
    |   |-- JobNotFoundError            no such failover test
    |   |-- AmbiguousTestError          a name matches several unfinished tests
    |   |-- JobStatusError              the awaited status can no longer be reached
    |   `-- JobTimeoutError             the awaited status was not reached in time
    |-- GuardError                      a cut was refused, or a test could not be stopped
    `-- PreflightError                  a condition of the cut does not hold
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "AmbiguousTestError",
    "ApiError",
    "ArgumentError",
    "ConfigurationError",
    "ConnectionFailedError",
    "CredentialsError",
    "FailoverError",
    "GuardError",
    "InvalidReplyError",
    "JobError",
    "JobNotFoundError",
    "JobStatusError",
    "JobTimeoutError",
    "PreflightError",
    "RequestTimeoutError",
    "TlsError",
    "TransportError",
    "did_you_mean",
]


def did_you_mean(word: object, names: Iterable[str], closeness: float = 0.6) -> str:
    """
    Return the end of a sentence on an unknown word: the name that it is close to, else all names.

    `closeness` is how alike both have to be, from 0 to 1.
    """
    known = list(names)
    return close_to(word, known, closeness) or f", expected one of {', '.join(known)}"


def close_to(word: object, names: Iterable[str], closeness: float = 0.6) -> str:
    """
    Return the end of a sentence on a word that is close to a name, "" if it is to none.
    """
    close = get_close_matches(str(word), list(names), 1, closeness)
    return f" (did you mean {close[0]}?)" if close else ""


class FailoverError(Exception):
    """
    The root of all errors that this package raises on purpose.
    """


class ArgumentError(FailoverError, ValueError):
    """
    An argument breaks a rule; raised before any request.
    """


class ConfigurationError(FailoverError):
    """
    A setting is missing or wrong; raised before any request.
    """


class CredentialsError(ConfigurationError):
    """
    No usable credentials; the message lists the sources that were tried.
    """


class ApiError(FailoverError):
    """
    The API replied with an error.

    `code` and `message` are the API's own; `retry_after` is in seconds, from the header
    `x-acs-retry-after`, or None. `credentials` is where refused credentials come from, or "".
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        operation: str,
        http_status: int,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.operation = operation
        self.http_status = http_status
        self.request_id = request_id
        self.retry_after = retry_after
        self.credentials = ""

    def __str__(self) -> str:
        request = f", request {self.request_id}" if self.request_id else ""
        source = f"; the credentials are those of {self.credentials}" if self.credentials else ""
        return (
            f"{self.code}: {self.message} ({self.operation}, HTTP {self.http_status}{request})"
            f"{source}"
        )


class TransportError(FailoverError):
    """
    No usable reply; whether the call took effect is unknown.
    """


class ConnectionFailedError(TransportError):
    """
    The endpoint could not be reached: DNS, refused, reset. It `refused` if nothing listens there.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class TlsError(TransportError):
    """
    The TLS handshake failed; it is not retried.
    """


class RequestTimeoutError(TransportError):
    """
    No reply within the connect timeout, the read timeout or the total deadline.

    It is not `connected` if the connect timeout passed.
    """

    def __init__(self, message: str, *, connected: bool = True) -> None:
        super().__init__(message)
        self.connected = connected


class InvalidReplyError(TransportError):
    """
    The reply is not a JSON document of the API.
    """

    def __init__(self, message: str, *, http_status: int) -> None:
        super().__init__(message)
        self.http_status = http_status


class JobError(FailoverError):
    """
    A failover test is not as the caller needs it.
    """


class JobNotFoundError(JobError):
    """
    No failover test has this ID or name.
    """


class AmbiguousTestError(JobError):
    """
    A name matches several unfinished failover tests; the message lists them.
    """


class JobStatusError(JobError):
    """
    The failover test has a status after which the awaited one cannot be reached.
    """


class JobTimeoutError(JobError):
    """
    The awaited status was not reached in time.
    """


class GuardError(FailoverError):
    """
    A cut was refused because nothing would stop it, or a running test could not be stopped.
    """


class PreflightError(FailoverError):
    """
    A condition of the cut does not hold, or is unknown.
    """
