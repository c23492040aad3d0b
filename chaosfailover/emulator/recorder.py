"""
The requests that the emulator has seen, with one log line for each.
"""

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

__all__ = ["Recorder", "Seen", "logged", "parameters_shown", "shortened"]

logger = logging.getLogger("chaosfailover.emulator")

UNWRITTEN = frozenset({"Signature", "SecurityToken", "SignatureNonce", "AccessKeyId"})
MOST_PARAMETERS = 100
LONGEST_TEXT = 1000


@dataclass(frozen=True)
class Seen:
    """
    One request and what it got: `status` is the HTTP status, `code` the error code or empty,
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


class Recorder:
    """
    The latest requests, oldest first: `longest` of them, and `largest` letters in all, at most.
    """

    def __init__(self, longest: int = 10_000, largest: int = 10_000_000) -> None:
        self._longest, self._largest = longest, largest
        self._seen: deque[Seen] = deque()
        self._letters = 0

    def record(self, seen: Seen) -> None:
        """
        Keep a request and log it; credentials are in neither.
        """
        self._seen.append(seen)
        self._letters += _letters(seen)
        while len(self._seen) > self._longest or self._letters > self._largest:
            self._letters -= _letters(self._seen.popleft())
        code = seen.code or ("OK" if 200 <= seen.status < 400 else "-")
        who = (seen.operation, seen.region, seen.account)
        logged(
            seen.at, seen.method, *who, str(seen.status), code, *seen.faults, ms=seen.milliseconds
        )

    def shown(self) -> list[dict[str, Any]]:
        """
        Return the requests as JSON can write them.
        """
        return [asdict(each) for each in self._seen]

    def clear(self) -> None:
        """
        Forget them.
        """
        self._seen.clear()
        self._letters = 0


def logged(*words: str, ms: float) -> None:
    """
    Log one line; what a client sent cannot begin another, nor reach the terminal.
    """
    logger.info("%s %.1f ms", " ".join(_printable(word) or "-" for word in words), ms)


def parameters_shown(parameters: Mapping[str, str]) -> dict[str, str]:
    """
    Return the parameters of a request without what belongs to its signature, and not too much.
    """
    kept = ((name, value) for name, value in parameters.items() if name not in UNWRITTEN)
    return {shortened(name): shortened(value) for name, value in islice(kept, MOST_PARAMETERS)}


def shortened(text: str) -> str:
    """
    Return a text, or its beginning if it is very long.
    """
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _letters(seen: Seen) -> int:
    return sum(len(name) + len(value) for name, value in seen.parameters.items())


def _printable(word: str) -> str:
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in word)
