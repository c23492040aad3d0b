"""
The error codes of the emulated API, with their HTTP statuses and messages.

Codes and messages are the provider's own, to the letter, misspellings included (API reference 2
and 7.2). A new code is a row of ERROR_CODES.
"""

from collections import defaultdict
from typing import Literal, NamedTuple

__all__ = ["ERROR_CODES", "ErrorCode", "Refusal", "illegal", "invalid", "missing", "refuse"]


class ErrorCode(NamedTuple):
    """
    The message and HTTP status of a code; `inferred` if nobody documents both in full.
    """

    message: str
    status: int = 400
    source: Literal["documented", "inferred"] = "documented"


class Refusal(Exception):  # noqa: N818 - the API refuses; nothing went wrong here
    """
    A reply that is an error document.

    `retry_after` is in milliseconds, sent as the header `x-acs-retry-after`.
    """

    def __init__(
        self, code: str, message: str, status: int = 400, *, retry_after: int | None = None
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after


ERROR_CODES: dict[str, ErrorCode] = {
    # StartFailoverTestJob, documented in full (API reference 2.1)
    "IllegalParam.JobId": ErrorCode("The specified parameter JobId is illegal."),
    "IncorrectStatus.OnlyForInit": ErrorCode(
        "Only the init status failover test job can be started."
    ),
    "EcFailoverTestJobResourceInAnotherProcessingJob": ErrorCode(
        "There is another processing failover test job."
    ),
    "IllegalParam.ResourceId": ErrorCode("The input parameter resource ID is invalid."),
    "IncorrectStatus.ResourceId": ErrorCode("The specified resource status is invalid."),
    "IncorrectBusinessStatus.ResourceId": ErrorCode(
        "The specified resource business status is invalid."
    ),
    "VpconnNotAssociatedVbr": ErrorCode("The specified vpconn is not associated with vbr."),
    "VpconnWithVlan0NotSupportShutdown": ErrorCode(
        "The specified virtualPhysicalConnection with vlan 0 does not support shutdown."
    ),
    "PconnContainsMoreThanOneVpconn": ErrorCode(
        "The specified physicalConnection contains more than one virtualPhysicalConnection."
    ),
    "PconnContailsMoreThanOneAcrossCountVbr": ErrorCode(
        "The specified physicalConnection contains more than one virtualBorderRouter"
        " which is across count."
    ),
    "EcFailoverTestJobConflict": ErrorCode(
        "The current failover test job task is in operation, please try again later."
    ),
    "AnotherJobTesting": ErrorCode("There is another job which is testing."),
    # the other operations (API reference 2.2)
    "IncorrectStatus.OnlyForTesting": ErrorCode(
        "Only the failover test job in the status of testing can be stopped.", source="inferred"
    ),  # after "Only the f"
    "IncorrectStatus.OnlyForInitOrStopped": ErrorCode(
        "Only failover test job in the status of init or stopped can be deleted.", source="inferred"
    ),  # after "init or stopped"
    "DryRunOperation": ErrorCode(
        "Request validation has been passed with DryRun flag set.", source="inferred"
    ),
    "MissingParam.ResourceType": ErrorCode(
        "The parameter ResourceType is mandatory.", source="inferred"
    ),
    "InvalidFilterKey.ValueNotSupported": ErrorCode(
        "The specified filter key is not supported.", source="inferred"
    ),
    "IdempotentParameterMismatch": ErrorCode(
        "The request uses the same client token as a previous, but non-identical request.",
        source="inferred",
    ),
    "LastTokenProcessing": ErrorCode(
        "The last request with this client token is processing.", source="inferred"
    ),
    "OperationConflict": ErrorCode("Operation conflict.", source="inferred"),
    "TaskConflict": ErrorCode(
        "The specified resource is being processed by another task.", source="inferred"
    ),
    "SystemBusy": ErrorCode("The system is busy, please try again later.", source="inferred"),
    # routes
    "ResourceNotFound.VbrHa": ErrorCode("The VBR HA resource is not found.", 404),
    "ResourceNotFound.EcrId": ErrorCode("EcrId not found.", 404),
    "InvalidTransitRouterId.NotFound": ErrorCode("TransitRouterId is not found."),
    "InvalidRouteTableId.NotFound": ErrorCode(
        "Specified route table does not exist.", 404, source="inferred"
    ),
    # the platform (API reference 7.2)
    "InvalidAccessKeyId.NotFound": ErrorCode("Specified access key is not found.", 404),
    "InvalidAccessKeyId.Inactive": ErrorCode("Specified access key is disabled."),
    "SignatureDoesNotMatch": ErrorCode(
        "Specified signature is not matched with our calculation."
        " server string to sign is:{string_to_sign}"
    ),
    "IncompleteSignature": ErrorCode("The request signature does not conform to Aliyun standards."),
    "SignatureNonceUsed": ErrorCode("Specified signature nonce was used already."),
    "InvalidTimeStamp.Expired": ErrorCode("Specified time stamp or date value is expired."),
    "InvalidTimeStamp.Format": ErrorCode(
        "Specified time stamp or date value is not well formatted."
    ),
    "IllegalTimestamp": ErrorCode(
        'The input parameter "Timestamp" that is mandatory for processing this request'
        " is not supplied."
    ),
    "InvalidSecurityToken.Expired": ErrorCode(
        "Specified SecurityToken is expired.", source="inferred"
    ),
    "InvalidSecurityToken.Malformed": ErrorCode(
        "Specified SecurityToken is malformed.", source="inferred"
    ),
    "InvalidApi.NotFound": ErrorCode(
        "Specified api is not found, please check your url and method.", 404
    ),
    "InvalidAction.NotFound": ErrorCode(
        "Specified api is not found, please check your url and method.", 404, source="inferred"
    ),
    "UnsupportedHTTPMethod": ErrorCode(
        "This http method is not supported.", 405, source="inferred"
    ),
    "InvalidProduct.NotFound": ErrorCode(
        "Cannot find product according to your specified domain.", 404
    ),
    "InvalidRegionId.NotFound": ErrorCode(
        "The RegionId provided does not exist in our records.", 404
    ),
    "Forbidden.RAM": ErrorCode(
        "User not authorized to operate on the specified resource,"
        " or this API doesn't support RAM.",
        403,
    ),
    "NoPermission": ErrorCode("You are not authorized to do this action.", 403, source="inferred"),
    "Throttling": ErrorCode("Request was denied due to request throttling."),
    "Throttling.User": ErrorCode("Request was denied due to user flow control."),
    "Throttling.Api": ErrorCode("Request was denied due to api flow control.", source="inferred"),
    "ServiceUnavailable": ErrorCode(
        "The request has failed due to a temporary failure of the server.", 503
    ),
    "InternalError": ErrorCode(
        "The request processing has failed due to some unknown error, exception or failure.", 500
    ),
}


def refuse(code: str, *, retry_after: int | None = None, **values: str) -> Refusal:
    """
    Build the refusal for a code of the table; `values` fill in the fields of its message.
    """
    message, status, _ = ERROR_CODES[code]
    return Refusal(
        code, message.format_map(defaultdict(str, values)), status, retry_after=retry_after
    )


def missing(parameter: str) -> Refusal:
    """
    Build the refusal for a missing mandatory parameter.
    """
    return Refusal(f"Missing{parameter}", f"{parameter} is mandatory for this action.")


def invalid(parameter: str) -> Refusal:
    """
    Build the refusal for a value of the wrong type.
    """
    return Refusal(f"Invalid{parameter}", f"Specified parameter {parameter} is not valid.")


def illegal(parameter: str) -> Refusal:
    """
    Build the refusal for a value out of range (house style of VPC, inferred).
    """
    code = f"IllegalParam.{parameter}"
    if code in ERROR_CODES:
        return refuse(code)
    return Refusal(code, f"The param of {parameter} is illegal.")
