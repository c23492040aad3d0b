"""
Replies that are played back: to the letter, over real HTTP and in process alike.
"""

import base64
import gzip
from collections.abc import Iterator
from datetime import date
from http.client import HTTPConnection
from math import nan
from pathlib import Path
from typing import Any

import httpx
import pytest

from chaosfailover.emulator import Emulator
from chaosfailover.emulator.faults import fault_from
from chaosfailover.emulator.topology import TopologyError, load

CALL = {"x-acs-action": "DescribeRegions", "x-acs-version": "2016-04-28"}
JSON = "application/json;charset=utf-8"


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    """
    An emulator that the tests of this module share.
    """
    with Emulator(auth=False, service_ports={"portal": 0, "echo": 0, "ledger": 0}) as emulator:
        yield emulator


@pytest.fixture(params=["in process", "over HTTP"])
def client(request: pytest.FixtureRequest, served: Emulator) -> Iterator[httpx.Client]:
    """
    A client of one face of the emulator, which is as its topology has it.
    """
    served.cloud.reset()
    transport = served.transport() if request.param == "in process" else None
    with httpx.Client(base_url=served.url, transport=transport) as client:
        yield client


def arm(client: httpx.Client, *replies: dict[str, Any]) -> Any:
    """
    Arm one playback of each reply, and return what is armed.
    """
    given = [{"fault": "answer", "reply": reply, "count": 1} for reply in replies]
    return client.post("/_emulator/faults", json=given).raise_for_status().json()


REPLIES: list[Any] = [
    pytest.param({}, 200, {}, b"", id="nothing given"),
    pytest.param({"body": ""}, 200, {}, b"", id="empty text"),
    pytest.param(
        {"status": 502, "headers": {"Content-Type": "text/html", "Via": "1.1 a"}, "body": "<p>Ü"},
        502,
        {"content-type": "text/html", "via": "1.1 a"},
        "<p>Ü".encode(),
        id="text",
    ),
    pytest.param(
        {"body": {"Code": "网", "Values": [1, None]}},
        200,
        {"content-type": JSON},
        '{"Code": "网", "Values": [1, null]}'.encode(),
        id="document",
    ),
    pytest.param(
        {"headers": {"content-type": "text/json"}, "body": []},
        200,
        {"content-type": "text/json"},
        b"[]",
        id="document of another type",
    ),
    pytest.param({"body_base64": "//76"}, 200, {}, b"\xff\xfe\xfa", id="bytes"),
    pytest.param(
        {"status": 429, "headers": {"x-acs-retry-after": 1250, "X-Empty": ""}},
        429,
        {"x-acs-retry-after": "1250", "x-empty": ""},
        b"",
        id="a number and an empty header",
    ),
    pytest.param(
        {"status": 302, "headers": {"Location": "/x"}}, 302, {"location": "/x"}, b"", id="302"
    ),
]


@pytest.mark.parametrize(("reply", "status", "headers", "body"), REPLIES)
def test_a_reply_is_played_back_to_the_letter(
    client: httpx.Client, reply: dict[str, Any], status: int, headers: dict[str, str], body: bytes
) -> None:
    """
    Nothing is added but the length.
    """
    arm(client, reply)
    played = client.post("/", headers=CALL)

    assert (played.status_code, played.content) == (status, body)
    assert dict(played.headers) == {**headers, "content-length": str(len(body))}
    assert "Regions" in client.post("/", headers=CALL).json()


@pytest.mark.parametrize("status", [204, 304])
def test_a_reply_without_a_body_has_no_length(client: httpx.Client, status: int) -> None:
    arm(client, {"status": status, "headers": {"ETag": '"a"'}})
    played = client.post("/", headers=CALL)

    assert (played.status_code, dict(played.headers)) == (status, {"etag": '"a"'})
    assert "Regions" in client.post("/", headers=CALL).json()


def test_what_is_encoded_is_decoded_by_the_client(client: httpx.Client) -> None:
    headers = {"Content-Encoding": "gzip"}
    arm(
        client,
        {"headers": headers, "body_base64": base64.b64encode(gzip.compress(b"{}")).decode()},
        {"headers": headers, "body": "this is no gzip"},
    )

    assert client.post("/", headers=CALL).text == "{}"
    with client.stream("POST", "/", headers=CALL) as played, pytest.raises(httpx.DecodingError):
        played.read()
    assert played.status_code == 200


def test_the_connection_outlives_what_is_played_back(served: Emulator) -> None:
    """
    Every reply says where it ends, also to another reader of HTTP than httpx.
    """
    served.cloud.reset()
    with httpx.Client(base_url=served.url) as client:
        arm(client, {"body": "one"}, {"status": 204}, {"body_base64": "AA=="}, {"status": 500})
    connection = HTTPConnection(served.url.removeprefix("http://"))
    connection.connect()
    connection.auto_open = 0
    played = []
    for _ in range(5):
        connection.request("POST", "/", headers=CALL)
        response = connection.getresponse()
        played.append((response.status, response.read()[:3]))
    connection.close()

    assert played == [(200, b"one"), (204, b""), (200, b"\0"), (500, b""), (200, b'{"R')]


def test_answers_take_turns_and_change_nothing(client: httpx.Client) -> None:
    """
    A sequence that was met in the field comes one by one; what it answers is not done.
    """
    arm(client, {"status": 503}, {"body": {"JobId": "ftj-field"}})
    create = {**CALL, "x-acs-action": "CreateFailoverTestJob"}
    statuses = [client.post("/", headers=create).status_code for _ in range(3)]
    state = client.get("/_emulator/state").json()

    assert statuses == [503, 200, 400]
    assert (state["jobs"], state["faults"]) == ([], [])


def test_an_answer_is_shown_as_it_was_given(client: httpx.Client) -> None:
    reply = {"status": 503, "headers": {"Retry-After": 7}, "body": {"Code": ["x"]}}

    assert arm(client, reply)[0]["reply"] == reply
    assert client.get("/_emulator/faults").json()[0]["reply"] == reply


def test_an_answer_may_be_late_or_cut_off(client: httpx.Client) -> None:
    """
    What happens to replies happens to those that are played back too.
    """
    arm(client, {"body": "half of this"})
    client.post("/_emulator/faults", json={"fault": "truncated", "count": 1})

    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/", headers=CALL)


def test_a_request_that_is_not_signed_is_not_answered() -> None:
    """
    What is played back is for those who may call.
    """
    emulator = Emulator()
    emulator.cloud.faults.faults.append(fault_from({"fault": "answer", "reply": {}}))

    assert emulator.handle("POST", "/", CALL).status == 400


WRONG: list[Any] = [
    pytest.param(None, "fault needs reply", id="none"),
    pytest.param("busy", "fault.reply is 'busy', expected names and values", id="text"),
    pytest.param({"code": 1}, "fault.reply has no 'code', only body, ", id="unknown"),
    pytest.param({"status": "200"}, "status is '200', expected a whole", id="status of text"),
    pytest.param(
        {"status": 100}, "status is 100, expected a whole number from 200", id="status of HTTP"
    ),
    pytest.param({"headers": ["a"]}, r"headers is \['a'\], expected names", id="headers"),
    pytest.param({"headers": {"a b": "c"}}, "headers has 'a b', expected the", id="header name"),
    pytest.param({"headers": {"a\r\nb": "c"}}, r"headers has 'a\\r\\nb'", id="lines in a name"),
    pytest.param(
        {"headers": {"a": "b\r\nSet-Cookie: c"}},
        r"headers.a is 'b\\r\\nSet-Cookie: c', expected one line of ASCII",
        id="lines in a header",
    ),
    pytest.param({"headers": {"a": "b\n"}}, r"headers.a is 'b\\n'", id="line end in a header"),
    pytest.param({"headers": {"a": "\0"}}, r"headers.a is '\\x00'", id="NUL in a header"),
    pytest.param({"headers": {"a": "ü"}}, "headers.a is 'ü'", id="a header beyond ASCII"),
    pytest.param({"headers": {"a": None}}, "headers.a is None", id="header without a value"),
    pytest.param({"headers": {"Content-Length": "3"}}, "'Content-Length', which", id="length"),
    pytest.param(
        {"headers": {"transfer-encoding": "chunked"}}, "'transfer-encoding', which", id="chunks"
    ),
    pytest.param({"headers": {"Connection": "close"}}, "'Connection', which", id="connection"),
    pytest.param({"headers": {"A": "1", "a": "2"}}, "headers has 'A' twice", id="twice"),
    pytest.param({"body": 7}, "body is 7, expected text or a JSON document", id="number"),
    pytest.param(
        {"body": {"at": date(2026, 1, 1)}}, "cannot be sent: .*date is not JSON", id="not JSON"
    ),
    pytest.param({"body": [nan]}, "body that cannot be sent: Out of range", id="not a number"),
    pytest.param({"body": "\ud800"}, "cannot be sent: .*surrogates", id="not text"),
    pytest.param({"body_base64": "a"}, "body that cannot be sent", id="not base64"),
    pytest.param({"body_base64": "a b="}, "body that cannot be sent", id="blank in base64"),
    pytest.param({"body_base64": 7}, "body_base64 is 7, expected text", id="base64 of a number"),
    pytest.param({"body": "", "body_base64": ""}, "expected one of them", id="two bodies"),
    pytest.param({"status": 204, "body": "a"}, "which status 204 cannot have", id="body of a 204"),
    pytest.param(
        {"status": 304, "body_base64": "AA=="}, "which status 304 cannot have", id="body of a 304"
    ),
    pytest.param(
        {"status": 204, "body": {}}, "which status 204 cannot have", id="document of a 204"
    ),
]


@pytest.mark.parametrize(("reply", "wrong"), WRONG)
def test_a_reply_that_could_not_be_sent_is_refused(reply: Any, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        fault_from({"fault": "answer", "reply": reply})


def test_a_wrong_reply_is_explained_and_arms_nothing(client: httpx.Client) -> None:
    fault = {"fault": "answer", "reply": {"status": 7}}
    refused = client.post("/_emulator/faults", json=[{"fault": "slow"}, fault])

    assert refused.status_code == 400
    assert refused.json() == {
        "error": "faults[1].reply.status is 7, expected a whole number from 200 to 599"
    }
    assert client.get("/_emulator/faults").json() == []


def test_a_topology_answers(tmp_path: Path) -> None:
    file = tmp_path / "field.yaml"
    file.write_text(
        "extends: dual-circuit\n"
        "faults:\n"
        "  - {fault: answer, reply: {status: 502, headers: {Via: 1.1 proxy}, body: gone}}\n"
    )
    reply = Emulator(file, auth=False).handle("POST", "/", CALL)

    assert (reply.status, dict(reply.headers), reply.body) == (502, {"Via": "1.1 proxy"}, b"gone")


def test_a_topology_with_a_wrong_reply_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "field.yaml"
    file.write_text(
        "extends: dual-circuit\nfaults:\n  - {fault: answer, reply: {body: 2026-01-01}}\n"
    )

    with pytest.raises(TopologyError, match=r"body is datetime\.date.*expected text or a JSON"):
        load(file)
