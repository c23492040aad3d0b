"""
The samples of one target as text: about one character for each check, for the evidence file.

An encoder rounds each sample and returns it as the decoder will: who measures with the returned
samples, and who reads the text, see the same. Instants are rounded down to half
a millisecond; round trips are rounded up, by 6 % at most, and the `spent` of losses by up to two
milliseconds. The bounds of outages get wider by this, never narrower: `spent` of an answer is what
was taken from its instant, at most.

    a character   an answer: its lateness and its round trip, beside that of the checks before; or a
                  loss: its lateness and one of the last kinds of losses
    ~ and two     the same for more latenesses, round trips and losses
    @BASE;        the schedule: checks are due each interval from BASE on (halves of a ms)
    !TICK,LATE,LEVEL;         any answer: ticks since the check before, lateness, round trip
    !TICK,LATE,KIND,SPENT;    any loss
    |AT; $AT;     a change of phase, and the end of the checks, at an instant of the clock
    !+AT,PORT; !/AT,KIND;     a connection or source port was opened; a connection ended
    !=; !=o3b2;   a responder answers; what became of the losses before the next answer
    ?             a check that is not judged

After text that is missing, the decoder waits for the next `@`: what lies between is a gap.
"""

import re
from dataclasses import dataclass, field
from math import ceil, floor, log

from chaosfailover.outages.directions import spread, squeezed
from chaosfailover.outages.flow import Flow
from chaosfailover.outages.samples import Sample
from chaosfailover.outages.series import Series

__all__ = ["SampleDecoder", "SampleEncoder"]

HALVES = 2000  # halves of a millisecond in a second
STEP = 1.06
TINY = 1e-6
SMALLEST = 1e-5  # the round trip of level 0, in seconds
SPECIAL = '!@|$?;~"\\'
ALPHABET = "".join(char for char in map(chr, range(33, 127)) if char not in SPECIAL)
CODES = {char: index for index, char in enumerate(ALPHABET)}
FORMS = 3  # kinds of losses that are known
NEAR = 8  # levels from the usual round trip, in one character
FAR = 40  # the same, after a tilde
PER_LATE = 2 * NEAR + 1 + FORMS
LATE = len(ALPHABET) // PER_LATE
ABSURD = 10**12  # what no clock and no count of halves of a millisecond reaches
MOST_LEVEL = 400  # more than a day
MOST_SPENT = 10**8
NOTES = ("!+", "!/", "!=")
TOKEN = re.compile(r"[@|$!]([^;]*);|~..|.", re.S)


@dataclass(slots=True)
class _State:
    """
    What both ends know of the checks before: the next tick, the usual round trip, the last losses.
    """

    interval: float
    base: int = 0
    tick: int = -1
    level: int = 0
    forms: list[tuple[str, int]] = field(default_factory=list)

    def due(self, tick: int) -> int:
        """
        Return when a check is due, in halves of a millisecond.
        """
        return self.base + round(tick * self.interval * HALVES)

    def answer(self, tick: int, late: int, level: int) -> Sample:
        """
        Note an answer, and return its sample.
        """
        self.tick = tick
        near = abs(level - self.level) <= NEAR
        self.level = self.level + (level > self.level) - (level < self.level) if near else level
        rtt = SMALLEST * STEP**level
        at = (self.due(tick) + late) / HALVES
        return Sample(at, True, rtt, late=late / HALVES, spent=1 / HALVES)

    def loss(self, tick: int, late: int, kind: str, spent: int) -> Sample:
        """
        Note a loss, and return its sample.
        """
        self.tick = tick
        if (kind, spent) not in self.forms:
            self.forms = [*self.forms[1 - FORMS :], (kind, spent)]
        at = (self.due(tick) + late) / HALVES
        return Sample(at, False, None, kind, late / HALVES, spent / 1000)


class SampleEncoder:
    """
    Writes the samples of one target, which come in the order of sending.

    A loss, and an answer that is the first or comes after a loss, are news until they are taken.
    """

    def __init__(self, interval: float) -> None:
        self._state = _State(interval)
        self._has_base = False
        self._text: list[str] = []
        self._has_directions = False
        self._answers = False
        self.has_news = False

    def encode(self, sample: Sample) -> Sample:
        """
        Write a sample, and return it as it will be read.
        """
        state = self._state
        at = floor(sample.at * HALVES + TINY)
        if not self._has_base:
            self._begin(floor((sample.at - sample.late) * HALVES + TINY))
            state = self._state
        tick = round((sample.at - sample.late - state.base / HALVES) / state.interval)
        ticks, late = tick - state.tick, at - state.due(tick)
        self.has_news |= not (sample.ok and self._answers)
        self._answers = sample.ok
        if sample.ok:
            level = ceil(log(max(sample.rtt or 0.0, SMALLEST) / SMALLEST, STEP) - TINY)
            self._text.append(_answer(ticks, late, level, level - state.level))
            return state.answer(tick, late, level)
        form = sample.error or "lost", ceil(sample.spent * 1000 + 1)
        known = state.forms.index(form) if form in state.forms else None
        self._text.append(_loss(ticks, late, form, known))
        return state.loss(tick, late, *form)

    def _begin(self, base: int) -> None:
        self._state = _State(self._state.interval, base)
        self._has_base = True
        self._text.append(f"@{base};" + "!=;" * self._has_directions)

    def mark(self, at: float) -> None:
        """
        Write a change of phase.
        """
        self._text.append(f"|{at!r};")

    def end(self, at: float) -> None:
        """
        Write that checks were due up to this instant.
        """
        self._text.append(f"${at!r};")

    def skip(self) -> None:
        """
        Write that a check was not judged.
        """
        self._text.append("?")

    def open(self, at: float, port: int) -> None:
        """
        Write that a connection or source port was opened.
        """
        self._text.append(f"!+{at!r},{port};")

    def close(self, at: float, kind: str) -> None:
        """
        Write that a connection ended.
        """
        self._text.append(f"!/{at!r},{kind};")

    def tell(self, fates: str) -> None:
        """
        Write that a responder answers, and what became of the losses before its answer.
        """
        self._has_directions = True
        self._text.append(f"!={squeezed(fates)};")

    def take(self) -> str:
        """
        Return the text since the last call.
        """
        text, self._text, self.has_news = "".join(self._text), [], False
        return text

    def begin_anew(self) -> None:
        """
        Let the text be readable without the text before it.
        """
        self._has_base = False


def _answer(ticks: int, late: int, level: int, beside: int) -> str:
    if ticks == 1 and 0 <= late < LATE and abs(beside) <= NEAR:
        return ALPHABET[late * PER_LATE + FORMS + NEAR + beside]
    if ticks == 1 and 0 <= late < len(ALPHABET) and abs(beside) <= FAR - FORMS:
        return f"~{ALPHABET[late]}{ALPHABET[FAR + beside]}"
    return f"!{ticks},{late},{level};"


def _loss(ticks: int, late: int, form: tuple[str, int], known: int | None) -> str:
    if known is not None and ticks == 1 and 0 <= late < LATE:
        return ALPHABET[late * PER_LATE + known]
    if known is not None and ticks == 1 and 0 <= late < len(ALPHABET):
        return f"~{ALPHABET[late]}{ALPHABET[known]}"
    kind, spent = form
    return f"!{ticks},{late},{kind},{spent};"


class SampleDecoder:
    """
    Reads the samples of one flow.
    """

    def __init__(self, interval: float) -> None:
        self.flow = Flow(interval)
        self._state: _State | None = None

    @property
    def series(self) -> Series:
        """
        The series of the flow.
        """
        return self.flow.series

    @property
    def unjudged(self) -> int:
        """
        The checks without a result.
        """
        return self.flow.unjudged

    def read(self, text: str) -> None:
        """
        Read more text; raises ValueError for what no encoder writes.
        """
        for match in TOKEN.finditer(text):
            self._read(match[0], match[1])

    def lose(self) -> None:
        """
        Note that text is missing.
        """
        self._state = None
        if self.flow.directions:
            self.flow.directions.forget()

    def _read(self, token: str, written: str | None) -> None:
        sign = token[0]
        if sign == "?":
            self.flow.skip()
        elif sign == "|":
            self.flow.mark(_instant(written))
        elif sign == "$":
            self.flow.end(_instant(written))
        elif sign == "@":
            self._state = _State(self.series.interval, _integer(written))
        elif token[:2] in NOTES:
            self._note(token[1], token[2:-1])
        elif self._state:
            self.flow.add(self._sample(self._state, token, written))

    def _note(self, sign: str, written: str) -> None:
        at, _, what = written.partition(",")
        if sign == "+":
            self.flow.open(_instant(at), _integer(what))
        elif sign == "/":
            self.flow.close(_instant(at), what)
        elif self._state:
            self.flow.begin_directions().tell(spread(written))

    def _sample(self, state: _State, token: str, written: str | None) -> Sample:
        if written is not None:
            return _written(state, written)
        if token[0] == "~":
            late, what = CODES[token[1]], CODES[token[2]]
            beside = what - FAR
        else:
            late, what = divmod(CODES[token], PER_LATE)
            beside = what - FORMS - NEAR
        if what < FORMS:
            return state.loss(state.tick + 1, late, *state.forms[what])
        return state.answer(state.tick + 1, late, state.level + beside)


def _written(state: _State, written: str) -> Sample:
    first, second, *what = written.split(",")
    tick, late = state.tick + _integer(first), _integer(second)
    if len(what) == 1:
        return state.answer(tick, late, min(_integer(what[0]), MOST_LEVEL))
    return state.loss(tick, late, what[0], min(_integer(what[1]), MOST_SPENT))


def _integer(written: str | None) -> int:
    """
    Return a plausible number; raises ValueError for another.
    """
    value = int(written or "")
    if abs(value) > ABSURD:
        raise ValueError(f"{value} is no plausible number")
    return value


def _instant(written: str | None) -> float:
    value = float(written or "")
    if not abs(value) < ABSURD:
        raise ValueError(f"{value} is no plausible instant")
    return value
