"""
Moved routes are events: what moved, from where to where.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from routed import P, Routed, transit_route, vbr_route

from chaosfailover import events
from chaosfailover.network.routes import RouteTables
from chaosfailover.network.routing import Unread
from chaosfailover.safety.route_watch import MOST_PREFIXES, RouteWatch

EAST, WEST, CEN = "vbr-east", "vbr-west", "cen-main"


@pytest.fixture
def seen() -> Iterator[list[events.Event]]:
    listed: list[events.Event] = []
    with events.listening(listed.append):
        yield listed


def watch() -> RouteWatch:
    return RouteWatch([EAST, WEST])


def tables(**parts: object) -> RouteTables:
    return RouteTables(Routed(CEN, **parts).routing)  # type: ignore[arg-type]


def moves(seen: list[events.Event]) -> list[tuple[object, ...]]:
    return [
        (event["source"], event["prefixes"], event["moved_from"], event["moved_to"])
        for event in seen
    ]


def test_what_moves_is_told_from_whom_to_whom(seen: list[events.Event]) -> None:
    """Before, during and after a cut; what stays is no event."""
    watching = watch()
    both = tables()
    gone = tables(east=(), fabric=(transit_route(WEST),))
    for now in (both, both, gone, gone, both):
        for source in (EAST, WEST, CEN):
            watching.see(source, now)

    assert moves(seen) == [
        (EAST, [P], None, [EAST]),
        (WEST, [P], None, [WEST]),
        (CEN, [P], None, [EAST, WEST]),
        (EAST, [P], [EAST], []),
        (CEN, [P], [EAST, WEST], [WEST]),
        (EAST, [P], [], [EAST]),
        (CEN, [P], [WEST], [EAST, WEST]),
    ]


def test_move_has_the_earliest_instant_at_which_it_may_have_come(
    seen: list[events.Event],
) -> None:
    """It came after the last read of that table that saw the old way was asked for."""
    watching, asked = watch(), [datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC) for second in (1, 6)]
    both = tables()
    gone = tables(east=(), fabric=(transit_route(WEST),))
    watching.see(CEN, both)
    watching.see(CEN, both, asked[0])
    watching.miss(CEN, "ListTransitRouters: Throttling")
    watching.see(CEN, gone, asked[1])
    watching.see(CEN, both, asked[1])

    assert [event.get("earliest") for event in seen if "moved_to" in event] == [
        None,
        asked[0].isoformat(),
        asked[1].isoformat(),
    ]


def test_other_prefixes_are_not_followed(seen: list[events.Event]) -> None:
    """A transit router has routes of the whole CEN."""
    watching = watch()
    watching.see(CEN, tables(fabric=(transit_route("vpc-1", "172.16.0.0/12"),)))
    watching.see(CEN, tables(fabric=()))

    assert seen == []


def test_many_prefixes_are_one_event(seen: list[events.Event]) -> None:
    """Some are named, and all are counted."""
    routes = tuple(vbr_route(f"10.{number}.0.0/16") for number in range(100))
    watch().see(EAST, tables(east=routes))

    (event,) = seen
    assert event["count"] == 100
    assert len(event["prefixes"]) == MOST_PREFIXES


def test_unread_routes_are_told_once(seen: list[events.Event]) -> None:
    """They are no move: what was last seen stays, until they are read again."""
    watching = watch()
    unread = tables(east=Unread("DescribeRouteEntryList", "Throttling"))
    for now in (tables(), unread, unread, tables(), unread):
        watching.see(EAST, now)

    kinds = ["reason" if event.get("reason") else "moved" for event in seen]
    assert kinds == ["moved", "reason", "reason"]
    assert "Throttling" in seen[1]["reason"]
