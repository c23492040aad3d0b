"""
The proxies and the certificate authorities that the environment names for an endpoint.

What cannot be used is an error that names the variable. A stop leaves it out instead.
"""

import contextlib
import errno
import ipaddress
import logging
import os
import re
import ssl
from pathlib import Path
from typing import NamedTuple
from urllib.request import getproxies

import httpx

from chaosfailover.alibaba.endpoints import is_loopback, masked, without_dot
from chaosfailover.errors import ConfigurationError

__all__ = ["Proxy", "http_transport", "leave_out_unusable", "proxy_of"]

logger = logging.getLogger("chaostoolkit")

FILE, DIRECTORY, KEY_LOG = "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"
# Those of Alibaba's credential library, which ends with an error if they name nothing.
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Want of files or memory is no fault of a variable, and passes.
PASSING = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}

# The authorities that were last read from each place: files may vanish while a test runs.
_trusted: dict[str, ssl.SSLContext] = {}

# scheme://host:port, where all but the host are optional.
EXEMPTION = re.compile(r"(?:(\w+)://)?(\[.*\]|[^:]*|.*:.*:.*?)(?::(\d+))?/?")


class UnusableError(ConfigurationError):
    """
    A variable of the environment cannot be used.
    """

    def __init__(self, variable: str, shown: object, reason: str) -> None:
        super().__init__(f"{variable} is {shown!r}: {reason}")
        self.variable = variable


class Proxy(NamedTuple):
    """
    A proxy and the environment variable that names it.
    """

    variable: str
    url: str

    def __str__(self) -> str:
        return f"{self.variable}={masked(self.url)}"


def proxy_of(endpoint: str) -> Proxy | None:
    """
    Return the proxy of an endpoint; None on loopback and for what `NO_PROXY` exempts.
    """
    url, proxies = httpx.URL(endpoint), getproxies()
    exempt = any(_is_exempt(url, entry.strip()) for entry in proxies.get("no", "").split(","))
    scheme = next((name for name in (url.scheme, "all") if proxies.get(name)), None)
    if exempt or scheme is None or is_loopback(endpoint):
        return None
    lower, upper = f"{scheme}_proxy", f"{scheme.upper()}_PROXY"
    return Proxy(lower if os.environ.get(lower) else upper, proxies[scheme])


def http_transport(endpoint: str, proxy: Proxy | None) -> httpx.HTTPTransport:
    """
    Return the transport to an endpoint.

    Raises UnusableError, with variable and value, for a setting that cannot be used.
    """
    authorities = _authorities(endpoint)
    if proxy is None:
        return httpx.HTTPTransport(verify=authorities)
    url = proxy.url if "://" in proxy.url else f"http://{proxy.url}"
    reason = "expected the URL of a proxy, such as http://proxy.example:3128"
    try:
        proxy_url = without_dot(httpx.URL(url))
        if proxy_url.host:
            return httpx.HTTPTransport(verify=authorities, proxy=proxy_url)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        if isinstance(error, ImportError):
            reason = "a SOCKS proxy needs the package socksio"
    raise UnusableError(proxy.variable, masked(proxy.url), reason)


def leave_out_unusable(endpoint: str) -> None:
    """
    Remove the variables with which an endpoint could not be called, each with a warning.

    A running test must be stopped, also where a proxy or an authority can no longer be read. What
    remains is used, at least the authorities of this package: certificates are always verified.
    """
    while (problem := _unusable_for(endpoint)) and problem.variable in os.environ:
        logger.warning("%s; trying without %s", problem, problem.variable)
        os.environ.pop(problem.variable, None)


def _unusable_for(endpoint: str) -> UnusableError | None:
    try:
        http_transport(endpoint, proxy_of(endpoint)).close()
    except UnusableError as error:
        return error
    for name in () if is_loopback(endpoint) else BUNDLES:
        if (path := os.environ.get(name)) and not os.access(path, os.R_OK):
            return UnusableError(name, path, "it cannot be read")
    return None


def _is_exempt(url: httpx.URL, entry: str) -> bool:
    """
    Tell whether an entry of `NO_PROXY` covers a URL: `*`, a domain, an address or a network.

    An entry in any other form covers nothing.
    """
    if entry == "*":
        return True
    if not (parts := EXEMPTION.fullmatch(entry.lower())):
        return False
    scheme, host, port = parts.groups()
    if scheme not in (None, "all", url.scheme) or port not in (None, str(url.port or 443)):
        return False
    try:
        return ipaddress.ip_address(url.host) in ipaddress.ip_network(host.strip("[]"), False)
    except ValueError:
        domain = host.strip("*.")
        return bool(domain) and f".{url.host}".endswith(f".{domain}")


def _authorities(endpoint: str) -> ssl.SSLContext:
    if endpoint.startswith("http://"):
        # Loading the certificate authorities takes 25 ms, and plain http needs none of them.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    named = [name for name in (FILE, DIRECTORY) if os.environ.get(name)]
    variable = "" if is_loopback(endpoint) or not named else named[0]
    place = variable and os.environ[variable]
    try:
        _trusted[place] = _read(variable)
    except (OSError, UnusableError) as error:
        if place not in _trusted or getattr(error, "variable", "") == KEY_LOG:
            raise
        logger.warning("The certificate authorities read before are used: %s", error)
    return _trusted[place]


def _read(variable: str) -> ssl.SSLContext:
    files = _certificates(os.environ[DIRECTORY]) if variable == DIRECTORY else []
    if variable == DIRECTORY and not files:
        raise _unusable(DIRECTORY, "it holds no certificate named by its hash (openssl rehash)")
    try:
        context = httpx.create_ssl_context(trust_env=bool(variable))
    except ssl.SSLError:
        raise _unusable(variable, "it holds no certificate that can be read") from None
    except OSError as error:
        if error.errno in PASSING or not (variable or error.filename):
            raise
        # Only the error of the key log names its file.
        raise _unusable(KEY_LOG if error.filename else variable, str(error.strerror)) from None
    for file in files:  # OpenSSL reads each when it needs it, which may be too late
        with contextlib.suppress(OSError):
            context.load_verify_locations(file)
    return context


def _certificates(path: str) -> list[Path]:
    folders = [Path(folder) for folder in path.split(os.pathsep) if folder]
    return [file for folder in folders for file in folder.glob("????????.[0-9]*")]


def _unusable(variable: str, reason: str) -> UnusableError:
    return UnusableError(variable, os.environ.get(variable), reason)
