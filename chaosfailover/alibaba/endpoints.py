"""
The endpoints of the VPC API, and the check of a configured one.
"""

import ipaddress
import re
from difflib import get_close_matches

import httpx

from chaosfailover.errors import ConfigurationError

__all__ = [
    "ENDPOINT",
    "endpoint_url",
    "is_loopback",
    "masked",
    "official_endpoint",
    "without_dot",
]

ENDPOINT = "alibaba_cloud_vpc_endpoint"

WORDS = ("emulator", "cloud")
CENTRAL = "vpc.aliyuncs.com"
PORTS = range(1, 65536)

# Underscores are no part of host names, but resolvers know them. No domain ends in digits alone.
LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}$)(?!(?:.*\.)?\d+$){LABEL}(?:\.{LABEL})*", re.IGNORECASE)

# The official SDK's map (API reference 10), without Alibaba's own test systems.
HOSTS = {
    "ap-northeast-2-pop": CENTRAL,
    "cn-beijing-finance-pop": CENTRAL,
    "cn-beijing-gov-1": CENTRAL,
    "cn-beijing-nu16-b01": CENTRAL,
    "cn-fujian": CENTRAL,
    "cn-haidian-cm12-c01": CENTRAL,
    "cn-hangzhou": CENTRAL,
    "cn-hangzhou-bj-b01": CENTRAL,
    "cn-hangzhou-finance": CENTRAL,
    "cn-hangzhou-internal-prod-1": CENTRAL,
    "cn-hongkong-finance-pop": CENTRAL,
    "cn-north-2-gov-1": CENTRAL,
    "cn-shanghai-et2-b01": CENTRAL,
    "cn-shanghai-finance-1": CENTRAL,
    "cn-shanghai-inner": CENTRAL,
    "cn-shenzhen-finance-1": CENTRAL,
    "cn-shenzhen-inner": CENTRAL,
    "cn-shenzhen-st4-d01": CENTRAL,
    "cn-shenzhen-su18-b01": CENTRAL,
    "cn-wuhan": CENTRAL,
    "cn-yushanfang": CENTRAL,
    "cn-zhangbei": CENTRAL,
    "cn-zhangbei-na61-b01": CENTRAL,
    "cn-zhangjiakou-na62-a01": "vpc.cn-zhangjiakou.aliyuncs.com",
    "rus-west-1-pop": CENTRAL,
}


def official_endpoint(region_id: str) -> str:
    """
    Return the URL of a region's VPC endpoint, by the official SDK's rule and map.

    Raises ConfigurationError for a region that cannot be part of a host name.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", region_id):
        raise ConfigurationError(f"region {region_id!r} is not a region ID such as 'cn-hangzhou'")
    return f"https://{HOSTS.get(region_id, f'vpc.{region_id}.aliyuncs.com')}"


def endpoint_url(endpoint: str) -> str:
    """
    Complete `host`, `host:port` or a URL to `scheme://host[:port]`.

    The default scheme is https, on loopback http; a dot at the end of the host is removed. Raises
    ConfigurationError for anything else, and for plain http to another machine, which would send
    signatures and tokens in clear.
    """
    url = without_dot(_parsed(endpoint))
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
        raise ConfigurationError(f"{_shown(endpoint)} is not a host, host:port or http(s) URL")
    if url.path != "/" or url.query or url.fragment:
        raise ConfigurationError(f"{_shown(endpoint)} must not have a path, query or fragment")
    if not _is_host(url.raw_host.decode("ascii")):
        raise ConfigurationError(
            f"{_shown(endpoint)} has no host that can exist: expected an IP address, or labels of "
            "1 to 63 letters, digits and hyphens, at most 253 characters in all"
        )
    if (url.port is not None and url.port not in PORTS) or endpoint.strip().rstrip("/").endswith(
        ":"
    ):
        raise ConfigurationError(
            f"{_shown(endpoint)} has no port that can exist: expected 1 to 65535"
        )
    if url.scheme == "http" and not is_loopback(str(url)):
        raise ConfigurationError(
            f"{_shown(endpoint)} would send credentials in clear: use https, or http on loopback"
        )
    return str(url).rstrip("/")


def is_loopback(url: str) -> bool:
    """
    Tell whether a URL points at this machine.
    """
    host = httpx.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def without_dot(url: httpx.URL) -> httpx.URL:
    """
    Return a URL whose host has lost the dot of an absolute name, which TLS and HTTP do not know.
    """
    return url.copy_with(host=url.host[:-1]) if url.host.endswith(".") else url


def masked(url: str) -> str:
    """
    Return a URL without its user and password.
    """
    return re.sub(r"^(\w+://)?.*@", r"\1***@", url, flags=re.DOTALL)


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return HOST_NAME.fullmatch(host) is not None
    return True


def _parsed(endpoint: str) -> httpx.URL:
    text = endpoint.strip()
    word = text.lower().rstrip(":")
    if re.fullmatch(r"[\w-]*", word) and word != "localhost":
        likely = (get_close_matches(word, WORDS, 1) or WORDS)[0]
        raise ConfigurationError(
            f"{_shown(endpoint)} is neither {' nor '.join(WORDS)}, nor a URL, nor a host with a "
            f"dot or a port (did you mean {likely}?)"
        )
    try:
        if "://" in text:
            return httpx.URL(text)
        url = httpx.URL(f"https://{text}")
        return url.copy_with(scheme="http") if is_loopback(str(without_dot(url))) else url
    except httpx.InvalidURL:
        raise ConfigurationError(f"{_shown(endpoint)} is not a host, host:port or URL") from None


def _shown(endpoint: str) -> str:
    return f"{ENDPOINT} {masked(endpoint)!r}"
