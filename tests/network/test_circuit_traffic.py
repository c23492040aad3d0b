"""
Traffic of circuits before, during and after a cut; what was not seen is not zero.
"""

from datetime import UTC, datetime, timedelta

from routed import Routed

from chaosfailover.network.circuit_traffic import CutTimes, circuit_traffic
from chaosfailover.network.routing import Datapoint, Traffic, Unread

CUT = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def minutes(number: float) -> datetime:
    return CUT + timedelta(minutes=number)


def traffic(**rates: float) -> Traffic:
    """Return rates in Mbit/s at minutes after the cut, such as `at_5` or `before_10`."""
    points = tuple(
        Datapoint(minutes(int(name.split("_")[1]) * (-1 if "before" in name else 1)), rate * 1e6)
        for name, rate in rates.items()
    )
    return Traffic(points, tuple(Datapoint(at, rate / 2) for at, rate in points))


TIMES = CutTimes(CUT, minutes(10), minutes(11))


def rows(east: object, west: object, times: CutTimes = TIMES) -> list[dict[str, object]]:
    read = {"vbr-east": east, "vbr-west": west}
    return circuit_traffic(Routed().cut(), read, times)  # type: ignore[arg-type]


def test_traffic_moves_from_circuit_to_circuit() -> None:
    """Both directions, in each phase."""
    east = traffic(before_10=100, before_5=300, at_0=0, at_5=0, at_15=200)
    west = traffic(before_10=0, before_5=0, at_0=190, at_5=210, at_15=10)

    assert rows(east, west) == [
        {
            "circuit_id": "pc-east",
            "before": {"inbound": 200.0, "outbound": 100.0},
            "during": {"inbound": 0.0, "outbound": 0.0},
            "after": {"inbound": 200.0, "outbound": 100.0},
        },
        {
            "circuit_id": "pc-west",
            "before": {"inbound": 0.0, "outbound": 0.0},
            "during": {"inbound": 200.0, "outbound": 100.0},
            "after": {"inbound": 10.0, "outbound": 5.0},
        },
    ]


def test_what_is_not_there_yet_is_not_seen() -> None:
    """CloudMonitor is minutes late, and may not be read at all."""
    unread = Unread("DescribeMetricList", "CMS was not reached within 5 s")

    east, west = rows(traffic(before_5=100), unread, CutTimes(CUT, None, None))

    assert [east[phase] for phase in ("during", "after")] == [None, None]
    assert [west[phase] for phase in ("before", "during", "after")] == [None, None, None]
