"""
The view of one run that every format shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chaosfailover.i18n import message
from chaosfailover.record import Record
from chaosfailover.record.record import redacted_run
from chaosfailover.record.verification import review_stored
from chaosfailover.report.formatting import check_name
from chaosfailover.verdict.journal import Run, brief
from chaosfailover.verdict.rules import Reason
from chaosfailover.verdict.series import Series
from chaosfailover.verdict.verdict import DIFFERS, GRAVITY, examine, given

__all__ = ["RunView", "banner_of", "make_view", "mode_of", "verdict_of"]

UNSOUND = ("broken", "misshapen", "differs")
MOST_PLACES = 5
"""How many damaged places of a journal a notice names."""


@dataclass(frozen=True, slots=True)
class RunView:
    """
    One run: its record, the reasons for its verdict in the reader's language, and the compact
    series of its targets, in the order of the record's targets. `notices` are warnings about the
    source; the stored record is `sound` unless it is damaged or contradicts the journal, or is
    missing although the run held. `cut` tells whether anything was cut, None if that is not known.
    `file` is that of the journal, "" if it has none.
    """

    record: Record
    reasons: list[str]
    series: list[Series]
    notices: list[str]
    sound: bool
    cut: bool | None
    file: str = ""

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


def make_view(journal: Mapping[str, object], language: str, file: str = "") -> RunView:
    """
    Make the view of a journal, which is that of a file.
    """
    run = redacted_run(journal)
    record, state, detail = review_stored(journal, run)
    verdict = record["verdict"]["verdict"]
    sound = state not in UNSOUND and not (state == "absent" and verdict == "held")
    notices = {state: brief(detail)} if state == "redacted" or not sound else {}
    if run.damage:
        notices["damaged"] = brief(", ".join(run.damage[:MOST_PLACES]))
    if back := record["period"].get("set_back"):
        notices["set_back"] = f"{back:g}"
    if (later := run.control.later).at and later.stopped:
        notices["later_back" if later.all_back else "later_away"] = f"{later.at:%H:%M:%S}"
    return RunView(
        record=record,
        reasons=_reasons(run, record, language),
        series=_series(run, record),
        notices=[
            message(f"notice.{key}", language, detail=value) for key, value in notices.items()
        ],
        sound=sound,
        cut=_has_cut(run),
        file=file,
    )


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


def banner_of(views: Sequence[RunView]) -> str:
    """
    Return the mode that a page is headed with, and for a live run whether it cut anything.
    """
    mode = mode_of(views).split(" ")[0]
    cuts = {view.cut for view in views if view.mode == "LIVE"}
    if mode != "LIVE" or True in cuts:
        return mode
    return f"{mode}.maybe" if None in cuts else f"{mode}.nothing"


def _has_cut(run: Run) -> bool | None:
    """
    Tell whether a test was seen to cut; None if one may have.
    """
    if run.tested:
        return True
    return False if any(reason.key == "no_cut" for reason in examine(run)) else None


def _reasons(run: Run, record: Record, language: str) -> list[str]:
    """
    Put the reasons into the reader's language, if they are those that the journal gives today.
    """
    stored: list[str] = record["verdict"]["reasons"]
    reasons = examine(run)
    english = [message(f"reason.{reason.key}", **reason.values) for reason in reasons]
    differing = stored[: -len(english)]
    if stored[len(differing) :] != english or len(differing) > 1:
        return stored
    verdict = given(run)
    name = message(f"verdict.{verdict.verdict}", language) if verdict else ""
    return [message(DIFFERS, language, verdict=name) for _ in differing] + [
        _sentence(reason, language) for reason in reasons
    ]


def _sentence(reason: Reason, language: str) -> str:
    values = dict(reason.values)
    if reason.key == "preflight":
        values["name"] = check_name(values["name"], language)
    return message(f"reason.{reason.key}", language, **values)


def _series(run: Run, record: Record) -> list[Series]:
    """
    Return a series for each target of the record; one without a journal has none.
    """
    series = [target.series for target in run.control.targets]
    missing = len(record["targets"]) - len(series)
    return [*series, *[Series({})] * missing][: len(record["targets"])]
