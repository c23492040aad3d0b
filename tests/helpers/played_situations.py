"""
Situations that a real run can be put into: `chaos run` against an emulator of its own.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

from drills import action, python, shell
from live import CHAOS, Cloud, Runner, emulated_cloud
from processes import wait_for_watchdogs
from situations import Situation

__all__ = ["PLAYED", "SHOWN_ELSEWHERE", "more", "play"]

Document = dict[str, Any]

TOPOLOGIES = {
    "late": "health-check",
    "open": "broken-standby",
    "long and open": "broken-standby",
    "flapping": "lossy-standby",
}
QUICK = {"interval": 0.1, "timeout": 0.5, "rto": 0.5}
"""Times with which a failover of 0.9 s is too long."""
TIMES: dict[str, Document] = {"long": QUICK, "open": {"rto": 20.0}}
MINUTES = {"late": 6.0, "open": 6.0}
"""The wait ends a tenth before the planned end: before anything has settled."""
LONG_BACK = (
    "portal was down for up to # s after the cut of drill was stopped, longer than its RTO of # s."
)
PROVEN = (
    "The survivors of drill were proven by routes: "
    "they carry all of the # prefixes that the cut takes."
)
"""What the routes of the emulated network prove before each cut."""
MORE = {
    "flapping": LONG_BACK,
    "an abort": "portal was still down when the measurement ended.",
}
"""What a real run has to say besides: a path is lossy on the way back too."""
OPERATOR = f"sleep 7; {CHAOS[0]} --no-version-check failover stop --all --yes"
PORTAL = {
    "type": "probe",
    "name": "portal",
    "tolerance": 0,
    "provider": shell("true"),
}
FAILS_AFTER = {**PORTAL, "provider": shell("if test -f seen; then exit 1; fi; touch seen")}
FAILS = {**PORTAL, "provider": shell("false")}
PROBES = {"met": PORTAL, "deviated": FAILS_AFTER, "not met before": FAILS}


def play(it: Situation, folder: Path) -> Document:
    """
    Play a situation; return the journal of its run.
    """
    with ExitStack() as opened:
        options = ["--topology", _topology(it), "--minute", str(_minute(it))]
        cloud = opened.enter_context(emulated_cloud(folder, *options))
        opened.callback(wait_for_watchdogs)
        if it.back == "not":
            cloud.fault(fault="stays-down")
        runner = Runner(_experiment(it, cloud), folder, cloud.exports)
        opened.callback(runner.close)
        runner.end()
        return runner.journal


def more(it: Situation) -> list[str]:
    """
    Return the sentences, without numbers, that a real run may have besides.
    """
    return [PROVEN, *(MORE[each] for each in (it.lost, it.trouble) if each in MORE)]


def _topology(it: Situation) -> str:
    if it.target == "half of the flows":
        return "dual-circuit-ecmp"
    if it.target == "external" and it.lost == "late":
        return "dual-circuit"  # its run waits for nothing
    return TOPOLOGIES.get(it.lost, "dual-circuit")


def _minute(it: Situation) -> float:
    if it.target == "external":
        return 60.0
    return 10.0 if it.ended_by == "the plan" else MINUTES.get(it.lost, 60.0)


def _experiment(it: Situation, cloud: Cloud) -> Document:
    arguments = {
        "targets": _targets(it, cloud),
        "minute": _minute(it),
        "restore_timeout": 3.0 if it.back == "not" else 60.0,
        **({"abort_after": 4.0} if it.trouble == "an abort" else {}),
    }
    control = {"type": "python", "module": "chaosfailover.control", "arguments": arguments}
    document: Document = {
        "title": it.name,
        "description": it.name,
        "configuration": {
            "alibaba_cloud_region_id": "cn-hangzhou",
            "alibaba_cloud_vpc_endpoint": {"type": "env", "key": "ALIBABA_CLOUD_ENDPOINT_VPC"},
        },
        "controls": [{"name": "failover", "provider": control}],
        "runtime": {"rollbacks": {"strategy": "always"}},
        "method": list(_method(it)),
        "rollbacks": list(_rollbacks(it)),
    }
    if it.hypothesis != "none":
        probes = [PROBES[it.hypothesis]]
        document["steady-state-hypothesis"] = {"title": "it answers", "probes": probes}
    return document


def _targets(it: Situation, cloud: Cloud) -> Document:
    times = {"rto": 3.0, **TIMES.get(it.lost, {})}
    if it.target in ("without an RTO", "half of the flows"):
        del times["rto"]
    more = {"external": True} if it.target == "external" else {}
    return {} if it.target == "none" else {"portal": {"url": cloud.portal, **times, **more}}


def _method(it: Situation) -> Iterator[Document]:
    circuit = "pc-rehearsal-b" if it.lost == "nothing" else "pc-rehearsal-a"
    minutes = 1 if _minute(it) < 60.0 else 5
    yield action(
        "cut",
        python(
            "create_failover_test",
            name="drill",
            resource_ids=[circuit],
            duration_minutes=minutes,
            start=True,
        ),
    )
    if it.trouble == "a failed probe":
        failing = python("bgp_session_status", "probes", bgp_peer_id="bgp-rehearsal-a", until=["x"])
        failing["arguments"]["timeout"] = 0.1
        yield {"type": "probe", "name": "look", "provider": failing}
    if it.target in ("none", "external"):
        yield action("rest", shell("sleep 3"))
    if it.ended_by == "the plan":
        yield action("rest", shell("sleep 13"))
    if it.ended_by == "somebody else":
        yield action("rest", shell(OPERATOR))
    if it.ended_by == "the method":
        yield action("stop", python("stop_failover_test", test="drill"))


def _rollbacks(it: Situation) -> Iterator[Document]:
    if it.rollbacks != "none":
        yield action("bring back", python("stop_failover_test", test="drill"))
    if it.rollbacks == "failed":
        yield action("mail", shell("false"))


def _ends() -> Iterator[Situation]:
    losses = ("nothing", "short", "late", "long", "flapping")
    for ended_by, lost in product(("a rollback", "the method", "the guard"), losses):
        yield _ended(ended_by, lost=lost)
    for ended_by, lost in product(("a rollback", "the method"), ("open",)):
        yield _ended(ended_by, lost=lost)
    for ended_by, lost in product(("somebody else", "the plan"), ("nothing", "short")):
        yield _ended(ended_by, lost=lost)
    for ended_by in ("a rollback", "the guard"):
        yield _ended(ended_by, back="not")


def _ended(ended_by: str, **more: str) -> Situation:
    rollbacks = "none" if ended_by == "the guard" else "as planned"
    return Situation(ended_by=ended_by, rollbacks=rollbacks, **more)


TARGETS = {
    "without an RTO": ("nothing", "short", "late", "long", "open", "long and open", "flapping"),
    "external": ("nothing", "short", "late", "open"),
    "half of the flows": ("short",),
    "none": ("short",),
}


def _evidence() -> Iterator[Situation]:
    for target, losses in TARGETS.items():
        yield from (Situation(target=target, lost=lost) for lost in losses)
    for hypothesis, target in product(("deviated", "none"), ("with an RTO", "none", "external")):
        yield Situation(hypothesis=hypothesis, target=target)
    for lost in ("short", "late"):
        yield Situation(rollbacks="failed", lost=lost)
    for hypothesis in ("deviated", "none"):
        yield Situation(hypothesis=hypothesis, lost="late")
    yield Situation(trouble="an abort", lost="long and open")
    yield Situation(trouble="a failed probe")


PLAYED = [it.name for it in (*_ends(), *_evidence())]

SHOWN_ELSEWHERE = {
    "trouble: a signal": "run/test_settling.py::test_signal_ends_the_wait",
    "trouble: a safeguard": "run/test_toolkit.py::test_safeguard_aborts_wherever_it_is_declared",
    "ended by: the guard; rollbacks: idle": (
        "run/test_toolkit.py::test_rollback_of_another_test_is_told"
    ),
    "ended by: nobody": "safety/test_restore.py::test_what_cannot_be_stopped_is_reported",
    "as planned": "test_experiments.py::test_rehearsal_holds",
    "back: not": "safety/test_seen_back.py::test_stopped_is_not_back",
    "ended by: somebody else": (
        "safety/test_seen_back.py::test_recovery_by_an_early_end_is_no_failover"
    ),
}
"""Situations of which a real run in the suite shows the verdict."""
