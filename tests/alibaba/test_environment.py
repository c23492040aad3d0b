"""
Proxies and certificate authorities of the environment: used, left out, or one clear error.
"""

import errno
import socket
import subprocess
import sys
from asyncio import StreamReader, StreamWriter
from pathlib import Path
from threading import Thread

import certifi
import pytest
from click.testing import CliRunner
from faces import CREDENTIALS
from loopback import certified, served

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.environment import Proxy, proxy_of
from chaosfailover.cli.status import status
from chaosfailover.errors import ConfigurationError, ConnectionFailedError

PROXY = "http://proxy.example:3128"
VPC = "https://vpc.aliyuncs.com"
NO_CERTIFICATE = "it holds no certificate that can be read"
NO_HASHES = "it holds no certificate named by its hash (openssl rehash)"
EXPECTED = "expected the URL of a proxy, such as http://proxy.example:3128"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    for name in (*names, *map(str.upper, names), "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)


def client_at(endpoint: str) -> VpcClient:
    return VpcClient("cn-hangzhou", lambda: CREDENTIALS, endpoint=endpoint, attempts=1)


def refusal(endpoint: str = "vpc.example") -> str:
    with pytest.raises(ConfigurationError) as caught:
        client_at(endpoint)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "No such file or directory", id="missing"),
        pytest.param("", NO_CERTIFICATE, id="empty"),
        pytest.param("authorities = all\n", NO_CERTIFICATE, id="something else"),
        pytest.param(
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            NO_CERTIFICATE,
            id="damaged",
        ),
    ],
)
def test_file_of_authorities_that_cannot_be_used(
    content: str | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable and the file, and no reply of the API."""
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    assert refusal() == f"SSL_CERT_FILE is {str(file)!r}: {reason}"


def test_command_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks for a test sees what to change, and nothing that was never asked."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")

    looked = CliRunner().invoke(status, ["--region", "cn-hangzhou"])

    assert looked.exit_code == 1
    assert looked.stderr == (
        "cn-hangzhou: NOT READ: SSL_CERT_FILE is '/nowhere.pem': No such file or directory\n"
    )


@pytest.mark.parametrize("name", ["missing", "file", "empty"])
def test_directory_of_authorities_that_cannot_be_used(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL itself would accept it, and trust nobody."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / name))

    assert refusal() == f"SSL_CERT_DIR is {str(tmp_path / name)!r}: {NO_HASHES}"


def test_directory_of_authorities_may_be_one_of_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As OpenSSL reads it: a list, of which some may be missing."""
    (tmp_path / "9f727ac7.0").write_text("", encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_DIR", f"/nowhere:{tmp_path}")

    client_at("vpc.example").close()


def test_key_log_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read at the same place, and is not mistaken for the authorities."""
    monkeypatch.setenv("SSLKEYLOGFILE", "/nowhere/keys")

    assert refusal() == "SSLKEYLOGFILE is '/nowhere/keys': No such file or directory"


def test_want_of_files_is_no_fault_of_a_variable() -> None:
    """It passes, so that the next attempt to stop a test may succeed."""
    code = (
        "import resource\n"
        "from chaosfailover.alibaba.environment import http_transport, leave_out_unusable\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 64))\n"
        "for call in (lambda: http_transport('https://x', None), lambda: leave_out_unusable('https://x')):\n"
        "    try: call()\n"
        "    except OSError as error: print(error.errno)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "http_transport('https://x', None)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 64))\n"
        "http_transport('https://x', None)\n"
    )
    authorities = certifi.where()
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"SSL_CERT_FILE": authorities},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.returncode) == (f"{errno.EMFILE}\n" * 2, 0), done.stderr
    assert "The certificate authorities read before are used" in done.stderr


def test_authorities_are_not_read_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal needs none."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")

    client_at("http://127.0.0.1:9").close()


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param("localhost,fd07:b51a:cc66::/48", id="IPv6 network"),
        pytest.param("10.0.0.0/8, 192.168.0.0/16", id="IPv4 networks"),
        pytest.param("[::1],[fe80::1]:443,::", id="IPv6 addresses"),
        pytest.param("http://[,://,a b,10.0.0.0/99,:8080,:x,[", id="nonsense"),
        pytest.param("aliyuncs.example,yuncs.com", id="other domains"),
        pytest.param("vpc.aliyuncs.com:8443,http://vpc.aliyuncs.com", id="other port and scheme"),
        pytest.param(",", id="nothing"),
    ],
)
def test_endpoint_that_is_not_exempt(entries: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries that cover something else, or that nobody can read, change nothing."""
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", entries)

    client_at(VPC).close()

    assert proxy_of(VPC) == Proxy("HTTPS_PROXY", PROXY)


@pytest.mark.parametrize(
    ("endpoint", "entry"),
    [
        pytest.param(VPC, "*", id="everything"),
        pytest.param(VPC, "example.com, aliyuncs.com", id="domain"),
        pytest.param(VPC, ".aliyuncs.com", id="domain with a dot"),
        pytest.param(VPC, "aliyuncs.com.", id="absolute domain"),
        pytest.param(VPC, "*.aliyuncs.com", id="domain with an asterisk"),
        pytest.param(VPC, "VPC.aliyuncs.com:443", id="host and port"),
        pytest.param(VPC, "https://vpc.aliyuncs.com", id="URL"),
        pytest.param("https://10.1.2.3", "10.0.0.0/8", id="IPv4 network"),
        pytest.param("https://10.1.2.3", "10.1.2.3", id="IPv4 address"),
        pytest.param("https://[fd07:b51a:cc66::1]", "fd07:b51a:cc66::/48", id="IPv6 network"),
        pytest.param("https://[fd07::1]:8443", "[fd07::1]:8443", id="IPv6 address and port"),
        pytest.param("https://127.0.0.1:8443", "", id="loopback, without an entry"),
    ],
)
def test_endpoint_that_is_exempt(
    endpoint: str, entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that covers the endpoint is honoured, in each form in use."""
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", entry)

    assert proxy_of(endpoint) is None


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param({"HTTP_PROXY": PROXY}, None, id="of another scheme"),
        pytest.param({"ALL_PROXY": PROXY}, Proxy("ALL_PROXY", PROXY), id="of all schemes"),
        pytest.param(
            {"HTTPS_PROXY": "x:1", "https_proxy": PROXY}, Proxy("https_proxy", PROXY), id="lower"
        ),
    ],
)
def test_proxy_of_an_endpoint(
    variables: dict[str, str], expected: Proxy | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable that counts is the one that is named."""
    for name, url in variables.items():
        monkeypatch.setenv(name, url)

    assert proxy_of(VPC) == expected


@pytest.mark.parametrize(
    ("value", "shown", "reason"),
    [
        ("bogus://me:pa55@proxy.example", "bogus://***@proxy.example", EXPECTED),
        ("http://me:pa55@proxy:x", "http://***@proxy:x", EXPECTED),
        ("http://me:pa55#1@proxy:1", "http://***@proxy:1", EXPECTED),
        ("me:pa55@proxy:x", "***@proxy:x", EXPECTED),
        ("http://", "http://", EXPECTED),
        (
            "socks5://me:pa55@proxy",
            "socks5://***@proxy",
            "a SOCKS proxy needs the package socksio",
        ),
    ],
)
def test_proxy_that_cannot_be_used(
    value: str, shown: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable and its value without the password."""
    monkeypatch.setenv("HTTPS_PROXY", value)

    assert refusal() == f"HTTPS_PROXY is {shown!r}: {reason}"


def test_error_of_a_proxy_names_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that refuses is not mistaken for the endpoint."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://me:pa55@127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("HTTPS_PROXY", url)
        asked: list[bytes] = []
        Thread(target=refuse, args=(server, asked), daemon=True).start()

        with client_at(VPC) as client, pytest.raises(ConnectionFailedError) as caught:
            client.stop_failover_test_job("ftj-1")

    assert asked[0].startswith(b"CONNECT vpc.aliyuncs.com:443 ")
    assert str(caught.value) == (
        f"StopFailoverTestJob: {VPC} through HTTPS_PROXY={url.replace('me:pa55', '***')} "
        "cannot be reached: 403 Forbidden"
    )


def refuse(server: socket.socket, asked: list[bytes]) -> None:
    peer, _ = server.accept()
    with peer:
        asked.append(peer.recv(65536))
        peer.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


def test_absolute_endpoint_is_verified_without_its_dot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the certificate, nor the request's host, nor the name that TLS sends has a dot."""
    context = certified(tmp_path, "-addext", "subjectAltName=DNS:vpc.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "c"))
    names: set[str] = set()
    context.sni_callback = lambda _, name, __: names.add(name)
    heads: list[bytes] = []

    async def answer(reader: StreamReader, writer: StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()

    addresses = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest: addresses("127.0.0.1", *rest))
    with served(answer, context) as port, client_at(f"vpc.example.com.:{port}") as client:
        client.stop_failover_test_job("ftj-1")

    assert names == {"vpc.example.com"}
    assert f"host: vpc.example.com:{port}".encode() in heads[0].lower()
