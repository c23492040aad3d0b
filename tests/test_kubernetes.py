"""
The manifests: Kubernetes takes them, and the command of the container survives SIGTERM.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from accounts import plan_for
from kubernetes_validate.utils import all_versions
from live_runs import cloud, environment, statuses, wait_until
from places import EXPERIMENTS
from processes import ended

from chaosfailover.run.settings import Settings

KUBERNETES = EXPERIMENTS / "kubernetes"
BASE = sorted(path.name for path in (KUBERNETES / "base").glob("*.yaml"))
MANIFESTS = [name for name in BASE if name != "kustomization.yaml"]
RUNNING = ["game-day.yaml", "game-day-now.yaml"]
NEWEST = sorted({tuple(map(int, each.split(".")[:2])) for each in all_versions()})[-3:]
# The second way needs no privileges, where the system has user namespaces for everybody.
PID_NAMESPACES = (
    ["unshare", "--pid", "--fork", "--mount-proc"],
    ["unshare", "--user", "--pid", "--fork", "--mount-proc"],
)


def manifest(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((KUBERNETES / name).read_text(encoding="utf-8"))
    return document


def job_of(document: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = document["spec"]
    return spec["jobTemplate"]["spec"] if document["kind"] == "CronJob" else spec


def pod_of(document: dict[str, Any]) -> dict[str, Any]:
    if document["kind"] == "ChaosToolkitExperiment":
        pod: dict[str, Any] = document["spec"]["pod"]["template"]["spec"]
        return pod
    template: dict[str, Any] = job_of(document)["template"]["spec"]
    return template


@pytest.mark.parametrize("version", [".".join(map(str, each)) for each in NEWEST])
@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest_is_valid(name: str, version: str) -> None:
    """Each is what the schemas of the three newest versions ask for, and has no field beside."""
    document = manifest(f"base/{name}")

    assert kubernetes_validate.validate(document, version, strict=True) == version


def test_a_misspelt_field_would_be_found() -> None:
    """The schemas are strict: what they do not know is refused."""
    document = manifest("base/game-day.yaml")
    pod_of(document)["terminationGracePeriod"] = 1200

    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGracePeriod"):
        kubernetes_validate.validate(document, ".".join(map(str, NEWEST[-1])), strict=True)


@pytest.mark.parametrize("version", [".".join(map(str, each)) for each in NEWEST])
def test_pod_for_the_operator_is_valid(version: str) -> None:
    """The operator creates the pod as it is given, so it has to be a whole one."""
    pod = manifest("operator/experiment.yaml")["spec"]["pod"]["template"]

    assert kubernetes_validate.validate(pod, version, strict=True) == version


@pytest.mark.parametrize(
    "name", [*(f"base/{name}" for name in RUNNING), "operator/experiment.yaml"]
)
def test_pod_that_cuts_is_safe(name: str) -> None:
    """Time to bring back what was cut, no second try, and none of the node's rights."""
    pod = pod_of(manifest(name))

    assert pod["terminationGracePeriodSeconds"] > 3 * Settings().restore_timeout
    assert pod["restartPolicy"] == "Never"
    assert pod["shareProcessNamespace"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["command"][0] == "chaos"
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts["records"]["subPathExpr"] == "$(POD_NAME)"
    assert "SECRET" not in json.dumps(pod).upper()


@pytest.mark.parametrize("name", RUNNING)
def test_pods_that_cut_are_the_same(name: str) -> None:
    """On schedule, at once and by the operator, the same pod runs."""
    assert pod_of(manifest(f"base/{name}")) == pod_of(manifest("operator/experiment.yaml"))
    assert job_of(manifest(f"base/{name}"))["backoffLimit"] == 0


@pytest.mark.parametrize("name", ["game-day.yaml", "status.yaml"])
def test_schedules_do_not_overlap(name: str) -> None:
    """A run that lasts keeps the next one from starting, and a missed one is not made up for."""
    spec = manifest(f"base/{name}")["spec"]

    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] <= 600


def test_alarm_asks_every_region() -> None:
    """At all hours it fails if a test is overdue anywhere, and is not run once more."""
    document = manifest("base/status.yaml")

    (container,) = pod_of(document)["containers"]
    assert container["args"] == ["failover", "status", "--all-regions", "--fail-if-overdue"]
    assert document["spec"]["schedule"] == "*/10 * * * *"
    assert job_of(document)["backoffLimit"] == 0


def test_base_lists_every_manifest() -> None:
    """What is not listed is not applied."""
    assert sorted(manifest("base/kustomization.yaml")["resources"]) == MANIFESTS


def test_base_rehearses() -> None:
    """A live run has to be asked for in an overlay."""
    (generator,) = manifest("base/kustomization.yaml")["configMapGenerator"]

    assert "ALIBABA_CLOUD_ENDPOINT_VPC=emulator" in generator["literals"]
    assert "FAILOVER_RECORD=/records/record.json" in generator["literals"]


def overlay_of_the_readme() -> str:
    readme = (KUBERNETES / "README.md").read_text(encoding="utf-8")
    text: str = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)[0]
    return text


def built(overlay: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["kubectl", "kustomize", str(overlay)], check=True, capture_output=True, text=True
    )
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
@pytest.mark.parametrize(
    "folder",
    [
        pytest.param("cn-hangzhou", id="own account"),
        pytest.param("cn-shanghai", id="a second region"),
        pytest.param("1000000000000002/cn-hangzhou", id="another account"),
    ],
)
def test_overlay_of_the_readme_builds(folder: str, tmp_path: Path) -> None:
    """In the folder of any region, Kustomize builds the README's overlay into valid objects."""
    shutil.copytree(KUBERNETES, tmp_path / "experiments" / "kubernetes")
    overlay = tmp_path / "failover-plan" / folder
    overlay.parent.mkdir(parents=True)
    with cloud(tmp_path) as emulator:
        plan_for(emulator, tmp_path, default="https://portal.example.org/?a=1&b")
    (tmp_path / "cn-hangzhou").rename(overlay)
    text = overlay_of_the_readme().replace("cn-hangzhou", Path(folder).name)
    if "/" in folder:
        text = text.replace("../../experiments", "../../../experiments")
    live = "    behavior: merge\n    envs: [targets.env]\n"
    text = text.replace("    behavior: merge\n", live)
    (overlay / "kustomization.yaml").write_text(text, encoding="utf-8")

    objects = built(overlay)

    newest = ".".join(map(str, NEWEST[-1]))
    assert {kubernetes_validate.validate(each, newest, strict=True) for each in objects} == {newest}
    maps = {each["metadata"]["name"]: each for each in objects if each["kind"] == "ConfigMap"}
    assert set(maps["failover-plan"]["data"]) == {"game-day.yaml", "topology.yaml"}
    settings = maps["failover-settings"]["data"]
    assert settings["ALIBABA_CLOUD_REGION_ID"] == Path(folder).name
    portal = settings["FAILOVER_PORTAL_URL_PC_REHEARSAL_A"]
    assert portal == "https://portal.example.org/?a=1&b"
    spaces = {each["metadata"].get("namespace", each["metadata"]["name"]) for each in objects}
    assert spaces == {f"failover-{Path(folder).name}"}


def test_operator_runs_in_the_namespace_of_the_overlay() -> None:
    """The README's command changes where it runs, and not where the operator looks."""
    readme = (KUBERNETES / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^sed '(.*?)' (\S+)", readme, re.MULTILINE)

    done = subprocess.run(
        ["sed", command[0], str(KUBERNETES.parent.parent / command[1])],
        check=True,
        capture_output=True,
        text=True,
    )

    document = yaml.safe_load(done.stdout)
    assert document["spec"]["namespace"] == "failover-cn-hangzhou"
    assert document["metadata"]["namespace"] == "chaostoolkit-crd"


def test_image_lets_its_user_write_where_it_works() -> None:
    """Any chaos command needs to write its log, and the user of the image is not root."""
    recipe = (KUBERNETES / "Containerfile").read_text(encoding="utf-8")
    (folder,) = re.findall(r"^WORKDIR (\S+)", recipe, re.MULTILINE)
    (user,) = re.findall(r"^USER (\d+):", recipe, re.MULTILINE)

    assert f"install --directory --owner {user} --group {user} --mode 2770 {folder}\n" in recipe
    assert recipe.index("install --directory") < recipe.index("USER ")


@cache
def pid_namespace() -> list[str] | None:
    """
    Return the first command that makes a PID namespace here; None if the system allows none.
    """
    for way in PID_NAMESPACES:
        done = subprocess.run([*way, "true"], check=False, capture_output=True)
        if done.returncode == 0:
            return way
    return None


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """
    The command of the container, with its two folders inside the test's.
    """
    (container,) = pod_of(manifest("base/game-day.yaml"))["containers"]
    (tmp_path / "records").mkdir()
    return [
        re.sub(r"^/(records|plan)/", rf"{tmp_path}/\1/", part)
        for part in [*container["command"], *container["args"]]
    ]


def child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    wait_until(lambda: bool(children.read_text().split()))
    return int(children.read_text().split()[0])


@pytest.mark.long
@pytest.mark.skipif(pid_namespace() is None, reason="may not make a PID namespace")
def test_container_brings_back_what_it_cut(command: list[str], tmp_path: Path) -> None:
    """As process 1, the run gets SIGTERM, stops the test and ends long before its grace is over."""
    grace = pod_of(manifest("base/game-day.yaml"))["terminationGracePeriodSeconds"]
    with cloud(tmp_path) as emulator:
        plan_for(emulator, tmp_path)
        (tmp_path / "cn-hangzhou").rename(tmp_path / "plan")
        portal = emulator.service_urls["portal"]
        running = subprocess.Popen(
            [*(pid_namespace() or ()), *command],
            cwd=tmp_path / "records",
            env=environment(
                emulator,
                FAILOVER_PORTAL_URL_PC_REHEARSAL_A=portal,
                FAILOVER_PORTAL_URL_PC_REHEARSAL_B=portal,
                HOME=str(tmp_path),
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with ended(running):
            wait_until(lambda: statuses(emulator) == ["Testing"])
            began = time.monotonic()

            os.kill(child_of(running.pid), signal.SIGTERM)

            assert running.wait(60) == 1
            assert time.monotonic() - began < grace / 10
        assert set(statuses(emulator)) <= {"Stopped"}
    journal = json.loads((tmp_path / "records" / "journal.json").read_text())
    assert journal["status"] == "interrupted"
    assert journal["interruption"]["name"] == "SIGTERM"
