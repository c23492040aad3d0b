"""
When resources are down, and how they come back, as a pure function of the jobs.

A job takes its resources down from Testing until its end. Faults may keep some of what is down
there for longer, let it flap, or show it with other fields: each is an `Aftermath` of the job.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from chaosfailover.emulator.job import Aftermath, Job, entered, projected
from chaosfailover.emulator.resources import CIRCUIT, Network
from chaosfailover.emulator.settings import Settings

__all__ = ["Downtime", "downtimes_from", "fields_after"]


@dataclass(frozen=True)
class Downtime:
    """
    The resources that a job takes down, and for how long; `number` and `kind` are the job's.
    """

    resource_ids: tuple[str, ...]
    start: float
    end: float
    number: int
    kind: str = CIRCUIT


def downtimes_from(
    jobs: Iterable[Job], settings: Settings, network: Network
) -> tuple[Downtime, ...]:
    """
    Return what jobs take down, past and to come, if no operation changes them.
    """
    return tuple(each for job in jobs for each in _of_job(projected(job), settings, network))


def _of_job(job: Job, settings: Settings, network: Network) -> Iterator[Downtime]:
    start, restored = entered(job, "Testing"), entered(job, settings.restored_on)
    if start is None:
        return
    down = Downtime(job.resource_ids, start, inf, job.number, job.resource_type)
    if restored is None:
        yield down
        return
    yield replace(down, end=restored)
    for aftermath in job.aftermaths:
        if not aftermath.fields:
            ids = tuple(_affected(job, aftermath, network))
            for begin, end in aftermath.periods:
                yield replace(down, resource_ids=ids, start=restored + begin, end=restored + end)


def fields_after(
    jobs: Sequence[Job], at: float, settings: Settings, network: Network
) -> dict[str, Mapping[str, object]]:
    """
    Return the fields that resources show after a job took them down, by their ID.
    """
    shown: dict[str, Mapping[str, object]] = {}
    for job in jobs:
        restored = entered(job, settings.restored_on)
        since = -inf if restored is None else at - restored
        for aftermath in job.aftermaths:
            if any(begin <= since < end for begin, end in aftermath.periods):
                for each in _affected(job, aftermath, network):
                    fields = aftermath.fields.get(network.resources[each].kind, {})
                    shown[each] = {**shown.get(each, {}), **fields}
    return shown


def _affected(job: Job, aftermath: Aftermath, network: Network) -> Iterator[str]:
    """
    Yield the resources of a job, and those on them, that an aftermath is meant for.
    """
    for each in sorted(network.down(job.resource_ids)):
        if aftermath.concerns(each, network.resources[each].kind):
            yield each
