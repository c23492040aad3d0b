"""
Web pages, which a browser lets call any address: the whole server turns them away.
"""

import socket
import subprocess
from collections.abc import Iterator
from urllib.parse import urlencode
from xml.etree import ElementTree

import httpx
import pytest
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.models import Config
from alibabacloud_vpc20160428 import models
from alibabacloud_vpc20160428.client import Client

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.web.dns_rebinding import rejection

HERE = "127.0.0.1:8700"


CREATE = {
    "Action": "CreateFailoverTestJob",
    "Version": "2016-04-28",
    "RegionId": "cn-hangzhou",
    "ResourceType": "PHYSICALCONNECTION",
    "ResourceId.1": "pc-rehearsal-a",
    "JobType": "StartNow",
    "JobDuration": "5",
}
REGIONS = {"Action": "DescribeRegions", "Version": "2016-04-28"}
ANY = {"portal": 0, "echo": 0, "ledger": 0}
PAGES = [
    pytest.param({"host": "evil.example"}, "Host is 'evil.example'", id="DNS rebinding"),
    pytest.param({"host": "127.0.0.1.evil.example:80"}, "Host is", id="like an address"),
    pytest.param({"host": "localhost.evil.example"}, "Host is", id="like localhost"),
    pytest.param({"host": "vpc.aliyuncs.com"}, "Host is", id="the service's own name"),
    pytest.param({"origin": "http://evil.example"}, "Origin is 'http://evil", id="page"),
    pytest.param({"origin": "http://127.0.0.1:1"}, "Origin is 'http://127", id="page of a service"),
    pytest.param({"origin": "http://[::1"}, "Origin is 'http://[::1'", id="malformed origin"),
    pytest.param({"origin": "null"}, "Origin is 'null'", id="page from a file"),
    pytest.param(
        {"host": "evil.example", "origin": "http://evil.example"}, "Host is", id="its own origin"
    ),
    pytest.param({"sec-fetch-site": "cross-site"}, "Sec-Fetch-Site is", id="no-cors GET"),
    pytest.param({"sec-fetch-site": "same-site"}, "Sec-Fetch-Site is", id="other port"),
]


@pytest.fixture(scope="module", params=[True, False], ids=["auth", "no auth"])
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """
    A running emulator, with signatures and without.
    """
    with Emulator(auth=request.param, service_ports=ANY) as running:
        yield running


@pytest.mark.parametrize(("headers", "says"), PAGES)
def test_web_pages_are_turned_away_from_the_admin_interface(
    emulator: Emulator, headers: dict[str, str], says: str
) -> None:
    url = f"{emulator.url}/_emulator"
    before = httpx.get(f"{url}/clock").json()["now"]
    reply = httpx.post(f"{url}/clock", content=b'{"advance": 3600}', headers=headers)

    assert reply.status_code == 403
    assert says in reply.json()["error"]
    assert httpx.get(f"{url}/clock").json()["now"] - before < 1800


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("headers", "says"), PAGES)
def test_web_pages_are_turned_away_from_the_api(
    emulator: Emulator, headers: dict[str, str], says: str, method: str
) -> None:
    """
    The refusal has the API's form, and no page may read it.
    """
    query = {**CREATE, "Format": "JSON"}
    reply = httpx.request(method, emulator.url, params=query, headers=headers)
    document = reply.json()

    assert (reply.status_code, document["Code"]) == (403, "Forbidden.Emulator")
    assert says in document["Message"]
    assert document["RequestId"] == reply.headers["x-acs-request-id"]
    assert "access-control-allow-origin" not in reply.headers
    assert list(emulator.cloud.ledger.everything()) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("OPTIONS", "/"), ("GET", "/nothing"), ("POST", "//_emulator/reset"), ("PUT", "/")],
)
def test_web_pages_are_turned_away_from_every_path(
    emulator: Emulator, method: str, path: str
) -> None:
    reply = httpx.request(method, f"{emulator.url}{path}", headers={"host": "evil.example"})
    document = ElementTree.fromstring(reply.content)  # noqa: S314 - our own

    assert reply.status_code == 403
    assert document.findtext("Code") == "Forbidden.Emulator"


def test_a_request_that_is_turned_away_is_seen() -> None:
    with Emulator(auth=False, service_ports=ANY) as emulator:
        httpx.get(emulator.url, params=REGIONS, headers={"origin": "http://evil.example"})
        (seen,) = httpx.get(f"{emulator.url}/_emulator/requests").json()

    assert (seen["operation"], seen["status"], seen["code"]) == (
        "DescribeRegions",
        403,
        "Forbidden.Emulator",
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"host": HERE},
        {"host": "localhost:8700"},
        {"host": "LocalHost"},
        {"host": "[::1]:8700"},
        {"host": HERE, "origin": f"http://{HERE}", "sec-fetch-site": "same-origin"},
        {"host": HERE, "sec-fetch-site": "none"},
        {},
    ],
)
def test_others_may_pass(headers: dict[str, str]) -> None:
    assert rejection(headers, by_name=False) == ""


def test_an_emulator_beyond_this_machine_is_called_by_name() -> None:
    assert rejection({"host": "emulator:8700"}, by_name=True) == ""
    assert rejection({"host": "emulator:8700", "origin": "http://evil"}, by_name=True) != ""


@pytest.mark.parametrize(
    ("host", "names"),
    [("127.0.0.1", ["127.0.0.1", "localhost"]), ("::1", ["[::1]"])],
    ids=["IPv4", "IPv6"],
)
def test_curl_calls_by_address_and_as_localhost(host: str, names: list[str]) -> None:
    with Emulator(host=host, auth=False, service_ports=ANY) as emulator:
        port = emulator.url.rpartition(":")[2]
        urls = [f"http://{name}:{port}/?{urlencode(REGIONS)}" for name in names]
        said = [
            subprocess.run(
                ["curl", "--silent", "--globoff", url], capture_output=True, text=True, check=True
            ).stdout
            for url in urls
        ]

    assert ["<RegionId>cn-hangzhou</RegionId>" in each for each in said] == [True] * len(urls)


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_sdks_call_by_address_and_as_localhost(emulator: Emulator, name: str) -> None:
    client = sdk(emulator.url.replace("http://127.0.0.1", name))
    regions = client.describe_regions(models.DescribeRegionsRequest()).body.regions.region

    assert [each.region_id for each in regions] == ["cn-hangzhou"]


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")
def test_an_sdk_that_calls_by_another_name_is_told_so(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads here, as one in a hosts file or of a rebound domain does."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest: resolve("127.0.0.1", *rest))
    client = sdk(emulator.url.replace("http://127.0.0.1", "vpc.aliyuncs.com"))
    with pytest.raises(ClientException) as caught:
        client.describe_regions(models.DescribeRegionsRequest())

    assert caught.value.code == "Forbidden.Emulator"
    assert "Host is 'vpc.aliyuncs.com:" in caught.value.message
    assert "expected localhost or an address" in caught.value.message


def test_allow_remote_opens_the_api_to_every_name() -> None:
    with Emulator(host="0.0.0.0", auth=False, service_ports=ANY) as emulator:  # noqa: S104
        url = emulator.url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        reply = httpx.get(url, params=REGIONS, headers={"host": "emulator:8700"})
        page = httpx.get(url, params=REGIONS, headers={"origin": "http://evil.example"})

    assert (reply.status_code, page.status_code) == (200, 403)


def test_calls_in_process_have_no_visitors() -> None:
    headers = {"host": "vpc.aliyuncs.com", "origin": "http://evil.example"}
    reply = Emulator(auth=False).handle("GET", f"/?{urlencode(REGIONS)}", headers)

    assert reply.status == 200


def sdk(endpoint: str) -> Client:
    """
    Make a client of the official SDK.
    """
    keys = {"access_key_id": "emulator", "access_key_secret": "emulator-secret"}
    return Client(Config(**keys, region_id="cn-hangzhou", endpoint=endpoint, protocol="http"))
