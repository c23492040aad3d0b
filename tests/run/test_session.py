"""
A session that may not begin opens nothing, and a session without an end logs an error.
"""

import json
import socket
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaos_command import free_port
from chaoslib.exceptions import InterruptExecution, InvalidControl

from chaosfailover import actions, control
from chaosfailover.alibaba.client import VpcClient
from chaosfailover.errors import ConfigurationError, PreflightError
from chaosfailover.prober.targets import parse_target
from chaosfailover.run.mode import outside
from chaosfailover.run.session import Session
from chaosfailover.run.settings import Settings
from chaosfailover.safety import guard
from chaosfailover.safety.guarded_test import GuardedTest, Start
from chaosfailover.safety.observation import Observation

Configuration = dict[str, Any]


def session_of(configuration: Configuration, **settings: Any) -> Session:
    return Session(Settings(**settings), {"title": "t", "method": []}, configuration, {})


@pytest.fixture
def rehearsal(tmp_path: Path) -> Session:
    """A session whose emulator is on free ports."""
    services = {name: {"port": 0} for name in ("portal", "echo", "ledger")}
    topology = tmp_path / "topology.yaml"
    topology.write_text(yaml.safe_dump({"extends": "dual-circuit", "services": services}))
    return session_of(
        {"alibaba_cloud_region_id": "cn-hangzhou", "alibaba_cloud_vpc_endpoint": "emulator"},
        topology=str(topology),
        restore_timeout=1.0,
    )


def watching(folder: Path, target: Any, **settings: Any) -> Session:
    """A session whose emulator's portal is on a free port, `{}` in the target's URL."""
    port = free_port()
    services = {"portal": {"port": port}, "echo": {"port": 0}, "ledger": {"port": 0}}
    topology = folder / "topology.yaml"
    topology.write_text(yaml.safe_dump({"extends": "dual-circuit", "services": services}))
    watched = json.loads(json.dumps(target).replace("{}", str(port)))
    configuration = {
        "alibaba_cloud_region_id": "cn-hangzhou",
        "alibaba_cloud_vpc_endpoint": "emulator",
    }
    settings = {"targets": {"it": watched}, "baseline": 0.1} | settings
    return session_of(configuration, topology=str(topology), **settings)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1:1/", id="another port"),
        pytest.param("http://192.0.2.1:28080/", id="another host"),
        pytest.param("udp://127.0.0.1:28080", id="another protocol"),
        pytest.param("icmp://127.0.0.1", id="a host"),
    ],
)
def test_target_that_no_cut_touches(url: str) -> None:
    """It would seem to survive every cut; the services that can be watched are named."""
    services = {"portal": "http://127.0.0.1:28080", "echo": "udp://127.0.0.1:28082"}

    problem = outside(parse_target("it", url), services)

    assert "is no service of the topology" in problem
    assert "portal http://127.0.0.1:28080, echo udp://127.0.0.1:28082" in problem
    assert outside(parse_target("it", {"url": url, "external": True}), services) == ""
    assert outside(parse_target("it", url), None) == ""


def test_target_that_no_cut_touches_is_refused(tmp_path: Path) -> None:
    """Though it answers: it does so from outside of the topology."""
    with socket.create_server(("127.0.0.1", 0)) as own:
        session = watching(tmp_path, f"tcp://127.0.0.1:{own.getsockname()[1]}")

        with pytest.raises(PreflightError, match=r"^target it: .* is no service of the topology"):
            session.begin()

        session.close()


@pytest.mark.parametrize("url", ["http://localhost:{}/", "tcp://127.0.0.1:{}"])
def test_service_of_the_topology_may_be_watched(tmp_path: Path, url: str) -> None:
    """However it is named, and over whatever scheme."""
    session = watching(tmp_path, url)

    session.begin()
    session.close()


@pytest.mark.parametrize(
    ("url", "listens"),
    [("tcp://127.0.0.1:{}", True), ("tcp://127.0.0.1:{}", False), ("http://127.0.0.1:{}/", False)],
)
def test_target_needs_what_its_service_relays_to(tmp_path: Path, url: str, listens: bool) -> None:
    """The emulator accepts in its place: what is not there would seem to answer, or to reset."""
    with socket.create_server(("127.0.0.1", 0)) as service:
        upstream = "{}:{}".format(*service.getsockname())
        if not listens:
            service.close()
        session = watching(tmp_path, url, upstream={"portal": upstream})
        problem = f"^service portal: its upstream {upstream} cannot be reached: Connection refused"

        with nullcontext() if listens else pytest.raises(ConfigurationError, match=problem):
            session.begin()

        session.close()


def test_external_target_may_be_watched(tmp_path: Path) -> None:
    """What the experiment says to be outside of the topology is measured all the same."""
    with socket.create_server(("127.0.0.1", 0)) as outside:
        url = f"tcp://127.0.0.1:{outside.getsockname()[1]}"
        session = watching(tmp_path, {"url": url, "external": True})

        session.begin()
        session.close()


def unreachable() -> VpcClient:
    raise RuntimeError("nobody answers")


@pytest.mark.parametrize("arguments", [{}, {"minute": "long"}])
def test_run_that_does_not_say_where_it_takes_place(arguments: dict[str, Any]) -> None:
    """It is not taken for a live one, not even by the rollbacks that are played all the same."""
    configuration: Configuration = {
        "alibaba_cloud_region_id": "cn-hangzhou",
        "alibaba_cloud_vpc_endpoint": "",
    }

    with pytest.raises(InterruptExecution, match="set it to 'emulator' for a rehearsal"):
        control.before_experiment_control({}, configuration, {}, **arguments)

    control.cleanup_control()
    with pytest.raises(ConfigurationError, match="nothing is called: the run was refused"):
        actions.delete_failover_test("drill", configuration=configuration)


def test_run_that_was_not_concluded_is_loud(
    rehearsal: Session, caplog: pytest.LogCaptureFixture
) -> None:
    """A running test is logged even if no hook is called after the experiment."""
    rehearsal.begin()
    guarding = guard.current()
    assert guarding
    guarding.watch(
        GuardedTest(
            "drill", "cn-hangzhou", 5, unreachable, {}, {}, Observation("drill"), Start("ftj-1")
        )
    )

    rehearsal.close()

    assert "NO VERDICT: the toolkit did not call the control after" in caplog.text
    assert "A FAILOVER TEST MAY STILL BE RUNNING: drill" in caplog.text
    assert "chaos failover stop ftj-1 --region cn-hangzhou" in caplog.text


def test_run_that_was_concluded_is_closed_silently(
    rehearsal: Session, caplog: pytest.LogCaptureFixture
) -> None:
    """It has its verdict, and nothing is left."""
    rehearsal.begin()
    journal: dict[str, Any] = {"status": "completed", "experiment": {}}
    rehearsal.end(journal)
    caplog.clear()

    rehearsal.close()

    assert caplog.text == ""
    assert journal["failover"]["verdict"]["verdict"] == "inconclusive"


PYTHON = {"type": "python", "module": "chaosfailover.control"}


@pytest.mark.parametrize("scope", ["before", "after"])
def test_control_of_one_side_is_refused(scope: str) -> None:
    """A run without verdict would end with exit code 0."""
    with pytest.raises(InvalidControl, match=f"scope is '{scope}'.*: leave scope out"):
        control.validate_control({"name": "failover", "scope": scope, "provider": PYTHON})


def test_scope_that_nobody_validated_is_refused() -> None:
    """Validation can be left out; the run still begins with nothing that it could not end."""
    experiment = {"controls": [{"name": "failover", "scope": "before", "provider": PYTHON}]}
    configuration: Configuration = {"alibaba_cloud_vpc_endpoint": "emulator"}

    with pytest.raises(InterruptExecution, match="scope is 'before', but"):
        control.before_experiment_control(experiment, configuration, {})


def test_run_that_was_never_begun_is_not_completed(caplog: pytest.LogCaptureFixture) -> None:
    """Where the toolkit calls one side alone, the exit code must tell."""
    journal: dict[str, Any] = {"status": "completed"}

    control.after_experiment_control({}, journal)

    assert journal["status"] == "failed"
    assert journal["failover"]["verdict"]["verdict"] == "inconclusive"
    assert "The run could not begin: the toolkit did not call the control before" in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "tcp://p:1",
        "tcp://p:1?sig=Zm9vYmFy",
        "tcp://p:1/correct-horse",
        "https://bob:Zm9vYmFy/rest@host/",
        "https://bob:Zm9vYmFy\u2100rest@host/",
    ],
)
def test_refused_settings_give_no_secret_away(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The message names the value, and the value may be one that nobody is to read."""
    configuration: Configuration = {
        "alibaba_cloud_vpc_endpoint": "emulator",
        "portal_token": "correct-horse",
    }
    secrets = {"portal": {"pin": 48291375, "key": "hunter2hunter2"}}
    journal: dict[str, Any] = {
        "status": "interrupted",
        "experiment": {"secrets": {"portal": {"key": "hunter2hunter2"}}},
    }
    target = {"url": url, "send": 48291375, "expect": "x"}

    with pytest.raises(InterruptExecution) as caught:
        control.before_experiment_control({}, configuration, secrets, targets={"portal": target})
    control.after_experiment_control({}, journal, configuration, secrets)
    control.cleanup_control()

    shown = json.dumps(journal) + str(caught.value) + repr(caught.value.__cause__) + caplog.text
    assert "target 'portal'" in str(caught.value)
    assert [word for word in ("48291375", "hunter2", "Zm9vYmFy", "correct") if word in shown] == []


def test_validation_gives_no_secret_away() -> None:
    """What is wrong is shown before the run too, on the terminal and in the log."""
    arguments = {"targets": {"portal": "ftp://portal.example/?token=Zm9vYmFyZm9v"}}
    provider = {"type": "python", "module": "chaosfailover.control", "arguments": arguments}

    with pytest.raises(InvalidControl, match=r"token=\*\*\*") as caught:
        control.validate_control({"name": "failover", "provider": provider})

    assert "Zm9vYmFyZm9v" not in str(caught.value) + repr(caught.value.__cause__)


def test_refused_list_of_targets_hides_its_queries() -> None:
    """A URL in a message is shown without what its query says."""
    wrong = [{"portal": "https://portal.example/health?sig=Zm9vYmFy"}]
    configuration: Configuration = {"alibaba_cloud_vpc_endpoint": "emulator"}

    with pytest.raises(InterruptExecution) as caught:
        control.before_experiment_control({}, configuration, {}, targets=wrong)

    control.cleanup_control()
    assert "https://portal.example/health?sig=***" in str(caught.value)
    assert "Zm9vYmFy" not in str(caught.value)
