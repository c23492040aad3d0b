"""
A caller for tests: one cloud in process with a clock that only the test moves.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from chaosfailover.emulator.api import answer
from chaosfailover.emulator.clock import Clock
from chaosfailover.emulator.cloud import Cloud
from chaosfailover.emulator.operations.table import OPERATIONS
from chaosfailover.emulator.topology import load, topology_from
from chaosfailover.emulator.wire import Request

__all__ = ["CREATE", "Caller", "flattened"]

CREATE = {
    "ResourceType": "PHYSICALCONNECTION",
    "ResourceId": ["pc-rehearsal-a"],
    "JobType": "StartLater",
    "JobDuration": 5,
}


class Caller:
    """
    Calls operations of a cloud without signatures.

    `call` returns the document; `refused` returns (HTTP status, code, message).
    """

    def __init__(self, topology: str | Mapping[str, Any] = "dual-circuit", seed: int = 1) -> None:
        description = load(topology) if isinstance(topology, str) else topology_from(topology)
        self.cloud = Cloud(
            description, Clock(began=1_700_000_000.0, monotonic=lambda: 0.0), seed=seed, auth=False
        )

    def send(self, operation: str, *, key: str = "", **parameters: Any) -> tuple[int, Any]:
        """
        Send one call in the wire form of its product; returns HTTP status and document.
        """
        product = OPERATIONS[operation].product
        headers = {"x-acs-action": operation, "x-acs-version": product.version, "host": "vpc.test"}
        headers |= {"authorization": f"ACS3-HMAC-SHA256 Credential={key},"} if key else {}
        encoded = urlencode(flattened(parameters))
        if product.form:
            headers["content-type"] = "application/x-www-form-urlencoded"
            request = Request("POST", "/", "", headers, encoded.encode())
        else:
            request = Request("POST", "/", encoded, headers)
        reply = answer(self.cloud, request)
        return reply.status, json.loads(reply.body)

    def call(self, operation: str, **parameters: Any) -> Any:
        """
        Send a call that must succeed.
        """
        status, document = self.send(operation, **parameters)
        assert status == 200, document
        return document

    def refused(self, operation: str, **parameters: Any) -> tuple[int, str, str]:
        """
        Send a call that must fail.
        """
        status, document = self.send(operation, **parameters)
        assert status != 200, document
        return status, document["Code"], document["Message"]

    def status(self, job_id: str, **parameters: Any) -> str:
        """
        Return a job's status.
        """
        document = self.call("DescribeFailoverTestJob", JobId=job_id, **parameters)
        return str(document["FailoverTestJobModel"]["Status"])

    def wait(self, seconds: float) -> None:
        """
        Move the clock.
        """
        self.cloud.clock.advance(seconds)


def flattened(parameters: Mapping[str, Any]) -> dict[str, str]:
    """
    Flatten nested parameters as the SDKs do: lists by `.1`, mappings by `.Key`.
    """
    flat: dict[str, str] = {}
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            flat |= flattened({f"{name}.{key}": each for key, each in value.items()})
        elif isinstance(value, list | tuple):
            flat |= flattened({f"{name}.{n}": each for n, each in enumerate(value, 1)})
        elif value is not None:
            flat[name] = str(value)
    return flat
