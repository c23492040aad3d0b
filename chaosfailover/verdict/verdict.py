"""
What a run proved: held, deviated, aborted or inconclusive, and why.

The verdict is that of the first of `RULES` for which there is a reason; all reasons are given:

1. An abort ends the question: something went too far.
2. What has to be given for any conclusion about the cut: that it was a real run, from a steady
   state and a clean baseline, and that the cut was made and bit. Without it even a deviation says
   nothing about the network's way around the cut.
3. What contradicts the hypothesis. It was seen, so nothing that came later makes it unseen.
4. What keeps the run from having shown the whole.
5. What speaks for the network. Without any of it nothing was looked at.

The toolkit's own status and `deviated` are asked last: they hide most of this, and the control sets
them from this very verdict. Only where all seems well may they not say otherwise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaosfailover.i18n import message
from chaosfailover.verdict.journal import failover, mapping
from chaosfailover.verdict.rules import Reason
from chaosfailover.verdict.rules import completeness as traces
from chaosfailover.verdict.rules import execution as course
from chaosfailover.verdict.rules import hypothesis as observed
from chaosfailover.verdict.rules import objectives as measured

__all__ = [
    "DIFFERS",
    "GRAVITY",
    "RULES",
    "VERDICTS",
    "Verdict",
    "examine",
    "given",
    "judge",
    "review",
    "verdict_of",
]

VERDICTS = ("held", "deviated", "aborted", "inconclusive")

GRAVITY = ("aborted", "deviated", "inconclusive", "held")
"""The verdicts from the gravest."""
DIFFERS = "verdict.differs"

RULES: Sequence[tuple[str, Sequence[str]]] = (
    ("aborted", ["aborted", "safeguard"]),
    (
        "inconclusive",
        [
            "dry",
            "refused",
            "preflight",
            "unsteady",
            "unread_before",
            "cut_failed",
            "no_cut",
            "no_bite",
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
            "unrecovered",
            "down_at_end",
            "rto_back",
            "rollback",
            "toolkit_deviated",
        ],
    ),
    (
        "inconclusive",
        [
            "running",
            "interrupted",
            "signal",
            "action",
            "probe",
            "unjudged",
            "unended",
            "missing_run",
            "missing_rollbacks",
            "missing_preflight",
            "missing_events",
            "unchecked",
            "objective",
            "few_before",
            "few_during",
            "unmeasured",
            "unseen",
            "toolkit_status",
        ],
    ),
    ("inconclusive", ["unread_after", "nothing"]),
    (
        "held",
        ["hypothesis_held", "within_rto", "recovered", "no_loss", "no_loss_seen", "persistent"],
    ),
)
"""The verdicts in the order in which they apply, each with the reasons for it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    A verdict, one of `VERDICTS`, and its reasons as English sentences, the weightiest first.
    """

    verdict: str
    reasons: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """
        Return the verdict as the journal holds it.
        """
        return {"verdict": self.verdict, "reasons": list(self.reasons)}


def judge(journal: Mapping[str, Any]) -> Verdict:
    """
    Judge a run by its journal, which may be interrupted, partial or older.
    """
    reasons = examine(journal)
    sentences = (message(f"reason.{reason.key}", **reason.values) for reason in reasons)
    return Verdict(verdict_of(reasons), tuple(sentences))


def examine(journal: Mapping[str, Any]) -> list[Reason]:
    """
    Return the reasons, the weightiest first; what speaks for the network only if nothing does not.
    """
    found = sorted(_find(journal), key=lambda reason: _weight(reason.key))
    against = [reason for reason in found if reason.key not in RULES[-1][1]]
    return against or [*traces.contradictions(journal)] or found or [Reason("nothing", {})]


def given(journal: Mapping[str, Any]) -> Verdict | None:
    """
    Return the verdict that the run itself gave; None if it left none that can be read.
    """
    left = mapping(failover(journal).get("verdict"))
    verdict, reasons = left.get("verdict"), left.get("reasons")
    if verdict not in VERDICTS or not isinstance(reasons, list):
        return None
    return Verdict(verdict, tuple(str(reason) for reason in reasons))


def review(journal: Mapping[str, Any]) -> Verdict:
    """
    Return the verdict that the run gave, or the one that its journal deserves if that is graver.
    """
    left, judged = given(journal), judge(journal)
    if left is None:
        return judged
    if GRAVITY.index(left.verdict) <= GRAVITY.index(judged.verdict):
        return left
    differs = message(DIFFERS, verdict=left.verdict)
    return Verdict(judged.verdict, (differs, *judged.reasons))


def verdict_of(reasons: Sequence[Reason]) -> str:
    """
    Return the verdict that the first of some ordered reasons stands for.
    """
    return next(verdict for verdict, keys in RULES if reasons[0].key in keys)


def _find(journal: Mapping[str, Any]) -> Iterator[Reason]:
    for find in (*course.FINDERS, *observed.FINDERS, *measured.FINDERS, *traces.FINDERS):
        yield from find(journal)


def _weight(key: str) -> int:
    return [known for _, keys in RULES for known in keys].index(key)
