"""
Everything that can go wrong between client and API becomes one clear error of our tree.
"""

import datetime as dt
import ipaddress
import json
import os
import re
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from chaoslib.exceptions import InterruptExecution
from client_stand_in import Cloud, client_of
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from faces import CREDENTIALS, Face

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.errors import (
    ApiError,
    ConnectionFailedError,
    CredentialsError,
    InvalidReplyError,
    RequestTimeoutError,
    TlsError,
)

JSON = {"content-type": "application/json;charset=utf-8"}
HTML = {"content-type": "text/html"}

Serve = Callable[[socket.socket], None]


KEY = "SECRETKEY123"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        pytest.param(f'psk {KEY} in {{"Psk": "{KEY}"}}', 'psk *** in {"Psk": ***}', id="JSON"),
        pytest.param(f'{{\\"Psk\\": \\"{KEY}\\"}}', '{\\"Psk\\": ***\\"}', id="JSON in JSON"),
        pytest.param(f"{{'AuthKey': '{KEY}'}}", "{'AuthKey': ***}", id="Python"),
        pytest.param(f"?a=1&Psk={KEY}&b=2 {KEY}", "?a=1&Psk=***&b=2 ***", id="query"),
        pytest.param(f"<Cak>{KEY}</Cak>", "<Cak>***</Cak>", id="XML"),
        pytest.param(f"psk: {KEY}", "psk: ***", id="header"),
        pytest.param('{"Psk": "a b", "Name": "c"}', '{"Psk": ***, "Name": "c"}', id="words"),
        pytest.param('{"Psk": ["a", "b"]}', '{"Psk": ***}', id="list"),
        pytest.param("the Psk is too short", "the Psk is too short", id="no value"),
        pytest.param("BreakPsk=12", "BreakPsk=12", id="another name"),
    ],
)
def test_error_text_names_no_secret(message: str, shown: str) -> None:
    """What the API quotes of a password or key is hidden, wherever it is in the text."""
    error = error_of(httpx.Response(400, json={"Code": "Bad", "Message": message}))

    assert isinstance(error, ApiError)
    assert (error.code, error.message) == ("Bad", shown)


@pytest.mark.parametrize("field", ["Code", "Message", "RequestId"])
def test_secret_of_an_error_document_is_in_none_of_its_texts(field: str) -> None:
    """The value of a secret field is hidden beside it, also as JSON writes it."""
    key = 'SECRET"KEY'
    texts = {"Code": "Bad", field: f"{key} or {json.dumps(key)}"}
    error = error_of(httpx.Response(400, json={**texts, "Details": [{"IkeConfig": {"Psk": key}}]}))

    assert "SECRET" not in f"{error} {error!r}"
    assert "***" in str(error)


def test_secret_of_a_reply_is_hidden_in_later_errors() -> None:
    """A connection knows the keys that it was shown, and never shows them."""
    groups = [{"BgpGroupId": "bgpg-a", "AuthKey": KEY, "Description": f"key {KEY}", "Name": KEY}]
    cloud = Cloud(
        [
            httpx.Response(200, json={"BgpGroups": {"BgpGroup": groups}, "TotalCount": 1}),
            httpx.Response(400, json={"Code": "Bad", "Message": f"{KEY} is wrong"}),
        ]
    )
    with client_of(cloud) as client:
        listed = list(client.describe_bgp_groups())
        with pytest.raises(ApiError) as caught:
            client.call("DescribeBgpPeers", {})

    assert listed == [{"BgpGroupId": "bgpg-a", "Description": "key ***", "Name": "***"}]
    assert caught.value.message == "*** is wrong"


@pytest.mark.parametrize("key", ["bgpg-a", "Available"])
def test_identity_and_status_stay_when_they_equal_a_secret(key: str) -> None:
    """A verdict rests on these."""
    group = {"BgpGroupId": "bgpg-a", "Status": "Available", "RouterId": "vbr-a"}
    reply = {"BgpGroups": {"BgpGroup": [{**group, "AuthKey": key}]}, "TotalCount": 1}
    with client_of(Cloud([httpx.Response(200, json=reply)])) as client:
        assert list(client.describe_bgp_groups()) == [group]


def error_of(response: httpx.Response) -> Exception:
    with client_of(Cloud([response])) as client, pytest.raises(ApiError) as caught:
        client.call("DescribeVpnConnections", {})
    return caught.value


@pytest.mark.parametrize(
    ("response", "message"),
    [
        pytest.param(
            httpx.Response(200, headers=JSON, content=b""),
            "HTTP 200 with 0 bytes (application/json;charset=utf-8)",
            id="empty",
        ),
        pytest.param(
            httpx.Response(200, headers=JSON, content=b'{"RequestId": "C44'),
            "HTTP 200 with 18 bytes (application/json;charset=utf-8)",
            id="truncated JSON",
        ),
        pytest.param(
            httpx.Response(502, headers=HTML, content=b"<html>Bad Gateway</html>"),
            "HTTP 502 with 24 bytes (text/html)",
            id="HTML",
        ),
        pytest.param(
            httpx.Response(200, content=b"\xff\xfe\xfa"),
            "HTTP 200 with 3 bytes (no content type)",
            id="not text",
        ),
        pytest.param(
            httpx.Response(200, headers=JSON, content=b'["RequestId"]'),
            "HTTP 200 with 13 bytes",
            id="JSON, but no object",
        ),
        pytest.param(
            httpx.Response(302, headers={"location": "http://elsewhere.example/"}),
            "HTTP 302 with 0 bytes",
            id="redirect, not followed",
        ),
        pytest.param(
            httpx.Response(503, json={"error": "overloaded"}),
            "HTTP 503 with 22 bytes",
            id="error of someone else",
        ),
    ],
)
def test_reply_that_is_not_the_document_of_the_api(
    face: Face, response: httpx.Response, message: str
) -> None:
    """The error tells status, size and kind, and shows nothing of the content."""
    cloud = Cloud([response], face)

    with pytest.raises(InvalidReplyError) as caught:
        client_of(cloud, attempts=1).start_failover_test_job("ftj-1")

    assert str(caught.value).startswith(f"StartFailoverTestJob: {message}")
    assert caught.value.http_status == response.status_code
    assert len(cloud.requests) == 1


@pytest.mark.parametrize(
    ("document", "line"),
    [
        pytest.param(
            {"Code": "NoPermission", "Message": "Not you.", "RequestId": "C4", "HostId": "vpc"},
            "NoPermission: Not you. (StartFailoverTestJob, HTTP 403, request C4)",
            id="complete",
        ),
        pytest.param(
            {"Code": "NoPermission", "Message": None},
            "NoPermission:  (StartFailoverTestJob, HTTP 403)",
            id="only a code",
        ),
    ],
)
def test_error_document(face: Face, document: dict[str, Any], line: str) -> None:
    """An error of the API keeps code, message, status, request and operation."""
    cloud = Cloud([httpx.Response(403, json=document)], face)

    with pytest.raises(ApiError) as caught:
        client_of(cloud).start_failover_test_job("ftj-1")

    assert str(caught.value) == line


def test_missing_credentials_are_not_retried(face: Face) -> None:
    """What the source of the credentials raises comes through, and nothing is sent."""
    cloud = Cloud([], face)

    def missing() -> Any:
        raise CredentialsError("none found")

    client = VpcClient("cn-hangzhou", missing, transport=cloud)

    with pytest.raises(CredentialsError, match="none found"):
        client.start_failover_test_job("ftj-1")

    assert cloud.requests == []


@contextmanager
def listening(serve: Serve) -> Iterator[str]:
    """
    Answer one connection on loopback with `serve`, in a thread; yield `host:port`.
    """

    def answer() -> None:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        with peer:
            peer.settimeout(5)
            try:
                serve(peer)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        thread = Thread(target=answer, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(timeout=10)


def stop_at(endpoint: str, **settings: Any) -> None:
    with VpcClient(
        "cn-hangzhou", lambda: CREDENTIALS, endpoint=endpoint, attempts=1, **settings
    ) as client:
        client.stop_failover_test_job("ftj-1")


def says(text: bytes) -> Serve:
    def serve(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(text)

    return serve


def waits(peer: socket.socket) -> None:
    while peer.recv(65536):
        pass


def test_read_timeout() -> None:
    """A server that accepts and stays silent is given up."""
    with (
        listening(waits) as address,
        pytest.raises(
            RequestTimeoutError,
            match=rf"^StopFailoverTestJob: http://{address} did not answer in time \(ReadTimeout\)",
        ),
    ):
        stop_at(address, read_timeout=0.1)


def test_signal_gets_through_while_a_reply_is_awaited() -> None:
    """What a signal handler raises leaves a real read at once, and is not retried."""

    def interrupt(*_: object) -> None:
        raise InterruptExecution("SIGTERM")

    def serve(peer: socket.socket) -> None:
        peer.recv(65536)
        os.kill(os.getpid(), signal.SIGTERM)
        waits(peer)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with listening(serve) as address, pytest.raises(InterruptExecution, match="SIGTERM"):
            stop_at(address)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_connection_refused() -> None:
    """Nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"

    with pytest.raises(
        ConnectionFailedError, match=rf"http://{address} cannot be reached: .*refused"
    ):
        stop_at(address)


def test_connection_that_ends_before_the_reply() -> None:
    """The server hangs up."""
    with (
        listening(says(b"")) as address,
        pytest.raises(ConnectionFailedError, match="cannot be reached: Server disconnected"),
    ):
        stop_at(address)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"Content-Length: 500", id="by length"),
        pytest.param(b"Transfer-Encoding: chunked", id="by chunks"),
        pytest.param(b"Content-Encoding: gzip\r\nContent-Length: 4", id="not gzip"),
    ],
)
def test_reply_that_is_cut_off(head: bytes) -> None:
    """The head came, the body did not: whether the call took effect is unknown."""
    text = b"HTTP/1.1 200 OK\r\n" + head + b'\r\n\r\n{"Re'

    with (
        listening(says(text)) as address,
        pytest.raises(InvalidReplyError, match="the reply of HTTP 200 was cut off: ") as caught,
    ):
        stop_at(address)

    assert caught.value.http_status == 200


def test_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name server knows no such host."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(
        ConnectionFailedError,
        match=r"https://vpc\.example cannot be reached: .*Name or service not known",
    ):
        stop_at("vpc.example")


def test_server_that_does_not_speak_tls() -> None:
    """Plain text where a handshake should be."""
    with (
        listening(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as address,
        pytest.raises(TlsError, match=r"cannot be trusted or does not speak TLS: .*SSL"),
    ):
        stop_at(f"https://{address}")


def test_certificate_that_nobody_signed(tmp_path: Path) -> None:
    """A self-signed certificate is refused before anything is sent."""
    received = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))

    def serve(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True) as tls:
            received.append(tls.recv(65536))

    with (
        listening(serve) as address,
        pytest.raises(TlsError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        stop_at(f"https://{address}")

    assert received == []


def test_handshake_that_is_dropped_may_be_retried() -> None:
    """A connection that ends during the handshake is a lost connection, no lack of trust."""
    with (
        listening(says(b"")) as address,
        pytest.raises(ConnectionFailedError, match="cannot be reached"),
    ):
        stop_at(f"https://{address}")


def test_errors_of_the_protocol_do_not_quote_headers(face: Face) -> None:
    """A header that httpx refuses to send holds our token; its error text is left out."""
    cloud = Cloud([httpx.LocalProtocolError("Illegal header value b'TOKEN-of-test'")], face)

    with pytest.raises(ConnectionFailedError) as caught:
        client_of(cloud, attempts=1).stop_failover_test_job("ftj-1")

    assert re.search("cannot be reached: LocalProtocolError$", str(caught.value))


def test_proxies_of_the_environment_do_not_see_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal talks to this machine, whatever proxy is set."""
    with ExitStack() as stack:
        reply = b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{"RequestId":"C"}'
        address = stack.enter_context(listening(says(reply)))
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

        stop_at(address)


def self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "self-signed.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
