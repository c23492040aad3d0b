"""
The emulator as a command: `python -m chaosfailover.emulator`.
"""

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from chaosfailover.emulator.clock import LONGEST_MINUTE, SHORTEST_MINUTE
from chaosfailover.emulator.dataplane import PortTakenError, other_ports
from chaosfailover.emulator.emulator import Emulator
from chaosfailover.emulator.topology import BUNDLED
from chaosfailover.emulator.web.dns_rebinding import is_loopback

__all__ = ["main"]

EXAMPLE = "example: %(prog)s --topology dual-circuit --minute 1 --state rehearsal.db"


def main(argv: Sequence[str] | None = None, prog: str = "python -m chaosfailover.emulator") -> int:
    """
    Serve until Ctrl-C or SIGTERM; returns the exit code: 0 done, 1 failed, 2 wrong usage.
    """
    options = _options(argv, prog)
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        emulator = Emulator(
            options.topology,
            minute=options.minute,
            host=options.host,
            port=options.port,
            seed=options.seed,
            auth=not options.no_auth,
            state=options.state,
            service_ports=dict(options.service_port),
            upstreams=_upstreams(options.upstream),
            timestamp_window=options.timestamp_window,
        )
        _serve(emulator)
    except PortTakenError as exc:
        sys.stderr.write(f"{prog}: {exc}; {_other_ports(exc)}\n")
        return 1
    except (ImportError, OSError, OverflowError, ValueError) as exc:
        sys.stderr.write(f"{prog}: {exc}\n")
        return 1
    return 0


def _other_ports(error: PortTakenError) -> str:
    """
    Return what to do about the ports that are taken, with the options that move them all.
    """
    options = [
        f"--service-port {each.service}={each.other}" if each.service else f"--port {each.other}"
        for each in error.ports
        if each.port
    ]
    return other_ports(error.ports, " ".join(options))


def _serve(emulator: Emulator) -> None:
    over = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: over.set()) for number in signals]
    try:
        with emulator:
            sys.stdout.write(_banner(emulator))
            sys.stdout.flush()
            over.wait()
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _banner(emulator: Emulator) -> str:
    """
    Return where the emulator listens, and how to point other programs to it.
    """
    cloud = emulator.cloud
    upstreams = {service.name: service.upstream for service in cloud.topology.services}
    minute = f"a minute lasts {cloud.clock.minute:g} s"
    keys = [
        "  ".join(("", key.id, key.secret, *filter(None, [key.token]), f"account {key.account}"))
        for key in cloud.keys.values()
    ]
    services = [
        f"  {name}  {url}" + (f"  upstream {upstream}" if (upstream := upstreams[name]) else "")
        for name, url in emulator.service_urls.items()
    ]
    return "\n".join(
        [
            f"emulating {cloud.topology.name} at {emulator.url} ({minute})",
            "services:",
            *services,
            *(f"  not emulated: {name}: {why}" for name, why in emulator.shortcomings.items()),
            "access keys:",
            *keys,
            "for chaos run, the SDKs and Terraform:",
            *_exports(emulator),
            "",
        ]
    )


def _exports(emulator: Emulator) -> list[str]:
    """
    Return the shell lines that point other programs to the emulator.
    """
    key = next(iter(emulator.cloud.keys.values()))
    values = {
        "ALIBABA_CLOUD_ENDPOINT_VPC": emulator.url,
        "VPC_ENDPOINT": emulator.url.removeprefix("http://"),
        "ALIBABA_CLOUD_REGION_ID": emulator.regions[0],
        "ALIBABA_CLOUD_REGION": emulator.regions[0],
        "ALIBABA_CLOUD_ACCESS_KEY_ID": key.id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.secret,
        "ALICLOUD_ACCESS_KEY": key.id,
        "ALICLOUD_SECRET_KEY": key.secret,
        "ALICLOUD_REGION": emulator.regions[0],
    }
    return [f"  export {name}={value}" for name, value in values.items()]


def _options(argv: Sequence[str] | None, prog: str) -> argparse.Namespace:
    parser = _parser(prog)
    options = parser.parse_args(argv)
    if not options.allow_remote and not is_loopback(options.host):
        parser.error(
            f"--host {options.host} is not a loopback address; add --allow-remote to allow it"
        )
    if not SHORTEST_MINUTE <= options.minute <= LONGEST_MINUTE:
        limits = f"{SHORTEST_MINUTE:g} to {LONGEST_MINUTE:g}"
        parser.error(f"--minute is {options.minute:g}, expected {limits} seconds")
    return options


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog, description="Emulate Alibaba Cloud failover tests.", epilog=EXAMPLE
    )
    add = parser.add_argument
    add("--topology", default="dual-circuit", help=f"a file, or one of {', '.join(BUNDLED)}")
    add("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    add("--port", default=8700, type=int, help="the port of the API (8700); 0 for any free port")
    add("--minute", default=60.0, type=float, help="real seconds per emulated minute (60)")
    add("--seed", type=int, help="the same seed gives the same IDs and jitter")
    add("--state", type=Path, help="a file in which jobs survive a restart")
    add(
        "--service-port",
        type=_service_port,
        action="append",
        default=[],
        metavar="NAME=PORT",
        help="another port for a service of the topology; 0 for any free port",
    )
    add(
        "--upstream",
        type=_upstream,
        action="append",
        default=[],
        metavar="NAME=HOST:PORT",
        help="your own service, which a service of the topology passes its traffic on to",
    )
    add(
        "--timestamp-window",
        type=float,
        metavar="SECONDS",
        help="real seconds for which a signed request is valid (900, or the topology's setting)",
    )
    add("--no-auth", action="store_true", help="check no signatures")
    add(
        "--allow-remote",
        action="store_true",
        help="allow a --host beyond this machine; whoever reaches it can do anything to it",
    )
    return parser


def _upstreams(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """
    Return the upstreams by service; ValueError names a service that has two.
    """
    names = [name for name, _ in pairs]
    if doubled := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"--upstream is given to {doubled[0]!r} twice, expected it once")
    return dict(pairs)


def _service_port(text: str) -> tuple[str, int]:
    name, port = _pair(text, "NAME=PORT, such as portal=0", str.isdecimal)
    return name, int(port)


def _upstream(text: str) -> tuple[str, str]:
    return _pair(text, "NAME=HOST:PORT, such as portal=127.0.0.1:3000", bool)


def _pair(text: str, expected: str, is_valid: Callable[[str], bool]) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or not is_valid(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not {expected}")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
