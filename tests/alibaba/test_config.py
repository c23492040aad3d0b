"""
Configuration and secrets of an experiment become a client, or an error that says what to set.
"""

import socket
from typing import Any, cast

import httpx
import pytest

from chaosfailover.alibaba import config
from chaosfailover.alibaba.config import RunningEmulator
from chaosfailover.emulator import Emulator
from chaosfailover.errors import ConfigurationError, CredentialsError

LIVE = {"alibaba_cloud_region_id": "cn-beijing"}
PAIR = {"access_key_id": "AKID", "access_key_secret": "SECRET"}
REHEARSAL = {
    **LIVE,
    "alibaba_cloud_vpc_endpoint": "http://127.0.0.1:28080",
    "alibaba_cloud_rehearsal": True,
}
ROLE = "acs:ram::1234567890:role/chaos"


def sent_by(configuration: Any, secrets: Any) -> httpx.Request:
    """
    Return the request of one call, as a client of this configuration signs it.
    """
    requests: list[httpx.Request] = []

    def cloud(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"RequestId": "C4"})

    with config.client(configuration, secrets, transport=httpx.MockTransport(cloud)) as client:
        client.stop_failover_test_job("ftj-1")
    return requests[0]


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        pytest.param({}, "https://vpc.cn-beijing.aliyuncs.com", id="default"),
        pytest.param("cloud", "https://vpc.cn-beijing.aliyuncs.com", id="cloud"),
        pytest.param(" Cloud ", "https://vpc.cn-beijing.aliyuncs.com", id="Cloud"),
        pytest.param(None, "https://vpc.cn-beijing.aliyuncs.com", id="None"),
        pytest.param(" ", "https://vpc.cn-beijing.aliyuncs.com", id="blank"),
        pytest.param("${endpoint}", "https://vpc.cn-beijing.aliyuncs.com", id="unsubstituted"),
        pytest.param("vpc.example", "https://vpc.example", id="host"),
        pytest.param("http://127.0.0.1:28080", "http://127.0.0.1:28080", id="local URL"),
    ],
)
def test_endpoint(endpoint: Any, host: str) -> None:
    """Without an endpoint it is the region's own; what is not set is what is empty."""
    key = {} if endpoint == {} else {"alibaba_cloud_vpc_endpoint": endpoint}
    request = sent_by(LIVE | key, PAIR)

    assert str(request.url).startswith(f"{host}/?RegionId=cn-beijing&")


@pytest.mark.parametrize(
    ("secrets", "token"),
    [
        pytest.param(PAIR, None, id="pair"),
        pytest.param({**PAIR, "security_token": "TOKEN"}, "TOKEN", id="with a token"),
        pytest.param({**PAIR, "security_token": "${token}"}, None, id="token not substituted"),
        pytest.param({**PAIR, "security_token": None}, None, id="token None"),
        pytest.param({name: f"{text}\n" for name, text in PAIR.items()}, None, id="line breaks"),
        pytest.param({"other": {"a": "b"}, "alibaba": PAIR}, None, id="by group"),
    ],
)
def test_explicit_secrets(secrets: Any, token: str | None) -> None:
    """Given secrets sign the call."""
    request = sent_by(LIVE, secrets)

    assert "Credential=AKID," in request.headers["authorization"]
    assert request.headers.get("x-acs-security-token") == token


@pytest.mark.parametrize(
    ("configuration", "secrets", "error", "message"),
    [
        pytest.param(
            None,
            PAIR,
            ConfigurationError,
            "the configuration has no alibaba_cloud_region_id: set it to a region ID such as "
            "cn-hangzhou",
            id="no configuration",
        ),
        pytest.param(
            {"alibaba_cloud_region_id": "${region}"},
            PAIR,
            ConfigurationError,
            "the configuration has no alibaba_cloud_region_id: set it to a region ID such as "
            "cn-hangzhou",
            id="region not substituted",
        ),
        pytest.param(
            {"alibaba_cloud_region_id": 7},
            PAIR,
            ConfigurationError,
            "alibaba_cloud_region_id is 7: it must be a string, not int",
            id="region that is a number",
        ),
        pytest.param(
            LIVE,
            {"access_key_id": "AKID", "access_key_secret": 7},
            ConfigurationError,
            "access_key_secret must be a string, not int",
            id="secret that is a number",
        ),
        pytest.param(
            {"alibaba_cloud_region_id": "Hangzhou"},
            PAIR,
            ConfigurationError,
            "region 'Hangzhou' is not a region ID such as 'cn-hangzhou'",
            id="region that is none",
        ),
        pytest.param(
            LIVE | {"alibaba_cloud_vpc_endpoint": "emulator"},
            PAIR,
            ConfigurationError,
            "alibaba_cloud_vpc_endpoint is 'emulator', but none is running: the control "
            "chaosfailover.control starts it, and it is missing from the experiment or could not "
            "begin",
            id="emulator without control",
        ),
        pytest.param(
            LIVE | {"alibaba_cloud_vpc_endpoint": "Emulator"},
            PAIR,
            ConfigurationError,
            "alibaba_cloud_vpc_endpoint is 'emulator', but none is running: the control "
            "chaosfailover.control starts it, and it is missing from the experiment or could not "
            "begin",
            id="Emulator without control",
        ),
        pytest.param(
            LIVE | {"alibaba_cloud_vpc_endpoint": "http://vpc.aliyuncs.com"},
            PAIR,
            ConfigurationError,
            "alibaba_cloud_vpc_endpoint 'http://vpc.aliyuncs.com' would send credentials in "
            "clear: use https, or http on loopback",
            id="credentials in clear",
        ),
        pytest.param(
            REHEARSAL | {"alibaba_cloud_vpc_endpoint": "cloud"},
            PAIR,
            ConfigurationError,
            "alibaba_cloud_rehearsal is set, but alibaba_cloud_vpc_endpoint is 'cloud', not the "
            "loopback URL of an emulator",
            id="rehearsal on the cloud",
        ),
        pytest.param(
            REHEARSAL | {"alibaba_cloud_vpc_endpoint": "https://vpc.aliyuncs.com"},
            PAIR,
            ConfigurationError,
            "alibaba_cloud_rehearsal is set, but alibaba_cloud_vpc_endpoint is "
            "'https://vpc.aliyuncs.com', not the loopback URL of an emulator",
            id="rehearsal on a URL of the cloud",
        ),
        pytest.param(
            REHEARSAL | {"alibaba_cloud_vpc_endpoint": ""},
            PAIR,
            ConfigurationError,
            "nothing is called: the run was refused, as alibaba_cloud_vpc_endpoint is not set",
            id="refused for an empty endpoint",
        ),
        pytest.param(
            LIVE,
            {"access_key_id": "AKID", "access_key_secret": ""},
            CredentialsError,
            "the secrets lack access_key_secret: set access_key_id and access_key_secret both, or "
            "none of the secrets to use Alibaba's default chain",
            id="half a pair",
        ),
        pytest.param(
            LIVE,
            {"security_token": "TOKEN"},
            CredentialsError,
            "the secrets lack access_key_id and access_key_secret: set access_key_id and "
            "access_key_secret both, or none of the secrets to use Alibaba's default chain",
            id="only a token",
        ),
        pytest.param(
            LIVE,
            {"a": PAIR, "b": PAIR},
            ConfigurationError,
            "several groups of secrets hold an access key: a, b",
            id="two groups",
        ),
        pytest.param(
            LIVE | {"alibaba_cloud_role_arn": "chaos"},
            PAIR,
            ConfigurationError,
            "alibaba_cloud_role_arn is 'chaos', expected acs:ram::<account ID>:role/<role name>",
            id="role that is none",
        ),
    ],
)
def test_setting_that_is_missing_or_wrong(
    configuration: Any, secrets: Any, error: type[Exception], message: str
) -> None:
    """The error names key and expectation, and comes before any request."""
    with pytest.raises(error) as caught:
        config.client(configuration, secrets)

    assert str(caught.value) == message


def test_rehearsal_never_touches_the_users_identity() -> None:
    """With a role and secrets at hand, the emulator's own key signs."""
    request = sent_by(
        REHEARSAL | {"alibaba_cloud_role_arn": ROLE}, {**PAIR, "security_token": "TOKEN"}
    )

    assert "Credential=rehearsal," in request.headers["authorization"]
    assert "x-acs-security-token" not in request.headers


def test_only_the_controls_own_true_is_a_rehearsal() -> None:
    """What an experiment says in words neither changes the key nor is refused."""
    request = sent_by(LIVE | {"alibaba_cloud_rehearsal": "true"}, PAIR)

    assert "Credential=rehearsal," not in request.headers["authorization"]


def test_emulator_is_told_from_the_cloud(emulator: Emulator) -> None:
    """It says so itself."""
    emulated = LIVE | {"alibaba_cloud_vpc_endpoint": emulator.url}

    assert config.running_emulator(emulated) == RunningEmulator(
        "dual-circuit", emulator.service_urls, {}, {}, emulator.timestamp_window, volatile=True
    )


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, json={"Code": "InvalidAction.NotFound"}),
        httpx.Response(200, json=["topology"]),
        httpx.Response(200, text="<html>"),
        httpx.ConnectError("refused"),
    ],
    ids=repr,
)
def test_whatever_else_answers_on_loopback_is_no_emulator(answer: Any) -> None:
    """A tunnel to the cloud ends there."""

    def tunnelled(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return cast("httpx.Response", answer)

    tunnel = LIVE | {"alibaba_cloud_vpc_endpoint": "http://127.0.0.1:8080"}

    assert config.running_emulator(tunnel, transport=httpx.MockTransport(tunnelled)) is None


def test_endpoint_on_this_machine_at_which_nothing_listens() -> None:
    """It is refused at once, whatever the credentials, with the command that serves it."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        there = LIVE | {"alibaba_cloud_vpc_endpoint": f"http://127.0.0.1:{port}"}

        with pytest.raises(ConfigurationError) as caught:
            config.running_emulator(there)

    assert str(caught.value).startswith(
        f"nothing listens at http://127.0.0.1:{port}: start chaos failover emulator --port {port}, "
    )


@pytest.mark.parametrize("endpoint", ["cloud", "vpc.example.com", "https://127.0.0.1"])
def test_cloud_is_never_asked_whether_it_is_an_emulator(endpoint: str) -> None:
    """A request without a signature has no business there."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    with socket.create_server(("127.0.0.1", 0)) as tunnel:
        port = f":{tunnel.getsockname()[1]}" if endpoint.endswith("127.0.0.1") else ""
        given = LIVE | {"alibaba_cloud_vpc_endpoint": endpoint + port}

        assert config.running_emulator(given, transport=httpx.MockTransport(refuse)) is None


def test_endpoint_with_tls_on_this_machine_at_which_nothing_listens() -> None:
    """A refused connection says the same there, and no command serves TLS."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        there = LIVE | {"alibaba_cloud_vpc_endpoint": url}

        with pytest.raises(ConfigurationError) as caught:
            config.running_emulator(there)

    assert str(caught.value).startswith(f"nothing listens at {url}: start what is to answer there")


def test_account_is_asked_of_sts() -> None:
    """The account that a live run states is the one that the credentials belong to."""
    seen: list[httpx.Request] = []

    def sts(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"RequestId": "C44F62BE", "AccountId": "1234567890"})

    actual = config.account_id(
        {"alibaba_cloud_region_id": "cn-beijing"},
        {"access_key_id": "id", "access_key_secret": "secret"},
        transport=httpx.MockTransport(sts),
    )

    assert actual == "1234567890"
    assert seen[0].url.host == "sts.cn-beijing.aliyuncs.com"
    assert seen[0].headers["x-acs-action"] == "GetCallerIdentity"
    assert seen[0].headers["x-acs-version"] == "2015-04-01"


@pytest.mark.parametrize(
    ("endpoint", "place"),
    [
        pytest.param("emulator", "emulator", id="emulator"),
        pytest.param("Emulator\n", "emulator", id="in other letters"),
        pytest.param("CLOUD", "cloud", id="cloud"),
        pytest.param("https://vpc.Example", "https://vpc.Example", id="URL"),
    ],
)
def test_network_of_a_run(endpoint: str, place: str) -> None:
    """What is no word of ours is an endpoint."""
    assert config.network({"alibaba_cloud_vpc_endpoint": endpoint}) == place


@pytest.mark.parametrize(
    "configuration",
    [
        pytest.param({}, id="missing"),
        pytest.param({"alibaba_cloud_vpc_endpoint": ""}, id="empty"),
        pytest.param({"alibaba_cloud_vpc_endpoint": "${endpoint}"}, id="unsubstituted"),
    ],
)
def test_run_has_to_say_where_it_takes_place(configuration: Any) -> None:
    """A variable that nobody has set must not mean the cloud, nor to rollbacks still played."""
    given = LIVE | configuration

    with pytest.raises(ConfigurationError, match="set it to 'emulator' for a rehearsal, or to"):
        config.network(given)

    with pytest.raises(ConfigurationError, match="nothing is called: the run was refused"):
        config.client(given, PAIR)


@pytest.mark.parametrize("endpoint", ["emulator", "Emulator"])
def test_commands_leave_the_emulator_of_a_rehearsal_alone(
    monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    """It ends with the rehearsal, so that the cloud is meant."""
    monkeypatch.setenv("ALIBABA_CLOUD_ENDPOINT_VPC", endpoint)

    assert config.from_environment()["alibaba_cloud_vpc_endpoint"] == "cloud"
