"""
The seven operations on failover test jobs.

The order of the checks is that of API reference 14.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf

from chaosfailover.emulator.error_codes import illegal, refuse
from chaosfailover.emulator.faults import JOB
from chaosfailover.emulator.job import UNFINISHED, Job, as_of, document, moved
from chaosfailover.emulator.operations.call import Call, Document
from chaosfailover.emulator.operations.filters import Getters, filtered, token_for, token_value
from chaosfailover.emulator.operations.rendering import shown
from chaosfailover.emulator.operations.rules import (
    check_free,
    check_region,
    check_resources,
    requested_resources,
)
from chaosfailover.emulator.topology import PlannedJob

__all__ = ["HANDLERS"]


def create(call: Call) -> Document:
    """
    Create a job; StartNow starts it at once.
    """
    arguments, cloud = call.arguments, call.cloud
    kind, ids = arguments["ResourceType"], arguments["ResourceId"]
    starts = arguments["JobType"] == "StartNow"
    if kind not in cloud.settings.resource_types:
        raise illegal("ResourceType")
    if arguments.get("DryRun"):
        if cloud.settings.dry_run_checks_resources:
            _check_resources(call, kind, ids)
        raise refuse("DryRunOperation")
    if starts:
        check_region(cloud.ledger.running(call.region), call.account, cloud.settings)
    _check_resources(call, kind, ids)
    job = _new_job(call)
    if starts:
        job = call.with_faults(JOB, moved(job, "StartFailoverTestJob", call.now))
    cloud.ledger.save(job)
    return {"JobId": job.job_id}


def start(call: Call) -> Document:
    """
    Start a job that is Init; its resources are checked again.
    """
    job = _job(call)
    after = moved(job, call.operation, call.now)
    check_region(call.cloud.ledger.running(call.region), call.account, call.cloud.settings)
    _check_resources(call, job.resource_type, job.resource_ids, but=job)
    call.cloud.ledger.save(call.with_faults(JOB, after))
    return {}


def stop(call: Call) -> Document:
    """
    Stop a job that is Testing.
    """
    call.cloud.ledger.save(call.with_faults(JOB, moved(_job(call), call.operation, call.now)))
    return {}


def update(call: Call) -> Document:
    """
    Change a job that is Init; absent arguments change nothing.
    """
    arguments = call.arguments
    if arguments.get("DryRun"):
        raise refuse("DryRunOperation")
    job = moved(_job(call), call.operation, call.now)
    ids = arguments.get("ResourceId", job.resource_ids)
    if "ResourceId" in arguments:
        _check_resources(call, job.resource_type, ids, but=job)
    minutes = arguments.get("JobDuration", job.duration_minutes)
    call.cloud.ledger.save(
        replace(
            job,
            name=arguments.get("Name", job.name),
            description=arguments.get("Description", job.description),
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
    jobs = filtered(seen, filters, _getters(call), fuzzy=call.cloud.settings.fuzzy_names)
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


def _getters(call: Call) -> Getters[Job]:
    resources = call.cloud.network.resources

    def names(job: Job) -> Iterable[object]:
        return [shown(resources[id_], "Name") for id_ in job.resource_ids if id_ in resources]

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
    Return the job that a call names, if it is of the caller's account and region.
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


def _check_resources(call: Call, kind: str, ids: tuple[str, ...], but: Job | None = None) -> None:
    network = call.cloud.network
    resources = requested_resources(network, kind, ids, call.account, call.region)
    check_resources(network, resources)
    check_free(network, resources, _others(call, but.job_id if but else ""))


def _others(call: Call, but: str) -> Iterable[Job]:
    """
    Yield the jobs that block their resources: running jobs, by a setting also those in Init.
    """
    ledger = call.cloud.ledger
    blocking = ledger.running(call.region)
    if call.cloud.settings.init_blocks_resources:
        everything = (job for job in ledger.everything() if job.region == call.region)
        blocking = (job for job in everything if job.status in UNFINISHED)
    return (job for job in blocking if job.job_id != but)


def _new_job(call: Call) -> Job:
    arguments = call.arguments
    planned = PlannedJob(
        account=call.account,
        region=call.region,
        name=arguments.get("Name", ""),
        description=arguments.get("Description", ""),
        resource_type=arguments["ResourceType"],
        resources=arguments["ResourceId"],
        duration_minutes=arguments["JobDuration"],
    )
    return call.cloud.new_job(planned, call.now, arguments["JobType"])


HANDLERS: dict[str, Callable[[Call], Document]] = {
    "CreateFailoverTestJob": create,
    "StartFailoverTestJob": start,
    "StopFailoverTestJob": stop,
    "UpdateFailoverTestJob": update,
    "DeleteFailoverTestJob": delete,
    "DescribeFailoverTestJob": describe,
    "DescribeFailoverTestJobs": describe_list,
}
