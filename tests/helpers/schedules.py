"""
Schedules by chance: what goes wrong in a run, and when, drawn by a seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from simulated_cloud import WINDOW, Network

__all__ = ["Schedule", "drawn"]

Fault = Mapping[str, object]
ODD_STATUSES = ("Pausing", "Failed", "testing", "Starting", "Deleted", "", None)
READS = ("Describe*", "DescribeFailoverTestJob", "DescribeFailoverTestJobs", "DescribeBgpPeers")
WRITES = ("CreateFailoverTestJob", "StartFailoverTestJob", "StopFailoverTestJob")
REPLIES = ("lost", "truncated", "html", "falsely-refused")
REFUSALS = ("throttling", "internal-error", "unavailable", "reset")
# Seconds by which a start may take effect late, on its way and in the cloud together.
LATEST = WINDOW - 2.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """
    One run and what happens to it; instants are seconds since its approval.

    `way` is how it cuts: it creates a test that starts, or starts one. `hold` is for how long. A
    `rollback` stops the test at the end. In a `container`, the watchdogs die with the run. The run
    dies at a step, and a watchdog, by its number, some seconds after its start. From `calm` on, the
    API answers.
    """

    seed: int
    way: str
    tests: int
    hold: float
    minutes: int
    rollback: bool
    container: bool
    network: Network
    faults: tuple[tuple[float, Fault], ...]
    calm: float
    run_dies_at: int | None
    watchdog_deaths: tuple[tuple[int, float], ...]
    signals: tuple[tuple[float, str, float], ...]
    jumps: tuple[tuple[float, float], ...]

    @property
    def lag(self) -> float:
        """
        How old the API's replies may be, in seconds.
        """
        lags = [fault["seconds"] for _, fault in self.faults if fault["fault"] == "status-lag"]
        return max((float(str(each)) for each in lags), default=0.0)

    @property
    def down_for(self) -> float:
        """
        How long what was cut may stay down, or flap, after the end of its test, in seconds.
        """
        after = [fault for _, fault in self.faults if fault["fault"] in ("stays-down", "flaps")]
        return sum(float(str(each["seconds"])) * (7 if "times" in each else 1) for each in after)


def drawn(seed: int) -> Schedule:
    """
    Draw the schedule of a seed.
    """
    random = Random(f"{seed}/schedule")
    calm = random.uniform(20.0, 120.0)
    faults = tuple((_moment(random, calm), _fault(random)) for _ in range(random.randrange(6)))
    starts_late = any(fault["fault"] == "late-start" for _, fault in faults)
    return Schedule(
        seed=seed,
        way=random.choice(("create", "start")),
        tests=random.choice((1, 1, 2)),
        hold=random.choice((0.0, 3.0, 15.0)),
        minutes=random.choice((1, 30, 30)),
        rollback=random.random() < 0.6,
        container=random.random() < 0.1,
        network=_network(random, LATEST / 2 if starts_late else LATEST),
        faults=faults,
        calm=calm,
        run_dies_at=_step(random) if random.random() < 0.4 else None,
        watchdog_deaths=_watchdog_deaths(random),
        signals=tuple(
            (random.uniform(0.0, 30.0), random.choice(("SIGINT", "SIGTERM")), random.random() / 4)
            for _ in range(random.choice((0, 0, 1, 1, 2)))
        ),
        jumps=tuple(
            (random.uniform(0.0, 40.0), random.choice((-1, 1)) * random.choice((5.0, 3600.0, 4e6)))
            for _ in range(random.choice((0, 0, 1)))
        ),
    )


def _watchdog_deaths(random: Random) -> tuple[tuple[int, float], ...]:
    """
    Draw which watchdogs die when: none, some, or each of the first, so that others get the list.
    """
    if random.random() < 0.3:
        return tuple((number, random.uniform(0.5, 12.0)) for number in range(random.randint(2, 4)))
    return tuple((random.randrange(4), random.uniform(0.0, 40.0)) for _ in range(_few(random)))


def _moment(random: Random, calm: float) -> float:
    """
    Draw when a fault begins: before the cut, in its first seconds, or at any time.
    """
    return random.choice((0.0, random.uniform(0.0, 10.0), random.uniform(0.0, calm)))


def _few(random: Random) -> int:
    return random.choice((0, 0, 0, 1, 2, 3))


def _step(random: Random) -> int:
    return int(2 ** random.uniform(0.0, 9.0))


def _network(random: Random, latest: float) -> Network:
    often = random.choice((0.0, 0.0, 0.03, 0.1, 0.3))
    return Network(
        unsent=often * random.random(),
        unanswered=often * random.random(),
        late=often * random.random(),
        late_start=random.choice((0.0, 0.0, 0.5)),
        slowest=random.choice((0.05, 0.05, 0.3, 3.0)),
        latest=latest,
    )


def _fault(random: Random) -> Fault:
    """
    Draw a fault of the emulator; all end by themselves, or when the API is calm.
    """
    seconds = random.uniform(1.0, 40.0)
    how_often = random.choice(({"count": 1}, {"count": 3}, {"probability": 0.3}, {}))
    match random.randrange(10):
        case 0 | 1:
            return {"fault": random.choice(REFUSALS), "operation": _operation(random), **how_often}
        case 2 | 3:
            return {"fault": random.choice(REPLIES), "operation": _operation(random), **how_often}
        case 4:
            seconds = random.uniform(1.0, LATEST / 2)
            return {"fault": "late-start", "seconds": seconds, "listed": random.random() < 0.5}
        case 5:
            kind = random.choice(("stuck-starting", "stuck-stopping", "ends-early"))
            return {"fault": kind, "seconds": seconds}
        case 6:
            return {"fault": "stays-down", "seconds": random.choice((seconds, 500.0))}
        case 7:
            return {"fault": "flaps", "seconds": random.uniform(1.0, 6.0), "times": 3}
        case 8:
            lag = random.uniform(1.0, 5.0)
            operation = random.choice(READS)
            return {"fault": "status-lag", "seconds": lag, "operation": operation, **how_often}
    return random.choice(
        (
            {"fault": "unknown-job", "seconds": 8.0, "operation": random.choice(READS)},
            {"fault": "unknown-status", "status": random.choice(ODD_STATUSES), **how_often},
            {"fault": "no-status", **how_often},
        )
    )


def _operation(random: Random) -> str:
    return random.choice((*READS, *WRITES, *WRITES, "*"))
