"""
The seven operations on failover test jobs.

The order of the checks is that of API reference 14.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf

from chaosfailover.emulator.error_codes import illegal, refuse
from chaosfailover.emulator.faults import FIND, JOB, SHOW
from chaosfailover.emulator.job import Job, JobView, as_of, moved, view_document, viewed
from chaosfailover.emulator.operations.call import Call, Document
from chaosfailover.emulator.operations.filters import Getters, filtered, token_for, token_value
from chaosfailover.emulator.resource_fields import shown
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
            cloud.check_resources(kind, ids, call.account, call.region)
        raise refuse("DryRunOperation")
    if starts:
        cloud.check_region(call.account, call.region)
    cloud.check_resources(kind, ids, call.account, call.region)
    job = _new_job(call)
    if starts:
        job = _started(call, moved(job, "StartFailoverTestJob", call.now))
    cloud.ledger.save(job)
    return {"JobId": job.job_id}


def start(call: Call) -> Document:
    """
    Start a job that is Init; its resources are checked again.
    """
    job = _job(call)
    after = moved(job, call.operation, call.now)
    call.cloud.check_start(job)
    call.cloud.ledger.save(_started(call, after))
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
        call.cloud.check_resources(
            job.resource_type, ids, call.account, call.region, but=job.job_id
        )
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
    (view,) = call.with_faults(SHOW, (_view(call, _job(call)),))
    return {"FailoverTestJobModel": view_document(view)}


def describe_list(call: Call) -> Document:
    """
    List jobs, newest first, by pages of MaxResults.
    """
    filters = call.arguments.get("Filter", ())
    keys = {key for key, _ in filters}
    if keys & {"ResourceId", "ResourceName"} and "ResourceType" not in keys:
        raise refuse("MissingParam.ResourceType")
    views = call.with_faults(FIND, tuple(_view(call, job) for job in call.own_jobs()))
    views = call.with_faults(SHOW, views)
    jobs = filtered(views, filters, _getters(call), fuzzy=call.cloud.settings.fuzzy_names)
    token = call.arguments.get("NextToken")
    before = token_value(token) if token else inf
    rest = [view for view in jobs if view.job.number < before]
    size = call.arguments.get("MaxResults", 20)
    page = rest[:size]
    return {
        "Count": len(page),
        "TotalCount": len(jobs),
        "MaxResults": size,
        **_next_token(call, page, more=len(rest) > size),
        "FailoverTestJobList": [view_document(view) for view in page],
    }


def _next_token(call: Call, page: list[JobView], *, more: bool) -> Document:
    if more:
        return {"NextToken": token_for(page[-1].job.number)}
    return {"NextToken": ""} if call.cloud.settings.empty_next_token else {}


def _getters(call: Call) -> Getters[JobView]:
    resources = call.cloud.network.resources

    def names(view: JobView) -> Iterable[object]:
        ids = view.job.resource_ids
        return [shown(resources[id_], "Name") for id_ in ids if id_ in resources]

    return {
        "JobId": lambda view: (view.job.job_id,),
        "JobName": lambda view: (view.job.name,),
        "JobStatus": lambda view: (each for each in view.status if each is not None),
        "ResourceId": lambda view: view.job.resource_ids,
        "ResourceName": names,
        "ResourceType": lambda view: (view.job.resource_type,),
    }


def _job(call: Call) -> Job:
    """
    Return the job that a call names, if it is of the caller's account and region.
    """
    job = call.cloud.ledger.find(call.account, call.region, call.arguments["JobId"])
    if job is None or not call.with_faults(FIND, (viewed(job, call.now),)):
        raise illegal("JobId")
    busy = call.now < job.touched + call.cloud.settings.operation_lasts
    if busy and not call.operation.startswith("Describe"):
        raise refuse("EcFailoverTestJobConflict")
    return job


def _view(call: Call, job: Job) -> JobView:
    return viewed(as_of(job, call.seen_at) if call.seen_at < call.now else job, call.seen_at)


def _started(call: Call, job: Job) -> Job:
    """
    Return a job that starts now, or late by a fault; never once the signature is out of date.
    """
    job = call.with_faults(JOB, job)
    outdated = job.pending and job.starts_at > call.now + call.valid_for
    return replace(job, starts_at=inf) if outdated else job


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
