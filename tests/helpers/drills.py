"""
Experiments that stay at a chosen moment until they are interrupted.
"""

import copy
from typing import Any

__all__ = ["BITES", "WORK", "action", "experiment", "python", "shell"]


def python(func: str, module: str = "actions", **arguments: Any) -> dict[str, Any]:
    return {
        "type": "python",
        "module": f"chaosfailover.{module}",
        "func": func,
        "arguments": arguments,
    }


def shell(script: str) -> dict[str, Any]:
    return {"type": "process", "path": "sh", "arguments": ["-c", script]}


def action(name: str, provider: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "action", "name": name, "provider": provider, **more}


WORK = {
    "in a pause": [action("rest", shell("true"), pauses={"after": 60})],
    "in a process action": [action("work-in-a-process", shell("sleep 60"))],
    "in a background action": [
        action("work-in-the-background", shell("sleep 6"), background=True),
        action("rest", shell("true"), pauses={"after": 60}),
    ],
}


BITES = {
    "type": "probe",
    "name": "the-session",
    "provider": python("bgp_session_status", "probes", bgp_peer_id="bgp-rehearsal-a"),
}


def experiment(moment: str, strategy: str, portal: str) -> dict[str, Any]:
    """
    Return an experiment that stays at the moment until it is interrupted, or for a while.
    """
    # The second time that it is read, after the method, the hypothesis takes long.
    slow = "sleep 60" if moment == "in the hypothesis" else "true"
    cut = python(
        "create_failover_test",
        name="drill",
        resource_ids=["pc-rehearsal-a"],
        duration_minutes=2,
        start=True,
    )
    rollbacks = [action("bring-the-circuit-back", python("stop_failover_test", test="drill"))]
    if moment == "in a rollback":
        rollbacks.insert(0, action("roll-back-slowly", shell("sleep 2")))
    document = {
        "title": moment,
        "description": moment,
        "configuration": {
            "alibaba_cloud_region_id": "cn-hangzhou",
            "alibaba_cloud_vpc_endpoint": {"type": "env", "key": "ALIBABA_CLOUD_ENDPOINT_VPC"},
        },
        "controls": [
            {
                "name": "failover",
                "provider": {
                    "type": "python",
                    "module": "chaosfailover.control",
                    "arguments": {"targets": {"portal": portal}, "after_stop": 2.0},
                },
            }
        ],
        "runtime": {"rollbacks": {"strategy": strategy}},
        "steady-state-hypothesis": {
            "title": "quick before, slow after",
            "probes": [
                {**BITES, "tolerance": {"type": "regex", "pattern": "Established|Down"}},
                {
                    "type": "probe",
                    "name": "slow-the-second-time",
                    "tolerance": 0,
                    "provider": shell(f"if test -f seen; then {slow}; fi; touch seen"),
                },
            ],
        },
        "method": [action("cut-the-circuit", cut), BITES, *WORK.get(moment, [])],
        "rollbacks": rollbacks,
    }
    # Tests change what they get.
    return copy.deepcopy(document)
