"""
The errors that the emulated API answers with: a table of codes, HTTP statuses and messages.

Codes and messages are the provider's own, to the letter, a misspelt one included
(API reference 2 and 7.2).
"""

from collections import defaultdict

__all__ = ["INFERRED", "REFUSALS", "Refusal", "illegal", "invalid", "missing", "refuse"]


class Refusal(Exception):  # noqa: N818 - the API refuses; nothing went wrong here
    """
    An answer that is an error document: `code`, `message` and `status`.

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


REFUSALS: dict[str, tuple[int, str]] = {
    # StartFailoverTestJob, documented in full (API reference 2.1)
    "IllegalParam.JobId": (400, "The specified parameter JobId is illegal."),
    "IncorrectStatus.OnlyForInit": (
        400,
        "Only the init status failover test job can be started.",
    ),
    "EcFailoverTestJobResourceInAnotherProcessingJob": (
        400,
        "There is another processing failover test job.",
    ),
    "IllegalParam.ResourceId": (400, "The input parameter resource ID is invalid."),
    "IncorrectStatus.ResourceId": (400, "The specified resource status is invalid."),
    "IncorrectBusinessStatus.ResourceId": (
        400,
        "The specified resource business status is invalid.",
    ),
    "VpconnNotAssociatedVbr": (400, "The specified vpconn is not associated with vbr."),
    "VpconnWithVlan0NotSupportShutdown": (
        400,
        "The specified virtualPhysicalConnection with vlan 0 does not support shutdown.",
    ),
    "PconnContainsMoreThanOneVpconn": (
        400,
        "The specified physicalConnection contains more than one virtualPhysicalConnection.",
    ),
    "PconnContailsMoreThanOneAcrossCountVbr": (
        400,
        (
            "The specified physicalConnection contains more than one virtualBorderRouter"
            " which is across count."
        ),
    ),
    "EcFailoverTestJobConflict": (
        400,
        "The current failover test job task is in operation, please try again later.",
    ),
    "AnotherJobTesting": (400, "There is another job which is testing."),
    # the other operations (API reference 2.2)
    "IncorrectStatus.OnlyForTesting": (
        400,
        "Only the failover test job in the status of testing can be stopped.",
    ),
    "IncorrectStatus.OnlyForInitOrStopped": (
        400,
        "Only failover test job in the status of init or stopped can be deleted.",
    ),
    "DryRunOperation": (400, "Request validation has been passed with DryRun flag set."),
    "MissingParam.ResourceType": (400, "The parameter ResourceType is mandatory."),
    "InvalidFilterKey.ValueNotSupported": (400, "The specified filter key is not supported."),
    "IdempotentParameterMismatch": (
        400,
        "The request uses the same client token as a previous, but non-identical request.",
    ),
    "LastTokenProcessing": (400, "The last request with this client token is processing."),
    "OperationConflict": (400, "Operation conflict."),
    "TaskConflict": (400, "The specified resource is being processed by another task."),
    "SystemBusy": (400, "The system is busy, please try again later."),
    # the platform (API reference 7.2)
    "InvalidAccessKeyId.NotFound": (404, "Specified access key is not found."),
    "InvalidAccessKeyId.Inactive": (400, "Specified access key is disabled."),
    "SignatureDoesNotMatch": (
        400,
        (
            "Specified signature is not matched with our calculation."
            " server string to sign is:{string_to_sign}"
        ),
    ),
    "IncompleteSignature": (400, "The request signature does not conform to Aliyun standards."),
    "SignatureNonceUsed": (400, "Specified signature nonce was used already."),
    "InvalidTimeStamp.Expired": (400, "Specified time stamp or date value is expired."),
    "InvalidTimeStamp.Format": (400, "Specified time stamp or date value is not well formatted."),
    "IllegalTimestamp": (
        400,
        (
            'The input parameter "Timestamp" that is mandatory for processing this request'
            " is not supplied."
        ),
    ),
    "InvalidSecurityToken.Expired": (400, "Specified SecurityToken is expired."),
    "InvalidSecurityToken.Malformed": (400, "Specified SecurityToken is malformed."),
    "InvalidApi.NotFound": (
        404,
        "Specified api is not found, please check your url and method.",
    ),
    "InvalidAction.NotFound": (
        404,
        "Specified api is not found, please check your url and method.",
    ),
    "InvalidProduct.NotFound": (
        404,
        "Cannot find product according to your specified domain.",
    ),
    "InvalidRegionId.NotFound": (404, "The RegionId provided does not exist in our records."),
    "Forbidden.RAM": (
        403,
        (
            "User not authorized to operate on the specified resource,"
            " or this API doesn't support RAM."
        ),
    ),
    "NoPermission": (403, "You are not authorized to do this action."),
    "Throttling": (400, "Request was denied due to request throttling."),
    "Throttling.User": (400, "Request was denied due to user flow control."),
    "Throttling.Api": (400, "Request was denied due to api flow control."),
    "ServiceUnavailable": (
        503,
        "The request has failed due to a temporary failure of the server.",
    ),
    "InternalError": (
        500,
        "The request processing has failed due to some unknown error, exception or failure.",
    ),
}

INFERRED = frozenset(
    {
        "IncorrectStatus.OnlyForTesting",  # the message after "Only the f"
        "IncorrectStatus.OnlyForInitOrStopped",  # the message after "init or stopped"
        "DryRunOperation",
        "MissingParam.ResourceType",
        "InvalidFilterKey.ValueNotSupported",
        "IdempotentParameterMismatch",
        "LastTokenProcessing",
        "OperationConflict",
        "TaskConflict",
        "SystemBusy",
        "InvalidSecurityToken.Expired",
        "InvalidSecurityToken.Malformed",
        "InvalidAction.NotFound",
        "NoPermission",
        "Throttling.Api",
    }
)
"""
Codes whose message or HTTP status nobody documents in full.
"""


def refuse(code: str, *, retry_after: int | None = None, **values: str) -> Refusal:
    """
    Build the refusal of a code in the table; `values` fill the message's fields, else empty.
    """
    status, message = REFUSALS[code]
    filled = message.format_map(defaultdict(str, values))
    return Refusal(code, filled, status, retry_after=retry_after)


def missing(parameter: str) -> Refusal:
    """
    Build the refusal of a call that lacks a mandatory parameter.
    """
    return Refusal(f"Missing{parameter}", f"{parameter} is mandatory for this action.")


def invalid(parameter: str) -> Refusal:
    """
    Build the refusal of a value of the wrong type.
    """
    return Refusal(f"Invalid{parameter}", f"Specified parameter {parameter} is not valid.")


def illegal(parameter: str) -> Refusal:
    """
    Build the refusal of a value outside its range (house style of VPC, inferred here).
    """
    code = f"IllegalParam.{parameter}"
    if code in REFUSALS:
        return refuse(code)
    return Refusal(code, f"The param of {parameter} is illegal.")
