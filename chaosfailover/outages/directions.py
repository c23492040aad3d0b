"""
Directions: what of a target's datagrams was lost on the way out, and what on the way back.

A responder at the other end tells which of the last requests it received. So a lost check is one of

    lost out     the request was not received; nothing is known of the way back
    lost back    the request was received, and its reply was not
    not known    no report covers it, or it was refused

and each way has a series of its own, in which what is not known is a gap. A check that was lost on
the way back was received before the next answer was, which bounds the way out.
"""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import groupby

from chaosfailover.outages.samples import Sample
from chaosfailover.outages.series import Series

__all__ = ["BACK", "MOST_REPORTED", "NOT_KNOWN", "OUT", "Directions", "spread", "squeezed"]

OUT, BACK, NOT_KNOWN = "o", "b", "u"
MOST_REPORTED = 1824
"""Requests that a report of the responder covers."""
RUN = re.compile(r"([obu])(\d{1,9})")


class Directions:
    """
    The ways out and back, each as a series. Losses wait for the report that comes with an answer.
    """

    def __init__(self, interval: float, marks: Iterable[float] = ()) -> None:
        self.out = Series(interval)
        self.back = Series(interval)
        self.lost_out = self.lost_back = self.not_known = 0
        self._waiting: deque[tuple[Sample, int]] = deque()
        self._fates = ""
        for at in marks:
            self.mark(at)

    @property
    def ways(self) -> Mapping[str, Series]:
        """
        The series by the name of its way.
        """
        return {"out": self.out, "back": self.back}

    @property
    def waiting(self) -> list[int]:
        """
        The sequence numbers of the losses that wait for a report.
        """
        return [sequence for _, sequence in self._waiting]

    def tell(self, fates: str) -> None:
        """
        Note what became of the losses that wait, in their order; it applies with the next answer.

        Of fewer fates than losses, the latest losses have them.
        """
        self._fates = fates or self._fates

    def add(self, sample: Sample, sequence: int = 0) -> None:
        """
        Append one sample, in the order of sending.
        """
        if not sample.ok and sample.error != "timeout":
            self.not_known += 1
            return
        if not sample.ok:
            self._waiting.append((sample, sequence))
            if len(self._waiting) > MOST_REPORTED:
                self._place(self._waiting.popleft()[0], NOT_KNOWN, sample.at)
            return
        if self._waiting:
            self._settle(sample.at + (sample.rtt or 0.0) + sample.spent)
        self.out.add(sample)
        self.back.add(sample)

    def forget(self) -> None:
        """
        Give up the losses that wait: what became of them will not be known.
        """
        self._fates = ""
        self._settle(0.0)

    def mark(self, at: float) -> None:
        """
        Divide the timelines at the border of two phases.
        """
        self.out.timeline.mark(at)
        self.back.timeline.mark(at)

    def end(self, at: float) -> None:
        """
        Note that checks were due up to this instant.
        """
        self.forget()
        self.out.end(at)
        self.back.end(at)

    def _settle(self, known_at: float) -> None:
        missing = len(self._waiting) - len(self._fates)
        fates = NOT_KNOWN * missing + self._fates[max(0, -missing) :]
        for (sample, _), fate in zip(self._waiting, fates, strict=True):
            self._place(sample, fate, known_at)
        self._waiting.clear()
        self._fates = ""

    def _place(self, sample: Sample, fate: str, known_at: float) -> None:
        if fate == OUT:
            self.lost_out += 1
            self.out.add(sample)
        elif fate == BACK:
            self.lost_back += 1
            self.out.add(sample._replace(ok=True, rtt=known_at - sample.at, error=None, spent=0.0))
            self.back.add(sample)
        else:
            self.not_known += 1


def squeezed(fates: str) -> str:
    """
    Write fates in few characters, such as `o12b3`.
    """
    return "".join(f"{fate}{len(list(run))}" for fate, run in groupby(fates))


def spread(written: str) -> str:
    """
    Read fates again; raises ValueError for what is none, and for more than losses can wait.
    """
    runs = RUN.findall(written)
    if "".join(f"{fate}{count}" for fate, count in runs) != written:
        raise ValueError(f"{written!r} tells no fates")
    if sum(int(count) for _, count in runs) > MOST_REPORTED + 1:
        raise ValueError(f"{written!r} tells more than can wait")
    return "".join(fate * int(count) for fate, count in runs)
