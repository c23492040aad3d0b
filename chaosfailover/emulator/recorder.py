"""
The requests that the emulator has seen, with one log line for each.
"""

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Recorder", "Seen", "parameters_shown"]

logger = logging.getLogger("chaosfailover.emulator")

UNWRITTEN = frozenset({"Signature", "SecurityToken", "SignatureNonce", "AccessKeyId"})


@dataclass(frozen=True)
class Seen:
    """
    One request and what it got: `status` is the HTTP status, `code` the error code or empty.
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
    milliseconds: float


class Recorder:
    """
    The latest requests, oldest first.
    """

    def __init__(self, longest: int = 10_000) -> None:
        self._seen: deque[Seen] = deque(maxlen=longest)

    def record(self, seen: Seen) -> None:
        """
        Keep a request and log it in one line; credentials are in neither.
        """
        self._seen.append(seen)
        logger.info(
            "%s %s %s %s %s %d %s %.1f ms",
            *(seen.at, seen.method, seen.operation or "-", seen.region or "-"),
            *(seen.account or "-", seen.status, seen.code or "OK", seen.milliseconds),
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


def parameters_shown(parameters: Mapping[str, str]) -> dict[str, str]:
    """
    Return the parameters of a request without what belongs to its signature.
    """
    return {name: value for name, value in parameters.items() if name not in UNWRITTEN}
