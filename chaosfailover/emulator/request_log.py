"""
The log of requests: a list of the latest, and one log line for each.
"""

import logging
from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import TypedDict

__all__ = ["LoggedRequest", "RequestLog", "logged", "parameters_shown", "shortened"]

logger = logging.getLogger("chaosfailover.emulator")

CREDENTIALS = frozenset({"Signature", "SecurityToken", "SignatureNonce", "AccessKeyId"})
LOGGED = ("at", "method", "operation", "region", "account", "status")
MOST_PARAMETERS = 100
LONGEST_TEXT = 1000


class LoggedRequest(TypedDict):
    """
    One request and its reply: `status` is the HTTP status, `code` the error code or empty.
    `faults` are those that acted on it.
    """

    at: str
    method: str
    operation: str
    region: str
    account: str
    parameters: Mapping[str, str]
    status: int
    code: str
    request_id: str
    ending: str
    faults: tuple[str, ...]
    milliseconds: float


class RequestLog:
    """
    The latest requests, oldest first: at most `longest` requests and `largest` characters.
    """

    def __init__(self, longest: int = 10_000, largest: int = 10_000_000) -> None:
        self._longest, self._largest = longest, largest
        self._entries: deque[LoggedRequest] = deque()
        self._size = 0

    def record(self, entry: LoggedRequest) -> None:
        """
        Store a request without its credentials, and log it.
        """
        self._entries.append(entry)
        self._size += _size(entry)
        while len(self._entries) > self._longest or self._size > self._largest:
            self._size -= _size(self._entries.popleft())
        code = entry["code"] or ("OK" if 200 <= entry["status"] < 400 else "-")
        words = [str(value) for key, value in entry.items() if key in LOGGED]
        logged(*words, code, *entry["faults"], ms=entry["milliseconds"])

    def shown(self) -> list[LoggedRequest]:
        """
        Return the requests.
        """
        return list(self._entries)

    def clear(self) -> None:
        """
        Remove all requests.
        """
        self._entries.clear()
        self._size = 0


def logged(*words: str, ms: float) -> None:
    """
    Log one line; control characters are escaped, so no request can forge a line.
    """
    logger.info("%s %.1f ms", " ".join(_printable(word) or "-" for word in words), ms)


def parameters_shown(parameters: Mapping[str, str]) -> dict[str, str]:
    """
    Return the parameters of a request without its credentials, shortened.
    """
    shown = ((name, value) for name, value in parameters.items() if name not in CREDENTIALS)
    return {shortened(name): shortened(value) for name, value in islice(shown, MOST_PARAMETERS)}


def shortened(text: str) -> str:
    """
    Return a text, or the beginning of a long one.
    """
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _size(entry: LoggedRequest) -> int:
    return sum(len(name) + len(value) for name, value in entry["parameters"].items())


def _printable(word: str) -> str:
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in word)
