"""
Only the cuts that the preflight approved are made.
"""

from typing import Any

import httpx
import pytest
from chaoslib.types import Dry

from chaosfailover import actions, probes
from chaosfailover.emulator import Emulator
from chaosfailover.errors import ArgumentError, GuardError, PreflightError
from chaosfailover.safety.cut import ApprovedCuts, Cut
from chaosfailover.safety.guard import Guard

Configuration = dict[str, Any]
A, B = "pc-rehearsal-a", "pc-rehearsal-b"
DRILL = Cut("drill", (A,), "PHYSICALCONNECTION", 5)
OTHER = Cut("other", (B,), "PHYSICALCONNECTION", 5)


def create(configuration: Configuration, cut: Cut = DRILL, **more: Any) -> dict[str, Any]:
    return actions.create_failover_test(
        cut.test, list(cut.resource_ids), configuration=configuration, **more
    )


def test_planned_cut_may_be_made() -> None:
    """Whatever the order of its resources, and whether or not its ID is known."""
    planned = Cut("drill", (A, B), "PHYSICALCONNECTION", 5)

    ApprovedCuts.of([OTHER, planned], None).check(
        Cut("drill", (B, A), "PHYSICALCONNECTION", 5, job_id="ftj-1")
    )


@pytest.mark.parametrize(
    ("approved", "message"),
    [
        pytest.param(
            ApprovedCuts(), "'drill' is not started: the preflight has not been", id="none"
        ),
        pytest.param(ApprovedCuts.of([], None), "approved no cut, not", id="nothing planned"),
        pytest.param(ApprovedCuts.of([OTHER], None), "approved 'other', not", id="unseen"),
        pytest.param(
            ApprovedCuts.of([Cut("drill", (B,), "PHYSICALCONNECTION", 1)], None),
            r"would cut pc-rehearsal-a \(PHYSICALCONNECTION\) for 5 min, but the preflight "
            r"approved a cut of pc-rehearsal-b \(PHYSICALCONNECTION\) for 1 min",
            id="changed",
        ),
        *[
            pytest.param(ApprovedCuts.of([DRILL], dry), "a dry run", id=f"dry {dry.value}")
            for dry in Dry
        ],
        pytest.param(ApprovedCuts.of([DRILL], "probes"), r"a dry run \(probes\)", id="dry as text"),
    ],
)
def test_other_cut_is_refused(approved: ApprovedCuts, message: str) -> None:
    """The error names what would be cut, and what was planned."""
    with pytest.raises(GuardError, match=message):
        approved.check(DRILL)


@pytest.mark.parametrize("value", ["0", "${start}", 1, None])
def test_switch_that_is_none_cuts_nothing(
    configuration: Configuration, guarding: Guard, value: Any
) -> None:
    """A text that is not empty would be true."""
    for name in ("start", "dry_run"):
        with pytest.raises(ArgumentError, match=f"{name} is .*, expected true or false"):
            create(configuration, **{name: value})

    assert guarding.tests == []
    assert probes.list_failover_tests(configuration=configuration) == []


def test_word_false_cuts_nothing(configuration: Configuration, guarding: Guard) -> None:
    """That is how an environment variable says it."""
    job = create(configuration, start="false", dry_run="False")

    assert job["Status"] == "Init"
    assert guarding.tests == []


@pytest.mark.usefixtures("guarding")
def test_wrong_switch_updates_nothing(configuration: Configuration) -> None:
    """An update checks its `dry_run` as a creation does."""
    create(configuration)

    no: Any = "no"

    with pytest.raises(ArgumentError, match="dry_run is 'no', expected true or false"):
        actions.update_failover_test(
            "drill", duration_minutes=9, dry_run=no, configuration=configuration
        )

    job = probes.describe_failover_test("drill", configuration=configuration)
    assert job["JobDuration"] == "5"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"resource_ids": [B]}, id="resources"),
        pytest.param({"duration_minutes": 4320}, id="duration"),
    ],
)
def test_test_that_was_changed_is_not_started(
    configuration: Configuration, guarding: Guard, change: dict[str, Any]
) -> None:
    """What the operator read and confirmed was something else."""
    create(configuration)
    actions.update_failover_test("drill", **change, configuration=configuration)

    with pytest.raises(GuardError, match="but the preflight approved a cut of pc-rehearsal-a"):
        actions.start_failover_test("drill", configuration=configuration)

    assert probes.failover_test_status("drill", configuration=configuration) == "Init"
    assert guarding.tests == []


def test_dry_run_starts_nothing(configuration: Configuration, guarding: Guard) -> None:
    """Neither of the two ways to cut is left in a dry run."""
    guarding.approved = ApprovedCuts.of([DRILL, OTHER], Dry.PAUSE)
    create(configuration)

    with pytest.raises(GuardError, match="'drill' is not started: this is a dry run"):
        actions.start_failover_test("drill", configuration=configuration)
    with pytest.raises(GuardError, match="'other' is not started: this is a dry run"):
        create(configuration, OTHER, start=True)

    statuses = [job["Status"] for job in probes.list_failover_tests(configuration=configuration)]
    assert statuses == ["Init"]


def test_second_cut_waits_for_the_first(configuration: Configuration, guarding: Guard) -> None:
    """While a test of this run is not seen `Stopped`, no other is started."""
    guarding.approved = ApprovedCuts.of([DRILL, OTHER], None)
    create(configuration, start=True)

    with pytest.raises(
        GuardError, match=r"'drill', an earlier test of this run, is Testing, not Stopped"
    ):
        create(configuration, OTHER, start=True)

    actions.stop_failover_test("drill", configuration=configuration)
    assert create(configuration, OTHER, start=True)["Status"] == "Testing"


def test_first_cut_may_end_by_itself(
    emulator: Emulator, configuration: Configuration, guarding: Guard
) -> None:
    """The cloud's own timer stops a test as well as we do, and then it is off the list."""
    first = create(configuration, Cut("drill", (A,), "PHYSICALCONNECTION", 5), start=True)
    guarding.approved = ApprovedCuts.of([DRILL, OTHER], None)
    clock = f"{emulator.url}/_emulator/clock"
    httpx.post(clock, json={"advance": 600}, trust_env=False).raise_for_status()

    create(configuration, OTHER, start=True)

    assert [held.test for held in guarding.tests] == ["other"]
    assert first["Status"] == "Testing"


def test_running_test_of_others_leaves_no_survivor(
    configuration: Configuration, guarding: Guard
) -> None:
    """What another test has taken down counts as lost, whatever the network reports of it."""
    create(configuration, start=True)
    guarding.forget(guarding.tests[0])
    guarding.approved = ApprovedCuts.of([OTHER], None)

    with pytest.raises(PreflightError, match=r"is cut by ftj-"):
        create(configuration, OTHER, start=True)

    actions.stop_failover_test("drill", configuration=configuration)
