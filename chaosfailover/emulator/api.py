"""
The API: admits a request, performs its operation, and writes the reply.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from chaosfailover.emulator.access_keys import AccessKey
from chaosfailover.emulator.clock import utc
from chaosfailover.emulator.cloud import Cloud
from chaosfailover.emulator.error_codes import Refusal, invalid, missing, refuse
from chaosfailover.emulator.faults import BEFORE, DELAY, DOCUMENT, FAULTS, REPLY
from chaosfailover.emulator.operations import (
    backups,
    describe,
    express_connect_routers,
    failover_jobs,
    metrics,
    route_tables,
    sts,
    transit_routers,
)
from chaosfailover.emulator.operations.call import Call, Document
from chaosfailover.emulator.operations.parameters import Arguments, arguments_from
from chaosfailover.emulator.operations.products import PRODUCTS, STS
from chaosfailover.emulator.operations.table import OPERATIONS
from chaosfailover.emulator.request_log import LoggedRequest, parameters_shown, shortened
from chaosfailover.emulator.signatures import claimed_key, identify, signed_at
from chaosfailover.emulator.state_file import TokenReply
from chaosfailover.emulator.wire import Reply, Request, refusal_reply, success_reply

__all__ = ["HANDLERS", "answer", "turn_away"]

logger = logging.getLogger("chaosfailover.emulator")

HANDLERS = {
    **failover_jobs.HANDLERS,
    **describe.HANDLERS,
    **backups.HANDLERS,
    **metrics.HANDLERS,
    **route_tables.HANDLERS,
    **express_connect_routers.HANDLERS,
    **transit_routers.HANDLERS,
    **sts.HANDLERS,
}
"""
Operation -> its handler.
"""


@dataclass(frozen=True)
class Outcome:
    """
    The reply to a request, with what the request log needs beside it.
    """

    reply: Reply
    code: str = ""
    account: str = ""
    faults: tuple[str, ...] = ()


def answer(cloud: Cloud, request: Request) -> Reply:
    """
    Answer one request; whatever is wrong with it becomes an error document.
    """
    return _logged(cloud, request, _safe_outcome)


def turn_away(cloud: Cloud, request: Request, reason: str) -> Reply:
    """
    Refuse a request without CORS headers, so that SDKs can read the reply and web pages cannot.
    """
    refusal = Refusal("Forbidden.Emulator", f"The emulator refuses this request: {reason}.", 403)

    def refused(_cloud: Cloud, request: Request, request_id: str, _now: float) -> Outcome:
        return Outcome(refusal_reply(refusal, request, request_id), refusal.code)

    reply = _logged(cloud, request, refused)
    cors = "Access-Control-"
    headers = {name: text for name, text in reply.headers.items() if not name.startswith(cors)}
    return replace(reply, headers=headers)


def _logged(
    cloud: Cloud, request: Request, outcome_of: Callable[[Cloud, Request, str, float], Outcome]
) -> Reply:
    began = time.perf_counter()
    with cloud.held() as now:
        request_id = cloud.new_request_id()
        outcome = outcome_of(cloud, request, request_id, now)
        entry = LoggedRequest(
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
        cloud.request_log.record(entry)
    return outcome.reply


def _safe_outcome(cloud: Cloud, request: Request, request_id: str, now: float) -> Outcome:
    """
    Return the outcome; a bug of the emulator is logged, and becomes an InternalError.
    """
    try:
        return _outcome(cloud, request, request_id, now)
    except Exception:
        logger.exception("request %s failed because of a bug in the emulator", request_id)
        refusal = refuse("InternalError")
        return Outcome(refusal_reply(refusal, request, request_id), refusal.code)


def _outcome(cloud: Cloud, request: Request, request_id: str, now: float) -> Outcome:
    """
    Admit a request and perform it, with the faults that act on it.
    """
    try:
        operation = _operation(request)
        key = _caller(cloud, request)
        if request.method not in OPERATIONS[operation].product.methods:
            raise refuse("UnsupportedHTTPMethod")
    except Refusal as refusal:
        return Outcome(refusal_reply(refusal, request, request_id), refusal.code)
    region = request.parameters.get("RegionId") or cloud.network.regions[0]
    dry_run = request.parameters.get("DryRun", "").lower() == "true"
    valid_for = _valid_for(cloud, request)
    call = Call(cloud, operation, key.account, region, {}, now, valid_for, dry_run)
    code = ""
    try:
        reply = _instead(call) or _performed(call, key, request, request_id)
    except Refusal as refusal:
        reply, code = refusal_reply(refusal, request, request_id), refusal.code
    if all(each.fault == "answer" or FAULTS[each.fault].stage != BEFORE for each in call.faults):
        reply, code = _replied(call, reply, request, request_id, code)
    reply = call.with_faults(DELAY, reply)
    real = replace(reply, delay=cloud.clock.real(reply.delay)) if reply.delay else reply
    return Outcome(real, code, key.account, tuple(each.fault for each in call.faults))


def _replied(
    call: Call, reply: Reply, request: Request, request_id: str, code: str
) -> tuple[Reply, str]:
    """
    Return the reply after the faults that act on it, and its error code.
    """
    changed = call.with_faults(REPLY, reply)
    if isinstance(changed, Refusal):
        return refusal_reply(changed, request, request_id), changed.code
    return changed, code


def _instead(call: Call) -> Reply | None:
    """
    Return the reply of a fault that acts instead of the operation, if any.
    """
    reply = call.with_faults(BEFORE, None)
    if isinstance(reply, Refusal):
        raise reply
    return reply


def _performed(call: Call, key: AccessKey, request: Request, request_id: str) -> Reply:
    """
    Perform the operation; its changes are committed before the reply.
    """
    operation = OPERATIONS[call.operation]
    product = operation.product
    action = f"{product.ram}:{operation.action or call.operation}"
    if product != STS and not key.may(action):
        raise refuse(call.cloud.settings.ram_refusal)
    given = request.form_parameters if product.form else request.parameters
    arguments = arguments_from(operation.parameters, given)
    regional = any(
        each.name == "RegionId" and each.source != "not done" for each in operation.parameters
    )
    if regional and call.region not in call.cloud.network.regions:
        raise refuse("InvalidRegionId.NotFound")
    call = replace(call, arguments=arguments)
    if call.operation.startswith(("Describe", "Get", "List")):
        document = HANDLERS[call.operation](call)
    else:
        document = _once(call)
        call.cloud.ledger.commit()
        call.cloud.changed()
    document = {"RequestId": request_id, **product.envelope, **document}
    document = call.with_faults(DOCUMENT, document)
    return success_reply(document, request, request_id)


def _operation(request: Request) -> str:
    """
    Return the name of the operation that a request calls.
    """
    if request.method not in ("GET", "POST") or request.path != "/":
        raise refuse("InvalidApi.NotFound")
    if not request.operation:
        raise missing("Action")
    if not request.version:
        raise missing("Version")
    if request.version not in PRODUCTS:
        raise invalid("Version")
    product = PRODUCTS[request.version]
    if request.operation not in HANDLERS or OPERATIONS[request.operation].product != product:
        raise refuse("InvalidAction.NotFound")
    return request.operation


def _caller(cloud: Cloud, request: Request) -> AccessKey:
    if cloud.auth:
        window = cloud.settings.timestamp_window
        return identify(request, cloud.keys, cloud.nonces, time.time(), window)
    anyone = AccessKey(id="", secret="", account=cloud.topology.account)
    return claimed_key(request, cloud.keys) or anyone


def _valid_for(cloud: Cloud, request: Request) -> float:
    """
    Return how many emulated seconds the signature of a request stays valid.
    """
    age = time.time() - signed_at(request) if cloud.auth else 0.0
    return cloud.clock.emulated(cloud.settings.timestamp_window - age)


def _once(call: Call) -> Document:
    """
    Perform a write, unless its client token got a reply before (API reference 8).
    """
    token = call.arguments.get("ClientToken")
    if not token:
        return HANDLERS[call.operation](call)
    key = (call.account, call.region, call.operation, token)
    since = call.now - call.cloud.settings.token_lifetime
    fingerprint = _fingerprint(call.arguments)
    if reply := call.cloud.ledger.token_reply(key, since):
        if reply.fingerprint != fingerprint:
            raise refuse("IdempotentParameterMismatch")
        return reply.document
    document = HANDLERS[call.operation](call)
    call.cloud.ledger.remember(key, TokenReply(fingerprint, document, call.now), since)
    return document


def _fingerprint(arguments: Arguments) -> str:
    """
    Hash the arguments of a call, without the region, which is in the ledger's key.
    """
    relevant = {name: value for name, value in arguments.items() if name != "RegionId"}
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()
