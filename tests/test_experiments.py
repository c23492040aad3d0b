"""
The bundled experiments, run as a user runs them: as processes.
"""

import json
import re
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from chaos_command import ALL, chaos, journal, on_free_ports
from live import emulated_cloud
from own_services import answering, listening
from places import EXPERIMENTS, HELPERS

from chaosfailover.run.settings import Settings

ALWAYS = "game-day.yaml"
HOLDING = [
    pytest.param(name, marks=() if name == ALWAYS else pytest.mark.long)
    for name in sorted({*ALL} - {"broken-standby.yaml"})
]


@pytest.mark.parametrize("name", HOLDING)
def test_rehearsal_holds(name: str, tmp_path: Path) -> None:
    """
    The run completes with exit code 0, every activity succeeds, and the test ends `Stopped`.

    The log shows that it is a rehearsal, each status of the job, and the wait's progress.
    """
    settings = on_free_ports("dual-circuit", tmp_path)

    done = chaos("run", str(EXPERIMENTS / name), folder=tmp_path, **settings)

    log = done.stderr + done.stdout
    assert done.returncode == 0, log
    for expected in ("REHEARSAL", "is Starting", "waiting for Testing", "-> Testing", "is Stopped"):
        assert expected in log, log
    assert re.search(r"Target portal is DOWN \(\w+\) during the cut of ", log), log
    assert re.search(r"Target portal is back after .* s, (during the cut|on the way) ", log), log
    assert "Probe the-portal-answers: met: status 200" in log
    back, *outages, files, command = log[log.index("All tests are Stopped and all ") :].splitlines()
    assert " Established" in back
    assert outages
    assert all("portal: " in outage for outage in outages)
    assert "INFO] Journal: ./journal.json" in files
    assert "chaos failover report ./journal.json -o failover-report.html" in command
    assert "Traceback" not in log
    document = journal(tmp_path)
    assert (document["status"], document["deviated"]) == ("completed", False)
    cuts = document["failover"]["targets"]["portal"]["cuts"]
    assert all(cut["settled"] for cut in cuts)
    activities = [*document["run"], *document["rollbacks"]]
    assert [run["activity"]["name"] for run in activities if run["status"] != "succeeded"] == []
    tolerant = [run for run in document["run"] if "tolerance" in run["activity"]]
    assert all(run["tolerance_met"] is True for run in tolerant)
    stop = next(run for run in activities if run["activity"]["name"].startswith("bring-"))
    assert (stop["output"]["status"], stop["output"]["stopped"]) == ("Stopped", True)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc, to preload a call")
@pytest.mark.parametrize("at", ["embedded", "in another process"])
def test_rehearsal_that_would_judge_wrongly_is_refused(at: str, tmp_path: Path) -> None:
    """Where no connection can be lost, the run ends before its method and says why."""
    settings = on_free_ports("dual-circuit", tmp_path)
    library, code = tmp_path / "deep_backlog.so", HELPERS / "deep_backlog.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, code, "-ldl"], check=True)
    experiment = str(EXPERIMENTS / "circuit-failover.yaml")
    with ExitStack() as stack:
        if at == "embedded":
            settings["LD_PRELOAD"] = str(library)
        else:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("LD_PRELOAD", str(library))
                cloud = stack.enter_context(emulated_cloud(tmp_path))
            settings = {**cloud.exports, "FAILOVER_PORTAL_URL": cloud.portal}

        done = chaos("run", experiment, folder=tmp_path, **settings)

    log = done.stderr + done.stdout
    assert done.returncode == 1
    assert (
        "service portal cannot be emulated here, so the verdict would be wrong: this system accepts"
        " TCP connections that a cut should lose, so a check that only connects would pass during"
        " the cut"
    ) in log
    assert "Traceback" not in log
    assert "Action: " not in log.replace("Action: bring", "").replace("Action: delete", "")


@pytest.mark.long
def test_own_service_is_rehearsed(tmp_path: Path) -> None:
    """What the control calls upstream is cut, comes back, and decides the verdict."""
    settings = on_free_ports("dual-circuit", tmp_path)
    experiment = yaml.safe_load((EXPERIMENTS / "circuit-failover.yaml").read_text("utf-8"))
    (control,) = experiment["controls"]
    copy = tmp_path / "own.yaml"
    with listening(answering) as upstream:
        control["provider"]["arguments"]["upstream"] = {"portal": upstream}
        *_, probe = (
            each
            for each in experiment["steady-state-hypothesis"]["probes"]
            if each["name"] == "the-portal-answers"
        )
        probe["tolerance"] = 204
        copy.write_text(yaml.safe_dump(experiment))

        done = chaos("run", str(copy), folder=tmp_path, **settings)

    document = journal(tmp_path)
    assert done.returncode == 0, done.stderr
    assert document["failover"]["verdict"]["verdict"] == "held"
    assert document["failover"]["settings"]["upstream"] == {"portal": upstream}


@pytest.mark.long
@pytest.mark.parametrize(
    ("upstream", "message"),
    [
        ({"shop": "127.0.0.1:1"}, "an upstream is given to 'shop', but the topology's services"),
        ({"portal": "one"}, "upstream.portal is 'one', expected host:port, such as"),
        ("127.0.0.1:1", "upstream is '127.0.0.1:1', expected a mapping of services to addresses"),
    ],
)
def test_wrong_upstream_is_refused(upstream: object, message: str, tmp_path: Path) -> None:
    experiment = yaml.safe_load((EXPERIMENTS / "circuit-failover.yaml").read_text("utf-8"))
    experiment["controls"][0]["provider"]["arguments"]["upstream"] = upstream
    copy = tmp_path / "own.yaml"
    copy.write_text(yaml.safe_dump(experiment))

    done = chaos("run", str(copy), folder=tmp_path, **on_free_ports("dual-circuit", tmp_path))

    assert done.returncode == 1
    assert message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.long
def test_broken_standby_is_found(tmp_path: Path) -> None:
    """The weakness deviates the run, which exits 1, and the circuit is back afterwards."""
    settings = on_free_ports("broken-standby", tmp_path)

    done = chaos("run", str(EXPERIMENTS / "broken-standby.yaml"), folder=tmp_path, **settings)

    assert done.returncode == 1
    document = journal(tmp_path)
    assert document["deviated"] is True
    assert document["steady_states"]["before"]["steady_state_met"] is True
    failed = document["steady_states"]["after"]["probes"][-1]
    assert failed["activity"]["name"] == "the-portal-answers"
    stop = document["rollbacks"][0]["output"]
    assert (stop["status"], stop["stopped"]) == ("Stopped", True)


@pytest.mark.parametrize("name", ALL)
def test_experiment_is_valid_without_credentials(name: str, tmp_path: Path) -> None:
    """`chaos validate` needs nothing but the file."""
    done = chaos("validate", str(EXPERIMENTS / name), folder=tmp_path, HOME=str(tmp_path))

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ALL)
def test_every_environment_entry_has_a_default(name: str) -> None:
    """An experiment runs as it is; and only one that is told to leaves the emulator."""
    configuration = yaml.safe_load((EXPERIMENTS / name).read_text(encoding="utf-8"))[
        "configuration"
    ]
    from_environment = [one for one in configuration.values() if isinstance(one, dict)]

    assert [one["key"] for one in from_environment if "default" not in one] == []
    endpoint = configuration["alibaba_cloud_vpc_endpoint"]
    assert "emulator" in (endpoint, endpoint["default"] if isinstance(endpoint, dict) else None)


@pytest.mark.parametrize("name", ALL)
def test_record_is_written_where_the_environment_says(name: str) -> None:
    """Without FAILOVER_RECORD there is none; it needs no change of the experiment."""
    experiment = yaml.safe_load((EXPERIMENTS / name).read_text(encoding="utf-8"))
    entry = experiment["configuration"]["record"]

    assert (entry["key"], Settings.parse({"record": entry["default"]}).record) == (
        "FAILOVER_RECORD",
        "",
    )
    (control,) = experiment["controls"]
    assert control["provider"]["arguments"]["record"] == "${record}"


@pytest.mark.parametrize("name", ALL)
def test_rollbacks_are_always_played(name: str) -> None:
    """The toolkit's default plays no rollback when a run is interrupted."""
    experiment = yaml.safe_load((EXPERIMENTS / name).read_text(encoding="utf-8"))

    assert experiment["runtime"]["rollbacks"]["strategy"] == "always"


def test_unknown_argument_of_the_control_is_refused(tmp_path: Path) -> None:
    """`chaos validate` names the argument and those that exist."""
    experiment = yaml.safe_load((EXPERIMENTS / "circuit-failover.yaml").read_text(encoding="utf-8"))
    experiment["controls"][0]["provider"]["arguments"] = {"topologie": "dual-circuit"}
    (tmp_path / "wrong.json").write_text(json.dumps(experiment), encoding="utf-8")

    done = chaos("validate", "wrong.json", folder=tmp_path)

    assert done.returncode == 1
    assert "no argument 'topologie' (did you mean topology?)" in done.stdout + done.stderr


def test_missing_control_cuts_nothing(tmp_path: Path) -> None:
    """Without the control there is no run, and it says what is missing."""
    experiment = yaml.safe_load((EXPERIMENTS / "circuit-failover.yaml").read_text(encoding="utf-8"))
    del experiment["controls"]
    del experiment["steady-state-hypothesis"]
    (tmp_path / "wrong.json").write_text(json.dumps(experiment), encoding="utf-8")

    done = chaos("run", "wrong.json", folder=tmp_path)

    assert "chaosfailover.control" in done.stdout + done.stderr
    assert journal(tmp_path)["run"] == []
