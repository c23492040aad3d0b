"""
The verdict of a run: held, deviated, aborted or inconclusive, with its reasons.

The verdict is the first of `ORDER` for which there is a reason; all reasons are given:

1. Aborts. Nothing else counts after them.
2. What was cut is not back: the gravest deviation, whatever else is known.
3. Missing premises of any conclusion: a real run, a steady state, a clean baseline, and a cut that
   had an effect. Without them even a deviation says nothing about the network.
4. Deviations from the hypothesis. Nothing that came later takes them back.
5. Gaps in the evidence.
6. Evidence for the network. Without any, nothing was observed.

The toolkit's own status and `deviated` come last: the control sets them from this very verdict, so
they count only if nothing else speaks against the run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chaosfailover.i18n import message
from chaosfailover.verdict.journal import Run, parse
from chaosfailover.verdict.rules import Reason, completeness, execution, hypothesis, objectives
from chaosfailover.verdict.rules.completeness import contradictions

__all__ = [
    "DIFFERS",
    "GRAVITY",
    "VERDICTS",
    "Verdict",
    "examine",
    "given",
    "judge",
    "review",
    "sentence",
]

VERDICTS = ("held", "deviated", "aborted", "inconclusive")

GRAVITY = ("aborted", "deviated", "inconclusive", "held")
"""The verdicts from the gravest."""
DIFFERS = "verdict.differs"

ORDER: Sequence[tuple[str, Sequence[str]]] = (
    ("aborted", ["aborted", "safeguard"]),
    ("deviated", ["not_back", "away_again"]),
    (
        "inconclusive",
        [
            "dry",
            "refused",
            "preflight",
            "unsteady",
            "unread_before",
            "cut_failed",
            "may_start",
            "cut_unseen",
            "no_cut",
            "no_effect",
            "effect_unread",
            "ended_early",
            "ended_as_planned",
            "lossy",
        ],
    ),
    (
        "deviated",
        [
            "deviated_after",
            "deviated_during",
            "intolerable",
            "rto",
            "rto_again",
            "rto_open",
            "rto_unstopped",
            "unrecovered",
            "down_at_end",
            "rto_open_back",
            "rto_back",
            "rollback",
            "rollback_idle",
            "toolkit_deviated",
        ],
    ),
    (
        "inconclusive",
        [
            "running",
            "back_unknown",
            "interrupted",
            "unfinished",
            "taken_over",
            "emulator_ended",
            "seen_back",
            "evidence_changed",
            "signal",
            "action",
            "probe",
            "unjudged",
            "unended",
            "missing_run",
            "missing_rollbacks",
            "missing_preflight",
            "missing_events",
            "missing_control",
            "unsettled",
            "back_early",
            "unchecked",
            "objective",
            "few_before",
            "few_during",
            "unmeasured",
            "unseen",
            "not_seen_back",
            "toolkit_status",
        ],
    ),
    ("inconclusive", ["unread_after", "all_external", "nothing"]),
    (
        "held",
        [
            "hypothesis_held",
            "within_rto",
            "recovered",
            "no_loss",
            "no_loss_seen",
            "persistent",
            "flows",
            "flows_back",
            "by_routes",
            "by_sessions",
        ],
    ),
)
"""The verdicts in the order in which they apply, each with the reasons for it."""
FACTS = ("flows", "flows_back")
"""What is said of lost flows, whatever the verdict is."""
REMARKS = (*FACTS, "by_routes", "by_sessions")
"""What is no evidence for the network: lost flows, and the proof of survivors."""
RULES = (*execution.RULES, *hypothesis.RULES, *objectives.RULES, *completeness.RULES)
WEIGHTS = [key for _, keys in ORDER for key in keys]


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    A verdict, one of `VERDICTS`, and its reasons as English sentences, the weightiest first.
    """

    verdict: str
    reasons: tuple[str, ...]

    def as_dict(self) -> dict[str, str | list[str]]:
        """
        Return the verdict as the journal holds it.
        """
        return {"verdict": self.verdict, "reasons": list(self.reasons)}


def judge(journal: Mapping[str, object] | Run) -> Verdict:
    """
    Judge a run by its journal, which may be interrupted or damaged.
    """
    reasons = examine(journal)
    verdict = next(verdict for verdict, keys in ORDER if reasons[0].key in keys)
    return Verdict(verdict, tuple(map(sentence, reasons)))


def sentence(reason: Reason) -> str:
    """
    Return a reason in English.
    """
    return message(f"reason.{reason.key}", **reason.values)


def examine(journal: Mapping[str, object] | Run) -> list[Reason]:
    """
    Return the reasons, the weightiest first; those for the network only if none is against it.
    """
    run = journal if isinstance(journal, Run) else parse(journal)
    found = (reason for rule in RULES for reason in rule(run))
    reasons = sorted(found, key=lambda reason: WEIGHTS.index(reason.key))
    against = [reason for reason in reasons if reason.key not in ORDER[-1][1]]
    if any(reason.key in ("refused", "preflight") for reason in against):
        # A run without a cut needs no baseline: the refusal is the one cause.
        against = [reason for reason in against if reason.key != "lossy"]
    evidence = [reason for reason in reasons if reason.key not in REMARKS]
    if against:
        return [*against, *(reason for reason in reasons if reason.key in FACTS)]
    return [*contradictions(run)] or (reasons if evidence else [Reason("nothing", {})])


def given(run: Run) -> Verdict | None:
    """
    Return the verdict that the run itself stored; None without one.
    """
    stored = Verdict(*run.control.verdict) if run.control.verdict else None
    return stored if stored and stored.verdict in VERDICTS else None


def review(journal: Mapping[str, object] | Run) -> Verdict:
    """
    Return the stored verdict, or that of the evidence if it is graver.
    """
    run = journal if isinstance(journal, Run) else parse(journal)
    stored, judged = given(run), judge(run)
    if stored is None:
        return judged
    if GRAVITY.index(stored.verdict) <= GRAVITY.index(judged.verdict):
        return stored
    differs = message(DIFFERS, verdict=stored.verdict)
    return Verdict(judged.verdict, (differs, *judged.reasons))
