"""
The proxies and the certificate authorities that the environment names for an endpoint.
"""

import ipaddress
import os
import re
import ssl
from pathlib import Path
from typing import NamedTuple
from urllib.request import getproxies

import httpx

from chaosfailover.alibaba.endpoints import is_loopback, masked
from chaosfailover.errors import ConfigurationError

__all__ = ["Proxy", "http_transport", "proxy_of"]

FILE, DIRECTORY, KEY_LOG = "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"

# scheme://host:port, where all but the host are optional.
EXEMPTION = re.compile(r"(?:(\w+)://)?(\[.*\]|[^:]*|.*:.*:.*?)(?::(\d+))?/?")


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

    Raises ConfigurationError, with variable and value, for a setting that cannot be used.
    """
    authorities = _authorities(endpoint)
    if proxy is None:
        return httpx.HTTPTransport(verify=authorities)
    url = proxy.url if "://" in proxy.url else f"http://{proxy.url}"
    reason = "expected the URL of a proxy, such as http://proxy.example:3128"
    try:
        if httpx.URL(url).host:
            return httpx.HTTPTransport(verify=authorities, proxy=url)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        if isinstance(error, ImportError):
            reason = "a SOCKS proxy needs the package socksio"
    raise ConfigurationError(f"{proxy.variable} is {masked(proxy.url)!r}: {reason}")


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
        domain = host.lstrip("*.")
        return bool(domain) and f".{url.host}".endswith(f".{domain}")


def _authorities(endpoint: str) -> ssl.SSLContext:
    if endpoint.startswith("http://"):
        # Loading the certificate authorities takes 25 ms, and plain http needs none of them.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    named = [name for name in (FILE, DIRECTORY) if os.environ.get(name)]
    variable = "" if is_loopback(endpoint) or not named else named[0]
    if variable == DIRECTORY and not _holds_certificates(os.environ[DIRECTORY]):
        raise _unusable(DIRECTORY, "it holds no certificate named by its hash (openssl rehash)")
    try:
        return httpx.create_ssl_context(trust_env=bool(variable))
    except ssl.SSLError:
        raise _unusable(variable, "it holds no certificate that can be read") from None
    except OSError as error:
        # Only the error of the key log names its file.
        raise _unusable(KEY_LOG if error.filename else variable, str(error.strerror)) from None


def _holds_certificates(path: str) -> bool:
    folders = [Path(folder) for folder in path.split(os.pathsep) if folder]
    return any(file for folder in folders for file in folder.glob("????????.[0-9]*"))


def _unusable(variable: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"{variable} is {os.environ.get(variable)!r}: {reason}")
