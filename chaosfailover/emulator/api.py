"""
Requests in, replies out: which operation, who calls, may they, and what comes back.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from chaosfailover.emulator import job_operations, network_operations
from chaosfailover.emulator.access import AccessKey
from chaosfailover.emulator.auth import claimed_key, identify
from chaosfailover.emulator.calls import Call, Document
from chaosfailover.emulator.cloud import Cloud
from chaosfailover.emulator.ledger import Answered
from chaosfailover.emulator.messages import JSON, XML, Reply, Request, error_document, rendered
from chaosfailover.emulator.parameters import WRITES, read
from chaosfailover.emulator.refusals import Refusal, invalid, missing, refuse

__all__ = ["HANDLERS", "VERSION", "answer", "operation_of"]

VERSION = "2016-04-28"

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
}
"""
Operation -> its handler.
"""


def answer(cloud: Cloud, request: Request) -> Reply:
    """
    Answer one request; whatever is wrong with it becomes an error document.
    """
    with cloud.held() as now:
        request_id = cloud.new_request_id()
        try:
            document = _performed(cloud, request, now)
        except Refusal as refusal:
            return _refused(refusal, request, request_id)
    return _replied(200, {"RequestId": request_id, **document}, request, request_id)


def operation_of(request: Request) -> str:
    """
    Return the operation that a request names, known or not.
    """
    return request.headers.get("x-acs-action") or request.parameters.get("Action", "")


def _performed(cloud: Cloud, request: Request, now: float) -> Document:
    operation = _known_operation(request)
    key = _caller(cloud, request)
    if not key.may(operation):
        raise refuse(cloud.settings.ram_refusal)
    arguments = read(operation, request.parameters)
    call = Call(cloud, operation, key.account, _region(cloud, arguments), arguments, now)
    if operation not in WRITES:
        return HANDLERS[operation](call)
    document = _once(call)
    cloud.changed()
    return document


def _known_operation(request: Request) -> str:
    if request.method not in ("GET", "POST") or request.path != "/":
        raise refuse("InvalidApi.NotFound")
    operation = operation_of(request)
    version = request.headers.get("x-acs-version") or request.parameters.get("Version")
    if not operation:
        raise missing("Action")
    if not version:
        raise missing("Version")
    if version != VERSION:
        raise invalid("Version")
    if operation not in HANDLERS:
        raise refuse("InvalidAction.NotFound")
    return operation


def _caller(cloud: Cloud, request: Request) -> AccessKey:
    if cloud.auth:
        window = cloud.settings.timestamp_window
        return identify(request, cloud.keys, cloud.nonces, time.time(), window)
    anyone = AccessKey(id="", secret="", account=cloud.topology.account)
    return claimed_key(request, cloud.keys) or anyone


def _region(cloud: Cloud, arguments: Mapping[str, Any]) -> str:
    region: str = arguments.get("RegionId") or cloud.network.regions[0]
    if region not in cloud.network.regions:
        raise refuse("InvalidRegionId.NotFound")
    return region


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
    call.cloud.ledger.remember(key, Answered(fingerprint, document, call.now))
    return document


def _fingerprint(arguments: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()


def _refused(refusal: Refusal, request: Request, request_id: str) -> Reply:
    host = request.headers.get("host", "")
    document = error_document(refusal.code, refusal.message, request_id, host)
    reply = _replied(refusal.status, document, request, request_id, "Error")
    if refusal.retry_after is None:
        return reply
    headers = {**reply.headers, "x-acs-retry-after": str(refusal.retry_after)}
    return Reply(reply.status, headers, reply.body)


def _replied(
    status: int, document: Document, request: Request, request_id: str, root: str = ""
) -> Reply:
    content_type = JSON if _wants_json(request) else XML
    headers = {
        "Content-Type": content_type,
        "X-Acs-Request-Id": request_id,
        "X-Acs-Trace-Id": request_id.replace("-", "").lower(),
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "*",
    }
    root = root or f"{operation_of(request)}Response"
    return Reply(status, headers, rendered(document, content_type, root))


def _wants_json(request: Request) -> bool:
    """
    Say whether the reply is JSON: always for V3; V1 asks by Format, and XML is the default.
    """
    if "x-acs-action" in request.headers and "Format" not in request.parameters:
        return True
    return request.parameters.get("Format", "XML").upper() == "JSON"
