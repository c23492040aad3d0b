"""
Situations: what may happen in a run, the journal that it leaves, and what README promises of it.

A situation says what was true. `journal_of` writes down what the control sees of it, its checks
measured as the prober measures them. `is_held` reads the situation alone, by README's definitions.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from made_journals import activity, at, changed, event, held, probe, reading

from chaosfailover.outages.samples import Sample
from chaosfailover.outages.series import Series
from chaosfailover.outages.settled import at_stop
from chaosfailover.outages.summary import summarize

__all__ = ["SITUATIONS", "Situation", "is_held", "journal_of"]

Document = dict[str, Any]
Span = tuple[float, float]

CUT, TESTING, LAST_SEEN, STOP, END = 10.0, 12.0, 19.5, 20.0, 30.0
INTERVAL, RTO, HOLD = 0.1, 3.0, 5.0
LOSSES: dict[str, list[Span]] = {
    "nothing": [],
    "short": [(12.3, 13.2)],
    "late": [(16.3, 17.2)],
    "open": [(18.3, 20.5)],
    "long": [(10.6, 14.5)],
    "long and open": [(14.3, 20.5)],
    "flapping": [(12.3 + more, 13.2 + more) for more in range(0, 8, 2)],
    "short, and on the way back": [(12.3, 13.2), (21.3, 21.8)],
    "short, and long on the way back": [(12.3, 13.2), (21.3, 25.8)],
    "short, and down at the end": [(12.3, 13.2), (28.3, 31.0)],
}
"""When checks were lost, from the first of a row to the last, in seconds."""

TARGETS: dict[str, Document] = {
    "with an RTO": {"rto": RTO},
    "without an RTO": {"rto": None},
    "external": {"rto": RTO, "external": True},
    "kept connection": {"rto": RTO, "persistent": True},
    "kept connection with an RTO of its own": {"rto": RTO, "persistent": True},
    "half of the flows": {"rto": None},
}
BY_THE_RUN = ("a rollback", "the method", "the guard")
BY_OTHERS = ("somebody else", "the plan", "others before a refused stop")


@dataclass(frozen=True)
class Situation:
    """
    What happened in a run whose test cut from 12 s to 20 s.
    """

    ended_by: str = "a rollback"
    target: str = "with an RTO"
    lost: str = "short"
    back: str = "seen"
    rollbacks: str = "as planned"
    trouble: str = "none"
    session: str = "down"
    hypothesis: str = "met"

    @property
    def name(self) -> str:
        """
        What is not as in a run that held.
        """
        unusual = vars(self).items() - vars(Situation()).items()
        parts = [f"{key.replace('_', ' ')}: {value}" for key, value in sorted(unusual)]
        return "; ".join(parts) or "as planned"


def is_held(it: Situation) -> bool:
    """
    Tell whether README lets this run be `held`.
    """
    network = it.target not in ("none", "external")
    shown = it.session == "down" or (
        network and any(CUT <= first <= STOP for first, _ in _lost(it))
    )
    return all(
        [
            it.ended_by in BY_THE_RUN,
            it.back == "seen",
            it.rollbacks in ("as planned", "none"),
            it.trouble == "none",
            shown,
            it.hypothesis == "met" or (it.hypothesis == "none" and network),
            it.target == "none" or _recovered(it),
        ]
    )


def _recovered(it: Situation) -> bool:
    """
    Tell whether the target was up and within its RTO, and had settled if the cut could touch it.
    """
    lost = _lost(it)
    up = not any(first < border < last for first, last in lost for border in (STOP, END))
    settled = not any(STOP - HOLD < last < STOP for _, last in lost) or it.target == "external"
    bound = TARGETS[it.target]["rto"] is not None and it.target != "kept connection"
    in_time = all(last - first + 2 * INTERVAL <= RTO for first, last in _spells(lost))
    return up and settled and (in_time or not bound)


def _lost(it: Situation) -> list[Span]:
    return [] if it.target == "none" else LOSSES[it.lost]


def _spells(lost: Iterable[Span]) -> list[Span]:
    """
    Join losses within 5 s of each other, those before the stop and those after it.
    """
    spells: list[Span] = []
    for first, last in lost:
        if spells and first - spells[-1][1] <= HOLD and (first < STOP or spells[-1][0] > STOP):
            spells[-1] = (spells[-1][0], last)
        else:
            spells.append((first, last))
    return spells


def journal_of(it: Situation) -> Document:
    """
    Return the journal of a situation.
    """
    journal = changed(
        held(),
        ("experiment", _experiment(it)),
        ("steady_states", HYPOTHESES[it.hypothesis]),
        ("rollbacks", _rollbacks(it)),
        ("failover.events", sorted(_events(it), key=lambda each: str(each["at"]))),
        ("failover.stopped", list(_stopped(it))),
        ("failover.cuts", [{"test": "drill", "duration_minutes": _minutes(it)}]),
        ("failover.settings", _settings(it)),
        ("failover.targets", {} if it.target == "none" else {"portal": _target(it)}),
    )
    if it.ended_by == "the method":
        stop = activity("stop", STOP, STOP + 2, func="stop_failover_test", output=_outcome(it))
        journal["run"].append(stop)
    return changed(journal, *TROUBLE[it.trouble])


def _experiment(it: Situation) -> Document:
    document: Document = {"title": "Made", "method": []}
    if it.hypothesis != "none":
        document["steady-state-hypothesis"] = {"title": "it answers", "probes": [{}]}
    if it.rollbacks != "none":
        document |= {"runtime": {"rollbacks": {"strategy": "always"}}, "rollbacks": [{}]}
    return document


AWAY = "bgp-rehearsal-a is Available and Down, not Available and Established since 12:00:12 UTC"
MET = reading(probe("portal", 1))
AFTER = reading(probe("portal", 18))
HYPOTHESES: dict[str, Document] = {
    "met": {"before": MET, "after": AFTER, "during": []},
    "deviated": {
        "before": MET,
        "after": reading(probe("portal", 18, met=False), met=False),
        "during": [],
    },
    "not read after": {"before": MET, "after": None, "during": []},
    "not met before": {"before": reading(probe("portal", 1, met=False), met=False)},
    "none": {},
}


def _rollbacks(it: Situation) -> list[Document]:
    stop = activity("bring back", STOP, STOP + 2, func="stop_failover_test", output=_outcome(it))
    if it.back == "not" and it.ended_by == "a rollback":
        error = f"chaosfailover.errors.GuardError: stopped, but not back: {AWAY}"
        stop |= {"status": "failed", "output": None, "exception": [error]}
    mail = activity("mail", 23, 24, output={"status": 1})
    return {
        "as planned": [stop],
        "failed": [stop, changed(mail, ("activity.provider", {"type": "process", "path": "sh"}))],
        "idle": [changed(stop, ("output", {"test": "dril", "status": None, "stopped": False}))],
        "not in the journal": [],
        "none": [],
    }[it.rollbacks]


def _outcome(it: Situation) -> Document:
    by = it.ended_by in ("a rollback", "the method")
    return {"test": "drill", "job_id": "ftj-1", "status": "Stopped", "stopped": by, "back": True}


def _stopped(it: Situation) -> Iterator[Document]:
    """
    Yield what the guard had to do after the rollbacks.
    """
    stopped = it.ended_by == "the guard"
    test: Document = {"test": "drill", "job_id": "ftj-1", "status": "Stopped", "stopped": stopped}
    if it.ended_by == "nobody":
        yield test | {"status": "Testing", "error": "it is Testing after 300 s", "back": None}
    elif it.back == "not":
        yield test | {"back": False, "not_back": [AWAY]}
    elif it.back == "not read":
        yield test | {"back": None, "not_back": []}
    elif it.ended_by == "the guard":
        yield test | {"back": True}


def _events(it: Situation) -> Iterator[Document]:
    test = {"test": "drill", "job_id": "ftj-1"}
    session = {"resource_id": "bgp-a", "resource_type": "BGPPEER"}
    yield event(0, "begin")
    if it.session != "not read":
        yield event(1, "resource", **session, status="Established")
    yield event(CUT, "cut", **test)
    yield event(10.1, "status", **test, status="Starting")
    yield event(TESTING, "status", **test, status="Testing")
    shown = {"down": "Down", "unchanged": "Established", "not read": "unknown"}[it.session]
    yield event(12.1, "resource", **session, status=shown)
    if it.ended_by in (*BY_THE_RUN, "others before a refused stop"):
        yield event(STOP, "stop", **test)
    if it.ended_by == "others before a refused stop":
        yield event(20.05, "stop_refused", **test)
    if it.ended_by != "nobody":
        yield event(20.1, "status", **test, status="Stopping", testing_ago=20.1 - LAST_SEEN)
        yield event(22, "status", **test, status="Stopped", testing_ago=22 - LAST_SEEN)
    if it.ended_by != "nobody" and it.back == "seen":
        yield event(22, "back", **test)
    yield event(END, "end")


def _minutes(it: Situation) -> float:
    return 0.16 if it.ended_by == "the plan" else 5


def _settings(it: Situation) -> Document:
    own = {"rto": RTO} if it.target == "kept connection with an RTO of its own" else {}
    return {"targets": {} if it.target == "none" else {"portal": {"url": "http://h/", **own}}}


def _target(it: Situation) -> Document:
    """
    Return the measurement of a target as the control writes it.
    """
    series = _series(it)
    stop = {"nobody": None, **dict.fromkeys(BY_OTHERS, LAST_SEEN)}.get(it.ended_by, STOP)
    summary = summarize(series, CUT, stop).as_dict()
    keys = [f"{key}_{when}" for key in ("worst", "unseen") for when in ("during", "after")]
    cut = {key: summary[key] for key in ("failover", "reversion", *keys)}
    cut |= at_stop(series, CUT, TESTING, stop).as_dict()
    cut |= {"test": "drill", "cut_at": at(CUT), "stop_at": None if stop is None else at(stop)}
    return {
        "url": "http://h/",
        "interval": INTERVAL,
        "timeout": 0.9,
        **TARGETS[it.target],
        "summary": summary,
        "cuts": [cut],
        "series": {"utc": at(0), **series.as_dict()},
    }


def _series(it: Situation) -> Series:
    series = Series(INTERVAL)
    for tick in range(int(END / INTERVAL) + 1):
        sent = round(tick * INTERVAL, 3)
        lost = any(first - 0.01 <= sent <= last + 0.01 for first, last in _lost(it))
        if it.target == "half of the flows":
            lost = lost and tick % 2 == 0
        series.add(Sample(sent, not lost, None if lost else 0.001, "timeout" if lost else None))
    return series


TOO_LONG = "portal has been down for 4 s, longer than abort_after 3 s"
ABORT = {"kind": "abort", "name": "abort", "reason": TOO_LONG}
SIGTERM = {"kind": "signal", "name": "SIGTERM", "reason": "received SIGTERM"}
UNSEEN = "chaosfailover.errors.JobTimeoutError: bgp-rehearsal-a is Down, not x, after 0.1 s"
TROUBLE: dict[str, list[tuple[str, Any]]] = {
    "none": [],
    "a signal": [("interruption", SIGTERM), ("status", "interrupted")],
    "an abort": [("interruption", ABORT), ("status", "interrupted")],
    "a safeguard": [("safeguards", {"triggered_by": "errors"}), ("status", "interrupted")],
    "a dry run": [("failover.dry", "actions")],
    "a failed run": [("status", "failed")],
    "an interruption that nobody named": [("status", "interrupted")],
    "a failed probe": [
        (
            "run",
            [
                activity(
                    "look", 13, 14, kind="probe", func="read", status="failed", exception=[UNSEEN]
                )
            ],
        )
    ],
    "no preflight": [("failover.preflight", [])],
}


def _ends() -> Iterator[Situation]:
    """
    Yield every way to end with every loss, and with what did not come back.
    """
    ends = (*BY_THE_RUN, *BY_OTHERS, "nobody")
    for ended_by, lost in product(ends, ("nothing", "short", "late", "open", "long", "flapping")):
        yield replace(_ended(ended_by), lost=lost)
    some = ("a rollback", "the guard", "somebody else")
    for ended_by, back, lost in product(some, ("not", "not read"), ("short", "late")):
        yield replace(_ended(ended_by), back=back, lost=lost)
    for lost in ("short", "late"):
        yield Situation(rollbacks="failed", lost=lost)
        yield Situation(rollbacks="not in the journal", lost=lost)
        yield Situation(rollbacks="idle", ended_by="the guard", lost=lost)


def _ended(ended_by: str) -> Situation:
    rollbacks = "none" if ended_by == "the guard" else "as planned"
    return Situation(ended_by=ended_by, rollbacks=rollbacks)


def _evidence() -> Iterator[Situation]:
    """
    Yield every target with every loss, what was seen of the cut, and the hypothesis.
    """
    for target, lost in product(TARGETS, LOSSES):
        yield Situation(target=target, lost=lost)
    some = ("none", "external", "with an RTO")
    for session, target, lost in product(("unchanged", "not read"), some, ("nothing", "short")):
        yield Situation(session=session, target=target, lost=lost)
    for hypothesis, target in product(HYPOTHESES, some):
        yield Situation(hypothesis=hypothesis, target=target)
    for hypothesis in HYPOTHESES:
        yield Situation(hypothesis=hypothesis, lost="late")


def _troubles() -> Iterator[Situation]:
    """
    Yield what interrupts a run, with a failover that had settled and with one that is open.
    """
    for trouble, lost in product(TROUBLE, ("short", "long and open")):
        yield Situation(trouble=trouble, lost=lost)


SITUATIONS = {it.name: it for it in (*_ends(), *_evidence(), *_troubles())}
