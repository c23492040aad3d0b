"""
What STS tells anyone who asks: the account that the caller's key belongs to.
"""

from chaosfailover.emulator.operations.call import Call, Document

__all__ = ["caller_identity"]


def caller_identity(call: Call) -> Document:
    """
    Answer GetCallerIdentity; every key counts as the account itself, as there are no users here.
    """
    return {
        "IdentityType": "Account",
        "AccountId": call.account,
        "PrincipalId": call.account,
        "UserId": call.account,
        "Arn": f"acs:ram::{call.account}:root",
    }
