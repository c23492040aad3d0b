"""
The parts of the failover time: divided where instants can be told apart, and nowhere else.
"""

from operator import itemgetter
from typing import Any

import pytest
from damaged_journals import ODD
from made_journals import at, changed, event, held, target

from chaosfailover.record import make_record
from chaosfailover.record.digest import misfit
from chaosfailover.report import render
from chaosfailover.verdict.evidence import ForecastPart
from chaosfailover.verdict.failover_time import FailoverTime, failover_times
from chaosfailover.verdict.journal import parse

Journal = dict[str, Any]
Ends = tuple[float, float]

TEST = {"test": "drill", "job_id": "ftj-1"}
CUT = {"test": "drill", "resource_type": "PHYSICALCONNECTION", "resource_ids": ["pc-a"]}


def seen(
    kind: str, resource_type: str, resource_id: str, status: str, ends: tuple[float | None, float]
) -> Journal:
    """Return the event of a change between two instants."""
    earliest = {} if ends[0] is None else {"earliest": at(ends[0])}
    named = {"test": "drill", "resource_type": resource_type, "resource_id": resource_id}
    return event(ends[1], kind, **named, status=status, **earliest)


def circuit(status: str, *ends: float | None) -> Journal:
    first, last = ends
    assert last is not None
    return seen("resource", "PHYSICALCONNECTION", "pc-a", status, (first, last))


def session(status: str, *ends: float | None) -> Journal:
    first, last = ends
    assert last is not None
    return seen("resource", "BGPPEER", "bgp-a", status, (first, last))


def moved(earliest: float | None, latest: float, **more: Any) -> Journal:
    since = {} if earliest is None else {"earliest": at(earliest)}
    ways = {"moved_from": ["vbr-a"], "moved_to": ["vbr-b"], **more}
    return event(latest, "routes", source="cen-1", prefixes=["p"], count=1, **since, **ways)


def loss(since: Ends, until: tuple[float, float | None]) -> Journal:
    def bounds(ends: tuple[float, float | None]) -> Journal:
        return {"earliest": at(ends[0]), "latest": None if ends[1] is None else at(ends[1])}

    return {"since": bounds(since), "until": bounds(until)}


def journal(
    *events: Journal,
    lost: Journal | None = None,
    lost_back: Journal | None = None,
    **cut: Any,
) -> Journal:
    """Return a run with a cut from 10 to 20 s, in which everything was as before at first."""
    portal = target()
    portal["cuts"][0] |= {"loss": lost, "loss_back": lost_back}
    requests = [
        event(10.05, "request", operation="StartFailoverTestJob", job_id="ftj-1"),
        event(20.05, "request", operation="StopFailoverTestJob", job_id="ftj-1"),
    ]
    ours = [
        event(1, "resource", test="drill", resource_type="BGPPEER", resource_id="bgp-a")
        | {"status": "Established"},
        circuit("Enabled", None, 1),
        event(10, "cut", **TEST),
        event(10.1, "status", **TEST, status="Starting"),
        event(12, "status", **TEST, status="Testing"),
        event(20, "stop", **TEST),
        event(20.1, "status", **TEST, status="Stopping"),
        event(22, "status", **TEST, status="Stopped"),
        event(28, "back", **TEST),
    ]
    return changed(
        held(),
        ("failover.events", sorted([*ours, *requests, *events], key=itemgetter("at"))),
        ("failover.targets", {"portal": portal}),
        ("failover.cuts", [{**CUT, **cut}]),
    )


def ends(it: FailoverTime, way: str, name: str) -> tuple[str, str]:
    seen = getattr(it, way).instants[name]
    return seen.earliest.isoformat(), seen.latest.isoformat()


def divided(document: Journal) -> FailoverTime:
    (only,) = failover_times(parse(document))
    return only


def lengths(parts: Any) -> list[tuple[object, ...]]:
    return [
        (part.begins, part.ends, pytest.approx(part.at_least), pytest.approx(part.at_most))
        for part in parts
    ]


ALL = (
    circuit("Unavailable", 11.0, 11.5),
    session("Idle", 13.0, 14.0),
    moved(14.5, 15.0),
    session("Established", 24.0, 25.0),
    circuit("Enabled", 21.0, 22.5),
)


def test_all_that_can_be_told_apart_is_a_part() -> None:
    """Each has the shortest and the longest time between its two instants."""
    lost = loss((11.6, 11.8), (15.5, 15.7))
    lost_back = loss((25.5, 25.6), (26.5, 26.6))

    it = divided(journal(*ALL, lost=lost, lost_back=lost_back))

    assert lengths(it.there.parts) == [
        ("accepted", ("down",), 0.95, 1.5),
        ("down", ("loss",), 0.1, 0.8),
        ("loss", ("session",), 1.2, 2.4),
        ("session", ("routes",), 0.5, 2.0),
        ("routes", ("recovered",), 0.5, 1.2),
    ]
    assert lengths(it.back.parts) == [
        ("stopped", ("resource",), 0.95, 2.5),
        ("resource", ("session",), 1.5, 4.0),
        ("session", ("loss",), 0.5, 1.6),
        ("loss", ("reverted",), 0.9, 1.1),
    ]
    assert ([*it.there.unplaced], [*it.back.unplaced]) == ([], ["as_before"])


def test_instants_whose_bounds_overlap_end_one_part() -> None:
    """It lasts to the last of them in the order of the chain."""
    events = (circuit("Unavailable", 11.0, 11.1), session("Idle", 13.0, 15.0))

    it = divided(journal(*events, lost=loss((11.2, 11.3), (14.0, 14.1))))

    assert lengths(it.there.parts) == [
        ("accepted", ("down",), 0.95, 1.1),
        ("down", ("loss",), 0.1, 0.3),
        ("loss", ("session", "recovered"), 2.7, 2.9),
    ]


def test_what_overlaps_several_divides_nothing() -> None:
    """The others stay divided, and its bounds are told."""
    events = (session("Idle", 13.0, 13.5), moved(10.5, 15.5))

    it = divided(journal(*events, lost=loss((11.2, 11.3), (14.0, 14.1))))

    assert [part.ends for part in it.there.parts] == [("loss",), ("session",), ("recovered",)]
    assert [*it.there.unplaced] == ["routes"]
    assert it.there.instants["routes"] is not None


def test_what_was_not_seen_is_none() -> None:
    """Nothing stands in for it: the part reaches to the next instant that was seen."""
    it = divided(journal(lost=loss((11.2, 11.3), (14.0, 14.1))))

    assert [name for name, seen in it.there.instants.items() if seen is None] == [
        "down",
        "session",
        "routes",
    ]
    assert lengths(it.there.parts) == [
        ("accepted", ("loss",), 1.15, 1.3),
        ("loss", ("recovered",), 2.7, 2.9),
    ]


@pytest.mark.parametrize(
    ("lost", "unseen"),
    [
        pytest.param(None, {"loss", "recovered"}, id="nothing was lost"),
        pytest.param(loss((8.0, 9.0), (12.0, 12.1)), {"loss", "recovered"}, id="lost before"),
        pytest.param(loss((11.0, 11.1), (13.0, None)), {"recovered"}, id="no end"),
    ],
)
def test_loss_that_is_not_of_the_cut_or_not_over(lost: Journal | None, unseen: set[str]) -> None:
    """A loss that began before the cut has another cause, and one without end has no recovery."""
    it = divided(journal(*ALL, lost=lost))

    assert {name for name, seen in it.there.instants.items() if seen is None} == unseen


def test_nothing_comes_before_its_request() -> None:
    """The last look before a change may have been long before the cut."""
    it = divided(journal(circuit("Unavailable", None, 11.0), session("Idle", 4.0, 11.5)))

    assert ends(it, "there", "down") == (at(10), at(11))
    assert ends(it, "there", "session") == (at(10), at(11.5))


def test_look_in_which_one_has_changed_and_another_has_not_tells_their_order() -> None:
    """Resources are read before sessions, so the bounds may share the time of that look."""
    events = (circuit("Unavailable", 10.5, 11.51), session("Idle", 11.5, 12.5))
    together = (circuit("Unavailable", 10.5, 11.51), session("Idle", 10.5, 11.52))

    told, untold = divided(journal(*events)), divided(journal(*together))

    assert [part.ends for part in told.there.parts] == [("down",), ("session",)]
    assert told.there.parts[1].at_least == 0.0
    assert [part.ends for part in untold.there.parts] == [("down", "session")]


def test_several_sessions_are_one_instant_that_holds_for_each() -> None:
    """Which of them a target depends on is not known."""
    other = session("Idle", 15.0, 16.0) | {"resource_id": "bgp-b"}
    before = session("Established", None, 1) | {"resource_id": "bgp-b"}

    it = divided(journal(session("Idle", 13.0, 14.0), before, other))

    assert ends(it, "there", "session") == (at(13), at(16))


def test_last_return_counts() -> None:
    """What flaps is back when it stays so."""
    events = (
        session("Idle", 13.0, 14.0),
        session("Established", 22.0, 22.5),
        session("Idle", 23.0, 23.5),
        session("Established", 24.0, 24.5),
    )

    it = divided(journal(*events))

    assert ends(it, "back", "session") == (at(24), at(24.5))
    assert ends(it, "back", "as_before") == (at(24), at(28))


def test_return_that_did_not_last_was_seen() -> None:
    """What is away again at the end was back before; everything is not."""
    events = (
        session("Idle", 13.0, 14.0),
        session("Established", 22.0, 22.5),
        session("Idle", 29.0, 29.5),
        event(29.5, "away", test="drill"),
    )

    it = divided(journal(*events))

    assert ends(it, "back", "session") == (at(22), at(22.5))
    assert it.back.instants["as_before"] is None


def test_session_that_stays_down_was_not_seen_back() -> None:
    """Neither was everything, though an earlier event said so."""
    events = (session("Idle", 13.0, 14.0), session("Unknown", 22.0, 22.5))

    assert divided(journal(*events)).back.instants["session"] is None


@pytest.mark.parametrize(
    "routes",
    [
        pytest.param(moved(14.0, 15.0, moved_from=None), id="first read"),
        pytest.param(moved(14.0, 15.0, moved_to=[]), id="ended"),
        pytest.param(moved(24.0, 25.0), id="after the stop"),
        pytest.param(event(15, "routes", source="cen-1", reason="unread"), id="unread"),
    ],
)
def test_routes_that_did_not_move(routes: Journal) -> None:
    """Only a change from one way to another in the cut is one."""
    assert divided(journal(routes)).there.instants["routes"] is None


SPANS = {
    "detection": {"least": 1.0, "most": 3.0, "never": False},
    "convergence": {"least": 0.0, "most": 1.0, "never": False},
}


@pytest.mark.parametrize(
    ("events", "spans", "expected"),
    [
        pytest.param(
            ALL,
            SPANS,
            [None, None, ForecastPart(1, 3, False), ForecastPart(0, 1, False), None],
            id="each beside its own",
        ),
        pytest.param((), SPANS, [None, ForecastPart(1, 4, False)], id="both in one part"),
        pytest.param(
            (),
            {"convergence": {"least": 10.0, "most": None, "never": False}},
            [None, ForecastPart(10, None, False)],
            id="one is not known",
        ),
        pytest.param((), {}, [None, None], id="neither is known"),
        pytest.param(
            (),
            {"detection": {"least": None, "most": None, "never": True}},
            [None, ForecastPart(0, None, True)],
            id="never",
        ),
    ],
)
def test_parts_have_their_forecast(
    events: tuple[Journal, ...], spans: Journal, expected: list[ForecastPart | None]
) -> None:
    """That of detection, of convergence, or the sum of both where they are one part."""
    takeover = [{"need": "cen-1 (IPv4)", "least": 0.0, **spans}]
    lost = loss((11.6, 11.8), (15.5, 15.7))

    it = divided(journal(*events, lost=lost, takeover=takeover))

    assert [part.forecast for part in it.there.parts] == expected


@pytest.mark.parametrize(
    ("events", "lost", "expected"),
    [
        pytest.param(
            (session("Idle", 13.0, 14.0),),
            loss((13.5, 13.8), (15.5, 15.7)),
            [("accepted", None), ("session", (0, 1))],
            id="first loss and detection",
        ),
        pytest.param(
            (circuit("Unavailable", 11.0, 11.1), session("Idle", 13.0, 14.0)),
            None,
            [("accepted", None), ("down", None)],
            id="no loss seen",
        ),
        pytest.param(
            (session("Idle", 11.0, 11.1),),
            loss((13.0, 13.6), (13.5, 13.7)),
            [("accepted", None), ("session", None)],
            id="first and last loss",
        ),
        pytest.param(
            (session("Idle", 13.0, 14.0),),
            loss((11.2, 11.3), (13.5, 13.7)),
            [("accepted", None), ("loss", (1, 4))],
            id="from the first loss on",
        ),
    ],
)
def test_time_before_the_first_loss_has_no_forecast(
    events: tuple[Journal, ...],
    lost: Journal | None,
    expected: list[tuple[str, tuple[float, float] | None]],
) -> None:
    """So a part that holds some, and cannot be divided, has none either."""
    it = divided(journal(*events, lost=lost, takeover=[{"need": "cen-1 (IPv4)", **SPANS}]))

    assert [
        (part.begins, part.forecast and (part.forecast.least, part.forecast.most))
        for part in it.there.parts
    ] == expected


@pytest.mark.parametrize("ahead", [-1.0, 4.0], ids=["set forward", "set back"])
def test_clock_that_was_set_hides_the_losses(ahead: float) -> None:
    """The checks have a clock of their own, from which the wall clock then differs."""
    document = journal(*ALL, lost=loss((11.6, 11.8), (15.5, 15.7)))
    document["failover"]["targets"]["portal"]["cuts"][0]["cut_at"] = at(10 + ahead)

    times = failover_times(parse(document))

    assert [it.there.instants["loss"] for it in times] in ([None], [])


def test_external_target_has_no_parts() -> None:
    """The cut could not touch it."""
    document = journal(*ALL)
    document["failover"]["targets"]["portal"]["external"] = True

    assert failover_times(parse(document)) == []


def test_run_without_a_stop_has_a_way_there() -> None:
    """Killed, it was not seen to end."""
    document = journal(*ALL, lost=loss((11.6, 11.8), (15.5, 15.7)))
    events = [
        each
        for each in document["failover"]["events"]
        if each["at"] < at(20) and each["kind"] != "stop"
    ]

    it = divided(changed(document, ("failover.events", events)))

    assert [part.ends for part in it.there.parts][-1] == ("recovered",)
    assert set(it.back.instants.values()) == {None}
    assert [*it.back.parts] == []


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize(
    "place",
    [
        "targets.portal.cuts.0.loss",
        "targets.portal.cuts.0.loss.since",
        "targets.portal.cuts.0.loss.until.latest",
        "targets.portal.cuts.0.cut_at",
        "events.5.earliest",
        "events.8.moved_to",
        "cuts.0.takeover.0.detection",
        "cuts.0.takeover.0.convergence.most",
        "cuts.0.resource_ids",
    ],
)
def test_damage_is_no_error(place: str, value: Any) -> None:
    """What cannot be read was not seen, and the record matches its schema."""
    takeover = [{"need": "cen-1 (IPv4)", **SPANS}]
    document = journal(*ALL, lost=loss((11.6, 11.8), (15.5, 15.7)), takeover=takeover)

    damaged = changed(document, (f"failover.{place}", value))

    assert misfit(make_record(damaged)) == ""
    assert render([damaged], "html")
