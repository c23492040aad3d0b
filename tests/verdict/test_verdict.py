"""
What a run proved is told by its journal alone.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from made_journals import (
    activity,
    at,
    changed,
    event,
    held,
    probe,
    reading,
    routed,
    target,
    without,
)
from places import DATA

from chaosfailover.i18n import CATALOGUES
from chaosfailover.verdict.journal import instant, parse
from chaosfailover.verdict.verdict import GRAVITY, ORDER, VERDICTS, judge, review

Journal = dict[str, Any]

JOURNALS = DATA / "journals"
HELD = held()
EVENTS = HELD["failover"]["events"]
PEER: Journal = {"test": "drill", "resource_id": "bgp-a", "resource_type": "BGPPEER"}

AWAY_AGAIN = [
    event(1, "resource", **PEER, status="Established"),
    event(12.1, "resource", **PEER, status="Down"),
    event(21.9, "resource", **PEER, status="Established"),
    event(23, "resource", **PEER, status="Down"),
    event(23, "away", test="drill"),
]

AWAY = (
    "What drill took was back, and is away again: "
    "bgp-a is Down, not Established since 12:00:23 UTC."
)
MET = "The hypothesis was met after the method."
WITHIN = "portal was down for 0.8 to 1 s after the cut of drill, within its RTO of 3 s."
NO_EFFECT = (
    "The cut of drill had no effect: no circuit, VBR or BGP session changed its status, and "
    "nothing was lost soon after it."
)
MAY_START = (
    "Whether drill was started is not known: its start was not answered, and may take effect later."
)
NOT_BACK = {
    "test": "drill",
    "job_id": "ftj-1",
    "status": "Stopped",
    "back": False,
    "not_back": ["bgp-a is Down, not Established since 10:00:00 UTC"],
}
NO_CONTROL = (
    "The journal holds nothing of the control: nothing shows what was cut, and with what effect."
)
NOTHING_CUT = "Nothing was cut: no failover test was seen in the status Testing."
EFFECT_UNREAD = (
    "Nothing was read of the effect of the cut of drill: no status of a circuit, VBR or BGP "
    "session was known both before and during it, and nothing was lost soon after it."
)

ENDED_EARLY = (
    "drill was last seen Testing at 12:00:19 UTC and seen to end at 12:00:20 UTC, before this run "
    "stopped it: somebody else stopped it, or the cloud ended it, which the API does not tell "
    "apart; what recovered then proves no failover."
)
UNSETTLED = (
    "portal had not settled before the cut of drill was stopped at 12:00:20 UTC: "
    "a failover has worked once nothing is lost for 5 s."
)
ENDED_AS_PLANNED = (
    "drill was last seen Testing at 12:00:19 UTC and seen to end at 12:00:20 UTC, when its planned "
    "duration was over and before this run stopped it; what recovered then proves no failover."
)
BACK_EARLY = (
    "The way back of drill may have begun at 12:00:20 UTC, before portal had settled: "
    "a failover has worked once nothing is lost for 5 s."
)

LOST_NOTHING = (
    "portal lost nothing while drill was on; "
    "an outage shorter than its interval of 0.1 s may have gone undetected."
)

KEPT = (
    "The connection that portal keeps was down for 0.8 to 1 s after the cut of drill; "
    "that is not an outage of the network, so no RTO applies."
)
TOO_LONG_AT_STOP = (
    "portal had been down for 8 to 8.1 s, and had not settled, before the way back of drill began: "
    "longer than its RTO of 3 s."
)


def portal(**summary: Any) -> Journal:
    """Return the run that held with another measurement."""
    return changed(HELD, ("failover.targets", {"portal": target(**summary)}))


def cut_result() -> Journal:
    """Return the measurement of the target in the cut, as the prober leaves it."""
    nothing = {"worst_after": None, "unseen_during": 0.0, "unseen_after": 0.0}
    cut: Journal = HELD["failover"]["targets"]["portal"]["cuts"][0]
    return {**cut, "worst_during": SHORT, **nothing}


def with_cut(**cut: Any) -> Journal:
    """Return the run that held with another measurement of its cut."""
    return changed(HELD, ("failover.targets.portal.cuts", [{**cut_result(), **cut}]))


def tolerant(**run: Any) -> Journal:
    """Return a probe of the method that has a tolerance."""
    made = activity("longest", 13, 14, kind="probe", func="longest_outage", **run)
    return changed(made, ("activity.tolerance", {"type": "probe"}))


def process(name: str, status: int, kind: str = "action") -> Journal:
    """Return an activity that is a process and ended with an exit status."""
    output = {"status": status, "stdout": "", "stderr": "ip: failed\nno route\n"}
    made = activity(name, 20, 22, kind=kind, output=output)
    return changed(made, ("activity.provider", {"type": "process", "path": "/sbin/ip"}))


def with_cut_but(key: str) -> Journal:
    return {name: value for name, value in cut_result().items() if name != key}


def outage(since: float, until: float) -> Journal:
    """Return an outage of which the first and the last lost check lie so."""
    length = until - since
    bounds = {"at_least": length - 0.1, "at_most": length + 0.1}
    return {"since": [since - 0.1, since], "until": [until - 0.1, until], **bounds}


def down_at_stop(since: float, **failover: float | None) -> Journal:
    """Return a run whose target went down at an instant and was not up again when the stop came."""
    outage = {"since": [since - 0.1, since], "until": [22.0, 22.1], "at_least": 1.0, "at_most": 9.0}
    return portal(outages=[outage], failover=failover)


def method(*runs: Journal) -> tuple[str, list[Journal]]:
    return "run", [*HELD["run"], *runs]


def ended_by_others(testing_ago: float, minutes: float = 5) -> Journal:
    """Return the run that held, but for a test that was seen to end by itself."""
    events = [
        {**each, "testing_ago": testing_ago} if each.get("status") == "Stopping" else each
        for each in without(HELD, "stop")["failover"]["events"]
    ]
    cuts = [{"test": "drill", "duration_minutes": minutes}]
    return changed(HELD, ("failover.events", events), ("failover.cuts", cuts))


def resources(before: str, *during: str) -> Journal:
    """Return the run that held without a loss, with other statuses of the session."""
    quiet = without(HELD, "resource", "target")
    statuses = [(1.0, before), *((13.0 + at, status) for at, status in enumerate(during))]
    read = [
        event(at, "resource", resource_id="bgp-a", resource_type="BGPPEER", status=status)
        for at, status in statuses
    ]
    return changed(quiet, ("failover.events", [*quiet["failover"]["events"], *read]))


def failed(name: str, **more: Any) -> Journal:
    lines = ["Traceback\n", "chaoslib.exceptions.ActivityFailed: ApiError: Throttling.\n"]
    return activity(name, 13, 14, status="failed", exception=lines, **more)


SHORT = {"at_least": 0.8, "at_most": 1.0}
UNSEEN = (
    "portal was not measured throughout the cut of drill and the way back: "
    "it may have been down for up to 3.4 s, longer than its RTO of 3 s."
)
ALWAYS = {"rollbacks": {"strategy": "always"}}
SIGTERM = {"kind": "signal", "name": "SIGTERM", "reason": "received SIGTERM"}
OPEN = {"at_least": 0.5, "at_most": None}
ENDS = "The evidence ends at 10:00:15: the run was killed, goes on, or could not write more."
SEEN_BACK = "All that drill took was seen back at 12:00:22 UTC."
TOO_LONG_UNTIL_KILLED = (
    "portal had been down for 3.5 to 3.7 s in the cut of drill when the measurement ended, "
    "longer than its RTO of 3 s."
)
TAKEN_OVER = (
    "The evidence ends at 10:00:15: the run was killed or could not write more, "
    "and its watchdog took over."
)
KILLED = {"kind": "unfinished", "name": "unfinished", "reason": "10:00:15"}
ABORT = event(14, "abort", reason="portal has been down for 4 s.")
CUT_OFF = {"activity": {"type": "action", "name": "hold"}, "output": None, "start": at(13)}
FAILED_BEFORE = reading(
    probe(
        "standby",
        1,
        met=False,
        status="failed",
        exception=["chaoslib.exceptions.ActivityFailed: there is no circuit 'pc-c'.\n"],
    ),
    met=False,
)
UNSTEADY = reading(probe("portal", 1, met=False), met=False)
DEVIATED = reading(probe("portal", 18, met=False), met=False)
STILL_ESTABLISHED = probe(
    "session", 18, met=False, module="chaosfailover.probes", func="bgp_session_status"
)
ODD = ("unknown", "Pausing", "")
GONE = [
    event(22, "status", test="drill", job_id="ftj-1", status="Stopped", testing_ago=2.5),
    event(22, "back", test="drill", job_id="ftj-1"),
]
UP_TO_TESTING = [one for one in EVENTS if one["at"] <= at(13)]

CASES = [
    pytest.param(HELD, "held", [MET, WITHIN], id="held"),
    pytest.param(
        changed(HELD, ("failover.targets", {})), "held", [MET], id="held without a target"
    ),
    pytest.param(
        changed(HELD, ("steady_states", None)), "held", [WITHIN], id="held without a hypothesis"
    ),
    pytest.param(
        changed(HELD, ("failover.targets.portal.rto", None)),
        "held",
        [MET, "portal was down for 0.8 to 1 s after the cut of drill; it has no RTO."],
        id="held without an objective",
    ),
    pytest.param(
        without(HELD, "target"),
        "held",
        [MET, LOST_NOTHING],
        id="held without a loss, while a session went down",
    ),
    pytest.param(
        without(HELD, "resource"), "held", [MET, WITHIN], id="only the loss shows the cut"
    ),
    pytest.param(
        portal(before={"sent": 1000, "lost": 1}), "held", [MET, WITHIN], id="one loss in a thousand"
    ),
    pytest.param(
        changed(
            HELD, ("failover.targets.portal.rto", 0.5), ("failover.targets.portal.persistent", True)
        ),
        "held",
        [
            MET,
            KEPT,
        ],
        id="a kept connection stalls longer than the objective",
    ),
    pytest.param(
        changed(
            HELD,
            ("failover.targets.portal.rto", 0.5),
            ("failover.targets.portal.persistent", True),
            ("failover.settings", {"targets": {"portal": {"url": "http://h/", "rto": 0.5}}}),
        ),
        "deviated",
        ["portal was down for up to 1 s after the cut of drill, longer than its RTO of 0.5 s."],
        id="a kept connection stalls longer than an objective of its own",
    ),
    pytest.param(
        changed(HELD, ("failover.targets.portal.external", True)),
        "held",
        [MET],
        id="an external target says nothing for the network",
    ),
    pytest.param(
        changed(HELD, ("failover.targets.portal.external", True), ("steady_states", None)),
        "inconclusive",
        [
            (
                "Nothing was observed that the cut could touch: no hypothesis was read, and every "
                "target is external."
            )
        ],
        id="nothing but an external target",
    ),
    pytest.param(
        changed(without(HELD, "resource"), ("failover.targets.portal.external", True)),
        "inconclusive",
        [EFFECT_UNREAD],
        id="the loss of an external target shows no cut",
    ),
    pytest.param(
        changed(
            HELD, ("failover.targets.portal.external", True), ("failover.targets.portal.rto", 0.5)
        ),
        "deviated",
        ["portal was down for up to 1 s after the cut of drill, longer than its RTO of 0.5 s."],
        id="an external target may speak against the network",
    ),
    # 1. aborts
    pytest.param(
        changed(HELD, ("failover.events", [*EVENTS, ABORT])),
        "aborted",
        ["The run was aborted: portal has been down for 4 s."],
        id="an abort fired",
    ),
    pytest.param(
        changed(HELD, ("interruption", {"kind": "abort", "name": "abort", "reason": "too long"})),
        "aborted",
        ["The run was aborted: too long."],
        id="an abort that only the interruption names",
    ),
    pytest.param(
        changed(HELD, ("safeguards", {"triggered_by": "error-rate"}), ("status", "interrupted")),
        "aborted",
        ["The safeguard error-rate stopped the run."],
        id="a safeguard of the addons fired",
    ),
    pytest.param(
        changed(
            HELD,
            ("failover.events", [*EVENTS, ABORT]),
            ("steady_states.after", DEVIATED),
            ("status", "interrupted"),
            ("interruption", {"kind": "abort", "name": "abort", "reason": "too long"}),
        ),
        "aborted",
        [
            "The run was aborted: portal has been down for 4 s.",
            "The hypothesis deviated after the method: portal.",
        ],
        id="an abort before a deviation, and no interruption beside it",
    ),
    # 2. what a conclusion needs
    pytest.param(
        changed(HELD, ("failover.dry", "actions")),
        "inconclusive",
        ["This was a dry run (actions): skipped steps prove nothing."],
        id="dry",
    ),
    pytest.param(
        {
            "status": "interrupted",
            "rollbacks": [failed("bring back")],
            "failover": {"events": [event(0, "refused", reason="port 28080 is taken.")]},
        },
        "inconclusive",
        ["The run could not begin: port 28080 is taken.", NOTHING_CUT],
        id="what could not begin, and had nothing to roll back",
    ),
    pytest.param(
        {
            "failover": {
                "events": [event(0, "refused", reason="quiet: ftj-9 runs")],
                "preflight": [{"name": "quiet", "passed": False, "detail": "ftj-9 runs"}],
            },
        },
        "inconclusive",
        ["The preflight check “quiet” failed: ftj-9 runs.", NOTHING_CUT],
        id="what was refused by a check that says so itself",
    ),
    pytest.param(
        {
            "status": "interrupted",
            "failover": {"preflight": [{"name": "quiet", "passed": False, "detail": "ftj-9 runs"}]},
        },
        "inconclusive",
        [
            "The preflight check “quiet” failed: ftj-9 runs.",
            NOTHING_CUT,
            "The run was interrupted before its end.",
        ],
        id="preflight",
    ),
    pytest.param(
        changed(
            HELD,
            ("steady_states", {"before": UNSTEADY, "after": None, "during": []}),
            ("run", []),
            ("failover.events", EVENTS[:2]),
            ("failover.targets", {}),
        ),
        "inconclusive",
        ["The steady state was not met before the cut: portal.", NOTHING_CUT],
        id="not steady before",
    ),
    pytest.param(
        changed(
            HELD,
            ("steady_states", {"before": FAILED_BEFORE, "after": None, "during": []}),
            ("run", []),
            ("failover.events", EVENTS[:2]),
            ("failover.targets", {}),
        ),
        "inconclusive",
        [
            "The steady state was not met before the cut: standby (there is no circuit 'pc-c').",
            NOTHING_CUT,
        ],
        id="not steady before, since a probe failed",
    ),
    pytest.param(
        changed(HELD, ("steady_states.before", None), ("failover.targets", {})),
        "inconclusive",
        ["The hypothesis was not read before the cut."],
        id="nothing read before",
    ),
    pytest.param(
        without(HELD, "stop"),
        "inconclusive",
        [
            (
                "drill was last seen Testing at 12:00:12 UTC and seen to end at 12:00:20 UTC, "
                "before this run stopped it: somebody else stopped it, or the cloud ended it, "
                "which the API does not tell apart; what recovered then proves no failover."
            )
        ],
        id="ended before the run stopped it",
    ),
    pytest.param(
        changed(HELD, ("failover.events", [*UP_TO_TESTING, *GONE])),
        "inconclusive",
        [ENDED_EARLY.replace("12:00:20", "12:00:22")],
        id="ended so quickly that it was never seen to stop",
    ),
    pytest.param(
        ended_by_others(testing_ago=0.6),
        "inconclusive",
        [ENDED_EARLY],
        id="ended before its planned end, and settled until then",
    ),
    pytest.param(
        ended_by_others(testing_ago=0.6, minutes=0.15),
        "inconclusive",
        [
            ENDED_EARLY.replace(
                "before this run stopped it: somebody else stopped it, or the cloud "
                "ended it, which the API does not tell apart",
                "when its planned duration was over and before this run stopped it",
            )
        ],
        id="ended at its planned end",
    ),
    pytest.param(
        changed(
            ended_by_others(testing_ago=0.6),
            (
                "failover.events",
                [
                    *ended_by_others(0.6)["failover"]["events"],
                    event(20, "stop", test="drill"),
                    event(20.05, "stop_refused", test="drill"),
                ],
            ),
        ),
        "inconclusive",
        [ENDED_EARLY],
        id="a stop that was refused ended nothing",
    ),
    pytest.param(
        changed(
            HELD,
            (
                "failover.events",
                [
                    *EVENTS,
                    event(19, "stop", test="drill"),
                    event(19.5, "stop_refused", test="drill"),
                ],
            ),
        ),
        "held",
        [MET, WITHIN],
        id="a stop that was refused once, and accepted then",
    ),
    pytest.param(
        changed(
            ended_by_others(testing_ago=0.6),
            ("failover.targets.portal.cuts.0.settled", False),
        ),
        "inconclusive",
        [
            ENDED_EARLY,
            BACK_EARLY,
        ],
        id="ended by others before it had settled",
    ),
    pytest.param(
        changed(without(HELD, "back"), ("failover.stopped", [NOT_BACK])),
        "deviated",
        ["What drill took is not back: bgp-a is Down, not Established since 10:00:00 UTC."],
        id="not back after the stop",
    ),
    pytest.param(
        changed(without(HELD, "back", "resource", "target"), ("failover.stopped", [NOT_BACK])),
        "deviated",
        [
            "What drill took is not back: bgp-a is Down, not Established since 10:00:00 UTC.",
            EFFECT_UNREAD,
        ],
        id="not back is graver than a premise that is missing",
    ),
    pytest.param(
        changed(
            without(HELD, "back"),
            ("failover.stopped", [{**NOT_BACK, "back": None, "not_back": []}]),
        ),
        "inconclusive",
        ["Whether all that drill took is back was not seen."],
        id="statuses that could not be read after the stop",
    ),
    pytest.param(
        without(HELD, "back"),
        "inconclusive",
        ["Whether all that drill took is back was not seen."],
        id="nothing says that it is back",
    ),
    pytest.param(
        changed(
            without(HELD, "status", "back", "resource", "target"),
            ("failover.stopped", [{"test": "drill", "may_start": True, "back": True}]),
        ),
        "inconclusive",
        [MAY_START],
        id="a start that was not answered",
    ),
    pytest.param(
        changed(
            without(HELD, "target"),
            (
                "failover.events",
                [
                    {**each, "status": "unknown"} if each.get("status") == "Down" else each
                    for each in without(HELD, "target")["failover"]["events"]
                ],
            ),
        ),
        "inconclusive",
        [EFFECT_UNREAD],
        id="a status that could not be read is no change",
    ),
    pytest.param(
        changed(
            HELD,
            ("run", [failed("cut", func="start_failover_test")]),
            ("failover.events", EVENTS[:4]),
            ("failover.targets", {}),
            (
                "failover.stopped",
                [{"test": "drill", "job_id": "ftj-1", "status": "Stopped", "back": True}],
            ),
        ),
        "inconclusive",
        [
            "The cutting action cut failed: ApiError: Throttling.",
            (
                "drill was started, but never seen in the status Testing: whether it cut anything "
                "is not known."
            ),
        ],
        id="the cutting action failed",
    ),
    pytest.param(
        without(HELD, "resource", "target"),
        "inconclusive",
        [EFFECT_UNREAD],
        id="no effect: nothing was read",
    ),
    pytest.param(
        resources("Established", "Established"),
        "inconclusive",
        [NO_EFFECT],
        id="no effect: nothing changed",
    ),
    pytest.param(
        resources("Established"),
        "inconclusive",
        [EFFECT_UNREAD],
        id="no effect: nothing was read in the test",
    ),
    pytest.param(
        resources("Established", "unknown", "Established"),
        "inconclusive",
        [NO_EFFECT],
        id="no effect: unread for a while, and unchanged",
    ),
    pytest.param(
        resources("Established", "unknown", "Down"),
        "held",
        [MET, LOST_NOTHING],
        id="a session that went down while it could not be read",
    ),
    pytest.param(
        resources("unknown", "Down"),
        "inconclusive",
        [EFFECT_UNREAD],
        id="no effect: what was not known before shows no change",
    ),
    pytest.param(
        changed(
            without(HELD, "resource", "target"),
            ("steady_states.after", reading(STILL_ESTABLISHED, met=False)),
        ),
        "inconclusive",
        [EFFECT_UNREAD, "The hypothesis deviated after the method: session."],
        id="no effect: a session that stayed up is no deviation of the network",
    ),
    pytest.param(
        portal(before={"sent": 100, "lost": 3}, failover={"at_least": 5.0, "at_most": 6.0}),
        "inconclusive",
        [
            "The baseline was lossy: portal lost 3 of 100 checks before the cut.",
            "portal was down for up to 6 s after the cut of drill, longer than its RTO of 3 s.",
        ],
        id="lossy baseline: not even an exceeded objective counts",
    ),
    # 3. deviations
    pytest.param(
        changed(HELD, ("steady_states.after", DEVIATED)),
        "deviated",
        ["The hypothesis deviated after the method: portal."],
        id="deviated after",
    ),
    pytest.param(
        changed(
            without(HELD, "resource"), ("steady_states.after", DEVIATED), ("failover.targets", {})
        ),
        "deviated",
        ["The hypothesis deviated after the method: portal."],
        id="a service that fails is an effect of the cut",
    ),
    pytest.param(
        changed(HELD, ("steady_states.during", [reading(), DEVIATED, DEVIATED, reading()])),
        "deviated",
        ["The hypothesis deviated during the method, in 2 of 4 readings: portal."],
        id="deviated during and recovered",
    ),
    pytest.param(
        portal(failover={"at_least": 2.9, "at_most": 3.1}),
        "deviated",
        ["portal was down for up to 3.1 s after the cut of drill, longer than its RTO of 3 s."],
        id="the pessimistic bound exceeds the objective",
    ),
    pytest.param(
        portal(failover={"at_least": 2.8, "at_most": 3.0}),
        "held",
        [MET, "portal was down for 2.8 to 3 s after the cut of drill, within its RTO of 3 s."],
        id="the pessimistic bound equals the objective",
    ),
    pytest.param(
        down_at_stop(12.0, at_least=9.0, at_most=11.0),
        "deviated",
        [
            TOO_LONG_AT_STOP,
        ],
        id="down until the stop, longer than the objective",
    ),
    pytest.param(
        down_at_stop(18.0, at_least=3.0, at_most=5.0),
        "deviated",
        ["portal did not come back before the cut of drill was stopped."],
        id="down until the stop, which came too early to tell how long",
    ),
    pytest.param(
        portal(outages=[outage(15.0, 15.5)], failover={"at_least": 0.4, "at_most": 0.6}),
        "inconclusive",
        [UNSETTLED],
        id="lost less than 5 s before the stop",
    ),
    pytest.param(
        portal(
            outages=[outage(at, at + 0.5) for at in range(12, 20)],
            failover={"at_least": 0.4, "at_most": 0.6},
        ),
        "deviated",
        [TOO_LONG_AT_STOP.replace("8 to 8.1", "7.4 to 7.6")],
        id="a path that flaps until the stop is down for as long",
    ),
    pytest.param(
        changed(HELD, ("failover.targets.portal.cuts", [with_cut_but("settled")])),
        "inconclusive",
        [UNSETTLED],
        id="what is not known to have settled has not",
    ),
    pytest.param(
        changed(
            portal(outages=[outage(15.0, 15.5)], failover={"at_least": 0.4, "at_most": 0.6}),
            ("failover.targets.portal.external", True),
        ),
        "held",
        [MET],
        id="an external target need not settle",
    ),
    pytest.param(
        changed(
            down_at_stop(18.0, at_least=3.0, at_most=5.0),
            ("interruption", SIGTERM),
            ("status", "interrupted"),
        ),
        "inconclusive",
        ["The run was interrupted by SIGTERM."],
        id="down when a signal stopped the cut before the objective had passed",
    ),
    pytest.param(
        changed(
            down_at_stop(12.0, at_least=8.0, at_most=None),
            ("interruption", SIGTERM),
            ("status", "interrupted"),
        ),
        "deviated",
        [
            TOO_LONG_AT_STOP,
            "The run was interrupted by SIGTERM.",
        ],
        id="a deviation that was seen stays seen when a signal comes",
    ),
    pytest.param(
        changed(
            with_cut(
                failover=OPEN,
                worst_during=OPEN,
                stop_at=None,
                open_at_stop={"at_least": 0.5, "at_most": 0.7},
            ),
            ("interruption", KILLED),
            ("status", "interrupted"),
        ),
        "inconclusive",
        [ENDS, SEEN_BACK],
        id="down for less than the objective when the run was killed",
    ),
    pytest.param(
        changed(
            held(), ("interruption", {**KILLED, "name": "watchdog"}), ("status", "interrupted")
        ),
        "inconclusive",
        [TAKEN_OVER, SEEN_BACK],
        id="killed, and its watchdog took over",
    ),
    pytest.param(
        changed(
            with_cut(
                failover=SHORT,
                worst_during={**OPEN, "at_least": 3.5},
                stop_at=None,
                open_at_stop={"at_least": 3.5, "at_most": 3.7},
            ),
            ("interruption", KILLED),
            ("status", "interrupted"),
        ),
        "deviated",
        [TOO_LONG_UNTIL_KILLED, ENDS, SEEN_BACK],
        id="down again for longer than the objective when the run was killed",
    ),
    pytest.param(
        changed(portal(reversion={"at_least": 2.0, "at_most": None}), ("interruption", SIGTERM)),
        "inconclusive",
        [
            "The run was interrupted by SIGTERM.",
            "portal was down when the interruption ended its measurement, and was not seen back.",
        ],
        id="a signal that ended the measurement on the way back",
    ),
    pytest.param(
        changed(portal(reversion={"at_least": 3.5, "at_most": None}), ("interruption", SIGTERM)),
        "deviated",
        [
            (
                "portal had been down for at least 3.5 s after the cut of drill was stopped "
                "when the measurement ended, longer than its RTO of 3 s."
            ),
            "The run was interrupted by SIGTERM.",
        ],
        id="a way back that was seen to be too long before the signal ended the measurement",
    ),
    pytest.param(
        portal(reversion={"at_least": 5.0, "at_most": None}),
        "deviated",
        ["portal was still down when the measurement ended."],
        id="down at the end",
    ),
    pytest.param(
        changed(HELD, ("rollbacks", [failed("bring back", func="stop_failover_test")])),
        "deviated",
        ["The rollback bring back failed: ApiError: Throttling."],
        id="a failed rollback",
    ),
    # 4. what keeps the run from having shown the whole
    pytest.param(
        changed(
            HELD,
            ("failover.events", UP_TO_TESTING),
            ("failover.stopped", [{"test": "drill", "job_id": "ftj-1", "error": "it is Testing."}]),
        ),
        "inconclusive",
        ["The failover test drill may still run: it is Testing."],
        id="a test that could not be stopped",
    ),
    pytest.param(
        changed(HELD, ("failover.events", UP_TO_TESTING)),
        "inconclusive",
        ["The failover test drill may still run: Testing."],
        id="a test that was last seen running",
    ),
    pytest.param(
        changed(HELD, ("interruption", SIGTERM), ("run", [*HELD["run"], CUT_OFF])),
        "inconclusive",
        ["The run was interrupted by SIGTERM."],
        id="a signal",
    ),
    pytest.param(
        changed(HELD, ("status", "interrupted")),
        "inconclusive",
        ["The run was interrupted before its end."],
        id="an interruption of which nobody said more",
    ),
    pytest.param(
        changed(HELD, method(failed("warm up", module="custom", func="warm_up"))),
        "inconclusive",
        ["The action warm up failed: ApiError: Throttling."],
        id="a failed action",
    ),
    pytest.param(
        changed(HELD, method(failed("look", kind="probe", func="read"))),
        "inconclusive",
        ["The probe look of the method failed: ApiError: Throttling."],
        id="a failed probe",
    ),
    pytest.param(
        portal(before={"sent": 2, "lost": 0}, during={"sent": 0, "lost": 0}),
        "inconclusive",
        [
            "portal was checked only 2 times before the cut: too few for a baseline.",
            "portal was checked only 0 times during the cut: too few for a measurement.",
        ],
        id="too few samples",
    ),
    pytest.param(
        portal(unmeasured=4.0),
        "inconclusive",
        ["portal was not measured for 4 s of 30 s."],
        id="gaps in the measurement",
    ),
    pytest.param(
        changed(HELD, ("steady_states.after", None), ("failover.targets", {})),
        "inconclusive",
        ["The hypothesis was not read after the cut."],
        id="nothing read after",
    ),
    pytest.param({}, "inconclusive", [NOTHING_CUT, NO_CONTROL], id="an empty journal"),
    # longer than the objective, but not the first loss after the cut
    pytest.param(
        with_cut(worst_during={"at_least": 5.87, "at_most": 6.1}),
        "deviated",
        [
            (
                "portal went down again before the cut of drill was stopped: 5.87 to 6.1 s, "
                "longer than its RTO of 3 s."
            ),
        ],
        id="a later and longer outage in the same cut",
    ),
    pytest.param(
        with_cut(reversion={"at_least": 19.8, "at_most": 20.0}),
        "deviated",
        [
            (
                "portal was down for up to 20 s after the cut of drill was stopped, "
                "longer than its RTO of 3 s."
            ),
        ],
        id="too long on the way back",
    ),
    pytest.param(
        with_cut(reversion=SHORT, worst_after={"at_least": 5.0, "at_most": 5.2}),
        "deviated",
        [
            (
                "portal was down for up to 5.2 s after the cut of drill was stopped, "
                "longer than its RTO of 3 s."
            ),
        ],
        id="a later and longer outage on the way back",
    ),
    pytest.param(
        with_cut(reversion=SHORT, worst_after={"at_least": 5.0, "at_most": None}),
        "deviated",
        ["portal was still down when the measurement ended."],
        id="up again on the way back, and down at the end",
    ),
    # not measured
    pytest.param(
        with_cut(failover=None, worst_during=None, unseen_during=3.4),
        "inconclusive",
        [UNSEEN],
        id="a gap that may hide more than the objective",
    ),
    pytest.param(
        with_cut(unseen_after=3.4), "inconclusive", [UNSEEN], id="a gap on the way back may, too"
    ),
    pytest.param(
        with_cut(failover=None, worst_during=None, unseen_during=2.0),
        "held",
        [
            MET,
            (
                "portal lost nothing that was seen while drill was on, "
                "but was not measured throughout: "
                "an outage of up to 2 s may have gone undetected."
            ),
        ],
        id="a gap that hides no more than the objective",
    ),
    pytest.param(
        with_cut(unseen_during=2.0),
        "held",
        [MET, "portal was down for 0.8 to 2 s after the cut of drill, within its RTO of 3 s."],
        id="a gap widens the failover time",
    ),
    # limits
    pytest.param(
        portal(before={"sent": 3, "lost": 0}, during={"sent": 3, "lost": 0}),
        "held",
        [MET, WITHIN],
        id="as few samples as show anything",
    ),
    pytest.param(
        portal(before={"sent": 100, "lost": 1}),
        "inconclusive",
        ["The baseline was lossy: portal lost 1 of 100 checks before the cut."],
        id="one loss in a hundred",
    ),
    pytest.param(
        portal(unmeasured=3.0), "held", [MET, WITHIN], id="a tenth of the time went unmeasured"
    ),
    pytest.param(
        portal(failover={"at_least": 5.0, "at_most": None}),
        "deviated",
        ["portal was down for up to \u221e s after the cut of drill, longer than its RTO of 3 s."],
        id="a failover time without an end",
    ),
    pytest.param(
        ended_by_others(testing_ago=0.6, minutes=1 / 6),
        "inconclusive",
        [ENDED_AS_PLANNED],
        id="ended within the last second of its plan",
    ),
    pytest.param(
        changed(
            ended_by_others(testing_ago=0.6, minutes=5), ("failover.settings", {"minute": 2.0})
        ),
        "inconclusive",
        [ENDED_AS_PLANNED],
        id="ended at the planned end of a rehearsal with short minutes",
    ),
    pytest.param(
        changed(
            ended_by_others(testing_ago=0.6, minutes=5),
            ("failover.settings", {"minute": 2.0}),
            ("failover.mode", "LIVE"),
        ),
        "inconclusive",
        [ENDED_EARLY],
        id="a minute of a live run is a minute",
    ),
    # the events of a test
    pytest.param(
        changed(
            without(HELD, "resource"),
            (
                "failover.events",
                [*without(HELD, "resource")["failover"]["events"], event(23, "away", test="drill")],
            ),
        ),
        "deviated",
        ["What drill took was back, and is away again: seen at 12:00:23 UTC."],
        id="back, and away again, though no status was read",
    ),
    pytest.param(
        changed(HELD, ("failover.events", [*EVENTS, *AWAY_AGAIN])),
        "deviated",
        [AWAY],
        id="back, and away again, with what is",
    ),
    pytest.param(
        changed(
            HELD,
            ("failover.events", [*EVENTS, *AWAY_AGAIN]),
            ("failover.stopped", [{"test": "drill", "stopped": False, "back": True}]),
        ),
        "deviated",
        [AWAY],
        id="away again after the control had seen it back",
    ),
    pytest.param(
        changed(HELD, ("failover.events", [*EVENTS, *AWAY_AGAIN, event(24, "back", test="drill")])),
        "held",
        [MET, WITHIN],
        id="away again, and back once more",
    ),
    pytest.param(
        changed(HELD, ("failover.events", [*EVENTS, event(21, "stop_refused", test="drill")])),
        "held",
        [MET, WITHIN],
        id="a second stop that was refused, since the first one ended the test",
    ),
    pytest.param(
        changed(
            HELD,
            ("rollbacks", [activity("mail", 20, 22, func="mail", module="own")]),
            ("failover.stopped", [{"test": "drill", "stopped": True, "back": True}]),
        ),
        "held",
        [MET, WITHIN],
        id="a rollback that has nothing to stop is not idle",
    ),
    pytest.param(
        changed(
            without(HELD, "back"),
            ("failover.stopped", [{"test": "drill", "back": False, "not_back": ["x is Down"]}]),
        ),
        "deviated",
        ["What drill took is not back: x is Down."],
        id="not back, by the name of the test alone",
    ),
    pytest.param(
        changed(
            HELD,
            ("failover.events", UP_TO_TESTING),
            ("failover.stopped", [{"test": "drill", "error": "it is Testing."}]),
        ),
        "inconclusive",
        ["The failover test drill may still run: it is Testing."],
        id="a test that could not be stopped, by its name alone",
    ),
    # hypotheses that were not read
    pytest.param(
        changed(HELD, ("steady_states.before", None)),
        "inconclusive",
        ["The hypothesis was not read before the cut."],
        id="nothing read before, though a target was measured",
    ),
    pytest.param(
        changed(
            HELD,
            ("experiment.steady-state-hypothesis", {"title": "it is up", "probes": [{}]}),
            ("steady_states", {}),
        ),
        "inconclusive",
        [
            "The hypothesis was not read before the cut.",
            "The hypothesis was not read after the cut.",
        ],
        id="a hypothesis that was never read",
    ),
    pytest.param(
        changed(HELD, ("steady_states", None), ("failover.targets", {})),
        "inconclusive",
        ["Nothing was observed: no hypothesis was read and no target checked."],
        id="neither a hypothesis nor a target",
    ),
    # probes outside the hypothesis
    pytest.param(
        changed(HELD, method(tolerant(tolerance_met=True))),
        "held",
        [MET, WITHIN],
        id="a probe of the method within its tolerance",
    ),
    pytest.param(
        changed(HELD, method(tolerant(output=3.5000001, tolerance_met=False))),
        "deviated",
        ["The probe longest was not within its tolerance: 3.5, held to probe."],
        id="a probe of the method that is not",
    ),
    pytest.param(
        changed(
            HELD,
            method(
                changed(
                    tolerant(output="Testing", tolerance_met=False),
                    ("activity.tolerance", ["${wanted}", "Stopped"]),
                )
            ),
            ("failover.configuration", {"wanted": "Testng"}),
        ),
        "deviated",
        ["The probe longest was not within its tolerance: Testing, held to Testng, Stopped."],
        id="a probe of the method that could not be",
    ),
    pytest.param(
        changed(HELD, method(tolerant(output="x" * 200, tolerance_met=False))),
        "deviated",
        [f"The probe longest was not within its tolerance: {'x' * 99}…, held to probe."],
        id="a probe of the method with a long output",
    ),
    pytest.param(
        changed(HELD, method(tolerant(tolerance_met=None, tolerance_error="no pattern"))),
        "inconclusive",
        ["The tolerance of the probe longest was not evaluated: no pattern."],
        id="a tolerance that could not be evaluated",
    ),
    pytest.param(
        changed(HELD, method(tolerant())),
        "inconclusive",
        ["The tolerance of the probe longest was not evaluated: no result is stored."],
        id="a tolerance that nobody evaluated",
    ),
    # processes, which the toolkit takes for succeeded
    pytest.param(
        changed(HELD, ("rollbacks", [process("bring back", 1)])),
        "deviated",
        ["The rollback bring back failed: exit status 1, no route."],
        id="a rollback with an exit status",
    ),
    pytest.param(
        changed(HELD, method(process("drain", 3))),
        "inconclusive",
        ["The action drain failed: exit status 3, no route."],
        id="an action with an exit status",
    ),
    pytest.param(
        changed(HELD, method(process("drain", 0), process("look", 1, kind="probe"))),
        "held",
        [MET, WITHIN],
        id="processes that ended well, and a probe, which only reads",
    ),
    # what does not fit together
    pytest.param(
        changed(HELD, ("failover.settings", {"targets": {"portal": "x", "db": "y"}})),
        "inconclusive",
        ["db was not measured in every cut."],
        id="a target that the settings name was not measured",
    ),
    pytest.param(
        changed(HELD, ("failover.targets.portal", None)),
        "inconclusive",
        ["portal was not measured in every cut."],
        id="a target without a measurement",
    ),
    pytest.param(
        changed(HELD, ("failover.targets.portal.cuts", []), ("failover.cut_at", None)),
        "inconclusive",
        ["portal was not measured in every cut."],
        id="a target without its cuts",
    ),
    pytest.param(
        portal(before=None),
        "inconclusive",
        ["portal was checked only 0 times before the cut: too few for a baseline."],
        id="a target without a baseline",
    ),
    pytest.param(
        with_cut(failover={"at_most": 500.0}),
        "deviated",
        ["portal was down for up to 500 s after the cut of drill, longer than its RTO of 3 s."],
        id="a failover time without its lower bound",
    ),
    pytest.param(
        changed(HELD, ("failover.targets.portal.rto", "0.5")),
        "deviated",
        ["portal was down for up to 1 s after the cut of drill, longer than its RTO of 0.5 s."],
        id="an objective that is written as text",
    ),
    pytest.param(
        changed(HELD, ("failover.targets.portal.rto", "soon")),
        "inconclusive",
        ["The RTO of portal is soon, which is not a number of seconds."],
        id="an objective that cannot be read",
    ),
    pytest.param(
        changed(HELD, method(activity("warm up", 13, 14, status="Failed"))),
        "inconclusive",
        ["The end of warm up is unknown: its status is Failed."],
        id="an activity with an unknown status",
    ),
    pytest.param(
        changed(
            HELD,
            ("rollbacks", [{**HELD["rollbacks"][0], "output": {"test": "other", "status": None}}]),
            ("failover.stopped", [{"test": "drill", "status": "Stopped", "stopped": True}]),
        ),
        "deviated",
        ["The rollback bring back did not stop drill, which the control had to stop after it."],
        id="a rollback that stopped nothing",
    ),
    pytest.param(
        changed(
            HELD,
            ("rollbacks", []),
            ("failover.stopped", [{"test": "drill", "status": "Stopped", "stopped": True}]),
        ),
        "held",
        [MET, WITHIN],
        id="no rollback, so that the control stopped the test",
    ),
    pytest.param(
        changed(HELD, ("rollbacks", [activity("bring back", 20, 22, status=None)])),
        "inconclusive",
        ["The end of bring back is unknown: its status is ?."],
        id="a rollback without a status",
    ),
    pytest.param(
        changed(
            HELD,
            ("experiment", {"method": [{}] * 3, "rollbacks": [{}] * 2, "runtime": ALWAYS}),
            ("failover.preflight", []),
        ),
        "inconclusive",
        [
            "The journal holds only 2 of the method's 3 activities.",
            "The journal holds only 1 of 2 rollbacks.",
            "The journal holds no preflight.",
        ],
        id="activities and a preflight that left no trace",
    ),
    pytest.param(
        changed(
            HELD,
            ("experiment", {"method": [{}] * 2, "rollbacks": [{}] * 2, "runtime": ALWAYS}),
            ("failover.rollback_strategy", "never"),
        ),
        "held",
        [MET, WITHIN],
        id="rollbacks that the strategy in force left out",
    ),
    pytest.param(
        changed(
            HELD,
            ("experiment", {"method": [{}] * 2, "rollbacks": [{}] * 2}),
            ("failover.rollback_strategy", "always"),
        ),
        "inconclusive",
        ["The journal holds only 1 of 2 rollbacks."],
        id="rollbacks that the strategy in force required",
    ),
    pytest.param(
        changed(HELD, ("steady_states.after", reading(probe("portal", 18, met=False), met=True))),
        "deviated",
        ["The hypothesis deviated after the method: portal."],
        id="a probe that was not met in a reading that was",
    ),
    pytest.param(
        changed(HELD, ("steady_states.after.steady_state_met", "false")),
        "inconclusive",
        ["The hypothesis was not read after the cut."],
        id="a reading without a result",
    ),
    pytest.param(
        changed(HELD, ("deviated", True)),
        "deviated",
        ["The toolkit reports that the run deviated."],
        id="the toolkit reports that it deviated",
    ),
    pytest.param(
        changed(HELD, ("status", "failed")),
        "inconclusive",
        ["The toolkit reports the status failed for the run."],
        id="the toolkit reports that it failed",
    ),
    pytest.param(
        changed(HELD, ("safeguards", {"x": 1}), ("status", "interrupted")),
        "inconclusive",
        ["The run was interrupted before its end."],
        id="safeguards of which none fired do not explain an interruption",
    ),
]


@pytest.mark.parametrize(("journal", "verdict", "reasons"), CASES)
def test_verdict(journal: Journal, verdict: str, reasons: list[str]) -> None:
    """The verdict is that of the weightiest reason, and all reasons are given."""
    judged = judge(journal)

    assert (judged.verdict, list(judged.reasons)) == (verdict, reasons)


def test_journal_that_lost_the_controls_events() -> None:
    """What the activities returned shows the cut; the control's own notes must not be missing."""
    document = {"JobId": "ftj-1", "Name": "drill", "Status": "Testing"}
    journal = changed(HELD, ("run", [activity("cut", 10, 12, output=document)]))
    stopped = {"test": "drill", "job_id": "ftj-1", "status": "Stopped", "stopped": True}
    back = activity("bring back", 20, 22, func="stop_failover_test", output=stopped)

    judged = judge(changed(journal, ("rollbacks", [back]), ("failover.events", [])))

    assert judged.verdict == "inconclusive"
    assert judged.reasons == ("The journal holds none of the control's events.",)


def test_cut_that_does_not_say_what_went_unseen_proves_nothing() -> None:
    """What was not seen may have been of any length."""
    cut = {key: value for key, value in cut_result().items() if not key.startswith("unseen")}

    judged = judge(changed(HELD, ("failover.targets.portal.cuts", [cut])))

    assert (judged.verdict, judged.reasons[0][:36]) == ("inconclusive", UNSEEN[:36])


def test_given_verdict_is_reviewed() -> None:
    """A verdict that is milder than the journal deserves is not believed; a graver one is."""
    deviated = with_cut(worst_during={"at_least": 5.0, "at_most": 6.0})

    mild = review(changed(deviated, ("failover.verdict", {"verdict": "held", "reasons": ["ok"]})))
    grave = review(changed(HELD, ("failover.verdict", {"verdict": "deviated", "reasons": ["no"]})))

    verdicts = ("aborted", "deviated", "inconclusive", "held")
    assert verdicts == GRAVITY
    assert {*VERDICTS} == {*verdicts}
    assert mild.verdict == "deviated"
    assert mild.reasons[0] == "The stored verdict “held” does not match the journal's evidence."
    assert mild.reasons[1:] == judge(deviated).reasons
    assert (grave.verdict, grave.reasons) == ("deviated", ("no",))


def test_each_cut_must_have_an_effect() -> None:
    """Of two tests, the one that nothing shows keeps the run from being conclusive."""
    other = {"test": "other", "job_id": "ftj-2"}
    later = [
        event(23, "cut", **other),
        event(24, "status", **other, status="Testing"),
        event(25, "stop", **other),
        event(26, "status", **other, status="Stopped"),
    ]

    judged = judge(changed(HELD, ("failover.events", [*EVENTS, *later])))

    assert judged.verdict == "inconclusive"
    assert judged.reasons[0].startswith("Nothing was read of the effect of the cut of other")


@pytest.mark.parametrize(
    ("lost_at", "verdict"),
    [
        pytest.param(16.0, "held", id="15 s after the cut"),
        pytest.param(190.0, "held", id="at the end of the hold time of a BGP session"),
        pytest.param(190.1, "inconclusive", id="just after it"),
        pytest.param(200.0, "inconclusive", id="much later"),
        pytest.param(9.0, "inconclusive", id="before the cut"),
    ],
)
def test_loss_shows_the_cut_only_if_it_comes_soon(lost_at: float, verdict: str) -> None:
    """What nothing but a loss shows is not shown by one that has nothing to do with it."""
    outage = {**target()["summary"]["outages"][0], "since": [lost_at - 0.1, lost_at]}
    ended = {"since": outage["since"], "until": [lost_at + 0.8, lost_at + 0.9]}
    journal = changed(
        without(portal(outages=[{**outage, **ended}]), "resource"),
        ("failover.targets.portal.cuts", [{**cut_result(), "stop_at": at(300)}]),
    )

    assert judge(journal).verdict == verdict


def test_several_names_stand_in_one_sentence() -> None:
    """Of rollbacks that stopped nothing, resources that are away, and probes that were missed."""
    nothing = {"test": "dril", "job_id": None, "status": "Stopped", "stopped": False}
    idle = [
        activity(name, 20, 22, func="stop_failover_test", output=nothing) for name in ("a", "b")
    ]
    away = {**NOT_BACK, "stopped": True, "not_back": ["bgp-a is Down", "pc-a is Disabled"]}
    missed = [
        reading(probe(name, 18, met=False), probe("other", 18, met=False), met=False)
        for name in ("portal", "shop")
    ]
    journal = changed(
        without(HELD, "back"),
        ("rollbacks", idle),
        ("failover.stopped", [away]),
        ("steady_states.during", missed),
    )

    reasons = judge(journal).reasons

    assert reasons[0] == "What drill took is not back: bgp-a is Down; pc-a is Disabled."
    assert (
        "The rollback a, b did not stop drill, which the control had to stop after it." in reasons
    )
    assert (
        "The hypothesis deviated during the method, in 2 of 2 readings: "
        "portal, other, shop, other." in reasons
    )


@pytest.mark.parametrize(
    ("stop", "running"),
    [
        pytest.param({"test": "drill", "status": "Stopped"}, False, id="stopped, by name"),
        pytest.param({"job_id": "ftj-1", "status": "Stopped"}, False, id="stopped, by ID"),
        pytest.param({"test": "drill", "status": "Testing"}, True, id="still running"),
        pytest.param({"test": "other", "status": "Stopped"}, True, id="another test"),
    ],
)
def test_last_word_on_a_test_is_the_controls(stop: Journal, running: bool) -> None:
    """What it stopped at the end is over, though no event says so."""
    journal = changed(
        HELD, ("failover.events", UP_TO_TESTING), ("failover.stopped", [{**stop, "back": True}])
    )

    reasons = judge(journal).reasons

    assert ("The failover test drill may still run: Testing." in reasons) is running


def test_reading_after_the_method_that_was_cut_off_is_none() -> None:
    """One of two, or the only one, though others were read during the method."""
    cut_off = reading(probe("portal", 18, met=None), met=None)

    for during in ([], [reading(probe("portal", 15))]):
        journal = changed(HELD, ("steady_states.after", cut_off), ("steady_states.during", during))

        assert "The hypothesis was not read after the cut." in judge(journal).reasons


def test_readings_during_the_method_are_enough() -> None:
    """A strategy may leave out the reading after it."""
    during = [reading(probe("portal", 15))]
    journal = changed(HELD, ("steady_states.after", None), ("steady_states.during", during))

    assert judge(journal).verdict == "held"


def test_loss_on_the_way_back_shows_no_cut() -> None:
    """The traffic may have moved by the stop alone."""
    journal = without(portal(outages=[outage(25.0, 26.0)], failover=None), "resource")

    assert judge(journal).reasons[0] == EFFECT_UNREAD


QUIET = without(HELD, "resource", "target")
WENT_DOWN = {"target": "portal", "up": False, "at_least": 0.0}


@pytest.mark.parametrize(
    ("lost", "external", "verdict"),
    [
        pytest.param(event(13, "target", **WENT_DOWN), False, "held", id="down in the test"),
        pytest.param(event(13, "target", **WENT_DOWN), True, "inconclusive", id="external"),
        pytest.param(
            event(13, "target", **{**WENT_DOWN, "up": True}), False, "inconclusive", id="up"
        ),
        pytest.param(event(9, "target", **WENT_DOWN), False, "inconclusive", id="before the test"),
        pytest.param(event(21, "target", **WENT_DOWN), False, "inconclusive", id="after the test"),
    ],
)
def test_event_of_a_target_shows_the_cut(lost: Journal, external: bool, verdict: str) -> None:
    """Where the outages themselves are not listed any more."""
    journal = changed(
        QUIET,
        ("failover.events", [*QUIET["failover"]["events"], lost]),
        ("failover.targets.portal.external", external),
    )

    assert judge(journal).verdict == verdict


@pytest.mark.parametrize(
    "func", ["circuit_status", "virtual_border_router_status", "bgp_session_status"]
)
def test_probe_of_a_status_shows_the_cut(func: str) -> None:
    """What an experiment reads of its own counts as what the control reads."""
    status = {"kind": "probe", "module": "chaosfailover.probes", "func": func}
    before, during = (
        changed(
            activity("look", began, began + 0.1, **status, output=output),
            ("activity.provider.arguments", {"resource_id": "x-1"}),
        )
        for began, output in ((9.0, "Up"), (13.0, "Down"))
    )

    shown = judge(changed(QUIET, method(before, during)))
    unchanged = judge(changed(QUIET, method(before, {**during, "output": "Up"})))

    assert shown.verdict == "held"
    assert unchanged.reasons[0] == NO_EFFECT


@pytest.mark.parametrize("func", ["create_failover_test", "start_failover_test"])
def test_either_action_that_cuts_may_fail(func: str) -> None:
    assert judge(changed(HELD, ("run", [failed("cut", func=func)]))).reasons[0] == (
        "The cutting action cut failed: ApiError: Throttling."
    )


@pytest.mark.parametrize("func", ["stop_failover_test", "stop_running_failover_tests"])
def test_either_action_that_stops_may_be_idle(func: str) -> None:
    """The control had to stop what the rollback did not."""
    nothing = {"test": "dril", "job_id": None, "status": "Stopped", "stopped": False}
    stopped = {"test": "drill", "job_id": "ftj-1", "status": "Stopped", "back": True}
    journal = changed(
        HELD,
        ("rollbacks", [activity("bring back", 20, 22, func=func, output=nothing)]),
        ("failover.stopped", [{**stopped, "stopped": True}]),
    )

    assert judge(journal).reasons[0].startswith("The rollback bring back did not stop drill")


def test_test_that_is_created_and_started_at_once() -> None:
    """Its cut is known by name alone, its first statuses by ID alone; they are one test."""
    events = [
        event(10, "cut", test="drill", job_id=""),
        event(10.1, "status", job_id="ftj-1", status="Starting"),
        event(12, "status", job_id="ftj-1", status="Testing"),
        event(20, "stop", test="drill", job_id="ftj-1"),
        event(22, "status", test="drill", job_id="ftj-1", status="Stopped"),
    ]

    (test,) = parse(changed(HELD, ("failover.events", events))).tests

    assert (test.test, test.job_id, test.status) == ("drill", "ftj-1", "Stopped")
    assert (test.since, test.until) == (instant(at(10)), instant(at(20)))


def test_status_that_nobody_read_is_none() -> None:
    """An odd one is not either; the test is as it was seen before."""
    odd = [event(13 + at, "status", test="drill", status=each) for at, each in enumerate(ODD)]

    (test,) = parse(changed(HELD, ("failover.events", [*UP_TO_TESTING, *odd]))).tests

    assert [change.status for change in test.changes] == ["Starting", "Testing"]
    assert test.until is None


def test_activities_take_the_place_of_events() -> None:
    """Those that return no job, or were cut off, say nothing of a test."""
    job = {"JobId": "ftj-1", "Name": "drill"}
    stopped = {"test": "drill", "job_id": "ftj-1", "status": "Stopped", "stopped": True}
    runs = [
        activity("warm up", 8, 9, func="warm_up", output="ready"),
        activity("create", 9, 9.5, func="create_failover_test", output={**job, "Status": "Init"}),
        {**activity("cut off", 9.6, 9.7, output={**job, "Status": "Testing"}), "end": None},
        activity("cut", 10, 12, output={**job, "Status": "Testing"}),
        activity("look", 14, 15, func="failover_test", output={**job, "Status": "Testing"}),
        activity("odd", 15, 16, func="failover_test", output={**job, "Status": "Pausing"}),
        activity("stop", 20, 22, func="stop_failover_test", output=stopped),
    ]

    (test,) = parse({"run": runs}).tests

    assert [change.status for change in test.changes] == ["Init", "Testing", "Stopped"]
    assert (test.since, test.until, test.stopped) == (instant(at(10)), instant(at(20)), True)
    assert test.started


def test_name_that_is_used_twice_names_two_tests() -> None:
    """Job IDs tell apart what has one name."""
    later = event(24, "status", test="drill", job_id="ftj-2", status="Init")

    run = parse(changed(HELD, ("failover.events", [*EVENTS, later])))

    assert [test.job_id for test in run.tests] == ["ftj-1", "ftj-2"]


@pytest.mark.parametrize("path", sorted(JOURNALS.glob("*.json")), ids=lambda path: path.stem)
def test_recorded_run_has_the_verdict_that_its_name_promises(path: Path) -> None:
    """Bundled experiments hold, the broken standby deviates, what a signal ended proves nothing."""
    promised = "deviated" if "broken" in path.stem else "held"
    if "-sig" in path.stem:
        promised = "inconclusive"

    judged = judge(json.loads(path.read_text(encoding="utf-8")))

    assert judged.verdict == promised


@pytest.mark.parametrize("journal", [HELD, {"status": "completed"}, changed(HELD, ("run", []))])
def test_journal_without_the_controls_entry(journal: Journal) -> None:
    """Whatever its hypothesis says, nothing shows what was cut, and with what effect."""
    judged = judge({key: part for key, part in journal.items() if key != "failover"})

    assert judged.verdict == "inconclusive"
    assert NO_CONTROL in judged.reasons


@pytest.mark.parametrize("wrong", [None, 7, "text", [], [None], {"x": 1}], ids=repr)
@pytest.mark.parametrize(
    "key", ["steady_states", "run", "rollbacks", "failover", "interruption", "experiment", "start"]
)
def test_misshapen_journal_is_judged(key: str, wrong: object) -> None:
    """Whatever stands where something else should is as if nothing did."""
    judged = judge({**held(), key: wrong})

    assert judged.verdict in VERDICTS
    assert judged.reasons


def test_every_reason_has_a_rule_and_a_sentence() -> None:
    """No reason is without weight, and none without words in any language."""
    known = sorted(key for _, keys in ORDER for key in keys)

    for catalogue in CATALOGUES.values():
        said = [key.removeprefix("reason.") for key in catalogue if key.startswith("reason.")]
        assert sorted(said) == known


BY_ROUTES = (
    "The survivors of drill were proven by routes: they carry all of the 1 prefixes that the cut "
    "takes."
)
BY_SESSIONS = (
    "The survivors of drill were proven by sessions only: whether they carry the prefixes that the "
    "cut takes is not proven."
)


@pytest.mark.parametrize(
    ("journal", "sentence"),
    [
        pytest.param(routed(), BY_ROUTES, id="routes"),
        pytest.param(routed("sessions"), BY_ROUTES, id="routes, though sessions were enough"),
        pytest.param(routed("sessions", proven=False), BY_SESSIONS, id="sessions"),
    ],
)
def test_verdict_says_on_what_the_proof_of_survivors_rests(journal: Journal, sentence: str) -> None:
    """It comes last, after the evidence for the network."""
    assert judge(journal).verdict == "held"
    assert judge(journal).reasons == (MET, WITHIN, sentence)


def test_proof_of_survivors_is_no_evidence_for_the_network() -> None:
    """A run that observed nothing proves nothing, whatever was read before its cut."""
    journal = changed(routed(), ("failover.targets", {}), ("steady_states", {}))

    assert judge(journal).verdict == "inconclusive"
