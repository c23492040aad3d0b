"""
Targets: what to check, and how; a URL with a few settings.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from chaosfailover.arguments import MOST, number
from chaosfailover.errors import ArgumentError
from chaosfailover.outages.flow import MOST_FLOWS

__all__ = ["INTERVAL", "TIMEOUT", "Target", "check_visible", "parse_target"]

INTERVAL = 0.1
TIMEOUT = 0.9
DEFAULT_PORTS = {"http": 80, "https": 443}
SETTINGS = {
    "http": {"status", "body", "persistent", "flows"},
    "https": {"status", "body", "persistent", "verify", "flows"},
    "tcp": {"send", "expect", "persistent", "flows"},
    "udp": {"flows"},
    "icmp": set(),
}
STATUSES = range(100, 600)
COMMON = {"url", "interval", "timeout", "rto", "external", "path"}

Reader = Callable[[str, str, object], Any]


@dataclass(frozen=True, slots=True)
class Target:
    """
    A URL that the prober checks each `interval` seconds; the answer is due in `timeout`.

    `scheme` is http, https, tcp, udp or icmp. `status` holds the accepted statuses, empty for any
    2xx and 3xx; `body` and `expect` are patterns searched for in the answer. `persistent` targets
    keep one connection, whose stall is not the network's outage. If `verify` is False, any
    certificate is accepted. An `external` target is none that a cut could touch. With `path`, the
    hops on the way are shown. If `interval` or `timeout` is None, the prober's own applies. Each of
    its `flows` is checked at the interval, over a source port or a connection of its own; with 0,
    each check opens what it needs.
    """

    name: str
    url: str
    scheme: str
    host: str
    port: int = 0
    request_target: str = "/"
    interval: float | None = None
    timeout: float | None = None
    rto: float | None = None
    path: bool = field(default=False, kw_only=True)
    status: frozenset[int] = frozenset()
    body: re.Pattern[bytes] | None = None
    send: bytes = b""
    expect: re.Pattern[bytes] | None = None
    persistent: bool = False
    verify: bool = field(default=True, kw_only=True)
    external: bool = field(default=False, kw_only=True)
    flows: int = field(default=0, kw_only=True)

    @property
    def keeps_sockets(self) -> bool:
        """
        Whether sockets are kept from check to check.
        """
        return self.persistent or self.flows > 0


def parse_target(name: str, value: str | Mapping[str, object]) -> Target:
    """
    Parse one target.

        parse_target("portal", "https://portal.example.com/health")
        parse_target("db", {"url": "tcp://10.0.0.5:5432", "interval": 0.05})

    Raises `ArgumentError` that names the target, the setting and the expectation.
    """
    settings: dict[str, object] = {"url": value} if isinstance(value, str) else dict(value)
    text, url = _url(name, settings.pop("url", None))
    allowed = COMMON | SETTINGS[url.scheme]
    if unknown := sorted(map(str, settings.keys() - allowed)):
        problem = f"{', '.join(unknown)} is no setting of {url.scheme}"
        raise _wrong(name, problem, ", ".join(sorted(allowed)))
    _check_pairs(name, url.scheme, settings)
    return Target(
        name=name,
        url=text,
        scheme=url.scheme,
        host=url.hostname or "",
        port=url.port or DEFAULT_PORTS.get(url.scheme, 0),
        request_target=(url.path or "/") + (f"?{url.query}" if url.query else ""),
        **{key: READERS[key](name, key, settings[key]) for key in settings},
    )


def check_visible(target: Target, key: str, length: float, interval: float, timeout: float) -> None:
    """
    Refuse an objective of a `length` that the checks of a target cannot see.
    """
    if length < timeout:
        raise ArgumentError(
            f"target {target.name!r}: {key} is {length:g}, but a check waits {timeout:g} s for "
            f"an answer: a stall that short cannot be seen; set timeout to at most {length:g}"
        )
    if length < interval:
        raise ArgumentError(
            f"target {target.name!r}: {key} is {length:g}, but a check is sent each "
            f"{interval:g} s: an outage that short cannot be seen; set interval to at most "
            f"{length:g}"
        )


def _check_pairs(name: str, scheme: str, settings: Mapping[str, object]) -> None:
    if "send" in settings and "expect" not in settings:
        raise _wrong(name, "send without expect", "the answer to wait for")
    if scheme == "tcp" and settings.get("persistent") and "send" not in settings:
        raise _wrong(name, "persistent without send", "send and expect, to see that it still works")
    if "flows" in settings and scheme != "udp" and not settings.get("persistent"):
        raise _wrong(
            name,
            "flows without persistent",
            "persistent: true, or a udp target: checks that each open a connection cannot keep a "
            "source port, since several are under way at once and TIME_WAIT holds the ports of "
            "those before; without flows, the share of the connections lost is reported",
        )


def _url(name: str, text: object) -> tuple[str, SplitResult]:
    if not isinstance(text, str):
        raise _wrong(name, f"url is {text!r}", "http, https, tcp, udp or icmp and a host")
    url = _split(name, text)
    if url.username is not None or url.password is not None:
        raise _wrong(name, "the url carries a user", "a url without credentials")
    port = _port(name, text)
    if url.scheme not in SETTINGS or not url.hostname:
        raise _wrong(name, f"url is {text!r}", "http, https, tcp, udp or icmp and a host")
    if url.scheme in ("tcp", "udp") and not port:
        raise _wrong(name, f"url is {text!r}", f"{url.scheme}://host:port")
    if url.scheme in ("tcp", "udp", "icmp") and (url.path.strip("/") or url.query):
        raise _wrong(name, f"url is {text!r}", f"no path after {url.scheme}://host")
    return text, url


def _split(name: str, text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:
        raise _wrong(name, f"{_shown(text)} cannot be read", "scheme://host:port/path") from None


def _port(name: str, text: str) -> int | None:
    try:
        return urlsplit(text).port
    except ValueError:
        raise _wrong(name, f"the port of {_shown(text)} cannot be read", "1 to 65535") from None


def _shown(url: str) -> str:
    """
    Return a URL that cannot be parsed, unless it may hold a password.
    """
    return "the url" if "@" in url else f"url {url!r}"


def _seconds(least: float, below: float) -> Reader:
    def read(name: str, key: str, value: object) -> float:
        seconds = number(value)
        if seconds is None or not least <= seconds < below:
            raise _wrong(
                name, f"{key} is {value!r}", f"seconds, at least {least:g} and below {below:g}"
            )
        return seconds

    return read


def _boolean(name: str, key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, f"{key} is {value!r}", "true or false")
    return value


def _flows(name: str, key: str, value: object) -> int:
    count = number(value)
    if count is None or not 1 <= count <= MOST_FLOWS or count != int(count):
        raise _wrong(name, f"{key} is {value!r}", f"a whole number from 1 to {MOST_FLOWS}")
    return int(count)


def _text(name: str, key: str, value: object) -> bytes:
    if not isinstance(value, str):
        raise _wrong(name, f"{key} is {value!r}", "text")
    return value.encode()


def _pattern(name: str, key: str, value: object) -> re.Pattern[bytes]:
    try:
        return re.compile(_text(name, key, value))
    except re.error as exc:
        raise _wrong(name, f"{key} is {value!r}", f"a regular expression ({exc})") from None


def _statuses(name: str, key: str, value: object) -> frozenset[int]:
    values = value if isinstance(value, list | tuple) else [value]
    statuses = frozenset(int(n) for n in map(number, values) if n is not None and n in STATUSES)
    if not statuses or len(statuses) != len(values):
        raise _wrong(name, f"{key} is {value!r}", "a status from 100 to 599, or a list of them")
    return statuses


def _wrong(name: str, problem: str, expected: str) -> ArgumentError:
    return ArgumentError(f"target {name!r}: {problem}, expected {expected}")


# The kernel repeats a lost SYN after a second: a longer check would hide the loss. Stalls of this
# process cannot be told from losses in a shorter one than the least.
TIMEOUTS = (0.01, 1.0)

READERS: dict[str, Reader] = {
    "interval": _seconds(0.01, 3600.0),
    "timeout": _seconds(*TIMEOUTS),
    "rto": _seconds(0.0, MOST),
    "path": _boolean,
    "status": _statuses,
    "body": _pattern,
    "send": _text,
    "expect": _pattern,
    "persistent": _boolean,
    "verify": _boolean,
    "external": _boolean,
    "flows": _flows,
}
