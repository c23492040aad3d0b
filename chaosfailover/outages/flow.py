"""
A flow: the samples of one UDP source port or of one kept connection, in one series.

A target without flows has one too, of checks that each are a flow of their own.
"""

from dataclasses import dataclass

from chaosfailover.outages.directions import Directions
from chaosfailover.outages.samples import Sample
from chaosfailover.outages.series import Series

__all__ = ["MOST_CONNECTIONS", "MOST_FLOWS", "Connection", "Flow"]

MOST_FLOWS = 64
"""Flows of a target."""
MOST_CONNECTIONS = 200
"""Connections of a flow that are kept in mind, the last ones."""


@dataclass(slots=True)
class Connection:
    """
    A kept connection or source port: when it was opened and, by which failure, ended.
    """

    opened_at: float
    port: int
    ended_at: float | None = None
    ended_by: str | None = None


class Flow:
    """
    The series of a flow, its last connections, and its directions if a responder tells them.

    `unjudged` counts checks without a result, for reasons of our own.
    """

    def __init__(self, interval: float) -> None:
        self.series = Series(interval)
        self.connections: list[Connection] = []
        self.directions: Directions | None = None
        self.unjudged = 0

    def add(self, sample: Sample, sequence: int = 0) -> None:
        """
        Append one sample, in the order of sending.
        """
        self.series.add(sample)
        if self.directions:
            self.directions.add(sample, sequence)

    def skip(self) -> None:
        """
        Note a check without a result, in the order of sending.
        """
        self.unjudged += 1
        self.series.skip()

    def begin_directions(self) -> Directions:
        """
        Return the directions; they are known from a responder's first answer on.
        """
        if self.directions is None:
            self.directions = Directions(self.series.interval, self.series.timeline.marks)
        return self.directions

    def open(self, at: float, port: int) -> None:
        """
        Note a new connection, or a new source port.
        """
        self.connections.append(Connection(at, port))
        del self.connections[:-MOST_CONNECTIONS]

    def close(self, at: float, kind: str) -> None:
        """
        Note that the connection ended, and how.
        """
        if self.connections and self.connections[-1].ended_at is None:
            self.connections[-1].ended_at, self.connections[-1].ended_by = at, kind

    def mark(self, at: float) -> None:
        """
        Divide the timelines at the border of two phases.
        """
        self.series.timeline.mark(at)
        if self.directions:
            self.directions.mark(at)

    def end(self, at: float) -> None:
        """
        Note that checks were due up to this instant.
        """
        self.series.end(at)
        if self.directions:
            self.directions.end(at)
