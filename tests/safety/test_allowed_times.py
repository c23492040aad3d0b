"""
A live cut may run at the allowed times only, whatever the clocks do.
"""

import random
import re
import sys
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from chaosfailover.errors import ArgumentError, GuardError
from chaosfailover.safety.allowed_times import AllowedTimes
from chaosfailover.safety.cut import ApprovedCuts, Cut

OFFICE = "Mon-Fri 10:00-16:00 Asia/Shanghai"


def problem(begins: str, minutes: int, windows: list[str], blackouts: list[str]) -> str:
    """
    Return why a cut of so many minutes from an instant on is not allowed.
    """
    at = datetime.fromisoformat(begins)
    return AllowedTimes.parse(windows, blackouts).problem(at, at + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("begins", "minutes", "window", "allowed"),
    [
        pytest.param("2026-11-30T10:00+08:00", 360, OFFICE, True, id="all of a window"),
        pytest.param("2026-11-30T09:59+08:00", 5, OFFICE, False, id="before it"),
        pytest.param("2026-11-30T15:56+08:00", 5, OFFICE, False, id="still running after it"),
        pytest.param("2026-11-29T12:00+08:00", 5, OFFICE, False, id="on another day"),
        pytest.param("2026-11-30T02:30Z", 5, OFFICE, True, id="asked in UTC"),
        pytest.param("2026-11-30T10:30Z", 5, OFFICE, False, id="not its hours in UTC"),
        pytest.param("2026-11-28T03:00Z", 60, "Fri 22:00-04:00 UTC", True, id="over midnight"),
        pytest.param("2026-11-29T03:00Z", 60, "Fri 22:00-04:00 UTC", False, id="of another night"),
        pytest.param("2026-11-28T23:00Z", 120, "Sat-Sun 00:00-24:00 UTC", True, id="two days"),
        pytest.param("2026-11-29T23:00Z", 120, "Fri-Mon 00:00-24:00 UTC", True, id="over Sunday"),
        pytest.param("2026-12-01T12:00Z", 5, "tue, THU 10:00-16:00 UTC", True, id="list of days"),
        pytest.param("2026-12-02T12:00Z", 5, "Tue,Thu 10:00-16:00 UTC", False, id="between them"),
    ],
)
def test_window(begins: str, minutes: int, window: str, allowed: bool) -> None:
    """A cut has to begin and to be over in it."""
    assert (problem(begins, minutes, [window], []) == "") is allowed


@pytest.mark.parametrize(
    ("begins", "minutes", "window", "allowed"),
    [
        # On 2026-03-29 at 02:00, clocks in Berlin go to 03:00; on 2026-10-25 at 03:00, to 02:00.
        pytest.param("2026-03-28T09:00Z", 60, "Sat-Sun 10:00-11:00 Europe/Berlin", True, id="CET"),
        pytest.param("2026-03-29T08:00Z", 60, "Sat-Sun 10:00-11:00 Europe/Berlin", True, id="CEST"),
        pytest.param("2026-03-29T09:00Z", 5, "Sun 10:00-11:00 Europe/Berlin", False, id="as CET"),
        pytest.param("2026-03-29T00:30Z", 60, "Sun 01:30-03:30 Europe/Berlin", True, id="forward"),
        pytest.param(
            "2026-03-29T01:00Z", 15, "Sun 02:30-04:00 Europe/Berlin", False, id="no 02:30"
        ),
        pytest.param("2026-03-29T01:00Z", 5, "Sun 00:00-02:30 Europe/Berlin", False, id="nor here"),
        pytest.param(
            "2026-10-25T00:30Z", 30, "Sun 02:30-04:00 Europe/Berlin", False, id="02:30 yet"
        ),
        pytest.param("2026-10-25T01:30Z", 30, "Sun 02:30-04:00 Europe/Berlin", True, id="twice"),
        pytest.param(
            "2026-10-25T00:30Z", 45, "Sun 00:00-02:30 Europe/Berlin", False, id="first end"
        ),
        pytest.param(
            "2026-04-25T20:00Z",
            600,
            "Mon-Sun 00:00-24:00 Africa/Cairo",
            True,
            id="midnight skipped",
        ),
        pytest.param(
            "2026-10-29T18:00Z", 600, "Mon-Sun 00:00-24:00 Africa/Cairo", True, id="midnight twice"
        ),
    ],
)
def test_daylight_saving_time(begins: str, minutes: int, window: str, allowed: bool) -> None:
    """Times of day are those of the zone on that day; what exists twice, or not, is left out."""
    assert (problem(begins, minutes, [window], []) == "") is allowed


def test_windows_of_two_zones_join() -> None:
    """A cut may begin in one window and end in another, if nothing lies between."""
    windows = ["Mon 08:00-10:00 UTC", "Mon 18:00-20:00 Asia/Shanghai"]

    assert problem("2026-11-30T09:30Z", 60, windows, []) == ""
    assert problem("2026-11-30T07:30Z", 60, windows, []) != ""


@pytest.mark.parametrize(
    ("begins", "blackout", "windows", "allowed"),
    [
        pytest.param("2026-12-24T02:00Z", "2026-12-24", [OFFICE], False, id="date"),
        pytest.param("2026-12-25T02:00Z", "2026-12-24", [OFFICE], True, id="day after"),
        pytest.param(
            "2026-12-28T02:00Z", "2026-12-24 to 2027-01-02", [OFFICE], False, id="in both"
        ),
        pytest.param("2027-01-04T02:00Z", "2026-12-24 to 2027-01-02", [OFFICE], True, id="over"),
        pytest.param("2026-12-24T23:00Z", "2026-12-25 Asia/Shanghai", [], False, id="own zone"),
        pytest.param("2026-12-25T17:00Z", "2026-12-25 Asia/Shanghai", [], True, id="over there"),
        pytest.param("2026-12-24T11:00Z", "2026-12-25", [], False, id="begun in Kiribati"),
        pytest.param("2026-12-24T09:00Z", "2026-12-25", [], True, id="begun nowhere"),
        pytest.param("2026-12-26T11:00Z", "2026-12-25", [], False, id="not over on Baker Island"),
        pytest.param("2026-12-26T12:00Z", "2026-12-25", [], True, id="over everywhere"),
        pytest.param("2026-12-26T12:00Z", "2026-12-25 to 9999-12-31", [], False, id="for good"),
    ],
)
def test_blackout(begins: str, blackout: str, windows: list[str], allowed: bool) -> None:
    """Nothing is cut on its dates, in the zones of the windows; without one, in all of them."""
    assert (problem(begins, 5, windows, [blackout]) == "") is allowed


def test_reason_has_the_times_and_what_would_fit() -> None:
    """Both ends are in the zone of the window."""
    assert problem("2026-11-27T07:57Z", 5, [OFFICE], ["2026-11-30"]) == (
        "it could run from 2026-11-27 15:57 Asia/Shanghai to 2026-11-27 16:02 Asia/Shanghai, "
        f"outside of {OFFICE}; it would fit from Tue 2026-12-01 10:00 Asia/Shanghai on"
    )


def test_reason_in_an_hour_that_is_repeated() -> None:
    """Times of day that exist twice have their UTC offset, and others have none."""
    assert problem("2026-10-25T00:30Z", 90, ["Sun 02:30-04:00 Europe/Berlin"], []) == (
        "it could run from 2026-10-25 02:30+02:00 Europe/Berlin to 2026-10-25 03:00 Europe/Berlin, "
        "outside of Sun 02:30-04:00 Europe/Berlin; "
        "it would fit from Sun 2026-10-25 02:30+01:00 Europe/Berlin on"
    )


@pytest.mark.parametrize("begins", ["2026-10-25T00:15Z", "2026-10-25T01:15Z"])
def test_hour_that_is_repeated_whole_is_inside(begins: str) -> None:
    """Both times, if the window begins before it and ends after it."""
    assert problem(begins, 30, ["Sun 01:30-03:30 Europe/Berlin"], []) == ""


@pytest.mark.parametrize("seed", range(5))
def test_allowed_cuts_are_inside_at_every_minute(seed: int) -> None:
    """By the wall clock of the zone, around its changes; and what is inside for long is allowed."""
    dice = random.Random(seed)
    for _ in range(150):
        zone = dice.choice(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"])
        begins, length = dice.randrange(1440), dice.randrange(1, 1440)
        ends = (begins + length) % 1440
        window = f"Mon-Sun {_hour(begins)}-{_hour(ends)} {zone}"
        month, day = dice.choice([(3, 8), (3, 29), (4, 5), (10, 4), (10, 25), (11, 1), (7, 1)])
        at = datetime(2026, month, day, tzinfo=UTC) + timedelta(minutes=dice.randrange(-900, 1800))
        minutes = dice.randrange(1, 300)
        walls = [at + timedelta(minutes=n) for n in range(minutes)]
        clock = [each.astimezone(ZoneInfo(zone)) for each in walls]
        inside = [(each.hour * 60 + each.minute - begins) % 1440 < length for each in clock]
        offsets = {
            (at + timedelta(hours=hours)).astimezone(ZoneInfo(zone)).utcoffset()
            for hours in range(-48, 49)
        }

        allowed = (
            AllowedTimes.parse([window], []).problem(at, at + timedelta(minutes=minutes)) == ""
        )

        assert all(inside) or not allowed
        assert allowed or not all(inside) or len(offsets) > 1


def _hour(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@pytest.mark.parametrize(
    ("windows", "blackouts", "message"),
    [
        pytest.param(["Mon-Fri 10:00-16:00"], [], "expected days, hours and a time", id="no zone"),
        pytest.param(["Mon-Frei 10:00-16:00 UTC"], [], "the days are 'Mon-Frei'", id="day"),
        pytest.param(["Mon 10:00-10:00 UTC"], [], "expected from 00:00 to 24:00", id="empty"),
        pytest.param(["Mon 10:00-25:00 UTC"], [], "expected from 00:00 to 24:00", id="hour"),
        pytest.param(["Mon 10-16 UTC"], [], "expected days, hours and a time zone", id="minutes"),
        pytest.param(
            ["Mon 10:00-16:00 Asia/Shangai"],
            [],
            r"there is no time zone 'Asia/Shangai' \(did you mean Asia/Shanghai\?\)",
            id="zone",
        ),
        pytest.param(["Mon 10:00-16:00 ../passwd"], [], "there is no time zone", id="path"),
        pytest.param(["Mon 10:00-16:00 America"], [], "there is no time zone", id="folder"),
        pytest.param([], ["24.12.2026"], "expected a date or two as YYYY-MM-DD", id="date"),
        pytest.param([], ["2026-W48"], "has '2026-W48', expected .* YYYY-MM-DD", id="week"),
        pytest.param([], ["2026-W48-3"], "expected a date or two as YYYY-MM-DD", id="day of one"),
        pytest.param([], ["2026-11-23 to 2026-W48"], "expected a date or two", id="to a week"),
        pytest.param([], ["20261224"], "expected a date or two as YYYY-MM-DD", id="no hyphens"),
        pytest.param([], [""], "has '', expected a date or two", id="no date"),
        pytest.param([], ["2026-12-24 to"], "expected a date or two", id="half"),
        pytest.param([], ["2026-12-24 to 2026-12-23"], "the first first", id="order"),
        pytest.param([], ["2026-12-24 10:00"], "there is no time zone '10:00'", id="time"),
    ],
)
def test_wrong_value(windows: list[str], blackouts: list[str], message: str) -> None:
    """The message has the value and what is expected."""
    with pytest.raises(ArgumentError, match=message):
        AllowedTimes.parse(windows, blackouts)


@pytest.mark.parametrize(
    "name",
    [
        *("Etc/GMT+8", "Etc/GMT-8", "etc/gmt+8", "posix/Etc/GMT+8", "Etc/GMT-14"),
        *("GMT+8", "gmt-8", "GMT8", "UTC+8", "UTC+08:00", "UT-5"),
    ],
)
def test_zone_with_a_sign(name: str) -> None:
    """`Etc/GMT+8` is eight hours behind UTC, which nobody expects who writes it."""
    for windows, blackouts in (
        ([f"Mon-Sun 04:00-06:00 {name}"], []),
        ([], [f"2026-12-24 {name}"]),
    ):
        with pytest.raises(ArgumentError, match=f"the time zone is '{re.escape(name)}'") as caught:
            AllowedTimes.parse(windows, blackouts)

        assert "expected a place, such as Asia/Shanghai" in str(caught.value)
        assert "Etc/GMT+8 is UTC-8" in str(caught.value)


@pytest.mark.parametrize("name", ["UTC", "GMT", "Etc/GMT", "Etc/GMT+0", "Etc/UTC"])
def test_zone_that_is_utc(name: str) -> None:
    assert problem("2026-11-30T03:59Z", 5, [f"Mon-Sun 04:00-06:00 {name}"], []) != ""
    assert problem("2026-11-30T04:00Z", 120, [f"Mon-Sun 04:00-06:00 {name}"], []) == ""


def test_zone_with_a_sign_is_not_proposed() -> None:
    with pytest.raises(ArgumentError, match="there is no time zone 'Etc/GMT8x'") as caught:
        AllowedTimes.parse(["Mon 10:00-16:00 Etc/GMT8x"], [])

    assert "GMT+8" not in str(caught.value)


@pytest.mark.parametrize("name", ["localtime", "posixrules", "Factory", "posix/localtime"])
def test_zone_that_depends_on_the_machine(name: str) -> None:
    """Another machine would take it for another time, so it is none, and not proposed either."""
    with pytest.raises(ArgumentError, match=f"there is no time zone '{name}', expected") as caught:
        AllowedTimes.parse([f"Mon 10:00-16:00 {name}"], [])

    assert "such as localtime" not in str(caught.value)


@pytest.mark.parametrize(
    ("windows", "blackouts"),
    [
        pytest.param([f"Mon 10:00-16:00 {'A' * 5000}"], [], id="zone"),
        pytest.param(["A" * 5000], [], id="window"),
        pytest.param([f"{'A' * 5000} 10:00-16:00 UTC"], [], id="days"),
        pytest.param([f"{'Mon,' * 2000}Mon 10:00-10:00 UTC"], [], id="hours"),
        pytest.param([], ["2" * 5000], id="date"),
        pytest.param([], [f"2026-12-24 to 2026-12-23 {'A' * 5000}"], id="order"),
        pytest.param([], [f"2026-12-24 {'A' * 5000}"], id="zone of a date"),
    ],
)
def test_long_value_is_cut(windows: list[str], blackouts: list[str]) -> None:
    """The message shows where it begins."""
    with pytest.raises(ArgumentError, match="…'") as caught:
        AllowedTimes.parse(windows, blackouts)

    assert len(str(caught.value)) < 400


@pytest.fixture
def without_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that has no time zone data."""
    for module in [each for each in sys.modules if each.startswith("tzdata.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath(to=[])
    ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    ZoneInfo.clear_cache()


@pytest.mark.usefixtures("without_zones")
def test_machine_without_time_zones() -> None:
    """One error says what is missing; UTC needs nothing."""
    with pytest.raises(ArgumentError, match="no time zone data: install its package tzdata"):
        AllowedTimes.parse([OFFICE], [])

    assert AllowedTimes.parse(["Mon 10:00-16:00 UTC"], ["2026-12-24"])


def test_cut_is_not_started_once_its_time_is_over() -> None:
    """An operator may confirm hours after the preflight."""
    cut = Cut("drill", ("pc-a",), "PHYSICALCONNECTION", 5)
    today = datetime.now(UTC).date()
    times = AllowedTimes.parse([], [f"{today - timedelta(1)} to {today + timedelta(1)}"])

    with pytest.raises(GuardError, match=r"'drill' is not started: it could run from .* blackout"):
        ApprovedCuts.of([cut], None, times).check(cut)

    ApprovedCuts.of([cut], None).check(cut)
