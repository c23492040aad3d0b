"""
The endpoint of a region is the official SDK's, and credentials are never signed for in clear.
"""

import pytest
from alibabacloud_tea_openapi.models import Config
from alibabacloud_vpc20160428.client import Client

from chaosfailover.alibaba.endpoints import HOSTS, endpoint_url, is_loopback, official_endpoint
from chaosfailover.errors import ConfigurationError

REGIONS = [*HOSTS, "ap-southeast-1", "cn-beijing", "cn-hongkong", "cn-shanghai", "us-east-1"]


@pytest.mark.parametrize("region_id", REGIONS)
def test_official_endpoint_is_that_of_the_official_sdk(region_id: str) -> None:
    """The judge is the SDK itself."""
    official = Client(Config(access_key_id="a", access_key_secret="b", region_id=region_id))

    assert official_endpoint(region_id) == f"https://{official._endpoint}"


@pytest.mark.parametrize("region_id", ["", "hangzhou", "cn-hangzhou.evil.example/", "CN-hangzhou"])
def test_region_that_cannot_be_one(region_id: str) -> None:
    """A region becomes a host name, so it must look like one."""
    with pytest.raises(ConfigurationError, match="is not a region ID such as 'cn-hangzhou'"):
        official_endpoint(region_id)


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        pytest.param("vpc.aliyuncs.com", "https://vpc.aliyuncs.com", id="host"),
        pytest.param("vpc.example:8443", "https://vpc.example:8443", id="host and port"),
        pytest.param("https://vpc.example/", "https://vpc.example", id="URL"),
        pytest.param("127.0.0.1:8080", "http://127.0.0.1:8080", id="loopback"),
        pytest.param("localhost", "http://localhost", id="localhost"),
        pytest.param("localhost.:8080", "http://localhost:8080", id="localhost, absolute"),
        pytest.param("vpc.example.", "https://vpc.example", id="absolute host"),
        pytest.param("vpc.example.:8443", "https://vpc.example:8443", id="absolute host and port"),
        pytest.param("https://vpc.example./", "https://vpc.example", id="absolute host in a URL"),
        pytest.param("http://[::1]:8080", "http://[::1]:8080", id="loopback, IPv6"),
        pytest.param("https://127.0.0.1:8443", "https://127.0.0.1:8443", id="loopback, TLS"),
        pytest.param("[2001:db8::1]:8443", "https://[2001:db8::1]:8443", id="IPv6"),
        pytest.param("vpc_1.example:65535", "https://vpc_1.example:65535", id="underscore"),
        pytest.param("b\xfccher.example", "https://xn--bcher-kva.example", id="IDN"),
        pytest.param("a" * 63 + ".example", f"https://{'a' * 63}.example", id="longest label"),
        pytest.param(" https://vpc.example\n", "https://vpc.example", id="blanks around"),
    ],
)
def test_endpoint_is_completed(endpoint: str, url: str) -> None:
    """A host, host:port or URL becomes a URL: https, or http on loopback."""
    assert endpoint_url(endpoint) == url


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        pytest.param("http://vpc.aliyuncs.com", "would send credentials in clear", id="clear"),
        pytest.param(
            "http://127.0.0.1.example", "would send credentials in clear", id="look-alike"
        ),
        pytest.param("http://0.0.0.0:80", "would send credentials in clear", id="any address"),
        pytest.param("ftp://vpc.example", "is not a host, host:port or http", id="other scheme"),
        pytest.param("https://vpc.example/v1", "must not have a path", id="path"),
        pytest.param("https://vpc.example?a=b", "must not have a path, query", id="query"),
        pytest.param("https://", "is not a host", id="no host"),
        pytest.param("https://.", "is not a host", id="only a dot"),
        pytest.param("vpc.example:port", "is not a host", id="no number"),
        pytest.param("emulater:", "did you mean emulator", id="colon, no port"),
        pytest.param("emulator:", "did you mean emulator", id="word and colon"),
        pytest.param("vpc.example:", "expected 1 to 65535", id="host, no port"),
        pytest.param("http://127.0.0.1:/", "expected 1 to 65535", id="URL, no port"),
        pytest.param("https://x:0", "expected 1 to 65535", id="port 0"),
        pytest.param("x:65536", "expected 1 to 65535", id="port too high"),
        pytest.param("http://127.0.0.1:99999", "expected 1 to 65535", id="loopback, port"),
        pytest.param("vpc.example:-1", "expected 1 to 65535", id="port below 0"),
        pytest.param("a..b", "expected an IP address, or labels", id="empty label"),
        pytest.param("vpc.example..", "expected an IP address, or labels", id="two dots"),
        pytest.param("https://.example", "expected an IP address, or labels", id="no first label"),
        pytest.param("vpc .example", "expected an IP address, or labels", id="space"),
        pytest.param("vpc%20.example", "expected an IP address, or labels", id="escape"),
        pytest.param("*.example", "expected an IP address, or labels", id="wildcard"),
        pytest.param("-vpc.example", "expected an IP address, or labels", id="hyphen at the ends"),
        pytest.param("127.1", "expected an IP address, or labels", id="short address"),
        pytest.param("::1", "is not a host", id="IPv6 without brackets"),
        pytest.param("a" * 64 + ".example", "labels of 1 to 63", id="long label"),
        pytest.param(".".join(["a" * 63] * 4), "at most 253 characters", id="long host"),
    ],
)
def test_endpoint_that_is_refused(endpoint: str, message: str) -> None:
    """The error shows the endpoint and the rule."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        endpoint_url(endpoint)

    assert f"alibaba_cloud_vpc_endpoint {endpoint!r}" in str(caught.value)


@pytest.mark.parametrize("endpoint", ["https://me:pa55@vpc.example", "me:pa55@vpc.example"])
def test_endpoint_with_a_password_is_refused_without_showing_it(endpoint: str) -> None:
    """A password does not belong into an endpoint, nor into an error."""
    with pytest.raises(ConfigurationError) as caught:
        endpoint_url(endpoint)

    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:80", True),
        ("http://127.9.9.9", True),
        ("http://[::1]", True),
        ("http://localhost", True),
        ("http://localhost.example", False),
        ("https://vpc.aliyuncs.com", False),
        ("http://10.0.0.1", False),
    ],
)
def test_loopback(url: str, loopback: bool) -> None:
    """Only this machine is loopback."""
    assert is_loopback(url) is loopback
