"""
The course of a service's traffic, as pictures.

One letter per half second: the path that carries, `.` for a stall, `>` for a stall on the way out
only, `<` on the way back only, `-` for no route. The cut lasts from 1 s to 6 s; detection takes
1 s, the way back starts 1 s after the cut and loses 0.5 s.
"""

from dataclasses import replace
from math import inf

import pytest

from chaosfailover.emulator.downtime import Downtime
from chaosfailover.emulator.resources import CIRCUIT, VBR, Network
from chaosfailover.emulator.routing import Segment, courses
from chaosfailover.emulator.services import Route, Service
from chaosfailover.emulator.settings import Settings
from chaosfailover.emulator.topology import load

NETWORK: Network = load("dual-circuit").network
SETTINGS = Settings(revert_delay=1.0, revert_loss=0.5)
A = Route("a", "bgp-rehearsal-a", detection=1.0)
B = Route("b", "bgp-rehearsal-b", detection=1.0)
CUT_A = Downtime(("pc-rehearsal-a",), 1.0, 6.0, 1)
CUT_B = Downtime(("pc-rehearsal-b",), 1.0, 6.0, 1)


def service(*paths: Route) -> Service:
    """
    Return a service with paths in order of preference.
    """
    return Service("s", "http", 0, tuple((path,) for path in paths))


def picture(course: tuple[Segment, ...], until: float = 9.0) -> str:
    """
    Draw a course.
    """
    letters = []
    for tick in range(int(until * 2)):
        segment = [each for each in course if each.start <= tick / 2][-1]
        name = segment.path.name if segment.path else "-"
        stall = {"both": ".", "out": ">", "back": "<"}[segment.loses]
        letters.append(name if segment.flows or not segment.path else stall)
    return "".join(letters)


@pytest.mark.parametrize(
    ("paths", "cuts", "expected"),
    [
        pytest.param((A, B), (), "aaaaaaaaaaaaaaaaaa", id="no cut"),
        pytest.param((A, B), (CUT_A,), "aa..bbbbbbbbbb.aaa", id="moves over and back"),
        pytest.param((A, B), (CUT_B,), "aaaaaaaaaaaaaaaaaa", id="the standby is cut"),
        pytest.param((A,), (CUT_A,), "aa..----------aaaa", id="nothing to move to"),
        pytest.param((A, B), (CUT_A, CUT_B), "aa..----------aaaa", id="both are cut"),
        pytest.param(
            (A, replace(B, carries=False)), (CUT_A,), "aa............aaaa", id="broken standby"
        ),
        pytest.param(
            (A, B), (replace(CUT_A, end=1.5),), "aa.aaaaaaaaaaaaaaa", id="shorter than detection"
        ),
        pytest.param((A, B), (replace(CUT_A, end=inf),), "aa..bbbbbbbbbbbbbb", id="never restored"),
        pytest.param(
            (A, B),
            (replace(CUT_A, end=3.0), Downtime(("bgp-rehearsal-a",), 3.5, 5.0, 2)),
            "aa..bbbbbbbb.aaaaa",
            id="cut again before the way back",
        ),
        pytest.param(
            (A, B), (Downtime(("vbr-rehearsal-a",), 1.0, 6.0, 1),), "aa..bbbbbbbbbb.aaa", id="a VBR"
        ),
    ],
)
def test_course(paths: tuple[Route, ...], cuts: tuple[Downtime, ...], expected: str) -> None:
    course = courses(service(*paths), cuts, NETWORK, SETTINGS, seed=1)[0]

    assert picture(course) == expected


VBR_A = Downtime(("vbr-rehearsal-a",), 1.5, 6.0, 2, kind=VBR)


@pytest.mark.parametrize(
    ("loses", "paths", "cuts", "expected"),
    [
        pytest.param({CIRCUIT: "out"}, (A, B), (CUT_A,), "aa>>bbbbbbbbbb.aaa", id="out"),
        pytest.param({CIRCUIT: "back"}, (A, B), (CUT_A,), "aa<<bbbbbbbbbb.aaa", id="back"),
        pytest.param({VBR: "back"}, (A, B), (CUT_A,), "aa..bbbbbbbbbb.aaa", id="of another type"),
        pytest.param(
            {CIRCUIT: "out", VBR: "back"}, (A, B), (CUT_A, VBR_A), "aa>.bbbbbbbbbb.aaa", id="each"
        ),
        pytest.param(
            {CIRCUIT: "out", VBR: "out"}, (A, B), (CUT_A, VBR_A), "aa>>bbbbbbbbbb.aaa", id="same"
        ),
        pytest.param({CIRCUIT: "out"}, (A,), (CUT_A,), "aa>>----------aaaa", id="no route is both"),
        pytest.param(
            {CIRCUIT: "out"},
            (A, replace(B, carries=False)),
            (CUT_A,),
            "aa>>..........aaaa",
            id="a broken standby is both",
        ),
    ],
)
def test_a_cut_may_lose_one_direction(
    loses: dict[str, str], paths: tuple[Route, ...], cuts: tuple[Downtime, ...], expected: str
) -> None:
    settings = replace(SETTINGS, loses={**SETTINGS.loses, **loses})
    course = courses(service(*paths), cuts, NETWORK, settings, seed=1)[0]

    assert picture(course) == expected


@pytest.mark.parametrize(
    ("resource", "fields", "expected"),
    [
        ("bgp-rehearsal-b", {"BgpStatus": "Idle"}, "aa..----------aaaa"),
        ("vbr-rehearsal-b", {"Status": "terminated"}, "aa..----------aaaa"),
        ("pc-rehearsal-b", {"Status": "Terminated"}, "aa..----------aaaa"),
        ("pc-rehearsal-a", {"Status": "Terminated"}, "bbbbbbbbbbbbbbbbbb"),
    ],
)
def test_nothing_takes_a_path_that_is_out_of_service(
    resource: str, fields: dict[str, str], expected: str
) -> None:
    network = NETWORK.changed(resource, **fields)
    course = courses(service(A, B), (CUT_A,), network, SETTINGS, seed=1)[0]

    assert picture(course) == expected


def test_a_vbr_on_two_circuits_is_in_service_with_one() -> None:
    network = load("two-regions").network
    one = network.changed("pc-hangzhou-a", Status="Terminated")
    none = one.changed("pc-hangzhou-b", Status="Terminated")

    assert [each.in_service("vbr-two-circuits") for each in (network, one, none)] == [
        True,
        True,
        False,
    ]


def test_detection_times_are_drawn_from_their_range_by_the_seed() -> None:
    path = replace(A, detection=(0.5, 2.5))

    def moved_at(seed: int) -> float:
        course = courses(service(path, B), (CUT_A,), NETWORK, SETTINGS, seed)[0]
        return next(each.start for each in course if each.path is B)

    moments = [moved_at(seed) for seed in range(20)]

    assert moments == [moved_at(seed) for seed in range(20)]
    assert all(1.5 <= each <= 3.5 for each in moments)
    assert len(set(moments)) == 20


@pytest.mark.parametrize(
    ("count", "cuts", "expected"),
    [
        pytest.param(2, (), ["ab"] * 9, id="no cut"),
        pytest.param(
            2, (CUT_A,), ["ab", ".b", "bb", "bb", "bb", "bb", "bb", ".b", "ab"], id="one of two"
        ),
        pytest.param(
            2,
            (CUT_A, CUT_B),
            ["ab", "..", "--", "--", "--", "--", "--", "ab", "ab"],
            id="both",
        ),
        pytest.param(
            3,
            (CUT_A,),
            [
                "abcabc",
                ".bc.bc",
                *["bbccbc"] * 5,
                ".bc.bc",
                "abcabc",
            ],
            id="one of three: the others take a share each",
        ),
    ],
)
def test_equal_paths_share_the_flows(
    count: int, cuts: tuple[Downtime, ...], expected: list[str]
) -> None:
    """One letter per flow group, once a second; a cut hits the groups of its path alone."""
    third = Route("c", "vbr-rehearsal-b", detection=1.0)
    network = NETWORK
    equal = Service("s", "http", 0, ((A, B, third)[:count],))

    drawn = [picture(course) for course in courses(equal, cuts, network, SETTINGS, seed=1)]

    assert ["".join(letters) for letters in zip(*(each[::2] for each in drawn), strict=True)] == (
        expected
    )


def test_every_flow_group_of_equal_paths_has_another_order() -> None:
    paths = [Route(name, "bgp-rehearsal-a") for name in "abcd"]
    orders = Service("s", "udp", 0, (tuple(paths),)).orders
    first_two = {(order[0].name, order[1].name) for order in orders}

    assert len(orders) == len(first_two) == 12
    assert all(sorted(each.name for each in order) == list("abcd") for order in orders)
