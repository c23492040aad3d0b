"""
The error codes of the API that decide what happens next (API reference 2.1, 7.2 and 7.3).
"""

__all__ = [
    "BUSY",
    "CLOCK_OFF",
    "CONFLICT",
    "DRY_RUN_PASSED",
    "NOT_INIT",
    "NO_SUCH_GROUP",
    "NO_SUCH_JOB",
    "PROCESSING",
    "REFUSED_KEY",
    "REFUSED_PERMISSION",
    "STATUS_MOVED_ON",
    "THROTTLING",
]

NO_SUCH_JOB = "IllegalParam.JobId"
"""The region has no job of this ID."""

NO_SUCH_GROUP = "ResourceNotFound.VbrHa"
"""The VBR is in no failover group."""

DRY_RUN_PASSED = "DryRunOperation"
"""The request would have been accepted."""

NOT_INIT = "IncorrectStatus.OnlyForInit"
"""The job cannot be started: it has been started already, or has ended."""

STATUS_MOVED_ON = ("IncorrectStatus.OnlyForTesting", "IncorrectStatus.OnlyForInitOrStopped")
"""The job has left the status in which it can be stopped or deleted."""

PROCESSING = frozenset({"LastTokenProcessing", "OperationFailed.LastTokenProcessing"})
"""An earlier request with the same ClientToken is still being processed."""

CONFLICT = "EcFailoverTestJobConflict"
"""Another request, possibly an unanswered one of ours, holds the job."""

BUSY = PROCESSING | {
    CONFLICT,
    "InternalError",
    "OperationConflict",
    "ServiceUnavailable",
    "SignatureNonceUsed",
    "SystemBusy",
    "TaskConflict",
}
"""The request was not processed; the same request may succeed later."""

THROTTLING = "Throttling"
"""Part of every code for too many requests."""

CLOCK_OFF = "InvalidTimeStamp"
"""Beginning of the codes for a signature whose date is too far off."""

REFUSED_KEY = ("InvalidAccessKey", "InvalidSecurityToken", "SignatureDoesNotMatch")
"""Beginnings of the codes for credentials that are unknown, disabled, expired or wrong."""

REFUSED_PERMISSION = ("AccessDenied", "Forbidden", "NoPermission")
"""Beginnings of the codes of RAM, of which one product or another uses each."""
