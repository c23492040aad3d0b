"""
The bundled experiments, run as a user runs them: as `chaos` processes on free ports.
"""

import json
import socket
import subprocess
import sys
from pathlib import Path
from random import SystemRandom
from typing import Any

import yaml
from live import clean_environment
from places import EXPERIMENTS

__all__ = ["ALL", "CHAOS", "chaos", "free_port", "journal", "on_free_ports"]

BUNDLED = range(28080, 28200)
"""The ports of the bundled topologies, and those that are advised if they are taken."""
CHAOS = Path(sys.executable).with_name("chaos")


ALL = sorted(path.name for path in EXPERIMENTS.glob("*.yaml"))


def free_port() -> int:
    """
    Return a port that is free, for TCP and UDP, and that the kernel gives to nobody by itself.

    It is bound later, by a process that cannot be told another one. Of the ports that the kernel
    gives for port 0, some connection of another test may have it by then.
    """
    by_itself = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = SystemRandom().randrange(BUNDLED.stop, by_itself)
        if all(is_free(port, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
            return port


def is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def on_free_ports(
    topology: str, folder: Path, more: dict[str, Any] | None = None
) -> dict[str, str]:
    """
    Put a topology, and `more` of it, on free ports; return the settings with which it is used.
    """
    ports = {name: free_port() for name in ("portal", "echo", "ledger")}
    known = (more or {}).get("services", {})
    services = {name: {**known.get(name, {}), "port": port} for name, port in ports.items()}
    copy = folder / f"{topology}-on-free-ports.yaml"
    document = {"title": topology, "extends": topology, **(more or {}), "services": services}
    copy.write_text(yaml.safe_dump(document), encoding="utf-8")
    port = ports["portal"]
    return {"FAILOVER_TOPOLOGY": str(copy), "FAILOVER_PORTAL_URL": f"http://127.0.0.1:{port}/"}


def chaos(*arguments: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CHAOS, "--no-version-check", *arguments],
        cwd=folder,
        env=clean_environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def journal(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "journal.json").read_text(encoding="utf-8"))
    return document
