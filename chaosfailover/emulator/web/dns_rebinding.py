"""
Protection against web pages, whose scripts a browser lets call any address.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

__all__ = ["is_loopback", "rejection"]

OWN_SITES = frozenset({"same-origin", "none"})


def rejection(headers: Mapping[str, str], *, by_name: bool) -> str:
    """
    Return why a request is rejected, or an empty text if it may pass.

    Unless the emulator may be called `by_name`, the Host must be an address or `localhost`, as a
    web page may point any other name here (DNS rebinding).
    """
    host, origin = headers.get("host", ""), headers.get("origin", "")
    if origin and _site(origin) != host.lower():
        return f"Origin is {origin!r}, expected none or {host!r}"
    site = headers.get("sec-fetch-site", "none")
    if site not in OWN_SITES:
        return f"Sec-Fetch-Site is {site!r}, expected none or same-origin"
    if host and not by_name and not _is_address(host):
        return f"Host is {host!r}, expected localhost or an address"
    return ""


def _site(origin: str) -> str:
    """
    Return the host and port of an origin, "" if it is malformed.
    """
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """
    Say whether a host is this machine.
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or bool(ipaddress.ip_address(name))
    except ValueError:
        return False
