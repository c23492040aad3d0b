"""
The seven operations on failover test jobs.

Each takes a Call, whose arguments are read already, and returns the document of the reply without
its RequestId; or it refuses. The order of the checks is that of API reference 14.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import inf
from typing import Any

from chaosfailover.emulator.job import UNFINISHED, Job, as_of, document, moved
from chaosfailover.emulator.operations.call import Call, Document
from chaosfailover.emulator.operations.filters import kept, token_for, token_value
from chaosfailover.emulator.operations.rendering import shown
from chaosfailover.emulator.operations.rules import (
    check_free,
    check_known,
    check_region,
    check_resources,
)
from chaosfailover.emulator.refusals import illegal, refuse
from chaosfailover.emulator.resources import Resource

__all__ = ["create", "delete", "describe", "describe_list", "start", "stop", "update"]


def create(call: Call) -> Document:
    """
    Create a job; with StartNow it is Starting at once.
    """
    given, cloud = call.arguments, call.cloud
    if given["ResourceType"] not in cloud.settings.resource_types:
        raise illegal("ResourceType")
    if given.get("DryRun"):
        _dry_run(call, given["ResourceType"], given["ResourceId"])
    if given["JobType"] == "StartNow":
        check_region(cloud.ledger.running(call.region), call.account, cloud.settings)
    _check_resources(call, given["ResourceType"], given["ResourceId"])
    job = _new_job(call)
    if given["JobType"] == "StartNow":
        job = call.struck("job", moved(job, "StartFailoverTestJob", call.now))
    cloud.ledger.save(job)
    return {"JobId": job.job_id}


def start(call: Call) -> Document:
    """
    Start a job that is Init, after checking its resources again.
    """
    job = _job(call)
    after = moved(job, call.operation, call.now)
    check_region(call.cloud.ledger.running(call.region), call.account, call.cloud.settings)
    _check_resources(call, job.resource_type, job.resource_ids, but=job)
    call.cloud.ledger.save(call.struck("job", after))
    return {}


def stop(call: Call) -> Document:
    """
    Stop a job that is Testing.
    """
    call.cloud.ledger.save(call.struck("job", moved(_job(call), call.operation, call.now)))
    return {}


def update(call: Call) -> Document:
    """
    Change a job that is Init; what is not given stays.
    """
    given = call.arguments
    if given.get("DryRun"):
        raise refuse("DryRunOperation")
    job = moved(_job(call), call.operation, call.now)
    ids = given.get("ResourceId", job.resource_ids)
    if "ResourceId" in given:
        _check_resources(call, job.resource_type, ids, but=job)
    minutes = given.get("JobDuration", job.duration_minutes)
    call.cloud.ledger.save(
        replace(
            job,
            name=given.get("Name", job.name),
            description=given.get("Description", job.description),
            resource_ids=ids,
            duration_minutes=minutes,
            lasts={**job.lasts, "Testing": minutes * 60.0},
        )
    )
    return {}


def delete(call: Call) -> Document:
    """
    Delete a job that is Init or Stopped.
    """
    job = _job(call)
    moved(job, call.operation, call.now)
    call.cloud.ledger.delete(job)
    return {}


def describe(call: Call) -> Document:
    """
    Show one job.
    """
    return {"FailoverTestJobModel": document(_seen(call, _job(call)))}


def describe_list(call: Call) -> Document:
    """
    List jobs, newest first, by pages of MaxResults.
    """
    filters = call.arguments.get("Filter", ())
    keys = {key for key, _ in filters}
    if keys & {"ResourceId", "ResourceName"} and "ResourceType" not in keys:
        raise refuse("MissingParam.ResourceType")
    seen = (_seen(call, job) for job in call.own_jobs())
    jobs = kept(seen, filters, _getters(call), fuzzy=call.cloud.settings.fuzzy_names)
    token = call.arguments.get("NextToken")
    before = token_value(token) if token else inf
    rest = [job for job in jobs if job.number < before]
    size = call.arguments.get("MaxResults", 20)
    page = rest[:size]
    return {
        "Count": len(page),
        "TotalCount": len(jobs),
        "MaxResults": size,
        **_next_token(call, page, more=len(rest) > size),
        "FailoverTestJobList": [document(job) for job in page],
    }


def _next_token(call: Call, page: list[Job], *, more: bool) -> Document:
    if more:
        return {"NextToken": token_for(page[-1].number)}
    return {"NextToken": ""} if call.cloud.settings.empty_next_token else {}


def _getters(call: Call) -> dict[str, Any]:
    resources = call.cloud.network.resources

    def names(job: Job) -> Iterable[str]:
        known = (resources[each] for each in job.resource_ids if each in resources)
        return [shown(each, "Name") for each in known]

    return {
        "JobId": lambda job: (job.job_id,),
        "JobName": lambda job: (job.name,),
        "JobStatus": lambda job: (job.status,),
        "ResourceId": lambda job: job.resource_ids,
        "ResourceName": names,
        "ResourceType": lambda job: (job.resource_type,),
    }


def _job(call: Call) -> Job:
    """
    Return the job that a call names; one of another account or region is not there.
    """
    job = call.cloud.ledger.find(call.account, call.region, call.arguments["JobId"])
    if job is None:
        raise illegal("JobId")
    busy = call.now < job.touched + call.cloud.settings.operation_lasts
    if busy and not call.operation.startswith("Describe"):
        raise refuse("EcFailoverTestJobConflict")
    return job


def _seen(call: Call, job: Job) -> Job:
    return as_of(job, call.seen_at) if call.seen_at < call.now else job


def _dry_run(call: Call, kind: str, ids: tuple[str, ...]) -> None:
    if call.cloud.settings.dry_run_checks_resources:
        _check_resources(call, kind, ids)
    raise refuse("DryRunOperation")


def _check_resources(
    call: Call, kind: str, ids: tuple[str, ...], but: Job | None = None
) -> tuple[Resource, ...]:
    network = call.cloud.network
    resources = check_known(network, kind, ids, call.account, call.region)
    check_resources(network, resources)
    check_free(network, resources, _others(call, but.job_id if but else ""))
    return resources


def _others(call: Call, but: str) -> Iterable[Job]:
    """
    Yield the jobs that block their resources: running ones, by a setting also those in Init.
    """
    ledger = call.cloud.ledger
    blocking = ledger.running(call.region)
    if call.cloud.settings.init_blocks_resources:
        everything = (job for job in ledger.everything() if job.region == call.region)
        blocking = (job for job in everything if job.status in UNFINISHED)
    return (job for job in blocking if job.job_id != but)


def _new_job(call: Call) -> Job:
    given, cloud = call.arguments, call.cloud
    job_id = cloud.new_job_id()
    return Job(
        job_id=job_id,
        number=cloud.ledger.next_number(),
        account=call.account,
        region=call.region,
        name=given.get("Name", ""),
        description=given.get("Description", ""),
        resource_type=given["ResourceType"],
        resource_ids=given["ResourceId"],
        job_type=given["JobType"],
        duration_minutes=given["JobDuration"],
        history=(("Init", call.now),),
        lasts=cloud.job_lengths(job_id, given["JobDuration"]),
    )
