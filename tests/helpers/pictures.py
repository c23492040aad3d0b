"""
Samples, drawn as a pattern in time, and their outages.
"""

from collections.abc import Iterable

from chaosfailover.outages.outage import Outage, find_outages
from chaosfailover.outages.samples import Encoder, Sample

__all__ = ["encode", "outages", "picture"]


def picture(drawing: str, interval: float = 1.0) -> list[Sample]:
    """
    Read a time pattern: `.` answered at once, `x` lost, a blank not sent.
    """
    return [
        Sample(tick * interval, mark == ".", 0.0 if mark == "." else None)
        for tick, mark in enumerate(drawing)
        if mark != " "
    ]


def encode(samples: Iterable[Sample], interval: float) -> Encoder:
    """
    Encode samples in any order.
    """
    encoder = Encoder(interval)
    for sample in sorted(samples, key=lambda sample: sample.at):
        encoder.add(sample)
    return encoder


def outages(samples: Iterable[Sample], interval: float, now: float | None = None) -> list[Outage]:
    """
    Find the outages in samples that were sent about each `interval` seconds.
    """
    return find_outages(encode(samples, interval).runs, now)
