"""
Samples as text: what is read equals what was measured with, and its bounds are never too narrow.
"""

import json
import random

import pytest

from chaosfailover.outages.outage import find_outages
from chaosfailover.outages.sample_code import SampleDecoder, SampleEncoder
from chaosfailover.outages.samples import Sample
from chaosfailover.outages.series import Series

ERRORS = ("timeout", "refused", "http-503", "reset", "unreachable")


def samples(rng: random.Random, count: int, share: float, interval: float) -> list[Sample]:
    """
    Return samples of a target that is lost for a share of its checks, with stalls and jitter.
    """
    base, tick = rng.uniform(1e3, 1e7), 0
    usual, found = rng.choice((2e-4, 5e-3, 0.03)), []
    for _ in range(count):
        late = abs(rng.gauss(0, 0.0006)) if rng.random() < 0.95 else rng.uniform(0, 0.5 * interval)
        at = base + tick * interval + late
        if rng.random() < share:
            spent = rng.choice((0.0, 0.0003, rng.uniform(0, 0.9)))
            found.append(Sample(at, False, None, rng.choice(ERRORS), late, spent))
        else:
            found.append(Sample(at, True, usual * rng.lognormvariate(0, 0.2), None, late))
        tick += 1 if rng.random() < 0.995 else rng.randint(2, 40)
    return found


@pytest.mark.parametrize("seed", range(30))
def test_text_is_read_as_it_was_measured(seed: int) -> None:
    """Series, with their marks and their end, are the same to the last digit."""
    rng = random.Random(seed)
    interval = rng.choice((0.01, 0.1, 0.0333, 1.0))
    encoder, series = SampleEncoder(interval), Series(interval)
    texts, unjudged = [], 0
    for sample in samples(rng, 3000, rng.choice((0.0, 0.01, 0.3, 0.9)), interval):
        if rng.random() < 0.002:
            encoder.mark(sample.at - 1e-3)
            series.timeline.mark(sample.at - 1e-3)
        if rng.random() < 0.01:
            encoder.skip()
            unjudged += 1
        series.add(encoder.encode(sample))
        if rng.random() < 0.02:
            texts.append(encoder.take())
        if rng.random() < 0.001:
            encoder.begin_anew()
    encoder.end(sample.at + 3.0)
    series.end(sample.at + 3.0)

    decoder = SampleDecoder(interval)
    for text in json.loads(json.dumps([*texts, encoder.take()])):
        decoder.read(text)

    assert decoder.series.as_dict() == series.as_dict()
    assert decoder.unjudged == unjudged


@pytest.mark.parametrize("seed", range(10))
def test_bounds_only_widen(seed: int) -> None:
    """An outage between the bounds of what was measured is between those of the text."""
    rng = random.Random(100 + seed)
    encoder, exact, rounded = SampleEncoder(0.1), Series(0.1), Series(0.1)
    for sample in samples(rng, 400, 0.2, 0.1):
        exact.add(sample)
        rounded.add(encoder.encode(sample))

    pairs = list(zip(find_outages(exact.runs), find_outages(rounded.runs), strict=True))

    assert pairs
    for true, written in pairs:
        assert written.at_least <= true.at_least + 1e-9
        assert written.at_most >= true.at_most - 1e-9
        assert written.at_most <= true.at_most * 1.06 + 0.002


def test_text_after_a_loss_of_text_is_read_from_the_next_beginning() -> None:
    """What cannot be told is a gap, never a wrong instant."""
    rng = random.Random(7)
    encoder, true = SampleEncoder(0.1), []
    texts = []
    for number, sample in enumerate(samples(rng, 600, 0.1, 0.1)):
        true.append(encoder.encode(sample))
        if number % 100 == 99:
            texts.append(encoder.take())
        if number == 399:
            encoder.begin_anew()
    decoder = SampleDecoder(0.1)
    for number, text in enumerate(texts):
        if number == 2:
            decoder.lose()
            continue
        decoder.read(text)

    assert decoder.series.sent == 200 + 200
    assert decoder.series.runs[-1].until == true[-1].at
    assert decoder.series.gaps


def test_losses_and_the_answers_after_them_are_news() -> None:
    """Whoever follows the evidence sees at once that a target is down, and that it is back."""
    encoder, news = SampleEncoder(0.1), []
    for tick, result in enumerate("..xx..x."):
        encoder.encode(Sample(1.0 + tick / 10, result == ".", 0.01 if result == "." else None))
        news.append(encoder.has_news)
        encoder.take()

    assert "".join("n" if new else "-" for new in news) == "n-nnn-nn"
