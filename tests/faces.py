"""
The emulator's two faces for the tests of the client: in process, and over HTTP by its command.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from chaosfailover.client import VpcClient
from chaosfailover.emulator import Emulator
from chaosfailover.signing import Credentials

__all__ = ["FACES", "Face", "faced"]

URL = "https://vpc.test"
TOPOLOGY = """
extends: two-regions
regions:
  cn-beijing:
    circuits:
"""
CIRCUITS = 120


class Face:
    """
    One emulator, reached through a transport in process or through its URL.

    Its clock moves when `sleep` is called, and is what `clock` returns: waits take no time.
    """

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        self.transport = transport
        self.now = 0.0
        self._admin = httpx.Client(base_url=url, transport=transport, trust_env=False)

    def client(self, key: str = "emulator", region: str = "cn-hangzhou", **given: Any) -> VpcClient:
        """
        Make a client that signs with a key of the topology.
        """
        secret = given.pop("secret", f"{key}-secret")
        credentials = Credentials(key, secret, given.pop("token", None))
        settings = {"clock": lambda: self.now, "sleep": self.sleep, **given}
        return VpcClient(
            region, lambda: credentials, endpoint=self.url, transport=self.transport, **settings
        )

    def admin(self, method: str, path: str, content: Any = None) -> Any:
        """
        Ask the emulator itself.
        """
        reply = self._admin.request(method, f"/_emulator/{path}", json=content)
        return reply.raise_for_status().json()

    def sleep(self, seconds: float) -> None:
        """
        Let emulated time pass.
        """
        self.now += seconds
        self.admin("POST", "clock", {"advance": seconds})

    def fault(self, fault: str, **given: Any) -> None:
        """
        Arm a fault.
        """
        self.admin("POST", "faults", {"fault": fault, **given})

    def sent(self, operation: str) -> list[dict[str, Any]]:
        """
        Return the calls of an operation that the emulator has seen.
        """
        seen: list[dict[str, Any]] = self.admin("GET", "requests")
        return [each for each in seen if each["operation"] == operation]

    def close(self) -> None:
        """
        Close the connections.
        """
        self._admin.close()


@contextmanager
def _in_process(topology: Path) -> Iterator[Face]:
    yield Face(URL, Emulator(topology).transport())


@contextmanager
def _over_http(topology: Path) -> Iterator[Face]:
    command = [sys.executable, "-m", "chaosfailover.emulator", "--port=0", f"--topology={topology}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield Face(process.stdout.readline().split(" at ")[1].split()[0])
        finally:
            process.terminate()


FACES = {"in process": _in_process, "over HTTP": _over_http}


@contextmanager
def faced(name: str, folder: Path) -> Iterator[Face]:
    """
    Run an emulator of two regions, and a third one with many circuits, behind one of its faces.
    """
    topology = folder / "many.yaml"
    many = "".join(f"      pc-beijing-{number:03}: {{}}\n" for number in range(CIRCUITS))
    topology.write_text(TOPOLOGY + many)
    with FACES[name](topology) as face:
        try:
            yield face
        finally:
            face.close()
