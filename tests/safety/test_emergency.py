"""
Nothing that a stop does not need prevents it: real processes on a cloud with TLS.
"""

import datetime as dt
import ipaddress
import json
import os
import resource
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from drills import experiment
from live import (
    CHAOS,
    Cloud,
    Runner,
    clean_environment,
    default_signals,
    emulated_cloud,
    tunnel,
)
from live_runs import wait_until
from processes import ended

from chaosfailover.alibaba.client import VpcClient
from chaosfailover.alibaba.signing import Credentials

STOP = [*CHAOS, "failover", "stop", "--all", "--yes", "--region", "cn-hangzhou", "--timeout", "60"]
NAMES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "REQUESTS_CA_BUNDLE")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

# All of them are many runs: `pytest -m matrix`.
BY_HAND = pytest.mark.matrix
SIGNALS = [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=BY_HAND)]


def certificate(folder: Path) -> Path:
    """
    Write the key and the certificate of the cloud, which is its own authority.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "0.0.0.0")])  # noqa: S104 - a name
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("0.0.0.0"))  # noqa: S104 - a name
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "cloud.pem"
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cloud, Path]]:
    """A cloud behind TLS, and its certificate."""
    folder = tmp_path_factory.mktemp("secure")
    path = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with emulated_cloud(folder) as cloud, tunnel(cloud, context):
        yield cloud, path


@pytest.fixture
def cloud(secure: tuple[Cloud, Path], tmp_path: Path) -> Cloud:
    """The cloud, whose authority lies in the test's own folder as `cloud.pem` and in `hashed`."""
    cloud, path = secure
    cloud.reset()
    (tmp_path / "hashed").mkdir()
    shutil.copy(path, tmp_path)
    shutil.copy(path, tmp_path / "hashed")
    subprocess.run(["openssl", "rehash", tmp_path / "hashed"], check=True)
    return cloud


@pytest.fixture
def cut(cloud: Cloud) -> Cloud:
    """The cloud, on which a test of somebody else runs."""
    key = Credentials(
        cloud.exports["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        cloud.exports["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
    )
    with VpcClient("cn-hangzhou", lambda: key, endpoint=cloud.url) as client:
        job_id = client.create_failover_test_job(
            resource_ids=["pc-rehearsal-a"], job_type="StartNow", job_duration=5
        )
        client.wait_for_status(job_id, "Testing", timeout=30)
    return cloud


def environment(cloud: Cloud, folder: Path, **more: str | None) -> dict[str, str]:
    """
    Return a clean environment with the cloud's authority; None removes a variable.
    """
    whole: Mapping[str, str | None] = {
        **dict.fromkeys((*NAMES, *PROXIES, *map(str.upper, PROXIES))),
        "SSL_CERT_FILE": str(folder / "cloud.pem"),
        **{name: text and text.replace("$HERE", str(folder)) for name, text in more.items()},
    }
    given = clean_environment(**cloud.exports)
    given |= {name: text for name, text in whole.items() if text is not None}
    return {name: text for name, text in given.items() if whole.get(name, "") is not None}


def stop(
    folder: Path, variables: Mapping[str, str], **more: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        STOP,
        cwd=more.pop("cwd", folder),
        env=variables,
        check=False,
        timeout=120,
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
    )


@pytest.mark.long
@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("variables", "named"),
    [
        pytest.param({"HTTPS_PROXY": "bogus://me:pa55@x"}, "HTTPS_PROXY", id="proxy, scheme"),
        pytest.param(
            {"https_proxy": "http://proxy:x"}, "https_proxy", id="proxy, port", marks=BY_HAND
        ),
        pytest.param({"ALL_PROXY": "http://"}, "ALL_PROXY", id="proxy, empty", marks=BY_HAND),
        pytest.param({"ALL_PROXY": "socks5://127.0.0.1:9"}, "ALL_PROXY", id="proxy, SOCKS"),
        pytest.param({"NO_PROXY": "http://[,://,a b,10.0.0.0/99,["}, "", id="exemptions"),
        pytest.param(
            {"SSL_CERT_FILE": "/nowhere.pem", "SSL_CERT_DIR": "$HERE/hashed"},
            "SSL_CERT_FILE",
            id="authorities, missing",
        ),
        pytest.param(
            {"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "$HERE/hashed"},
            "SSL_CERT_FILE",
            id="authorities, empty",
            marks=BY_HAND,
        ),
        pytest.param(
            {"SSL_CERT_FILE": "$HERE", "SSL_CERT_DIR": "$HERE/hashed"},
            "SSL_CERT_FILE",
            id="authorities, a folder",
            marks=BY_HAND,
        ),
        pytest.param(
            {"SSL_CERT_DIR": "/nowhere"}, "", id="authorities, second place", marks=BY_HAND
        ),
        pytest.param({"SSLKEYLOGFILE": "/nowhere/keys"}, "SSLKEYLOGFILE", id="key log"),
        pytest.param(
            {"REQUESTS_CA_BUNDLE": "/nowhere"}, "REQUESTS_CA_BUNDLE", id="library", marks=BY_HAND
        ),
        pytest.param({"HOME": None}, "", id="home, unset"),
        pytest.param({"HOME": "/nowhere"}, "", id="home, missing", marks=BY_HAND),
        pytest.param({"TMPDIR": "/nowhere"}, "", id="temporary files", marks=BY_HAND),
        pytest.param({"LC_ALL": "xx_YY.nonsense"}, "", id="locale"),
        pytest.param(
            {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}, "", id="encoding", marks=BY_HAND
        ),
        pytest.param({"TZ": "Nowhere/Nothing"}, "", id="time zone"),
    ],
)
def test_variable_that_cannot_be_used(
    cut: Cloud, tmp_path: Path, variables: dict[str, str | None], named: str
) -> None:
    """It is named without its password, and the test is stopped without it."""
    done = stop(tmp_path, environment(cut, tmp_path, **variables))

    assert (done.returncode, cut.statuses()) == (0, ["Stopped"]), done.stderr
    assert f"trying without {named}" in done.stderr if named else "trying with" not in done.stderr
    assert "pa55" not in done.stdout + done.stderr


@pytest.mark.parametrize("variables", [{"SSL_CERT_FILE": "/nowhere.pem"}, {"SSL_CERT_FILE": None}])
def test_cloud_that_cannot_be_verified_is_not_called(
    cut: Cloud, tmp_path: Path, variables: dict[str, str | None]
) -> None:
    """Without the company's authority, nothing is sent to who may be anybody."""
    done = stop(tmp_path, environment(cut, tmp_path, **variables))

    assert (done.returncode, cut.statuses()) == (1, ["Testing"])
    assert "cannot be trusted" in done.stderr
    assert ("SSL_CERT_FILE is '/nowhere.pem'" in done.stderr) == bool(variables["SSL_CERT_FILE"])


@pytest.mark.parametrize(
    "streams",
    [
        *(
            pytest.param(each, marks=BY_HAND)
            for each in ("1>&-", "2>&-", "1>/dev/full", "2>/dev/full")
        ),
        pytest.param("1>&- 2>&- 0<&-", marks=pytest.mark.long),
        pytest.param("1>/dev/full 2>/dev/full", marks=BY_HAND),
    ],
)
def test_output_that_cannot_be_written(cut: Cloud, tmp_path: Path, streams: str) -> None:
    """The test is stopped, whoever can read of it."""
    subprocess.run(
        ["sh", "-c", f'"$@" {streams}', "sh", *STOP],
        cwd=tmp_path,
        env=environment(cut, tmp_path),
        check=False,
        timeout=120,
    )

    assert cut.statuses() == ["Stopped"]


@pytest.mark.long
def test_reader_that_has_gone(cut: Cloud, tmp_path: Path) -> None:
    """A broken pipe is no reason to leave a circuit down."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        stop(tmp_path, environment(cut, tmp_path), stdout=pipe, stderr=pipe)

    assert cut.statuses() == ["Stopped"]


@pytest.mark.long
@pytest.mark.sample(1)
@pytest.mark.parametrize("place", ["gone", "/proc"])
def test_folder_that_cannot_be_used(cut: Cloud, tmp_path: Path, place: str) -> None:
    """The toolkit ends where it can write no log; the command does without both."""
    folder = tmp_path / place
    folder.mkdir(exist_ok=True)
    remove = f'rmdir "{folder}"' if place == "gone" else "true"
    command = [sys.executable, "-m", "chaosfailover.cli", *STOP[len(CHAOS) + 1 :]]

    done = subprocess.run(
        ["sh", "-c", f'{remove}; exec "$@"', "sh", *command],
        cwd=folder,
        env=environment(cut, tmp_path, ALL_PROXY="http://"),
        check=False,
        timeout=120,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, cut.statuses()) == (0, ["Stopped"]), done.stderr
    assert "ALL_PROXY is 'http://': expected the URL of a proxy" in done.stderr
    assert done.stdout.endswith(": it was stopped, and what it took is back\n")


def vanish(folder: Path) -> None:
    """
    Take away from a running drill what it has been given.
    """
    (folder / "cloud.pem").write_text("gone", encoding="utf-8")
    shutil.rmtree(folder / "hashed")
    shutil.rmtree(folder / "keys", ignore_errors=True)


@pytest.mark.long
@pytest.mark.parametrize("signum", SIGNALS)
@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({}, id="file"),
        pytest.param(
            {"SSL_CERT_FILE": "", "SSL_CERT_DIR": "$HERE/hashed"}, id="folder", marks=BY_HAND
        ),
        pytest.param({"SSLKEYLOGFILE": "$HERE/keys/log"}, id="key log", marks=BY_HAND),
    ],
)
def test_authorities_that_vanish_during_the_run(
    cloud: Cloud,
    tmp_path: Path,
    variables: dict[str, str | None],
    signum: signal.Signals,
) -> None:
    """Guard and watchdog use what was read before: nothing else would be trusted."""
    (tmp_path / "keys").mkdir()
    runner = Runner(
        experiment("in a pause", "default", cloud.portal),
        tmp_path,
        environment(cloud, tmp_path, **variables),
    )
    with ExitStack() as stack:
        stack.callback(runner.close)
        runner.wait_for("Pausing")
        vanish(tmp_path)

        os.kill(runner.process.pid, signum)
        runner.end()
        wait_until(lambda: cloud.statuses() == ["Stopped"], 30.0)


def close_the_log(process: subprocess.Popen[bytes], folder: Path) -> None:  # noqa: ARG001 - one of several
    """
    Let nobody read the log any more.
    """
    assert process.stderr is not None
    process.stderr.close()


def fill_the_disk(process: subprocess.Popen[bytes], folder: Path) -> None:  # noqa: ARG001 - one of several
    """
    Let the run and its watchdog write to no file any more.
    """
    for pid in (process.pid, *children_of(process.pid)):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, 0))


def remove_the_folder(process: subprocess.Popen[bytes], folder: Path) -> None:  # noqa: ARG001 - one of several
    """
    Take the working directory away.
    """
    shutil.rmtree(folder)


def children_of(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in lists for child in each.read_text().split()]


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit and /proc")
@pytest.mark.parametrize("signum", SIGNALS)
@pytest.mark.parametrize(
    "lose",
    [
        pytest.param(close_the_log, marks=BY_HAND),
        fill_the_disk,
        pytest.param(remove_the_folder, marks=BY_HAND),
    ],
)
def test_run_that_can_write_nothing_any_more(
    cloud: Cloud,
    tmp_path: Path,
    lose: Callable[[subprocess.Popen[bytes], Path], None],
    signum: signal.Signals,
) -> None:
    """Guard and watchdog log what they can, and stop the test all the same."""
    folder = tmp_path / "run"
    folder.mkdir()
    document = experiment("in a pause", "always", cloud.portal)
    (folder / "experiment.json").write_text(json.dumps(document), encoding="utf-8")
    process = subprocess.Popen(
        [*CHAOS, "run", "experiment.json"],
        cwd=folder,
        env=environment(cloud, tmp_path),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=default_signals,  # noqa: PLW1509 - it takes no lock
    )
    assert process.stderr is not None
    with ended(process):
        wait_until(lambda: cloud.statuses() == ["Testing"])
        lose(process, folder)

        os.kill(process.pid, signum)
        if not process.stderr.closed:
            process.stderr.read()
            process.stderr.close()
        process.wait(60)

        wait_until(lambda: cloud.statuses() == ["Stopped"], 30.0)
