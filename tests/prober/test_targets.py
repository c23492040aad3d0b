"""
Targets: settings that are accepted, and messages for those that are not.
"""

import re
from typing import Any

import pytest

from chaosfailover.errors import ArgumentError
from chaosfailover.prober.targets import parse_target


def test_a_url_is_enough() -> None:
    """A bare URL becomes a target that leaves interval and timeout to the prober."""
    target = parse_target("portal", "https://portal.example.com/health?deep=1")

    assert (target.scheme, target.host, target.port) == ("https", "portal.example.com", 443)
    assert (target.request_target, target.interval, target.timeout) == (
        "/health?deep=1",
        None,
        None,
    )
    assert target.verify


def test_settings_are_read() -> None:
    """Settings override the defaults."""
    target = parse_target(
        "db",
        {
            "url": "tcp://[::1]:5432",
            "interval": 0.05,
            "timeout": 0.5,
            "rto": 3,
            "send": "ping\n",
            "expect": "pong",
            "persistent": True,
        },
    )

    assert (target.host, target.port, target.interval, target.timeout) == ("::1", 5432, 0.05, 0.5)
    assert (target.rto, target.send, target.persistent) == (3.0, b"ping\n", True)
    assert target.expect is not None
    assert target.expect.pattern == b"pong"


def test_numbers_from_the_environment_are_text() -> None:
    """The value of `${rto}` comes as text from an environment variable."""
    environment = {"interval": "0.05", "timeout": "0.5", "rto": "3", "status": ["200", "503"]}
    target = parse_target("portal", {"url": "http://x", **environment})

    assert (target.interval, target.timeout, target.rto) == (0.05, 0.5, 3.0)
    assert target.status == {200, 503}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param("ftp://x", "url is 'ftp://x', expected http, https", id="scheme"),
        pytest.param("portal", "url is 'portal', expected http", id="no scheme"),
        pytest.param("http://", "url is 'http://', expected http", id="no host"),
        pytest.param({}, "url is None, expected http", id="no url"),
        pytest.param("tcp://x", "expected tcp://host:port", id="tcp without port"),
        pytest.param("udp://x:1/path", "expected no path after udp://host", id="path"),
        pytest.param(
            "http://x:99999",
            "the port of url 'http://x:99999' cannot be read, expected 1 to 65535",
            id="port",
        ),
        pytest.param("http://[::1", "url 'http://[::1' cannot be read", id="bracket"),
        pytest.param(
            {"url": "tcp://x:1", "status": 200}, "status is no setting of tcp", id="not for tcp"
        ),
        pytest.param(
            {"url": "icmp://x", "persistent": True},
            "persistent is no setting of icmp, expected external, interval, path, rto, timeout,"
            " url",
            id="not for icmp",
        ),
        pytest.param(
            {"url": "http://x", "interval": 0.001},
            "interval is 0.001, expected seconds, at least 0.01",
            id="interval",
        ),
        pytest.param(
            {"url": "http://x", "timeout": 1},
            "timeout is 1, expected seconds, at least 0.01 and below 1",
            id="timeout",
        ),
        pytest.param({"url": "http://x", "interval": "x"}, "interval is 'x'", id="no number"),
        pytest.param(
            {"url": "http://x", "timeout": "1"},
            "timeout is '1', expected seconds, at least 0.01 and below 1",
            id="a text out of bounds",
        ),
        pytest.param(
            {"url": "http://x", "rto": "${rto}"}, "rto is '${rto}'", id="unknown variable"
        ),
        pytest.param({"url": "http://x", "rto": "nan"}, "rto is 'nan'", id="not a number"),
        pytest.param({"url": "http://x", "status": "600"}, "status is '600'", id="no such status"),
        pytest.param({"url": "http://x", "status": 200.5}, "status is 200.5", id="half a status"),
        pytest.param({"url": "http://x", "interval": True}, "interval is True", id="no boolean"),
        pytest.param(
            {"url": "http://x", "status": [200, "x"]}, "status is [200, 'x']", id="status"
        ),
        pytest.param({"url": "http://x", "status": []}, "status is []", id="no status"),
        pytest.param({"url": "http://x", "body": "("}, "body is '('", id="pattern"),
        pytest.param({"url": "http://x", "body": 5}, "body is 5, expected text", id="no text"),
        pytest.param({"url": "https://x", "verify": 0}, "verify is 0, expected true", id="boolean"),
        pytest.param({"url": "tcp://x:1", "send": "a"}, "send without expect", id="send only"),
        pytest.param(
            {"url": "tcp://x:1", "persistent": True}, "persistent without send", id="kept silence"
        ),
        pytest.param(
            {"url": "http://x", "flows": 8},
            "flows without persistent, expected persistent: true, or a udp target: checks that "
            "each open a connection cannot keep a source port, since several are under way at once "
            "and TIME_WAIT holds the ports of those before",
            id="flows of new connections",
        ),
        pytest.param(
            {"url": "tcp://x:1", "send": "a", "expect": "a", "persistent": False, "flows": 8},
            "flows without persistent",
            id="flows of an exchange",
        ),
        pytest.param({"url": "icmp://x", "flows": 8}, "flows is no setting of icmp", id="no ports"),
        pytest.param(
            {"url": "udp://x:1", "flows": 65},
            "flows is 65, expected a whole number from 1 to 64",
            id="too many flows",
        ),
        pytest.param({"url": "udp://x:1", "flows": 0}, "flows is 0, expected", id="no flow"),
        pytest.param({"url": "udp://x:1", "flows": 1.5}, "flows is 1.5, expected", id="half"),
        pytest.param({"url": "udp://x:1", "flows": True}, "flows is True, expected", id="true"),
    ],
)
def test_what_is_wrong_is_named(value: str | dict[str, Any], message: str) -> None:
    """The error names the target, the value and the expectation."""
    with pytest.raises(ArgumentError, match=re.escape(message)) as error:
        parse_target("it", value)

    assert str(error.value).startswith("target 'it': ")


def test_credentials_in_a_url_are_refused_and_not_repeated() -> None:
    """A password in a URL would end in logs and journals."""
    with pytest.raises(ArgumentError, match="the url carries a user") as error:
        parse_target("it", "http://admin:hunter2@x/")

    assert "hunter2" not in str(error.value)
