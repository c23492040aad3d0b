"""
What the toolkit and its other controls decide about a run is what the run is judged by.
"""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaos_command import CHAOS, chaos, journal, on_free_ports
from drills import action, python, shell
from live import clean_environment, default_signals

Document = dict[str, Any]


def drill(
    folder: Path,
    *more: Document,
    topology: str = "dual-circuit",
    first: Sequence[Document] = (),
    last: Sequence[Document] = (),
) -> str:
    """Write an experiment of a cut and more; other controls are first or last."""
    exports = on_free_ports(topology, folder)
    ours = {
        "topology": exports["FAILOVER_TOPOLOGY"],
        "targets": {"portal": exports["FAILOVER_PORTAL_URL"]},
        "rto": 3.0,
    }
    provider = {"type": "python", "module": "chaosfailover.control", "arguments": ours}
    cut = python(
        "create_failover_test",
        name="drill",
        resource_ids=["pc-rehearsal-a"],
        duration_minutes=5,
        start=True,
    )
    document = {
        "title": "drill",
        "description": "drill",
        "configuration": {
            "alibaba_cloud_region_id": "cn-hangzhou",
            "alibaba_cloud_vpc_endpoint": "emulator",
        },
        "controls": [*first, {"name": "failover", "provider": provider}, *last],
        "runtime": {"rollbacks": {"strategy": "always"}},
        "method": [action("cut", cut), *more],
        "rollbacks": [action("bring-back", python("stop_failover_test", test="drill"))],
    }
    file = folder / "experiment.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return str(file)


RARE = [
    pytest.param(strategy, marks=pytest.mark.long) for strategy in ("always", "deviated", "never")
]


@pytest.mark.sample(1)
@pytest.mark.parametrize("strategy", ["default", *RARE])
def test_strategy_of_the_command_line_is_the_one_in_force(tmp_path: Path, strategy: str) -> None:
    """Rollbacks that it left out are not missed, and the guard stops the test."""
    run = chaos("run", "--rollback-strategy", strategy, drill(tmp_path), folder=tmp_path)

    written = journal(tmp_path)
    assert run.returncode == 0, run.stderr
    assert written["failover"]["rollback_strategy"] == strategy
    assert len(written["rollbacks"]) == (strategy in ("always", "default"))
    assert written["failover"]["verdict"]["verdict"] == "held"


BREACHED = {
    "name": "no-breach",
    "type": "probe",
    "frequency": 0.2,
    "provider": shell("test -e breach && echo yes || echo no"),
    "tolerance": {"type": "regex", "target": "stdout", "pattern": "no"},
}
SAFEGUARDS: Document = {
    "name": "safeguards",
    "provider": {
        "type": "python",
        "module": "chaosaddons.controls.safeguards",
        "arguments": {"probes": [BREACHED]},
    },
}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="chaostoolkit-addons needs 3.12")
@pytest.mark.parametrize("place", ["first", pytest.param("last", marks=pytest.mark.long)])
def test_safeguard_aborts_wherever_it_is_declared(tmp_path: Path, place: str) -> None:
    """Its own control notes it after ours has judged, if it is declared after ours."""
    breach = action("breach", shell("touch breach"), pauses={"after": 30})
    first, last = ([SAFEGUARDS], []) if place == "first" else ([], [SAFEGUARDS])
    file = drill(tmp_path, breach, first=first, last=last)

    run = chaos("run", file, folder=tmp_path)

    written = journal(tmp_path)
    verdict = written["failover"]["verdict"]
    assert run.returncode == 1
    assert verdict["verdict"] == "aborted"
    assert verdict["reasons"][0] == "The safeguard no-breach stopped the run."
    assert written["safeguards"]["triggered_by"] == "no-breach"
    assert written["rollbacks"][0]["output"]["status"] == "Stopped"


@pytest.mark.long
def test_rollback_of_another_test_is_told(tmp_path: Path) -> None:
    """Before the cut as a warning, and in the verdict, since the control did the work."""
    file = Path(drill(tmp_path))
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["rollbacks"][0]["provider"]["arguments"]["test"] = "another"
    secrets = {"user": "targets", "name": "drill", "port": "1234567", "vbr": "vbr-rehearsal-a"}
    document["secrets"] = {"db": secrets}
    file.write_text(yaml.safe_dump(document), encoding="utf-8")

    run = chaos("run", str(file), folder=tmp_path)

    written = journal(tmp_path)["failover"]
    warnings = {each["name"]: each["warnings"] for each in written["preflight"]}
    assert run.returncode == 1
    assert "rollbacks" in warnings, run.stderr
    assert warnings["rollbacks"] == ["bring-back stops 'another', which the method does not start"]
    shown = [warning.split()[2] for warning in warnings["secrets"]]
    assert sorted(shown) == ["db.name", "db.port", "db.user", "db.vbr"]
    seen = {each.get("resource_id") for each in written["events"]}
    assert seen >= {"pc-rehearsal-a", "vbr-rehearsal-a", "bgp-rehearsal-a"}
    assert written["verdict"]["verdict"] == "deviated"
    assert "The rollback bring-back did not stop" in written["verdict"]["reasons"][0]
    assert [each["status"] for each in written["stopped"]] == ["Stopped"]


def test_interruption_in_the_middle_of_a_cut_is_no_deviation(tmp_path: Path) -> None:
    """The portal was down for less than its RTO when the signal came, and nobody saw more."""
    hold = action("hold", shell("true"), pauses={"after": 30})
    file = drill(tmp_path, hold, topology="broken-standby")
    with subprocess.Popen(
        [CHAOS, "--no-version-check", "run", file],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell's background job, which these tests may be, ignores some signals.
        preexec_fn=default_signals,  # noqa: PLW1509 - it takes no lock
    ) as process:
        assert process.stdout is not None
        awaited = {"portal is DOWN", "-> Testing"}
        for line in process.stdout:
            awaited -= {each for each in awaited if each in line}
            if not awaited:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    verdict = journal(tmp_path)["failover"]["verdict"]
    assert process.returncode == 1
    assert verdict["verdict"] == "inconclusive"
    assert verdict["reasons"][0] == "The run was interrupted by SIGINT."
