"""
The endpoints of the VPC API, and the check of a configured one.
"""

import ipaddress
import re
from difflib import get_close_matches

import httpx

from chaosfailover.errors import ConfigurationError

__all__ = ["endpoint_url", "is_loopback", "masked", "official_endpoint", "without_dot"]

WORDS = ("emulator", "cloud")
CENTRAL = "vpc.aliyuncs.com"

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


def _parsed(endpoint: str) -> httpx.URL:
    text = endpoint.strip()
    if re.fullmatch(r"[\w-]*", text) and text.lower() != "localhost":
        likely = (get_close_matches(text.lower(), WORDS, 1) or WORDS)[0]
        raise ConfigurationError(
            f"{_shown(endpoint)} is neither {' nor '.join(WORDS)}, nor a URL, nor a host with a "
            f"dot or a port (did you mean {likely}?)"
        )
    try:
        if "://" in text:
            return httpx.URL(text)
        url = without_dot(httpx.URL(f"https://{text}"))
        return url.copy_with(scheme="http") if url.host and is_loopback(str(url)) else url
    except httpx.InvalidURL:
        raise ConfigurationError(f"{_shown(endpoint)} is not a host, host:port or URL") from None


def _shown(endpoint: str) -> str:
    return f"endpoint {masked(endpoint)!r}"
