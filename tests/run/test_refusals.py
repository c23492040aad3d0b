"""
A run that is refused says one cause, ends at once, stops nothing, and leaves a verdict and a
record.
"""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from chaos_command import chaos, free_port, journal, on_free_ports
from client_stand_in import Clock, client_of, error_reply, reply
from client_stand_in import Cloud as Silence
from drills import action, experiment, shell
from live import Cloud, Runner, emulated_cloud, tunnel
from places import EXPERIMENTS

from chaosfailover import actions
from chaosfailover.alibaba import config
from chaosfailover.alibaba.client import VpcClient
from chaosfailover.errors import GuardError
from chaosfailover.safety import guard
from chaosfailover.safety.cut import ApprovedCuts, Cut
from chaosfailover.safety.preflight import PreflightContext, preflight
from chaosfailover.safety.route_checks import RouteChecks, RouteRules

NOTHING_MADE = (
    "This run has created and started no failover test: its rollbacks have none to stop or delete"
)
KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "expired", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "expired"}
DRILL = Cut("drill", ("pc-rehearsal-a",), "PHYSICALCONNECTION", 5)
NO_CUT = "Nothing was cut: no failover test was seen in the status Testing."


def refused(
    folder: Path, experiment: str = "circuit-failover", **settings: str
) -> tuple[str, list[str]]:
    """
    Run a bundled experiment that is refused; return its log, and why it is inconclusive.

    What a busy machine did not measure is left out.
    """
    began = time.monotonic()
    done = chaos(
        "run",
        str(EXPERIMENTS / f"{experiment}.yaml"),
        folder=folder,
        FAILOVER_RECORD="out/record.json",
        **settings,
    )
    log = done.stderr

    assert (done.returncode, time.monotonic() - began < 40) == (1, True), log
    assert log.count("VERDICT: inconclusive. ") == 1
    assert log.count(" CRITICAL] nothing was cut: ") == 1
    assert log.count(NOTHING_MADE) == 1
    assert "failed: chaosfailover" not in log
    assert "None" not in log
    record = json.loads((folder / "out" / "record.json").read_text(encoding="utf-8"))
    entry = journal(folder)["failover"]
    assert record == entry["record"]
    assert record["verdict"] == entry["verdict"]
    return log, [each for each in entry["verdict"]["reasons"] if "was not measured" not in each]


Routes = Callable[[VpcClient], RouteChecks]


@pytest.fixture
def routes_of() -> Iterator[Routes]:
    """What gives a preflight the checks of its routes."""
    with ExitStack() as stack:
        yield lambda client: RouteChecks(
            client, stack.enter_context(client.network_reads()), RouteRules()
        )


@pytest.mark.long
@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        pytest.param(
            {"FAILOVER_TOPOLOGY": "nonsense"}, "topology 'nonsense' is neither", id="topology"
        ),
        pytest.param(
            {"FAILOVER_TOPOLOGY": "nix.yaml"},
            "topology 'nix.yaml': there is no such file beside the experiment or in the working "
            "directory",
            id="topology file",
        ),
        pytest.param(
            {"FAILOVER_PORTAL_URL": "127.0.0.1:28080"},
            "target 'portal': url is '127.0.0.1:28080', expected http, https, tcp, udp or icmp",
            id="url",
        ),
        pytest.param(
            {"FAILOVER_PORTAL_URL": "http://127.0.0.1:66000/"},
            "the port of url 'http://127.0.0.1:66000/' cannot be read, expected 1 to 65535",
            id="port",
        ),
        pytest.param({"FAILOVER_RTO": "soon"}, "rto is 'soon', expected a number", id="rto"),
        pytest.param(
            {"ALIBABA_CLOUD_ENDPOINT_VPC": ""},
            "alibaba_cloud_vpc_endpoint is not set: set it to 'emulator' for a rehearsal",
            id="no endpoint",
        ),
        pytest.param(
            {"ALIBABA_CLOUD_REGION_ID": ""},
            "the configuration has no alibaba_cloud_region_id: set it to a region ID",
            id="no region",
        ),
        pytest.param(
            {"ALIBABA_CLOUD_ENDPOINT_VPC": "emulater", **KEYS},
            "endpoint 'emulater' is neither emulator nor cloud, nor a URL, nor a host with a dot "
            "or a port (did you mean emulator?)",
            id="endpoint",
        ),
        pytest.param(
            {"ALIBABA_CLOUD_ENDPOINT_VPC": "clowd", **KEYS}, "(did you mean cloud?)", id="cloud"
        ),
        pytest.param(
            {"ALIBABA_CLOUD_ROLE_ARN": "admin", "ALIBABA_CLOUD_ENDPOINT_VPC": "cloud"},
            "alibaba_cloud_role_arn is 'admin', expected acs:ram::",
            id="role",
        ),
        pytest.param(
            {"FAILOVER_DURATION_MINUTES": "0"}, "duration_minutes is '0', expected", id="duration"
        ),
    ],
)
def test_wrong_setting(tmp_path: Path, settings: dict[str, str], cause: str) -> None:
    """Whatever it is, it is the one cause, and the log does not say that anything runs live."""
    log, reasons = refused(tmp_path, **settings)

    assert reasons[0].startswith("The run could not begin: ")
    assert cause in reasons[0]
    assert reasons[1:] == [NO_CUT]
    assert " ERROR] " not in log
    assert "LIVE in" not in log.replace("LIVE in cn-hangzhou on cloud", "")


def test_wrong_abort_when(tmp_path: Path) -> None:
    """It is found in the run, with evidence of the refusal."""
    text = (EXPERIMENTS / "circuit-failover.yaml").read_text(encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(text.replace("abort_after: 30.0", "abort_when: nobody"), encoding="utf-8")

    done = chaos("run", "own.yaml", folder=tmp_path)

    assert done.stderr.count("VERDICT: inconclusive. The run could not begin: abort_when is") == 1
    assert "failed: chaosfailover" not in done.stderr
    assert list(tmp_path.glob("failover-*.jsonl"))


@pytest.mark.parametrize(
    ("wrong", "by", "cause"),
    [
        pytest.param("rto: ${rto}", "rto: soon", "rto is 'soon', expected", id="rto"),
        pytest.param(
            "rollbacks:\n  - ",
            "rollback:\n  - ",
            "did you mean rollbacks?",
            id="key",
            marks=pytest.mark.long,
        ),
        pytest.param(
            "  - name: failover\n",
            "  - name: failover\n    scope: before\n",
            "scope is",
            id="scope",
            marks=pytest.mark.long,
        ),
    ],
)
def test_experiment_that_is_not_valid(tmp_path: Path, wrong: str, by: str, cause: str) -> None:
    """The toolkit ends before it calls the control; verdict and record there are."""
    text = (EXPERIMENTS / "circuit-failover.yaml").read_text(encoding="utf-8")
    assert wrong in text
    (tmp_path / "own.yaml").write_text(text.replace(wrong, by), encoding="utf-8")

    done = chaos("run", "own.yaml", folder=tmp_path, FAILOVER_RECORD="record.json")
    record = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    (tmp_path / "record.json").unlink()
    validated = chaos("validate", "own.yaml", folder=tmp_path, FAILOVER_RECORD="record.json")

    assert (done.returncode, done.stderr.count("VERDICT: inconclusive. ")) == (1, 1)
    assert cause in record["verdict"]["reasons"][0]
    assert validated.returncode == 1
    assert "VERDICT" not in validated.stderr
    assert not (tmp_path / "record.json").exists()


def test_unknown_region(tmp_path: Path) -> None:
    """One check tells it, with the regions that exist; no other check repeats it."""
    settings = on_free_ports("dual-circuit", tmp_path)

    log, reasons = refused(tmp_path, ALIBABA_CLOUD_REGION_ID="cn-hangzho", **settings)

    assert log.count(" ERROR] ") == log.count("Preflight: ") == 1
    assert "Preflight: the region answers: NO: InvalidRegionId.NotFound" in log
    assert reasons[0].endswith("; known: cn-hangzhou.")
    assert reasons[1:] == [NO_CUT]


@pytest.mark.long
@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("kind", "setting", "resource_type"),
    [
        pytest.param("circuit", "FAILOVER_CIRCUIT_ID", "PHYSICALCONNECTION", id="circuit"),
        pytest.param("vbr", "FAILOVER_VBR_ID", "VIRTUALBORDERROUTER", id="VBR"),
        pytest.param("bgp-peer", "FAILOVER_BGP_PEER_ID", "BGPPEER", id="BGP peer"),
    ],
)
def test_unknown_resource(tmp_path: Path, kind: str, setting: str, resource_type: str) -> None:
    """The resources that exist are named, and no further check says the same."""
    prefix = {"circuit": "pc", "vbr": "vbr", "bgp-peer": "bgp"}[kind]
    absent, known = f"{prefix}-x", f"{prefix}-rehearsal-a, {prefix}-rehearsal-b"
    settings = on_free_ports("dual-circuit", tmp_path) | {setting: absent}

    log, reasons = refused(tmp_path, f"{kind}-failover", **settings)

    assert log.count(" ERROR] ") == 1
    cause = f"there is no {resource_type} '{absent}' in cn-hangzhou; known: {known}."
    assert reasons == [
        f"The preflight check “{kind}-failover: resources” failed: {cause}",
        NO_CUT,
    ]


@pytest.mark.long
def test_target_on_a_port_that_nobody_serves(tmp_path: Path) -> None:
    """The message has the address, and where the topology serves the target."""
    settings = on_free_ports("dual-circuit", tmp_path)
    served = settings.pop("FAILOVER_PORTAL_URL")
    port = free_port()

    _, reasons = refused(tmp_path, FAILOVER_PORTAL_URL=f"http://127.0.0.1:{port}/", **settings)

    cause = f"http://127.0.0.1:{port} does not answer: refused; the topology serves portal"
    assert reasons == [
        f"The preflight check “target portal” failed: {cause} at {served}.",
        NO_CUT,
    ]


def test_endpoint_that_nobody_serves(tmp_path: Path) -> None:
    """It is given up within seconds, and nothing is stopped that never was."""
    endpoint = f"http://127.0.0.1:{free_port()}"

    log, reasons = refused(tmp_path, ALIBABA_CLOUD_ENDPOINT_VPC=endpoint, **KEYS)

    assert log.count("is tried again in") <= 5
    assert f"nothing listens at {endpoint}: start chaos failover emulator" in reasons[0]
    assert reasons[1:] == [NO_CUT]


def test_signal_in_the_preflight_ends_the_run_at_once(tmp_path: Path) -> None:
    """The rollbacks of a run that has created nothing do not look for its tests."""
    with socket.socket() as silent, ExitStack() as runners:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        document = experiment("in a pause", "always", "http://127.0.0.1:9/")
        del document["controls"][0]["provider"]["arguments"]["targets"]
        exports = {"ALIBABA_CLOUD_ENDPOINT_VPC": endpoint, **KEYS}
        runner = Runner(document, tmp_path, exports)
        runners.callback(runner.close)
        runner.wait_for("LIVE in cn-hangzhou on")
        began = time.monotonic()
        runner.process.send_signal(signal.SIGTERM)
        code = runner.end()

    assert code != 0
    assert time.monotonic() - began < 20
    assert NOTHING_MADE in runner.log


@pytest.fixture
def cloud(tmp_path: Path) -> Any:
    with emulated_cloud(tmp_path) as cloud:
        yield cloud


@pytest.mark.long
def test_lost_reply_to_the_creation_is_no_refusal(cloud: Cloud, tmp_path: Path) -> None:
    """The run never heard that its test began; the rollback stops it."""
    document = experiment("settled", "always", cloud.portal)
    document["rollbacks"].append(action("wait", shell("sleep 1")))
    cloud.fault(fault="lost", operation="CreateFailoverTestJob", dry_run=False, count=100)
    runner = Runner(document, tmp_path, cloud.exports)
    try:
        runner.wait_for("Action: cut-the-circuit")
        while not cloud.statuses():
            time.sleep(0.05)
        runner.process.send_signal(signal.SIGTERM)
        code = runner.end()
    finally:
        runner.close()

    assert code != 0
    assert NOTHING_MADE not in runner.log
    assert cloud.seconds_until_restored() < 10.0
    assert cloud.statuses() == ["Stopped"]


@pytest.mark.long
def test_refused_run_leaves_the_test_of_another(cloud: Cloud, tmp_path: Path) -> None:
    """A second run of an experiment is refused, and does not stop the test of the first."""
    with ExitStack() as runners:
        running = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            document = experiment("in a pause", "always", cloud.portal)
            running.append(Runner(document, tmp_path / name, cloud.exports))
            runners.callback(running[-1].close)
            if name == "first":
                running[0].wait_for("Pausing after activity")
        assert running[1].end() == 1
        assert cloud.statuses() == ["Testing"]
        assert running[1].log.count(NOTHING_MADE) == 1
        running[0].process.send_signal(signal.SIGTERM)
        running[0].end()

    assert cloud.seconds_until_restored() < 10.0


@pytest.mark.usefixtures("guarding")
def test_refused_run_creates_nothing_in_its_rollbacks(
    configuration: Any,
) -> None:
    """So it has nothing to delete either."""
    guard.set_unbegun(unbegun=True)
    try:
        with pytest.raises(GuardError, match="the run ended before its method"):
            actions.create_failover_test("later", ["pc-rehearsal-a"], configuration=configuration)
        assert actions.delete_failover_test("later", configuration=configuration) == {
            "test": "later",
            "job_id": None,
            "deleted": False,
        }
    finally:
        guard.set_unbegun(unbegun=False)


@pytest.mark.parametrize("has_sent", [True, False])
def test_stops_of_a_refused_run(guarding: guard.Guard, configuration: Any, has_sent: bool) -> None:
    """By name it stops what it may have started, whatever it is called; the sweep stops all."""
    actions.create_failover_test(
        "drill", ["pc-rehearsal-a"], start=True, configuration=configuration
    )
    assert guarding.has_sent
    guarding.has_sent = has_sent
    guard.set_unbegun(unbegun=True)
    try:
        stopped = actions.stop_failover_test("drill", configuration=configuration)
        swept = actions.stop_running_failover_tests(configuration=configuration)
    finally:
        guard.set_unbegun(unbegun=False)

    assert stopped["stopped"] is has_sent
    assert [each["stopped"] for each in swept] == ([] if has_sent else [True])


def test_what_the_method_never_sent_is_not_stopped(guarding: guard.Guard) -> None:
    """An endpoint that has gone before the creation is not asked for the test."""
    guarding.approve(ApprovedCuts((Cut("drill", ("pc-a",), "PHYSICALCONNECTION", 5),), ""), {})
    nowhere = {
        "alibaba_cloud_region_id": "cn-hangzhou",
        "alibaba_cloud_vpc_endpoint": f"http://127.0.0.1:{free_port()}",
    }

    outcome = actions.stop_failover_test("drill", configuration=nowhere)

    assert outcome["reason"] == "this run has neither created nor started it"
    guarding.has_sent = True
    assert not guard.has_made_nothing("drill")


def test_what_the_method_only_starts_is_stopped(guarding: guard.Guard) -> None:
    """The test existed before the run, so others may have started it."""
    cut = Cut("drill", ("pc-a",), "PHYSICALCONNECTION", 5, job_id="ftj-1")
    guarding.approve(ApprovedCuts((cut,), ""), {})

    assert not guard.has_made_nothing("drill")


NO_REGION = error_reply("InvalidRegionId.NotFound", 404)
NO_NAME = httpx.ConnectError("Name or service not known")


@pytest.mark.parametrize(
    ("answer", "regions", "said"),
    [
        pytest.param(NO_REGION, ["cn-beijing"], "; known: cn-beijing", id="refused"),
        pytest.param(NO_NAME, ["cn-beijing"], "; known: cn-beijing", id="no such host"),
        pytest.param(NO_NAME, ["cn-hangzhou"], "Name or service not known", id="no network"),
        pytest.param(NO_NAME, [], "Name or service not known", id="no list"),
        pytest.param(
            NO_REGION, [f"r-{n:02}" for n in range(12)], "r-08, r-09 and 2 more", id="many"
        ),
    ],
)
def test_region_is_told_with_those_that_exist(
    answer: httpx.Response, regions: list[str], said: str, routes_of: Routes
) -> None:
    """Only if it is none of them; there is no further check."""
    with client_of(Silence([answer] * 9), attempts=1) as client:
        flight = PreflightContext(
            client, [DRILL], 60.0, 1, routes_of(client), regions=lambda: regions
        )

        (check,) = preflight(flight)

    assert not check.passed
    assert check.detail.endswith(said)


def test_region_that_throttles_is_waited_for(routes_of: Routes) -> None:
    """It answers, so it is not given up like one that does not."""
    throttled, clock = error_reply("Throttling.User", 400), Clock()
    none = reply(FailoverTestJobList=[], TotalCount=0)
    with client_of(Silence([*[throttled] * 7, none, *[NO_NAME] * 9]), clock, attempts=9) as client:
        checks = preflight(PreflightContext(client, [DRILL], 60.0, 1, routes_of(client)))

    assert (checks[0].name, checks[0].passed) == ("the region answers", True)
    assert sum(clock.slept) > 5


def test_test_that_does_not_exist_is_told_with_those_that_do(
    configuration: Any, routes_of: Routes
) -> None:
    """An experiment that only starts a test names it; a slip is found before anything else."""
    actions.create_failover_test("quarterly", ["pc-rehearsal-a"], configuration=configuration)
    with config.client(configuration, {}) as client:
        flight = PreflightContext(client, [], 60.0, 1, routes_of(client), started=["quaterly"])
        known = PreflightContext(client, [], 60.0, 1, routes_of(client), started=["quarterly"])

        checks, passed = preflight(flight), preflight(known)

    assert [check.name for check in checks if not check.passed] == ["quaterly: exists"]
    assert checks[-1].detail.endswith("has the name 'quaterly'; known: quarterly")
    assert all(check.passed for check in passed)
    assert [cut.test for cut in known.cuts] == ["quarterly"]


def test_topology_beside_the_experiment(tmp_path: Path) -> None:
    """A file is found relative to the experiment, whatever the working directory is."""
    place, elsewhere = tmp_path / "place", tmp_path / "elsewhere"
    place.mkdir()
    elsewhere.mkdir()
    (place / "own.yaml").write_text("extends: nonsense\n", encoding="utf-8")
    (place / "run.yaml").write_bytes((EXPERIMENTS / "circuit-failover.yaml").read_bytes())

    done = chaos("run", "../place/run.yaml", folder=elsewhere, FAILOVER_TOPOLOGY="own.yaml")

    assert "own.yaml': extends is 'nonsense'" in done.stderr


def test_live_run_outside_of_its_windows_cuts_nothing(cloud: Cloud, tmp_path: Path) -> None:
    """It is refused before anything is created, with the times in the cause."""
    today = datetime.now(UTC).date()
    document = experiment("settled", "always", cloud.portal)
    document["controls"][0]["provider"]["arguments"] |= {
        "allowed_windows": ["Mon-Sun 00:00-24:00 UTC"],
        "blackout_dates": {"from": f"{today}", "to": f"{today + timedelta(days=1)}"},
        "targets": {},
    }
    with tunnel(cloud) as live, ExitStack() as runners:
        runner = Runner(document, tmp_path, live.exports)
        runners.callback(runner.close)
        code = runner.end()

        assert cloud.statuses() == []
        assert cloud.sent("StartFailoverTestJob") == 0
    reasons = runner.journal["failover"]["verdict"]["reasons"]
    assert code == 1
    assert reasons[0].startswith("The preflight check “allowed times” failed: it could run from ")
    assert reasons[1:] == [NO_CUT]
    assert "This run started no failover test: there is nothing to bring back" in runner.log
