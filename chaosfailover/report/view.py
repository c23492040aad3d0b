"""
What every format shows of one run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaosfailover.i18n import message
from chaosfailover.record import stored
from chaosfailover.record.record import redacted
from chaosfailover.verdict.journal import brief
from chaosfailover.verdict.verdict import DIFFERS, GRAVITY, examine, given

__all__ = ["RunView", "make_view", "mode_of", "verdict_of"]

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunView:
    """
    One run: its record, the reasons for its verdict in the reader's language, and the compact
    series of its targets, in the order of the record's targets. `notices` say what a reader must
    know of where this comes from; the stored record is `sound` unless it contradicts something.
    """

    record: dict[str, Any]
    reasons: list[str]
    series: list[Document]
    notices: list[str]
    sound: bool

    @property
    def title(self) -> str:
        """
        The experiment's title.
        """
        return str(self.record["experiment"]["title"])

    @property
    def verdict(self) -> str:
        """
        The verdict, one word.
        """
        return str(self.record["verdict"]["verdict"])

    @property
    def mode(self) -> str:
        """
        REHEARSAL, LIVE or, of a run without the control, UNKNOWN.
        """
        return str(self.record["place"]["mode"])


def make_view(journal: Mapping[str, Any], language: str) -> RunView:
    """
    Look at a journal as a report does.
    """
    record, state, detail = stored(journal)
    told = [(state, brief(detail))] if state in (*UNSOUND, "redacted") else []
    if back := record["period"].get("set_back"):
        told.append(("set_back", f"{back:g}"))
    return RunView(
        record=record,
        reasons=_reasons(redacted(journal), record, language),
        series=_series(journal, record),
        notices=[message(f"notice.{key}", language, detail=said) for key, said in told],
        sound=state not in UNSOUND,
    )


UNSOUND = ("broken", "misshapen", "differs")


def verdict_of(views: Sequence[RunView]) -> str:
    """
    Return the verdict of a campaign, the gravest of its runs.
    """
    return next(verdict for verdict in GRAVITY if any(view.verdict == verdict for view in views))


def mode_of(views: Sequence[RunView]) -> str:
    """
    Return the mode of a campaign; it names each that there is.
    """
    modes = {view.mode for view in views}
    return " + ".join(mode for mode in ("LIVE", "REHEARSAL", "UNKNOWN") if mode in modes)


def _reasons(journal: Document, record: Document, language: str) -> list[str]:
    """
    Put the reasons into the reader's language, if they are those that the journal gives today.
    """
    said: list[str] = record["verdict"]["reasons"]
    found = examine(journal)
    english = [message(f"reason.{one.key}", **one.values) for one in found]
    differing = said[: -len(english)]
    if said[len(differing) :] != english or len(differing) > 1:
        return said
    left = given(journal)
    verdict = message(f"verdict.{left.verdict}", language) if left else ""
    return [message(DIFFERS, language, verdict=verdict) for _ in differing] + [
        message(f"reason.{one.key}", language, **one.values) for one in found
    ]


def _series(journal: Document, record: Document) -> list[Document]:
    targets = journal.get("failover")
    known = targets.get("targets") if isinstance(targets, Mapping) else None
    found = list(known.values()) if isinstance(known, Mapping) else []
    series = [one.get("series") if isinstance(one, Mapping) else None for one in found]
    padded = [*series, *[None] * len(record["targets"])][: len(record["targets"])]
    return [one if isinstance(one, Mapping) else {} for one in padded]
