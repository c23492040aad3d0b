"""
Credentials come from the secrets, from Alibaba's default chain or from a role, and leak nowhere.
"""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from chaoslib.exceptions import InterruptExecution

from chaosfailover.alibaba.credentials import assumed_role
from chaosfailover.alibaba.signing import Credentials
from chaosfailover.errors import CredentialsError
from chaosfailover.verdict.values import brief

ROLE = "acs:ram::1234567890:role/chaos"
LIBRARY_USES_UTCNOW = "ignore:datetime.datetime.utcnow:DeprecationWarning"


def run(script: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """
    Run Python code with no credentials around but those of `environment`.
    """
    kept = {"PATH": os.environ["PATH"], "HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", script],
        env=kept | {"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


CALL = """
import sys, httpx
from chaosfailover.alibaba import config
from chaosfailover.errors import FailoverError

def cloud(request):
    key = request.headers["authorization"].split(",")[0].split("=")[1]
    print(key, request.headers.get("x-acs-security-token"))
    return httpx.Response(200, json={"RequestId": "C4"})

def call(role, **secrets):
    settings = {"alibaba_cloud_region_id": "cn-beijing", "alibaba_cloud_role_arn": role}
    for _ in range(2):
        with config.client(settings, secrets, transport=httpx.MockTransport(cloud)) as client:
            try:
                client.stop_failover_test_job("ftj-1")
            except FailoverError as error:
                print(type(error).__name__, error)
"""


def test_credential_library_is_only_imported_when_needed(tmp_path: Path) -> None:
    """Explicit secrets sign without it."""
    done = run(
        CALL
        + "heavy = {'alibabacloud_credentials', 'Tea', 'requests'}\n"
        + "print(sorted(heavy & sys.modules.keys()))\n"
        + "call(None, access_key_id='AKID', access_key_secret='SECRET')\n"
        + "print(sorted(heavy & sys.modules.keys()))\n",
        tmp_path,
    )

    assert (done.stdout, done.stderr) == ("[]\nAKID None\nAKID None\n[]\n", "")


def test_default_chain_reads_the_environment(tmp_path: Path) -> None:
    """Without secrets, Alibaba's own variables sign."""
    done = run(
        CALL + "call(None)",
        tmp_path,
        ALIBABA_CLOUD_ACCESS_KEY_ID="from-env",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET="SECRET",
        ALIBABA_CLOUD_SECURITY_TOKEN="TOKEN",
    )

    assert (done.stdout, done.stderr) == ("from-env TOKEN\n" * 2, "")


def test_environment_needs_no_library(tmp_path: Path) -> None:
    """The library cannot be used in every time zone, or with every key log; a stop has to be."""
    done = run(
        CALL + "call(None)\n" + "print('alibabacloud_credentials' in sys.modules)",
        tmp_path,
        ALIBABA_CLOUD_ACCESS_KEY_ID="from-env",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET="SECRET",
        TZ="Nowhere/Nothing",
        SSLKEYLOGFILE="/nowhere/keys",
    )

    assert (done.stdout, done.stderr) == ("from-env None\n" * 2 + "False\n", "")


def test_missing_credentials_are_one_sentence(tmp_path: Path) -> None:
    """It lists what was looked for; the library's own words stay out of the log."""
    done = run(CALL + "call(None)", tmp_path)
    sentence = (
        "CredentialsError no Alibaba Cloud credentials found: looked for the secrets "
        "access_key_id and access_key_secret, ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET, "
        "an OIDC role, ~/.aliyun/config.json, ~/.alibabacloud/credentials.ini, an ECS RAM role, "
        "and ALIBABA_CLOUD_CREDENTIALS_URI\n"
    )

    assert (done.stdout, done.stderr) == (sentence * 2, "")
    assert brief(sentence) == sentence.strip(), "the verdict does not cut it off"


def test_missing_credentials_for_a_role_are_the_same_sentence(tmp_path: Path) -> None:
    """Nobody can assume a role as nobody."""
    done = run(CALL + f"call({ROLE!r})", tmp_path)

    assert done.stdout.startswith("CredentialsError no Alibaba Cloud credentials found: looked")


Answer = Callable[[Mapping[str, str]], tuple[int, dict[str, Any]]]


@contextmanager
def http_server(answer: Answer) -> Iterator[str]:
    """
    Answer GET requests on loopback by their query; yield the URL.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {key: text for key, [text] in parse_qs(urlsplit(self.path).query).items()}
            status, document = answer(query)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def temporary(number: int, **lifetime: int) -> dict[str, str]:
    expiration = datetime.now(UTC) + timedelta(**lifetime)
    return {
        "AccessKeyId": f"STS.{number}",
        "AccessKeySecret": "temporary-secret",
        "SecurityToken": f"TOKEN.{number}",
        "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def test_default_chain_renews_what_expires(tmp_path: Path) -> None:
    """Credentials that are about to expire are fetched again for the next call."""
    asked: list[Mapping[str, str]] = []

    def answer(query: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        asked.append(query)
        return 200, {"Code": "Success", **temporary(len(asked), minutes=10)}

    with http_server(answer) as url:
        done = run(CALL + "call(None)", tmp_path, ALIBABA_CLOUD_CREDENTIALS_URI=f"{url}/me")

    assert (done.stdout, done.stderr) == ("STS.1 TOKEN.1\nSTS.2 TOKEN.2\n", "")


def test_pod_that_is_the_role_does_not_assume_it_twice(tmp_path: Path) -> None:
    """Where the pod's OIDC role is the role asked for, only the OIDC token is used."""
    done = run(
        CALL + f"call({ROLE!r})",
        tmp_path,
        ALIBABA_CLOUD_ROLE_ARN=ROLE,
        ALIBABA_CLOUD_OIDC_PROVIDER_ARN="acs:ram::1234567890:oidc-provider/ack",
        ALIBABA_CLOUD_OIDC_TOKEN_FILE=str(tmp_path / "missing"),
    )

    assert done.stdout == (
        "CredentialsError cannot assume the OIDC role of this pod: FileNotFoundError\n" * 2
    )


class Sts:
    """
    A stand-in for STS that hands out numbered credentials, and keeps the queries.
    """

    def __init__(self, **lifetime: int) -> None:
        self.queries: list[Mapping[str, str]] = []
        self.refuses = False
        self._lifetime = lifetime

    def __call__(self, query: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        self.queries.append(query)
        if self.refuses:
            return 403, {"Code": "NoPermission", "Message": f"You sent {dict(query)}"}
        return 200, {"Credentials": temporary(len(self.queries), **self._lifetime)}


@pytest.mark.filterwarnings(LIBRARY_USES_UTCNOW)
def test_role_is_assumed_with_the_given_credentials() -> None:
    """STS is asked once for credentials that last, by the identity that was given."""
    sts = Sts(hours=1)
    user = Credentials("AKID", "SECRET", "TOKEN-of-user")

    with http_server(sts) as url:
        source = assumed_role(ROLE, user, url)
        found = [source(), source()]

    assert found == [Credentials("STS.1", "temporary-secret", "TOKEN.1")] * 2
    assert len(sts.queries) == 1
    assert {
        "Action": "AssumeRole",
        "AccessKeyId": "AKID",
        "SecurityToken": "TOKEN-of-user",
        "RoleArn": ROLE,
        "RoleSessionName": "chaosfailover",
    }.items() <= sts.queries[0].items()


@pytest.mark.filterwarnings(LIBRARY_USES_UTCNOW)
def test_role_is_assumed_anew_before_it_expires() -> None:
    """Each signature asks, and what is about to expire is replaced."""
    with http_server(Sts(minutes=10)) as url:
        source = assumed_role(ROLE, Credentials("AKID", "SECRET"), url)
        found = [source().access_key_id, source().access_key_id]

    assert found == ["STS.1", "STS.2"]


@pytest.mark.filterwarnings(LIBRARY_USES_UTCNOW)
def test_role_that_cannot_be_renewed_is_used_while_it_lasts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A failing STS must not keep anyone from stopping a test with valid credentials."""
    sts = Sts(minutes=10)

    with http_server(sts) as url:
        source = assumed_role(ROLE, Credentials("AKID", "SECRET"), url)
        first = source()
        sts.refuses = True
        second = source()

    [message] = caplog.messages
    assert second == first
    assert message == (
        "the credentials could not be renewed and are used once more: "
        f"cannot assume the role {ROLE}: HTTP 403, NoPermission"
    )


@pytest.mark.filterwarnings(LIBRARY_USES_UTCNOW)
def test_role_that_is_refused(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The error tells status and code; neither it nor any log quotes what was sent."""
    caplog.set_level(logging.DEBUG)
    sts = Sts()
    sts.refuses = True

    with (
        http_server(sts) as url,
        pytest.raises(
            CredentialsError, match=f"^cannot assume the role {ROLE}: HTTP 403, NoPerm"
        ) as caught,
    ):
        assumed_role(ROLE, Credentials("AKID", "SECRET", "TOKEN-of-user"), url)()

    logged = repr([vars(record) for record in caplog.records]) + "".join(capfd.readouterr())
    assert sts.queries[0]["SecurityToken"] == "TOKEN-of-user"
    assert "TOKEN-of-user" not in logged
    assert caught.value.__context__ is None


@pytest.mark.filterwarnings(LIBRARY_USES_UTCNOW)
def test_sts_that_cannot_be_reached() -> None:
    """The library would quote the whole request; the error names only its kind."""
    with http_server(Sts()) as url:
        pass

    with pytest.raises(
        CredentialsError,
        match=rf"^cannot assume the role {ROLE}: the token service did not answer$",
    ):
        assumed_role(ROLE, Credentials("AKID", "SECRET", "TOKEN-of-user"), url)()


@pytest.mark.filterwarnings(LIBRARY_USES_UTCNOW)
def test_signal_gets_through_while_a_role_is_assumed() -> None:
    """What a signal handler raises leaves the wait, though the library swallows everything."""
    released = Event()

    def interrupt(*_: object) -> None:
        raise InterruptExecution("SIGTERM")

    def answer(_: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        os.kill(os.getpid(), signal.SIGTERM)
        released.wait(10)
        return 500, {}

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        with http_server(answer) as url:
            source = assumed_role(ROLE, Credentials("AKID", "SECRET"), url)
            try:
                with pytest.raises(InterruptExecution):
                    source()
            finally:
                released.set()
    finally:
        signal.signal(signal.SIGTERM, before)
