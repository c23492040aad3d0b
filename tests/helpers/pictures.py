"""
Samples, drawn as a pattern in time.
"""

from chaosfailover.outages.samples import Sample

__all__ = ["picture"]


def picture(drawing: str, interval: float = 1.0) -> list[Sample]:
    """
    Read a time pattern: `.` answered at once, `x` lost, a blank not sent.
    """
    return [
        Sample(tick * interval, mark == ".", 0.0 if mark == "." else None)
        for tick, mark in enumerate(drawing)
        if mark != " "
    ]
