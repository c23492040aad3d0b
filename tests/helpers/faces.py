"""
The emulator for the tests of the client: in process, and over HTTP by its command.
"""

import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.emulator import Emulator

__all__ = ["CIRCUITS", "CREDENTIALS", "FACES", "Face", "faced"]

URL = "https://vpc.test"
CIRCUITS = 120
CREDENTIALS = Credentials("AKID-of-test", "SECRET-of-test", "TOKEN-of-test")
TOPOLOGY = {
    "extends": "two-regions",
    "accounts": {
        "1000000000000001": {
            "access_keys": {"AKID-of-test": {"secret": "SECRET-of-test", "token": "TOKEN-of-test"}}
        }
    },
    "regions": {
        "cn-beijing": {"circuits": {f"pc-beijing-{number:03}": {} for number in range(CIRCUITS)}}
    },
}
# Below the 30 s after which the server closes: no connection is used at the moment it ends.
LIMITS = httpx.Limits(keepalive_expiry=2.0)
PATIENCE = httpx.Timeout(30.0)


class Face:
    """
    One emulator, reached through a transport in process or through its URL.

    Its clock moves when `sleep` is called, and is what `clock` returns: waits take no time.
    """

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        self.transport = transport
        self.now = 0.0
        self._carrier = transport or httpx.HTTPTransport(trust_env=False, limits=LIMITS)
        self._admin = httpx.Client(base_url=url, transport=self._carrier, timeout=PATIENCE)

    def client(
        self, key: str = "emulator", region: str = "cn-hangzhou", **settings: Any
    ) -> VpcClient:
        """
        Make a client that signs with a key of the topology.
        """
        secret = settings.pop("secret", f"{key}-secret")
        credentials = Credentials(key, secret, settings.pop("token", None))
        settings = {"clock": lambda: self.now, "sleep": self.sleep, **settings}
        return VpcClient(
            region, lambda: credentials, endpoint=self.url, transport=self.transport, **settings
        )

    def admin(self, method: str, path: str, content: Any = None) -> Any:
        """
        Call the admin interface.
        """
        reply = self._admin.request(method, f"/_emulator/{path}", json=content)
        return reply.raise_for_status().json()

    def sleep(self, seconds: float) -> None:
        """
        Let emulated time pass.
        """
        self.now += seconds
        self.admin("POST", "clock", {"advance": seconds})

    def fault(self, fault: str, **keys: Any) -> None:
        """
        Arm a fault.
        """
        self.admin("POST", "faults", {"fault": fault, **keys})

    def answered(self, request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        """
        Send a request to the emulator, which replies with `answer` if the signature is right.

        The request arrives as it was signed, for any host.
        """
        headers = {name: text for name, text in answer.headers.items() if name != "content-length"}
        body = b64encode(answer.content).decode()
        reply = {"status": answer.status_code, "headers": headers, "body_base64": body}
        self.fault("answer", reply=reply, count=1)
        return self._carrier.handle_request(self._redirected(request))

    def unasked(self) -> list[Any]:
        """
        Return the answers that no request has got.
        """
        return [each for each in self.admin("GET", "faults") if each["fault"] == "answer"]

    def sent(self, operation: str) -> list[dict[str, Any]]:
        """
        Return the calls of an operation in the request log.
        """
        seen: list[dict[str, Any]] = self.admin("GET", "requests")
        return [each for each in seen if each["operation"] == operation]

    def close(self) -> None:
        """
        Close the connections.
        """
        self._admin.close()

    def _redirected(self, request: httpx.Request) -> httpx.Request:
        """
        Return a request as it is, but sent here; what its client measures is not the real time.
        """
        here = httpx.URL(self.url)
        return httpx.Request(
            request.method,
            request.url.copy_with(scheme=here.scheme, host=here.host, port=here.port),
            headers=request.headers,
            stream=request.stream,
            extensions={"timeout": PATIENCE.as_dict()},
        )


@contextmanager
def _in_process(topology: Path) -> Iterator[Face]:
    yield Face(URL, Emulator(topology).transport())


@contextmanager
def _over_http(topology: Path) -> Iterator[Face]:
    by_any_name = ["--host=0.0.0.0", "--allow-remote"]  # `answered` keeps the host that was signed
    emulator = [sys.executable, "-m", "chaosfailover.emulator", f"--topology={topology}"]
    command = [*emulator, *by_any_name, "--port=0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split(" at ")[1].split()[0]
            yield Face(url.replace("0.0.0.0", "127.0.0.1"))  # noqa: S104 - what is listened on
        finally:
            process.terminate()


FACES = {"in process": _in_process, "over HTTP": _over_http}


@contextmanager
def faced(name: str, folder: Path) -> Iterator[Face]:
    """
    Run an emulator of two regions, and a third one with many circuits, behind one of its faces.
    """
    topology = folder / "many.yaml"
    topology.write_text(yaml.safe_dump(TOPOLOGY), encoding="utf-8")
    with FACES[name](topology) as face:
        try:
            yield face
        finally:
            face.close()
