"""
Routers between a client and a service, in namespaces of their own, for tests of hops.

    unshare -Urnm --pid --fork --kill-child python tests/helpers/hop_network.py COMMAND ...

builds them, runs a command as the client and returns its exit code. All ends with the command.

                                  +---- a ----+
    client (first namespace) --- near         far (the service)
                                  +---- b ----+

The traffic takes a. As the client, `hop_network.py move b` lets it take b, and `hop_network.py
traces` prints what flows show while the network changes. The service echoes at PORT.
"""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chaosfailover.prober.hops import TcpFlow, UdpFlow

__all__ = ["PORT", "SERVICE"]

PORT = 7007
SERVICE = {4: "10.9.9.9", 6: "fd09:9::9"}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
REFILL = 1.0
"""Seconds after which a router of Linux may answer the same client again."""
CLIENT = {4: "10.9.1.0/24", 6: "fd09:1::/64"}
NODES = ("near", "a", "b", "far")
LINKS = {1: ("", "near"), 2: ("near", "a"), 3: ("near", "b"), 4: ("a", "far"), 5: ("b", "far")}
ON_THE_WAY = {"a": (2, 4), "b": (3, 5)}


def run(*command: str, text: str | None = None) -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")


def ip(node: str, *lines: str, version: int | None = None) -> None:
    options = [*(["-n", node] if node else []), *([f"-{version}"] if version else [])]
    run("ip", *options, "-batch", "-", text="\n".join(lines))


def address(link: int, end: int, version: int) -> str:
    return f"10.9.{link}.{end}" if version == 4 else f"fd09:{link}::{end}"


def build() -> None:
    """
    Make the namespaces, the wires and the routes.
    """
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    for key in ("ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter"):
        Path(f"/proc/sys/net/{key}").write_text("0")
    for node in NODES:
        run("ip", "netns", "add", node)
        settings = "ipv4/ip_forward ipv6/conf/all/forwarding"
        script = f"cd /proc/sys/net; for key in {settings}; do echo 1 > $key; done"
        off = "for key in ipv4/conf/*/rp_filter; do echo 0 > $key; done"
        run("nsenter", f"--net=/run/netns/{node}", "sh", "-ec", f"{script}; {off}")
        ip(node, "link set lo up")
    ip("", "link set lo up")
    for link, (one, other) in LINKS.items():
        end = f"netns {one}" if one else ""
        run("ip", "link", "add", f"to-{link}", *end.split(), "type", "veth", "peer", "name",
            f"to-{link}", "netns", other)  # fmt: skip
        for end_number, node in enumerate((one, other), start=1):
            ip(
                node,
                f"addr add {address(link, end_number, 4)}/24 dev to-{link}",
                f"addr add {address(link, end_number, 6)}/64 dev to-{link} nodad",
                f"link set to-{link} up",
            )
    for version in SERVICE:
        ip("far", f"addr add {SERVICE[version]} dev lo")
        ip("", f"route replace default via {address(1, 2, version)}")
        for middle, (near, far) in ON_THE_WAY.items():
            ip(middle, f"route replace {SERVICE[version]} via {address(far, 2, version)}")
            ip(middle, f"route replace {CLIENT[version]} via {address(near, 1, version)}")
    move("a")


def move(middle: str) -> None:
    """
    Let the traffic take one of the two routers, in both directions.
    """
    near, far = ON_THE_WAY[middle]
    for version, service in SERVICE.items():
        ip("near", f"route replace {service} via {address(near, 2, version)}")
        ip("far", f"route replace {CLIENT[version]} via {address(far, 1, version)}")


def lose() -> None:
    """
    Let the nearest router drop what goes to the service.
    """
    for service in SERVICE.values():
        ip("near", f"route replace blackhole {service}")


def hide(middle: str) -> None:
    """
    Let a router say nothing to the client of what it drops; it goes on forwarding.
    """
    for version, client in CLIENT.items():
        ip(middle, f"rule add iif lo to {client} blackhole", version=version)


def serve(version: int) -> None:
    """
    Echo at the service, in threads that end with the process.
    """
    family = FAMILY[version]
    datagrams = socket.socket(family, socket.SOCK_DGRAM)
    datagrams.bind((SERVICE[version], PORT))
    listener = socket.create_server((SERVICE[version], PORT), family=family)

    def answer_datagrams() -> None:
        while True:
            datagrams.sendto(*datagrams.recvfrom(2048))

    def accept() -> None:
        while True:
            listener.accept()[0].close()

    for each in (answer_datagrams, accept):
        threading.Thread(target=each, daemon=True).start()


def greet() -> None:
    """
    Wait until the service answers: the first packet over IPv6 may need a second to find its way.
    """
    for version, service in SERVICE.items():
        with socket.socket(FAMILY[version], socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.connect((service, PORT))
            sock.send(b"hello")
            sock.recv(2048)


def traces() -> list[dict[str, object]]:
    """
    Return what each kind of flow shows while the network changes.
    """
    flows = {
        f"{kind.__name__}, IPv{version}": kind((FAMILY[version], (SERVICE[version], PORT)))
        for kind in (UdpFlow, TcpFlow)
        for version in SERVICE
    }
    changes: dict[str, Callable[[], None]] = {
        "over a": partial(move, "a"),
        "over b": partial(move, "b"),
        "b is silent": partial(hide, "b"),
        "lost": lose,
        "back over a": partial(move, "a"),
    }
    shown: list[dict[str, object]] = []
    for change, make in changes.items():
        make()
        time.sleep(REFILL)
        shown.extend(
            {"flow": name, "when": change, **flow.trace()._asdict()} for name, flow in flows.items()
        )
    return shown


def main() -> int:
    command, *more = sys.argv[1:]
    if command == "move":
        move(*more)
        return 0
    if command == "serve":
        for version in SERVICE:
            serve(version)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
        return 0
    if command == "traces":
        json.dump(traces(), sys.stdout)
        return 0
    build()
    service = ["nsenter", "--net=/run/netns/far", sys.executable, __file__, "serve"]
    with subprocess.Popen(service, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as far:
        assert far.stdout
        far.stdout.readline()
        greet()
        try:
            return subprocess.run([command, *more], check=False).returncode
        finally:
            far.terminate()


if __name__ == "__main__":
    sys.exit(main())
