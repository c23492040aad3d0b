"""
The admin interface and web pages, which a browser lets call any address.
"""

from collections.abc import Iterator

import httpx
import pytest

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.visitors import turned_away

HERE = "127.0.0.1:8700"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """
    The URL of a running emulator's admin interface.
    """
    ports = {"portal": 0, "echo": 0, "ledger": 0}
    with Emulator(service_ports=ports) as emulator:
        yield f"{emulator.url}/_emulator"


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        pytest.param({"host": "evil.example"}, "Host is 'evil.example'", id="DNS rebinding"),
        pytest.param({"host": "127.0.0.1.evil.example:80"}, "Host is", id="like an address"),
        pytest.param({"origin": "http://evil.example"}, "Origin is 'http://evil", id="page"),
        pytest.param({"origin": "null"}, "Origin is 'null'", id="page from a file"),
        pytest.param({"sec-fetch-site": "cross-site"}, "Sec-Fetch-Site is", id="no-cors GET"),
        pytest.param({"sec-fetch-site": "same-site"}, "Sec-Fetch-Site is", id="other port"),
    ],
)
def test_web_pages_are_turned_away(url: str, headers: dict[str, str], says: str) -> None:
    before = httpx.get(f"{url}/clock").json()["now"]
    reply = httpx.post(f"{url}/clock", content=b'{"advance": 3600}', headers=headers)

    assert reply.status_code == 403
    assert says in reply.json()["error"]
    assert httpx.get(f"{url}/clock").json()["now"] - before < 1800


@pytest.mark.parametrize(
    "headers",
    [
        {"host": HERE},
        {"host": "localhost:8700"},
        {"host": "[::1]:8700"},
        {"host": HERE, "origin": f"http://{HERE}", "sec-fetch-site": "same-origin"},
        {"host": HERE, "sec-fetch-site": "none"},
        {},
    ],
)
def test_others_may_pass(headers: dict[str, str]) -> None:
    assert turned_away(headers, by_name=False) == ""


def test_an_emulator_beyond_this_machine_is_called_by_name() -> None:
    assert turned_away({"host": "emulator:8700"}, by_name=True) == ""
    assert turned_away({"host": "emulator:8700", "origin": "http://evil"}, by_name=True) != ""


def test_the_api_itself_is_called_by_any_name(url: str) -> None:
    reply = httpx.get(url.removesuffix("_emulator"), headers={"host": "vpc.aliyuncs.com"})

    assert reply.status_code == 400
