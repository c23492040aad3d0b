"""
The operation of STS: which account the caller's access key belongs to.
"""

from collections.abc import Callable

from chaosfailover.emulator.operations.call import Call, Document

__all__ = ["HANDLERS"]


def get_caller_identity(call: Call) -> Document:
    """
    Name the caller; every key counts as the account itself, as the emulator has no RAM users.
    """
    return {
        "IdentityType": "Account",
        "AccountId": call.account,
        "PrincipalId": call.account,
        "UserId": call.account,
        "Arn": f"acs:ram::{call.account}:root",
    }


HANDLERS: dict[str, Callable[[Call], Document]] = {"GetCallerIdentity": get_caller_identity}
