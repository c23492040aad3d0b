"""
`chaos validate` finds what is wrong with an experiment without any network.
"""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaos_command import chaos
from places import EXPERIMENTS

from chaosfailover.errors import FailoverError
from chaosfailover.run.written_values import check_written

ALL = sorted(EXPERIMENTS.glob("*.yaml"))
WRITTEN = yaml.safe_load((EXPERIMENTS / "circuit-failover.yaml").read_text(encoding="utf-8"))


def checked(document: dict[str, Any]) -> None:
    check_written(document, document["controls"][0]["provider"]["arguments"])


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.stem)
def test_bundled_experiments_have_nothing_wrong(file: Path) -> None:
    """They are checked whole."""
    checked(yaml.safe_load(file.read_text(encoding="utf-8")))


@pytest.fixture
def document(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An experiment that a test may spoil."""
    for value in WRITTEN["configuration"].values():
        monkeypatch.delenv(value["key"], raising=False)
    return copy.deepcopy(WRITTEN)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        pytest.param(
            "duration_minutes", 0, "create-the-failover-test: duration_minutes", id="none"
        ),
        pytest.param("duration_minutes", 600, "circuit-failover: duration: 600 min", id="long"),
        pytest.param(
            "circuit_id", "vbr-a", "circuit_id is 'vbr-a', expected an ID of a", id="type"
        ),
        pytest.param("bgp_peer_id", "pc-a", "bgp_peer_id is 'pc-a', expected an ID", id="session"),
        pytest.param("test_name", "ftj-1", "must not begin with 'ftj-'", id="name"),
        pytest.param("topology", "dual", "topology 'dual' is neither one of", id="topology"),
        pytest.param("portal_url", "portal", "url is 'portal'", id="url"),
        pytest.param("rto", "soon", "rto is 'soon'", id="rto"),
        pytest.param(
            "alibaba_cloud_vpc_endpoint", "emulater", "did you mean emulator", id="endpoint"
        ),
        pytest.param(
            "alibaba_cloud_vpc_endpoint", "http://127.0.0.1:99999", "1 to 65535", id="port"
        ),
        pytest.param(
            "alibaba_cloud_vpc_endpoint", "", "alibaba_cloud_vpc_endpoint is not", id="no"
        ),
        pytest.param("alibaba_cloud_region_id", "", "has no alibaba_cloud_region_id", id="region"),
        pytest.param("alibaba_cloud_region_id", "Beijing", "is not a region ID such", id="no ID"),
    ],
)
def test_wrong_value_of_the_configuration(
    document: dict[str, Any], key: str, value: object, message: str
) -> None:
    """Its default is what a run would begin with."""
    document["configuration"][key]["default"] = value

    with pytest.raises(FailoverError, match=message):
        checked(document)


def test_role_of_a_live_run(document: dict[str, Any]) -> None:
    """A rehearsal uses none, so that it does not matter there what it is."""
    document["configuration"]["alibaba_cloud_role_arn"]["default"] = "chaos"
    checked(document)
    document["configuration"]["alibaba_cloud_vpc_endpoint"]["default"] = "cloud"

    with pytest.raises(FailoverError, match="alibaba_cloud_role_arn is 'chaos', expected acs:ram:"):
        checked(document)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"allowed_windows": "Mon-Fri 10:00-16:00"}, "expected days, hours", id="window"
        ),
        pytest.param({"allowed_windows": []}, "expected at least one window", id="no window"),
        pytest.param({"allowed_windows": ""}, "expected at least one window", id="empty"),
        pytest.param(
            {"allowed_windows": ["Mon 10:00-16:00 UTC", ""]}, "is '', expected days", id="one empty"
        ),
        pytest.param({"blackout_dates": []}, "expected at least one date", id="no blackout"),
        pytest.param({"blackout_dates": ""}, "expected at least one date", id="empty blackout"),
        pytest.param({"blackout_dates": [""]}, "expected at least one date", id="list of one"),
        pytest.param(
            {"blackout_dates": ["2026-12-24", ""]}, "has '', expected a date", id="one empty date"
        ),
        pytest.param(
            {"blackout_dates": {"from": "2026-12-24", "to": "2026-W53"}},
            "has '2026-12-24 to 2026-W53', expected a date or two as YYYY-MM-DD",
            id="week",
        ),
        pytest.param({"blackout_dates": ["soon"]}, "blackout_dates has 'soon'", id="blackout"),
        pytest.param(
            {"abort_when": "nobody"}, "abort_when is 'nobody', expected a probe", id="abort"
        ),
        pytest.param(
            {"targets": {"web": "http://a/"}}, "target is 'portal', expected", id="target"
        ),
        pytest.param({"upstream": {"web": "127.0.0.1:1"}}, "web", id="upstream"),
    ],
)
def test_wrong_argument(document: dict[str, Any], arguments: dict[str, Any], message: str) -> None:
    """Names have to be those of this experiment and its topology."""
    document["controls"][0]["provider"]["arguments"] |= arguments

    with pytest.raises(FailoverError, match=message):
        checked(document)


@pytest.mark.parametrize(
    ("func", "arguments", "message"),
    [
        pytest.param(
            "circuit_status", {"circuit_id": "${nothing}"}, "does not define", id="unknown"
        ),
        pytest.param(
            "circuit_status", {"circuit_id": "pc-a", "until": "Enabled"}, "until", id="until"
        ),
        pytest.param(
            "bgp_session_status", {"bgp_peer_id": "bgp-a", "timeout": 0}, "timeout", id="t"
        ),
        pytest.param("surviving_paths", {"resource_ids": ["x"]}, "resource_ids is 'x'", id="IDs"),
        pytest.param("surviving_paths", {"resource_ids": "pc-a"}, "expected a list", id="no list"),
    ],
)
def test_wrong_argument_of_a_probe(
    document: dict[str, Any], func: str, arguments: dict[str, Any], message: str
) -> None:
    """The activity is named."""
    provider = {"type": "python", "module": "chaosfailover.probes", "func": func}
    probe = {"type": "probe", "name": "look", "provider": provider | {"arguments": arguments}}
    document["method"].append(probe)

    with pytest.raises(FailoverError, match=f"look: .*{message}"):
        checked(document)


@pytest.mark.parametrize("place", ["method", "hypothesis"])
@pytest.mark.parametrize(
    ("tolerance", "message"),
    [
        pytest.param("Testng", r"'Testng', .*\(did you mean Testing\?\)$", id="text"),
        pytest.param(["Testing", "Stoped"], r"'Stoped', .*mean Stopped\?\)$", id="a list"),
        pytest.param(
            "up", "'up', .* expected one of Init, Starting, Testing, Stopping, Stopped$", id="other"
        ),
        pytest.param("${wanted}", r"'testing', .*mean Testing\?\)$", id="of the configuration"),
    ],
)
def test_tolerance_that_is_no_status(
    document: dict[str, Any], place: str, tolerance: Any, message: str
) -> None:
    """Whatever the test did, it could not be met."""
    add_status_probe(document, place, tolerance)

    with pytest.raises(FailoverError, match=f"^look: tolerance is {message}"):
        checked(document)


@pytest.mark.parametrize(
    "tolerance",
    [
        pytest.param("Testing", id="text"),
        pytest.param(["Stopping", "Stopped"], id="a list"),
        pytest.param({"type": "regex", "pattern": "^St"}, id="a pattern"),
        pytest.param(None, id="none"),
        pytest.param("${later}", id="not known yet"),
    ],
)
def test_tolerance_that_may_be_met(document: dict[str, Any], tolerance: Any) -> None:
    """What is no text of the experiment is left to the toolkit."""
    add_status_probe(document, "method", tolerance)

    checked(document)


def add_status_probe(document: dict[str, Any], place: str, tolerance: Any) -> None:
    provider = {
        "type": "python",
        "module": "chaosfailover.probes",
        "func": "failover_test_status",
        "arguments": {"test": "${test_name}"},
    }
    probe = {"type": "probe", "name": "look", "provider": provider, "tolerance": tolerance}
    later = {"type": "probe", "name": "later", "provider": provider}
    document["configuration"] |= {"test_name": "drill", "wanted": "testing", "later": later}
    hypothesis = document["steady-state-hypothesis"]["probes"]
    (document["method"] if place == "method" else hypothesis).append(probe)


def test_misspelt_name_of_a_test(document: dict[str, Any]) -> None:
    """A rollback that stops another test than the one that is cut."""
    document["rollbacks"][0]["provider"]["arguments"]["test"] = "circuit-failovr"

    with pytest.raises(FailoverError, match=r"bring-the-circuit-back: .* mean circuit-failover"):
        checked(document)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("alibaba_cloud_role_arm", "alibaba_cloud_role_arn"),
        ("ALIBABA-CLOUD-REGION-ID", "alibaba_cloud_region_id"),
        ("alibaba_cloud_region", "alibaba_cloud_region_id"),
    ],
)
def test_misspelt_key_of_the_configuration(document: dict[str, Any], key: str, meant: str) -> None:
    """The cut would be made in another account, or in another region."""
    configuration = document["configuration"]
    configuration[key] = configuration.pop(meant)

    with pytest.raises(FailoverError) as error:
        checked(document)

    assert str(error.value) == (f"{key!r} in the configuration is not read (did you mean {meant}?)")


def test_keys_of_ones_own_in_the_configuration(document: dict[str, Any]) -> None:
    """They stand beside ours, are variables, or are for the functions of others."""
    document["configuration"] |= {"alibaba_cloud_region_id_2": "cn-shanghai", "region": "a"}
    document["secrets"] = {"s3": {"ACCESS_KEY_ID": "a", "accessKeySecret": "b"}}
    checked(document)

    document["configuration"]["alibaba_cloud_role"] = "drill"
    document["configuration"].pop("alibaba_cloud_role_arn")
    document["method"][0]["provider"]["arguments"]["description"] = "${alibaba_cloud_role}"
    checked(document)


@pytest.mark.parametrize("pause", ["10", -1, float("nan"), float("inf"), "${p}", [1], "soon"])
def test_pause_that_the_toolkit_cannot_sleep(document: dict[str, Any], pause: object) -> None:
    """It would end the run there, once the circuit is cut."""
    document["configuration"]["p"] = {"type": "env", "key": "NOT_SET", "default": "10"}
    document["method"][1]["pauses"] = {"after": pause}

    with pytest.raises(FailoverError, match=r"cut-the-circuit: pauses.after is .*env_var_type"):
        checked(document)

    document["configuration"]["p"] |= {"env_var_type": "float"}
    document["method"][1]["pauses"] = {"after": "${p}", "before": 0}
    checked(document)


@pytest.mark.parametrize(
    "tolerance",
    [
        pytest.param({"type": "range", "range": [0, "${rto}"]}, id="range"),
        pytest.param({"type": "range", "range": [0]}, id="short range"),
        pytest.param({"type": "regex", "pattern": "("}, id="pattern"),
        pytest.param(["${rto}", 204], id="list"),
    ],
)
def test_tolerance_that_cannot_be_evaluated(document: dict[str, Any], tolerance: object) -> None:
    """It would be found once the circuit is cut."""
    document["method"][-1]["tolerance"] = tolerance

    with pytest.raises(FailoverError, match="the-test-is-running: "):
        checked(document)


def test_what_is_not_known_yet_is_left_out(document: dict[str, Any]) -> None:
    """Probes in the configuration run later, and secrets are not read."""
    probe = {"type": "probe", "name": "p", "provider": {"type": "process", "path": "false"}}
    document["configuration"] |= {"circuit_id": probe, "rto": probe}
    document["secrets"] = {"ours": {"bgp": {"type": "env", "key": "NOT_SET"}}}
    arguments = document["steady-state-hypothesis"]["probes"][2]["provider"]["arguments"]
    arguments["bgp_peer_id"] = "${bgp}"

    checked(document)

    document["rollbacks"][0]["provider"]["arguments"]["test"] = "${missing}"
    with pytest.raises(FailoverError, match="bring-the-circuit-back: test is "):
        checked(document)


def test_validate_says_what_is_wrong(tmp_path: Path) -> None:
    """In one line, with exit code 1; a run may get a right value from its command line."""
    file = str(EXPERIMENTS / "circuit-failover.yaml")

    done = chaos("validate", file, folder=tmp_path, FAILOVER_TOPOLOGY="dual")

    assert done.returncode == 1
    assert done.stderr.count("topology 'dual' is neither one of ") == 1
