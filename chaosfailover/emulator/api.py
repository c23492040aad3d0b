"""
Requests in, replies out: which operation, who calls, may they, and what comes back.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chaosfailover.emulator.access import AccessKey
from chaosfailover.emulator.auth import claimed_key, identify
from chaosfailover.emulator.clock import utc
from chaosfailover.emulator.cloud import Cloud
from chaosfailover.emulator.faults import FAULTS
from chaosfailover.emulator.operation_table import OPERATIONS, STS, WRITES
from chaosfailover.emulator.operations import describe as network_operations
from chaosfailover.emulator.operations import failover_jobs as job_operations
from chaosfailover.emulator.operations.call import Call, Document
from chaosfailover.emulator.operations.sts import caller_identity
from chaosfailover.emulator.parameters import read
from chaosfailover.emulator.recorder import Seen, parameters_shown, shortened
from chaosfailover.emulator.refusals import Refusal, invalid, missing, refuse
from chaosfailover.emulator.store import Answered
from chaosfailover.emulator.wire import Reply, Request, refusal_reply, success_reply

__all__ = ["HANDLERS", "VERSION", "answer", "turn_away"]

logger = logging.getLogger("chaosfailover.emulator")

VERSION = "2016-04-28"
STS_VERSION = "2015-04-01"

HANDLERS: dict[str, Callable[[Call], Document]] = {
    "CreateFailoverTestJob": job_operations.create,
    "StartFailoverTestJob": job_operations.start,
    "StopFailoverTestJob": job_operations.stop,
    "UpdateFailoverTestJob": job_operations.update,
    "DeleteFailoverTestJob": job_operations.delete,
    "DescribeFailoverTestJob": job_operations.describe,
    "DescribeFailoverTestJobs": job_operations.describe_list,
    "DescribePhysicalConnections": network_operations.circuits,
    "DescribeVirtualBorderRouters": network_operations.border_routers,
    "DescribeVirtualBorderRoutersForPhysicalConnection": network_operations.border_routers_of,
    "DescribeBgpGroups": network_operations.bgp_groups,
    "DescribeBgpPeers": network_operations.bgp_peers,
    "DescribeRegions": network_operations.regions,
    "GetCallerIdentity": caller_identity,
}
"""
Operation -> its handler.
"""


@dataclass(frozen=True)
class Outcome:
    """
    The reply to a request, with the error code and the account for the record.
    """

    reply: Reply
    code: str = ""
    account: str = ""
    faults: tuple[str, ...] = ()


def answer(cloud: Cloud, request: Request) -> Reply:
    """
    Answer one request; whatever is wrong with it becomes an error document.
    """
    return _recorded(cloud, request, _kept_up)


def turn_away(cloud: Cloud, request: Request, reason: str) -> Reply:
    """
    Answer a request of which nothing is done, in a form that SDKs read and no web page may.
    """
    refusal = Refusal("Forbidden.Emulator", f"The emulator turns this request away: {reason}.", 403)

    def refused(_cloud: Cloud, request: Request, request_id: str, _now: float) -> Outcome:
        return Outcome(refusal_reply(refusal, request, request_id), refusal.code)

    reply = _recorded(cloud, request, refused)
    allowing = "Access-Control-"
    kept = {name: text for name, text in reply.headers.items() if not name.startswith(allowing)}
    return replace(reply, headers=kept)


def _recorded(
    cloud: Cloud, request: Request, outcome_of: Callable[[Cloud, Request, str, float], Outcome]
) -> Reply:
    began = time.perf_counter()
    with cloud.held() as now:
        request_id = cloud.new_request_id()
        outcome = outcome_of(cloud, request, request_id, now)
        seen = Seen(
            at=utc(now),
            method=request.method,
            operation=shortened(request.operation),
            region=shortened(request.parameters.get("RegionId", "")),
            account=outcome.account,
            parameters=parameters_shown(request.parameters),
            status=outcome.reply.status,
            code=outcome.code,
            request_id=request_id,
            ending=outcome.reply.ending,
            faults=outcome.faults,
            milliseconds=(time.perf_counter() - began) * 1000.0,
        )
        cloud.recorder.record(seen)
    return outcome.reply


def _kept_up(cloud: Cloud, request: Request, request_id: str, now: float) -> Outcome:
    """
    Return the outcome; a mistake of the emulator's own is logged, and becomes an InternalError.
    """
    try:
        return _outcome(cloud, request, request_id, now)
    except Exception:
        logger.exception("request %s met a mistake in the emulator", request_id)
        refusal = refuse("InternalError")
        return Outcome(refusal_reply(refusal, request, request_id), refusal.code)


def _outcome(cloud: Cloud, request: Request, request_id: str, now: float) -> Outcome:
    """
    Admit a request and perform it, with the faults that strike it.
    """
    try:
        operation = _known_operation(request)
        key = _caller(cloud, request)
    except Refusal as refusal:
        return Outcome(refusal_reply(refusal, request, request_id), refusal.code)
    region = request.parameters.get("RegionId") or cloud.network.regions[0]
    call = Call(cloud, operation, key.account, region, {}, now)
    code = ""
    try:
        reply = _instead(call) or _performed(call, key, request, request_id)
    except Refusal as refusal:
        reply, code = refusal_reply(refusal, request, request_id), refusal.code
    if all(each.fault == "answer" or FAULTS[each.fault].stage != "before" for each in call.faults):
        reply = call.struck("reply", reply)
    reply = call.struck("delay", reply)
    real = replace(reply, delay=cloud.clock.real(reply.delay)) if reply.delay else reply
    return Outcome(real, code, key.account, tuple(each.fault for each in call.faults))


def _instead(call: Call) -> Reply | None:
    """
    Return what a fault answers instead of the operation, if any.
    """
    struck: Reply | Refusal | None = call.struck("before", None)
    if isinstance(struck, Refusal):
        raise struck
    return struck


def _performed(call: Call, key: AccessKey, request: Request, request_id: str) -> Reply:
    """
    Perform the operation; its changes last before it is answered.
    """
    if call.operation not in STS and not key.may(call.operation):
        raise refuse(call.cloud.settings.ram_refusal)
    arguments = read(OPERATIONS[call.operation], request.parameters)
    if _is_regional(call.operation) and call.region not in call.cloud.network.regions:
        raise refuse("InvalidRegionId.NotFound")
    call = replace(call, arguments=arguments)
    document = _once(call) if call.operation in WRITES else HANDLERS[call.operation](call)
    if call.operation in WRITES:
        call.cloud.ledger.commit()
        call.cloud.changed()
    document = call.struck("document", {"RequestId": request_id, **document})
    return success_reply(document, request, request_id)


def _is_regional(operation: str) -> bool:
    return any(each.name == "RegionId" for each in OPERATIONS[operation])


def _known_operation(request: Request) -> str:
    if request.method not in ("GET", "POST") or request.path != "/":
        raise refuse("InvalidApi.NotFound")
    version = request.headers.get("x-acs-version") or request.parameters.get("Version")
    if not request.operation:
        raise missing("Action")
    if not version:
        raise missing("Version")
    if version not in (VERSION, STS_VERSION):
        raise invalid("Version")
    if request.operation not in HANDLERS or (version == STS_VERSION) != (request.operation in STS):
        raise refuse("InvalidAction.NotFound")
    return request.operation


def _caller(cloud: Cloud, request: Request) -> AccessKey:
    if cloud.auth:
        window = cloud.settings.timestamp_window
        return identify(request, cloud.keys, cloud.nonces, time.time(), window)
    anyone = AccessKey(id="", secret="", account=cloud.topology.account)
    return claimed_key(request, cloud.keys) or anyone


def _once(call: Call) -> Document:
    """
    Perform a write, unless its client token was answered before (API reference 8).
    """
    token = call.arguments.get("ClientToken")
    if not token:
        return HANDLERS[call.operation](call)
    key = (call.account, call.region, call.operation, token)
    since = call.now - call.cloud.settings.token_lifetime
    fingerprint = _fingerprint(call.arguments)
    if answered := call.cloud.ledger.answered(key, since):
        if answered.fingerprint != fingerprint:
            raise refuse("IdempotentParameterMismatch")
        return dict(answered.document)
    document = HANDLERS[call.operation](call)
    call.cloud.ledger.remember(key, Answered(fingerprint, document, call.now), since)
    return document


def _fingerprint(arguments: Mapping[str, Any]) -> str:
    """
    Return what tells one call's arguments from another's; the region, given or not, is in the key.
    """
    told = {name: value for name, value in arguments.items() if name != "RegionId"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
