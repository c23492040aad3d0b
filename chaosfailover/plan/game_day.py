"""
The game day of a region: its tests one after another, in one experiment.
"""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

import yaml

from chaosfailover.plan.choice import PlannedTest, RegionPlan
from chaosfailover.plan.experiments import (
    TOPOLOGY,
    export,
    extension,
    folder_of,
    test_name,
)
from chaosfailover.plan.portals import Portal
from chaosfailover.plan.reading import loaded

__all__ = ["GAME_DAY", "game_day"]

GAME_DAY = "game-day.yaml"

COMMENT = """\
# Tests {count} circuits of {region_id} one after another; each is back before the next is cut.
#
# As it is, this is a rehearsal on the embedded emulator, run from the folder of the plan:
#
#   chaos run {file}
#
# A live run really shuts the circuits down. It has to be asked for:
#
#   export ALIBABA_CLOUD_ENDPOINT_VPC=cloud
{exports}
"""

MINUTES = 5
PER_ENTRY = ("test_name", "circuit_id", "standby_circuit_id", "bgp_peer_id", "standby_bgp_peer_id")

Document = dict[str, Any]


def game_day(template: str, plan: RegionPlan, portals: Mapping[str, Portal]) -> str:
    """
    Write the experiment of a region from the activities of the bundled one.
    """
    model: Document = loaded("the template", template)
    text = COMMENT.format(
        count=len(plan.tests),
        region_id=plan.place.region_id,
        file=folder_of(plan) / GAME_DAY,
        exports="\n".join(export(portals[test.circuit_id]) for test in plan.tests),
    )
    document = {
        "version": model["version"],
        "title": f"{plan.place.region_id} survives the loss of each of its circuits",
        "description": "One circuit at a time is shut down by a failover test while the others "
        "carry its traffic.",
        "tags": model["tags"],
        "extensions": extension(plan.tests),
        "configuration": _configuration(model, plan, portals),
        "controls": _controls(model, plan, portals),
        "runtime": model["runtime"],
        "steady-state-hypothesis": {
            "title": "All circuits are healthy, nothing is being tested, and every portal answers",
            "probes": _probes(model, plan, portals),
        },
        "method": [each for test in plan.tests for each in _method(model, portals, test)],
        "rollbacks": [
            each for test in plan.tests for each in _each(model["rollbacks"], portals, test)
        ],
    }
    return text + yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )


class _Dumper(yaml.SafeDumper):
    """
    Writes what occurs several times in full each time, as a person would.
    """

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - overrides PyYAML's
        return True


def _configuration(model: Document, plan: RegionPlan, portals: Mapping[str, Portal]) -> Document:
    found: Document = {
        key: dict(entry)
        for key, entry in model["configuration"].items()
        if key not in (*PER_ENTRY, "portal_url")
    }
    found["alibaba_cloud_region_id"] = plan.place.region_id
    if plan.place.role_arn:
        found["alibaba_cloud_role_arn"] = plan.place.role_arn
    found["duration_minutes"]["default"] = max(MINUTES, ceil(_pauses(model) * len(plan.tests) / 60))
    found["topology"]["default"] = str(folder_of(plan) / TOPOLOGY)
    entry = model["configuration"]["portal_url"]
    for portal in portals.values():
        found[portal.entry] = {**entry, "key": portal.key, "default": portal.url}
    return found


def _pauses(model: Document) -> float:
    """
    Return how long the pauses of one test are, in seconds; the one after its cut comes twice.
    """
    return 2.0 * sum(sum((activity.get("pauses") or {}).values()) for activity in model["method"])


def _controls(model: Document, plan: RegionPlan, portals: Mapping[str, Portal]) -> list[Document]:
    (control,) = model["controls"]
    arguments = {
        **control["provider"]["arguments"],
        "targets": {
            test.circuit_id: f"${{{portals[test.circuit_id].entry}}}" for test in plan.tests
        },
    }
    return [{**control, "provider": {**control["provider"], "arguments": arguments}}]


def _probes(model: Document, plan: RegionPlan, portals: Mapping[str, Portal]) -> list[Document]:
    """
    Return the probes of all tests; what looks at the same thing twice is there once.
    """
    found: list[Document] = []
    for test in plan.tests:
        for probe in _each(model["steady-state-hypothesis"]["probes"], portals, test):
            if probe["provider"] not in [each["provider"] for each in found]:
                found.append(probe)
    return found


def _method(
    model: Document, portals: Mapping[str, Portal], test: PlannedTest
) -> Iterator[Document]:
    """
    Yield what one test does: the method, the stop, and the wait for the session.
    """
    method = _each(model["method"], portals, test)
    stop, *_ = _each(model["rollbacks"], portals, test)
    yield from method
    yield stop
    yield _back(method[-1], test)


def _back(down: Document, test: PlannedTest) -> Document:
    provider = down["provider"]
    arguments = {**provider["arguments"], "until": ["Established"]}
    name = f"the-tested-session-is-back-{test.circuit_id}"
    return {**down, "name": name, "provider": {**provider, "arguments": arguments}}


def _each(
    activities: list[Document], portals: Mapping[str, Portal], test: PlannedTest
) -> list[Document]:
    values = {
        "${test_name}": test_name(test),
        "${circuit_id}": test.circuit_id,
        "${standby_circuit_id}": test.standby_circuit_id,
        "${bgp_peer_id}": test.bgp_peer_id,
        "${standby_bgp_peer_id}": test.standby_bgp_peer_id,
        "${portal_url}": f"${{{portals[test.circuit_id].entry}}}",
        "portal": test.circuit_id,
    }
    return [
        {**_with(activity, values), "name": f"{activity['name']}-{test.circuit_id}"}
        for activity in activities
    ]


def _with(value: Any, values: Mapping[str, str]) -> Any:
    """
    Replace every text of a nested value that is one of the keys.
    """
    if isinstance(value, dict):
        return {key: _with(entry, values) for key, entry in value.items()}
    if isinstance(value, list):
        return [_with(entry, values) for entry in value]
    return values.get(value, value) if isinstance(value, str) else value
